//! `logs`: shows the selected lines in the selected format.

use scratchdbg_testkit::terminal::Terminal;

use crate::stage::Stage;

const TRACE: [&str; 3] =
    ["java.lang.IllegalStateException: boom", "\tat a.B.c(B.java:1)", "\tat a.B.d(B.java:2)"];

#[test]
fn lines_are_filtered() {
    let stage = Stage::set();
    let lines = [
        r#"{"level":"info","msg":"up","ms":3}"#,
        r#"{"level":"error","msg":"down","ms":700}"#,
        TRACE[0],
        TRACE[1],
        TRACE[2],
        "level=warn msg=slow ms=80",
        "Plain",
    ];
    let command: Vec<&str> = ["say"].into_iter().chain(lines).collect();
    let container = stage.engine.run("web", &[], &stage.image, &command);
    container.wait();
    let cases: &[(&[&str], &[usize])] = &[
        (&["--grep", "down|slow"], &[1, 5]),
        (&["--grep", "PLAIN"], &[]),
        (&["--grep", "PLAIN", "-i"], &[6]),
        (&["--grep", "B.d"], &[2, 3, 4]),
        (&["--exclude", "level|boom"], &[6]),
        (&["--level", "warn"], &[1, 2, 3, 4, 5]),
        (&["--field", "ms>50"], &[1, 5]),
        (&["--field", "msg=up"], &[0]),
        (&["--field", "msg~^s"], &[5]),
        (&["--grep", "boom", "-B", "1", "-A", "1"], &[1, 2, 3, 4, 5]),
        (&["-n", "1", "--grep", "level"], &[5]),
        (&["-n", "1", "--grep", "boom"], &[2, 3, 4]),
        (&["-n", "1", "-B", "1", "--grep", "Plain"], &[5, 6]),
        (&["-n", "1", "-C", "1", "--grep", "up|Plain"], &[5, 6]),
        (&["--stdout", "-n", "1"], &[6]),
        (&["--stderr"], &[]),
        (&["--since", "1h", "--until", "-1h", "--grep", "up"], &[0]),
        (&["--until", "1h"], &[]),
        (&["--run", "last", "--grep", "Plain"], &[6]),
    ];
    for (options, wanted) in cases {
        let arguments: Vec<&str> =
            ["logs", container.name()].iter().chain(*options).copied().collect();
        let wanted: String = wanted.iter().flat_map(|&line| [lines[line], "\n"]).collect();
        let finished = stage.run(&arguments);
        finished.expect(0, &wanted);
        let mut others = finished.stderr.lines().filter(|line| !line.contains("--level leaves"));
        assert_eq!(others.next(), None, "{finished}");
    }
}

#[test]
fn the_last_lines_are_whole_however_long() {
    let stage = Stage::set();
    // Records of 16 KiB: 40 of them are the last line.
    let container =
        stage.engine.run("web", &[], &stage.image, &["lines", "10", "3000000", "20000"]);
    crate::logs::wait_for_lines_of(&container, &[10, 3_000_000, 20_000]);
    let cut = (1 << 20) + " [… 1951424 bytes cut]".len();
    for (options, lengths) in
        [(["-n", "2"], vec![cut, 20_000]), (["-n", "all"], vec![10, cut, 20_000])]
    {
        for via in ["api", "file"] {
            let own = ["logs", "--stdout", "--via", via, container.name()];
            let arguments: Vec<&str> = own.into_iter().chain(options).collect();
            let finished = stage.run(&arguments);
            let found: Vec<usize> = finished.expect_code(0).text().lines().map(str::len).collect();
            assert_eq!(found, lengths, "{}", finished.stderr);
        }
    }
}

