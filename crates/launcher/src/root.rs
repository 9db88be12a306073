//! Enters the root of another container's process, and a directory that the user named.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::{denial, processes};

/// Makes the root of a container's first process the working directory, and returns its path.
pub(crate) fn enter(container: &str) -> Result<String, String> {
    // Process 1 is the target's own, unless the target shares its PID namespace.
    let pid = processes::first_of_container(container).unwrap_or(1);
    let root = format!("/proc/{pid}/root");
    env::set_current_dir(&root).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{root} is denied: {}", denial::of_root(pid)),
        _ => format!("cannot go to {root}: {error}"),
    })?;
    Ok(root)
}

/// Makes a path below `root` (by default, our own) the working directory, and returns it. A link in
/// it leads to where it does for us.
pub(crate) fn go_to(root: Option<&str>, directory: &OsStr) -> Result<PathBuf, String> {
    let below = directory.as_bytes();
    let path = match root {
        Some(root) => {
            let start = below.iter().position(|&byte| byte != b'/').unwrap_or(below.len());
            Path::new(root).join(OsStr::from_bytes(&below[start..]))
        }
        None => PathBuf::from(directory),
    };
    env::set_current_dir(&path).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such directory".to_owned(),
            io::ErrorKind::NotADirectory => "it is not a directory".to_owned(),
            io::ErrorKind::PermissionDenied => "the session's user may not enter it".to_owned(),
            _ => error.to_string(),
        };
        format!("cannot start in {}: {reason}", directory.to_string_lossy().escape_debug())
    })?;
    Ok(path)
}
