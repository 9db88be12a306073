//! Lines around a match: `-A`, `-B` and `-C`, as grep has them.

use crate::line::Line;
use std::collections::VecDeque;

/// A line that is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The line.
    pub line: Line<'a>,
    /// It matches, and is not only near one that does.
    pub is_match: bool,
    /// Lines were left out between the one shown before and this one.
    pub after_gap: bool,
}

/// Picks matches and the lines around them. Holds as many lines as are asked for before a match, and none otherwise.
#[derive(Debug)]
pub struct Context {
    before: usize,
    after: usize,
    held: VecDeque<Line<'static>>,
    /// How many of the next lines are still near the last match.
    near: usize,
    has_shown: bool,
    has_left_out: bool,
}

impl Context {
    /// With this many lines before and after each match.
    pub fn new(before: usize, after: usize) -> Self {
        Self { before, after, held: VecDeque::new(), near: 0, has_shown: false, has_left_out: false }
    }

    /// Take the next line, and show what it makes worth showing.
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

    /// Lines as words; matches are in capitals, and a gap is `--`.
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
