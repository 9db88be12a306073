//! Tests readers on a platform in memory: restarts, rotations, broken streams.

mod times;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scratchdbg_backend::{Completeness, LogBackend as _, Selector};
use scratchdbg_logs::Line;
use scratchdbg_logs::query::{Query, QuerySpec};
use scratchdbg_logs::when::TimeRange;
use scratchdbg_testkit::TIMEOUT;
use scratchdbg_testkit::fake::FakeBackend;

use crate::many::MergedSink;
use crate::{Error, LogReader, Notice, Request, Run, Severity, Sink, Via};

fn request(follow: bool) -> Request {
    Request {
        follow,
        range: TimeRange::default(),
        tail: None,
        run: None,
        query: Query::new(&QuerySpec::default()).expect("no condition"),
        around: (0, 0),
        is_plain: true,
        in_parts: false,
        tells_runs: false,
        timestamps: follow,
        via: Via::Api,
        explain: false,
    }
}

/// Records the output: lines as they are, notices in brackets, failures with an exclamation mark.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn taken(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    async fn has(&self, text: &str) {
        let waiting = async {
            while !self.taken().iter().any(|taken| taken == text) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(TIMEOUT, waiting).await.is_ok();
        assert!(in_time, "waited in vain for {text:?}: {:?}", self.taken());
    }
}

fn word(notice: &Notice) -> String {
    let mark = if notice.severity() == Severity::Failure { "!" } else { "" };
    let word = match notice {
        Notice::RunEnded(end) => format!("ended {}", end.exit_code.unwrap_or(-1)),
        Notice::Recreated => "recreated".to_owned(),
        Notice::Renamed { name, is_taken } => format!("renamed {name} {is_taken}"),
        Notice::EngineGone { .. } => "gone".to_owned(),
        Notice::EngineBack => "back".to_owned(),
        Notice::Gap { .. } => "gap".to_owned(),
        Notice::LeftOut { .. } => "left out".to_owned(),
        Notice::EndNotRead => "end not read".to_owned(),
        Notice::Broken { reason } => reason.clone(),
        Notice::ReaderFailed(error) => error.to_string(),
        other => format!("{other:?}"),
    };
    format!("[{word}{mark}]")
}

impl Sink for Recorder {
    fn line(&mut self, line: Line<'_>, _: bool) -> io::Result<()> {
        self.push(String::from_utf8_lossy(&line.text).into_owned());
        Ok(())
    }

    fn notice(&mut self, notice: Notice) -> io::Result<()> {
        self.push(word(&notice));
        Ok(())
    }

    async fn settle(&mut self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

impl MergedSink for Recorder {
    fn add(&mut self, name: &str) -> usize {
        self.push(format!("+{name}"));
        0
    }

    fn line(&mut self, _: usize, line: &Line<'_>, _: bool) -> io::Result<()> {
        self.push(String::from_utf8_lossy(&line.text).into_owned());
        Ok(())
    }

    fn notice(&mut self, _: Option<usize>, notice: Notice) -> io::Result<()> {
        self.push(word(&notice));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn read(backend: &FakeBackend, request: &Request, sink: Recorder) -> Result<(), Error> {
    let name = "web".parse().expect("a name");
    let source = backend.log_source(&name).await?;
    LogReader::new(backend, request, source.lookup(&name), source, sink).read().await
}

/// Follows `web` while `script` runs, and returns the output.
async fn followed(
    backend: &FakeBackend,
    request: Request,
    script: impl AsyncFnOnce(&Recorder),
) -> Vec<String> {
    let sink = Recorder::default();
    let (other, recorder) = (backend.clone(), sink.clone());
    let reading = tokio::spawn(async move { read(&other, &request, recorder).await });
    script(&sink).await;
    let ended = tokio::time::timeout(TIMEOUT, reading).await.expect("it ends");
    ended.expect("no panic").expect("no failure");
    sink.taken()
}

#[tokio::test]
async fn a_restart_is_followed_and_every_end_is_reported_in_its_place() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.write("web", "a");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("a").await;
        backend.exit("web", 3, true);
        backend.start("web");
        backend.write("web", "b");
        sink.has("b").await;
        backend.write("web", "c");
        backend.exit("web", 0, false);
    });
    assert_eq!(taken.await, ["a", "[ended 3]", "b", "c", "[ended 0]"]);
}

#[tokio::test]
async fn a_stream_that_breaks_loses_no_line_and_doubles_none() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    // Records with equal timestamps cannot be distinguished by time.
    backend.stop_clock(true);
    backend.write("web", "a");
    backend.write("web", "a");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("a").await;
        backend.cut("web");
        backend.write("web", "a");
        backend.write("web", "b");
        sink.has("b").await;
        backend.stop_clock(false);
        backend.cut("web");
        backend.write("web", "c");
        sink.has("c").await;
        backend.exit("web", 0, false);
    });
    assert_eq!(taken.await, ["a", "a", "a", "b", "c", "[ended 0]"]);
}

