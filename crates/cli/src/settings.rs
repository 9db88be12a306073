//! Reads the user's settings.

use std::io;
use std::path::Path;

use scratchdbg_settings::{Key, Settings, Source};

use crate::env::Environment;
use crate::error::CommandError;

/// The largest accepted file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads the file, if there is one, and the variables. Blocks on the file.
pub(crate) fn read(environment: &Environment) -> Result<Settings, CommandError> {
    let path = environment.config_file.as_deref();
    let text = path.map(text).transpose()?.flatten();
    Settings::new(text.as_deref(), Environment::named).map_err(|error| match (error.source, path) {
        (Source::File, Some(path)) => explain(&format!("{}: {error}", path.display())),
        _ => explain(&error.to_string()),
    })
}

/// Returns the file's text, if there is a file.
fn text(path: &Path) -> Result<Option<String>, CommandError> {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    match scratchdbg_files::read(path, LARGEST) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| explain(&format!("{}: it is not UTF-8", path.display()))),
        // What this user may not read is another user's, whose home directory this environment has.
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | PermissionDenied) => {
            Ok(None)
        }
        Err(error) => Err(CommandError::unreadable(path, &error)),
    }
}

fn explain(reason: &str) -> CommandError {
    let names = Key::ALL.map(Key::name).join(", ");
    CommandError::new(reason).hint(format!("it is TOML with these settings, all text: {names}"))
}