/// A line is judged as a whole, although only its beginning is kept. If that is not possible, it is
/// reported.
#[test]
fn what_stands_behind_the_first_mebibyte_of_a_line_is_found() {
    let stage = Stage::set();
    let json = r#"{"level":"info","msg":""#;
    let arguments = ["repeat", "1500000", "", "NEEDLE", "1500000", json, r#"","status":500}"#];
    let container =
        stage.engine.run("web", &["--log-driver", "json-file"], &stage.image, &arguments);
    container.wait();
    let cases: [(&[&str], i32, usize, &str); 7] = [
        (&["--grep", "NEEDLE$"], 0, 1, ""),
        (&["--raw", "--grep", "NEEDLE$"], 1, 1, "are left out"),
        (&["--exclude", "NEEDLE"], 0, 1, ""),
        (&["--grep", "x.*500}$", "--exclude", "^x"], 0, 1, ""),
        (&["--grep", "nowhere"], 0, 0, ""),
        (&["--field", "status=500"], 1, 0, "2 lines of `"),
        (&["--level", "info"], 1, 1, "1 line of `"),
    ];
    for via in ["api", "file"] {
        for (options, code, count, said) in cases {
            let finished =
                stage.run(&[&["logs", "--via", via, container.name()], options].concat());
            finished.expect_code(code);
            assert_eq!(
                finished.stdout.split(|&byte| byte == b'\n').count() - 1,
                count,
                "{via} {options:?}"
            );
            assert!(finished.stderr.contains(said), "{via} {options:?}: {}", finished.stderr);
        }
        let stats =
            stage.run(&["logs", "--via", via, "--stats", "--grep", "NEEDLE", container.name()]);
        assert!(stats.expect_code(0).text().starts_with("1 line"), "{via}: {stats}");
    }
}

#[test]
fn a_stack_trace_that_is_longer_than_is_held_is_told() {
    let stage = Stage::set();
    let container =
        stage.engine.run("web", &["--log-driver", "json-file"], &stage.image, &["trace", "9000"]);
    container.wait();
    for (options, code) in [(&["--grep", "boom"][..], 1), (&["--stats"], 0)] {
        let finished = stage.run(&[&["logs", container.name()], options].concat());
        finished.expect_code(code);
        assert!(
            finished.stderr.contains("is longer than 256 KiB"),
            "{options:?}: {}",
            finished.stderr
        );
    }
}

#[test]
fn documents_go_to_standard_output_alone() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["exit", "0"]);
    container.wait();
    let finished = stage.run(&["logs", "--format", "json", container.name()]);
    assert_eq!(finished.expect_code(0).stderr, "");
    let mut streams = Vec::new();
    for line in finished.text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a document a line");
        assert_eq!(line["container"], container.name());
        assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')));
        streams.push((
            line["stream"].as_str().unwrap().to_owned(),
            line["line"].as_str().unwrap().to_owned(),
        ));
    }
    streams.sort();
    let streams: Vec<(&str, &str)> =
        streams.iter().map(|(stream, line)| (&**stream, &**line)).collect();
    assert_eq!(streams, [("stderr", "err"), ("stdout", "out")]);

    let finished = stage.run(&["logs", "--format", "{stream}: {line}", container.name()]);
    let mut lines: Vec<String> =
        finished.expect_code(0).text().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["stderr: err", "stdout: out"]);
}

#[test]
fn counting_instead_of_showing() {
    let stage = Stage::set();
    let container =
        stage.engine.run("web", &[], &stage.image, &["say", "ERROR id 1", "ERROR id 2", "INFO up"]);
    container.wait();
    let finished =
        stage.run(&["logs", "--stats", "--patterns", "--format", "json", container.name()]);
    let report: serde_json::Value =
        serde_json::from_str(&finished.expect_code(0).text()).expect("one document");
    assert_eq!((&report["lines"], &report["levels"]["error"]), (&3.into(), &2.into()), "{report}");
    assert_eq!(report["patterns"][0]["lines"], 2, "{report}");
    let text = stage.run(&["logs", "--stats", container.name()]).expect_code(0).text();
    assert!(text.starts_with("3 lines, "), "{text}");
}

#[test]
fn what_could_drive_a_terminal_is_shown_there_and_exact_elsewhere() {
    let stage = Stage::set();
    let evil = "\u{1b}]0;title\u{7}\u{1b}[2Jgone \u{1b}[31mred\u{1b}[0m";
    let container = stage.engine.run("web", &[], &stage.image, &["say", evil]);
    container.wait();
    stage.run(&["logs", container.name()]).expect(0, &format!("{evil}\n"));
    stage.run(&["logs", "--raw", container.name()]).expect(0, &format!("{evil}\n"));
    let mut terminal =
        Terminal::start(stage.scratchdbg.command(["logs", container.name()]), 24, 80);
    assert!(terminal.wait().success());
    terminal.wait_for("the line", |screen| screen.contains("\\x1b]0;title\\x07\\x1b[2Jgone red"));
}

/// C1 controls, bidirectional marks and invisible text: documents keep their values, and terminals
/// are not affected.
#[test]
fn fault_44_documents_on_a_terminal_are_documents_and_safe() {
    let stage = Stage::set();
    let evil = "\u{9b}2Jcleared \u{202e}desrever\u{7f}\u{2028}\u{200b}\u{e0041}";
    let container = stage.engine.run("web", &[], &stage.image, &["say", evil]);
    container.wait();
    let piped = stage.run(&["logs", "--format", "json", container.name()]);
    assert!(piped.expect_code(0).text().contains(evil), "exact: {piped}");
    for options in [
        &["--format", "json"][..],
        &["--format", "{line}"],
        &[],
        &["-t", "--grep", "cleared"],
        &["--stats", "--patterns"],
        &["--stats", "--patterns", "--format", "json"],
    ] {
        let command = stage.scratchdbg.command([&["logs"], options, &[container.name()]].concat());
        let mut terminal = Terminal::start(command, 48, 400);
        assert!(terminal.wait().success());
        let is_json = options.ends_with(&["--format", "json"]);
        let escapes = if is_json {
            ["\\u009b", "\\u202e", "\\udb40\\udc41"]
        } else {
            ["\\u{9b}", "\\u{202e}", "\\u{e0041}"]
        };
        terminal.wait_for("the escaped text", |screen| {
            escapes.iter().all(|escape| screen.contains(escape))
        });
        if options == ["--format", "json"] {
            let document: serde_json::Value =
                serde_json::from_str(terminal.text().trim()).expect("a document");
            assert_eq!(document["line"], evil);
        }
    }
}

