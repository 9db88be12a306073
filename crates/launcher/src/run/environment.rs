//! What of a target's environment makes a shell or a tool run code, or read files, of the target's choice.
//!
//! As the target's own user that is the target's affair. As another, its programs would get rights that they have not.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

/// Taken away: what a shell reads or expands as it starts, how the C library finds code and names, and the programs that tools
/// start. `PS1` is the client's by now.
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

/// The same, by how they begin: the dynamic linker's, and functions that a shell takes over.
const STEMS: &[&str] = &["LD_", "BASH_FUNC_"];

/// Takes them out of what a command gets.
pub(super) fn choose_nothing(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if chooses(&name) {
            command.env_remove(&name);
        }
    }
    // A shell without one makes its own in the target's home.
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
        for name in ["ENV", "BASH_ENV", "PS4", "LD_PRELOAD", "LD_AUDIT", "GCONV_PATH", "BASH_FUNC_ls%%", "IFS", "PAGER"]
        {
            assert!(chooses(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "TERM", "PS1", "HOME", "ENVIRONMENT", "DATABASE_URL", "OLD_PS2", "env", ""] {
            assert!(!chooses(OsStr::new(name)), "{name}");
        }
    }
}
