//! Signals that ask the whole command to end.
//!
//! The first one ends a command cleanly: what it has in the engine is taken away, for a few seconds at most
//! ([`Scope::GRACE`]). The second one ends it at once. What runs the command may be held up, by a pipe that nobody reads or by an
//! engine: the signals are heard by a thread of their own, which ends the process itself when nothing else does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scratchdbg_backend::{Interrupts, Scope, sleep_until};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::context::Context;
use crate::terminal;

/// The first signal is the command's that runs in a session: it may want to clean up. The session sees to it that this has an end.
static IS_PASSED_ON: AtomicBool = AtomicBool::new(false);

/// The command is over, and the process only ends.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// How long after the first signal a session may take that passes it on: for the command, and to clear up on a busy engine. Only
/// what is held up itself takes as long.
const PASSED_ON: Duration = scratchdbg_session::AFTER_SIGNAL.saturating_add(Duration::from_mins(1));

/// How much longer than the grace of a scope a command may take to end by itself.
const AFTER_GRACE: Duration = Duration::from_secs(2);

/// How long it may take to say what may be left.
const SAID_WITHIN: Duration = Duration::from_millis(200);

/// How long a command may take to end at once.
const AT_ONCE: Duration = Duration::from_millis(700);

/// Listens for Ctrl-C and its kin. From here on they no longer kill the process: each command ends by itself, so that
/// nothing is left behind.
pub(crate) fn listen(context: &Context) -> std::io::Result<Interrupts> {
    let (sender, codes) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _guard = runtime.enter();
        Signals::open()?
    };
    let (scope, printer) = (context.scope.clone(), context.printer);
    let hear = move || {
        let code = runtime.block_on(hear(signals, &sender));
        terminal::restore();
        // Standard error may be what holds everything up.
        let say = move || super::say_what_may_be_left(&scope, printer);
        if let Ok(said) = std::thread::Builder::new().spawn(say) {
            let deadline = std::time::Instant::now() + SAID_WITHIN;
            while !said.is_finished() && std::time::Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        end(code);
    };
    std::thread::Builder::new().name("signals".to_owned()).stack_size(256 << 10).spawn(hear)?;
    quiet_panics_at_the_end();
    Ok(Interrupts::new(codes))
}

/// The command is over, by itself or by a signal. What breaks from here on, on threads whose work nobody waits for, is not
/// said.
pub(crate) fn ending() {
    IS_ENDING.store(true, Ordering::Relaxed);
}

fn quiet_panics_at_the_end() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IS_ENDING.load(Ordering::Relaxed) {
            print(panic);
        }
    }));
}

/// While this lives, the first signal is passed on to a command.
#[derive(Debug)]
pub(crate) struct PassedOn(());

impl PassedOn {
    pub(crate) fn begin() -> Self {
        IS_PASSED_ON.store(true, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        IS_PASSED_ON.store(false, Ordering::Relaxed);
    }
}

/// Passes signals on until the process is to end in any case: the code.
async fn hear(mut signals: Signals, sender: &mpsc::UnboundedSender<u8>) -> u8 {
    let mut first = None;
    let mut count = 0;
    let mut limit = None;
    loop {
        let code = tokio::select! {
            code = signals.next() => code,
            () = sleep_until(limit) => return first.unwrap_or(1),
        };
        let _ended = sender.send(code);
        first.get_or_insert(code);
        count += 1;
        let at = tokio::time::Instant::now() + time_left(count, IS_PASSED_ON.load(Ordering::Relaxed));
        limit = Some(limit.map_or(at, |limit: tokio::time::Instant| limit.min(at)));
    }
}

/// How long after so many signals the process may take to end.
fn time_left(count: u32, is_passed_on: bool) -> Duration {
    match (count, is_passed_on) {
        (1, true) => PASSED_ON,
        (1, false) | (2, true) => Scope::GRACE + AFTER_GRACE,
        _ => AT_ONCE,
    }
}

#[expect(clippy::exit, clippy::disallowed_methods, reason = "what would end the process in another way is held up")]
fn end(code: u8) {
    ending();
    std::process::exit(code.into());
}

/// The signals that end a command.
#[derive(Debug)]
struct Signals([(SignalKind, Signal); 4]);

impl Signals {
    fn open() -> std::io::Result<Self> {
        let open = |kind| Ok::<_, std::io::Error>((kind, signal(kind)?));
        Ok(Self([
            open(SignalKind::interrupt())?,
            open(SignalKind::terminate())?,
            open(SignalKind::hangup())?,
            open(SignalKind::quit())?,
        ]))
    }

    async fn next(&mut self) -> u8 {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        let kind = tokio::select! {
            _ = interrupt.1.recv() => interrupt.0,
            _ = terminate.1.recv() => terminate.0,
            _ = hangup.1.recv() => hangup.0,
            _ = quit.1.recv() => quit.0,
        };
        u8::try_from(128 + kind.as_raw_value()).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_command_that_runs_may_take_its_time() {
        assert!(time_left(1, true) > scratchdbg_session::AFTER_SIGNAL + 2 * Scope::GRACE);
        for (count, is_passed_on) in [(1, false), (2, true)] {
            assert!(time_left(count, is_passed_on) > Scope::GRACE, "there is time to tidy");
        }
        for (count, is_passed_on) in [(2, false), (3, true), (3, false), (9, true)] {
            assert_eq!(time_left(count, is_passed_on), AT_ONCE);
        }
    }
}
