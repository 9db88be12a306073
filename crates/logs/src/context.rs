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
/// match, within a limit on the number of bytes.
#[derive(Debug)]
pub struct Context {
    before: usize,
    after: usize,
    max_bytes: usize,
    held: VecDeque<Line<'static>>,
    /// The size of the held lines.
    bytes: usize,
    /// How many lines were not shown since the last one that was.
    passed: usize,
    is_short: bool,
    /// How many of the following lines are still context of the last match.
    near: usize,
    has_shown: bool,
    has_left_out: bool,
}

impl Context {
    /// Shows `before` lines before each match, in at most `max_bytes` bytes, and `after` lines
    /// after it.
    pub fn new(before: usize, after: usize, max_bytes: usize) -> Self {
        Self {
            before,
            after,
            max_bytes,
            held: VecDeque::new(),
            bytes: 0,
            passed: 0,
            is_short: false,
            near: 0,
            has_shown: false,
            has_left_out: false,
        }
    }

    /// Reports whether fewer lines were shown before a match because of the limit on bytes.
    pub fn is_short(&self) -> bool {
        self.is_short
    }

    /// Takes the next line and shows each line that is now known to be a match or its context.
    pub fn push(&mut self, line: Line<'_>, is_match: bool, mut show: impl FnMut(Shown<'_>)) {
        if is_match {
            self.is_short |= self.held.len() < self.before.min(self.passed);
            (self.bytes, self.passed) = (0, 0);
            while let Some(line) = self.held.pop_front() {
                show(self.shown(line, false));
            }
            self.near = self.after;
        } else if self.near > 0 {
            self.near -= 1;
        } else {
            self.hold(line);
            return;
        }
        show(self.shown(line, is_match));
    }

    fn hold(&mut self, line: Line<'_>) {
        self.passed += 1;
        if self.before == 0 {
            self.has_left_out = true;
            return;
        }
        self.bytes += line.size();
        self.held.push_back(line.into_owned());
        while self.held.len() > self.before || (self.bytes > self.max_bytes && self.held.len() > 1)
        {
            self.has_left_out = true;
            if let Some(line) = self.held.pop_front() {
                self.bytes -= line.size();
            }
        }
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
        let mut context = Context::new(before, after, usize::MAX);
        let shown = run_in(&mut context, input);
        assert!(!context.is_short());
        shown
    }

    fn run_in(context: &mut Context, input: &str) -> String {
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

    #[test]
    fn context_takes_bounded_memory_and_what_is_missing_is_told() {
        let line = size_of::<Line<'_>>() + 1;
        // How many lines fit; then the shown ones, and whether some are missing.
        for (room, before, want, is_short) in [
            (3, 3, "b c d E -- g h i J", false),
            (2, 3, "c d E -- h i J", true),
            (2, 2, "c d E -- h i J", false),
            (0, 9, "d E -- i J", true),
        ] {
            let mut context = Context::new(before, 0, room * line);
            assert_eq!(run_in(&mut context, "a b c d E f g h i J"), want, "-B {before} in {room}");
            assert_eq!(context.is_short(), is_short, "-B {before} in {room}");
            run_in(&mut context, "x ".repeat(1000).trim_end());
            assert!(context.held.len() <= room.max(1));
        }
        let mut context = Context::new(9, 0, line);
        run_in(&mut context, "a b c d");
        assert!(!context.is_short(), "no match, so nothing is missing");
    }
}
