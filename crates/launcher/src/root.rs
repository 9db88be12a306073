//! Enters the root of another container's process.

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
