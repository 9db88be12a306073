//! `logs --follow`: every line once, across restarts, rotations, and outages of the engine.

use scratchdbg_testkit::program::Running;

use crate::proxy::Proxy;
use crate::stage::Stage;

/// Counts complete lines.
pub(crate) fn lines_of(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

pub(crate) fn wait_for_lines(following: &Running, count: usize) {
    following.wait_for_stdout(&format!("{count} lines"), |bytes| lines_of(bytes) >= count);
}

pub(crate) fn lines(following: &Running) -> usize {
    lines_of(&following.stdout())
}

#[test]
fn every_line_once_over_restarts() {
    const RESTARTS: usize = 20;
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let following = stage.scratchdbg.start(["logs", "-f", container.name()]);
    wait_for_lines(&following, 1);
    for _ in 0..RESTARTS {
        stage.engine.ask(["restart", "--time", "0", container.id()]);
    }
    wait_for_lines(&following, lines(&following) + 3);
    container.kill();
    let finished = following.finish();
    finished.expect_code(0);
    assert_eq!(finished.text().trim_end(), container.logs(), "every line, once");
    let ends = finished.stderr.lines().filter(|line| line.contains("exited with code 137")).count();
    assert_eq!(ends, RESTARTS + 1, "{}", finished.stderr);

    let last = stage.run(&["logs", "--run", "last", container.name()]).expect_code(0).text();
    assert_eq!(last.lines().next(), Some("tick 1"), "{last}");
    assert!(container.logs().ends_with(last.trim_end()));
    let before = stage.run(&["logs", "--run", "-1", container.name()]).expect_code(0).text();
    assert_eq!(before.lines().filter(|line| *line == "tick 1").count(), 1, "one run: {before}");
    let all = stage.run(&["logs", "--run", "all", container.name()]);
    assert_eq!(all.expect_code(0).text().trim_end(), container.logs());
    // The engine keeps 256 events of all containers, so a busy engine may have forgotten an end.
    let of_this = format!("container={}", container.id());
    let replay =
        ["events", "--since", "0", "--until", "0s", "--filter", "event=die", "--filter", &of_this];
    let remembered = stage.engine.ask(replay);
    let ends = all.stderr.lines().count();
    assert!(
        (remembered.lines().count().max(1)..=RESTARTS + 1).contains(&ends),
        "{ends} of:\n{remembered}"
    );
    stage.run(&["logs", "--run", "-99", container.name()]).expect_clear_failure(1, &["-99"]);
}

#[test]
fn documents_say_which_run_a_line_is_of() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let follow = |extra: &[&'static str]| {
        stage
            .scratchdbg
            .start([&["logs", "-f", "--format", "json"], extra, &[container.name()]].concat())
    };
    let ways = [follow(&["--via", "file"]), follow(&["--via", "api"])];
    for expected in 2..=3 {
        for following in &ways {
            wait_for_lines(following, lines(following) + 2);
        }
        stage.engine.ask(["restart", "--time", "0", container.id()]);
        let of_run = format!("\"run\":{expected}");
        for following in &ways {
            following
                .wait_for_stdout(&of_run, |bytes| String::from_utf8_lossy(bytes).contains(&of_run));
        }
    }
    container.kill();
    for following in ways {
        let finished = following.finish();
        finished.expect_code(0);
        let mut run = 0;
        for line in finished.text().lines() {
            let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
            run += u32::from(record["line"] == "tick 1");
            assert_eq!(record["run"], run, "{finished}");
        }
        assert_eq!(run, 3);
    }
    let said = stage.engine.run("said", &[], &stage.image, &["say", "once"]);
    said.wait();
    stage.run(&["logs", "--format", "{run}: {line}", said.name()]).expect(0, "1: once\n");
}

#[test]
fn the_beginning_of_a_line_is_shown_before_its_end() {
    let stage = Stage::set();
    for flags in [&[][..], &["--tty"]] {
        let container = stage.engine.run("web", flags, &stage.image, &["halves"]);
        let following = stage.scratchdbg.start(["logs", "-f", "--live", container.name()]);
        following.wait_for_stdout("a beginning", |bytes| bytes.ends_with(b"begun, "));
        following.wait_for_stdout("its end", |bytes| {
            bytes.ends_with(b"begun, done\n") || bytes.ends_with(b"done\r\n")
        });
        following.wait_for_stdout("the next", |bytes| bytes.ends_with(b"begun, "));
        container.kill();
        let finished = following.finish();
        finished.expect_code(0);
        assert_eq!(finished.text().trim_end(), container.logs(), "each line once");
        stage.engine.ask(["rm", "--force", container.id()]);
    }
    for wrong in
        [&["--live"][..], &["-f", "--live", "--grep", "x"], &["-f", "--live", "--format", "json"]]
    {
        stage.run(&[&["logs"], wrong, &["web"]].concat()).expect_code(2);
    }
    stage.run(&["logs", "-f", "--live", "web", "db"]).expect_clear_failure(2, &["--live"]);
}

