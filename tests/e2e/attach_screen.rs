//! `attach` on a terminal with full-screen programs, job control, and a client that is stopped.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::terminal::Terminal;

use crate::stage::{Stage, Target};

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

fn at_its_prompt(screen: &str) -> bool {
    screen.trim_end().ends_with(['#', '$'])
}

fn start(stage: &Stage, target: &Target<'_>) -> Terminal {
    let mut command = stage.scratchdbg.command(["attach", target.name()]);
    command.env("TERM", "xterm");
    Terminal::start(command, ROWS, COLUMNS)
}

fn shell(stage: &Stage, target: &Target<'_>) -> Terminal {
    let terminal = start(stage, target);
    terminal.wait_for("a prompt", at_its_prompt);
    terminal
}

/// Returns the settings of an unchanged terminal.
fn untouched_settings() -> String {
    Terminal::start(Command::new("true"), ROWS, COLUMNS).settings()
}

#[test]
fn an_editor_takes_the_screen_and_gives_it_back() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let mut terminal = shell(&stage, &target);
    terminal.send("echo before\r");
    terminal.wait_for("the line", |screen| screen.contains("\nbefore"));
    terminal.send("vi\r");
    terminal.wait_for("an empty file", |screen| {
        screen.lines().filter(|line| line.trim_end() == "~").count() > 15
    });
    assert!(terminal.is_alternate_screen(), "{}", terminal.text());
    terminal.send("ihello, world\x1b");
    terminal.wait_for("what was typed", |screen| screen.starts_with("hello, world"));
    // The lines fill the width of the window immediately.
    terminal.resize(30, 60);
    terminal.send("\x0c");
    terminal.wait_for("the new size", |screen| {
        screen.lines().filter(|line| line.trim_end() == "~").count() > 24
    });
    terminal.send(":q!\r");
    terminal.wait_for("the shell as it was", |screen| {
        screen.contains("\nbefore") && at_its_prompt(screen)
    });
    assert!(!terminal.is_alternate_screen());
    terminal.send("exit 3\r");
    assert_eq!(terminal.wait().code(), Some(3));
    target.assert_untouched();
}

#[test]
fn a_monitor_shows_the_targets_processes() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let mut terminal = shell(&stage, &target);
    terminal.send("top\r");
    terminal.wait_for("memory and the program", |screen| {
        screen.contains("Mem:") && screen.contains("/app")
    });
    terminal.send("q");
    terminal.wait_for("a prompt", at_its_prompt);
    terminal.send("exit\r");
    assert_eq!(terminal.wait().code(), Some(0));
    target.assert_untouched();
}

#[test]
fn ctrl_z_is_for_the_shell_inside() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let mut terminal = shell(&stage, &target);
    terminal.send("sleep 1000\r");
    let sleeping = |state: &str| {
        eventually(
            || format!("sleep in state {state} in {:?}", target.processes()),
            || {
                target
                    .processes()
                    .iter()
                    .any(|process| process.ends_with(&format!(" {state} sleep")))
                    .then_some(())
            },
        );
    };
    sleeping("S");
    terminal.send("\x1a");
    terminal.wait_for("a word on it", |screen| screen.contains("Stopped") && at_its_prompt(screen));
    sleeping("T");
    terminal.send("fg\r");
    sleeping("S");
    terminal.send("\x03");
    terminal.wait_for("a prompt", at_its_prompt);
    terminal.send("exit 0\r");
    assert_eq!(terminal.wait().code(), Some(0));
    target.assert_untouched();
}

#[test]
fn fault_04_the_client_is_stopped_and_goes_on() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let idle = untouched_settings();
    let mut terminal = shell(&stage, &target);
    let raw = terminal.settings();
    assert_ne!(raw, idle);
    terminal.signal(Signal::TSTP);
    let client = || {
        let line =
            std::fs::read_to_string(format!("/proc/{}/stat", terminal.id())).expect("it is there");
        line.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).expect("a state")
    };
    eventually(
        || format!("a stopped client, and not {}", client()),
        || (client() == 'T').then_some(()),
    );
    assert_eq!(terminal.settings(), idle, "given back");
    terminal.resize(33, 99);
    terminal.signal(Signal::CONT);
    eventually(|| "raw again".to_owned(), || (terminal.settings() == raw).then_some(()));
    // Keys and sizes are sent on different channels.
    terminal.send("until [ \"$(stty size)\" = '33 99' ]; do sleep 0.1; done; echo res''ized\r");
    terminal.wait_for("the size of now", |screen| screen.contains("resized"));
    terminal.send("exit 6\r");
    assert_eq!(terminal.wait().code(), Some(6));
    assert_eq!(terminal.settings(), idle, "given back");
    target.assert_untouched();
}

#[test]
fn fault_03_ctrl_c_while_the_session_is_set_up() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let idle = untouched_settings();
    target.attach(&["true"]).expect(0, "");
    for milliseconds in [5, 20, 40, 60, 90, 120, 160] {
        let terminal = start(&stage, &target);
        std::thread::sleep(Duration::from_millis(milliseconds));
        terminal.send("\x03");
        let terminal = std::cell::RefCell::new(terminal);
        // Once the terminal is raw, the key goes to the shell, which shows a new prompt.
        let ended = eventually(
            || {
                format!(
                    "an end or a prompt after {milliseconds} ms; on the screen:\n{}",
                    terminal.borrow().text()
                )
            },
            || {
                let ended = terminal.borrow_mut().has_ended();
                ended.map(Some).or_else(|| at_its_prompt(&terminal.borrow().text()).then_some(None))
            },
        );
        let mut terminal = terminal.into_inner();
        match ended {
            Some(status) => {
                let by_signal = std::os::unix::process::ExitStatusExt::signal(&status);
                assert!(
                    status.code() == Some(130) || by_signal == Some(2),
                    "{status} after {milliseconds} ms"
                );
            }
            None => {
                terminal.send("exit 0\r");
                terminal.wait();
            }
        }
        assert_eq!(terminal.settings(), idle, "given back after {milliseconds} ms");
        target.assert_untouched();
    }
}

#[test]
fn fault_02_the_terminal_is_closed() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let terminal = shell(&stage, &target);
    terminal.send("sleep 1000 &\r");
    eventually(
        || format!("sleep in {:?}", target.processes()),
        || target.processes().iter().any(|process| process.ends_with(" sleep")).then_some(()),
    );
    terminal.hang_up();
    target.assert_untouched();
}
