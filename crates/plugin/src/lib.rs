//! scratchdbg as a plugin of docker and of kubectl: the same program, run under another name.
//!
//! * [`called`] tells how the program was run.
//! * [`docker`] is docker's protocol: metadata, and the command line as docker passes it.
//! * [`kubectl`] is kubectl's.
//! * [`Link`] installs a plugin and removes it.
//!
//! [Docker's protocol](https://github.com/docker/cli/issues/1534) is not documented elsewhere; what
//! stands here is what the clients 20.10 and 28 do.

pub mod docker;
pub mod kubectl;
mod link;

use std::ffi::OsStr;
use std::path::Path;

pub use self::link::{Change, Client, Link, LinkError};

/// How this program was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// By the user, under its own name.
    Alone,
    /// As docker's plugin.
    ByDocker,
    /// As kubectl's plugin.
    ByKubectl,
    /// By kubectl, to complete a command line.
    ForCompletion,
}

/// Returns how this program was run, according to its first argument.
pub fn called(program: Option<&OsStr>) -> Called {
    match program.and_then(|program| Path::new(program).file_name()) {
        Some(name) if name == docker::NAME => Called::ByDocker,
        Some(name) if name == kubectl::NAME => Called::ByKubectl,
        Some(name) if name == kubectl::COMPLETION_NAME => Called::ForCompletion,
        _ => Called::Alone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_known_by_their_names() {
        for (program, expected) in [
            ("scratchdbg", Called::Alone),
            ("/usr/bin/scratchdbg", Called::Alone),
            ("/home/user/.docker/cli-plugins/docker-scratchdbg", Called::ByDocker),
            ("/usr/local/bin/kubectl-scratchdbg", Called::ByKubectl),
            ("kubectl_complete-scratchdbg", Called::ForCompletion),
            ("", Called::Alone),
        ] {
            assert_eq!(called(Some(OsStr::new(program))), expected, "{program}");
        }
        assert_eq!(called(None), Called::Alone);
    }
}
