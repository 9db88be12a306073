//! The protocol of the launcher (`crates/launcher`): its command lines and messages, shared by the
//! client, the platforms and the launcher.

use crate::Window;
use crate::plan::{How, Plan};

/// The folder of the toolkit's programs, below the root of a container that is created from the
/// toolkit image.
pub const TOOLKIT_BIN: &str = "/bin";

/// The folder of a debug twin that has the contents of a toolkit image's root.
pub const TWIN_BASE: &str = "/.scratchdbg";

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

/// The variable that tells the launcher to expand `$(NAME)` in the command line of a copy, as
/// Kubernetes does. `$$` is a dollar sign then.
pub const EXPANDS_VARIABLE: &str = "SCRATCHDBG_ENTRYPOINT_EXPANDS";

/// The variable with the prefix of the launcher's record (see `record` of `scratchdbg-session`).
/// The launcher removes it from the command's environment.
pub const RECORD_VARIABLE: &str = "SCRATCHDBG_RECORD";

/// The variable with the user and the groups that a session may have. The launcher ends the session
/// if it has others that it cannot drop, and removes the variable from the command's environment.
const IDS_VARIABLE: &str = "SCRATCHDBG_IDS";

/// Returns the variable for the launcher with the user, its group and the other groups that a
/// session may have. With `has_targets_own`, it may also have those of the target's first process.
pub fn allowed_ids(user: crate::NumericUser, groups: &[u32], has_targets_own: bool) -> String {
    let groups = groups.iter().map(u32::to_string).chain(has_targets_own.then(|| "own".to_owned()));
    let ids: Vec<String> = std::iter::once(user.to_string()).chain(groups).collect();
    format!("{IDS_VARIABLE}={}", ids.join(","))
}

/// Returns the command line of [`run`] for a platform on which a command gets no environment of its
/// own. The variables come as arguments, except for the secret, which everybody could read there:
/// the launcher expects it in a [`preamble`]. It has a front: such a platform may kill the process
/// that it started.
pub fn with_preamble(command: Vec<String>, environment: &[String], has_input: bool) -> Vec<String> {
    /// The place of `run`, behind the launcher.
    const ROLE: usize = 1;
    /// The launcher, `run`, the keeper and the session.
    const FIXED: usize = 4;
    let mut command = command;
    if let Some(role) = command.get_mut(ROLE) {
        "via".clone_into(role);
    }
    let mut options = vec!["--preamble".to_owned()];
    if !has_input {
        options.push("--no-input".to_owned());
    }
    let is_option = |entry: &&String| !entry.starts_with("PATH=") && secret(entry).is_none();
    options.extend(
        environment.iter().filter(is_option).flat_map(|entry| ["--env".to_owned(), entry.clone()]),
    );
    let at = command.len().min(FIXED);
    command.splice(at..at, options);
    command
}

/// Returns what the launcher reads before the command's input: the secret of this environment, and
/// the size of the terminal.
pub fn preamble(environment: &[String], window: Option<Window>) -> String {
    let secret = environment.iter().find_map(|entry| secret(entry)).unwrap_or_default();
    let Window { columns, rows } = window.unwrap_or(Window { columns: 0, rows: 0 });
    format!("{secret} {columns} {rows}\n")
}

fn secret(entry: &str) -> Option<&str> {
    entry.strip_prefix(RECORD_VARIABLE)?.strip_prefix('=')
}

/// Returns the arguments of a keeper's program that speaks only when asked, see [`order_to_open`].
pub fn keep_asked(session: &str, linger: Option<std::time::Duration>) -> Vec<String> {
    let mut arguments = keep(session, linger);
    arguments.insert(1, "--asked".to_owned());
    arguments
}

/// Returns the order that begins a session of such a keeper. `container` is the id of the target's
/// container.
pub fn order_to_open(session: &str, name: &str, container: &str) -> String {
    format!("open {session} {name} {container}\n")
}

/// The answer of a keeper that speaks only when asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The path to the tools exists.
    Opened {
        /// The keeper's process id in the PID namespace of the session.
        pid: u32,
        /// The effective user and group of the first process of the target's container, if the
        /// keeper sees it.
        target: Option<crate::NumericUser>,
    },
    /// The session cannot be opened.
    Failed(String),
}

