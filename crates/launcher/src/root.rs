//! Enters the root of another container's process, and a directory that the user named.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::{denial, processes};

/// Makes the root of a container's first process the working directory, and returns its path. A
/// session whose capabilities are for something else, such as `NET_RAW` for the network, is told
/// why it cannot see the target's files, and stays in its own root, unless the files are `needed`.
pub(crate) fn enter(container: &str, needed: bool) -> Result<Option<String>, String> {
    // Process 1 is the target's own, unless the target shares its PID namespace.
    let pid = processes::first_of_container(container).unwrap_or(1);
    let root = format!("/proc/{pid}/root");
    match env::set_current_dir(&root) {
        Ok(()) => Ok(Some(root)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let Some(reason) = denial::has_other_rights(pid).filter(|_| !needed) else {
                return Err(format!("{root} is denied: {}", denial::of_root(pid)));
            };
            env::set_current_dir("/").map_err(|error| format!("cannot go to /: {error}"))?;
            let _unwritten = writeln!(
                io::stderr(),
                "scratchdbg: the session starts in its own root: {root} is denied ({reason}), and \
                 --cap-add SYS_PTRACE opens it; the target's processes and network are here"
            );
            Ok(None)
        }
        Err(error) => Err(format!("cannot go to {root}: {error}")),
    }
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
