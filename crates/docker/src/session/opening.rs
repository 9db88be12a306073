//! The first output of a session, which may be the engine's own.
//!
//! When the engine cannot start a process it has already answered that the stream is open, and so it writes why into the
//! stream, in place of the process's output: one line, and the end. It has many words for it, its runtime's and
//! containerd's among them, and for a container that ends just then they are different each time. So they are not known
//! by what they say: the first line is held back until more comes, or the end, and then the exec tells whether there
//! ever was a process.

use std::borrow::Cow;
use std::time::Duration;

/// Longer than any engine's line.
const LONGEST: usize = 8 << 10;

/// The end follows the engine's line at once. A line that stays alone for so long is a program's.
pub(super) const HELD_FOR: Duration = Duration::from_millis(50);

/// What names the launcher by its path is hardly a program's: a terminal may take its time to close behind it.
pub(super) const REFUSAL_HELD_FOR: Duration = Duration::from_secs(2);

/// What is known of a session's first output.
#[derive(Debug, Default)]
pub(super) enum Opening {
    /// Nothing came yet.
    #[default]
    Awaited,
    /// One line, which may be the engine's.
    Held(Vec<u8>),
    /// The process speaks.
    Over,
}

impl Opening {
    /// Takes a piece of standard output; what is to be passed on of all that came.
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

    /// It is no more the first output: what was held back.
    pub(super) fn end(&mut self) -> Vec<u8> {
        match std::mem::replace(self, Self::Over) {
            Self::Held(line) => line,
            Self::Awaited | Self::Over => Vec::new(),
        }
    }

    /// Nothing came yet.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited)
    }

    /// There is something that waits for more, or for the end.
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }
}

/// What runc says in the place of a program that it could start no more than begin: the kernel refused to execute it when all else
/// was set up, as where the user has as many processes as it may. To the engine that is a process with an exit code.
#[derive(Debug)]
pub(super) struct NotExecuted {
    /// What its line begins with; empty where it is not looked for.
    begin: String,
}

impl NotExecuted {
    /// Nothing is looked for.
    pub(super) const fn none() -> Self {
        Self { begin: String::new() }
    }

    /// The program is this one. Its path is known to few: see the random name of a session.
    pub(super) fn of(program: &str) -> Self {
        Self { begin: format!("exec {program}: ") }
    }

    /// Whether this is its line.
    pub(super) fn begins(&self, piece: &[u8]) -> bool {
        let line = piece.trim_ascii_end();
        !self.begin.is_empty()
            && piece.len() <= LONGEST
            && line.len() > self.begin.len()
            && line.starts_with(self.begin.as_bytes())
            && !line.contains(&b'\n')
    }
}

/// The engine ends its line as terminals do. On a pipe, programs do not.
fn may_be_the_engines(piece: &[u8]) -> bool {
    piece.len() <= LONGEST && piece.strip_suffix(b"\r\n").is_some_and(|line| !line.is_empty() && !line.contains(&b'\n'))
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
        assert!(of("exec /proc/7/root/session/ab/bin/scratchdbg-launcher: resource temporarily unavailable\n"));
        assert!(of("exec /proc/7/root/session/ab/bin/scratchdbg-launcher: operation not permitted"));
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
