//! What is started, once the keeper's process id is known.

use super::{Mode, Plan, TOOLKIT_BIN};
use crate::LAUNCHER_NAME;

/// Where `run-entrypoint` (see the launcher) finds the command line of the container.
const ENTRYPOINT_VARIABLE: &str = "SCRATCHDBG_ENTRYPOINT";

/// Where the names of sessions are in a keeper's root (see `keep/folder.rs` of the launcher).
pub(crate) const SESSIONS: &str = "/session";

/// What the folder is called, in the root of a container that is not made from the toolkit image, into which the tools are put;
/// the session follows.
pub(crate) const TOOLS_FOLDER_STEM: &str = "/.scratchdbg-";

/// A keeper, as a session needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeeperAddress {
    /// Its process id in the PID namespace of the session.
    pub(crate) pid: u32,
    /// What leads to the tools in its root: random, and known to nobody else.
    pub(crate) name: String,
    /// Its container.
    pub(crate) container: String,
}

impl Plan {
    /// Additions to the environment of the session. The launcher adds the tools to its `PATH`.
    pub(crate) fn session_environment(&self) -> Vec<String> {
        let mut environment = self.environment.clone();
        match self.mode {
            Mode::Exec | Mode::Copy => environment.push(format!("PATH={}", self.target_path)),
            Mode::Sidecar if !self.brings_tools() => environment.push(format!("PATH={TOOLKIT_BIN}")),
            Mode::Sidecar => {}
        }
        if self.mode == Mode::Copy {
            environment.push(format!("{ENTRYPOINT_VARIABLE}={}", encode(&self.entrypoint)));
        }
        environment
    }

    /// The path of the launcher, as the session's process is started with it.
    pub(crate) fn launcher(&self, keeper: &KeeperAddress, session: &str) -> String {
        let folder = match self.mode {
            Mode::Exec => format!("/proc/{}/root{SESSIONS}/{}{TOOLKIT_BIN}", keeper.pid, keeper.name),
            _ if self.brings_tools() => format!("{TOOLS_FOLDER_STEM}{session}{TOOLKIT_BIN}"),
            _ => TOOLKIT_BIN.to_owned(),
        };
        format!("{folder}/{LAUNCHER_NAME}")
    }

    /// The launcher, with the command behind it. Only inside the target it comes by way of the keeper; a container of the
    /// session's own has it in its own root.
    pub(crate) fn session_command(&self, keeper: &KeeperAddress, session: &str) -> Vec<String> {
        let launcher = self.launcher(keeper, session);
        let mut command = vec![launcher, "run".to_owned(), keeper.pid.to_string(), session.to_owned()];
        if self.mode == Mode::Sidecar {
            command.extend(["--beside".to_owned(), keeper.container.clone(), self.target_id.clone()]);
        } else {
            // The target's own programs go first: a session should find what the application would find. But not as another
            // user than the application: its programs would get rights that it has not.
            let place = if self.tools_first { "first" } else { "last" };
            command.extend(["--tools".to_owned(), place.to_owned()]);
        }
        match &self.command[..] {
            // The launcher takes the shell of the tools.
            [] if self.mode != Mode::Sidecar => {}
            [] if self.brings_tools() => command.push("sh".to_owned()),
            [] => command.push(format!("{TOOLKIT_BIN}/sh")),
            given => command.extend_from_slice(given),
        }
        command
    }
}

