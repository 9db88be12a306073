//! The purposes of containers, and the names that say them.

use super::super::{MODE_DEMO, MODE_FILES};

/// The prefix of our containers' names.
const NAME: &str = "scratchdbg-";

/// Separates a lingering keeper's name from its process id. The id cannot be in a label, because
/// labels cannot be changed after creation.
const PID_MARK: &str = "-pid";

/// The purpose of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A keeper of one or more sessions. If it lingers, its name contains its process id.
    Keeper {
        /// The process id of the keeper in the PID namespace of the target.
        pid: Option<u32>,
    },
    /// The container of the session's process: a sidecar or a copy.
    Shell,
    /// A container for reading a file of its image. It is never started.
    Files,
    /// The demo's application. The container ends with its client, as a keeper does.
    Demo,
}

impl Role {
    /// Returns the name of a container for this session.
    pub(crate) fn name(self, session: &str) -> String {
        match self {
            Self::Keeper { pid: None } => format!("{NAME}{session}"),
            Self::Keeper { pid: Some(pid) } => format!("{NAME}{session}{PID_MARK}{pid}"),
            Self::Shell => format!("{NAME}{session}-shell"),
            Self::Files => format!("{NAME}{session}-files"),
            Self::Demo => format!("{NAME}{session}-demo"),
        }
    }

    /// Parses a name. Returns `None` unless it is a name of this session.
    pub(super) fn of_name(name: &str, session: &str) -> Option<Self> {
        let rest =
            name.strip_prefix('/').unwrap_or(name).strip_prefix(NAME)?.strip_prefix(session)?;
        match rest {
            "" => Some(Self::Keeper { pid: None }),
            "-shell" => Some(Self::Shell),
            "-files" => Some(Self::Files),
            "-demo" => Some(Self::Demo),
            _ => {
                let pid = rest.strip_prefix(PID_MARK)?;
                // Accept only the form in which the number is written: `+7` and `07` would parse as
                // numbers too.
                let number: u32 = pid.parse().ok()?;
                (number.to_string() == pid).then_some(Self::Keeper { pid: Some(number) })
            }
        }
    }

    /// Returns the role as `sessions ls` prints it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Keeper { .. } => "keeper",
            Self::Shell => "shell",
            Self::Files => "files",
            Self::Demo => "demo",
        }
    }

    pub(super) fn fits_mode(self, mode: &str) -> bool {
        match self {
            Self::Keeper { .. } => mode != MODE_FILES && mode != MODE_DEMO,
            Self::Shell => matches!(mode, "sidecar" | "copy"),
            Self::Files => mode == MODE_FILES,
            Self::Demo => mode == MODE_DEMO,
        }
    }
}
