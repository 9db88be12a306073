//! Plans sessions: a pure function from the engine's facts and the user's request to a plan.
//!
//! No I/O happens here, so that every decision can be tested in a table and shown to the user with
//! its reason.

mod choice;
mod groups;
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

pub(crate) use self::groups::{GroupChoice, group_choice};
pub(crate) use self::keeper_rights::{KeeperRights, of_session_inside};
pub(crate) use self::ladder::plan;
pub(crate) use self::rights::{CopySettings, is_host_namespace};
use crate::Phase;
use crate::session::LingeringKeeper;
use crate::twin::Twin;
use crate::user::NumericUser;

/// The user's request, and the facts gathered for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttachRequest {
    /// The user's request.
    pub(crate) asked: PlanRequest,
    /// The numeric user for an exec, also if the user is the target's own: see
    /// [`ResolvedUser::exec`](crate::user::ResolvedUser::exec).
    pub(crate) exec_user: Option<String>,
    /// The supplementary groups that the session may have, see
    /// [`ResolvedUser::groups`](crate::user::ResolvedUser::groups).
    pub(crate) groups: Option<Vec<u32>>,
    /// The toolkit image that the keeper is created from.
    pub(crate) toolkit_image: String,
    /// Identifies the tools: a lingering keeper serves sessions with the same ones.
    pub(crate) tools: String,
    /// The lingering keeper that serves this session.
    pub(crate) lingering_keeper: Option<LingeringKeeper>,
    /// Whether a process of the target could choose the groups of sessions. Only determined where a
    /// keeper lingers, or is to.
    pub(crate) may_choose_groups: bool,
    /// How a process of the target could take the session's place, with groups of its choice.
    pub(crate) in_place: Option<String>,
    /// An image chosen by the user, whose tools need not be static.
    pub(crate) tools_image: Option<String>,
    /// The debug twin of the target's image, or an image that claims to be the twin, if the engine
    /// has one.
    pub(crate) twin: Option<Twin>,
    /// The files of the toolkit as a tar archive, for a container that is not created from the
    /// toolkit image.
    pub(crate) tools_archive: Option<Arc<[u8]>>,
    /// Whether the engine is Podman.
    pub(crate) podman: bool,
}

/// A planned session, with all data that the engine needs for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlan {
    /// The platform-independent part.
    pub(crate) view: Plan,
    /// The time of the target's last start, as the engine writes it. Identifies this run.
    pub(crate) target_started_at: String,
    /// The PID namespace of the target, in the form of `PidMode`.
    pub(crate) target_pid_mode: String,
    /// The keeper's capabilities.
    pub(crate) keeper_rights: KeeperRights,
    /// The target's own seccomp profile, for the keeper and for a process with no more capabilities
    /// than the target.
    pub(crate) seccomp: Option<String>,
    /// The user namespace of the keeper and a sidecar. `None` stands for the engine's default.
    pub(crate) user_namespace: Option<String>,
    /// The detach keys.
    pub(crate) detach_keys: Option<String>,
    /// The variable with the user and groups that the launcher allows. `None` stands for all.
    pub(crate) allowed_ids: Option<String>,
    /// The settings of the session's mode.
    pub(crate) mode_plan: ModePlan,
}

/// The settings of a session's mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModePlan {
    /// The session runs inside the target.
    Exec {
        /// The user of the exec. `None` if the user is the target's own, as the engine knows it.
        user: Option<String>,
        /// Identifies the tools.
        tools: String,
        /// The lingering keeper to use.
        lingering_keeper: Option<LingeringKeeper>,
    },
    /// The session runs beside the target.
    Sidecar {
        /// The files of the toolkit, if the sidecar's image is not the toolkit image.
        tools: Option<Arc<[u8]>>,
    },
    /// The session runs in a copy of the target.
    Copy {
        /// The user. `None` stands for the original's user.
        user: Option<String>,
        /// The image of the copy if the original changed no file: the target's image, or its debug
        /// twin.
        image: String,
        /// The settings that the copy takes from its original.
        settings: CopySettings,
        /// The files of the toolkit. Absent if the plan is only printed.
        tools: Option<Arc<[u8]>>,
    },
}

impl AsRef<Plan> for SessionPlan {
    fn as_ref(&self) -> &Plan {
        &self.view
    }
}

/// Why a session cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The target has no processes to join.
    #[error("container `{name}` is {}: --mode {} needs a running container", state.as_str(), mode.as_str())]
    NotRunning {
        /// The container.
        name: String,
        /// Its phase.
        state: Phase,
        /// The requested mode.
        mode: Mode,
    },
    /// The engine refuses exec while the container is paused.
    #[error("container `{name}` is paused: the engine cannot start a process in it")]
    Paused {
        /// The container.
        name: String,
    },
    /// Podman starts no container or process beside a paused container.
    #[error("container `{name}` is paused: Podman cannot start a process in it or beside it")]
    PausedInPodman {
        /// The container.
        name: String,
    },
    /// A copy cannot have the container's user namespace, and would get the host's.
    #[error(
        "a copy of `{name}` cannot have its user namespace ({namespace}): it would have the host's"
    )]
    UserNamespace {
        /// The container.
        name: String,
        /// Its user namespace, in the engine's form.
        namespace: String,
    },
    /// A member of a Podman pod shares the pod's namespaces, which only members can share.
    #[error(
        "`{name}` is a member of a Podman pod: a copy outside the pod cannot have its namespaces"
    )]
    InPod {
        /// The container.
        name: String,
    },
    /// The engine is removing the container.
    #[error("container `{name}` is being removed")]
    Removing {
        /// The container.
        name: String,
    },
    /// The keeper must not linger, because the session has other rights than the target's own user.
    #[error(
        "--linger needs the target's own user: a process in `{name}` could take over a waiting keeper of {user}"
    )]
    MayNotLinger {
        /// The container.
        name: String,
        /// The session's user.
        user: NumericUser,
    },
    /// The session must not start inside the target: a process there could take the session's
    /// place, and choose the session's groups.
    #[error(
        "a process in `{name}` could run its own program in the session's place, with groups of its choice in /etc/group: {means}"
    )]
    TakesPlace {
        /// The container.
        name: String,
        /// How it could do that.
        means: String,
    },
    /// The keeper must not linger, because its target can change the file with the groups.
    #[error(
        "--linger is not possible: a process in `{name}` could take over a waiting keeper, and choose the groups of sessions in /etc/group"
    )]
    ChoosesGroups {
        /// The container.
        name: String,
    },
    /// The request contains options that contradict each other.
    #[error("{what} needs a container of its own: it cannot be used with --mode {}", mode.as_str())]
    NeedsSidecar {
        /// The option.
        what: &'static str,
        /// The requested mode.
        mode: Mode,
    },
}

impl SessionPlan {
    /// Returns the container from which a copy takes its settings. Returns `None` for a session in
    /// an image alone.
    pub(crate) fn copied_container(&self) -> Option<&str> {
        (!self.view.target_id.is_empty()).then_some(&*self.view.target_id)
    }

    /// Returns how long the keeper waits for the next session.
    pub(crate) fn linger(&self) -> Option<Duration> {
        if let How::Exec(exec) = &self.view.how { exec.linger } else { None }
    }
}