/// A line that is longer than the limit.
#[test]
fn fault_31_raw_output_is_exact_however_long_a_line_is() {
    const LONG: usize = 3_000_000;
    let stage = Stage::set();
    for flags in [&["--log-driver", "json-file"][..], &["--log-driver", "json-file", "--tty"]] {
        let container =
            stage.engine.run("web", flags, &stage.image, &["lines", &LONG.to_string(), "5"]);
        let marks: usize = if flags.contains(&"--tty") { 2 * ("mark\r\n".len()) + 2 } else { 0 };
        let whole = LONG + 1 + 5 + 1 + marks;
        scratchdbg_testkit::eventually(
            || "the lines".to_owned(),
            || (container.output().stdout.len() == whole).then_some(()),
        );
        for via in ["api", "file"] {
            let raw = stage.run(&["logs", "--raw", "--via", via, container.name()]);
            raw.expect_code(0);
            assert!(
                raw.stdout == container.output().stdout,
                "{flags:?} via {via}: {} bytes",
                raw.stdout.len()
            );
            let text = stage.run(&["logs", "--via", via, "--format", "{line}", container.name()]);
            assert!(text.expect_code(0).stderr.contains("are left out"), "{}", text.stderr);
            assert!(text.stdout.len() < LONG);
            let filtered =
                stage.run(&["logs", "--raw", "--via", via, "--grep", "x", container.name()]);
            assert!(filtered.expect_code(1).stderr.contains("are left out"), "{}", filtered.stderr);
        }
        stage.engine.ask(["rm", "--force", container.id()]);
    }
}

#[test]
fn lines_without_a_level_are_counted() {
    let stage = Stage::set();
    let lines = [
        "fail: Shop.Orders[0]",
        "      gone",
        "just text",
        "GET /error 200",
        "info: Shop.Orders[0]",
        "      up",
    ];
    let container = stage.engine.run("web", &[], &stage.image, &[&["say"], &lines[..]].concat());
    container.wait();
    let finished = stage.run(&["logs", "--level", "error", container.name()]);
    finished.expect(0, "fail: Shop.Orders[0]\n      gone\n");
    assert_eq!(finished.stderr, "2 lines have no level: --level leaves them out\n");
    let quiet = stage.run(&["-q", "logs", "--level", "error", container.name()]);
    assert_eq!(quiet.expect_code(0).stderr, "");
    let one = stage.run(&["logs", "--level", "error", "--grep", "just", container.name()]);
    assert_eq!(one.expect_code(0).stderr, "1 line has no level: --level leaves it out\n");
    assert_eq!(stage.run(&["logs", "--grep", "just", container.name()]).expect_code(0).stderr, "");
}

#[test]
fn bad_options_are_explained() {
    let stage = Stage::set();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--grep", "a("], &["--grep", "a("]),
        (&["--since", "soon"], &["--since", "soon"]),
        (&["--since", "1h", "--until", "2h"], &["--until", "--since"]),
        (&["--level", "loud"], &["loud"]),
        (&["--field", "x"], &["--field"]),
        (&["--format", "{line"], &["{"]),
    ];
    for (options, words) in cases {
        let arguments: Vec<&str> = ["logs", "web"].iter().chain(options).copied().collect();
        stage.run(&arguments).expect_clear_failure(2, words);
    }
}

#[test]
fn a_driver_that_keeps_nothing_is_named() {
    let stage = Stage::set();
    let container =
        stage.engine.run("web", &["--log-driver", "none"], &stage.image, &["exit", "0"]);
    container.wait();
    stage.run(&["logs", container.name()]).expect_clear_failure(1, &["none", "--log-driver local"]);
    stage.run(&["logs", "-f", container.name()]).expect_clear_failure(1, &["none"]);
}

#[test]
fn fault_39_lines_that_the_engine_may_drop_are_warned_of() {
    let stage = Stage::set();
    let flags = ["--log-opt", "mode=non-blocking"];
    let container = stage.engine.run("web", &flags, &stage.image, &["exit", "0"]);
    container.wait();
    let finished = stage.run(&["logs", "--stdout", container.name()]);
    finished.expect(0, "out\n");
    assert!(
        finished.stderr.contains("non-blocking") && finished.stderr.lines().count() == 1,
        "{finished}"
    );
}

#[test]
fn a_reader_that_wants_one_line_gets_it() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["numbers", "200000"]);
    container.wait();
    let mut running = stage.scratchdbg.start(["logs", container.name()]);
    running.wait_for_stdout("a line", |bytes| bytes.contains(&b'\n'));
    running.close_output();
    let finished = running.finish();
    finished.expect_code(0);
    assert_eq!(finished.stderr, "");
}
