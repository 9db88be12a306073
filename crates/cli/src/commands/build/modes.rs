//! Files that are private on this machine but readable in the image.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use scratchdbg_builder::{Addition, BuildSpec};
use scratchdbg_image::{FileData, Node};

use super::settings::Source;

/// Reports files that are not readable by others on this machine but are readable by everybody in
/// the image, and how to set their mode. Modes on disk are not used because they depend on the
/// umask of the user who created the files. A mode that was set explicitly is not reported.
pub(super) fn widened(
    spec: &BuildSpec,
    additions: &[String],
    source: Option<&Source>,
) -> Option<String> {
    let additions: Vec<Addition> = additions.iter().filter_map(|text| text.parse().ok()).collect();
    let is_asked_for = |path: &str| {
        let below = |addition: &Addition| {
            let root = addition.destination.trim_matches('/');
            path.strip_prefix(root)
                .is_some_and(|rest| root.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        match additions.iter().rev().find(|addition| below(addition)) {
            Some(addition) => addition.mode.is_some(),
            None => source.is_some_and(|source| source.sets_mode(path)),
        }
    };
    let mut private = spec.files.iter().filter_map(|(path, entry)| {
        let Node::File(FileData::Host(file)) = &entry.node else { return None };
        if entry.mode & 0o004 == 0 || is_asked_for(path) {
            return None;
        }
        let mode = fs::metadata(file.path()).ok()?.permissions().mode() & 0o777;
        (mode & 0o004 == 0).then_some((file.path(), path, mode, entry.mode))
    });
    let (file, path, mode, written) = private.next()?;
    let others = match private.count() {
        0 => String::new(),
        count => format!(" ({count} more)"),
    };
    let is_added =
        additions.iter().any(|addition| path.starts_with(addition.destination.trim_matches('/')));
    let file = file.display();
    let way = if is_added || source.is_none() {
        format!("--add {file}:/{path}:{mode:04o} keeps it private")
    } else {
        format!("COPY --chmod={mode:04o} keeps it private")
    };
    Some(format!(
        "{file} has mode {mode:04o} and gets {written:04o} in the image, where everybody can read it{others}: {way}"
    ))
}
