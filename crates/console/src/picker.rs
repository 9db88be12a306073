//! Lets the user choose from a list on the terminal: typing filters it.

mod keys;
mod list;

use std::io::{self, IsTerminal as _, Write as _, stderr, stdin};

use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};
use tokio::signal::unix::{SignalKind, signal};

use self::keys::{Key, read_key};
use self::list::{List, Step};
use crate::streams;
use crate::terminal::RawMode;

/// One of the things to choose from. Both texts are escaped before they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is chosen.
    pub value: String,
    /// What helps to choose it.
    pub about: String,
}

/// Whether there is a terminal to choose on: standard input and standard error.
pub fn can_ask() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Shows the list on standard error, and returns the index of what is chosen, or `None` if the user
/// leaves the list (Escape, Ctrl-C, Ctrl-D). Standard input is read only as far as it is used.
///
/// # Errors
///
/// Fails if the terminal cannot be set, read or written.
pub async fn pick(title: &str, choices: &[Choice]) -> io::Result<Option<usize>> {
    let mut list = List::new(title, choices);
    let _raw = RawMode::enable()?;
    // What was typed before the list is shown does not choose in it.
    let _none_waits = tcflush(stdin(), QueueSelector::IFlush);
    let mut sizes = signal(SignalKind::window_change())?;
    let mut reader = tokio::task::spawn_blocking(read_key);
    let outcome = loop {
        draw(&list)?;
        let key = tokio::select! {
            key = &mut reader => key.map_err(io::Error::other)?,
            Some(()) = sizes.recv() => continue,
        };
        match key.map(|key| list.key(key)) {
            Ok(Step::Stays) => reader = tokio::task::spawn_blocking(read_key),
            Ok(Step::Chosen(index)) => break Ok(Some(index)),
            Ok(Step::Left) => break Ok(None),
            Err(error) => break Err(error),
        }
    };
    // The list is gone from the screen whatever happened.
    streams::stderr().write_all(b"\r\x1b[J")?;
    outcome
}

/// Draws the list below the cursor's line, and puts the cursor behind what was typed.
fn draw(list: &List<'_>) -> io::Result<()> {
    const ROWS: u16 = 24;
    const COLUMNS: u16 = 80;
    let (rows, columns) = match tcgetwinsize(stderr()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
        _ => (ROWS, COLUMNS),
    };
    let (prompt, lines) = list.view(usize::from(rows), usize::from(columns));
    let mut text = format!("\r\x1b[J{prompt}");
    for line in &lines {
        text.push_str("\r\n");
        text.push_str(line);
    }
    let up = if lines.is_empty() { String::new() } else { format!("\x1b[{}A", lines.len()) };
    text.extend([&up, "\r", &prompt]);
    streams::stderr().write_all(text.as_bytes())
}
