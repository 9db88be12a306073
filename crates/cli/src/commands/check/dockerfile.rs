//! A Dockerfile, by the image that it makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scratchdbg_builder::dockerfile;

use super::{Report, preflight};
use crate::error::CommandError;

/// The folder that the file lies in is its context.
pub(super) fn check(subject: &str, path: &Path) -> Result<Vec<Report>, CommandError> {
    let text = fs::read_to_string(path)
        .map_err(|error| CommandError::new(format!("cannot read {}: {error}", path.display())))?;
    let context = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let spec = dockerfile::read(&text, context, &BTreeMap::new()).map_err(|error| {
        CommandError::new(format!("{}:{}: {}", path.display(), error.line, error.reason))
            .hint("build it with Docker, and check the image that comes out")
    })?;
    let pair = scratchdbg_builder::build(&spec).map_err(|error| CommandError::new(CommandError::chain(&error)))?;
    Ok(vec![Report { subject: subject.to_owned(), findings: preflight::preflight(&spec, &pair)? }])
}
