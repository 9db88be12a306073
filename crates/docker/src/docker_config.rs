//! The settings in Docker's configuration file that matter to sessions.

use std::path::Path;

use scratchdbg_backend::{Error, ErrorKind};
use serde::Deserialize;

use crate::session::are_detach_keys;

/// The largest accepted file.
const LARGEST: u64 = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "detachKeys")]
    detach_keys: Option<String>,
}

/// Returns the keys that detach from a session: the given ones, or those of the configuration file.
/// Waits for files. A file that cannot be read or parsed is ignored.
///
/// # Errors
///
/// Fails if the keys are invalid, as docker does.
pub fn detach_keys(
    given: Option<String>,
    config_dir: Option<&Path>,
) -> Result<Option<String>, Error> {
    let hint = "keys are single characters and ctrl-a to ctrl-z, with commas: ctrl-p,ctrl-q";
    if let Some(keys) = given {
        let message = format!("--detach-keys `{keys}` are no keys");
        return if are_detach_keys(&keys) {
            Ok(Some(keys))
        } else {
            Err(Error::new(ErrorKind::Local, message).hint(hint))
        };
    }
    let Some(path) = config_dir.map(|folder| folder.join("config.json")) else { return Ok(None) };
    let file: Option<ConfigFile> = scratchdbg_files::read(&path, LARGEST)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    let keys = file.and_then(|file| file.detach_keys).filter(|keys| !keys.is_empty());
    match keys {
        Some(keys) if !are_detach_keys(&keys) => {
            let message = format!("{}: detachKeys `{keys}` are no keys", path.display());
            Err(Error::new(ErrorKind::Local, message).hint(hint))
        }
        keys => Ok(keys),
    }
}
