//! Tests of both file formats, among them files and API responses recorded from Docker 20.10.24.

mod properties;

use super::*;
use crate::decode::{Event, LogDecoder};
use crate::line::Ending;

const JSON_FILE: &[u8] = include_bytes!("testdata/json-file.log");
const JSON_FILE_API: &[u8] = include_bytes!("testdata/json-file.api");
const LOCAL: &[u8] = include_bytes!("testdata/local.log");
const LOCAL_API: &[u8] = include_bytes!("testdata/local.api");

#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    lines: Vec<Line<'static>>,
    holes: Vec<u64>,
}

fn read(format: FileFormat, tty: bool, chunks: &[&[u8]]) -> Read {
    let mut decoder = FileDecoder::new(format, tty, LineOptions::MAX_LINE);
    let mut out = Read::default();
    let (mut end, len) = (0, chunks.iter().map(|chunk| chunk.len() as u64).sum());
    let mut take = |event: FileEvent<'_>| match event {
        FileEvent::Line(line) => out.lines.push(line.into_owned()),
        FileEvent::Hole(Hole { at, bytes }) => {
            assert!(
                at >= end && bytes > 0 && at + bytes <= len,
                "{bytes} at {at} after {end} of {len}"
            );
            end = at + bytes;
            out.holes.push(bytes);
        }
    };
    for chunk in chunks {
        decoder.push(chunk, &mut take);
    }
    decoder.finish(take);
    out
}

fn read_api(input: &[u8]) -> Vec<Line<'static>> {
    let options = LineOptions {
        framing: Framing::Multiplexed,
        joining: Joining::Docker,
        timestamps: true,
        max_line: LineOptions::MAX_LINE,
        in_parts: false,
    };
    let mut decoder = LogDecoder::new(options);
    let mut lines = Vec::new();
    let mut events = decoder.push(input);
    while let Ok(Some(Event::Line(line))) = events.next() {
        lines.push(line.into_owned());
    }
    while let Some(line) = decoder.finish_line() {
        lines.push(line.into_owned());
    }
    lines
}

#[test]
fn the_same_lines_as_the_engine_sends() {
    let file = read(FileFormat::JsonFile, false, &[JSON_FILE]);
    assert_eq!(file, Read { lines: read_api(JSON_FILE_API), ..Read::default() });
    assert_eq!(file.lines.len(), 10);

    let file = read(FileFormat::Local, false, &[LOCAL]);
    let mut api = read_api(LOCAL_API);
    // The API of Docker 20.10 omits the newline after the last partial of a line; the file has it.
    let forgotten: Vec<_> =
        api.iter().zip(&file.lines).filter(|(api, file)| api.ending != file.ending).collect();
    assert!(
        forgotten.iter().all(|(line, _)| line.ending == Ending::None && line.text.len() == 20_000)
    );
    for line in api.iter_mut().filter(|line| line.text.len() == 20_000) {
        line.ending = Ending::Lf;
    }
    assert_eq!(file, Read { lines: api, ..Read::default() });
}

fn json(log: &str, stream: &str) -> String {
    let log = serde_json::to_string(log).unwrap();
    format!("{{\"log\":{log},\"stream\":\"{stream}\",\"time\":\"2026-11-23T07:01:20.5Z\"}}\n")
}

fn line(stream: Stream, text: &str, ending: Ending) -> Line<'static> {
    let timestamp = Timestamp::new(b"2026-11-23T07:01:20.500000000Z");
    Line {
        stream,
        timestamp,
        text: text.as_bytes().to_vec().into(),
        ending,
        cut: 0,
        found: None,
        run: None,
    }
}

