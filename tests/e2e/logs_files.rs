//! `logs`: the engine's log files, read in place of its API.

use crate::stage::Stage;

/// The log file and the engine yield the same, whatever the container writes.
#[test]
fn the_files_say_what_the_engine_says() {
    let stage = Stage::set();
    let rotated = ["--log-opt", "max-size=100k", "--log-opt", "max-file=3"];
    let cases: [(&[&str], &[&str]); 4] = [
        (&[], &["numbers", "30000"]),
        (&rotated, &["numbers", "30000"]),
        (
            &["--tty"],
            &["say", "text", "tab\there", "\u{1b}[31mred", "<&>\u{2028}\"quoted\" \\ äöü"],
        ),
        (&[], &["lines", "16384", "16383", "0", "50000"]),
    ];
    for (flags, command) in cases {
        let flags: Vec<&str> = ["--log-driver", "json-file"].iter().chain(flags).copied().collect();
        let container =
            stage.engine.run(&format!("c{}", command.len()), &flags, &stage.image, command);
        if command[0] != "lines" {
            container.wait();
        }
        let log = |via, options: &[&str]| {
            let own = ["logs", "-t", "--via", via, container.name()];
            let arguments: Vec<&str> = own.into_iter().chain(options.iter().copied()).collect();
            let finished = stage.run(&arguments);
            finished.expect_code(0);
            (finished.stdout, finished.stderr)
        };
        let complete = || {
            let said = log("api", &[]);
            // The engine reads both streams independently.
            let ends = crate::logs_follow::lines_of(&said.0);
            (command[0] != "lines" || (ends, said.1.lines().count()) == (4, 4)).then_some(said)
        };
        let whole = scratchdbg_testkit::eventually(|| "the whole log".to_owned(), complete);
        assert_eq!(log("file", &[]), whole, "{command:?}");
        assert_eq!(log("auto", &[]), whole);
        let time = String::from_utf8_lossy(&whole.0)
            .lines()
            .nth(1)
            .expect("lines")
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        for options in [["--since", &time], ["--until", &time], ["--grep", "9"], ["-n", "3"]] {
            assert_eq!(log("file", &options), log("api", &options), "{command:?} {options:?}");
        }
        stage.engine.ask(["rm", "--force", container.id()]);
    }
}

/// Rotated files, compressed or not, of both drivers that keep files.
#[test]
fn rotated_and_packed_files_say_what_the_engine_says() {
    let stage = Stage::set();
    let rotated = |driver, packed| {
        let flags =
            ["--log-driver", driver, "--log-opt", "max-size=100k", "--log-opt", "max-file=50"];
        [&flags[..], &["--log-opt", packed]].concat()
    };
    for (driver, packed) in
        [("local", "compress=true"), ("local", "compress=false"), ("json-file", "compress=true")]
    {
        let container =
            stage.engine.run("web", &rotated(driver, packed), &stage.image, &["flood", "10"]);
        container.wait();
        let log = |via, options: &[&str]| {
            let finished =
                stage.run(&[&["logs", "-t", "--via", via, container.name()], options].concat());
            finished.expect_code(0);
            finished.stdout
        };
        let whole = log("api", &[]);
        assert_eq!(
            whole.split(|byte| *byte == b'\n').count(),
            20_001,
            "the engine has thrown nothing away"
        );
        assert!(log("file", &[]) == whole, "{driver}, {packed}");
        let time = whole.split(|byte| *byte == b'\n').nth(9000).expect("a line");
        let time = String::from_utf8_lossy(&time[..30]).into_owned();
        for options in [["--since", &time], ["--until", &time], ["--grep", "77$"], ["-n", "12345"]]
        {
            assert!(
                log("file", &options) == log("api", &options),
                "{driver}, {packed}: {options:?}"
            );
        }
        let since = log("file", &["--since", &time]);
        assert_eq!(since.split(|byte| *byte == b'\n').count(), 11_001, "{driver}, {packed}");
        // Files were read, and more than one.
        let explained =
            stage.run(&["logs", "--explain", "--grep", "nothing", container.name()]).stderr;
        let count = explained
            .split(" (")
            .last()
            .and_then(|text| text.split(' ').next()?.parse::<u32>().ok());
        assert!(explained.contains("reading `") && count > Some(3), "{explained}");
        stage.engine.ask(["rm", "--force", container.id()]);
    }
}

#[test]
fn the_way_is_explained() {
    let stage = Stage::set();
    let container =
        stage.engine.run("web", &["--log-driver", "json-file"], &stage.image, &["exit", "0"]);
    container.wait();
    let run = |via| stage.run(&["logs", "--stdout", "--explain", "--via", via, container.name()]);
    let read = run("auto");
    read.expect(0, "out\n");
    assert!(read.stderr.contains("reading `") && read.stderr.contains(container.id()), "{read}");
    let asked = run("api");
    asked.expect(0, "out\n");
    assert!(asked.stderr.contains("through the engine"), "{asked}");
    let local = stage.engine.run("local", &["--log-driver", "local"], &stage.image, &["exit", "0"]);
    local.wait();
    stage.run(&["logs", "--stdout", "--via", "file", local.name()]).expect(0, "out\n");
    stage.run(&["logs", "-f", "--via", "file", local.name()]).expect_clear_failure(1, &["local"]);
    stage.run(&["logs", "-f", "--stdout", local.name()]).expect(0, "out\n");
    let none = stage.engine.run("none", &["--log-driver", "none"], &stage.image, &["exit", "0"]);
    none.wait();
    stage.run(&["logs", "--via", "file", none.name()]).expect_clear_failure(1, &["none"]);
}
