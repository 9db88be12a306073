//! What is started, once the keeper's process id is known.

use super::{Mode, Plan, TOOLKIT_BIN};
use crate::LAUNCHER_NAME;

/// Where `run-entrypoint` (see the launcher) finds the command line of the container.
const ENTRYPOINT_VARIABLE: &str = "SCRATCHDBG_ENTRYPOINT";

impl Plan {
    /// Additions to the environment of the session.
    pub(crate) fn session_environment(&self, keeper: u32) -> Vec<String> {
        let mut environment = self.environment.clone();
        match self.mode {
            // The target's own programs go first: a session should find what the application would find.
            Mode::Exec | Mode::Copy => {
                environment.push(format!("PATH={}:{}", self.target_path, in_keeper(keeper, TOOLKIT_BIN)));
            }
            Mode::Sidecar if self.sidecar_image == self.toolkit_image => {
                environment.push(format!("PATH={TOOLKIT_BIN}"));
            }
            Mode::Sidecar => {}
        }
        if self.mode == Mode::Copy {
            environment.push(format!("{ENTRYPOINT_VARIABLE}={}", encode(&self.entrypoint)));
        }
        environment
    }

    /// Whether the launcher tells the exit code behind the command's output. A terminal may be stopped, and is for
    /// people; a container of the session's own is waited for anyway.
    pub(crate) fn tells_code(&self) -> bool {
        self.mode == Mode::Exec && !self.tty
    }

    /// The launcher, with the command behind it.
    pub(crate) fn session_command(&self, keeper: u32, session: &str) -> Vec<String> {
        let mut command = vec![launcher(keeper), "run".to_owned(), keeper.to_string(), session.to_owned()];
        if self.tells_code() {
            command.push("--tell".to_owned());
        }
        if self.mode == Mode::Sidecar {
            command.extend(["--in-root-of".to_owned(), self.target_id.clone()]);
        }
        if !self.command.is_empty() {
            command.extend_from_slice(&self.command);
        } else if self.mode == Mode::Sidecar && self.sidecar_image != self.toolkit_image {
            command.push("sh".to_owned());
        } else {
            command.push(in_keeper(keeper, &format!("{TOOLKIT_BIN}/sh")));
        }
        command
    }
}

/// The launcher of a keeper.
fn launcher(keeper: u32) -> String {
    in_keeper(keeper, &format!("{TOOLKIT_BIN}/{LAUNCHER_NAME}"))
}

/// A file of the keeper's image, as a process that shares its PID namespace reaches it.
fn in_keeper(keeper: u32, path: &str) -> String {
    format!("/proc/{keeper}/root{path}")
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

    #[test]
    fn the_targets_path_goes_first() {
        let own = Target { env: vec!["PATH=/app/bin".to_owned()], ..target() };
        let plan = decide(&own, &AttachRequest::default());
        assert_eq!(plan.session_environment(7), ["PATH=/app/bin:/proc/7/root/bin"]);
        let plan = decide(&target(), &AttachRequest::default());
        assert!(plan.session_environment(7)[0].ends_with(":/bin:/proc/7/root/bin"));
    }

    #[test]
    fn arguments_are_passed_on_untouched() {
        let command = vec!["sh".to_owned(), "-c".to_owned(), "echo $HOME; exit 42".to_owned()];
        let plan = decide(&target(), &AttachRequest { command: command.clone(), ..AttachRequest::default() });
        let started = plan.session_command(7, "s1");
        assert_eq!(started[..4], ["/proc/7/root/bin/scratchdbg-launcher", "run", "7", "s1"]);
        assert_eq!(started[4..], [&["--tell".to_owned()], &command[..]].concat());
        let request = AttachRequest { command: command.clone(), tty: true, ..AttachRequest::default() };
        assert_eq!(decide(&target(), &request).session_command(7, "s1")[4..], command);
    }

    #[test]
    fn a_sidecar_starts_in_the_targets_root() {
        let request = AttachRequest { mode: Some(Mode::Sidecar), ..AttachRequest::default() };
        let started = decide(&target(), &request).session_command(7, "s1");
        assert_eq!(started[4..], ["--in-root-of", "0123", "/proc/7/root/bin/sh"]);
        let request = AttachRequest { tools_image: Some("tools:1".to_owned()), ..AttachRequest::default() };
        let plan = decide(&target(), &request);
        assert_eq!(plan.session_command(7, "s1")[6..], ["sh"]);
        assert!(plan.session_environment(7).is_empty(), "tools of one's own keep their PATH");
    }

    #[test]
    fn a_copy_knows_the_command_line() {
        let target = Target { command_line: vec!["/app".to_owned(), "a\nb\\".to_owned()], ..target() };
        let plan = decide(&target, &AttachRequest { mode: Some(Mode::Copy), ..AttachRequest::default() });
        let environment = plan.session_environment(1);
        assert_eq!(environment.last().unwrap(), "SCRATCHDBG_ENTRYPOINT=/app\na\\nb\\\\");
    }
}
