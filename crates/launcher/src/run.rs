//! The launcher: runs one command inside the target, and answers for everything that descends from it.

mod environment;
mod options;

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, io};

use self::options::{Options, Order};
use crate::ending::{Secret, Wait};
use crate::processes::Stat;
use crate::system::{self, END_SESSION, Reap, SIGCHLD, SIGHUP, SIGKILL, Signal, Signals};
use crate::tools::Tools;
use crate::{OWN_FAILURE, denial, entrypoint, processes, root};

/// The codes a shell and every runtime use for a command that was not found, and one that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// So many characters of a name say which is meant.
const LONGEST_NAME: usize = 200;

/// How often the keeper is looked at where it cannot be watched, in milliseconds.
const LOOK_EVERY: i32 = 200;

/// How often where it can be: for whether it was stopped.
const LOOK_AT_WATCHED_EVERY: i32 = 1000;

/// A keeper does not stop by itself. One that is stopped for so long does not see any more whether the client is there.
const STOPPED_FOR: Duration = Duration::from_secs(4);

/// How long what the session started may take to die. It is killed with SIGKILL: longer than this only takes a process
/// of another user, which cannot be signalled, or one that hangs inside the kernel.
const PATIENCE: Duration = Duration::from_secs(2);

/// `KEEPER SESSION [--tools first|last | --beside KEEPER-CONTAINER CONTAINER] [COMMAND [ARG...]]`: runs the command and returns its
/// exit code, and writes it behind the command's output, see [`Secret`]. `program` is what this program was started as.
///
/// - `--tools`: the folder of this program goes to that end of `PATH`; its shell is the command where there is none.
/// - `--beside`: this is a container of its own. It starts in the root of a container's first process, and its keeper is the
///   process of another container.
pub(crate) fn run(program: &Path, arguments: &[OsString]) -> Result<u8, String> {
    // Before anything else.
    let secret = Secret::take();
    let Options { keeper, tools, beside, command } = Options::parse(arguments)?;
    // What the keeper's process id was once told by whoever could write to its output, the kernel tells by its control group.
    let of_container = beside.and_then(|(keeper, _)| processes::first_of_container(keeper));
    let mut keeper = Keeper::watch(of_container.unwrap_or(keeper))?;
    let tools = tools.map(|order| Ok::<_, String>((Tools::beside(program)?, order))).transpose()?;
    // What was just compared is the keeper's, if it was the keeper all the while.
    if tools.is_some() && keeper.is_gone() {
        return Err(GONE.to_owned());
    }
    let shell = tools.as_ref().map(|(tools, _)| [OsString::from(tools.file("sh"))]);
    let (command, arguments) = match (command, &shell) {
        ([command, arguments @ ..], _) => (command, arguments),
        ([], Some([shell])) => (shell, &[][..]),
        ([], None) => return Err("run takes a command".to_owned()),
    };
    let mut process = Command::new(command);
    process.args(arguments).env_remove(Secret::variable());
    if let Some((tools, order)) = &tools {
        process.env("PATH", tools.search_path(&search_path(), *order == Order::First));
        if *order == Order::First {
            environment::choose_nothing(&mut process);
        }
    }
    if let Some((_, container)) = beside {
        // The kernel cannot name a folder outside of our own root: a shell takes this for it, and shows it.
        process.env("PWD", root::enter(container)?);
    }
    system::become_subreaper().map_err(|error| format!("cannot become the session's reaper: {error}"))?;
    let signals = Signals::block_all().map_err(|error| format!("cannot hold back signals: {error}"))?;
    let child = match system::spawn_session(&mut process) {
        Ok(child) => child,
        Err(error) => {
            let code = refuse(command, &error);
            tell(secret.as_ref(), code, &mut keeper, &signals);
            return Ok(code);
        }
    };
    let pid = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    // For when `/proc` cannot be read any more.
    let end_of_ids = processes::end_of_ids();
    let code = supervise(pid, &mut keeper, &signals);
    // However that ended: whoever limits our open files so that we cannot watch any more leaves nothing of the session all the same.
    end_descendants(&signals, end_of_ids);
    let code = code.map_err(|error| format!("cannot watch the session: {error}"))?;
    tell(secret.as_ref(), code, &mut keeper, &signals);
    Ok(code)
}

