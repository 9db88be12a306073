//! What Docker's configuration file says that concerns us. The engine crate reads the contexts.

use std::path::Path;

use serde::Deserialize;

/// A larger file is not Docker's.
const LARGEST: u64 = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "detachKeys")]
    detach_keys: Option<String>,
}

/// The keys that leave a session. Blocking. A file that cannot be read or understood has no say in this.
pub(crate) fn detach_keys(config_dir: Option<&Path>) -> Option<String> {
    let text = scratchdbg_files::read(&config_dir?.join("config.json"), LARGEST).ok()?;
    let file: ConfigFile = serde_json::from_slice(&text).ok()?;
    file.detach_keys.filter(|keys| !keys.is_empty())
}
