//! Lines around a match, like grep's `-A`, `-B` and `-C`.

use std::collections::VecDeque;

use crate::line::Line;

/// A line to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The line.
    pub line: Line<'a>,
    /// Whether the line itself matches. If not, it is context.
    pub is_match: bool,
    /// Whether lines were left out between the previously shown line and this one.
    pub after_gap: bool,
}

/// Selects matches and the lines around them. Holds at most as many lines as are shown before a
/// match.
#[derive(Debug)]
pub struct Context {
    before: usize,
    after: usize,
    held: VecDeque<Line<'static>>,
    /// How many of the following lines are still context of the last match.
    near: usize,
    has_shown: bool,
    has_left_out: bool,
}

impl Context {
    /// Shows `before` lines before each match and `after` lines after it.
    pub fn new(before: usize, after: usize) -> Self {
        Self { before, after, held: VecDeque::new(), near: 0, has_shown: false, has_left_out: false }
    }

    /// Takes the next line and shows each line that is now known to be a match or its context.
    pub fn push(&mut self, line: Line<'_>, is_match: bool, mut show: impl FnMut(Shown<'_>)) {
        if is_match {
            while let Some(line) = self.held.pop_front() {
                show(self.shown(line, false));
            }
            self.near = self.after;
        } else if self.near > 0 {
            self.near -= 1;
        } else {
            if self.held.len() == self.before {
                self.has_left_out = true;
                self.held.pop_front();
            }
            if self.before > 0 {
                self.held.push_back(line.into_owned());
            }
            return;
        }
        show(self.shown(line, is_match));
    }

    fn shown<'a>(&mut self, line: Line<'a>, is_match: bool) -> Shown<'a> {
        let after_gap = std::mem::take(&mut self.has_left_out) && self.has_shown;
        self.has_shown = true;
        Shown { line, is_match, after_gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Stream;
    use crate::line::Ending;

    /// Returns the shown lines as words. Matches are in capitals; a gap is `--`.
    fn run(before: usize, after: usize, input: &str) -> String {
        let mut context = Context::new(before, after);
        let mut out = Vec::new();
        for word in input.split(' ') {
            let text = word.as_bytes().into();
            let line = Line {
                stream: Stream::Stdout,
                timestamp: None,
                text,
                ending: Ending::Lf,
                cut: 0,
                found: None,
                run: None,
            };
            let is_match = word.bytes().all(|byte| byte.is_ascii_uppercase());
            context.push(line, is_match, |shown| {
                assert_eq!(shown.is_match, shown.line.text[0].is_ascii_uppercase());
                out.extend(shown.after_gap.then(|| "--".to_owned()));
                out.push(String::from_utf8(shown.line.text.to_vec()).unwrap());
            });
        }
        out.join(" ")
    }

    #[test]
    fn as_grep_does() {
        let input = "a b C d e f g H I j k l m n O";
        let cases = [
            (0, 0, "C -- H I -- O"),
            (1, 0, "b C -- g H I -- n O"),
            (0, 1, "C d -- H I j -- O"),
            (1, 1, "b C d -- g H I j -- n O"),
            (2, 2, "a b C d e f g H I j k -- m n O"),
            (9, 9, input),
        ];
        for (before, after, want) in cases {
            assert_eq!(run(before, after, input), want, "-B {before} -A {after}");
        }
        assert_eq!(run(1, 1, "a b c"), "");
    }
}
