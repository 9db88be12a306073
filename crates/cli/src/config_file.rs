//! The user's settings: `scratchdbg/config.json` in the configuration directory (`XDG_CONFIG_HOME`,
//! or `~/.config`).
//!
//! The file need not exist. An unknown key is an error, since a misspelled setting would have no
//! effect.

use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use crate::blocking::blocking;
use crate::error::CommandError;

/// The largest accepted file.
const LARGEST: u64 = 1024 * 1024;

/// The settings. Absent settings have their default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The settings for sessions on pods.
    pub(crate) kubernetes: Kubernetes,
}

/// Settings for sessions on pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Kubernetes {
    /// The toolkit image. Used if `--toolkit` names none and the target's image has no debug twin.
    pub(crate) toolkit: Option<String>,
}

/// Reads the file.
pub(crate) async fn read(file: Option<PathBuf>) -> Result<Settings, CommandError> {
    let Some(file) = file else { return Ok(Settings::default()) };
    blocking(move || {
        let bytes = match scratchdbg_files::read(&file, LARGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
            read => read.map_err(|error| CommandError::unreadable(&file, &error))?,
        };
        parse(&bytes).map_err(|reason| {
            CommandError::new(format!("{}: {reason}", file.display()))
                .hint("it is JSON: {\"kubernetes\": {\"toolkit\": \"REGISTRY/NAME:TAG\"}}")
        })
    })
    .await
}

fn parse(bytes: &[u8]) -> Result<Settings, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_strictly() {
        let toolkit =
            |text: &str| parse(text.as_bytes()).map(|settings| settings.kubernetes.toolkit);
        assert_eq!(
            toolkit(r#"{"kubernetes": {"toolkit": "r.example/toolkit:1"}}"#),
            Ok(Some("r.example/toolkit:1".into()))
        );
        assert_eq!(toolkit("{}"), Ok(None));
        for bad in ["", "7", "toolkit", r#"{"kubernetes": {"tookit": "x"}}"#, r#"{"toolkit": "x"}"#]
        {
            assert!(toolkit(bad).is_err(), "{bad}");
        }
    }
}
