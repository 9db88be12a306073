//! Joins stack traces into one record, so that a filter keeps or drops them as a whole.
//!
//! Recognizes the traces of Java (and all languages of its runtime), Node, Python, Go and Rust, and
//! the messages of .NET's console. Whether a line belongs to a trace depends on the lines before it
//! in its own stream. Other lines pass at once, unchanged.

use memchr::memmem::Finder;

use crate::line::{Ending, Line};

/// The longest trace in bytes. A longer one is split, so that memory is bounded.
pub const MAX_LEN: usize = 256 << 10;

/// Joins the lines of stack traces. A joined line's text contains the newlines between its lines;
/// its timestamp is that of the first.
///
/// A line that may begin a trace is held until the next line of its stream, or until
/// [`flush`](Self::flush).
#[derive(Debug)]
pub struct TraceJoiner {
    streams: [Option<Trace>; 3],
    /// How many traces exceeded the limit.
    split: u64,
    exception_names: [Finder<'static>; 3],
}

#[derive(Debug)]
struct Trace {
    kind: Kind,
    record: Line<'static>,
    /// Blank lines that belong to the trace only if the trace continues after them.
    blanks: Vec<Line<'static>>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Java and Node: the exception's name and message, then lines `at …`.
    Frames { has_frame: bool },
    /// `Traceback (most recent call last):`, indented lines, then the exception, perhaps followed
    /// by another trace.
    Python { has_exception: bool, is_chained: bool },
    /// `panic: …`, then goroutines.
    Go,
    /// `fail: Category[1]` of .NET's console, then the message, indented.
    DotNet,
    /// `thread … panicked at …`, then the message, when `wants_message`, and a backtrace.
    Rust { wants_message: bool },
}

enum Verdict {
    Belongs,
    BelongsIfMoreFollows,
    /// The line belongs to the trace, but exceeds the limit.
    IsTooMuch,
    IsOther,
}

impl Default for TraceJoiner {
    fn default() -> Self {
        Self {
            streams: Default::default(),
            split: 0,
            exception_names: [
                Finder::new("Exception"),
                Finder::new("Error"),
                Finder::new("Throwable"),
            ],
        }
    }
}

impl TraceJoiner {
    /// Takes the next line and emits what is complete.
    pub fn push(&mut self, line: Line<'_>, mut emit: impl FnMut(Line<'_>)) {
        let slot = line.stream as usize;
        if let Some(trace) = &mut self.streams[slot] {
            match trace.judge(&line.text) {
                Verdict::Belongs => return trace.append(line),
                Verdict::BelongsIfMoreFollows => return trace.blanks.push(line.into_owned()),
                Verdict::IsTooMuch => self.split += 1,
                Verdict::IsOther => {}
            }
            if let Some(trace) = self.streams[slot].take() {
                trace.emit(&mut emit);
            }
        }
        match self.begin(&line.text) {
            Some(kind) => {
                self.streams[slot] =
                    Some(Trace { kind, record: line.into_owned(), blanks: Vec::new() });
            }
            None => emit(line),
        }
    }

