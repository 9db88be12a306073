//! What `attach` will do: a pure function from what the engine says and what the user asks to a plan.
//!
//! No I/O happens here, so that every decision can be tested as a table and shown to the user with its reason.

mod choice;
mod command;
mod keeper_rights;
mod ladder;
mod mounts;
mod rights;
mod ruling;

use std::sync::Arc;
use std::time::Duration;

use scratchdbg_diagnose::capability;
use serde::Serialize;

pub(crate) use self::command::{KeeperAddress, SESSIONS, TOOLS_FOLDER_STEM};
pub use self::keeper_rights::{KeeperRights, of_session_inside};
pub use self::ladder::plan;
pub(crate) use self::rights::is_hosts;
pub use self::rights::{CopySettings, LeftOut};
use crate::State;
use crate::session::LingeringKeeper;
use crate::twin::Twin;
use crate::user::NumericUser;

/// Where a toolkit's programs are, below the root of the keeper.
pub const TOOLKIT_BIN: &str = "/bin";

/// What the user asks of `attach`.
#[derive(Debug, Clone, Default)]
pub struct AttachRequest {
    /// The command and its arguments; empty for an interactive shell.
    pub command: Vec<String>,
    /// `--mode`; chosen from the facts when absent.
    pub mode: Option<Mode>,
    /// The mode is not the user's word: the first one was refused.
    pub is_fallback: bool,
    /// `--user`, in exec's own form: `user[:group]`.
    pub user: Option<String>,
    /// The same for exec alone, the target's own user too, in numbers: see [`ResolvedUser::exec`](crate::ResolvedUser::exec).
    pub exec_user: Option<String>,
    /// The session gets a terminal.
    pub tty: bool,
    /// The client's `TERM`.
    pub term: Option<String>,
    /// The toolkit image that the keeper is made from.
    pub toolkit_image: String,
    /// Tells the same tools from others: a keeper that lingers serves sessions with the same ones.
    pub tools: String,
    /// A keeper that lingers, and serves this session.
    pub standing: Option<LingeringKeeper>,
    /// An image of the user's own whose tools are to be used, and that need not be static.
    pub tools_image: Option<String>,
    /// `--cap-add`: capabilities for the session.
    pub capabilities: Vec<String>,
    /// `--security-opt`: in place of what the target has, for a container beside it; in Docker's own form.
    pub security_options: Vec<String>,
    /// `--linger`: how long the keeper waits for the next session.
    pub linger: Option<Duration>,
    /// The keys that leave the session, in Docker's grammar; the engine's own default when absent.
    pub detach_keys: Option<String>,
    /// `--same-rights`: a copy has all that the original has.
    pub same_rights: bool,
    /// The debug twin of the target's image, where the engine has it, or has what says so.
    pub twin: Option<Twin>,
    /// The files of the toolkit as a tar archive: for a container that is not made from the toolkit image.
    pub tools_archive: Option<Arc<[u8]>>,
    /// The engine is Podman.
    pub podman: bool,
}

/// How a session comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The engine starts the session inside the target itself, from the files of the keeper.
    Exec,
    /// The session runs in a container beside the target that shares its PID namespace and network.
    Sidecar,
    /// The session runs in a copy of the target, whose PID namespace is the keeper's.
    Copy,
}

impl Mode {
    /// As `--mode` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Sidecar => "sidecar",
            Self::Copy => "copy",
        }
    }
}

/// A decision, and why it fell so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What was decided.
    pub decision: String,
    /// Why.
    pub because: String,
}

/// What `attach` will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How.
    pub mode: Mode,
    /// To which container: its full id.
    pub target_id: String,
    /// That container's name.
    pub target_name: String,
    /// What it was doing.
    pub target_state: State,
    /// Who the keeper runs as; the session's process too, unless it is privileged to see others.
    pub user: NumericUser,
    /// What exec is told. Nothing when the target's own user is meant as the engine knows it.
    pub exec_user: Option<String>,
    /// The session gets a terminal.
    pub tty: bool,
    /// When it was last started, as the engine writes it: tells this run from the next.
    pub target_started_at: String,
    /// How long the keeper waits for the next session.
    pub linger: Option<Duration>,
    /// The keeper that is there already.
    pub standing: Option<LingeringKeeper>,
    /// Tells the same tools from others.
    pub tools: String,
    /// The keys that leave the session.
    pub detach_keys: Option<String>,
    /// The image of the keeper.
    pub toolkit_image: String,
    /// The image of the sidecar: the toolkit's, or the user's own.
    pub sidecar_image: String,
    /// The image of a copy of a container that changed no file: the target's, or its debug twin.
    pub copy_image: String,
    /// What a copy of a container has of its settings.
    pub copy: CopySettings,
    /// The keeper's capabilities.
    pub keeper_rights: KeeperRights,
    /// The tools come before the target's own programs, which could gain by the session's rights.
    pub tools_first: bool,
    /// What the target's processes can have: its bounding set.
    pub target_capabilities: u64,
    /// The target's own seccomp profile, for the keeper and for what has no more capabilities than the target.
    pub seccomp: Option<String>,
    /// The files of the toolkit, for a container that is not made from its image.
    pub tools_archive: Option<Arc<[u8]>>,
    /// The PID namespace of the target, as its `PidMode` has it.
    pub target_pid_mode: String,
    /// Capabilities of a sidecar's processes; of a copy's, those beside the engine's usual ones.
    pub capabilities: Vec<String>,
    /// Those of them that a session inside the target would not have, and that nobody asked for: the user has to agree first.
    pub unasked: Vec<String>,
    /// What confines the keeper and a sidecar, beside having no new privileges; in the form of `docker run --security-opt`.
    pub security_options: Vec<String>,
    /// The user namespace of the keeper and a sidecar; nothing for the engine's own choice.
    pub user_namespace: Option<String>,
    /// The command; empty for a shell.
    pub command: Vec<String>,
    /// Additions to the environment. `PATH` is not among them: it depends on the keeper's process id.
    pub environment: Vec<String>,
    /// The target's `PATH`.
    pub target_path: String,
    /// The target's own command line.
    pub entrypoint: Vec<String>,
    /// Every decision with its reason.
    pub reasons: Vec<Reason>,
}

