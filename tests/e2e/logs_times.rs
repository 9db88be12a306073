//! `logs` where a time or the end of a stream proves nothing: records out of order, and an engine
//! that still writes the log.

use std::fmt::Write as _;

use crate::stage::Stage;

/// Docker 20.10 ends the stream of a followed log when the process has exited, while it still
/// stores what the process printed last.
#[test]
fn fault_38c_the_end_of_a_log_that_is_written_fast_is_followed() {
    const LINES: usize = 50_000;
    let stage = Stage::set();
    let mut expected = String::new();
    for line in 1..=LINES {
        writeln!(expected, "{line}").expect("written");
    }
    for (via, is_started) in [("api", false), ("api", true), ("auto", false)] {
        let flags = ["--log-driver", "json-file"];
        let container =
            stage.engine.create("web", &flags, &stage.image, &["numbers", &LINES.to_string()]);
        if is_started {
            stage.engine.ask(["start", container.id()]);
        }
        let following = stage.scratchdbg.start(["logs", "-f", "--via", via, container.name()]);
        if !is_started {
            stage.engine.ask(["start", container.id()]);
        }
        let finished = following.finish();
        finished.expect_code(0);
        assert!(
            finished.text() == expected,
            "{via}: {} bytes, {}",
            finished.stdout.len(),
            finished.stderr
        );
        stage.engine.ask(["rm", "--force", container.id()]);
    }
}

/// An engine stamps standard output and standard error independently, and clocks are set.
#[test]
fn fault_41b_each_line_is_judged_by_its_own_time() {
    let stage = Stage::set();
    let flags = ["--log-driver", "json-file"];
    let ended = stage.engine.run("ended", &flags, &stage.image, &["numbers", "1"]);
    ended.wait();
    let running = stage.engine.run("running", &flags, &stage.image, &["obey"]);
    let time =
        |second: i64| format!("2026-01-02T03:{:02}:{:02}.000000001Z", second / 60, second % 60);
    let cases = [
        (&[1, 3, 2, 4][..], None, Some(2), "1\n2\n"),
        (&[1, 3000, 2, 3], None, Some(2), "1\n2\n"),
        (&[30, 1, 20, 2, 40], Some(25), None, "30\n40\n"),
        (&[1, 40, 20, 2, 40], Some(10), Some(30), "20\n"),
        (&[10, 12, 11], Some(11), Some(11), "11\n"),
    ];
    for container in [ended, running] {
        let path = container.inspect()["LogPath"].as_str().expect("a log file").to_owned();
        for (seconds, since, until, expected) in cases {
            let mut records = String::new();
            for &second in seconds {
                let record = serde_json::json!({ "log": format!("{second}\n"), "stream": "stdout", "time": time(second) });
                writeln!(records, "{record}").expect("written");
            }
            std::fs::write(&path, records).expect("the log file");
            for via in ["api", "file"] {
                let mut arguments = vec![
                    "logs".to_owned(),
                    "--via".to_owned(),
                    via.to_owned(),
                    container.name().to_owned(),
                ];
                for (option, second) in [("--since", since), ("--until", until)] {
                    arguments.extend(second.map(|second| format!("{option}={}", time(second))));
                }
                stage
                    .run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
                    .expect(0, expected);
            }
        }
    }
}

#[test]
fn fault_49b_lines_around_a_match_take_bounded_memory() {
    let stage = Stage::set();
    let arguments =
        [&["repeat"][..], &["900000", "", ""].repeat(25), &["1", "", "NEEDLE", "1", "", "after"]]
            .concat();
    let container =
        stage.engine.run("web", &["--log-driver", "json-file"], &stage.image, &arguments);
    container.wait();
    for (options, code, count) in [
        (&["-B", "25", "--grep", "NEEDLE"][..], 1, 19),
        (&["-B", "25", "--grep", "nothing"], 0, 0),
        (&["-B", "2", "--grep", "NEEDLE"], 0, 3),
        (&["-n", "1", "-B", "25", "--grep", "NEEDLE"], 1, 19),
    ] {
        let finished = stage.run(&[&["logs", container.name()], options].concat());
        finished.expect_code(code);
        assert_eq!(
            crate::logs_follow::lines_of(&finished.stdout),
            count,
            "{options:?}: {}",
            finished.stderr
        );
        assert_eq!(
            finished.stderr.contains("at most 16 MiB"),
            code == 1,
            "{options:?}: {}",
            finished.stderr
        );
    }
}