    /// Emits the held lines: at the end, or when nothing has arrived for a while.
    pub fn flush(&mut self, mut emit: impl FnMut(Line<'_>)) {
        for trace in self.streams.iter_mut().filter_map(Option::take) {
            trace.emit(&mut emit);
        }
    }

    /// Returns how many traces exceeded the limit so far. Their further lines are records of their
    /// own.
    pub fn split(&self) -> u64 {
        self.split
    }

    fn begin(&self, text: &[u8]) -> Option<Kind> {
        let starts = |prefix: &[u8]| text.starts_with(prefix);
        match text.first()? {
            b' ' | b'\t' => return None,
            b'T' if starts(b"Traceback (most recent call last):") => {
                return Some(Kind::Python { has_exception: false, is_chained: false });
            }
            b'p' | b'f' | b'g'
                if starts(b"panic: ") || starts(b"fatal error: ") || starts(b"goroutine ") =>
            {
                return Some(Kind::Go);
            }
            b'f' | b'w' | b'i' | b'd' | b't' | b'c' if is_dot_net(text) => {
                return Some(Kind::DotNet);
            }
            b't' if starts(b"thread '")
                && memchr::memmem::find(text, b" panicked at ").is_some() =>
            {
                return Some(Kind::Rust { wants_message: text.trim_ascii_end().ends_with(b":") });
            }
            _ => {}
        }
        let names_exception = self.exception_names.iter().any(|name| name.find(text).is_some());
        names_exception.then_some(Kind::Frames { has_frame: false })
    }
}

impl Trace {
    fn judge(&mut self, text: &[u8]) -> Verdict {
        let starts = |prefix: &[u8]| text.starts_with(prefix);
        let is_blank = text.trim_ascii().is_empty();
        let is_indented = !is_blank && (starts(b" ") || starts(b"\t"));
        let is_full = self.record.text.len() + text.len() > MAX_LEN;
        if self.blanks.len() > 1 {
            return Verdict::IsOther;
        }
        if is_blank && matches!(self.kind, Kind::Go | Kind::Python { has_exception: true, .. }) {
            return Verdict::BelongsIfMoreFollows;
        }
        let belongs = match &mut self.kind {
            Kind::Frames { has_frame } => {
                let is_frame = is_indented && {
                    let text = text.trim_ascii_start();
                    text.starts_with(b"at ") || text.starts_with(b"... ")
                };
                *has_frame |= is_frame;
                *has_frame
                    && (is_indented || starts(b"Caused by: ") || text.trim_ascii_end() == b"}")
            }
            Kind::Python { has_exception: has_exception @ true, is_chained } => {
                let links = starts(b"During handling of the above exception")
                    || starts(b"The above exception was the");
                let begins = *is_chained && starts(b"Traceback (most recent call last):");
                *is_chained |= links;
                if begins {
                    (*has_exception, *is_chained) = (false, false);
                }
                links || begins
            }
            Kind::Python { has_exception, .. } => {
                *has_exception = !is_indented;
                !is_blank
            }
            Kind::Go => {
                let words: [&[u8]; 5] = [
                    b"goroutine ",
                    b"created by ",
                    b"[signal ",
                    b"exit status ",
                    b"runtime stack:",
                ];
                is_indented || words.into_iter().any(starts) || is_go_call(text)
            }
            Kind::DotNet => starts(b"      "),
            Kind::Rust { wants_message } => {
                std::mem::take(wants_message)
                    || is_indented
                    || starts(b"note: ")
                    || starts(b"stack backtrace:")
            }
        };
        match belongs {
            true if is_full => Verdict::IsTooMuch,
            true => Verdict::Belongs,
            false => Verdict::IsOther,
        }
    }

    fn append(&mut self, line: Line<'_>) {
        let blanks = std::mem::take(&mut self.blanks);
        for line in blanks.into_iter().chain([line.into_owned()]) {
            let text = self.record.text.to_mut();
            text.extend_from_slice(match self.record.ending {
                Ending::None => b"\n",
                ending => ending.as_bytes(),
            });
            text.extend_from_slice(&line.text);
            self.record.ending = line.ending;
            self.record.cut += line.cut;
            // The search was made in single lines. The result for the joined text is unknown.
            self.record.found = None;
        }
    }

    fn emit(self, emit: &mut impl FnMut(Line<'_>)) {
        emit(self.record);
        self.blanks.into_iter().for_each(emit);
    }
}

/// Reports whether the line is the first one of .NET's console logger, with level and category:
/// `fail: Shop.Orders[13]`.
fn is_dot_net(text: &[u8]) -> bool {
    let names: [&[u8]; 6] = [b"fail: ", b"warn: ", b"info: ", b"dbug: ", b"trce: ", b"crit: "];
    let text = text.trim_ascii_end();
    names.iter().any(|name| text.starts_with(name))
        && text.ends_with(b"]")
        && text[6..].iter().all(|byte| !byte.is_ascii_whitespace())
}

/// Reports whether the line belongs to a goroutine: `net/http.(*conn).serve(0xc000120000, {0x1,
/// 0x2})`.
fn is_go_call(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let name_len = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    text.ends_with(b")")
        && memchr::memchr(b'(', &text[..name_len]).is_some_and(|at| at > 0)
        && text[..name_len].contains(&b'.')
}

/// Reports whether a record is a joined trace of Java or Node.
pub(crate) fn has_frames(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', text).any(|at| text[at + 1..].trim_ascii_start().starts_with(b"at "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Stream;

    fn line(stream: Stream, text: &str) -> Line<'_> {
        Line {
            stream,
            timestamp: None,
            text: text.as_bytes().into(),
            ending: Ending::Lf,
            cut: 0,
            found: None,
            run: None,
        }
    }

    /// Joins these lines, all on stderr, and returns the records.
    fn join(text: &str) -> Vec<String> {
        let mut joiner = TraceJoiner::default();
        let mut out = Vec::new();
        let mut emit =
            |line: Line<'_>| out.push(String::from_utf8(line.text.into_owned()).unwrap());
        text.split('\n').for_each(|text| joiner.push(line(Stream::Stderr, text), &mut emit));
        joiner.flush(emit);
        out
    }

