//! Reads the settings that scratchdbg uses from Docker's configuration file. The docker crate reads the contexts.

use std::path::Path;

use serde::Deserialize;

use crate::error::CommandError;
use crate::platform::are_detach_keys;

/// The largest accepted file.
const LARGEST: u64 = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "detachKeys")]
    detach_keys: Option<String>,
}

/// Returns the detach keys. Blocking. A file that cannot be read or parsed is ignored. Invalid keys are an error, as
/// in docker.
pub(crate) fn detach_keys(config_dir: Option<&Path>) -> Result<Option<String>, CommandError> {
    let Some(path) = config_dir.map(|folder| folder.join("config.json")) else { return Ok(None) };
    let file: Option<ConfigFile> =
        scratchdbg_files::read(&path, LARGEST).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let keys = file.and_then(|file| file.detach_keys).filter(|keys| !keys.is_empty());
    match keys {
        Some(keys) if !are_detach_keys(&keys) => {
            let message = format!("{}: detachKeys `{keys}` are no keys", path.display());
            Err(CommandError::new(message)
                .hint("keys are single characters and ctrl-a to ctrl-z, with commas: ctrl-p,ctrl-q"))
        }
        keys => Ok(keys),
    }
}
