//! The signals that ask this command to end: SIGINT, SIGTERM, SIGHUP, SIGQUIT, and those that would
//! end the process by default and that other processes, timers or limits send on purpose: SIGUSR1,
//! SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT.
//!
//! SIGXFSZ has no effect. The write beyond the limit of a file's size (`ulimit -f`) fails instead,
//! with `EFBIG`, and is reported like any other.
//!
//! The first signal cancels the command, which then removes what it created in the engine, within
//! [`Scope::GRACE`]. The second signal ends the command at once. A pipe without a reader, or an
//! engine, may block everything else, so a separate thread receives the signals. The thread ends
//! the process if nothing else does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use scratchdbg_backend::{Interrupts, Scope, sleep_until};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::{fatal, terminal};

/// Whether the first signal is passed on to the command in a session, which may need it to clean
/// up. The session limits the time for that.
static IS_PASSED_ON: AtomicBool = AtomicBool::new(false);

/// Whether the command has ended, and only the process remains to end.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Whether a signal has requested the end.
static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// Whether a message could not be printed after that signal.
static IS_UNHEARD: AtomicBool = AtomicBool::new(false);

/// How long a message may take after a signal. Standard error may be a pipe without a reader.
const MESSAGE_WITHIN: Duration = Duration::from_secs(1);

/// How long a command may take to end by itself, beyond the grace period of its scope.
const AFTER_GRACE: Duration = Duration::from_secs(2);

/// How long `last_words` may take before this module ends the process.
const SAID_WITHIN: Duration = Duration::from_millis(200);

/// How long a command may take to end at once.
const AT_ONCE: Duration = Duration::from_millis(700);

/// Begins to receive the signals. From now on they do not end the process by themselves: each
/// command ends in its own way, so that it leaves nothing behind.
///
/// `passed_on` is the time that a session has after a first signal that it passes on (see
/// [`PassedOn`]). `last_words` is called before this module ends the process; it may block.
///
/// # Errors
///
/// Fails if no signal handler can be installed, or if no thread can be started.
pub fn listen(
    passed_on: Duration,
    last_words: impl FnOnce() + Send + 'static,
) -> std::io::Result<Interrupts> {
    let (sender, codes) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _guard = runtime.enter();
        Signals::open()?
    };
    let receive = move || {
        let code = runtime.block_on(receive(signals, &sender, passed_on));
        terminal::restore();
        // Standard error may be what blocks the process.
        say_within(SAID_WITHIN, last_words);
        end(code);
    };
    std::thread::Builder::new().name("signals".to_owned()).stack_size(256 << 10).spawn(receive)?;
    silence_panics_at_the_end();
    Ok(Interrupts::new(codes))
}

/// Prints a message. Once a signal has requested the end, a message may take at most one second.
/// After a message that could not be printed, no further ones are printed.
pub fn say(print: impl FnOnce() + Send + 'static) {
    if !IS_ASKED.load(Ordering::Relaxed) {
        print();
    } else if !IS_UNHEARD.load(Ordering::Relaxed) && !say_within(MESSAGE_WITHIN, print) {
        IS_UNHEARD.store(true, Ordering::Relaxed);
    }
}

/// Prints on a separate thread, which may be left behind. Returns whether the message was printed
/// within the limit.
fn say_within(limit: Duration, print: impl FnOnce() + Send + 'static) -> bool {
    let Ok(said) = std::thread::Builder::new().spawn(print) else { return false };
    let deadline = std::time::Instant::now() + limit;
    while !said.is_finished() && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    said.is_finished()
}

/// Marks the command as ended, by itself or by a signal. From now on, panics are not printed if
/// they occur on threads whose work is no longer needed.
pub fn ending() {
    IS_ENDING.store(true, Ordering::Relaxed);
}

fn silence_panics_at_the_end() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IS_ENDING.load(Ordering::Relaxed) {
            print(panic);
        }
    }));
}

/// While this exists, the first signal is passed on to the command in a session.
#[derive(Debug)]
pub struct PassedOn(());

