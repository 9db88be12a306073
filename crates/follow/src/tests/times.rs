//! Tests what a log's times and its end prove: nothing about the next line, and nothing about what
//! the platform still stores.

use jiff::{SignedDuration, Timestamp};
use scratchdbg_backend::StoredFiles;
use scratchdbg_logs::file::FileFormat;

use super::*;

const BACK: SignedDuration = SignedDuration::from_micros(-1500);

/// Docker 20.10 ends the stream of a followed log when the process has exited, while it still
/// stores what the process printed last.
#[tokio::test]
async fn a_stream_that_ends_before_the_log_loses_no_line() {
    for (completeness, each) in [
        (Completeness::Unknown, true),
        (Completeness::ByCount, true),
        (Completeness::ByCount, false),
    ] {
        let backend = FakeBackend::new();
        backend.run("web", &[]);
        backend.store("web", |storage| storage.completeness = completeness);
        if each {
            backend.test_each_record("web");
        }
        backend.write("web", "a");
        let taken = followed(&backend, request(true), async |sink| {
            sink.has("a").await;
            backend.end_streams("web");
            backend.write("web", "b");
            // The clocks of two streams are not the same.
            backend.step_clock(BACK);
            backend.write("web", "c");
            backend.exit("web", 0, false);
        });
        assert_eq!(taken.await, ["a", "b", "c", "[ended 0]"], "{completeness:?}");
    }
}

#[tokio::test]
async fn an_end_that_is_longer_than_the_last_records_is_read() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.test_each_record("web");
    backend.write("web", "a");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("a").await;
        backend.end_streams("web");
        (0..1000).for_each(|line| backend.write("web", &line.to_string()));
        backend.exit("web", 0, false);
    });
    let taken = taken.await;
    assert_eq!(taken.len(), 1002, "{taken:?}");
    assert!((0..1000).all(|line| taken[line + 1] == line.to_string()), "{taken:?}");
}

/// The clock was set back by more than a resumed stream overlaps with the last one. Where an engine
/// counts records, that is found out at the end.
#[tokio::test]
async fn a_clock_that_is_set_back_at_the_end_loses_no_line() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.store("web", |storage| storage.completeness = Completeness::ByCount);
    backend.test_each_record("web");
    backend.write("web", "a");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("a").await;
        backend.end_streams("web");
        backend.step_clock(SignedDuration::from_hours(-1));
        backend.write("web", "b");
        backend.exit("web", 0, false);
        backend.write("web", "c");
    });
    let taken = taken.await;
    let lines: Vec<_> = taken.iter().filter(|line| !line.starts_with("[ended")).collect();
    assert_eq!(lines, ["a", "b", "c"], "{taken:?}");
}

#[tokio::test]
async fn an_end_that_cannot_be_read_is_told() {
    for ends_early in [false, true] {
        let backend = FakeBackend::new();
        backend.run("web", &[]);
        backend.store("web", |storage| storage.follow_ends_early = ends_early);
        backend.write("web", "a");
        let taken = followed(&backend, request(true), async |sink| {
            sink.has("a").await;
            backend.exit("web", 0, false);
            backend.remove("web");
        });
        let taken = taken.await;
        assert_eq!(taken.iter().any(|line| line == "[end not read!]"), ends_early, "{taken:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_resumed_loses_no_line_of_an_older_time() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.test_each_record("web");
    backend.write("web", "a");
    backend.write("web", "b");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("b").await;
        backend.cut("web");
        backend.step_clock(BACK);
        backend.write("web", "c");
        sink.has("c").await;
        backend.exit("web", 0, false);
    });
    assert_eq!(taken.await, ["a", "b", "c", "[ended 0]"]);
}

/// The seconds of records in the order in which they are stored, a range, and the records in it.
type RangeCase = (&'static [i64], Option<i64>, Option<i64>, &'static [&'static str]);

const RANGES: [RangeCase; 6] = [
    (&[1, 3, 2, 4], None, Some(2), &["1", "2"]),
    (&[1, 500, 2, 3], None, Some(2), &["1", "2"]),
    (&[30, 1, 20, 2, 40], Some(25), None, &["30", "40"]),
    (&[1, 40, 20, 2, 40], Some(10), Some(30), &["20"]),
    (&[1000, 1001, 1, 2], None, Some(500), &["1", "2"]),
    (&[5, 4, 3], Some(6), None, &[]),
];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a time")
}

fn in_range(since: Option<i64>, until: Option<i64>, via: Via) -> Request {
    let range = TimeRange { since: since.map(at), until: until.map(at) };
    Request { range, via, timestamps: true, ..request(false) }
}

#[tokio::test]
async fn each_line_is_judged_by_its_own_time_through_the_engine() {
    for (seconds, since, until, expected) in RANGES {
        for (completeness, each, is_running) in [
            (Completeness::Unknown, false, false),
            (Completeness::ByCount, false, false),
            (Completeness::ByCount, true, false),
            (Completeness::ByCount, false, true),
            (Completeness::ByCount, true, true),
        ] {
            let backend = FakeBackend::new();
            backend.run("web", &[]);
            backend.store("web", |storage| storage.completeness = completeness);
            if each {
                backend.test_each_record("web");
            }
            backend.stop_clock(true);
            for &second in seconds {
                backend.step_clock(at(second).duration_since(backend.clock()));
                backend.write("web", &second.to_string());
            }
            if !is_running {
                backend.exit("web", 0, false);
            }
            let sink = Recorder::default();
            read(&backend, &in_range(since, until, Via::Api), sink.clone())
                .await
                .expect("it is read");
            assert_eq!(
                sink.taken(),
                expected,
                "{seconds:?} {since:?} {until:?} {completeness:?} {each} {is_running}"
            );
        }
    }
}

#[tokio::test]
async fn each_line_is_judged_by_its_own_time_in_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x-json.log");
    for (seconds, since, until, expected) in RANGES {
        // Half of the records in a rotated file.
        let texts: Vec<_> = seconds
            .iter()
            .map(|&second| {
                format!(
                    "{{\"log\":\"{second}\\n\",\"stream\":\"stdout\",\"time\":\"{:.9}\"}}\n",
                    at(second)
                )
            })
            .collect();
        std::fs::write(folder.path().join("x-json.log.1"), texts[..2].concat()).expect("a file");
        std::fs::write(&path, texts[2..].concat()).expect("a file");
        let backend = FakeBackend::new();
        backend.run("web", &[]);
        let files = StoredFiles { path: path.clone(), format: FileFormat::JsonFile };
        backend.store("web", |storage| storage.files = Ok(files));
        backend.exit("web", 0, false);
        let sink = Recorder::default();
        read(&backend, &in_range(since, until, Via::File), sink.clone()).await.expect("it is read");
        assert_eq!(sink.taken(), expected, "{seconds:?} {since:?} {until:?}");
    }
}

/// A followed log ends at its time, also if lines of a later time come before the last ones.
#[tokio::test]
async fn a_later_line_does_not_end_a_followed_log() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.write("web", "a");
    let until = backend.now() + SignedDuration::from_millis(500);
    let range = TimeRange { since: None, until: Some(until) };
    let taken = followed(&backend, Request { range, ..request(true) }, async |sink| {
        sink.has("a").await;
        backend.step_clock(SignedDuration::from_mins(1));
        backend.write("web", "later");
        backend.step_clock(SignedDuration::from_mins(-1));
        backend.write("web", "b");
        sink.has("b").await;
    });
    assert_eq!(taken.await, ["a", "b"]);
}