/// Tells the client how the command ended, for as long as there is a session.
fn tell(secret: Option<&Secret>, code: u8, keeper: &mut Keeper, signals: &Signals) {
    let Some(secret) = secret else { return };
    secret.tell(code, |stream| {
        loop {
            match next_event(keeper, signals, Some(stream))? {
                Event::Over(_) => return Ok(Wait::Over),
                Event::Writable => return Ok(Wait::Ready),
                // They are for a command, or of one.
                Event::Signal(_) | Event::None => {}
            }
        }
    });
}

/// Where the session looks for programs, without the tools.
#[expect(clippy::disallowed_methods, reason = "the environment is the session's, where its command is looked for")]
fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_default()
}

/// Says why the command did not start, with the code that a shell would return.
fn refuse(command: &OsString, error: &io::Error) -> u8 {
    use std::io::Write as _;
    let name = command.to_string_lossy();
    let (text, code) = match error.kind() {
        io::ErrorKind::NotFound if name.contains('/') => ("no such file or directory".to_owned(), NOT_FOUND),
        io::ErrorKind::NotFound => ("command not found".to_owned(), NOT_FOUND),
        io::ErrorKind::PermissionDenied => (denied(command), NOT_EXECUTABLE),
        // EAGAIN: the limit on processes is used up, the target's own or that of its copy.
        io::ErrorKind::WouldBlock if entrypoint::is_in_copy() => {
            let text = "the limit on processes is used up, which the copy has from its original; `docker update \
                        --pids-limit` raises it";
            (text.to_owned(), OWN_FAILURE)
        }
        io::ErrorKind::WouldBlock => {
            ("the target's limit on processes is used up; --mode sidecar needs none of them".to_owned(), OWN_FAILURE)
        }
        _ => (error.to_string(), NOT_EXECUTABLE),
    };
    let shown = name.char_indices().nth(LONGEST_NAME).map_or(&*name, |(end, _)| &name[..end]);
    let more = if shown.len() < name.len() { "..." } else { "" };
    let _unwritten = writeln!(io::stderr(), "scratchdbg: {}{more}: {text}", shown.escape_debug());
    code
}

/// Why the command may not be executed.
fn denied(command: &OsStr) -> String {
    let by_module = if modes_allow(command) { denial::by_module() } else { None };
    by_module.unwrap_or_else(|| "permission denied".to_owned())
}

/// Whether the files' modes, and how they are mounted, allow to execute the command. A security module has no say in
/// `access(2)`: it is asked only when a file is executed.
fn modes_allow(command: &OsStr) -> bool {
    if command.as_bytes().contains(&b'/') {
        return system::may_execute(command.as_ref());
    }
    env::split_paths(&search_path()).any(|folder| system::may_execute(&folder.join(command)))
}

/// Waits until the command ends, and returns its code; or until the session is over, and returns the code of a command
/// that was killed.
fn supervise(command: i32, keeper: &mut Keeper, signals: &Signals) -> io::Result<u8> {
    loop {
        let signal = match next_event(keeper, signals, None)? {
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
            // A terminal signals the whole foreground process group, the command with it. What a process sends (the
            // keeper, on the client's behalf) reaches only us.
            number if signal.from_process => {
                let _gone = system::send(command, number);
            }
            _ => {}
        }
    }
}

/// What a session is waited for.
#[derive(Debug)]
enum Event {
    /// It is over, and this is the code of what it kills.
    Over(u8),
    /// Another signal than one that says so.
    Signal(Signal),
    /// The stream takes something, or fails.
    Writable,
    /// It was time for a look at the keeper.
    None,
}

