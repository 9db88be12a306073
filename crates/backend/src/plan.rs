//! What a session will be, in terms of no platform: for the user to read, and for whoever runs it.

use std::time::Duration;

use serde::Serialize;

use crate::NumericUser;

/// How a session is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The platform starts it inside the target, from the files of the keeper.
    Exec,
    /// It runs in a container that shares the target's PID namespace and network.
    Sidecar,
    /// It runs in a copy of the target.
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

/// A decision and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What was decided.
    pub decision: String,
    /// Why.
    pub because: String,
}

/// Something of the original that its copy goes without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What: `capability SYS_ADMIN`, `/var/run/docker.sock`.
    pub what: String,
    /// Why.
    pub why: String,
    /// It is not there any more. Otherwise it is a right that nobody asked for.
    pub gone: bool,
}

/// What a session will be. The platform makes it from the facts and the request, and knows the rest of what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Full id of the target; empty for an image.
    pub target_id: String,
    /// The target's name.
    pub target_name: String,
    /// The target's state in one word, or `image`.
    pub target_kind: &'static str,
    /// What the target's processes can have: its bounding set.
    pub target_capabilities: u64,
    /// Who the session's process runs as, and the keeper.
    pub user: NumericUser,
    /// The session gets a terminal.
    pub tty: bool,
    /// The command; empty for a shell.
    pub command: Vec<String>,
    /// Additions to the environment, `PATH` aside.
    pub environment: Vec<String>,
    /// The target's `PATH`.
    pub path: String,
    /// The image of the keeper.
    pub keeper_image: String,
    /// The capabilities that the keeper gets beside the usual ones.
    pub keeper_added: Vec<String>,
    /// Those of the usual ones that it does not get.
    pub keeper_dropped: Vec<String>,
    /// What confines the keeper and a sidecar, in the platform's words.
    pub security_options: Vec<String>,
    /// How it is run, and what matters only then.
    pub how: How,
    /// Every decision with its reason.
    pub reasons: Vec<Reason>,
}

/// How a session is run, with what matters only then.
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
    /// It gets capabilities only as it starts: its keeper has fewer than it, and what shares the PID namespace could take
    /// its place before.
    pub outranks_keeper: bool,
    /// The tools come before the target's own programs in `PATH`: those could gain by the session's rights.
    pub tools_first: bool,
    /// The keeper stays for the next sessions, so long.
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
    /// The platform gives them to root alone, and the session is not root.
    pub withholds: bool,
    /// Those of them that a session inside the target would not have, and that nobody asked for: the user has to agree.
    pub unasked: Vec<String>,
    /// Its image is not the toolkit's: the tools are copied into it.
    pub brings_tools: bool,
}

/// A session in a copy of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its capabilities beside the usual ones.
    pub capabilities: Vec<String>,
    /// The command line of the original, for `run-entrypoint`.
    pub entrypoint: Vec<String>,
    /// The tools come before the original's own programs in `PATH`.
    pub tools_first: bool,
    /// `--same-rights`: it has what the original has.
    pub as_original: bool,
    /// What it goes without.
    pub left_out: Vec<LeftOut>,
}

impl Copied {
    /// What it goes without for one of the two reasons, in words; nothing if that is nothing.
    pub fn without(&self, gone: bool) -> Option<String> {
        let list: Vec<String> = (self.left_out.iter().filter(|each| each.gone == gone))
            .map(|LeftOut { what, why, .. }| if why.is_empty() { what.clone() } else { format!("{what} ({why})") })
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

    /// It uses the keeper of an earlier session.
    pub fn has_keeper(&self) -> bool {
        matches!(&self.how, How::Exec(Exec { has_keeper: true, .. }))
    }

    /// The plan as a value that serialises as `attach --explain --format json` prints it.
    pub fn explanation(&self) -> Explanation<'_> {
        let command = if self.command.is_empty() { vec!["sh".to_owned()] } else { self.command.clone() };
        Explanation {
            mode: self.mode(),
            target: ExplainedTarget { id: &self.target_id, name: &self.target_name, state: self.target_kind },
            user: self.user.to_string(),
            keeper: ExplainedKeeper {
                image: &self.keeper_image,
                capabilities: &self.keeper_added,
                dropped_capabilities: &self.keeper_dropped,
                network: "none",
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