/// Parses a line of a keeper's output. Returns `None` if it is not the answer for this session.
pub fn parse_answer(line: &[u8], session: &str) -> Option<Answer> {
    let line = std::str::from_utf8(line).ok()?;
    let of = |word: &str| line.strip_prefix(word)?.strip_prefix(session)?.strip_prefix(' ');
    if let Some(reason) = of("failed ") {
        return Some(Answer::Failed(reason.to_owned()));
    }
    let (pid, ids) = of("opened ")?.split_once(' ')?;
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let target = match ids.split_once(':') {
        Some((uid, gid)) => Some(crate::NumericUser { uid: number(uid)?, gid: number(gid)? }),
        None if ids == "-" => None,
        None => return None,
    };
    Some(Answer::Opened { pid: number(pid).filter(|&pid| pid > 0)?, target })
}

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
    let is_name =
        name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
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
        How::Exec(exec) => {
            format!(
                "/proc/{}/root{}{SESSIONS}/{}{TOOLKIT_BIN}",
                keeper.pid, exec.tools_base, keeper.name
            )
        }
        How::Sidecar(sidecar) if !sidecar.brings_tools => TOOLKIT_BIN.to_owned(),
        How::Copy(crate::plan::Copied { tools_base: Some(base), .. }) => {
            format!("{base}{TOOLKIT_BIN}")
        }
        How::Sidecar(_) | How::Copy(_) => format!("{TOOLS_FOLDER_STEM}{session}{TOOLKIT_BIN}"),
    };
    format!("{folder}/{LAUNCHER_NAME}")
}

/// Returns the session's command line: the launcher, then the command.
pub fn run(plan: &Plan, keeper: &KeeperAddress, session: &str) -> Vec<String> {
    let mut line = vec![
        path(plan, keeper, session),
        "run".to_owned(),
        keeper.pid.to_string(),
        session.to_owned(),
    ];
    // Before an option that is always there: a command may have the name of an option.
    line.extend(plan.workdir.iter().flat_map(|path| ["--directory".to_owned(), path.clone()]));
    match &plan.how {
        How::Sidecar(sidecar) => {
            // An image of the user's has its own programs first, and the tools where it has none.
            let option = if sidecar.brings_tools { "--beside-with-tools" } else { "--beside" };
            line.extend([option.to_owned(), keeper.container.clone(), plan.target_id.clone()]);
        }
        // The target's own programs come first, so that a session finds what the application would
        // find. Not so if the session runs as another user than the application: that would give
        // the target's programs rights that they do not have.
        How::Exec(crate::plan::Exec { tools_first, .. })
        | How::Copy(crate::plan::Copied { tools_first, .. }) => {
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
    let escaped: Vec<_> =
        arguments.iter().map(|word| word.replace('\\', "\\\\").replace('\n', "\\n")).collect();
    escaped.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Answer, parse_address, parse_answer, preamble, with_preamble};
    use crate::{NumericUser, Window};

    #[test]
    fn what_everybody_may_read_has_no_secret_in_it() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let environment = words("TERM=xterm PATH=/bin SCRATCHDBG_RECORD=0123");
        let command = words("/launcher run 7 s1 --tools last ls --env x");
        assert_eq!(
            with_preamble(command.clone(), &environment, true),
            words("/launcher via 7 s1 --preamble --env TERM=xterm --tools last ls --env x")
        );
        assert_eq!(
            with_preamble(command, &environment[1..], false),
            words("/launcher via 7 s1 --preamble --no-input --tools last ls --env x")
        );
        assert_eq!(preamble(&environment, Some(Window { columns: 80, rows: 24 })), "0123 80 24\n");
        assert_eq!(preamble(&environment, None), "0123 0 0\n");
    }

    #[test]
    fn an_answer_is_read_strictly() {
        let parse = |line: &str| parse_answer(line.as_bytes(), "s1");
        let user = |uid, gid| Some(NumericUser { uid, gid });
        assert_eq!(parse("opened s1 42 0:7"), Some(Answer::Opened { pid: 42, target: user(0, 7) }));
        assert_eq!(parse("opened s1 42 -"), Some(Answer::Opened { pid: 42, target: None }));
        assert_eq!(parse("failed s1 cannot: x"), Some(Answer::Failed("cannot: x".to_owned())));
        for bad in [
            "",
            "opened s1",
            "opened s1 42",
            "opened s1 0 -",
            "opened s1 +4 -",
            "opened s1 4 1:-1",
            "opened s1 4 1:2:3",
            "opened s1 4 x",
            "opened s2 42 -",
            "opened s1 1/root/../42 -",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_address_leads_nowhere_else() {
        const NAME: &str = "0123456789abcdef0123456789abcdef";
        let parse =
            |pid: &str, name: &str| parse_address(format!("keeper {pid} {name}").as_bytes());
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
