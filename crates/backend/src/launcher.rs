//! The protocol of the launcher (`crates/launcher`): its command lines and messages, shared by the
//! client, the platforms and the launcher.

use crate::plan::{How, Plan};

/// The folder of the toolkit's programs, below the root of a container that is created from the
/// toolkit image.
pub const TOOLKIT_BIN: &str = "/bin";

/// The launcher's file name in [`TOOLKIT_BIN`].
pub const LAUNCHER_NAME: &str = "scratchdbg-launcher";

/// The name under which the launcher runs the original command line, in a copy of a container.
pub const RUN_ENTRYPOINT: &str = "run-entrypoint";

/// The folder of a keeper's root that contains the random names of sessions (`keep/folder.rs` of
/// the launcher).
pub const SESSIONS: &str = "/session";

/// The prefix of the folder that tools are copied into, in a container that is not created from the
/// toolkit image. The session id follows.
pub const TOOLS_FOLDER_STEM: &str = "/.scratchdbg-";

/// The variable with the container's command line, for `run-entrypoint`.
const ENTRYPOINT_VARIABLE: &str = "SCRATCHDBG_ENTRYPOINT";

/// The variable with the prefix of the launcher's record (see `record` of `scratchdbg-session`).
/// The launcher removes it from the command's environment.
pub const RECORD_VARIABLE: &str = "SCRATCHDBG_RECORD";

/// The address of a keeper, as a session needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperAddress {
    /// Its process id in the PID namespace of the session.
    pub pid: u32,
    /// The random name that leads to the tools in its root. No other process knows it.
    pub name: String,
    /// The id of its container.
    pub container: String,
}

/// Returns the arguments of a keeper's program.
pub fn keep(session: &str, linger: Option<std::time::Duration>) -> Vec<String> {
    let mut arguments = vec!["keep".to_owned(), session.to_owned()];
    arguments.extend(linger.map(|time| time.as_secs().to_string()));
    arguments
}

/// Parses the first line of a keeper, `keeper PID NAME`. Rejects any name that could lead out of
/// the folder.
pub fn parse_address(line: &[u8]) -> Option<(u32, String)> {
    let (pid, name) = std::str::from_utf8(line).ok()?.strip_prefix("keeper ")?.split_once(' ')?;
    let is_pid = pid.bytes().all(|byte| byte.is_ascii_digit()) && !pid.starts_with('0');
    let is_name = name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_pid && is_name { Some((pid.parse().ok()?, name.to_owned())) } else { None }
}

/// A message from a client to a keeper, one per line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order<'a> {
    /// Create a path of this name to the tools. A lingering keeper answers `opened SESSION`.
    Open(&'a str),
    /// The client is alive.
    Here,
    /// Forward a signal to the session's command.
    Signal(u8),
    /// The session is over.
    Done,
}

impl Order<'_> {
    /// Returns the line that tells a keeper this order for a session.
    pub fn line(self, session: &str) -> String {
        match self {
            Self::Open(name) => format!("open {session} {name}\n"),
            Self::Here => format!("here {session}\n"),
            Self::Signal(number) => format!("signal {session} {number}\n"),
            Self::Done => format!("done {session}\n"),
        }
    }
}

/// The answer of a lingering keeper to [`Order::Open`].
pub fn opened(session: &str) -> String {
    format!("opened {session}\n")
}

/// Returns the path of the launcher that the session's process is started with. In the target it
/// leads through the keeper's root. A container created for the session has the launcher in its own
/// root.
pub fn path(plan: &Plan, keeper: &KeeperAddress, session: &str) -> String {
    let folder = match &plan.how {
        How::Exec(_) => format!("/proc/{}/root{SESSIONS}/{}{TOOLKIT_BIN}", keeper.pid, keeper.name),
        How::Sidecar(sidecar) if !sidecar.brings_tools => TOOLKIT_BIN.to_owned(),
        How::Sidecar(_) | How::Copy(_) => format!("{TOOLS_FOLDER_STEM}{session}{TOOLKIT_BIN}"),
    };
    format!("{folder}/{LAUNCHER_NAME}")
}

/// Returns the session's command line: the launcher, then the command.
pub fn run(plan: &Plan, keeper: &KeeperAddress, session: &str) -> Vec<String> {
    let mut line = vec![path(plan, keeper, session), "run".to_owned(), keeper.pid.to_string(), session.to_owned()];
    match &plan.how {
        How::Sidecar(_) => line.extend(["--beside".to_owned(), keeper.container.clone(), plan.target_id.clone()]),
        // The target's own programs come first, so that a session finds what the application would
        // find. Not so if the session runs as another user than the application: that would give
        // the target's programs rights that they do not have.
        How::Exec(crate::plan::Exec { tools_first, .. }) | How::Copy(crate::plan::Copied { tools_first, .. }) => {
            let place = if *tools_first { "first" } else { "last" };
            line.extend(["--tools".to_owned(), place.to_owned()]);
        }
    }
    match (&plan.command[..], &plan.how) {
        // The launcher runs the shell of the toolkit.
        ([], How::Exec(_) | How::Copy(_)) => {}
        ([], How::Sidecar(sidecar)) if sidecar.brings_tools => line.push("sh".to_owned()),
        ([], How::Sidecar(_)) => line.push(format!("{TOOLKIT_BIN}/sh")),
        (given, _) => line.extend_from_slice(given),
    }
    line
}

/// Returns the additions to the session's environment. The launcher adds the tools to `PATH`.
pub fn environment(plan: &Plan) -> Vec<String> {
    let mut environment = plan.environment.clone();
    match &plan.how {
        How::Exec(_) => environment.push(format!("PATH={}", plan.path)),
        How::Sidecar(sidecar) if sidecar.brings_tools => {}
        How::Sidecar(_) => environment.push(format!("PATH={TOOLKIT_BIN}")),
        How::Copy(copy) => {
            environment.push(format!("PATH={}", plan.path));
            environment.push(format!("{ENTRYPOINT_VARIABLE}={}", encode(&copy.entrypoint)));
        }
    }
    environment
}

/// Encodes arguments as one value: one per line, with `\` and newlines escaped.
fn encode(arguments: &[String]) -> String {
    let escaped: Vec<_> = arguments.iter().map(|word| word.replace('\\', "\\\\").replace('\n', "\\n")).collect();
    escaped.join("\n")
}

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[test]
    fn an_address_leads_nowhere_else() {
        const NAME: &str = "0123456789abcdef0123456789abcdef";
        let parse = |pid: &str, name: &str| parse_address(format!("keeper {pid} {name}").as_bytes());
        assert_eq!(parse("42", NAME), Some((42, NAME.to_owned())));
        for (pid, name) in [
            ("", NAME),
            ("0", NAME),
            ("042", NAME),
            ("+42", NAME),
            ("-1", NAME),
            ("99999999999", NAME),
            ("self", NAME),
            ("1/root/../../42", NAME),
            ("42", ""),
            ("42", "../../../../../../../../tmp/12345"),
            ("42", &NAME.to_uppercase()),
            ("42", &format!("{NAME} ")),
            ("42", &format!("{NAME}0")),
            ("42", &NAME[1..]),
        ] {
            assert_eq!(parse(pid, name), None, "{pid:?} {name:?}");
        }
        assert_eq!(parse_address(b"keeper 42"), None);
        assert_eq!(parse_address(b""), None);
    }
}
