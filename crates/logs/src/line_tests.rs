//! Tests of the line assembler, through [`LogDecoder`]: fault cases 27–34 of the wire and any chunking.

use super::*;
use crate::decode::{Event, LogDecoder};
use crate::frame::FrameError;
use crate::frame::tests::{cut, frame};
use proptest::prelude::*;

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

fn line(stream: Stream, timestamp: Option<&str>, text: impl Into<Vec<u8>>, ending: Ending) -> Line<'static> {
    let timestamp = timestamp.map(|text| Timestamp::new(text.as_bytes()).unwrap());
    Line { stream, timestamp, text: Cow::Owned(text.into()), ending, cut: 0, run: None }
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

/// The same in one chunk, byte by byte, and in chunks of 7; `name` tells which case failed.
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
        ("NUL and invalid UTF-8 stay", frame(1, b"\0\xff\n"), vec![line(Stream::Stdout, None, *b"\0\xff", Ending::Lf)]),
        (
            "32: stderr between the partials of a line of stdout",
            [frame(1, part.as_bytes()), frame(2, b"oops\n"), frame(1, b"end\n")].concat(),
            vec![err("oops"), out(&format!("{part}end"))],
        ),
        (
            "32: partials of both streams interleaved",
            [frame(1, part.as_bytes()), frame(2, part.as_bytes()), frame(1, b"1\n"), frame(2, b"2\n")].concat(),
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
    let input =
        [frame(1, &stamped(T1, "foo")), frame(2, &stamped(T1, "e\n")), frame(1, &stamped(T2, "bar\n"))].concat();
    let want =
        vec![line(Stream::Stderr, Some(T1), "e", Ending::Lf), line(Stream::Stdout, Some(T1), "foobar", Ending::Lf)];
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
            [stamped(T1, &part), stamped(T1, &part), stamped(T1, "end\n")].map(|record| frame(1, &record)).concat(),
            vec![line(Stream::Stdout, Some(T1), format!("{part}{part}end"), Ending::Lf)],
        ),
        (
            "each line its own",
            [stamped(T1, "a\n"), stamped(T2, "\n"), stamped(T2, " b\n")].map(|record| frame(2, &record)).concat(),
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
            vec![line(Stream::Stdout, None, T1, Ending::None), line(Stream::Stdout, None, "x", Ending::None)],
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
                vec![
                    line(Stream::Stdout, Some(T1), "a", Ending::Lf),
                    line(Stream::Stdout, None, &T2[..10], Ending::None),
                ],
                vec![],
                Some(FrameError::TruncatedPayload { got: 10, length: 33 }),
            ),
        ),
        (
            "28: truncated inside a repeated timestamp",
            timed(),
            [frame(1, &stamped(T1, "x".repeat(DOCKER_PARTIAL_LEN))), frame(1, &stamped(T1, "b\n"))[..18].to_vec()]
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
            [stamped(T1, &part), stamped(T1, &part), stamped(T1, "end\r\n"), stamped(T2, "b\r\n")].concat(),
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

#[test]
fn a_long_line_is_cut_at_the_cap_and_what_is_dropped_is_counted() {
    let capped = |text: &str, cut, ending| Line { cut, ..line(Stream::Stdout, None, text, ending) };
    let small = LineOptions { max_line: 4, ..options() };
    let input = [frame(1, b"abcdefg\n"), frame(1, b"abcd\n"), frame(1, b"abcde"), frame(1, b"f\n")].concat();
    let want = vec![
        capped("abcd", 3, Ending::Lf),
        capped("abcd", 0, Ending::Lf),
        capped("abcd", 1, Ending::None),
        capped("f", 0, Ending::Lf),
    ];
    check("frames", small, &input, &(want, vec![], None));

    let small = LineOptions { max_line: 4, ..tty() };
    let want = vec![
        capped("abcd", 3, Ending::CrLf),
        capped("abcd", 0, Ending::CrLf),
        capped("abcd", 1, Ending::Lf),
        capped("abcd", 2, Ending::None),
    ];
    check("tty", small, b"abcdefg\r\nabcd\r\nabcde\nabcdef", &(want, vec![], None));

    let small = LineOptions { max_line: 4, timestamps: true, ..tty() };
    let input = [stamped(T1, "abcdefg\r\n"), stamped(T1, "x".repeat(100)), b"\r\n".to_vec()].concat();
    let timestamp = Timestamp::new(T1.as_bytes());
    let want = vec![
        Line { timestamp, ..capped("abcd", 3, Ending::CrLf) },
        Line { timestamp, ..capped("xxxx", 96, Ending::CrLf) },
    ];
    check("tty with timestamps", small, &input, &(want, vec![], None));
}

#[test]
fn a_line_of_100_mib_takes_no_more_memory_than_the_cap() {
    let mut decoder = LogDecoder::new(options());
    let record = frame(1, &vec![b'x'; DOCKER_PARTIAL_LEN]);
    for _ in 0..6400 {
        assert_eq!(decoder.push(&record).next(), Ok(None));
    }
    let line = decoder.finish_line().unwrap();
    assert_eq!((line.text.len(), line.cut), (1 << 20, 99 << 20));
    assert!(line.text.len() <= LineOptions::MAX_LINE);
}

/// What Docker's daemon sends for one line of a stream.
fn daemon_records(kind: u8, stamp: Option<&str>, text: &[u8]) -> Vec<Vec<u8>> {
    let terminated = [text, b"\n"].concat();
    let mut records = Vec::new();
    let mut rest = &terminated[..];
    while rest.len() > DOCKER_PARTIAL_LEN {
        let (record, after) = rest.split_at(DOCKER_PARTIAL_LEN);
        records.push(record);
        rest = after;
    }
    records.push(rest);
    records.iter().map(|record| frame(kind, &stamp.map_or(record.to_vec(), |stamp| stamped(stamp, record)))).collect()
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("no newline", |byte| *byte != b'\n');
    prop_oneof![
        4 => proptest::collection::vec(byte, 0..40),
        1 => (0_usize..40_000, any::<u8>()).prop_map(|(len, seed)| {
            (0..len).map(|at| b"0123456789 abcdefghijk"[(at * 7 + usize::from(seed)) % 22]).collect()
        }),
    ]
}

#[test]
fn a_long_line_in_parts_is_exact_and_takes_bounded_memory() {
    let text: Vec<u8> = (0..5 << 20).map(|at: u32| b'a' + u8::try_from(at / 9 % 26).unwrap()).collect();
    for (framing, joining) in [
        (Framing::Multiplexed, Joining::Docker),
        (Framing::Multiplexed, Joining::UntilNewline),
        (Framing::Raw, Joining::Docker),
    ] {
        let mut input = Vec::new();
        for part in [&text[..], b"\r\nnext\n"].concat().chunks(16 << 10) {
            if framing == Framing::Multiplexed {
                input.extend_from_slice(&[1, 0, 0, 0]);
                input.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
            }
            input.extend_from_slice(part);
        }
        let options = LineOptions { framing, joining, max_line: 100_000, in_parts: true, ..options() };
        let mut decoder = LogDecoder::new(options);
        let mut out = Vec::new();
        for chunk in input.chunks(10_007) {
            let mut events = decoder.push(chunk);
            while let Some(event) = events.next().unwrap() {
                let Event::Line(line) = event else { panic!("no errors here") };
                assert!(line.cut == 0 && line.text.len() < 150_000);
                out.extend_from_slice(&line.text);
                out.extend_from_slice(line.ending.as_bytes());
            }
        }
        assert!(out == [&text[..], b"\r\nnext\n"].concat(), "{framing:?} {joining:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read(
        outs in proptest::collection::vec(any_text(), 0..5),
        errs in proptest::collection::vec(any_text(), 0..5),
        picks in proptest::collection::vec(any::<bool>(), 0..30),
        timestamps: bool,
        sizes in proptest::collection::vec(0_usize..20_000, 0..20),
    ) {
        let stamp = timestamps.then_some(T1);
        let mut records = [(1, &outs), (2, &errs)].map(|(kind, texts)| {
            texts.iter().flat_map(|text| daemon_records(kind, stamp, text)).collect::<std::collections::VecDeque<_>>()
        });
        let mut input = Vec::new();
        for pick in picks {
            input.extend(records[usize::from(pick)].pop_front().unwrap_or_default());
        }
        input.extend(records.into_iter().flatten().flatten());
        let (lines, errors, error) = read(LineOptions { timestamps, ..options() }, &cut(&input, &sizes));
        prop_assert_eq!((errors, error), (vec![], None));
        for (stream, texts) in [(Stream::Stdout, outs), (Stream::Stderr, errs)] {
            let got: Vec<_> = lines.iter().filter(|line| line.stream == stream).cloned().collect();
            let want: Vec<_> = texts.into_iter().map(|text| line(stream, stamp, text, Ending::Lf)).collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn any_bytes_read_the_same_however_they_are_cut(
        records in proptest::collection::vec((1_u8..4, prop_oneof![
            any_text(),
            "(2026-11-23T07:01:20.422028881Z )?[ab \n\r]{0,9}\n?".prop_map(String::into_bytes),
        ]), 0..8),
        tail in proptest::collection::vec(any::<u8>(), 0..12),
        sizes in proptest::collection::vec(0_usize..200, 0..30),
        raw: bool,
        until_newline: bool,
        timestamps: bool,
        max_line in prop_oneof![Just(3), Just(1 << 20)],
    ) {
        let options = LineOptions {
            framing: Framing::from_tty(raw),
            joining: if until_newline { Joining::UntilNewline } else { Joining::Docker },
            timestamps,
            max_line,
            in_parts: false,
        };
        let mut input: Vec<u8> = records.iter().flat_map(|(kind, record)| frame(*kind, record)).collect();
        input.extend(tail);
        let want = read(options, &[&input]);
        prop_assert!(want.0.iter().all(|line| line.text.len() <= max_line && !line.text.contains(&b'\n')));
        prop_assert_eq!(read(options, &cut(&input, &sizes)), want);
    }
}
