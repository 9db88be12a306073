//! Reads the user's settings.

use std::io;

use scratchdbg_settings::{Key, Settings};

use crate::env::Environment;
use crate::error::CommandError;

/// The largest accepted file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Reads the file, if there is one, and the variables. Blocks on the file.
pub(crate) fn read(environment: &Environment) -> Result<Settings, CommandError> {
    let Some(path) = &environment.config_file else {
        return Settings::new(None, Environment::named)
            .map_err(|error| explain(&error.to_string()));
    };
    // What this user may not read is another user's, whose home directory this environment has.
    let is_absent = |error: &io::Error| {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
        matches!(error.kind(), NotFound | NotADirectory | PermissionDenied)
    };
    let text = match scratchdbg_files::read(path, LARGEST) {
        Err(error) if is_absent(&error) => None,
        read => {
            let bytes = read.map_err(|error| CommandError::unreadable(path, &error))?;
            Some(
                String::from_utf8(bytes)
                    .map_err(|_| explain(&format!("{}: it is not UTF-8", path.display())))?,
            )
        }
    };
    Settings::new(text.as_deref(), Environment::named).map_err(|error| match error.source {
        scratchdbg_settings::Source::File => explain(&format!("{}: {error}", path.display())),
        scratchdbg_settings::Source::Environment(_) => explain(&error.to_string()),
    })
}

fn explain(reason: &str) -> CommandError {
    let names = Key::ALL.map(Key::name).join(", ");
    CommandError::new(reason).hint(format!("it is TOML with these settings, all text: {names}"))
}
