//! Runs a program on a pseudo-terminal, and reads the screen as a person would.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::AsFd as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};

use pty_process::Size;
use pty_process::blocking::{Pts, Pty};

use crate::eventually;

/// A terminal of a given size with a program on it. The program is killed on drop.
pub struct Terminal {
    pty: Arc<Pty>,
    /// Held open, so that the settings can be inspected after the end of the program.
    pts: Pts,
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("child", &self.child).finish_non_exhaustive()
    }
}

impl Terminal {
    /// Starts `command` on a new terminal, which becomes its controlling terminal.
    pub fn start(command: Command, rows: u16, columns: u16) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal can be had");
        pty.resize(Size::new(rows, columns)).expect("its size can be set");
        // This sets all three standard streams.
        let child = pty_process::blocking::Command::from(command)
            .spawn_borrowed(&pts)
            .expect("the program starts");
        let terminal = Self {
            pty: Arc::new(pty),
            pts,
            child,
            screen: Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 1000))),
        };
        let (pty, screen) = (Arc::clone(&terminal.pty), Arc::clone(&terminal.screen));
        // Ends when the other end is closed by its last holders: the program, and `pts` above.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = (&*pty).read(&mut buffer) {
                screen.lock().expect("no holder panics").process(&buffer[..count]);
            }
        });
        terminal
    }

    /// Types `keys`, byte for byte: Enter is `\r`, Ctrl-C is `\x03`.
    pub fn send(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Changes the window's size. The kernel sends the program SIGWINCH.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.pty.resize(Size::new(rows, columns)).expect("the size can be set");
        self.screen
            .lock()
            .expect("no holder panics")
            .screen_mut()
            .set_size(cells(rows), cells(columns));
    }

    /// Returns the text on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().expect("no holder panics").screen().contents()
    }

    /// Reports whether the program uses the alternate screen.
    pub fn is_alternate_screen(&self) -> bool {
        self.screen.lock().expect("no holder panics").screen().alternate_screen()
    }

    /// Waits until `wanted` returns true for the text on the screen.
    #[track_caller]
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        eventually(
            || format!("{what}; on the screen:\n{}", self.text()),
            || wanted(&self.text()).then_some(()),
        );
    }

    /// Returns the terminal's settings as text: modes, special characters, speeds.
    pub fn settings(&self) -> String {
        format!("{:?}", rustix::termios::tcgetattr(self.pts.as_fd()).expect("it is a terminal"))
    }

    /// Returns the program's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .expect("process ids fit");
        rustix::process::kill_process(pid, signal)
            .expect("a child of ours can be signaled until it is waited for");
    }

    /// Returns how the program ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be waited for")
    }

    /// Sends the program the signal of a closed window, and waits for its end.
    #[track_caller]
    pub fn hang_up(mut self) {
        self.signal(rustix::process::Signal::HUP);
        self.wait();
    }

    /// Waits for the program's end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let screen = Arc::clone(&self.screen);
        let contents = || screen.lock().expect("no holder panics").screen().contents();
        eventually(
            || format!("the program's end; on the screen:\n{}", contents()),
            || self.child.try_wait().expect("it can be waited for"),
        )
    }
}

/// A length in character cells.
fn cells(length: u16) -> NonZeroU16 {
    NonZeroU16::new(length).expect("a window has rows and columns")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The program may have ended: both calls then fail, or do nothing.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::Terminal;

    #[test]
    fn a_shell_sees_the_window_and_its_changes() {
        let mut shell = Command::new("/bin/sh");
        shell.env("PS1", "ready> ");
        let mut terminal = Terminal::start(shell, 24, 80);
        terminal.wait_for("a prompt", |screen| screen.contains("ready>"));
        terminal.send("stty size\r");
        terminal.wait_for("the size", |screen| screen.contains("24 80"));
        terminal.resize(40, 120);
        terminal.send("stty size\r");
        terminal.wait_for("the new size", |screen| screen.contains("40 120"));
        terminal.send("exit 5\r");
        assert_eq!(terminal.wait().code(), Some(5));
    }

    #[test]
    fn changed_settings_are_seen_after_the_program_ended() {
        let mut raw = Command::new("stty");
        raw.arg("raw");
        let mut terminal = Terminal::start(raw, 24, 80);
        assert!(terminal.wait().success());
        assert_ne!(terminal.settings(), Terminal::start(Command::new("true"), 24, 80).settings());
    }
}