impl PassedOn {
    /// Begins to pass on the first signal.
    pub fn begin() -> Self {
        IS_PASSED_ON.store(true, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        IS_PASSED_ON.store(false, Ordering::Relaxed);
    }
}

/// Sends the codes of signals to the command until the process must end. Returns its exit code.
async fn receive(
    mut signals: Signals,
    sender: &mpsc::UnboundedSender<u8>,
    passed_on: Duration,
) -> u8 {
    let mut first = None;
    let mut count = 0;
    let mut limit = None;
    loop {
        let code = tokio::select! {
            code = signals.next() => code,
            () = sleep_until(limit) => return first.unwrap_or(1),
        };
        IS_ASKED.store(true, Ordering::Relaxed);
        let _ended = sender.send(code);
        first.get_or_insert(code);
        count += 1;
        let at = tokio::time::Instant::now()
            + time_left(count, IS_PASSED_ON.load(Ordering::Relaxed).then_some(passed_on));
        limit = Some(limit.map_or(at, |limit: tokio::time::Instant| limit.min(at)));
    }
}

/// Returns how long the process may take to end after `count` signals. `passed_on` is the time for
/// a first signal that is passed on.
fn time_left(count: u32, passed_on: Option<Duration>) -> Duration {
    match (count, passed_on) {
        (1, Some(limit)) => limit,
        (1, None) | (2, Some(_)) => Scope::GRACE + AFTER_GRACE,
        _ => AT_ONCE,
    }
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "everything that would end the process in another way is blocked"
)]
fn end(code: u8) {
    ending();
    std::process::exit(code.into());
}

/// The signals that end a command.
#[derive(Debug)]
struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    fn open() -> std::io::Result<Self> {
        let asking = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ];
        let ending = [
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
            SignalKind::alarm(),
            SignalKind::from_raw(libc::SIGVTALRM),
            SignalKind::from_raw(libc::SIGPROF),
            SignalKind::from_raw(libc::SIGXCPU),
            SignalKind::io(),
            SignalKind::from_raw(libc::SIGPWR),
            SignalKind::from_raw(libc::SIGSTKFLT),
        ];
        // The parent process may have set these signals to be ignored. They do not end the command
        // then.
        let is_ignored = |kind: &SignalKind| fatal::is_ignored(kind.as_raw_value());
        let ending = ending.into_iter().filter(|kind| !is_ignored(kind));
        // Its handler stays, and does nothing. Programs that this process starts do not inherit a
        // handler, as they would inherit that the signal is ignored.
        let file_size = SignalKind::from_raw(libc::SIGXFSZ);
        if !is_ignored(&file_size) {
            drop(signal(file_size)?);
        }
        asking
            .into_iter()
            .chain(ending)
            .map(|kind| Ok((kind, signal(kind)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    async fn next(&mut self) -> u8 {
        let kind = std::future::poll_fn(|context| {
            let received = self
                .0
                .iter_mut()
                .find_map(|(kind, signal)| signal.poll_recv(context).is_ready().then_some(*kind));
            received.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        u8::try_from(128 + kind.as_raw_value()).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_nobody_takes_are_not_waited_for() {
        use std::io::Write as _;
        assert!(say_within(Duration::from_mins(1), || ()));
        // The pipe has no reader, so it fills up.
        let (reader, mut writer) = std::io::pipe().unwrap();
        assert!(!say_within(Duration::from_millis(50), move || {
            while writer.write_all(&[0; 4096]).is_ok() {}
        }));
        drop(reader);
    }

    #[tokio::test]
    async fn every_signal_that_would_end_the_command_is_received() {
        let mut signals = Signals::open().unwrap();
        for number in [
            libc::SIGHUP,
            libc::SIGUSR1,
            libc::SIGUSR2,
            libc::SIGALRM,
            libc::SIGVTALRM,
            libc::SIGPROF,
            libc::SIGXCPU,
            libc::SIGIO,
            libc::SIGPWR,
            libc::SIGSTKFLT,
        ] {
            // It is sent first, and has no effect.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::XFSZ)
                .unwrap();
            let number = rustix::process::Signal::from_named_raw(number).unwrap();
            rustix::process::kill_process(rustix::process::getpid(), number).unwrap();
            assert_eq!(i32::from(signals.next().await), 128 + number.as_raw());
        }
    }

    #[test]
    fn only_a_command_that_runs_may_take_its_time() {
        let limit = Duration::from_mins(1);
        assert_eq!(time_left(1, Some(limit)), limit);
        for (count, passed_on) in [(1, None), (2, Some(limit))] {
            assert!(time_left(count, passed_on) > Scope::GRACE, "there is time to clean up");
        }
        for (count, passed_on) in [(2, None), (3, Some(limit)), (3, None), (9, Some(limit))] {
            assert_eq!(time_left(count, passed_on), AT_ONCE);
        }
    }
}
