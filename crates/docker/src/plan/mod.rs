//! What `attach` will do: a pure function from what the engine says and what the user asks to a plan.
//!
//! No I/O happens here, so that every decision can be tested as a table and shown to the user with its reason.

mod choice;
mod keeper_rights;
mod ladder;
mod mounts;
mod rights;
mod ruling;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use scratchdbg_backend::{How, Mode, Plan, PlanRequest};

pub(crate) use self::keeper_rights::{KeeperRights, of_session_inside};
pub(crate) use self::ladder::plan;
pub(crate) use self::rights::{CopySettings, is_hosts};
use crate::Phase;
use crate::session::LingeringKeeper;
use crate::twin::Twin;
use crate::user::NumericUser;

/// What the user asks of a session, and what was found out for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttachRequest {
    /// What the user asks.
    pub(crate) asked: PlanRequest,
    /// Its user for exec alone, the target's own user too, in numbers: see [`ResolvedUser::exec`](crate::ResolvedUser::exec).
    pub(crate) exec_user: Option<String>,
    /// The toolkit image that the keeper is made from.
    pub(crate) toolkit_image: String,
    /// Tells the same tools from others: a keeper that lingers serves sessions with the same ones.
    pub(crate) tools: String,
    /// A keeper that lingers, and serves this session.
    pub(crate) standing: Option<LingeringKeeper>,
    /// An image of the user's own whose tools are to be used, and that need not be static.
    pub(crate) tools_image: Option<String>,
    /// The debug twin of the target's image, where the engine has it, or has what says so.
    pub(crate) twin: Option<Twin>,
    /// The files of the toolkit as a tar archive: for a container that is not made from the toolkit image.
    pub(crate) tools_archive: Option<Arc<[u8]>>,
    /// The engine is Podman.
    pub(crate) podman: bool,
}

/// A session that is planned, with all that it takes of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlan {
    /// In terms of no platform.
    pub(crate) view: Plan,
    /// When the target was last started, as the engine writes it: tells this run from the next.
    pub(crate) target_started_at: String,
    /// The PID namespace of the target, as its `PidMode` has it.
    pub(crate) target_pid_mode: String,
    /// The keeper's capabilities.
    pub(crate) keeper_rights: KeeperRights,
    /// The target's own seccomp profile, for the keeper and for what has no more capabilities than the target.
    pub(crate) seccomp: Option<String>,
    /// The user namespace of the keeper and a sidecar; nothing for the engine's own choice.
    pub(crate) user_namespace: Option<String>,
    /// The keys that leave the session.
    pub(crate) detach_keys: Option<String>,
    /// What it takes in its mode alone.
    pub(crate) way: Way,
}

/// What a session takes in one mode alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Inside the target.
    Exec {
        /// What exec is told. Nothing when the target's own user is meant as the engine knows it.
        user: Option<String>,
        /// Tells the same tools from others.
        tools: String,
        /// The keeper that is there already.
        standing: Option<LingeringKeeper>,
    },
    /// Beside the target.
    Sidecar {
        /// The files of the toolkit, if its image is not the toolkit's.
        tools: Option<Arc<[u8]>>,
    },
    /// In a copy of it.
    Copy {
        /// Who it runs as; nothing for the original's user.
        user: Option<String>,
        /// The image of a copy of a container that changed no file: the target's, or its debug twin.
        image: String,
        /// What a copy of a container has of its settings.
        settings: CopySettings,
        /// The files of the toolkit. Absent from a plan that is only shown.
        tools: Option<Arc<[u8]>>,
    },
}

impl AsRef<Plan> for SessionPlan {
    fn as_ref(&self) -> &Plan {
        &self.view
    }
}

/// Why a container cannot be attached to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There are no processes to join.
    #[error("container `{name}` is {}: --mode {} needs a running container", state.as_str(), mode.as_str())]
    NotRunning {
        /// The container.
        name: String,
        /// Its state.
        state: Phase,
        /// The mode that was asked for.
        mode: Mode,
    },
    /// The engine refuses exec while the processes are frozen.
    #[error("container `{name}` is paused: the engine cannot start a process in it")]
    Paused {
        /// The container.
        name: String,
    },
    /// Podman starts nothing beside a container whose processes are frozen.
    #[error("container `{name}` is paused: Podman cannot start a process in it or beside it")]
    PausedInPodman {
        /// The container.
        name: String,
    },
    /// The engine is removing it.
    #[error("container `{name}` is being removed")]
    Removing {
        /// The container.
        name: String,
    },
    /// The keeper of a session with other rights than the target's own would wait for the next one.
    #[error("--linger needs the target's own user: a process in `{name}` could take over a waiting keeper of {user}")]
    MayNotLinger {
        /// The container.
        name: String,
        /// The session's user.
        user: NumericUser,
    },
    /// What was asked for does not go together.
    #[error("{what} needs a container of its own: it cannot be used with --mode {}", mode.as_str())]
    NeedsSidecar {
        /// The option.
        what: &'static str,
        /// The mode that was asked for.
        mode: Mode,
    },
}

impl SessionPlan {
    /// The container that a copy takes its settings from; nothing when an image alone is to be looked at.
    pub(crate) fn copied_container(&self) -> Option<&str> {
        (!self.view.target_id.is_empty()).then_some(&*self.view.target_id)
    }

    /// How long the keeper waits for the next session.
    pub(crate) fn linger(&self) -> Option<Duration> {
        if let How::Exec(exec) = &self.view.how { exec.linger } else { None }
    }
}
