//! Raw mode of the terminal.

use std::io::stdin;
use std::sync::{Mutex, Once, PoisonError};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::fatal;

/// The settings to restore while raw mode is on. The panic hook reads them too.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode: every key goes to the session as it is typed. Dropping this value restores the
/// terminal, also while a panic unwinds.
#[derive(Debug)]
pub struct RawMode {
    /// Restores the terminal while this process is stopped by `kill -TSTP`. (The key Ctrl-Z goes to
    /// the session.)
    stops: JoinHandle<()>,
}

impl RawMode {
    /// Turns raw mode on.
    ///
    /// # Errors
    ///
    /// Fails if standard input is not a terminal, or if no signal handler can be installed.
    pub fn enable() -> std::io::Result<Self> {
        static HOOK: Once = Once::new();
        let mut stops = signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
        HOOK.call_once(|| {
            let print = std::panic::take_hook();
            // The message of a panic is printed before the stack unwinds. Restore first, so that it
            // is readable.
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                print(panic);
            }));
        });
        make_raw()?;
        let stops = tokio::spawn(async move {
            while stops.recv().await.is_some() {
                restore();
                // The signal does not stop all threads at the same moment. Wait for SIGCONT, so
                // that this thread does not set raw mode before the process is stopped.
                let Ok(mut continued) = signal(SignalKind::from_raw(Signal::CONT.as_raw())) else {
                    return;
                };
                if kill_process(getpid(), Signal::STOP).is_ok() {
                    continued.recv().await;
                }
                let _raw_again = make_raw();
            }
        });
        Ok(Self { stops })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        self.stops.abort();
        restore();
    }
}

fn make_raw() -> std::io::Result<()> {
    let original = tcgetattr(stdin())?;
    let mut raw = original.clone();
    raw.make_raw();
    *SAVED.lock().unwrap_or_else(PoisonError::into_inner) = Some(original);
    fatal::save();
    Ok(tcsetattr(stdin(), OptionalActions::Now, &raw)?)
}

/// Restores the settings that the terminal had before raw mode. Does nothing if raw mode is off.
pub fn restore() {
    if let Some(original) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // Do not flush: input that was typed but not read belongs to the user's shell.
        let _gone = tcsetattr(stdin(), OptionalActions::Now, &original);
        fatal::forget();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use scratchdbg_testkit::terminal::Terminal;

    use super::RawMode;

    /// Not a test. The test below runs this function on a terminal of its own.
    #[test]
    #[ignore = "it panics"]
    fn panics_in_raw_mode() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let _raw = RawMode::enable().expect("it is a terminal");
            panic!("no more");
        });
    }

    #[test]
    fn fault_05_a_panic_gives_the_terminal_back_before_it_speaks() {
        let idle = Terminal::start(Command::new("true"), 24, 80).settings();
        let mut command = Command::new(std::env::current_exe().expect("this test's program"));
        command
            .args(["--exact", "raw_mode::tests::panics_in_raw_mode", "--ignored", "--nocapture"])
            .env("RUST_BACKTRACE", "0");
        let mut terminal = Terminal::start(command, 24, 80);
        assert_eq!(terminal.wait().code(), Some(101), "{}", terminal.text());
        assert_eq!(terminal.settings(), idle, "restored");
        // In raw mode, each line would begin in the column in which the previous line ended.
        terminal.wait_for("the message", |screen| screen.lines().any(|line| line == "no more"));
    }
}
