//! Tests of both file formats, among them files and API answers recorded from Docker 20.10.24.

use super::*;
use crate::decode::{Event, LogDecoder};
use crate::frame::tests::cut;
use crate::line::Ending;
use proptest::prelude::*;

const JSON_FILE: &[u8] = include_bytes!("testdata/json-file.log");
const JSON_FILE_API: &[u8] = include_bytes!("testdata/json-file.api");
const LOCAL: &[u8] = include_bytes!("testdata/local.log");
const LOCAL_API: &[u8] = include_bytes!("testdata/local.api");

#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    lines: Vec<Line<'static>>,
    holes: Vec<u64>,
    error: Option<FileError>,
}

fn read(format: FileFormat, tty: bool, chunks: &[&[u8]]) -> Read {
    let mut decoder = FileDecoder::new(format, tty, LineOptions::MAX_LINE);
    let mut out = Read::default();
    let mut take = |event: FileEvent<'_>| match event {
        FileEvent::Line(line) => out.lines.push(line.into_owned()),
        FileEvent::Hole { bytes } => out.holes.push(bytes),
    };
    let error = chunks.iter().find_map(|chunk| decoder.push(chunk, &mut take).err());
    decoder.finish(take);
    Read { error, ..out }
}

fn read_api(input: &[u8]) -> Vec<Line<'static>> {
    let options = LineOptions {
        framing: Framing::Multiplexed,
        joining: Joining::Docker,
        timestamps: true,
        max_line: LineOptions::MAX_LINE,
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
    // Docker 20.10 forgets the newline after the last partial of a line; the file knows better.
    let forgotten: Vec<_> = api.iter().zip(&file.lines).filter(|(api, file)| api.ending != file.ending).collect();
    assert!(forgotten.iter().all(|(line, _)| line.ending == Ending::None && line.text.len() == 20_000));
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
    Line { stream, timestamp, text: text.as_bytes().to_vec().into(), ending, cut: 0, run: None }
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
        ("a backslash before the n", json("a\\n", "stdout"), vec![line(Stream::Stdout, "a\\n", Ending::None)], vec![]),
        ("what looks like the end", json(&format!("{tricky}\n"), "stdout"), vec![out(tricky)], vec![]),
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
            [json("a\n", "stdout"), nul.clone(), json("b\n", "stdout"), json("c\n", "stdout")].concat(),
            vec![out("a"), out("c")],
            vec![100 + json("b\n", "stdout").len() as u64],
        ),
        (
            "40: a torn last record",
            [json("a\n", "stdout"), json("b\n", "stdout")[..20].to_owned()].concat(),
            vec![out("a")],
            vec![20],
        ),
    ];
    for (name, input, lines, holes) in cases {
        let want = Read { lines, holes, error: None };
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
        decoder.push(&chunk, |_| panic!("no record here")).unwrap();
        assert!(decoder.carry.len() <= MAX_RECORD + (1 << 20));
    }
    let mut holes = Vec::new();
    decoder.push(b"\n", |_| panic!("no record here")).unwrap();
    decoder
        .push(json("a\n", "stdout").as_bytes(), |event| {
            holes.push(matches!(event, FileEvent::Hole { bytes } if bytes == (64 << 20) + 1));
        })
        .unwrap();
    assert_eq!(holes, [true, false]);
}

#[test]
fn a_damaged_local_file_is_an_error_after_all_that_was_good() {
    let good = 37 + 8;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a length that is none", [&LOCAL[..good], &[0xff; 12]].concat()),
        ("lengths that differ", [&LOCAL[..good], &[0, 0, 0, 1, 0x10, 0, 0, 0, 2]].concat()),
        ("no message", [&LOCAL[..good], &[0, 0, 0, 1, 0x1a, 0, 0, 0, 1]].concat()),
    ];
    for (name, input) in cases {
        let got = read(FileFormat::Local, false, &[&input]);
        assert_eq!((got.lines.len(), got.error), (1, Some(FileError::Damaged)), "{name}");
    }
    let torn = read(FileFormat::Local, false, &[&LOCAL[..good + 10]]);
    assert_eq!((torn.lines.len(), torn.holes, torn.error), (1, vec![10], None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn recorded_files_read_the_same_however_they_are_cut(sizes in proptest::collection::vec(0_usize..20_000, 0..20)) {
        for (format, file) in [(FileFormat::JsonFile, JSON_FILE), (FileFormat::Local, LOCAL)] {
            prop_assert_eq!(read(format, false, &cut(file, &sizes)), read(format, false, &[file]));
        }
    }

    #[test]
    fn what_docker_writes_is_read(texts in proptest::collection::vec("\\PC{0,30}|[ -~\t\r\u{0}\u{7f}]{0,30}", 0..8)) {
        let file: String = texts.iter().map(|text| json(&format!("{text}\n"), "stdout")).collect();
        let want: Vec<_> = texts.iter().map(|text| line(Stream::Stdout, text, Ending::Lf)).collect();
        prop_assert_eq!(read(FileFormat::JsonFile, false, &[file.as_bytes()]), Read { lines: want, ..Read::default() });
    }

    #[test]
    fn garbage_never_panics(
        input in proptest::collection::vec(prop_oneof![Just(0_u8), Just(b'\n'), Just(b'"'), any::<u8>()], 0..200),
        at in 0_usize..200,
        sizes in proptest::collection::vec(0_usize..50, 0..8),
    ) {
        for (format, file) in [(FileFormat::JsonFile, JSON_FILE), (FileFormat::Local, LOCAL)] {
            let input = [&file[..at], &input, file].concat();
            prop_assert_eq!(read(format, true, &cut(&input, &sizes)), read(format, true, &[&input]));
        }
    }
}
