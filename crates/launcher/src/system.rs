//! The few system calls that the standard library does not offer, each behind a safe function.
//!
//! This is the only module with `unsafe` code. The functions are declared by hand, because the
//! program is compiled without any crate. Their signatures are those of the C library on Linux.

#![expect(unsafe_code, reason = "system calls the standard library does not wrap")]

mod arguments;
mod fork;
pub(crate) mod namespaces;
mod rights;
mod signals;

pub(crate) use self::signals::{
    END_SESSION, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM,
};
use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

pub(crate) use self::arguments::rename_role;
pub(crate) use self::fork::{fork_and_run, fork_beside};
pub(crate) use self::rights::{group, groups, may_execute, set_groups, user};

unsafe extern "C" {
    fn prctl(option: c_int, arg2: c_ulong, arg3: c_ulong, arg4: c_ulong, arg5: c_ulong) -> c_int;
    fn sigemptyset(set: *mut SignalSet) -> c_int;
    fn sigfillset(set: *mut SignalSet) -> c_int;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn signalfd(fd: c_int, mask: *const SignalSet, flags: c_int) -> c_int;
    fn waitid(kind: c_int, id: c_uint, info: *mut c_void, options: c_int) -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn read(fd: c_int, buffer: *mut c_void, count: usize) -> isize;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    fn getppid() -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn getenv(name: *const c_char) -> *mut c_char;
    fn getrandom(buffer: *mut c_void, count: usize, flags: c_uint) -> isize;
}

/// `sigset_t`: 1024 bits in both glibc and musl.
#[repr(C)]
struct SignalSet([c_ulong; 1024 / c_ulong::BITS as usize]);

/// `struct pollfd`.
#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

const PR_SET_PDEATHSIG: c_int = 1;
const PR_SET_DUMPABLE: c_int = 4;
const PR_SET_CHILD_SUBREAPER: c_int = 36;
/// The same number on all architectures but MIPS, PowerPC, SPARC and Alpha, where the call fails.
const TIOCSWINSZ: c_ulong = 0x5414;
const F_DUPFD: c_int = 0;
const F_GETFL: c_int = 3;
const F_SETFL: c_int = 4;
const O_NONBLOCK: c_int = 0o4000;
const SIG_SETMASK: c_int = 2;
const SFD_CLOEXEC: c_int = 0o2_000_000;
const WNOHANG: c_int = 1;
const WEXITED: c_int = 4;
const WNOWAIT: c_int = 0x0100_0000;
const P_PID: c_int = 1;
/// `siginfo_t` is 128 bytes on every architecture.
const SIGINFO_WORDS: usize = 128 / size_of::<u64>();
const POLLIN: i16 = 1;
const POLLOUT: i16 = 4;
/// These have the same number on every architecture: they came after the tables were unified.
const SYS_PIDFD_SEND_SIGNAL: c_long = 424;
const SYS_PIDFD_OPEN: c_long = 434;
/// `struct signalfd_siginfo` is 128 bytes on every architecture.
const SIGNAL_INFO_SIZE: usize = 128;

/// Makes this process the subreaper of its orphaned descendants, see `prctl(2)`.
pub(crate) fn become_subreaper() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Makes this process inaccessible to others of the same user: its memory, environment and
/// descriptors (`ptrace(2)`, "Ptrace access mode checking"). Only `SYS_PTRACE` overrides this. A
/// command started by this process is not affected: `execve(2)` resets it.
pub(crate) fn make_inaccessible() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}

/// Makes this process accessible again.
pub(crate) fn make_accessible() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) }).map(drop)
}

/// Redirects standard output and standard error.
pub(crate) fn redirect_output(elsewhere: BorrowedFd<'_>) -> io::Result<()> {
    for number in [1, 2] {
        // SAFETY: takes no pointer. The standard library does not own these two descriptors: it
        // uses them by number.
        check(unsafe { dup2(elsewhere.as_raw_fd(), number) })?;
    }
    Ok(())
}

/// Returns the value of an environment variable, and wipes it from the memory that
/// `/proc/PID/environ` shows. Only for use before there is a second thread.
pub(crate) fn take_variable(name: &CStr) -> Option<Vec<u8>> {
    // SAFETY: the name ends with a zero byte. The result is null, or a string of the environment
    // that this process was started with, on its stack. Nobody else writes there or to the
    // environment, as there is only one thread. The value is overwritten up to the zero byte, which
    // stays.
    unsafe {
        let value = getenv(name.as_ptr());
        if value.is_null() {
            return None;
        }
        let bytes = CStr::from_ptr(value).to_bytes().to_vec();
        for at in 0..bytes.len() {
            value.add(at).write_volatile(0);
        }
        Some(bytes)
    }
}

