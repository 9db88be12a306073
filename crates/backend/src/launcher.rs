//! How the launcher (`crates/launcher`) is called and spoken to. Everything that the client, the platforms and the launcher
//! have to agree on stands here.

use crate::plan::{How, Plan};

/// Where a toolkit's programs are, below the root of a container that is made from it.
pub const TOOLKIT_BIN: &str = "/bin";

/// The name of the launcher, below [`TOOLKIT_BIN`].
pub const LAUNCHER_NAME: &str = "scratchdbg-launcher";

/// The name under which the launcher runs the command line of the container that a session is a copy of.
pub const RUN_ENTRYPOINT: &str = "run-entrypoint";

/// Where the random names of sessions are in a keeper's root (`keep/folder.rs` of the launcher).
pub const SESSIONS: &str = "/session";

/// The folder into which the tools are copied, in a container that is not made from the toolkit image; the session follows.
pub const TOOLS_FOLDER_STEM: &str = "/.scratchdbg-";

/// Where `run-entrypoint` finds the command line of the container.
const ENTRYPOINT_VARIABLE: &str = "SCRATCHDBG_ENTRYPOINT";

/// How the launcher is told what its record begins with (see `record` of `scratchdbg-session`). It passes it on to nobody.
pub const RECORD_VARIABLE: &str = "SCRATCHDBG_RECORD";

/// A keeper, as a session needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperAddress {
    /// Its process id in the PID namespace of the session.
    pub pid: u32,
    /// What leads to the tools in its root: random, and known to nobody else.
    pub name: String,
    /// Its container.
    pub container: String,
}

/// The arguments of a keeper's program.
pub fn keep(session: &str, linger: Option<std::time::Duration>) -> Vec<String> {
    let mut arguments = vec!["keep".to_owned(), session.to_owned()];
    arguments.extend(linger.map(|time| time.as_secs().to_string()));
    arguments
}

/// Reads the first line of a keeper, `keeper PID NAME`. Accepts nothing that could lead anywhere else.
pub fn parse_address(line: &[u8]) -> Option<(u32, String)> {
    let (pid, name) = std::str::from_utf8(line).ok()?.strip_prefix("keeper ")?.split_once(' ')?;
    let is_pid = pid.bytes().all(|byte| byte.is_ascii_digit()) && !pid.starts_with('0');
    let is_name = name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_pid && is_name { Some((pid.parse().ok()?, name.to_owned())) } else { None }
}

/// What a client writes to a keeper, a line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order<'a> {
    /// Open a way of this name to the tools. A lingering keeper answers `opened SESSION`.
    Open(&'a str),
    /// The client is there.
    Here,
    /// Pass a signal on to the session's command.
    Signal(u8),
    /// The session is over.
    Done,
}

impl Order<'_> {
    /// The line for a session.
    pub fn line(self, session: &str) -> String {
        match self {
            Self::Open(name) => format!("open {session} {name}\n"),
            Self::Here => format!("here {session}\n"),
            Self::Signal(number) => format!("signal {session} {number}\n"),
            Self::Done => format!("done {session}\n"),
        }
    }
}

/// What a lingering keeper answers to [`Order::Open`].
pub fn opened(session: &str) -> String {
    format!("opened {session}\n")
}

/// The path of the launcher, as the session's process is started with it. Only inside the target it leads through the
/// keeper; a container of the session's own has it in its own root.
pub fn path(plan: &Plan, keeper: &KeeperAddress, session: &str) -> String {
    let folder = match &plan.how {
        How::Exec(_) => format!("/proc/{}/root{SESSIONS}/{}{TOOLKIT_BIN}", keeper.pid, keeper.name),
        How::Sidecar(sidecar) if !sidecar.brings_tools => TOOLKIT_BIN.to_owned(),
        How::Sidecar(_) | How::Copy(_) => format!("{TOOLS_FOLDER_STEM}{session}{TOOLKIT_BIN}"),
    };
    format!("{folder}/{LAUNCHER_NAME}")
}

/// The session's command line: the launcher, with the command behind it.
pub fn run(plan: &Plan, keeper: &KeeperAddress, session: &str) -> Vec<String> {
    let mut line = vec![path(plan, keeper, session), "run".to_owned(), keeper.pid.to_string(), session.to_owned()];
    match &plan.how {
        How::Sidecar(_) => line.extend(["--beside".to_owned(), keeper.container.clone(), plan.target_id.clone()]),
        // The target's own programs go first: a session should find what the application would find. But not as another
        // user than the application: its programs would get rights that it has not.
        How::Exec(crate::plan::Exec { tools_first, .. }) | How::Copy(crate::plan::Copied { tools_first, .. }) => {
            let place = if *tools_first { "first" } else { "last" };
            line.extend(["--tools".to_owned(), place.to_owned()]);
        }
    }
    match (&plan.command[..], &plan.how) {
        // The launcher takes the shell of the tools.
        ([], How::Exec(_) | How::Copy(_)) => {}
        ([], How::Sidecar(sidecar)) if sidecar.brings_tools => line.push("sh".to_owned()),
        ([], How::Sidecar(_)) => line.push(format!("{TOOLKIT_BIN}/sh")),
        (given, _) => line.extend_from_slice(given),
    }
    line
}

/// Additions to the environment of the session. The launcher adds the tools to its `PATH`.
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

/// Arguments as one value: one a line, with `\` and newlines escaped.
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
