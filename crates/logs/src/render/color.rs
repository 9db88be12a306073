//! The color of a line on a terminal.

use crate::frame::Stream;
use crate::level::Level;
use crate::line::Line;

/// Ends a color.
pub(super) const OFF: &str = "\x1b[0m";

/// Returns what switches the line's color on: of its level, or of standard error for a line without
/// a level. Info, and a line that has colors of its own, keep the terminal's color.
pub(super) fn of(line: &Line<'_>) -> Option<&'static str> {
    const ESCAPE: u8 = 0x1b;
    if line.text.contains(&ESCAPE) {
        return None;
    }
    match Level::of(&line.text) {
        Some(Level::Error | Level::Fatal) => Some("\x1b[31m"),
        Some(Level::Warn) => Some("\x1b[33m"),
        Some(Level::Trace | Level::Debug) => Some("\x1b[2m"),
        Some(Level::Info) => None,
        None => (line.stream == Stream::Stderr).then_some("\x1b[35m"),
    }
}