/// Waits for what comes next.
fn next_event(keeper: &mut Keeper, signals: &Signals, stream: Option<BorrowedFd<'_>>) -> io::Result<Event> {
    let (descriptor, timeout) = match &keeper.descriptor {
        Some(descriptor) => (Some(descriptor.as_fd()), LOOK_AT_WATCHED_EVERY),
        None => (None, LOOK_EVERY),
    };
    let ready = [Some(signals.descriptor()), descriptor, stream];
    let [signalled, keeper_ended, writable] = system::wait_readable_or_last_writable(ready, Some(timeout))?;
    if keeper_ended || keeper.does_not_answer() {
        return Ok(Event::Over(system::killed_by(SIGKILL)));
    }
    if !signalled {
        return Ok(if writable { Event::Writable } else { Event::None });
    }
    let signal = signals.next()?;
    Ok(match signal.number {
        // The keeper says that the client is done, or gone.
        END_SESSION if signal.from_process => Event::Over(system::killed_by(SIGKILL)),
        // The terminal is gone, and with it the client.
        SIGHUP if !signal.from_process => Event::Over(system::killed_by(SIGHUP)),
        _ => Event::Signal(signal),
    })
}

/// Kills and reaps until nothing is left, or something cannot be killed. Killing a child hands its own children
/// to us, the subreaper: each round goes one generation deeper, and a process that left the session's process group or
/// terminal is found all the same. Where `/proc` cannot be read, each process id is asked for, which takes its time.
fn end_descendants(signals: &Signals, end_of_ids: i32) {
    let own = std::process::id().cast_signed();
    let mut deadline = Instant::now() + PATIENCE;
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
            let among = |ids: std::ops::Range<i32>| ids.filter(|&pid| system::is_child(pid)).collect::<Vec<_>>();
            // As a rule they are among those that were given away next.
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
        // A child's end is signalled. The short limit covers a signal that was merged with an earlier one.
        match system::wait_readable([Some(signals.descriptor())], Some(20)) {
            Ok([true]) => drop(signals.next()),
            Ok([false]) => {}
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// So many process ids are looked at first where each has to be.
const NEXT_IDS: i32 = 1 << 15;

/// The keeper is not there any more.
const GONE: &str = "the keeper of this session is gone";

/// The keeper of this session, watched for its end.
struct Keeper {
    pid: i32,
    start_time: u64,
    /// Absent where the kernel or a seccomp profile of the target refuses `pidfd_open`.
    descriptor: Option<OwnedFd>,
    /// Since when it is seen stopped.
    stopped: Option<Instant>,
}

impl Keeper {
    /// Fails when the keeper is gone already, or must not be seen.
    fn watch(pid: i32) -> Result<Self, String> {
        let start_time = match processes::stat(pid) {
            Ok(stat) => stat.start_time,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let why = denial::by_module().unwrap_or_else(|| error.to_string());
                return Err(format!("cannot see the keeper of this session: {why}"));
            }
            Err(_) => return Err(GONE.to_owned()),
        };
        let keeper = Self { pid, start_time, descriptor: system::process_descriptor(pid).ok(), stopped: None };
        if keeper.is_gone() { Err(GONE.to_owned()) } else { Ok(keeper) }
    }

    /// What it is doing. A process id alone may have been given to another process by now.
    fn state(&self) -> Option<Stat> {
        processes::stat(self.pid).ok().filter(|stat| stat.start_time == self.start_time && !stat.is_zombie())
    }

    fn is_gone(&self) -> bool {
        self.state().is_none()
    }

    /// It is gone, or was stopped. One that was stopped is killed: the client may be gone, and then nobody else would do it.
    fn does_not_answer(&mut self) -> bool {
        let Some(state) = self.state() else { return true };
        if !state.is_stopped() {
            self.stopped = None;
            return false;
        }
        if self.stopped.get_or_insert_with(Instant::now).elapsed() <= STOPPED_FOR {
            return false;
        }
        let _ended = match &self.descriptor {
            Some(descriptor) => system::send_to(descriptor.as_fd(), SIGKILL),
            None => system::send(self.pid, SIGKILL),
        };
        true
    }
}
