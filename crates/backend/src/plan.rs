//! The plan of a session, independent of any platform: what `--explain` shows, and what runs the
//! session.

use std::time::Duration;

use serde::Serialize;

use crate::NumericUser;

/// How a session is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The platform starts the process inside the target, from the keeper's files.
    Exec,
    /// The process runs in a container that shares the target's PID namespace and network.
    Sidecar,
    /// The process runs in a copy of the target.
    Copy,
}

impl Mode {
    /// The mode as `--mode` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Sidecar => "sidecar",
            Self::Copy => "copy",
        }
    }
}

/// A decision and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What was decided.
    pub decision: String,
    /// Why.
    pub because: String,
}

/// Something that the original has and its copy lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What is left out: `capability SYS_ADMIN`, `/var/run/docker.sock`.
    pub what: String,
    /// Why.
    pub why: String,
    /// It no longer exists. Otherwise it is a right that the user did not ask for.
    pub gone: bool,
}

/// The plan of a session. The platform derives it from the request and the facts, and stores what
/// else it needs beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What messages call the platform: `engine`, `cluster`.
    pub platform: &'static str,
    /// Full id of the target; empty for an image.
    pub target_id: String,
    /// The target's name.
    pub target_name: String,
    /// The target's state in one word, or `image`.
    pub target_kind: &'static str,
    /// The target's PID namespace is that of another container or of the host: the end of its
    /// first process does not end the session's.
    pub shares_pids: bool,
    /// The bounding set of the target's processes.
    pub target_capabilities: u64,
    /// The user of the session's process and of the keeper.
    pub user: NumericUser,
    /// The session gets a terminal.
    pub tty: bool,
    /// The command; empty for a shell.
    pub command: Vec<String>,
    /// Additions to the environment, `PATH` aside.
    pub environment: Vec<String>,
    /// The target's `PATH`.
    pub path: String,
    /// Where the command starts, in the target; `None` for the target's own working directory.
    pub workdir: Option<String>,
    /// The image of the keeper.
    pub keeper_image: String,
    /// The capabilities that the keeper gets in addition to the default set.
    pub keeper_added: Vec<String>,
    /// The capabilities of the default set that the keeper does not get.
    pub keeper_dropped: Vec<String>,
    /// The network of the keeper: `none`, or `pod` where the platform lets it have no other.
    pub keeper_network: &'static str,
    /// The security options of the keeper and of a sidecar, in the platform's syntax.
    pub security_options: Vec<String>,
    /// The mode, with the settings of that mode.
    pub how: How,
    /// Every decision with its reason.
    pub reasons: Vec<Reason>,
}

/// The mode of a session, with the settings of that mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Inside the target.
    Exec(Exec),
    /// In a container that shares the target's PID namespace and network.
    Sidecar(Sidecar),
    /// In a copy of the target.
    Copy(Copied),
}

/// A session inside the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The session gets its capabilities only at its start. The keeper has fewer, because another
    /// process in the PID namespace could take over the keeper before that.
    pub outranks_keeper: bool,
    /// The tools come before the target's own programs in `PATH`, because those programs could use
    /// the session's rights.
    pub tools_first: bool,
    /// The folder of the keeper's root that has the tools: empty for the root itself,
    /// [`TWIN_BASE`](crate::launcher::TWIN_BASE) in a debug twin.
    pub tools_base: &'static str,
    /// How long the keeper stays for further sessions.
    pub linger: Option<Duration>,
    /// A keeper of an earlier session serves this one.
    pub has_keeper: bool,
}

/// A session in a container beside the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// Its image.
    pub image: String,
    /// Its capabilities.
    pub capabilities: Vec<String>,
    /// The platform grants the capabilities only to root, and the session does not run as root.
    pub withholds: bool,
    /// Capabilities that a session inside the target would not have and that the user did not ask
    /// for. The user must agree to them.
    pub unasked: Vec<String>,
    /// Its image is not the toolkit image, so the tools are copied into it.
    pub brings_tools: bool,
}

/// A session in a copy of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its capabilities in addition to the default set.
    pub capabilities: Vec<String>,
    /// The folder of the copy's own root that has the tools. `None` if they are copied into a
    /// folder that is named for the session.
    pub tools_base: Option<&'static str>,
    /// The command line of the original, for `run-entrypoint`.
    pub entrypoint: Vec<String>,
    /// The tools come before the original's own programs in `PATH`.
    pub tools_first: bool,
    /// `--same-rights`: the copy keeps all rights of the original.
    pub as_original: bool,
    /// What the copy lacks.
    pub left_out: Vec<LeftOut>,
}

impl Copied {
    /// Lists what the copy lacks for one of the two reasons. Returns `None` if the list is empty.
    pub fn without(&self, gone: bool) -> Option<String> {
        let list: Vec<String> = (self.left_out.iter().filter(|each| each.gone == gone))
            .map(
                |LeftOut { what, why, .. }| {
                    if why.is_empty() { what.clone() } else { format!("{what} ({why})") }
                },
            )
            .collect();
        (!list.is_empty()).then(|| list.join(", "))
    }
}

impl Plan {
    /// The mode.
    pub fn mode(&self) -> Mode {
        match self.how {
            How::Exec(_) => Mode::Exec,
            How::Sidecar(_) => Mode::Sidecar,
            How::Copy(_) => Mode::Copy,
        }
    }

    /// The capabilities of the session's own container.
    pub fn capabilities(&self) -> &[String] {
        match &self.how {
            How::Exec(_) => &[],
            How::Sidecar(sidecar) => &sidecar.capabilities,
            How::Copy(copy) => &copy.capabilities,
        }
    }

    /// The capabilities that the user has to agree to.
    pub fn unasked(&self) -> &[String] {
        if let How::Sidecar(sidecar) = &self.how { &sidecar.unasked } else { &[] }
    }

    /// Whether the session uses the keeper of an earlier session.
    pub fn has_keeper(&self) -> bool {
        matches!(&self.how, How::Exec(Exec { has_keeper: true, .. }))
    }

    /// The plan as `attach --explain --format json` prints it.
    pub fn explanation(&self) -> Explanation<'_> {
        let command =
            if self.command.is_empty() { vec!["sh".to_owned()] } else { self.command.clone() };
        Explanation {
            mode: self.mode(),
            target: ExplainedTarget {
                id: &self.target_id,
                name: &self.target_name,
                state: self.target_kind,
            },
            user: self.user.to_string(),
            keeper: ExplainedKeeper {
                image: &self.keeper_image,
                capabilities: &self.keeper_added,
                dropped_capabilities: &self.keeper_dropped,
                network: self.keeper_network,
            },
            capabilities: self.capabilities(),
            unasked_capabilities: self.unasked(),
            security_options: &self.security_options,
            left_out: if let How::Copy(copy) = &self.how { &copy.left_out } else { &[] },
            command,
            reasons: &self.reasons,
        }
    }
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
    state: &'a str,
}

#[derive(Debug, Serialize)]
struct ExplainedKeeper<'a> {
    image: &'a str,
    capabilities: &'a [String],
    dropped_capabilities: &'a [String],
    network: &'static str,
}
