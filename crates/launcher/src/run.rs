//! The launcher: runs one command inside the target, and supervises all its descendants.

mod environment;
mod keeper;
mod life;
pub(crate) mod options;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io};

use self::keeper::{GONE, Keeper};
use self::life::{Event, Life};
use self::options::{Options, Order};
use crate::record::{Secret, Wait};
use crate::system::{self, Reap, SIGCHLD, SIGKILL, Signals};
use crate::tools::Tools;
use crate::{
    OWN_FAILURE, advice, denial, entrypoint, ids, mounts, preamble, processes, root, tools,
};

/// The exit codes that shells and runtimes use for a command that was not found, and for one that
/// cannot be executed.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// The maximum number of characters of a command name in a message.
const MAX_NAME: usize = 200;

/// How long the session's processes may take to die after SIGKILL. Only a process of another user,
/// which cannot be signaled, or one that hangs in the kernel takes longer.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// `KEEPER SESSION [--preamble [--no-input] [--env NAME=VALUE]...] [--directory PATH]
/// [--tools first|last | --beside[-with-tools] KEEPER-CONTAINER CONTAINER] [COMMAND [ARG...]]`: runs the command
/// and returns its exit code. Writes the code after the command's output, see [`Secret`]. `program`
/// is the path that this program was started by, `front` the other end of a process that stands for
/// this one before the platform, see [`crate::front`].
///
/// - `--preamble`: the secret is not in the environment, but in the first line of standard input,
///   see [`preamble`]. For platforms on which a command gets no environment of its own.
/// - `--no-input`: the command's standard input is empty.
/// - `--env`: sets a variable for the command.
/// - `--directory`: the command starts there: a path below the root of the target.
/// - `--tools`: adds the folder of this program to that end of `PATH`. The default command is the
///   shell in that folder.
/// - `--beside`: this container was created for the session. The command starts in the root of the
///   container's first process, and the keeper's process belongs to another container. With tools,
///   the folder of this program is added to the end of `PATH` too.
pub(crate) fn run(
    program: &Path,
    arguments: &[OsString],
    front: Option<UnixStream>,
) -> Result<u8, String> {
    // Before anything else.
    let mut secret = Secret::take();
    advice::learn(arguments);
    mounts::check()?;
    ids::check()?;
    let Options { keeper, preamble, no_input, environment, directory, tools, beside, command } =
        Options::parse(arguments)?;
    if preamble {
        secret = Some(preamble::read()?);
    }
    // The process id that the client passed may come from another process that can write to the
    // keeper's output. The control group identifies the keeper reliably.
    let of_container = beside.and_then(|(keeper, _)| processes::first_of_container(keeper));
    let keeper = Keeper::watch(of_container.unwrap_or(keeper))?;
    let tools = tools.map(|order| Ok::<_, String>((Tools::beside(program)?, order))).transpose()?;
    // The folder that was just compared is the keeper's only if the keeper has lived until now.
    if tools.is_some() && keeper.is_gone() {
        return Err(GONE.to_owned());
    }
    let shell = tools.as_ref().map(|(tools, _)| [OsString::from(tools.file("sh"))]);
    let own = tools.as_ref().map(|(tools, _)| OsString::from(tools.file(tools::NAME)));
    let (command, arguments) = match (command, &shell) {
        // This program in another role, whatever the target has under its name.
        ([command, arguments @ ..], _) if command == tools::NAME => {
            (own.as_ref().unwrap_or(command), arguments)
        }
        ([command, arguments @ ..], _) => (command, arguments),
        ([], Some([shell])) => (shell, &[][..]),
        ([], None) => return Err("run takes a command".to_owned()),
    };
    let mut process = Command::new(command);
    process
        .args(arguments)
        .env_remove(Secret::variable())
        .env_remove(ids::variable())
        .envs(environment);
    if no_input {
        process.stdin(Stdio::null());
    }
    if let Some((tools, order)) = &tools {
        process.env("PATH", tools.search_path(&search_path(), *order == Order::First));
        if *order == Order::First {
            environment::remove_unsafe(&mut process);
        }
    }
    // The kernel cannot name a folder outside of our own root. The shell takes its name from this
    // variable.
    let root = match beside {
        Some((_, container)) => root::enter(container, directory.is_some())?,
        None => None,
    };
    if let Some(root) = &root {
        process.env("PWD", root);
    }
    system::become_subreaper()
        .map_err(|error| format!("cannot become the session's reaper: {error}"))?;
    let signals =
        Signals::block_all().map_err(|error| format!("cannot hold back signals: {error}"))?;
    let mut life = Life { keeper, front, signals };
    if let Some(directory) = directory {
        match root::go_to(root.as_deref(), directory) {
            Ok(path) => drop(process.env("PWD", path)),
            Err(message) => {
                let _unwritten = writeln!(io::stderr(), "scratchdbg: {message}");
                tell(secret.as_ref(), OWN_FAILURE, &mut life);
                return Ok(OWN_FAILURE);
            }
        }
    }
    let child = match system::spawn_session(&mut process) {
        Ok(child) => child,
        Err(error) => {
            let code = refuse(command, &error);
            tell(secret.as_ref(), code, &mut life);
            return Ok(code);
        }
    };
    let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    // For later, in case `/proc` can no longer be read.
    let end_of_ids = processes::end_of_ids();
    let code = supervise(pid, &mut life);
    // End the descendants even on an error: limiting our open files must not keep parts of the
    // session alive.
    end_descendants(&life.signals, end_of_ids);
    let code = code.map_err(|error| format!("cannot watch the session: {error}"))?;
    tell(secret.as_ref(), code, &mut life);
    Ok(code)
}

