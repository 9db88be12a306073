//! The user's terminal: raw mode that is always given back, and its size.

use std::io::{IsTerminal as _, stdin, stdout};
use std::os::unix::fs::MetadataExt as _;
use std::pin::Pin;
use std::sync::{Mutex, Once, PoisonError};
use std::task::{self, Poll, ready};
use std::time::Duration;

use rustix::fs::FileType;
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use scratchdbg_backend::Window;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use crate::fatal;

/// The settings to go back to while raw mode is on. Shared with the panic hook.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether both ends of a session are the user's terminal.
pub(crate) fn is_interactive() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Whether standard input is `/dev/null`: there is nothing to read, and there never will be.
pub(crate) fn input_is_null() -> bool {
    let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
    let input = rustix::fs::fstat(stdin());
    let is_device = |stat: &rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
    matches!((null, input), (Ok(null), Ok(input)) if is_device(&input) && input.st_rdev == null)
}

/// Standard input of a session. One that does not block, because it is shared with a program that wishes so, is waited for:
/// that it has nothing yet is not its end.
#[derive(Debug)]
pub(crate) struct Input {
    stdin: tokio::io::Stdin,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Input {
    /// How often an input that does not block is looked at.
    const LOOK_EVERY: Duration = Duration::from_millis(20);

    pub(crate) fn open() -> Self {
        Self { stdin: tokio::io::stdin(), pause: None }
    }
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            match ready!(Pin::new(&mut self.stdin).poll_read(context, buffer)) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.pause = Some(Box::pin(tokio::time::sleep(Self::LOOK_EVERY)));
                }
                read => return Poll::Ready(read),
            }
        }
    }
}

/// Raw mode: keys go to the session as they are typed. Given back when this is dropped, also while a panic unwinds.
#[derive(Debug)]
pub(crate) struct RawMode {
    /// Gives the terminal back while we are stopped (`kill -TSTP`; the key itself goes to the session).
    stops: JoinHandle<()>,
}

impl RawMode {
    /// Turns raw mode on.
    pub(crate) fn enable() -> std::io::Result<Self> {
        static HOOK: Once = Once::new();
        let mut stops = signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
        HOOK.call_once(|| {
            let print = std::panic::take_hook();
            // The message of a panic comes before the unwinding: it should be readable.
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                print(panic);
            }));
        });
        make_raw()?;
        let stops = tokio::spawn(async move {
            while stops.recv().await.is_some() {
                restore();
                // The signal stops all threads, but not all at once: this one may run on for a moment, and is not to
                // take the terminal again before we are continued.
                let Ok(mut continued) = signal(SignalKind::from_raw(Signal::CONT.as_raw())) else { return };
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

/// Gives the terminal back, as it was before raw mode.
pub(crate) fn restore() {
    if let Some(original) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // What was typed and not read stays for the user's shell: do not flush.
        let _gone = tcsetattr(stdin(), OptionalActions::Now, &original);
        fatal::forget();
    }
}

/// The size of the terminal.
fn window() -> Option<Window> {
    let size = tcgetwinsize(stdout()).ok()?;
    Some(Window { columns: size.ws_col, rows: size.ws_row })
}

/// The columns of the terminal that standard output is; `None` when it is none.
pub(crate) fn columns() -> Option<usize> {
    window().map(|window| usize::from(window.columns)).filter(|&columns| columns > 0)
}

/// The size of the terminal, now and at each change.
pub(crate) fn windows() -> std::io::Result<watch::Receiver<Option<Window>>> {
    let mut changes = signal(SignalKind::window_change())?;
    // The terminal may have another size when we are continued.
    let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    let (sender, receiver) = watch::channel(window());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                change = changes.recv() => if change.is_none() { return },
                change = continued.recv() => if change.is_none() { return },
            }
            if sender.send(window()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use scratchdbg_testkit::terminal::Terminal;

    use super::RawMode;

    /// Not a test: what the one below runs on a terminal of its own.
    #[test]
    #[ignore = "it panics"]
    fn panics_in_raw_mode() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
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
            .args(["--exact", "terminal::tests::panics_in_raw_mode", "--ignored", "--nocapture"])
            .env("RUST_BACKTRACE", "0");
        let mut terminal = Terminal::start(command, 24, 80);
        assert_eq!(terminal.wait().code(), Some(101), "{}", terminal.text());
        assert_eq!(terminal.settings(), idle, "given back");
        // In raw mode each line would begin where the one before it ended.
        terminal.wait_for("the message", |screen| screen.lines().any(|line| line == "no more"));
    }
}
