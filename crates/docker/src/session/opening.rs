//! Recognizes engine errors in the first output of a session.
//!
//! When the engine fails to start a process, the engine has already answered that the stream is
//! open. Therefore it writes the error into the stream, in place of the process's output: one line,
//! and the end. The wording varies with the runtime, with containerd, and from run to run for a
//! container that is just ending, so the text does not identify the error. Instead, the first line
//! is held back until more output or the end arrives, and then the exec's state shows whether the
//! process ever started.

use std::borrow::Cow;
use std::time::Duration;

/// The longest line that may be an engine's error, in bytes.
const LONGEST: usize = 8 << 10;

/// How long a line is held back. The end follows the engine's line at once. A line that stays alone
/// for longer is a program's.
pub(super) const HELD_FOR: Duration = Duration::from_millis(50);

/// How long a line with the launcher's path is held back. Such a line is hardly a program's, and a
/// terminal may take a while to close after it.
pub(super) const REFUSAL_HELD_FOR: Duration = Duration::from_secs(2);

/// The state of a session's first output.
#[derive(Debug, Default)]
pub(super) enum Opening {
    /// Nothing has arrived yet.
    #[default]
    Awaited,
    /// One line has arrived, which may be the engine's.
    Held(Vec<u8>),
    /// The process is writing output.
    Over,
}

impl Opening {
    /// Takes a chunk of standard output, and returns the bytes to forward.
    pub(super) fn output<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            _ if piece.is_empty() => Cow::Borrowed(piece),
            Self::Awaited if may_be_the_engines(piece) => {
                *self = Self::Held(piece.to_vec());
                Cow::Borrowed(&[])
            }
            Self::Held(_) => Cow::Owned([&self.end()[..], piece].concat()),
            Self::Awaited | Self::Over => {
                *self = Self::Over;
                Cow::Borrowed(piece)
            }
        }
    }

    /// Ends the first output, and returns the bytes that were held back.
    pub(super) fn end(&mut self) -> Vec<u8> {
        match std::mem::replace(self, Self::Over) {
            Self::Held(line) => line,
            Self::Awaited | Self::Over => Vec::new(),
        }
    }

    /// Whether nothing has arrived yet.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited)
    }

    /// Whether a line is being held back.
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }
}

/// Recognizes runc's error for a program that the kernel refused to execute after everything else
/// was set up, for example because the user has reached the limit on processes. To the engine this
/// looks like a process with an exit code.
#[derive(Debug)]
pub(super) struct NotExecuted {
    /// The start of the error; empty to recognize nothing.
    begin: String,
}

impl NotExecuted {
    /// Recognizes nothing.
    pub(super) const fn none() -> Self {
        Self { begin: String::new() }
    }

    /// Recognizes the error for this program. Few processes know its path: it contains the random
    /// name of a session.
    pub(super) fn of(program: &str) -> Self {
        Self { begin: format!("exec {program}: ") }
    }

    /// Whether the chunk begins with this error.
    pub(super) fn begins(&self, piece: &[u8]) -> bool {
        let line = piece.trim_ascii_end();
        !self.begin.is_empty()
            && piece.len() <= LONGEST
            && line.len() > self.begin.len()
            && line.starts_with(self.begin.as_bytes())
            && !line.contains(&b'\n')
    }
}

/// Reports whether a chunk may be the engine's line, which ends like a terminal's line. Programs
/// that write to a pipe do not end lines that way.
fn may_be_the_engines(piece: &[u8]) -> bool {
    piece.len() <= LONGEST
        && piece
            .strip_suffix(b"\r\n")
            .is_some_and(|line| !line.is_empty() && !line.contains(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::{NotExecuted, Opening};

    #[test]
    fn one_line_of_an_engine_is_held_back() {
        for line in [
            "OCI runtime exec failed: exec failed: permission denied: unknown\r\n",
            "cannot exec in a deleted state: unknown\r\n",
            "task 7ab1 not found: not found\r\n",
            "No such exec instance: 7ab1\r\n",
        ] {
            let mut opening = Opening::default();
            assert!(opening.output(b"").is_empty());
            assert!(opening.output(line.as_bytes()).is_empty());
            assert!(opening.is_held(), "{line:?}");
            assert_eq!(opening.end(), line.as_bytes());
        }
    }

    #[test]
    fn what_comes_after_it_brings_it_out() {
        let mut opening = Opening::default();
        assert!(opening.output(b"a line\r\n").is_empty());
        assert_eq!(*opening.output(b"# "), *b"a line\r\n# ");
        assert!(!opening.is_held());
        assert_eq!(*opening.output(b"b\r\n"), *b"b\r\n");
        assert!(opening.end().is_empty());
    }

    #[test]
    fn a_launcher_that_was_not_executed_is_known_by_its_path() {
        let not_executed = NotExecuted::of("/proc/7/root/session/ab/bin/scratchdbg-launcher");
        let of = |line: &str| not_executed.begins(line.as_bytes());
        assert!(of(
            "exec /proc/7/root/session/ab/bin/scratchdbg-launcher: resource temporarily unavailable\n"
        ));
        assert!(of(
            "exec /proc/7/root/session/ab/bin/scratchdbg-launcher: operation not permitted"
        ));
        for other in [
            "",
            "exec /proc/7/root/session/ab/bin/scratchdbg-launcher: ",
            "exec /proc/7/root/session/cd/bin/scratchdbg-launcher: resource temporarily unavailable\n",
            "exec /bin/app: resource temporarily unavailable\n",
            "exec /proc/7/root/session/ab/bin/scratchdbg-launcher: one\ntwo\n",
        ] {
            assert!(!of(other), "{other:?}");
        }
        assert!(!NotExecuted::none().begins(b"exec : anything"));
    }

    #[test]
    fn what_programs_print_is_passed_on() {
        let long = "x".repeat(9 << 10) + "\r\n";
        for piece in ["# ", "a line\n", "\r\n", "two\r\nlines\r\n", &long] {
            let mut opening = Opening::default();
            assert_eq!(*opening.output(piece.as_bytes()), *piece.as_bytes());
            assert!(!opening.is_held());
        }
    }
}