#[tokio::test]
async fn lines_that_were_deleted_before_they_could_be_read_are_a_gap() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.write("web", "a");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("a").await;
        // Nobody listens while the engine is gone.
        backend.go_away(true);
        backend.write("web", "b");
        backend.write("web", "c");
        backend.rotate("web", 1);
        sink.has("[gone]").await;
        backend.go_away(false);
        sink.has("c").await;
        backend.exit("web", 0, false);
    });
    assert_eq!(taken.await, ["a", "[gone]", "[back]", "[gap!]", "c", "[ended 0]"]);
}

#[tokio::test]
async fn a_container_that_is_created_again_under_its_name_is_followed() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.write("web", "old");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("old").await;
        backend.exit("web", 1, false);
        sink.has("old").await;
        backend.remove("web");
        backend.run("web", &[]);
        backend.write("web", "new");
        sink.has("new").await;
        backend.exit("web", 0, false);
    });
    let taken = taken.await;
    // Whether the end of the first container is received before its removal depends on timing.
    let lines: Vec<_> = taken.iter().filter(|text| !text.starts_with("[ended 1")).collect();
    assert_eq!(lines, ["old", "[recreated]", "new", "[ended 0]"], "{taken:?}");
}

#[tokio::test]
async fn a_container_that_is_renamed_is_followed_to_its_end() {
    for is_taken in [false, true] {
        let backend = FakeBackend::new();
        backend.run("web", &[]);
        backend.write("web", "a");
        let taken = followed(&backend, request(true), async |sink| {
            sink.has("a").await;
            backend.rename("web", "old");
            if is_taken {
                backend.run("web", &[]);
                backend.write("web", "other");
            }
            // The name is looked up again.
            backend.cut("old");
            sink.has(&format!("[renamed old {is_taken}]")).await;
            backend.write("old", "b");
            sink.has("b").await;
            backend.exit("old", 0, false);
            if is_taken {
                sink.has("other").await;
                backend.exit("web", 0, false);
            }
        });
        let renamed = format!("[renamed old {is_taken}]");
        let of_another = if is_taken { &["[recreated]", "other", "[ended 0]"][..] } else { &[] };
        let expected = [&["a", &renamed, "b", "[ended 0]"][..], of_another].concat();
        assert_eq!(taken.await, expected);
    }
}

#[tokio::test]
async fn a_container_that_is_started_soon_after_its_end_is_followed() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.write("web", "a");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("a").await;
        backend.exit("web", 0, false);
        while backend.followers("web") > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(crate::step::GRACE / 4).await;
        backend.start("web");
        backend.write("web", "b");
        sink.has("b").await;
        backend.exit("web", 0, false);
    });
    assert_eq!(taken.await, ["a", "[ended 0]", "b", "[ended 0]"]);
}

#[tokio::test]
async fn following_ends_at_the_time_that_was_asked_for() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.write("web", "a");
    let until = backend.now() + jiff::SignedDuration::from_millis(300);
    let range = TimeRange { since: None, until: Some(until) };
    let taken = followed(&backend, Request { range, ..request(true) }, async |_| {}).await;
    assert_eq!(taken, ["a"]);
}