#[test]
fn a_container_made_anew_is_followed_by_its_name() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let following = stage.scratchdbg.start(["logs", "-f", container.name()]);
    wait_for_lines(&following, 2);
    stage.engine.ask(["rm", "--force", container.id()]);
    let again = stage.engine.run("web", &[], &stage.image, &["say", "anew"]);
    again.wait();
    let finished = following.finish();
    finished.expect_code(0);
    assert!(finished.text().ends_with("anew\n"), "{finished}");
    assert!(finished.stderr.contains("was recreated"), "{finished}");
}

#[test]
fn a_container_that_is_renamed_is_followed_to_its_end() {
    let stage = Stage::set();
    for (number, via) in ["file", "api"].into_iter().enumerate() {
        let stem = format!("web{number}");
        let container = stage.engine.run(&stem, &[], &stage.image, &["tick"]);
        let following = stage.scratchdbg.start(["logs", "-f", "--via", via, container.name()]);
        wait_for_lines(&following, 2);
        // Where it is silent, it is looked up again.
        stage.engine.ask(["pause", container.id()]);
        let name = stage.engine.name(&format!("old{number}"));
        stage.engine.ask(["rename", container.id(), &name]);
        let another = stage.engine.run(&stem, &[], &stage.image, &["say", "another"]);
        another.wait();
        if via == "file" {
            following.wait_for_stderr(&format!("was renamed to {name}"));
        }
        stage.engine.ask(["unpause", container.id()]);
        wait_for_lines(&following, lines(&following) + 5);
        container.kill();
        let finished = following.finish();
        finished.expect_code(0);
        let text = finished.text();
        // Each line of the first one, in order, then those of the other one.
        let (first, rest) = text.trim_end().rsplit_once('\n').expect("several lines");
        assert_eq!(
            (first, rest),
            (&*stage.engine.ask(["logs", container.id()]), "another"),
            "{finished}"
        );
        stage.engine.ask(["rm", "--force", container.id()]);
    }
}

#[test]
fn fault_38_a_container_that_is_removed_at_its_end_is_followed_to_it() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &["--rm"], &stage.image, &["unfinished"]);
    let following = stage.scratchdbg.start(["logs", "-f", container.name()]);
    wait_for_lines(&following, 1);
    stage.engine.ask(["kill", "--signal", "TERM", container.id()]);
    let finished = following.finish();
    finished.expect(0, "whole\nhalf");
    stage.run(&["logs", container.name()]).expect_clear_failure(1, &["no container"]);
}

#[test]
fn the_last_matches_then_what_comes() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    scratchdbg_testkit::eventually(
        || "some ticks".to_owned(),
        || container.logs().contains("tick 12").then_some(()),
    );
    let following =
        stage.scratchdbg.start(["logs", "-f", "-n", "2", "--grep", "[05]$", container.name()]);
    wait_for_lines(&following, 4);
    container.kill();
    let text = following.finish().expect_code(0).text();
    let numbers: Vec<u32> =
        text.lines().map(|line| line["tick ".len()..].parse().expect("a number")).collect();
    assert!(numbers[0] >= 5, "only the last two: {numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 5), "each once: {numbers:?}");
}

#[test]
fn until_ends_a_silent_log() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &[]);
    scratchdbg_testkit::eventually(
        || "its lines".to_owned(),
        || container.logs().ends_with("out 2").then_some(()),
    );
    // A negative duration is in the future.
    let finished = stage.run(&["logs", "-f", "--until", "-5s", container.name()]);
    finished.expect(0, "out 1\nout 2\n");
}

/// This engine loses lines when it rotates a followed log.
#[test]
fn lines_that_were_rotated_away_are_told() {
    let stage = Stage::set();
    let flags =
        ["--log-driver", "json-file", "--log-opt", "max-size=10k", "--log-opt", "max-file=1"];
    let container = stage.engine.run("web", &flags, &stage.image, &["flood", "60"]);
    let following = stage.scratchdbg.start(["logs", "-f", container.name()]);
    container.wait();
    let finished = following.finish();
    let numbers: Vec<u32> =
        finished.text().lines().map(|line| line.parse().expect("a whole line")).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
    assert_eq!(numbers.last(), Some(&120_000), "to the end");
    let gaps = numbers.windows(2).filter(|pair| pair[0] + 1 != pair[1]).count();
    assert!(gaps > 0, "nothing was lost: the test proves nothing");
    assert_eq!(finished.stderr.matches("may be lost between").count(), gaps, "{}", finished.stderr);
    finished.expect_code(1);
}

