//! Invalid input yields one clear line and a hint, the right exit code, and leaves nothing behind.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use scratchdbg_testkit::{eventually, sample};

use crate::stage::Stage;

#[test]
fn a_target_that_does_not_exist() {
    let stage = Stage::set();
    stage
        .run(&["attach", "no-such-container", "--", "true"])
        .expect_clear_failure(125, &["no-such-container"]);
    stage.run(&["logs", "no-such-container"]).expect_clear_failure(1, &["no-such-container"]);
}

#[test]
fn a_target_that_has_ended() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["exit", "3"]);
    container.wait();
    let attach = ["attach", "--mode", "exec", container.name(), "--", "true"];
    stage.run(&attach).expect_clear_failure(125, &[container.name()]);
    assert!(container.companions().is_empty());
}

#[test]
fn a_beginning_that_is_not_enough() {
    let stage = Stage::set();
    // Of seventeen ids, two begin with the same of sixteen digits.
    let create = ["create", "--network", "none"];
    let mut ids: Vec<String> = Vec::new();
    let shared = eventually(
        || "two ids that begin alike".to_owned(),
        || {
            let name = stage.engine.name(&format!("many-{}", ids.len()));
            let id = stage.engine.ask(create.into_iter().chain(["--name", &name, &stage.image]));
            let shared = ids.iter().any(|other| other[..1] == id[..1]).then(|| id[..1].to_owned());
            ids.push(id);
            shared
        },
    );
    stage.run(&["attach", &shared, "--", "true"]).expect_clear_failure(125, &[&shared]);
    stage.run(&["logs", &shared]).expect_clear_failure(1, &[&shared]);
}

#[test]
fn names_that_cannot_be_names() {
    let stage = Stage::set();
    for name in ["", "../x", "a/b", "a?b=c", "a b", "\u{1b}[2J", "é"] {
        let finished = stage.run(&["attach", name, "--", "true"]);
        finished.expect(125, "");
        assert!(!finished.stderr.contains('\u{1b}'), "escaped: {finished}");
        assert!(!finished.stderr.contains("panicked"), "{finished}");
    }
}

#[test]
fn bad_usage() {
    let stage = Stage::set();
    let cases: &[(&[&str], i32)] = &[
        (&["attach"], 125),
        (&["attach", "--no-such-flag", "web"], 125),
        (&["build"], 2),
        (&["logs"], 2),
        (&["logs", "--tail", "many", "web"], 2),
        (&["no-such-command"], 2),
        (&["--no-such-flag"], 2),
    ];
    for (arguments, code) in cases {
        let finished = stage.run(arguments);
        finished.expect(*code, "");
        assert!(
            finished.stderr.contains("Usage") || finished.stderr.contains("error"),
            "{finished}"
        );
    }
}

#[test]
fn binaries_that_cannot_be_shipped() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home().to_owned();
    let dynamic = sample::write_dynamic_app(&home);
    fs::write(home.join("empty"), "").expect("a file");
    fs::write(home.join("text"), "hello\n").expect("a file");
    fs::create_dir(home.join("folder")).expect("a directory");
    let whole = fs::read(sample::write_app(&home)).expect("the sample");
    fs::write(home.join("half"), &whole[..whole.len() / 2]).expect("a file");
    let tag = format!("{}:1", stage.engine.name("bad"));
    for (file, words) in [
        ("no-such-file", &["no-such-file"][..]),
        (
            dynamic.file_name().and_then(|name| name.to_str()).expect("a name"),
            &["app-dynamic", "ld-linux"],
        ),
        ("empty", &["empty"]),
        ("text", &["text"]),
        ("folder", &["folder"]),
        ("half", &["half"]),
    ] {
        stage.run(&["build", file, "-t", &tag]).expect_clear_failure(1, words);
    }
    assert_eq!(stage.engine.ask(["images", "--quiet", tag.trim_end_matches(":1")]), "");
}

#[test]
fn tags_that_cannot_be_tags() {
    let stage = Stage::set();
    let app = sample::write_app(stage.scratchdbg.home());
    let app = app.to_str().expect("a plain path");
    for tag in ["UPPER/Case:1", "shop/app:", "a b", ":1", "shop//app", "-t"] {
        let finished = stage.run(&["build", app, "-t", tag]);
        finished.expect(2, "");
        assert!(finished.stderr.contains(tag), "the tag is named: {finished}");
    }
}

#[test]
fn standard_output_that_takes_nothing() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let app = sample::write_app(stage.scratchdbg.home());
    let build =
        ["build", app.to_str().expect("a plain path"), "-t", "full/app:1", "-o", "archive:-"];
    let attach = target.attach_arguments(&["echo", "hi"]);
    let cases: [(&[&str], i32); 3] = [(&build, 1), (&attach, 125), (&["logs", target.name()], 1)];
    for (arguments, code) in cases {
        let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let mut command = stage.scratchdbg.command(arguments);
        let output = command.stdout(full).output().expect("it starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {complaint}");
        assert!(complaint.contains("No space left on device"), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("panicked"), "{arguments:?}: {complaint}");
    }
    target.assert_untouched();
}