#[tokio::test]
async fn an_engine_that_is_polled_is_read_to_the_end_without_a_stream() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend
        .store("web", |storage| (storage.rotates, storage.loses_lines_at_rotation) = (true, true));
    backend.write("web", "a");
    let taken = followed(&backend, request(true), async |sink| {
        sink.has("a").await;
        backend.write("web", "b");
        sink.has("b").await;
        backend.write("web", "c");
        backend.exit("web", 0, false);
    });
    assert_eq!(taken.await, ["a", "b", "c", "[ended 0]"]);
    assert!(backend.requests().iter().all(|request| !request.follow), "{:?}", backend.requests());
}

#[tokio::test]
async fn records_that_the_platform_leaves_out_are_noticed() {
    for hidden in [false, true] {
        let backend = FakeBackend::new();
        backend.run("web", &[]);
        backend.store("web", |storage| storage.completeness = Completeness::ByCount);
        backend.write("web", "a");
        backend.write("web", "b");
        if hidden {
            backend.hide_last("web");
        }
        backend.write("web", "c");
        backend.exit("web", 0, false);
        let sink = Recorder::default();
        read(&backend, &request(false), sink.clone()).await.expect("it is read");
        let expected: &[&str] = if hidden { &["a", "c", "[left out!]"] } else { &["a", "b", "c"] };
        assert_eq!(sink.taken(), expected);
    }
}

#[tokio::test]
async fn a_log_that_nobody_can_read_back_is_an_error_at_once() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    backend.make_unreadable("web");
    for follow in [false, true] {
        let error = read(&backend, &request(follow), Recorder::default())
            .await
            .expect_err("it is not read");
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    }
}

#[tokio::test]
async fn one_run_is_told_from_the_others() {
    let backend = FakeBackend::new();
    backend.run("web", &[]);
    for code in [1, 2] {
        backend.write("web", &format!("run {code}"));
        backend.exit("web", code, true);
        backend.start("web");
    }
    backend.write("web", "run 3");
    let cases = [
        (Run::Back(0), &["run 3"][..]),
        (Run::Back(1), &["run 2"]),
        (Run::Back(2), &["run 1"]),
        (Run::All, &["run 1", "[ended 1]", "run 2", "[ended 2]", "run 3"]),
    ];
    for (run, expected) in cases {
        let sink = Recorder::default();
        let wanted = Request { run: Some(run), timestamps: true, ..request(false) };
        read(&backend, &wanted, sink.clone()).await.expect("it is read");
        assert_eq!(sink.taken(), expected, "{run:?}");
    }
    let wanted = Request { run: Some(Run::Back(3)), timestamps: true, ..request(false) };
    let error = read(&backend, &wanted, Recorder::default()).await.expect_err("there is none");
    assert!(matches!(error, Error::NoSuchRun { back: 3, .. }), "{error}");
}

#[tokio::test]
async fn several_containers_are_merged_by_time_and_one_that_fails_does_not_end_the_others() {
    let backend = FakeBackend::new();
    for name in ["one", "two", "bad"] {
        backend.run(name, &["app=shop"]);
    }
    backend.make_unreadable("bad");
    for (name, text) in [("one", "1"), ("two", "2"), ("one", "3"), ("two", "4")] {
        backend.write(name, text);
    }
    let mut sink = Recorder::default();
    let selectors = [Selector { labels: vec!["app=shop".to_owned()], ..Selector::default() }];
    let wanted = Request { timestamps: true, ..request(false) };
    crate::read_many(&backend, &wanted, &[], &selectors, &mut sink).await.expect("it is read");
    let taken = sink.taken();
    let lines: Vec<_> = taken.iter().filter(|text| !text.starts_with(['+', '['])).collect();
    assert_eq!(lines, ["1", "2", "3", "4"], "{taken:?}");
    assert!(taken.iter().any(|text| text == "[the log cannot be read!]"), "{taken:?}");
    let none = [Selector { labels: vec!["app=none".to_owned()], ..Selector::default() }];
    let error = crate::read_many(&backend, &wanted, &[], &none, &mut sink)
        .await
        .expect_err("nothing matches");
    assert!(matches!(error, Error::NothingSelected), "{error}");
}
