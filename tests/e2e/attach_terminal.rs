//! `attach` on a terminal: an interactive shell.

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::terminal::Terminal;

use crate::stage::{Stage, Target};

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

/// Starts a shell in the target on a new terminal, and waits for its prompt. Also returns the
/// terminal's original settings.
fn shell_in(stage: &Stage, target: &Target<'_>) -> (Terminal, String) {
    let idle = Terminal::start(std::process::Command::new("true"), ROWS, COLUMNS).settings();
    let mut command = stage.scratchdbg.command(["attach", target.name()]);
    command.env("TERM", "xterm");
    let terminal = Terminal::start(command, ROWS, COLUMNS);
    terminal.wait_for("a prompt", |screen| screen.trim_end().ends_with(['#', '$']));
    (terminal, idle)
}

#[test]
fn a_shell_with_a_prompt_a_size_and_an_exit_code() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let (mut terminal, idle) = shell_in(&stage, &target);
    assert_ne!(terminal.settings(), idle, "raw during the session");
    terminal.send("stty size\r");
    terminal.wait_for("the size", |screen| screen.contains("24 80"));
    terminal.resize(40, 120);
    // Keys and sizes are sent on different channels.
    terminal.send("until [ \"$(stty size)\" = '40 120' ]; do sleep 0.1; done; echo res''ized\r");
    terminal.wait_for("the new size", |screen| screen.contains("resized"));
    terminal.send("exit 7\r");
    assert_eq!(terminal.wait().code(), Some(7));
    assert_eq!(terminal.settings(), idle, "given back");
    target.assert_untouched();
}

#[test]
fn ctrl_c_is_for_the_command_and_not_for_the_session() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let (mut terminal, idle) = shell_in(&stage, &target);
    terminal.send("sleep 1000\r");
    // Until the shell has handed over the terminal, Ctrl-C would be an ordinary key.
    eventually(
        || format!("sleep in {:?}", target.processes()),
        || target.processes().iter().any(|process| process.ends_with(" sleep")).then_some(()),
    );
    terminal.send("\x03");
    terminal.wait_for("the next prompt", |screen| screen.matches(['#', '$']).count() == 2);
    terminal.send("echo code $?\r");
    terminal.wait_for("the code of an interrupted command", |screen| screen.contains("code 130"));
    // Docker's own client swallows Ctrl-P, which shells use for their history.
    terminal.send("\x10\r");
    terminal
        .wait_for("the command from the history", |screen| screen.matches("\ncode ").count() == 2);
    terminal.send("exit\r");
    terminal.wait();
    assert_eq!(terminal.settings(), idle, "given back");
    target.assert_untouched();
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let (mut terminal, idle) = shell_in(&stage, &target);
        terminal.signal(signal);
        assert_ne!(terminal.wait().code(), Some(0), "after {signal:?}");
        assert_eq!(terminal.settings(), idle, "given back after {signal:?}");
        target.assert_untouched();
    }
}

/// Those that nobody receives end the client at once, as they would without a terminal.
#[test]
fn every_fatal_signal_gives_the_terminal_back() {
    use std::os::unix::process::ExitStatusExt as _;
    let stage = Stage::set();
    let target = stage.target(&[]);
    for signal in [
        Signal::ABORT,
        Signal::ALARM,
        Signal::BUS,
        Signal::FPE,
        Signal::ILL,
        Signal::IO,
        Signal::POWER,
        Signal::PROF,
        Signal::SEGV,
        Signal::STKFLT,
        Signal::SYS,
        Signal::TRAP,
        Signal::USR1,
        Signal::USR2,
        Signal::VTALARM,
        Signal::XCPU,
    ] {
        let (mut terminal, idle) = shell_in(&stage, &target);
        assert_ne!(terminal.settings(), idle, "raw during the session");
        terminal.signal(signal);
        // The standard library takes the first of these for a fault that will be raised again.
        let mut status = None;
        eventually(
            || format!("the end after {signal:?}"),
            || {
                status = terminal.has_ended();
                if status.is_none() && matches!(signal, Signal::SEGV | Signal::BUS) {
                    terminal.signal(signal);
                }
                status.map(drop)
            },
        );
        // All but those of faults are received: what there is in the engine is removed first.
        let is_fault = [
            Signal::ABORT,
            Signal::BUS,
            Signal::FPE,
            Signal::ILL,
            Signal::SEGV,
            Signal::SYS,
            Signal::TRAP,
        ]
        .contains(&signal);
        let (by_signal, code) = if is_fault {
            (Some(signal.as_raw()), None)
        } else {
            (None, Some(128 + signal.as_raw()))
        };
        let status = status.expect("it has ended");
        assert_eq!((status.signal(), status.code()), (by_signal, code), "after {signal:?}");
        assert_eq!(terminal.settings(), idle, "given back after {signal:?}");
    }
    target.assert_untouched();
}

#[test]
fn the_target_ends_and_the_terminal_is_given_back() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let (mut terminal, idle) = shell_in(&stage, &target);
    target.container.kill();
    assert_ne!(terminal.wait().code(), Some(0));
    assert_eq!(terminal.settings(), idle, "given back");
}

#[test]
fn an_input_that_is_no_terminal_gives_no_terminal() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let finished = target.attach(&["tty"]);
    finished.expect(1, "not a tty\n");
    let mut command = stage.scratchdbg.command(["attach", "--no-tty", target.name(), "--", "tty"]);
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(command, ROWS, COLUMNS);
    assert_eq!(terminal.wait().code(), Some(1));
    terminal.wait_for("no terminal", |screen| screen.contains("not a tty"));
}

/// The launcher writes its record on a terminal too. It is never visible, whatever the terminal's
/// settings are.
#[test]
fn the_record_of_an_end_is_never_seen() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    for settings in
        ["sane", "raw", "olcuc -opost", "olcuc opost", "tostop", "-echo -onlcr", "raw -ixon"]
    {
        let script = format!("stty {settings}; printf last; exit 3");
        let mut command = stage.scratchdbg.command(target.attach_arguments(&["sh", "-c", &script]));
        command.env("TERM", "xterm");
        let mut terminal = Terminal::start(command, ROWS, COLUMNS);
        assert_eq!(terminal.wait().code(), Some(3), "{settings}: {}", terminal.text());
        assert_eq!(terminal.text().trim_end().to_lowercase(), "last", "{settings}");
    }
    target.assert_untouched();
}

#[test]
fn the_first_line_after_a_restart_is_not_lost() {
    let stage = Stage::set();
    let target = stage.target(&["--restart", "always"]);
    let mut command = stage.scratchdbg.command(["attach", "--follow-restarts", target.name()]);
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(command, ROWS, COLUMNS);
    let has_prompt = |screen: &str| screen.trim_end().ends_with(['#', '$']);
    terminal.wait_for("a prompt", has_prompt);
    stage.engine.ask(["restart", "-t", "0", target.name()]);
    terminal.wait_for("the next prompt", |screen| screen.contains("run") && has_prompt(screen));
    // Typed once.
    terminal.send("echo $((6 * 7)); exit 9\r");
    assert_eq!(terminal.wait().code(), Some(9), "{}", terminal.text());
    terminal.wait_for("the answer", |screen| screen.lines().any(|line| line == "42"));
}
