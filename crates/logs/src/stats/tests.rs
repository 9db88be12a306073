//! Tests of counting and of the report.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::frame::Stream;
use crate::line::Ending;

fn line(second: i64, stream: Stream, text: &str) -> Line<'_> {
    let stamp = Timestamp::from_second(second).map(|at| format!("{at:.9}")).unwrap();
    let timestamp = crate::Timestamp::new(stamp.as_bytes());
    Line {
        stream,
        timestamp,
        text: text.as_bytes().into(),
        ending: Ending::Lf,
        cut: 0,
        found: None,
        run: None,
    }
}

fn sample() -> Report {
    let mut stats = Stats::new(true);
    for (second, text) in
        [(0, "INFO took 1 ms"), (1, "INFO took 22 ms"), (1, "ERROR lost 7"), (4, "plain")]
    {
        let stream = if text.starts_with("ERROR") { Stream::Stderr } else { Stream::Stdout };
        stats.add("web", &line(1_800_000_000 + second, stream, text));
    }
    stats.add("db\x1b[2J", &Line { timestamp: None, ..line(0, Stream::Stdout, "WARN slow") });
    stats.report(20)
}

#[test]
fn counts() {
    let report = sample();
    assert_eq!((report.lines, report.bytes, report.no_level), (5, 15 + 16 + 13 + 6 + 10, 1));
    assert_eq!(report.streams, BTreeMap::from([("stderr", 1), ("stdout", 4)]));
    assert_eq!(report.levels, BTreeMap::from([("error", 1), ("info", 2), ("warn", 1)]));
    assert_eq!(report.containers, BTreeMap::from([("web".into(), 4), ("db\x1b[2J".into(), 1)]));
    assert_eq!(report.rate.iter().map(|bucket| bucket.lines).collect::<Vec<_>>(), [1, 2, 0, 0, 1]);
    assert_eq!(report.gaps.iter().map(|gap| gap.duration().as_secs()).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(
        (report.patterns[0].lines, report.patterns[0].pattern.as_str()),
        (2, "INFO took <n> ms")
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["first"], "2027-01-15T08:00:00Z");
    assert_eq!(json["rate"][1]["lines"], 2);
}

#[test]
fn text() {
    let want = "\
5 lines, 60 bytes
2027-01-15 08:00:00 to 2027-01-15 08:00:04 (4s)

level
  error 1 ██████████████▌
  warn  1 ██████████████▌
  info  2 █████████████████████████████
  none  1 ██████████████▌

stream
  stderr 1 ███████
  stdout 4 ████████████████████████████

container
  db\\x1b[2J 1 ██████▎
  web       4 █████████████████████████

lines per 1s
  08:00:00 1 █████████████
  08:00:01 2 ██████████████████████████
  08:00:02 0
  08:00:03 0
  08:00:04 1 █████████████

longest silences
        3s after 2027-01-15 08:00:01
        1s after 2027-01-15 08:00:00

patterns
  2 info   INFO took <n> ms
  1 error  ERROR lost <n>
  1 warn   WARN slow
  1        plain
";
    assert_eq!(sample().to_text(40, &TimeZone::UTC), want);
    assert_eq!(Stats::new(true).report(20).to_text(80, &TimeZone::UTC), "0 lines, 0 bytes\n");
}

#[test]
fn a_pattern_tells_of_all_its_levels() {
    let mut stats = Stats::new(true);
    for (level, count) in [("info", 9), ("error", 2)] {
        for number in 0..count {
            let text = format!(r#"{{"level":"{level}","msg":"took {number} ms"}}"#);
            stats.add("web", &line(1_800_000_000, Stream::Stdout, &text));
        }
    }
    stats.add("web", &line(1_800_000_000, Stream::Stdout, "took 7 ms"));
    stats.add("web", &line(1_800_000_000, Stream::Stdout, "ERROR lost"));
    let report = stats.report(20);
    let pattern = &report.patterns[0];
    assert_eq!((pattern.lines, pattern.level), (12, Some("error")));
    assert_eq!(pattern.levels, BTreeMap::from([("error", 2), ("info", 9)]));
    let text = report.to_text(60, &TimeZone::UTC);
    let (_, patterns) = text.split_once("patterns\n").unwrap();
    let expected = "  12 mixed  took <n> ms\n            2 error, 9 info, 1 without a level\n   1 error  ERROR lost\n";
    assert_eq!(patterns, expected);
}

proptest! {
    #[test]
    fn the_rate_counts_all_and_fits(
        seconds in proptest::collection::vec(prop_oneof![0_i64..100, -62_000_000_000_i64..200_000_000_000], 1..80),
        rows in 1_usize..40,
        columns in 0_usize..150,
    ) {
        let mut stats = Stats::new(false);
        for second in &seconds {
            stats.add("日本語-container-with-a-long-name", &line(*second, Stream::Stdout, "x"));
            stats.add("b", &line(*second, Stream::Stdout, "x"));
        }
        let report = stats.report(rows);
        prop_assert_eq!(report.rate.iter().map(|bucket| bucket.lines).sum::<u64>(), 2 * seconds.len() as u64);
        prop_assert!(report.rate.len() <= rows.max(2));
        let text = report.to_text(columns, &TimeZone::UTC);
        prop_assert!(text.lines().skip(2).all(|line| line.width() <= columns.max(40)), "{}", text);
    }
}

#[test]
fn the_rate_holds_a_bounded_number_of_buckets() {
    let mut rate = Rate::default();
    for second in 0..200_000 {
        rate.add(Timestamp::from_second(second * 7).unwrap(), None);
    }
    assert_eq!(rate.buckets(1_000).iter().map(|bucket| bucket.lines).sum::<u64>(), 200_000);
    assert!(rate.buckets(1_000).len() <= 720);
}
