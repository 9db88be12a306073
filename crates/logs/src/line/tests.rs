//! Tests of the line assembler through [`LogDecoder`]: fault cases 27–34, with any chunking.

use proptest::prelude::*;

use super::*;
use crate::decode::{Event, LogDecoder};
use crate::frame::FrameError;
use crate::frame::tests::{cut, frame};

const T1: &str = "2026-11-23T07:01:20.422028881Z";
const T2: &str = "2026-11-23T07:01:21.000000000Z";

fn options() -> LineOptions {
    LineOptions {
        framing: Framing::Multiplexed,
        joining: Joining::Docker,
        timestamps: false,
        max_line: LineOptions::MAX_LINE,
        in_parts: false,
    }
}

fn timed() -> LineOptions {
    LineOptions { timestamps: true, ..options() }
}

fn tty() -> LineOptions {
    LineOptions { framing: Framing::Raw, ..options() }
}

fn line(
    stream: Stream,
    timestamp: Option<&str>,
    text: impl Into<Vec<u8>>,
    ending: Ending,
) -> Line<'static> {
    let timestamp = timestamp.map(|text| Timestamp::new(text.as_bytes()).unwrap());
    Line {
        stream,
        timestamp,
        text: Cow::Owned(text.into()),
        ending,
        cut: 0,
        found: None,
        run: None,
    }
}

fn out(text: &str) -> Line<'static> {
    line(Stream::Stdout, None, text, Ending::Lf)
}

fn err(text: &str) -> Line<'static> {
    line(Stream::Stderr, None, text, Ending::Lf)
}