#[test]
fn json_files() {
    let out = |text: &str| line(Stream::Stdout, text, Ending::Lf);
    let long = "x".repeat(16 << 10);
    let tricky = r#"","stream":"stderr","time":"2026-11-23T07:01:21Z"}"#;
    let attrs = r#"{"log":"a\n","stream":"stdout","attrs":{"tag":"\"time\":"},"time":"2026-11-23T07:01:20.5Z"}"#
        .to_owned()
        + "\n";
    let nul = "\0".repeat(100);
    let cases: Vec<(&str, String, Vec<Line<'static>>, Vec<u64>)> = vec![
        ("empty", String::new(), vec![], vec![]),
        (
            "escapes",
            json("q\"\\\t\u{1}\u{2028}é\n", "stderr"),
            vec![line(Stream::Stderr, "q\"\\\t\u{1}\u{2028}é", Ending::Lf)],
            vec![],
        ),
        (
            "a backslash before the n",
            json("a\\n", "stdout"),
            vec![line(Stream::Stdout, "a\\n", Ending::None)],
            vec![],
        ),
        (
            "what looks like the end",
            json(&format!("{tricky}\n"), "stdout"),
            vec![out(tricky)],
            vec![],
        ),
        ("attributes", attrs, vec![out("a")], vec![]),
        (
            "partials of two streams",
            [json(&long, "stdout"), json("e\n", "stderr"), json("end\n", "stdout")].concat(),
            vec![line(Stream::Stderr, "e", Ending::Lf), out(&format!("{long}end"))],
            vec![],
        ),
        (
            "unterminated, then the next run",
            [json("foo", "stdout"), json("bar\n", "stdout")].concat(),
            vec![line(Stream::Stdout, "foo", Ending::None), out("bar")],
            vec![],
        ),
        (
            "40: zeros of a crash, then more",
            [json("a\n", "stdout"), nul.clone(), json("b\n", "stdout"), json("c\n", "stdout")]
                .concat(),
            vec![out("a"), out("b"), out("c")],
            vec![100],
        ),
        (
            "40: a torn last record",
            [json("a\n", "stdout"), json("b\n", "stdout")[..20].to_owned()].concat(),
            vec![out("a")],
            vec![20],
        ),
        (
            "40: half a record, then a whole one",
            [
                &json("a\n", "stdout")[..20],
                &json("b\n", "stdout"),
                "garbage\n",
                "\n",
                &json("c\n", "stdout"),
            ]
            .concat(),
            vec![out("b"), out("c")],
            vec![20, 9],
        ),
        (
            "40: two records in a row",
            [
                json("a\n", "stdout").trim_end(),
                json("b\n", "stdout").trim_end(),
                "\r\n",
                &json("c\n", "stdout"),
            ]
            .concat(),
            vec![out("a"), out("b"), out("c")],
            vec![],
        ),
        (
            "40: zeros within a text",
            [json("a\n", "stdout").replacen('a', &nul, 1), json("b\n", "stdout")].concat(),
            vec![out("b")],
            vec![json("a\n", "stdout").len() as u64 + 99],
        ),
        (
            "40: wrong types, and what is no record",
            [
                r#"{"log":5,"stream":"stdout","time":"2026-11-23T07:01:20.5Z"}"#,
                "\n42\n{}\n",
                &json("b\n", "stdout"),
            ]
            .concat(),
            vec![out("b")],
            vec![66],
        ),
        (
            "40: without a time",
            ["{\"log\":\"a\\n\",\"stream\":\"stdout\"}\n", &json("b\n", "stdout")].concat(),
            vec![Line { timestamp: None, ..out("a") }, out("b")],
            vec![],
        ),
        (
            "40: a line whose rest is lost",
            [&json(&long, "stdout"), "\0\n", &json("b\n", "stdout")].concat(),
            vec![line(Stream::Stdout, &long, Ending::None), out("b")],
            vec![2],
        ),
        (
            "a last record without its newline",
            json("a\n", "stdout").trim_end().to_owned(),
            vec![out("a")],
            vec![],
        ),
        (
            "half of a surrogate pair",
            json("a\n", "stdout").replacen('a', r"\ud83d", 1),
            vec![out("\u{fffd}")],
            vec![],
        ),
    ];
    for (name, input, lines, holes) in cases {
        let want = Read { lines, holes };
        assert_eq!(read(FileFormat::JsonFile, false, &[input.as_bytes()]), want, "{name}");
        let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(read(FileFormat::JsonFile, false, &bytes), want, "{name}, byte by byte");
    }
    let tty = read(FileFormat::JsonFile, true, &[json("a\r\n", "stdout").as_bytes()]);
    assert_eq!(tty.lines, [line(Stream::Stdout, "a", Ending::CrLf)]);
}

#[test]
fn a_json_file_without_newlines_takes_bounded_memory() {
    let mut decoder = FileDecoder::new(FileFormat::JsonFile, false, LineOptions::MAX_LINE);
    let chunk = vec![0; 1 << 20];
    for _ in 0..64 {
        decoder.push(&chunk, |_| panic!("no record here"));
        assert!(decoder.carry.len() <= MAX_RECORD + (1 << 20));
    }
    let record = json("a\n", "stdout");
    let (begin, rest) = record.as_bytes().split_at(20);
    let mut events = Vec::new();
    decoder.push(begin, |_| panic!("no record here"));
    decoder.push(rest, |event| {
        events.push(match event {
            FileEvent::Hole(hole) => format!("{hole:?}"),
            FileEvent::Line(line) => String::from_utf8(line.text.into_owned()).unwrap(),
        });
    });
    assert_eq!(events, [format!("{:?}", Hole { at: 0, bytes: 64 << 20 }), "a".to_owned()]);
}

