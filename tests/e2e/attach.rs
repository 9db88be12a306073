//! `attach`: one command in a container without a shell, for every kind of target.

use crate::stage::Stage;

/// Attaches to a target created with `flags` from an image with `changes`, whose process runs as
/// `uid`:`gid`.
fn session_in(flags: &[&str], changes: &[&str], uid: u32, gid: u32) {
    let stage = Stage::set();
    let image =
        if changes.is_empty() { stage.image.clone() } else { stage.engine.import_app(changes) };
    let flags: Vec<&str> =
        flags.iter().chain(&["--env", "MARK=seen", "--hostname", "web-1"]).copied().collect();
    let target = stage.target_of(&flags, &image, &[]);

    let script = "id -u; id -g; echo $MARK; hostname; exit 42";
    target.attach(&["sh", "-c", script]).expect(42, &format!("{uid}\n{gid}\nseen\nweb-1\n"));

    let files = target.attach(&["ls", "/"]);
    let files: Vec<String> = files.expect_code(0).text().lines().map(str::to_owned).collect();
    assert!(files.iter().any(|file| file == "app"), "the target's own root: {files:?}");
    assert!(!files.iter().any(|file| file == "bin"), "nothing of the toolkit in it: {files:?}");

    let process = target.attach(&["cat", "/proc/1/comm"]);
    process.expect(0, "app\n");
    target.assert_untouched();
}

#[test]
fn root_by_default() {
    session_in(&[], &[], 0, 0);
}

#[test]
fn a_numeric_user_of_the_image() {
    session_in(&[], &["USER 1000"], 1000, 0);
}

#[test]
fn a_group_unlike_the_user() {
    session_in(&["--user", "1000:0"], &[], 1000, 0);
    session_in(&["--user", "1000:2000"], &[], 1000, 2000);
}

#[test]
fn a_read_only_root() {
    session_in(&["--read-only"], &[], 0, 0);
}

#[test]
fn no_capabilities() {
    session_in(&["--cap-drop", "ALL"], &[], 0, 0);
}

#[test]
fn fully_hardened() {
    let flags = [
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--user",
        "65532:65532",
    ];
    session_in(&flags, &[], 65532, 65532);
}

#[test]
fn the_working_directory_is_the_targets() {
    let stage = Stage::set();
    let image = stage.engine.import_app(&["WORKDIR /proc"]);
    stage.target_of(&[], &image, &[]).attach(&["pwd"]).expect(0, "/proc\n");
}

#[test]
fn the_limits_are_the_targets() {
    let stage = Stage::set();
    let target = stage.target(&["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]);
    let ours = target.attach(&["grep", "-E", "^(Cap|NoNewPrivs|Seccomp:)", "/proc/self/status"]);
    let theirs = target.attach(&["grep", "-E", "^(Cap|NoNewPrivs|Seccomp:)", "/proc/1/status"]);
    assert_eq!(ours.expect_code(0).text(), theirs.expect_code(0).text());
}

#[test]
fn the_exit_code_is_the_commands() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let cases: &[(&[&str], i32)] = &[
        (&["true"], 0),
        (&["false"], 1),
        (&["sh", "-c", "exit 42"], 42),
        (&["sh", "-c", "exit 125"], 125),
        (&["sh", "-c", "exit 255"], 255),
        (&["/"], 126),
        (&["no-such-program"], 127),
        (&["/no/such/program"], 127),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sh", "-c", "kill -TERM $$"], 143),
    ];
    for (command, code) in cases {
        let finished = target.attach(command);
        finished.expect(*code, "");
        if matches!(code, 126 | 127) {
            assert_eq!(finished.stderr.lines().count(), 1, "one line says why: {finished}");
            assert!(finished.stderr.contains(command[0]), "the line names the command: {finished}");
        } else {
            assert_eq!(finished.stderr, "", "{finished}");
        }
    }
    target.assert_untouched();
}

#[test]
fn arguments_arrive_as_they_are() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let arguments =
        ["$HOME", "a b", "it's", "\"", "*", "", "-x", "\\n", "`id`", "line\nbreak", "é"];
    let command: Vec<&str> = ["printf", "[%s]\n"].into_iter().chain(arguments).collect();
    let expected =
        arguments.iter().fold(String::new(), |lines, argument| lines + "[" + argument + "]\n");
    target.attach(&command).expect(0, &expected);
}

#[test]
fn a_target_is_named_by_id_or_by_its_beginning_too() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    for name in [target.container.id(), &target.container.id()[..12]] {
        stage.run(&["attach", name, "--", "echo", "hi"]).expect(0, "hi\n");
    }
}

#[test]
fn without_a_command_the_shell_reads_standard_input() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let arguments = ["attach", target.name()];
    stage.scratchdbg.run_with_input(arguments, "echo from $0; exit 7\n").expect_code(7);
    target.assert_untouched();
}

#[test]
fn two_sessions_at_once_do_not_meet() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let mut first = target.start_attach(&["cat"]);
    first.write_input(b"one");
    first.wait_for_stdout("the first session", |bytes| bytes == b"one");
    target.attach(&["echo", "two"]).expect(0, "two\n");
    first.write_and_close_input(" more");
    first.finish().expect(0, "one more");
    target.assert_untouched();
}

#[test]
fn nothing_new_is_on_the_engine_the_second_time() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    // The first session may load the toolkit image, which stays for the next one.
    target.attach(&["true"]).expect(0, "");
    // Other tests have toolkits of their own.
    let toolkit = stage.toolkit(&[], target.name());
    let images = stage.engine.images(&toolkit);
    assert_eq!(images.len(), 1, "the toolkit is an image by that name");
    target.attach(&["true"]).expect(0, "");
    target.assert_untouched();
    assert_eq!(stage.engine.images(&toolkit), images);
}
