//! What `attach` will do: a pure function from what the engine says and what the user asks to a plan.
//!
//! No I/O happens here, so that every decision can be tested as a table and shown to the user with its reason.

use serde::Serialize;

use crate::target::{State, Target};
use crate::user::NumericUser;

/// Where a toolkit's programs are, below the root of the keeper.
pub const TOOLKIT_BIN: &str = "/bin";

/// What Docker gives a process when its image sets no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the user asks of `attach`.
#[derive(Debug, Clone, Default)]
pub struct AttachRequest {
    /// The command and its arguments; empty for an interactive shell.
    pub command: Vec<String>,
    /// `--user`, in exec's own form: `user[:group]`.
    pub user: Option<String>,
    /// The session gets a terminal.
    pub tty: bool,
    /// The client's `TERM`.
    pub term: Option<String>,
    /// The toolkit image that the keeper is made from.
    pub toolkit_image: String,
}

/// How a session comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The engine starts the session inside the target itself, from the files of the keeper.
    Exec,
}

impl Mode {
    /// As `--mode` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
        }
    }
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
    /// Who the keeper and the session's process run as.
    pub user: NumericUser,
    /// What exec is told. Nothing when the target's own user is meant: the engine then adds the groups it belongs to.
    pub exec_user: Option<String>,
    /// The session gets a terminal.
    pub tty: bool,
    /// The image of the keeper.
    pub toolkit_image: String,
    /// The command; empty for the toolkit's shell.
    pub command: Vec<String>,
    /// Additions to the target's environment. `PATH` is not among them: it depends on the keeper's process id.
    pub environment: Vec<String>,
    /// The target's `PATH`.
    pub target_path: String,
}

/// Why a container cannot be attached to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There are no processes to join.
    #[error("container `{name}` is not running, it is {}", state.as_str())]
    NotRunning {
        /// The container.
        name: String,
        /// Its state.
        state: State,
    },
    /// The engine refuses exec while the processes are frozen.
    #[error("container `{name}` is paused")]
    Paused {
        /// The container.
        name: String,
    },
}

/// Decides. `user` is who the session's process will be, in numbers.
pub fn plan(target: &Target, user: NumericUser, request: &AttachRequest) -> Result<Plan, Refusal> {
    match target.state {
        State::Running => {}
        State::Paused => return Err(Refusal::Paused { name: target.name.clone() }),
        state @ (State::Created | State::Restarting | State::Removing | State::Exited | State::Dead) => {
            return Err(Refusal::NotRunning { name: target.name.clone(), state });
        }
    }
    let mut environment = Vec::new();
    if request.tty {
        environment.push(format!("TERM={}", request.term.as_deref().unwrap_or("xterm")));
        if request.command.is_empty() {
            environment.push(format!("PS1={}", prompt(&target.name)));
        }
    }
    let target_path = target.env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    Ok(Plan {
        mode: Mode::Exec,
        target_id: target.id.clone(),
        target_name: target.name.clone(),
        user,
        exec_user: request.user.clone(),
        tty: request.tty,
        toolkit_image: request.toolkit_image.clone(),
        command: request.command.clone(),
        environment,
        target_path: target_path.to_owned(),
    })
}

/// A prompt that says which container this is. The engine's rules leave nothing in a name that a shell would read.
fn prompt(name: &str) -> String {
    format!("{name}:$PWD \\$ ")
}

impl Plan {
    /// The environment that exec is given, once the keeper's process id is known.
    pub(crate) fn exec_environment(&self, keeper: u32) -> Vec<String> {
        let mut environment = self.environment.clone();
        // The target's own programs go first: a session should find what the application would find.
        environment.push(format!("PATH={}:{}", self.target_path, in_keeper(keeper, TOOLKIT_BIN)));
        environment
    }

    /// What exec starts: the launcher, with the command behind it.
    pub(crate) fn exec_command(&self, keeper: u32, session: &str) -> Vec<String> {
        let mut command = vec![
            in_keeper(keeper, &format!("{TOOLKIT_BIN}/{}", crate::LAUNCHER_NAME)),
            "run".to_owned(),
            keeper.to_string(),
            session.to_owned(),
        ];
        if self.command.is_empty() {
            command.push(in_keeper(keeper, &format!("{TOOLKIT_BIN}/sh")));
        } else {
            command.extend_from_slice(&self.command);
        }
        command
    }
}

/// A file of the keeper's image, as a process that shares its PID namespace reaches it.
fn in_keeper(keeper: u32, path: &str) -> String {
    format!("/proc/{keeper}/root{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(state: State) -> Target {
        Target {
            id: "0123".to_owned(),
            name: "web".to_owned(),
            state,
            tty: false,
            user: "65532:65532".to_owned(),
            env: vec!["A=b".to_owned()],
            image: "shop/app:1".to_owned(),
            pid_mode: String::new(),
        }
    }

    const USER: NumericUser = NumericUser { uid: 65532, gid: 65532 };

    #[test]
    fn only_a_running_target_has_processes_to_join() {
        let request = AttachRequest::default();
        for state in [State::Created, State::Exited, State::Dead, State::Restarting, State::Removing] {
            let refusal = plan(&target(state), USER, &request).unwrap_err();
            assert_eq!(refusal, Refusal::NotRunning { name: "web".to_owned(), state });
        }
        assert_eq!(plan(&target(State::Paused), USER, &request), Err(Refusal::Paused { name: "web".to_owned() }));
        assert_eq!(plan(&target(State::Running), USER, &request).unwrap().mode, Mode::Exec);
    }

    #[test]
    fn the_targets_path_goes_first() {
        let plain = plan(&target(State::Running), USER, &AttachRequest::default()).unwrap();
        assert_eq!(plain.exec_environment(7), [format!("PATH={DEFAULT_PATH}:/proc/7/root/bin")]);
        let own = Target { env: vec!["PATH=/app/bin".to_owned()], ..target(State::Running) };
        let own = plan(&own, USER, &AttachRequest::default()).unwrap();
        assert_eq!(own.exec_environment(7), ["PATH=/app/bin:/proc/7/root/bin"]);
    }

    #[test]
    fn arguments_are_passed_on_untouched() {
        let command = vec!["sh".to_owned(), "-c".to_owned(), "echo $HOME; exit 42".to_owned()];
        let request = AttachRequest { command: command.clone(), ..AttachRequest::default() };
        let plan = plan(&target(State::Running), USER, &request).unwrap();
        let exec = plan.exec_command(7, "s1");
        assert_eq!(exec[..4], ["/proc/7/root/bin/scratchdbg-launcher", "run", "7", "s1"]);
        assert_eq!(exec[4..], command);
    }

    #[test]
    fn a_shell_with_a_terminal_has_a_prompt_that_names_the_container() {
        let request = AttachRequest { tty: true, term: Some("tmux".to_owned()), ..AttachRequest::default() };
        let plan = plan(&target(State::Running), USER, &request).unwrap();
        assert_eq!(plan.environment, ["TERM=tmux", "PS1=web:$PWD \\$ "]);
        assert_eq!(plan.exec_command(7, "s1")[4..], ["/proc/7/root/bin/sh"]);
    }
}