/// Sets the size of a terminal, see `TIOCSWINSZ(2const)`. Fails if the descriptor is none.
pub(crate) fn set_window(terminal: BorrowedFd<'_>, columns: u16, rows: u16) -> io::Result<()> {
    // `struct winsize`: rows, columns, and two fields that nobody uses.
    let size = [rows, columns, 0, 0];
    // SAFETY: the call reads a `struct winsize`, which is four 16-bit numbers.
    check(unsafe { ioctl(terminal.as_raw_fd(), TIOCSWINSZ, size.as_ptr()) }).map(drop)
}

/// Makes a descriptor non-blocking, for all processes that share it.
pub(crate) fn set_nonblocking(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes no pointer.
    unsafe {
        let flags = check(fcntl(descriptor.as_raw_fd(), F_GETFL))?;
        check(fcntl(descriptor.as_raw_fd(), F_SETFL, flags | O_NONBLOCK)).map(drop)
    }
}

/// A received signal, and whether a process sent it (`kill(2)`) rather than the kernel (for a
/// terminal or a child).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signal {
    pub(crate) number: i32,
    pub(crate) from_process: bool,
}

/// All signals of this process, blocked and read in order. Children inherit the mask: see
/// [`spawn_session`].
#[derive(Debug)]
pub(crate) struct Signals(OwnedFd);

impl Signals {
    /// Blocks every signal that can be blocked, and opens a descriptor to read them.
    pub(crate) fn block_all() -> io::Result<Self> {
        let mut set = SignalSet([0; _]);
        // SAFETY: `set` is a valid `sigset_t` for the three calls, and a null old mask is allowed.
        // Nobody else owns the descriptor that `signalfd` returns.
        unsafe {
            check(sigfillset(&raw mut set))?;
            check(sigprocmask(SIG_SETMASK, &raw const set, std::ptr::null_mut()))?;
            let fd = check(signalfd(-1, &raw const set, SFD_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Waits for the next signal.
    pub(crate) fn next(&self) -> io::Result<Signal> {
        let mut info = [0_u8; SIGNAL_INFO_SIZE];
        // SAFETY: the buffer is as long as the count given.
        let count = unsafe { read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), info.len()) };
        if count < 0 {
            return Err(io::Error::last_os_error());
        }
        // struct signalfd_siginfo: u32 ssi_signo, i32 ssi_errno, i32 ssi_code. SI_USER is 0,
        // SI_TKILL is -6.
        let word =
            |at: usize| i32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
        Ok(Signal { number: word(0), from_process: matches!(word(8), 0 | -6) })
    }

    /// The descriptor, for [`wait_readable`].
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.0)
    }
}