/// No stream of the engine can do this: the files are held open and read to their ends.
#[test]
fn a_log_that_is_rotated_all_the_time_is_followed_whole() {
    let stage = Stage::set();
    let flags =
        ["--log-driver", "json-file", "--log-opt", "max-size=1m", "--log-opt", "max-file=3"];
    let container = stage.engine.run("web", &flags, &stage.image, &["flood", "60"]);
    let following = stage.scratchdbg.start(["logs", "-f", "--explain", container.name()]);
    container.wait();
    stage.engine.ask(["start", container.id()]);
    container.wait();
    let finished = following.finish();
    assert!(finished.stderr.contains("in its log files"), "{finished}");
    let numbers: Vec<u32> =
        finished.text().lines().map(|line| line.parse().expect("a whole line")).collect();
    let wanted = (1..=120_000).chain(1..=120_000);
    let gaps =
        numbers.windows(2).filter(|pair| pair[0] + 1 != pair[1] && pair[0] != 120_000).count();
    // On a very busy machine, a file can appear and disappear between two checks, which is
    // reported.
    if gaps == 0 {
        assert!(numbers.into_iter().eq(wanted), "every line, once");
    } else {
        assert!(
            finished.stderr.matches("may be lost between").count() >= gaps,
            "{}",
            finished.stderr
        );
        finished.expect_code(1);
    }
    assert_eq!(finished.stderr.matches(" exited with code 0 ").count(), 2, "{}", finished.stderr);
}

/// For a request since a time, Docker leaves out compressed files, as if they were older.
#[test]
fn a_log_whose_rotated_files_are_packed_is_followed_whole() {
    let stage = Stage::set();
    for driver in ["local", "json-file"] {
        let flags =
            ["--log-driver", driver, "--log-opt", "max-size=100k", "--log-opt", "max-file=100"];
        let flags = [&flags[..], &["--log-opt", "compress=true"]].concat();
        let container = stage.engine.run("web", &flags, &stage.image, &["flood", "30"]);
        let following = stage.scratchdbg.start(["logs", "-f", container.name()]);
        let finished = following.finish();
        let numbers: Vec<u32> =
            finished.text().lines().map(|line| line.parse().expect("a whole line")).collect();
        assert!(
            numbers.into_iter().eq(1..=60_000),
            "every line, once, of {driver}: {}",
            finished.stderr
        );
        finished.expect_code(0);
        stage.engine.ask(["rm", "--force", container.id()]);
    }
}

#[test]
fn an_engine_that_goes_away_and_comes_back() {
    let stage = Stage::set();
    let proxy = Proxy::new(stage.engine.host());
    proxy.open();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let following = stage.scratchdbg.start([
        "-H",
        &proxy.host(),
        "logs",
        "-f",
        "--via",
        "api",
        container.name(),
    ]);
    wait_for_lines(&following, 3);
    proxy.cut();
    let before = lines(&following);
    std::thread::sleep(std::time::Duration::from_secs(1));
    proxy.open();
    wait_for_lines(&following, before + 15);
    container.kill();
    let finished = following.finish();
    finished.expect_code(0);
    assert_eq!(finished.text().trim_end(), container.logs(), "every line, once");
    assert!(
        finished.stderr.contains("cannot reach the engine")
            && finished.stderr.contains("answers again"),
        "{finished}"
    );
}

#[test]
fn a_line_that_is_waited_for_ends_the_following() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let exit_on = |pattern: &str, more: &[&str]| {
        let command = ["logs", "-f", "--exit-on", pattern];
        stage.scratchdbg.start([&command, more, &[container.name()]].concat())
    };
    exit_on("^tick 3$", &[]).finish().expect(0, "tick 1\ntick 2\ntick 3\n");
    exit_on("^TICK 3$", &["-i", "--grep", "3"]).finish().expect(0, "tick 3\n");
    let other = stage.engine.run("db", &[], &stage.image, &["say", "hello"]);
    exit_on("^tick 3$", &[other.name()]).finish().expect_code(0);
    let never = exit_on("no such line", &[]);
    wait_for_lines(&never, 3);
    container.kill();
    let never = never.finish();
    assert!(never.expect_code(1).stderr.contains("--exit-on"), "{never}");
    assert_eq!(never.text().trim_end(), container.logs(), "all lines are shown");
    let invalid = stage.run(&["logs", "-f", "--exit-on", "(", container.name()]);
    invalid.expect_clear_failure(2, &["--exit-on"]);
}
