//! The user's terminal: whether there is one, its size, and raw mode.

use std::io::{IsTerminal as _, stdin, stdout};

use rustix::process::Signal;
use rustix::termios::tcgetwinsize;
use scratchdbg_backend::Window;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

pub use crate::input::{Input, is_null as input_is_null};
pub use crate::raw_mode::{RawMode, restore};

/// Whether standard input and standard output are both a terminal.
pub fn is_interactive() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Returns the size of the terminal, if standard output is one.
fn window() -> Option<Window> {
    let size = tcgetwinsize(stdout()).ok()?;
    Some(Window { columns: size.ws_col, rows: size.ws_row })
}

/// Returns the number of columns of the terminal. Returns `None` if standard output is not a
/// terminal, or if the size is not known.
pub fn columns() -> Option<usize> {
    window().map(|window| usize::from(window.columns)).filter(|&columns| columns > 0)
}

/// Watches the size of the terminal. The receiver holds the current size, and is updated when the
/// size changes.
///
/// # Errors
///
/// Fails if no signal handler can be installed.
pub fn windows() -> std::io::Result<watch::Receiver<Option<Window>>> {
    let mut changes = signal(SignalKind::window_change())?;
    // The size may have changed while this process was stopped.
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