    #[test]
    fn traces_are_one_record() {
        let traces = [
            "Exception in thread \"main\" java.lang.IllegalStateException: boom\n\tat com.example.Main.run(Main.java:12)\n\tat com.example.Main.main(Main.java:5)\nCaused by: java.io.IOException: disk\n\tat com.example.Disk.read(Disk.java:7)\n\t... 2 more",
            "2026-11-23 07:01:20 ERROR c.e.App - failed: java.lang.NullPointerException\n\tat a.b.C.d(C.java:1)\n\tSuppressed: x.Y: z\n\t\tat a.b.C.e(C.java:2)",
            "TypeError: Cannot read properties of undefined (reading 'x')\n    at handler (/app/index.js:3:9)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {\n  code: 'E_X'\n}",
            "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in <module>\n    run()\n    ^^^^^\nValueError: boom",
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 3, in g\nValueError: boom",
            "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.run(...)\n\t/app/main.go:9\nmain.main()\n\t/app/main.go:5 +0x1d\n\ngoroutine 7 [select]:\nnet/http.(*conn).serve(0xc000120000, {0x6b8e40, 0xc00009e000})\n\t/usr/lib/go/net/http/server.go:1 +0x1\ncreated by net/http.(*Server).Serve in goroutine 1\n\t/usr/lib/go/net/http/server.go:2 +0x2\nexit status 2",
            "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/x/library/std/src/panicking.rs:1:2\nnote: Some details are omitted",
            "thread 'worker' panicked at src/main.rs:2:5:\nassertion `left == right` failed\n  left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1`",
            "thread 'main' panicked at 'boom', src/main.rs:2:5\nnote: run with `RUST_BACKTRACE=1`",
            "fail: Shop.Orders[13]\n      gone\n      System.Exception: boom\n         at Shop.Orders.Get() in /src/a.cs:line 1",
        ];
        for trace in traces {
            let text = format!("before\n{trace}\nafter\n\nlast");
            assert_eq!(join(&text), ["before", trace, "after", "", "last"]);
            assert_eq!(join(&format!("{trace}\n{trace}")), [trace, trace], "twice in a row");
        }
    }

    #[test]
    fn what_is_no_trace_stays_apart() {
        let lines = [
            "An Error was seen\nanother line",
            "Error: one\nError: two",
            "table:\n  a b\n  c d",
            "panic: boom\n\n\nserving again",
            "fail: a b [1]\n      apart",
            "info: Shop.Orders[0]\n  apart",
            "Traceback (most recent call last):",
        ];
        for text in lines {
            assert_eq!(join(text), text.split('\n').collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_line_of_the_other_stream_does_not_break_a_trace() {
        let mut joiner = TraceJoiner::default();
        let mut out = Vec::new();
        let input = [
            line(Stream::Stderr, "x.FooException: boom"),
            line(Stream::Stdout, "served"),
            line(Stream::Stderr, "\tat a.b(C.java:1)"),
        ];
        for line in input {
            joiner.push(line, |line| out.push((line.stream, line.text.into_owned())));
        }
        joiner.flush(|line| out.push((line.stream, line.text.into_owned())));
        assert_eq!(
            out,
            [
                (Stream::Stdout, b"served".to_vec()),
                (Stream::Stderr, b"x.FooException: boom\n\tat a.b(C.java:1)".to_vec()),
            ]
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_reordered(lines in proptest::collection::vec(prop_oneof![
            Just("x.FooException: boom"), Just("\tat a.b(C.java:1)"), Just("Caused by: y"), Just(""), Just("plain"),
            Just("Traceback (most recent call last):"), Just("  File x"), Just("ValueError: y"),
            Just("During handling of the above exception, another exception occurred:"),
            Just("panic: boom"), Just("goroutine 1 [running]:"), Just("main.main()"),
            Just("thread 'main' panicked at a.rs:1:1:"), Just("note: x"),
        ], 1..30)) {
            let text = lines.join("\n");
            prop_assert_eq!(join(&text).join("\n"), text);
        }

        #[test]
        fn a_trace_without_end_is_split(count in 3_usize..6) {
            let frame = format!("\tat {}", "x".repeat(MAX_LEN / 2));
            let text = format!("x.FooException\n{}", vec![frame; count].join("\n"));
            let mut joiner = TraceJoiner::default();
            text.split('\n').for_each(|text| joiner.push(line(Stream::Stderr, text), |_| ()));
            prop_assert_eq!(joiner.split(), 1, "once a trace");
            prop_assert!(join(&text).iter().all(|record| record.len() <= MAX_LEN + 64));
        }
    }
}
