//! Runs the built binary without the developer's environment.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::eventually;

/// A program to run, with its own environment and home directory.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    environment: Vec<(OsString, OsString)>,
    home: TempDir,
}

impl Program {
    /// Returns the program at `path`. For the binary under test, use
    /// `env!("CARGO_BIN_EXE_scratchdbg")` in the test itself.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let home = TempDir::new().expect("a temporary directory can be made");
        Self { path: path.into(), environment: Vec::new(), home }
    }

    /// Adds a variable to the otherwise empty environment.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Returns the home directory, which is also the working directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the command with empty standard input, to be changed and started by the caller.
    pub fn command<I, S>(&self, arguments: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.home())
            .env("LANG", "C.UTF-8")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end with empty standard input.
    pub fn run<I, S>(&self, arguments: I) -> Finished
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.run_with_input(arguments, Vec::new())
    }

    /// Runs the program to its end with `input` piped to its standard input.
    pub fn run_with_input<I, S>(&self, arguments: I, input: impl Into<Vec<u8>>) -> Finished
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut running = self.start(arguments);
        running.write_and_close_input(input);
        running.finish()
    }

    /// Starts the program with all three standard streams piped.
    pub fn start<I, S>(&self, arguments: I) -> Running
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        Running::start(self.command(arguments))
    }
}

/// A running program. Killed on drop.
#[derive(Debug)]
pub struct Running {
    command_line: String,
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Running {
    /// Starts `command` with all three standard streams piped.
    pub fn start(mut command: Command) -> Self {
        let command_line = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command_line} could not be started: {error}"));
        let stdout = Output::collect(child.stdout.take().expect("it is piped"));
        let stderr = Output::collect(child.stderr.take().expect("it is piped"));
        Self { command_line, child, stdout, stderr }
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes `input` to standard input on a separate thread, and closes it.
    pub fn write_and_close_input(&mut self, input: impl Into<Vec<u8>>) {
        let mut stdin = self.child.stdin.take().expect("standard input is still open");
        let input = input.into();
        // A program may end without reading all of its input.
        std::thread::spawn(move || stdin.write_all(&input));
    }

    /// Writes `input` to standard input, which stays open.
    pub fn write_input(&mut self, input: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("standard input is still open");
        stdin.write_all(input).and_then(|()| stdin.flush()).expect("standard input can be written");
    }

    /// Returns the standard output so far.
    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.so_far()
    }

    /// Waits until `enough` returns true for the standard output.
    pub fn wait_for_stdout(&self, what: &str, enough: impl Fn(&[u8]) -> bool) {
        eventually(
            || {
                format!(
                    "{what}\n  from {}\n  which said {:?}",
                    self.command_line,
                    String::from_utf8_lossy(&self.stdout())
                )
            },
            || enough(&self.stdout()).then_some(()),
        );
    }

    /// Waits until its standard error contains this text.
    pub fn wait_for_stderr(&self, text: &str) {
        let so_far = || String::from_utf8_lossy(&self.stderr.so_far()).into_owned();
        eventually(
            || format!("{text}\n  from {}\n  which said {:?}", self.command_line, so_far()),
            || so_far().contains(text).then_some(()),
        );
    }

    /// Stops reading standard output: the program's next write but one fails.
    pub fn close_output(&mut self) {
        self.stdout.closed.store(true, Ordering::Relaxed);
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .expect("process ids fit");
        rustix::process::kill_process(pid, signal)
            .expect("a child of ours can be signaled until it is waited for");
    }

    /// Reports whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_some()
    }

    /// Waits for the end of the program.
    pub fn finish(mut self) -> Finished {
        let command_line = self.command_line.clone();
        let status = eventually(
            || format!("the end of {command_line}"),
            || self.child.try_wait().expect("it can be waited for"),
        );
        Finished {
            command_line,
            status,
            stdout: self.stdout.all(),
            stderr: String::from_utf8_lossy(&self.stderr.all()).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The program may have ended: both calls then fail, or do nothing.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The end of a program and its output.
#[derive(Debug)]
pub struct Finished {
    /// The command line, for messages.
    pub command_line: String,
    /// The exit status.
    pub status: ExitStatus,
    /// The standard output.
    pub stdout: Vec<u8>,
    /// The standard error.
    pub stderr: String,
}

impl Finished {
    /// Returns standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "exit code of {self}");
        self
    }

    /// Asserts the exit code and the exact standard output.
    #[track_caller]
    pub fn expect(&self, code: i32, stdout: &str) -> &Self {
        self.expect_code(code);
        assert_eq!(self.text(), stdout, "standard output of {self}");
        self
    }

    /// Asserts that the program failed as for invalid input: with this code, nothing on standard
    /// output, and on standard error one line with the error, which contains each of `words`, and
    /// one or two hints. No panic and no stack trace.
    #[track_caller]
    pub fn expect_clear_failure(&self, code: i32, words: &[&str]) {
        self.expect(code, "");
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        assert!((2..=4).contains(&lines.len()), "one line and a hint are wanted from {self}");
        assert!(
            lines[1..].iter().any(|line| line.to_lowercase().contains("hint")),
            "no hint in {self}"
        );
        for unwanted in ["panicked", "stack backtrace", "RUST_BACKTRACE"] {
            assert!(!self.stderr.contains(unwanted), "{unwanted:?} in {self}");
        }
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing in {self}");
        }
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end: String = self.text().chars().take(4000).collect();
        let signal =
            self.status.signal().map(|signal| format!(" (signal {signal})")).unwrap_or_default();
        writeln!(f, "{}", self.command_line)?;
        writeln!(f, "  ended with {}{signal}", self.status)?;
        writeln!(f, "  stdout ({} bytes): {end:?}", self.stdout.len())?;
        write!(f, "  stderr: {}", self.stderr)
    }
}

/// The output of a stream, collected by a thread until its end.
#[derive(Debug)]
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    closed: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl Output {
    fn collect(mut stream: impl Read + Send + 'static) -> Self {
        let (bytes, closed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (collected, stop) = (Arc::clone(&bytes), Arc::clone(&closed));
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                collected.lock().expect("no holder panics").extend_from_slice(&buffer[..count]);
            }
        });
        Self { bytes, closed, reader }
    }

    fn so_far(&self) -> Vec<u8> {
        self.bytes.lock().expect("no holder panics").clone()
    }

    /// Returns all output after the end of the stream.
    fn all(&self) -> Vec<u8> {
        eventually(
            || "the end of a stream: somebody holds it open".to_owned(),
            || self.reader.is_finished().then_some(()),
        );
        self.so_far()
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn streams_and_codes_are_told_apart() {
        let finished = Program::new("/bin/sh").run(["-c", "cat; echo err >&2; exit 3"]);
        finished.expect(3, "");
        assert_eq!(finished.stderr, "err\n");
    }

    #[test]
    fn input_larger_than_any_pipe_comes_through() {
        let input = vec![b'x'; 1 << 20];
        let finished = Program::new("/bin/cat").run_with_input(["-"], input.clone());
        assert_eq!(finished.expect_code(0).stdout, input);
    }

    #[test]
    fn nothing_of_the_environment_is_passed_on() {
        let program = Program::new("/usr/bin/env").with_variable("A", "b");
        let finished = program.run([] as [&str; 0]);
        let mut names: Vec<String> = finished
            .text()
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
            .collect();
        names.sort();
        assert_eq!(names, ["A", "HOME", "LANG", "PATH"]);
    }
}