type Read = (Vec<Line<'static>>, Vec<String>, Option<FrameError>);

fn read(options: LineOptions, chunks: &[&[u8]]) -> Read {
    let mut decoder = LogDecoder::new(options);
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    'stream: for chunk in chunks {
        let mut events = decoder.push(chunk);
        loop {
            match events.next() {
                Ok(Some(Event::Line(line))) => lines.push(line.into_owned()),
                Ok(Some(Event::DaemonError(text))) => errors.push(text),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    while let Some(line) = decoder.finish_line() {
        lines.push(line.into_owned());
    }
    (lines, errors, decoder.finish().err())
}

/// Decodes the input in one chunk, byte by byte, and in chunks of 7. `name` identifies the case.
fn check(name: &str, options: LineOptions, input: &[u8], want: &Read) {
    for size in [input.len().max(1), 1, 7] {
        let chunks: Vec<&[u8]> = input.chunks(size).collect();
        assert_eq!(&read(options, &chunks), want, "{name}, chunks of {size}");
    }
}

fn stamped(stamp: &str, text: impl AsRef<[u8]>) -> Vec<u8> {
    [stamp.as_bytes(), b" ", text.as_ref()].concat()
}

#[test]
fn lines_of_a_multiplexed_stream() {
    let part = "x".repeat(DOCKER_PARTIAL_LEN);
    let cases: Vec<(&str, Vec<u8>, Vec<Line<'static>>)> = vec![
        ("an empty line", frame(1, b"\n"), vec![out("")]),
        ("an empty frame", [frame(1, b""), frame(1, b"a\n")].concat(), vec![out("a")]),
        ("several lines in a frame", frame(1, b"a\nb\n"), vec![out("a"), out("b")]),
        ("a carriage return stays", frame(1, b"a\r\n"), vec![out("a\r")]),
        (
            "NUL and invalid UTF-8 stay",
            frame(1, b"\0\xff\n"),
            vec![line(Stream::Stdout, None, *b"\0\xff", Ending::Lf)],
        ),
        (
            "32: stderr between the partials of a line of stdout",
            [frame(1, part.as_bytes()), frame(2, b"oops\n"), frame(1, b"end\n")].concat(),
            vec![err("oops"), out(&format!("{part}end"))],
        ),
        (
            "32: partials of both streams interleaved",
            [
                frame(1, part.as_bytes()),
                frame(2, part.as_bytes()),
                frame(1, b"1\n"),
                frame(2, b"2\n"),
            ]
            .concat(),
            vec![out(&format!("{part}1")), err(&format!("{part}2"))],
        ),
        (
            "an unterminated last line is a line of its own, and the next run's is not its rest",
            [frame(1, b"foo"), frame(1, b"bar\n")].concat(),
            vec![line(Stream::Stdout, None, "foo", Ending::None), out("bar")],
        ),
        (
            "the same after a partial",
            [frame(1, part.as_bytes()), frame(1, b"foo"), frame(1, b"bar\n")].concat(),
            vec![line(Stream::Stdout, None, format!("{part}foo"), Ending::None), out("bar")],
        ),
        (
            "an unterminated partial at the end of the stream",
            frame(1, part.as_bytes()),
            vec![line(Stream::Stdout, None, part.clone(), Ending::None)],
        ),
    ];
    for (name, input, want) in cases {
        check(name, options(), &input, &(want, vec![], None));
    }
}

#[test]
fn podman_and_attach_go_on_until_the_newline() {
    let options = LineOptions { joining: Joining::UntilNewline, ..timed() };
    let input = [
        frame(1, &stamped(T1, "foo")),
        frame(2, &stamped(T1, "e\n")),
        frame(1, &stamped(T2, "bar\n")),
    ]
    .concat();
    let want = vec![
        line(Stream::Stderr, Some(T1), "e", Ending::Lf),
        line(Stream::Stdout, Some(T1), "foobar", Ending::Lf),
    ];
    check("podman", options, &input, &(want, vec![], None));
}

#[test]
fn timestamps_of_a_multiplexed_stream() {
    let part = "x".repeat(DOCKER_PARTIAL_LEN);
    let offset = "2026-11-23T07:01:20.422028881+02:00";
    let impossible = "2026-13-99T07:01:20.422028881Z";
    let cases: Vec<(&str, Vec<u8>, Vec<Line<'static>>)> = vec![
        (
            "33: one timestamp for a line of many partials",
            [stamped(T1, &part), stamped(T1, &part), stamped(T1, "end\n")]
                .map(|record| frame(1, &record))
                .concat(),
            vec![line(Stream::Stdout, Some(T1), format!("{part}{part}end"), Ending::Lf)],
        ),
        (
            "each line its own",
            [stamped(T1, "a\n"), stamped(T2, "\n"), stamped(T2, " b\n")]
                .map(|record| frame(2, &record))
                .concat(),
            vec![
                line(Stream::Stderr, Some(T1), "a", Ending::Lf),
                line(Stream::Stderr, Some(T2), "", Ending::Lf),
                line(Stream::Stderr, Some(T2), " b", Ending::Lf),
            ],
        ),
        (
            "34: an offset is kept",
            frame(1, &stamped(offset, "a\n")),
            vec![line(Stream::Stdout, Some(offset), "a", Ending::Lf)],
        ),
        (
            "34: a date that cannot be is kept as text",
            frame(1, &stamped(impossible, "a\n")),
            vec![line(Stream::Stdout, Some(impossible), "a", Ending::Lf)],
        ),
        (
            "34: none, or garbage, drops nothing and inherits nothing",
            [
                &stamped(T1, "a\n")[..],
                b"short\n",
                b"no time here at all\n",
                b"\n",
                b"2026-11-23T07:01:20.4220288810000000Z a\n",
            ]
            .map(|record| frame(1, record))
            .concat(),
            vec![
                line(Stream::Stdout, Some(T1), "a", Ending::Lf),
                out("short"),
                out("no time here at all"),
                out(""),
                out("2026-11-23T07:01:20.4220288810000000Z a"),
            ],
        ),
        (
            "a line with no space in it, longer than any timestamp, no newline",
            frame(1, "y".repeat(50).as_bytes()),
            vec![line(Stream::Stdout, None, "y".repeat(50), Ending::None)],
        ),
        (
            "a last record that is a timestamp alone",
            [frame(1, T1.as_bytes()), frame(1, b"x")].concat(),
            vec![
                line(Stream::Stdout, None, T1, Ending::None),
                line(Stream::Stdout, None, "x", Ending::None),
            ],
        ),
    ];
    for (name, input, want) in cases {
        check(name, timed(), &input, &(want, vec![], None));
    }
}

#[test]
fn errors_come_after_all_that_was_good() {
    let boom = frame(3, b"boom\n");
    let cases: Vec<(&str, LineOptions, Vec<u8>, Read)> = vec![
        (
            "27: an error of the daemon",
            options(),
            [frame(1, b"a\n"), boom, frame(1, b"b\n")].concat(),
            (vec![out("a"), out("b")], vec!["boom".into()], None),
        ),
        (
            "28: a truncated payload",
            options(),
            frame(1, b"0123456789")[..12].to_vec(),
            (
                vec![line(Stream::Stdout, None, "0123", Ending::None)],
                vec![],
                Some(FrameError::TruncatedPayload { got: 4, length: 10 }),
            ),
        ),
        (
            "28: truncated inside the timestamp",
            timed(),
            [frame(1, &stamped(T1, "a\n")), frame(1, &stamped(T2, "b\n"))[..18].to_vec()].concat(),
            (
                vec![line(Stream::Stdout, Some(T1), "a", Ending::Lf)],
                vec![],
                Some(FrameError::TruncatedPayload { got: 10, length: 33 }),
            ),
        ),
        (
            "28: truncated inside what is no timestamp",
            timed(),
            frame(1, b"2026 lines")[..12].to_vec(),
            (vec![], vec![], Some(FrameError::TruncatedPayload { got: 4, length: 10 })),
        ),
        (
            "28: truncated inside text without a timestamp",
            timed(),
            frame(1, b"lines 2026")[..12].to_vec(),
            (
                vec![line(Stream::Stdout, None, "line", Ending::None)],
                vec![],
                Some(FrameError::TruncatedPayload { got: 4, length: 10 }),
            ),
        ),
        (
            "28: truncated inside a repeated timestamp",
            timed(),
            [
                frame(1, &stamped(T1, "x".repeat(DOCKER_PARTIAL_LEN))),
                frame(1, &stamped(T1, "b\n"))[..18].to_vec(),
            ]
            .concat(),
            (
                vec![line(Stream::Stdout, Some(T1), "x".repeat(DOCKER_PARTIAL_LEN), Ending::None)],
                vec![],
                Some(FrameError::TruncatedPayload { got: 10, length: 33 }),
            ),
        ),
        (
            "28: a truncated header",
            options(),
            [frame(2, b"a\n"), vec![1, 0]].concat(),
            (vec![err("a")], vec![], Some(FrameError::TruncatedHeader { got: 2 })),
        ),
        (
            "29: a length that is none",
            options(),
            [frame(1, b"a\n"), vec![1, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]].concat(),
            (vec![out("a")], vec![], Some(FrameError::TooLong { length: 0x7fff_ffff })),
        ),
    ];
    for (name, options, input, want) in cases {
        check(name, options, &input, &want);
    }
}

#[test]
fn lines_of_a_tty() {
    let part = "x".repeat(DOCKER_PARTIAL_LEN);
    let untimed: Vec<(&str, &[u8], Vec<Line<'static>>)> = vec![
        (
            "30: bytes that look like a header",
            b"\x01\0\0\0\0\0\0\x02a\r\n\x02b\n",
            vec![
                line(Stream::Stdout, None, *b"\x01\0\0\0\0\0\0\x02a", Ending::CrLf),
                line(Stream::Stdout, None, *b"\x02b", Ending::Lf),
            ],
        ),
        (
            "one carriage return belongs to the ending",
            b"a\r\r\n",
            vec![line(Stream::Stdout, None, "a\r", Ending::CrLf)],
        ),
        ("an empty line", b"\r\n", vec![line(Stream::Stdout, None, "", Ending::CrLf)]),
        ("a prompt", b"> ", vec![line(Stream::Stdout, None, "> ", Ending::None)]),
    ];
    for (name, input, want) in untimed {
        check(name, tty(), input, &(want, vec![], None));
    }
    let timed = LineOptions { timestamps: true, ..tty() };
    let cases: Vec<(&str, Vec<u8>, Vec<Line<'static>>)> = vec![
        (
            "timestamps",
            [stamped(T1, "a\r\n"), stamped(T2, "\r\n"), b"none\r\n".to_vec()].concat(),
            vec![
                line(Stream::Stdout, Some(T1), "a", Ending::CrLf),
                line(Stream::Stdout, Some(T2), "", Ending::CrLf),
                line(Stream::Stdout, None, "none", Ending::CrLf),
            ],
        ),
        (
            "33: repeated in the middle of a line",
            [stamped(T1, &part), stamped(T1, &part), stamped(T1, "end\r\n"), stamped(T2, "b\r\n")]
                .concat(),
            vec![
                line(Stream::Stdout, Some(T1), format!("{part}{part}end"), Ending::CrLf),
                line(Stream::Stdout, Some(T2), "b", Ending::CrLf),
            ],
        ),
        (
            "a timestamp that the program wrote stays",
            stamped(T1, format!("{T1} {T2} a\r\n")),
            vec![line(Stream::Stdout, Some(T1), format!("{T1} {T2} a"), Ending::CrLf)],
        ),
    ];
    for (name, input, want) in cases {
        check(name, timed, &input, &(want, vec![], None));
    }
}

mod long;