/// Writes the record of how the command ended, unless the session ends first.
fn tell(secret: Option<&Secret>, code: u8, life: &mut Life) {
    let Some(secret) = secret else { return };
    secret.tell(code, |stream| {
        loop {
            match life.next_event(Some(stream))? {
                Event::Over(_) => return Ok(Wait::Over),
                Event::Writable => return Ok(Wait::Ready),
                // These signals are for a command, or from one.
                Event::Signal(_) | Event::None => {}
            }
        }
    });
}

/// The search path of the session, without the tools.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is the session's, where its command is looked for"
)]
fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_default()
}

/// Reports why the command did not start. Returns the exit code that a shell would return.
fn refuse(command: &OsString, error: &io::Error) -> u8 {
    let name = command.to_string_lossy();
    let (text, code) = match error.kind() {
        io::ErrorKind::NotFound if name.contains('/') => {
            ("no such file or directory".to_owned(), NOT_FOUND)
        }
        io::ErrorKind::NotFound => {
            (format!("command not found; {}", advice::platform().more_tools()), NOT_FOUND)
        }
        io::ErrorKind::PermissionDenied => (denied(command), NOT_EXECUTABLE),
        // EAGAIN: the limit on processes is reached, that of the target or of its copy.
        io::ErrorKind::WouldBlock if entrypoint::is_in_copy() => {
            (advice::platform().no_processes_in_copy().to_owned(), OWN_FAILURE)
        }
        io::ErrorKind::WouldBlock => (advice::platform().no_processes().to_owned(), OWN_FAILURE),
        _ => (error.to_string(), NOT_EXECUTABLE),
    };
    let shown = name.char_indices().nth(MAX_NAME).map_or(&*name, |(end, _)| &name[..end]);
    let more = if shown.len() < name.len() { "..." } else { "" };
    let _unwritten = writeln!(io::stderr(), "scratchdbg: {}{more}: {text}", shown.escape_debug());
    code
}

/// Explains why the command may not be executed.
fn denied(command: &OsStr) -> String {
    let by_module = if may_execute_by_mode(command) { denial::by_module() } else { None };
    by_module.unwrap_or_else(|| "permission denied".to_owned())
}

/// Whether file modes and mount options allow executing the command. `access(2)` does not ask a
/// security module: only `execve(2)` does.
fn may_execute_by_mode(command: &OsStr) -> bool {
    if command.as_bytes().contains(&b'/') {
        return system::may_execute(command.as_ref());
    }
    env::split_paths(&search_path()).any(|folder| system::may_execute(&folder.join(command)))
}

/// Waits until the command ends and returns its exit code, or until the session is over and returns
/// the code of a killed command.
fn supervise(command: i32, life: &mut Life) -> io::Result<u8> {
    loop {
        let signal = match life.next_event(None)? {
            Event::Over(code) => return Ok(code),
            Event::Signal(signal) => signal,
            Event::Writable | Event::None => continue,
        };
        match signal.number {
            SIGCHLD => {
                while let Reap::Child(reaped) = system::reap() {
                    if reaped.pid == command {
                        return Ok(reaped.code);
                    }
                }
            }
            // A terminal signals the whole foreground process group, including the command. A
            // signal from a process (the keeper, on the client's behalf) reaches only the launcher.
            number if signal.from_process => {
                let _gone = system::send(command, number);
            }
            _ => {}
        }
    }
}

/// Kills and reaps until no process is left, or some cannot be killed. When a child is killed, its
/// children become ours, because we are the subreaper. So each round reaches one generation deeper,
/// and finds processes that left the session's process group or terminal too. If `/proc` cannot be
/// read, every possible process id is tried, which takes a while.
fn end_descendants(signals: &Signals, end_of_ids: i32) {
    let own = std::process::id().cast_signed();
    let mut deadline = Instant::now() + KILL_TIMEOUT;
    loop {
        match system::reap() {
            Reap::Child(_) => continue,
            Reap::NoChild => return,
            Reap::Running => {}
        }
        if Instant::now() >= deadline {
            return;
        }
        let children = processes::children_of(own).unwrap_or_else(|_| {
            let began = Instant::now();
            let among = |ids: std::ops::Range<i32>| {
                ids.filter(|&pid| system::is_child(pid)).collect::<Vec<_>>()
            };
            // Usually they have the process ids that follow ours.
            let mut found = among(own..own.saturating_add(NEXT_IDS));
            if found.is_empty() {
                found = among(1..end_of_ids);
            }
            deadline += began.elapsed();
            found
        });
        for child in children {
            let _gone = system::send(child, SIGKILL);
        }
        // The end of a child is signaled. The short timeout covers signals that were merged.
        match system::wait_readable([Some(signals.descriptor())], Some(20)) {
            Ok([true]) => drop(signals.next()),
            Ok([false]) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// How many process ids to try first if all have to be tried.
const NEXT_IDS: i32 = 1 << 15;
