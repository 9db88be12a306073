//! Removes environment variables of the target that make a shell or a tool run code, or read files,
//! that the target chooses.
//!
//! For a session as the target's own user, this does not matter. For another user, the target's
//! programs would get rights that they do not have.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

/// Removed: variables that a shell reads or expands at its start, that affect how the C library
/// finds code and names, and that name programs for tools to start. `PS1` is set by the client.
const NAMES: &[&str] = &[
    "BASH_ENV",
    "CDPATH",
    "EDITOR",
    "ENV",
    "EXINIT",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HISTFILE",
    "HOSTALIASES",
    "IFS",
    "LESSOPEN",
    "LOCALDOMAIN",
    "LOCPATH",
    "MANPAGER",
    "NLSPATH",
    "PAGER",
    "PROMPT_COMMAND",
    "PS2",
    "PS4",
    "RES_OPTIONS",
    "SHELL",
    "SHELLOPTS",
    "TZDIR",
    "VISUAL",
];

/// Removed prefixes: the dynamic linker's variables, and functions that a shell imports.
const STEMS: &[&str] = &["LD_", "BASH_FUNC_"];

/// Removes these variables from a command's environment.
pub(super) fn remove_unsafe(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if chooses(&name) {
            command.env_remove(&name);
        }
    }
    // Without this, a shell writes its history to the target's home.
    command.env("HISTFILE", "");
}

fn chooses(name: &OsStr) -> bool {
    let begins = |stem: &&str| name.as_bytes().starts_with(stem.as_bytes());
    NAMES.iter().any(|known| name == *known) || STEMS.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::chooses;

    #[test]
    fn what_chooses_code_is_told_from_what_is_only_read() {
        for name in [
            "ENV",
            "BASH_ENV",
            "PS4",
            "LD_PRELOAD",
            "LD_AUDIT",
            "GCONV_PATH",
            "BASH_FUNC_ls%%",
            "IFS",
            "PAGER",
        ] {
            assert!(chooses(OsStr::new(name)), "{name}");
        }
        for name in
            ["PATH", "TERM", "PS1", "HOME", "ENVIRONMENT", "DATABASE_URL", "OLD_PS2", "env", ""]
        {
            assert!(!chooses(OsStr::new(name)), "{name}");
        }
    }
}