/// Starts a command that is killed when this process ends, with no signal blocked. The standard
/// library would pass on our mask, and then the command could not be interrupted.
pub(crate) fn spawn_session(command: &mut Command) -> io::Result<Child> {
    let own = std::process::id().cast_signed();
    let prepare = move || {
        let mut set = SignalSet([0; _]);
        // SAFETY: `set` is a valid `sigset_t` for both calls, and a null old mask is allowed. The
        // others take no pointer.
        unsafe {
            check(prctl(PR_SET_PDEATHSIG, SIGKILL as c_ulong, 0, 0, 0))?;
            // The parent may have ended before the call took effect.
            if getppid() != own {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            check(sigemptyset(&raw mut set))?;
            check(sigprocmask(SIG_SETMASK, &raw const set, std::ptr::null_mut())).map(drop)
        }
    };
    // SAFETY: between fork and exec, only functions are called that are safe there
    // (`signal-safety(7)`) or are bare system calls. The closure neither allocates nor takes a
    // lock.
    unsafe { command.pre_exec(prepare) }.spawn()
}

/// Duplicates a descriptor so that commands inherit it, with this number or the next free one.
pub(crate) fn inheritable(descriptor: BorrowedFd<'_>, number: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer. Nobody else owns the returned descriptor.
    unsafe {
        check(fcntl(descriptor.as_raw_fd(), F_DUPFD, number)).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Returns random bytes from the kernel.
pub(crate) fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: the buffer is as long as the count given.
    let count = unsafe { getrandom(bytes.as_mut_ptr().cast(), N, 0) };
    match usize::try_from(count) {
        Ok(count) if count == N => Ok(bytes),
        Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// The process id of a child that ended, and its exit code: its own, or 128 + n for signal n.
pub(crate) struct Reaped {
    pub(crate) pid: i32,
    pub(crate) code: u8,
}

/// The result of [`reap`].
pub(crate) enum Reap {
    /// A child had ended and was reaped.
    Child(Reaped),
    /// There are children, and none of them has ended.
    Running,
    /// There are no children.
    NoChild,
}

/// Reaps one child, if one has ended.
pub(crate) fn reap() -> Reap {
    let mut status: c_int = 0;
    // SAFETY: `status` is a valid place for the result.
    let pid = unsafe { waitpid(-1, &raw mut status, WNOHANG) };
    match pid {
        0 => Reap::Running,
        pid if pid > 0 => Reap::Child(Reaped { pid, code: exit_code(status) }),
        _ => Reap::NoChild,
    }
}

/// Whether a process is a child of this one, ended or not. Opens no file.
pub(crate) fn is_child(pid: i32) -> bool {
    let mut info = [0_u64; SIGINFO_WORDS];
    // SAFETY: `info` is as long as a `siginfo_t`, and aligned as one.
    pid > 0
        && unsafe {
            waitid(
                P_PID,
                pid.cast_unsigned(),
                info.as_mut_ptr().cast(),
                WNOHANG | WEXITED | WNOWAIT,
            )
        } == 0
}

/// Converts a wait status to an exit code, see `wait(2)`: the low seven bits are a signal, else the
/// next eight bits a code.
fn exit_code(status: c_int) -> u8 {
    match status & 0x7f {
        0 => u8::try_from((status >> 8) & 0xff).unwrap_or(u8::MAX),
        signal => killed_by(signal),
    }
}

/// Returns the exit code of a command that was killed by a signal.
pub(crate) fn killed_by(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Sends a signal. Fails if the process is gone or belongs to another user.
pub(crate) fn send(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { kill(pid, signal) }).map(drop)
}

/// Sends a signal to the process of a descriptor, even if its process id was reused.
pub(crate) fn send_to(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: a null `siginfo_t` is allowed: it is then what kill(2) sends.
    let result = unsafe {
        let info = std::ptr::null_mut::<c_void>();
        syscall(
            SYS_PIDFD_SEND_SIGNAL,
            c_long::from(process.as_raw_fd()),
            c_long::from(signal),
            info,
            0 as c_uint,
        )
    };
    check(c_int::try_from(result).map_err(io::Error::other)?).map(drop)
}

/// Returns a descriptor that becomes readable when the process ends, see `pidfd_open(2)`.
///
/// Fails if the kernel is older than 5.3, or if a seccomp profile refuses the call.
pub(crate) fn process_descriptor(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer. Nobody else owns the returned descriptor.
    unsafe {
        let fd = syscall(SYS_PIDFD_OPEN, c_long::from(pid), 0 as c_uint);
        let fd = c_int::try_from(fd).map_err(io::Error::other)?;
        check(fd).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Waits until one of the descriptors is readable or closed, for at most `timeout` milliseconds
/// (forever without one). Returns for each whether it is.
pub(crate) fn wait_readable<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    timeout: Option<i32>,
) -> io::Result<[bool; N]> {
    wait(descriptors.map(|fd| fd.map(|fd| (fd, POLLIN))), timeout)
}

/// Like [`wait_readable`], but the last descriptor must be writable or closed.
pub(crate) fn wait_readable_or_last_writable<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    timeout: Option<i32>,
) -> io::Result<[bool; N]> {
    let mut events = descriptors.map(|fd| fd.map(|fd| (fd, POLLIN)));
    if let Some(Some((_, last))) = events.last_mut() {
        *last = POLLOUT;
    }
    wait(events, timeout)
}

fn wait<const N: usize>(
    descriptors: [Option<(BorrowedFd<'_>, i16)>; N],
    timeout: Option<i32>,
) -> io::Result<[bool; N]> {
    let mut polled = descriptors.map(|entry| PollFd {
        // poll(2) ignores negative descriptors.
        fd: entry.map_or(-1, |(fd, _)| fd.as_raw_fd()),
        events: entry.map_or(0, |(_, events)| events),
        revents: 0,
    });
    // SAFETY: the array is as long as the count given.
    let outcome = check(unsafe { poll(polled.as_mut_ptr(), N as c_ulong, timeout.unwrap_or(-1)) });
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok([false; N]),
        Err(error) => Err(error),
        Ok(_) => Ok(polled.map(|entry| entry.revents != 0)),
    }
}

/// Whether a pipe has room for at least 4096 bytes, see `pipe(7)`.
pub(crate) fn is_writable(pipe: BorrowedFd<'_>) -> io::Result<bool> {
    let mut polled = PollFd { fd: pipe.as_raw_fd(), events: POLLOUT, revents: 0 };
    // SAFETY: one entry, as the count says.
    check(unsafe { poll(&raw mut polled, 1, 0) })?;
    Ok(polled.revents == POLLOUT)
}

/// The C library's convention: -1 means that `errno` says why.
fn check(result: c_int) -> io::Result<c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests;