/// Arguments as one value: one a line, with `\` and newlines escaped.
fn encode(arguments: &[String]) -> String {
    let escaped: Vec<_> = arguments.iter().map(|word| word.replace('\\', "\\\\").replace('\n', "\\n")).collect();
    escaped.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{AttachRequest, plan};
    use crate::target::tests::target;
    use crate::{NumericUser, Target};

    fn decide(target: &Target, request: &AttachRequest) -> Plan {
        plan(target, NumericUser { uid: 1, gid: 1 }, request).unwrap()
    }

    fn keeper() -> KeeperAddress {
        KeeperAddress { pid: 7, name: "abc".to_owned(), container: "k1".to_owned() }
    }

    #[test]
    fn the_targets_path_goes_first_unless_its_programs_would_gain_by_it() {
        let own = Target { env: vec!["PATH=/app/bin".to_owned()], ..target() };
        let plan = decide(&own, &AttachRequest::default());
        assert_eq!(plan.session_environment(), ["PATH=/app/bin"]);
        assert_eq!(plan.session_command(&keeper(), "s1")[4..], ["--tools", "last"]);
        let plan = decide(&target(), &AttachRequest::default());
        assert!(plan.session_environment()[0].ends_with(":/bin"));
        let request = AttachRequest { user: Some("0:0".to_owned()), ..AttachRequest::default() };
        let raised = crate::plan::plan(&target(), NumericUser { uid: 0, gid: 0 }, &request).unwrap();
        assert_eq!(raised.session_command(&keeper(), "s1")[4..], ["--tools", "first"]);
        assert!(raised.is_exposed_to_neighbours());
    }

    #[test]
    fn another_user_than_the_targets_own_finds_the_tools_first_in_every_mode() {
        for (own, asked, numbers, is_own) in [
            ("", None, (0, 0), true),
            ("", Some("0"), (0, 0), true),
            ("", Some("0:7"), (0, 7), false),
            ("", Some("1000"), (1000, 1000), false),
            ("1000", None, (1000, 1000), true),
            ("1000", Some("1000"), (1000, 1000), true),
            ("1000:1000", Some("1000"), (1000, 1000), true),
            ("1000:1000", Some("1000:0"), (1000, 0), false),
            ("app", Some("app"), (7, 7), true),
            // Who that is the image decides.
            ("root", Some("0"), (0, 0), false),
            ("app", Some("0"), (0, 0), false),
        ] {
            for mode in [Mode::Exec, Mode::Copy] {
                for podman in [false, true] {
                    let target = Target { user: own.to_owned(), env: vec!["PS1=$(/evil)".to_owned()], ..target() };
                    let user = asked.map(str::to_owned);
                    let request = AttachRequest { mode: Some(mode), podman, user, ..AttachRequest::default() };
                    let user = NumericUser { uid: numbers.0, gid: numbers.1 };
                    let plan = crate::plan::plan(&target, user, &request).unwrap();
                    let place = if is_own { "last" } else { "first" };
                    let command = plan.session_command(&keeper(), "s1");
                    assert_eq!(command[4..6], ["--tools", place], "{own:?} {asked:?} {mode:?} {podman}");
                    let prompt = plan.session_environment().iter().any(|entry| entry.starts_with("PS1="));
                    assert_eq!(prompt, !is_own, "the prompt is never the image's there");
                }
            }
        }
    }

    #[test]
    fn a_sidecar_is_no_gain_to_who_could_trace_it() {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let set = |add: &[&str]| scratchdbg_diagnose::capability::bounding_set(false, &list(add), &[]);
        for (asked, bounding_set, gain) in [
            (&[][..], set(&[]), false),
            (&[], set(&["SYS_PTRACE"]), false),
            (&["NET_ADMIN"], set(&[]), false),
            (&["NET_ADMIN"], set(&["SYS_PTRACE"]), true),
            (&["ALL"], set(&["SYS_PTRACE"]), true),
            (&["NET_ADMIN"], set(&["SYS_PTRACE", "CAP_NET_ADMIN"]), false),
            (&["CAP_DAC_READ_SEARCH"], set(&["sys_ptrace"]), true),
            (&["ALL"], set(&["ALL"]), false),
        ] {
            let capabilities = list(asked);
            let request = AttachRequest { mode: Some(Mode::Sidecar), capabilities, ..AttachRequest::default() };
            let plan = crate::plan::plan(&target(), NumericUser { uid: 0, gid: 0 }, &request).unwrap();
            assert_eq!(plan.is_gain_to(bounding_set), gain, "{asked:?} {bounding_set:x}");
        }
    }

    #[test]
    fn arguments_are_passed_on_untouched() {
        let command = vec!["sh".to_owned(), "-c".to_owned(), "echo $HOME; exit 42".to_owned()];
        let plan = decide(&target(), &AttachRequest { command: command.clone(), ..AttachRequest::default() });
        let started = plan.session_command(&keeper(), "s1");
        assert_eq!(started[..4], ["/proc/7/root/session/abc/bin/scratchdbg-launcher", "run", "7", "s1"]);
        assert_eq!(started[4..6], ["--tools", "last"]);
        assert_eq!(started[6..], command);
        let request = AttachRequest { command: command.clone(), tty: true, ..AttachRequest::default() };
        assert_eq!(decide(&target(), &request).session_command(&keeper(), "s1")[6..], command);
    }

    #[test]
    fn only_a_session_inside_the_target_comes_by_way_of_a_process() {
        let modes = [Mode::Exec, Mode::Sidecar, Mode::Copy]
            .map(|mode| AttachRequest { mode: Some(mode), ..AttachRequest::default() });
        let own = AttachRequest { tools_image: Some("tools:1".to_owned()), ..AttachRequest::default() };
        let starts = ["/proc/7/root/session/abc/bin/", "/bin/", "/.scratchdbg-s1/bin/", "/.scratchdbg-s1/bin/"];
        for (request, start) in modes.iter().chain([&own]).zip(starts) {
            let command = decide(&target(), request).session_command(&keeper(), "s1");
            assert_eq!(command[0], format!("{start}scratchdbg-launcher"), "{request:?}");
            let ways = command.iter().filter(|word| word.contains("/proc/")).count();
            assert_eq!(ways, usize::from(request.mode == Some(Mode::Exec)), "{command:?}");
        }
    }

    #[test]
    fn a_sidecar_starts_in_the_targets_root() {
        let request = AttachRequest { mode: Some(Mode::Sidecar), ..AttachRequest::default() };
        let started = decide(&target(), &request).session_command(&keeper(), "s1");
        assert_eq!(started[4..], ["--beside", "k1", "0123", "/bin/sh"]);
        let request = AttachRequest { tools_image: Some("tools:1".to_owned()), ..AttachRequest::default() };
        let plan = decide(&target(), &request);
        assert_eq!(plan.session_command(&keeper(), "s1")[7..], ["sh"]);
        assert!(plan.session_environment().is_empty(), "tools of one's own keep their PATH");
    }

    #[test]
    fn a_copy_knows_the_command_line() {
        let target = Target { command_line: vec!["/app".to_owned(), "a\nb\\".to_owned()], ..target() };
        let plan = decide(&target, &AttachRequest { mode: Some(Mode::Copy), ..AttachRequest::default() });
        let environment = plan.session_environment();
        assert_eq!(environment.last().unwrap(), "SCRATCHDBG_ENTRYPOINT=/app\na\\nb\\\\");
    }
}