/// Part of a text may be useful; part of an archive is not.
#[test]
fn a_reader_of_an_archive_that_goes_away_is_a_failure() {
    let stage = Stage::set();
    let app = sample::write_app(stage.scratchdbg.home());
    let app = app.to_str().expect("a plain path");
    for taken in [0, 100] {
        let mut command =
            stage.scratchdbg.command(["build", app, "-t", "cut/app:1", "-q", "-o", "archive:-"]);
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let building = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
        // It holds the write end.
        drop(command);
        let mut begin = vec![0; taken];
        reader.read_exact(&mut begin).expect("the beginning of an archive");
        drop(reader);
        let output = building.wait_with_output().expect("it can be waited for");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "after {taken} bytes: {complaint}");
        assert!(
            complaint.contains("error: cannot write the archive to standard output: Broken pipe"),
            "{complaint}"
        );
    }
}

#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let stage = Stage::set();
    for arguments in [&["--help"][..], &["--version"], &["attach", "--help"]] {
        let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = stage.scratchdbg.command(arguments).stdout(full).output().expect("it starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {complaint}");
        assert!(complaint.contains("No space left on device"), "{arguments:?}: {complaint}");
        // A missing reader is not a failure here.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output =
            stage.scratchdbg.command(arguments).stdout(writer).output().expect("it starts");
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]), "{arguments:?}");
    }
}

#[test]
fn an_archive_never_takes_the_place_of_a_device() {
    let stage = Stage::set();
    let app = sample::write_app(stage.scratchdbg.home());
    // A pipe stands for a device: neither can be replaced by renaming a file.
    let pipe = stage.scratchdbg.home().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts");
    assert!(made.success());
    let mut reader = std::process::Command::new("cat");
    reader.arg(&pipe);
    let reader = scratchdbg_testkit::program::Running::start(reader);
    let output = format!("archive:{}", pipe.display());
    stage.run(&["build", app.to_str().expect("a plain path"), "-t", "pipe/app:1", "-o", &output]);
    let kind = fs::symlink_metadata(&pipe).expect("it is there still").file_type();
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind), "the pipe was replaced by {kind:?}");
    drop(reader);
}

#[test]
fn a_tz_that_is_no_file_of_a_zone() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let pipe = stage.scratchdbg.home().join("zone");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts");
    assert!(made.success());
    let pipe = pipe.to_str().expect("a plain path");
    for zone in [pipe, &format!(":{pipe}"), "/dev/zero"] {
        let run = |options: &[&str]| {
            let mut command =
                stage.scratchdbg.command([&["logs", target.name()], options].concat());
            let output = command.env("TZ", zone).output().expect("it starts");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        for options in [&["--since", "10:30"][..], &["--stats"]] {
            let (code, said) = run(options);
            assert_eq!(code, Some(1), "{zone}: {said}");
            assert!(said.contains("not a regular file"), "{zone}: {said}");
        }
        // If no time is given or shown, the zone does not matter.
        assert_eq!(run(&[]).0, Some(0), "{zone}");
    }
}

/// 44: what the parser quotes is escaped as in all other messages.
#[test]
fn usage_errors_quote_no_escape_sequence() {
    let stage = Stage::set();
    let hostile = "\x1b]0;pwn\x07\u{9b}2J\u{202e}x";
    for arguments in [
        &["logs", "-n", hostile, "x"][..],
        &["check", "x", "--format", hostile],
        &["ps", hostile],
        &[hostile],
    ] {
        let finished = stage.run(arguments);
        finished.expect_code(2);
        let text = &finished.stderr;
        assert!(text.contains(r"\x1b]0;pwn\x07\u{9b}2J\u{202e}x"), "{text:?}");
        assert!(
            !text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')),
            "{text:?}"
        );
    }
}

#[test]
fn a_wait_that_nobody_reads_is_no_success() {
    let stage = Stage::set();
    let container = stage.engine.run("web", &[], &stage.image, &["say", "one", "two"]);
    container.wait();
    for (line, code) in [("^two$", 0), ("^three$", 1)] {
        stage.run(&["logs", "-f", "--exit-on", line, container.name()]).expect_code(code);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let logs = ["logs", "-f", "--exit-on", line, container.name()];
        let status = stage.scratchdbg.command(logs).stdout(writer).status().expect("it runs");
        assert_eq!(status.code(), Some(141), "{line}");
    }
}

#[test]
fn a_verdict_that_nobody_reads_is_no_success() {
    let stage = Stage::set();
    fs::write(stage.scratchdbg.home().join("app"), b"\x7fELF").expect("a file");
    for format in ["text", "json", "sarif"] {
        let check = ["check", "app", "--format", format];
        stage.run(&check).expect_code(1);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let status = stage.scratchdbg.command(check).stdout(writer).status().expect("it runs");
        assert_eq!(status.code(), Some(141), "{format}");
    }
}
