//! The terminal in the other modes, detach keys, and windows without a size.

use std::process::Command;

use scratchdbg_testkit::eventually;
use scratchdbg_testkit::terminal::Terminal;

use crate::stage::Stage;

const ROWS: u16 = 24;
const COLUMNS: u16 = 120;

fn shell(stage: &Stage, arguments: &[&str]) -> Terminal {
    let mut command = stage.scratchdbg.command([&["attach"], arguments].concat());
    command.env("TERM", "xterm");
    let terminal = Terminal::start(command, ROWS, COLUMNS);
    terminal.wait_for("a prompt", |screen| screen.trim_end().ends_with(['#', '$']));
    terminal
}

/// Exits the shell once its terminal has the size of ours, which may arrive later than these keys.
fn exit_when_sized(code: u8) -> String {
    format!("until [ \"$(stty size)\" = '24 120' ]; do sleep 0.1; done; exit {code}\r")
}

#[test]
fn the_prompt_says_where_this_is() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let mut terminal = shell(&stage, &[target.name()]);
    assert!(terminal.text().contains(&format!("{}:/ #", target.name())), "{}", terminal.text());
    terminal.send("exit\r");
    terminal.wait();

    let mut terminal = shell(&stage, &["--mode", "sidecar", target.name()]);
    assert!(
        terminal.text().contains(&format!("(beside {}):/proc/1/root #", target.name())),
        "{}",
        terminal.text()
    );
    terminal.send(&exit_when_sized(4));
    assert_eq!(terminal.wait().code(), Some(4));

    target.container.kill();
    let mut terminal = shell(&stage, &[target.name()]);
    assert!(
        terminal.text().contains(&format!("(copy of {}):/ #", target.name())),
        "{}",
        terminal.text()
    );
    terminal.send(&exit_when_sized(5));
    assert_eq!(terminal.wait().code(), Some(5));
    assert_eq!(target.container.companions(), [""; 0]);
}

#[test]
fn the_detach_keys_are_dockers() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let folder = stage.scratchdbg.home().join(".docker");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(folder.join("config.json"), r#"{"detachKeys": "ctrl-x,q"}"#)
        .expect("the file can be written");
    for mode in ["exec", "sidecar"] {
        let mut terminal = shell(&stage, &["--mode", mode, target.name()]);
        let idle = Terminal::start(Command::new("true"), ROWS, COLUMNS).settings();
        terminal.send("\x18q");
        // The command was killed, which is not success.
        assert_eq!(terminal.wait().code(), Some(129), "{mode}");
        terminal.wait_for("a word on it", |screen| screen.contains("detached"));
        assert!(!terminal.text().contains("escape sequence"), "{mode}: {}", terminal.text());
        assert_eq!(terminal.settings(), idle, "given back");
        target.assert_untouched();
    }
}

/// The engine does not see them then.
#[test]
fn detach_keys_are_seen_if_their_beginning_is_typed_twice() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    for (mode, keys, typed) in [
        ("exec", "ctrl-p,ctrl-q", "\u{10}\u{10}\u{11}"),
        ("exec", "A,A,B", "AAAB"),
        ("sidecar", "A,A,B", "AAAB"),
        ("copy", "ctrl-x,q", "\u{18}\u{18}q"),
    ] {
        let mut terminal = shell(&stage, &["--mode", mode, "--detach-keys", keys, target.name()]);
        for key in typed.chars() {
            terminal.send(&key.to_string());
        }
        assert_eq!(terminal.wait().code(), Some(129), "{mode}");
        terminal.wait_for("a word on it", |screen| screen.contains("detached"));
        assert_eq!(target.container.companions(), [""; 0], "{mode}");
    }
    target.assert_untouched();
}

#[test]
fn detach_keys_that_are_none_are_named_with_their_file() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let folder = stage.scratchdbg.home().join(".docker");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(folder.join("config.json"), r#"{"detachKeys": "zzz"}"#)
        .expect("the file can be written");
    let mut terminal =
        Terminal::start(stage.scratchdbg.command(["attach", target.name()]), ROWS, 300);
    assert_eq!(terminal.wait().code(), Some(125));
    terminal.wait_for("what is wrong", |screen| screen.contains("config.json: detachKeys `zzz`"));
    // If nothing is typed, they do not matter.
    target.attach(&["sh", "-c", "exit 3"]).expect_code(3);
    target.assert_untouched();
}

#[test]
fn a_window_without_a_size_is_no_matter() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let attach =
        stage.scratchdbg.command(["attach", target.name(), "--", "sh", "-c", "tty; exit 3"]);
    let mut command = stage.scratchdbg.command([""; 0]);
    let variables: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    command = Command::new("/bin/sh");
    command
        .args(["-c", r#"stty rows 0 cols 0; exec "$0" "$@""#])
        .arg(attach.get_program())
        .args(attach.get_args());
    command
        .env_clear()
        .envs(variables.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = Terminal::start(command, ROWS, COLUMNS);
    assert_eq!(terminal.wait().code(), Some(3), "{}", terminal.text());
    assert!(terminal.text().contains("/dev/"), "it has a terminal: {}", terminal.text());
    target.assert_untouched();
}

/// The target's user is at its process limit, so the kernel executes no program for it. The runtime
/// reports that in place of the command's output.
#[test]
fn a_session_that_the_kernel_does_not_execute_is_told_from_output() {
    let stage = Stage::set();
    let flags = ["--user", "61236:61236", "--ulimit", "nproc=12"];
    let target = stage.target_named("full", &flags, &stage.image, &["zombies", "11"]);
    let zombies = || target.processes().iter().filter(|process| process.contains(" Z ")).count();
    eventually(|| format!("{} zombies", zombies()), || (zombies() == 11).then_some(()));
    let words = "resource temporarily unavailable";
    for (mode, code, output) in [("exec", 125, ""), ("auto", 7, "hello")] {
        let arguments =
            ["attach", "--mode", mode, target.name(), "--", "sh", "-c", "echo hello; exit 7"];
        let finished = stage.run(&arguments);
        finished.expect_code(code);
        assert_eq!(finished.text().trim_end(), output, "{mode}: {finished}");
        assert!(finished.stderr.contains(words), "{mode}: {finished}");
        let mut command = stage.scratchdbg.command(arguments);
        command.env("TERM", "xterm");
        let mut terminal = Terminal::start(command, ROWS, 300);
        assert_eq!(terminal.wait().code(), Some(code), "{mode}: {}", terminal.text());
        terminal.wait_for("why, and what was said", |screen| {
            screen.contains(words) && screen.contains(output)
        });
        let shown = terminal.text();
        // Reported once, as an error or a warning, and not as output.
        assert_eq!(shown.matches(words).count(), 1, "{mode}: {shown}");
        assert!(shown.contains("cannot start the session inside the target"), "{mode}: {shown}");
        assert_eq!(shown.contains("hello"), output == "hello", "{mode}: {shown}");
    }
    target.assert_untouched();
}
