//! `logs`: the output of containers, complete and in order.

use rustix::process::Signal;
use scratchdbg_testkit::engine::Container;
use scratchdbg_testkit::eventually;

use crate::stage::Stage;

/// Waits until the engine has all output of the sample's `lines`: lines of these lengths, and a
/// `mark` after each. The engine reads both streams independently.
#[track_caller]
pub(crate) fn wait_for_lines_of(container: &Container<'_>, lengths: &[usize]) {
    let whole = (lengths.iter().sum::<usize>() + lengths.len(), lengths.len());
    eventually(
        || "all lines to be logged".to_owned(),
        || {
            let said = container.output();
            let logged = (said.stdout.len(), String::from_utf8_lossy(&said.stderr).lines().count());
            (logged == whole).then_some(())
        },
    );
}

#[test]
fn output_and_error_go_their_own_ways() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["exit", "0"]);
    container.wait();
    let finished = stage.run(&["logs", container.name()]);
    finished.expect(0, "out\n");
    assert_eq!(finished.stderr, "err\n");
}

#[test]
fn every_line_of_many() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["numbers", "100000"]);
    container.wait();
    let finished = stage.run(&["logs", container.name()]);
    finished.expect_code(0);
    let expected = (1..=100_000).map(|number| number.to_string());
    assert!(finished.text().lines().eq(expected), "the lines are not those from 1 to 100000");
    assert!(finished.stdout.ends_with(b"\n"));
    assert_eq!(finished.stderr, "");
}

#[test]
fn the_last_lines() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["numbers", "1000"]);
    container.wait();
    stage.run(&["logs", "-n", "2", container.name()]).expect(0, "999\n1000\n");
    stage.run(&["logs", "--tail", "0", container.name()]).expect(0, "");
    let all = stage.run(&["logs", "-n", "5000", container.name()]);
    assert_eq!(all.expect_code(0).text().lines().count(), 1000);
}

/// The engine cuts long lines into records of 16 KiB, and may put records of the other stream
/// between them.
#[test]
fn long_lines_are_whole() {
    let stage = Stage::set();
    let lengths = [16_383, 16_384, 16_385, 40_000, 1, 32_768];
    let arguments: Vec<String> = lengths.iter().map(ToString::to_string).collect();
    let command: Vec<&str> =
        ["lines"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let container = stage.engine.run("web", &[], &stage.image, &command);
    wait_for_lines_of(&container, &lengths);

    let finished = stage.run(&["logs", container.name()]);
    finished.expect_code(0);
    let found: Vec<usize> = finished.text().lines().map(str::len).collect();
    assert_eq!(found, lengths);
    assert!(finished.stdout.iter().all(|byte| matches!(byte, b'x' | b'\n')), "nothing is mixed in");
    assert_eq!(finished.stderr, "mark\n".repeat(lengths.len()));

    let stamped = stage.run(&["logs", "-t", container.name()]);
    for (line, length) in stamped.expect_code(0).text().lines().zip(lengths) {
        let (time, line) = line.split_once(' ').expect("a time and a line");
        assert!(time.starts_with("20") && time.contains('T'), "a time: {time}");
        assert_eq!(line, "x".repeat(length), "one time for each line");
    }
}

#[test]
fn a_terminals_output_is_told_as_it_is() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &["--tty"], &stage.image, &["terminal"]);
    container.wait();
    stage.run(&["logs", container.name()]).expect(0, "terminal\r\n");
}

#[test]
fn following_shows_lines_as_they_come_and_ends_with_the_container() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let following = stage.scratchdbg.start(["logs", "--follow", container.name()]);
    following
        .wait_for_stdout("three lines", |bytes| bytes.split(|&byte| byte == b'\n').count() > 3);
    container.kill();
    let finished = following.finish();
    finished.expect_code(0);
    assert_eq!(finished.text().trim_end(), container.logs(), "every line, once");
}

#[test]
fn following_ends_with_an_interrupt() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let following = stage.scratchdbg.start(["logs", "-f", "-n", "1", container.name()]);
    following.wait_for_stdout("a line", |bytes| bytes.contains(&b'\n'));
    following.signal(Signal::INT);
    following.finish().expect_code(130);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["tick"]);
    let mut following = stage.scratchdbg.start(["logs", "-f", container.name()]);
    following.wait_for_stdout("a line", |bytes| bytes.contains(&b'\n'));
    following.close_output();
    let finished = following.finish();
    assert_eq!((finished.status.code(), finished.stderr.as_str()), (Some(0), ""), "{finished}");
}

#[test]
fn attaching_adds_nothing_to_the_logs() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let before = stage.run(&["logs", target.name()]).expect_code(0).text();
    target.attach(&["sh", "-c", "echo session; echo session >&2"]).expect_code(0);
    assert_eq!(stage.run(&["logs", target.name()]).expect_code(0).text(), before);
}