#[test]
fn long_lines_in_parts_are_exact() {
    let records: Vec<String> = (0..9)
        .map(|part| json(&char::from(b'a' + part).to_string().repeat(16 << 10), "stdout"))
        .chain([json("e\n", "stderr"), json("end\n", "stdout"), json("next\n", "stdout")])
        .collect();
    let mut decoder = FileDecoder::in_parts(FileFormat::JsonFile, false, 40_000);
    let mut out = Vec::new();
    for chunk in records.concat().as_bytes().chunks(777) {
        decoder.push(chunk, |event| {
            if let FileEvent::Line(line) = event
                && line.stream == Stream::Stdout
            {
                assert!(line.cut == 0 && line.text.len() <= 40_000 + (16 << 10));
                out.extend_from_slice(&line.text);
                out.extend_from_slice(line.ending.as_bytes());
            }
        });
    }
    let want: String =
        (0..9).map(|part| char::from(b'a' + part).to_string().repeat(16 << 10)).collect();
    assert!(out == (want + "end\nnext\n").into_bytes());
}

/// Returns a record of the local driver with this text.
fn local(text: &str) -> Vec<u8> {
    let mut message = b"\x0a\x06stdout\x10\x80\xca\xb5\xee\x01\x1a".to_vec();
    message.push(u8::try_from(text.len()).unwrap());
    message.extend_from_slice(text.as_bytes());
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&length[..], &message, &length].concat()
}

#[test]
fn a_damaged_local_file_is_read_on_behind_the_damage() {
    let (a, b, c) = (local("a"), local("b"), local("c"));
    let with = |record: &[u8], at: usize, byte: u8| {
        let mut record = record.to_vec();
        record[at] = byte;
        record
    };
    let len = a.len();
    // A text that looks like a record is taken for one only if the record around it is damaged.
    let nested =
        local(&String::from_utf8_lossy(&[&local("n")[..], b"x"].concat()).replace('\u{fffd}', "?"));
    let cases: Vec<(&str, Vec<u8>, &str, Vec<u64>)> = vec![
        ("whole", [&a[..], &b, &c].concat(), "abc", vec![]),
        ("zeros", [&a[..], &[0; 4096], &b, &c].concat(), "abc", vec![4096]),
        ("a length that is none", [&a[..], &[0xff; 12], &b].concat(), "ab", vec![12]),
        ("a length too long", [&a[..], &with(&b, 2, 9), &c, &a].concat(), "abca", vec![4]),
        (
            "a length a little too long",
            [&a[..], &with(&b, 3, b[3] + 2), &c].concat(),
            "abc",
            vec![4],
        ),
        ("a length too short", [&a[..], &with(&b, 3, b[3] - 2), &c].concat(), "abc", vec![4]),
        (
            "lengths that differ",
            [&a[..], &with(&b, len - 1, 99), &c].concat(),
            "ac",
            vec![len as u64],
        ),
        ("another source", [&a[..], &with(&b, 9, b'?'), &c].concat(), "ac", vec![len as u64]),
        ("the first", [&with(&a, 0, 1)[..], &b, &c].concat(), "abc", vec![4]),
        ("the last", [&a[..], &b, &with(&c, 0, 1)].concat(), "abc", vec![4]),
        ("cut in the middle", [&a[..], &b[..10], &c].concat(), "ac", vec![10]),
        ("cut at the end", [&a[..], &b[..10]].concat(), "a", vec![10]),
        ("cut after the length", [&a[..], &b[..4]].concat(), "a", vec![4]),
        ("two places", [&a[..], &b[..9], &c, b"????????????????", &a].concat(), "aca", vec![9, 16]),
        ("a text that looks like one", [&a[..], &nested, &b].concat(), "a?b", vec![]),
    ];
    for (name, input, lines, holes) in cases {
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        for got in
            [read(FileFormat::Local, false, &[&input]), read(FileFormat::Local, false, &bytes)]
        {
            let texts: String = got
                .lines
                .iter()
                .map(|line| if line.text.len() == 1 { char::from(line.text[0]) } else { '?' })
                .collect();
            assert_eq!((texts.as_str(), got.holes), (lines, holes.clone()), "{name}");
        }
    }
}

/// A record that lost bytes takes the first length of the next one for its own second length, where
/// both are as long.
#[test]
fn a_record_keeps_its_line_where_the_one_before_lost_bytes() {
    let (first, second, third) = (local("line 21"), local("line 22"), local("line 23"));
    for lost in 1..first.len() {
        let damaged = [&first[..first.len() - lost], &[0, 0][..], &second, &third].concat();
        for cuts in [vec![], vec![1; damaged.len()], vec![damaged.len() - third.len() - 7]] {
            let got = read(FileFormat::Local, false, &crate::frame::tests::cut(&damaged, &cuts));
            let texts: Vec<_> = got.lines.iter().map(|line| &line.text[..]).collect();
            assert!(texts.ends_with(&[b"line 22", b"line 23"]), "{lost} {cuts:?}: {texts:?}");
        }
    }
}
