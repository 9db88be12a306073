//! Tests of the line assembler: overlong lines, and arbitrary input cut anywhere.

use super::*;

#[test]
fn a_long_line_is_cut_at_the_cap_and_what_is_dropped_is_counted() {
    let capped = |text: &str, cut, ending| Line { cut, ..line(Stream::Stdout, None, text, ending) };
    let small = LineOptions { max_line: 4, ..options() };
    let input = [frame(1, b"abcdefg\n"), frame(1, b"abcd\n"), frame(1, b"abcde"), frame(1, b"f\n")]
        .concat();
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
    let input =
        [stamped(T1, "abcdefg\r\n"), stamped(T1, "x".repeat(100)), b"\r\n".to_vec()].concat();
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

/// Returns the records that Docker's daemon sends for one line of a stream.
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
    records
        .iter()
        .map(|record| frame(kind, &stamp.map_or(record.to_vec(), |stamp| stamped(stamp, record))))
        .collect()
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
    let text: Vec<u8> =
        (0..5 << 20).map(|at: u32| b'a' + u8::try_from(at / 9 % 26).unwrap()).collect();
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
        let options =
            LineOptions { framing, joining, max_line: 100_000, in_parts: true, ..options() };
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

/// A match may lie after the part of a line that is kept.
#[test]
fn a_line_beyond_its_cap_is_searched_to_its_end() {
    use crate::query::{Query, QuerySpec};
    let spec = QuerySpec {
        grep: vec!["NEE+DLE$".into()],
        exclude: vec!["^first.*bad".into()],
        ..QuerySpec::default()
    };
    let query = Query::new(&spec).unwrap();
    let long = |begin: &str, end: &str| format!("{begin}{}{end}", "x".repeat(100_000));
    let texts = [
        (long("", "NEEDLE"), true),
        (long("", "NEEDLE?"), false),
        (long("first", "bad NEEDLE"), false),
        (long("", "bad NEEDLE"), true),
    ];
    let small = LineOptions { max_line: 1000, ..options() };
    for (framing, ending) in
        [(Framing::Multiplexed, "\n"), (Framing::Raw, "\n"), (Framing::Raw, "\r\n")]
    {
        for size in [7, 4096, 1 << 20] {
            let mut decoder =
                LogDecoder::new(LineOptions { framing, ..small }).searching(query.search());
            let mut seen = Vec::new();
            for (text, _) in &texts {
                let line = format!("{text}{ending}");
                let input = match framing {
                    Framing::Raw => line.into_bytes(),
                    Framing::Multiplexed => {
                        line.as_bytes().chunks(16 << 10).flat_map(|part| frame(1, part)).collect()
                    }
                };
                for chunk in input.chunks(size) {
                    let mut events = decoder.push(chunk);
                    while let Some(event) = events.next().unwrap() {
                        let Event::Line(line) = event else { panic!("a line") };
                        assert!(line.text.len() == 1000 && line.cut > 0);
                        let (verdict, is_certain) = query.judge_cut(&line);
                        assert!(is_certain);
                        seen.push(verdict == crate::query::Verdict::Wanted);
                    }
                }
            }
            let wanted: Vec<_> = texts.iter().map(|(_, is_wanted)| *is_wanted).collect();
            assert_eq!(seen, wanted, "{framing:?} {ending:?} in pieces of {size}");
        }
    }
}