/// Why a container cannot be attached to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There are no processes to join.
    #[error("container `{name}` is not running, it is {}: --mode {} needs its processes", state.as_str(), mode.as_str())]
    NotRunning {
        /// The container.
        name: String,
        /// Its state.
        state: State,
        /// The mode that was asked for.
        mode: Mode,
    },
    /// The engine refuses exec while the processes are frozen.
    #[error("container `{name}` is paused: the engine starts nothing in it, as --mode exec needs")]
    Paused {
        /// The container.
        name: String,
    },
    /// Podman starts nothing beside a container whose processes are frozen.
    #[error("container `{name}` is paused: Podman starts nothing in it, nor beside it")]
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
    #[error("--linger is for the target's own user: a keeper of {user} in `{name}` could be taken over while it waits")]
    MayNotLinger {
        /// The container.
        name: String,
        /// The session's user.
        user: NumericUser,
    },
    /// What was asked for does not go together.
    #[error("{what} needs a container of its own: it does not go with --mode {}", mode.as_str())]
    NeedsSidecar {
        /// The option.
        what: &'static str,
        /// The mode that was asked for.
        mode: Mode,
    },
}

/// `attach --explain`, as JSON.
#[derive(Debug, Serialize)]
pub struct Explanation<'a> {
    mode: Mode,
    target: ExplainedTarget<'a>,
    user: String,
    keeper: ExplainedKeeper<'a>,
    capabilities: &'a [String],
    unasked_capabilities: &'a [String],
    security_options: &'a [String],
    left_out: &'a [LeftOut],
    command: Vec<String>,
    reasons: &'a [Reason],
}

#[derive(Debug, Serialize)]
struct ExplainedTarget<'a> {
    id: &'a str,
    name: &'a str,
    state: State,
}

#[derive(Debug, Serialize)]
struct ExplainedKeeper<'a> {
    image: &'a str,
    capabilities: &'a [String],
    dropped_capabilities: &'a [String],
    network: &'static str,
}

impl Plan {
    /// The container that a copy takes its settings from; nothing when an image alone is to be looked at.
    pub(crate) fn copied_container(&self) -> Option<&str> {
        (!self.target_id.is_empty()).then_some(&self.target_id)
    }

    /// Whether a copy is to have this folder of the engine's machine.
    pub fn copies_mount(&self, source: &str) -> bool {
        self.copy.mounts.iter().any(|mount| mount.source == source)
    }

    /// Whether a container of the session's own brings the tools along from the client: it is made from another image.
    pub(crate) fn brings_tools(&self) -> bool {
        match self.mode {
            Mode::Exec => false,
            Mode::Sidecar => self.sidecar_image != self.toolkit_image,
            Mode::Copy => true,
        }
    }

    /// Other containers in the target's PID namespace could take the session's place: its keeper has fewer rights than it.
    pub fn is_exposed_to_neighbours(&self) -> bool {
        self.mode == Mode::Exec && self.keeper_rights.fewer_than_session
    }

    /// Whether a process of a container whose bounding set this is could take over a sidecar, and would gain a capability by
    /// it: `SYS_PTRACE` traces whatever it sees.
    pub fn is_gain_to(&self, bounding_set: u64) -> bool {
        let tracer = capability::bounding_set(false, &["SYS_PTRACE".to_owned()], &["ALL".to_owned()]);
        let lent = capability::bounding_set(false, &self.capabilities, &["ALL".to_owned()]);
        self.mode == Mode::Sidecar && bounding_set & tracer != 0 && lent & !bounding_set != 0
    }

    /// What the target is: the state of a container, or an image.
    pub fn target_kind(&self) -> &'static str {
        if self.copied_container().is_none() { "image" } else { self.target_state.as_str() }
    }

    /// The plan as a value that serialises as `attach --explain --format json` prints it.
    pub fn explanation(&self) -> Explanation<'_> {
        let command = if self.command.is_empty() { vec!["sh".to_owned()] } else { self.command.clone() };
        Explanation {
            mode: self.mode,
            target: ExplainedTarget { id: &self.target_id, name: &self.target_name, state: self.target_state },
            user: self.user.to_string(),
            keeper: ExplainedKeeper {
                image: &self.toolkit_image,
                capabilities: &self.keeper_rights.added,
                dropped_capabilities: &self.keeper_rights.dropped,
                network: "none",
            },
            capabilities: &self.capabilities,
            unasked_capabilities: &self.unasked,
            security_options: &self.security_options,
            left_out: &self.copy.left_out,
            command,
            reasons: &self.reasons,
        }
    }
}
