//! Runs a program that hands out a secret.

use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How long the output of a program that has ended is waited for: a process that it has left in the
/// background may keep it open.
const AFTER_END: Duration = Duration::from_millis(500);

/// What a program may take, and how it is ended.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the program may run. Without a limit, the caller gives up by dropping the future.
    pub time: Option<Duration>,
    /// The most bytes of output.
    pub output: u64,
    /// Whether the program has a process group of its own, which is ended as a whole. Such a
    /// program cannot read from a terminal.
    pub has_own_group: bool,
}

/// The output of a program. It contains a secret, which `Debug` does not show.
pub struct Answer {
    /// How the program ended.
    pub status: ExitStatus,
    /// What it printed.
    pub output: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why a program gave no answer. Each message is the predicate of a sentence about the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The program was not started, or its output not received.
    #[error("cannot be started: {0}")]
    NotStarted(#[from] io::Error),
    /// The program did not end in time.
    #[error("gave no answer within {} seconds", .0.as_secs())]
    TooSlow(Duration),
    /// The output has too many bytes.
    #[error("says too much")]
    TooMuch,
}

/// Runs a program, writes `input` to its standard input if there is one, and returns what it prints
/// on its standard output. The caller sets standard error, and standard input without `input`.
///
/// The program is ended when a limit is reached, and when the future is dropped. A process that it
/// leaves in the background is neither waited for nor ended when the program itself has ended.
///
/// # Errors
///
/// Fails if the program cannot be started, or exceeds a limit. A program that fails is an
/// [`Answer`].
pub async fn answer(
    mut command: Command,
    input: Option<&[u8]>,
    limits: Limits,
) -> Result<Answer, Error> {
    command.stdout(Stdio::piped()).kill_on_drop(true);
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    if limits.has_own_group {
        command.process_group(0);
    }
    let mut running = Running { child: command.spawn()?, has_own_group: limits.has_own_group };
    let exchanged = exchange(&mut running.child, input, limits.output);
    match limits.time {
        Some(time) => {
            tokio::time::timeout(time, exchanged).await.map_err(|_| Error::TooSlow(time))?
        }
        None => exchanged.await,
    }
}

async fn exchange(child: &mut Child, input: Option<&[u8]>, limit: u64) -> Result<Answer, Error> {
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // A program that does not read may still answer.
        let _unread = stdin.write_all(input).await;
    }
    let mut output = Vec::new();
    let stdout = child.stdout.take().map(|stdout| stdout.take(limit.saturating_add(1)));
    let ended = {
        let mut read = std::pin::pin!(async {
            match stdout {
                Some(mut stdout) => stdout.read_to_end(&mut output).await,
                None => Ok(0),
            }
        });
        tokio::select! {
            biased;
            read = &mut read => {
                read?;
                None
            }
            ended = child.wait() => {
                let _in_background = tokio::time::timeout(AFTER_END, &mut read).await;
                Some(ended?)
            }
        }
    };
    if output.len() as u64 > limit {
        return Err(Error::TooMuch);
    }
    let status = match ended {
        Some(status) => status,
        None => child.wait().await?,
    };
    Ok(Answer { status, output })
}

/// Returns how a program ended that failed, as the predicate of a sentence about it.
pub fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

/// A program that is ended when this is dropped.
struct Running {
    child: Child,
    has_own_group: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        // A program that was waited for has no id any more. What it left behind goes on.
        let Some(id) = self.child.id().filter(|_| self.has_own_group) else { return };
        let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
        let _gone = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    const LIMITS: Limits =
        Limits { time: Some(Duration::from_secs(20)), output: 1024, has_own_group: true };

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Waits until a process that wrote its id to a file is gone.
    async fn expect_gone(file: &Path) {
        let text = fs::read_to_string(file).unwrap();
        let state = format!("/proc/{}/stat", text.trim());
        let began = Instant::now();
        // Until its parent has waited for it, it is a zombie.
        while fs::read_to_string(&state).is_ok_and(|state| !state.contains(") Z ")) {
            assert!(began.elapsed() < Duration::from_secs(10), "it still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_program_answers() {
        let told = answer(shell("tr a-z A-Z; exit 3"), Some(b"word"), LIMITS).await.unwrap();
        assert_eq!((told.output.as_slice(), told.status.code()), (&b"WORD"[..], Some(3)));
        assert_eq!(ended(told.status), "ended with exit code 3");
        let told = answer(shell("kill -9 $$"), None, LIMITS).await.unwrap();
        assert_eq!(ended(told.status), "was ended by signal 9");
        let error = answer(Command::new("/nonexistent"), None, LIMITS).await.err().unwrap();
        assert!(error.to_string().starts_with("cannot be started: "), "{error}");
    }

    #[tokio::test]
    async fn a_program_is_ended_with_its_children_at_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("id");
        let script = format!("sleep 300 & echo $! > '{}'; wait", file.display());
        let limits = Limits { time: Some(Duration::from_millis(500)), ..LIMITS };
        let error = answer(shell(&script), None, limits).await.err().unwrap();
        assert!(matches!(error, Error::TooSlow(_)), "{error}");
        expect_gone(&file).await;
        let script = format!("echo $$ > '{}'; exec yes", file.display());
        let error = answer(shell(&script), None, LIMITS).await.err().unwrap();
        assert!(matches!(error, Error::TooMuch), "{error}");
        expect_gone(&file).await;
    }

    #[tokio::test]
    async fn a_program_is_ended_when_nobody_waits() {
        let folder = tempfile::tempdir().unwrap();
        for has_own_group in [true, false] {
            let file = folder.path().join(format!("id-{has_own_group}"));
            let script = format!("echo $$ > '{}'; exec sleep 300", file.display());
            let limits = Limits { time: None, has_own_group, ..LIMITS };
            tokio::select! {
                told = answer(shell(&script), None, limits) => assert!(told.is_err(), "it ended"),
                () = async {
                    while !fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                } => {}
            }
            expect_gone(&file).await;
        }
    }

    #[tokio::test]
    async fn what_a_program_leaves_in_the_background_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("id");
        let script = format!("sleep 300 & echo $! > '{}'; echo word", file.display());
        let began = Instant::now();
        let told = answer(shell(&script), None, LIMITS).await.unwrap();
        assert_eq!(told.output, b"word\n");
        assert!(began.elapsed() < Duration::from_secs(10));
        let id = fs::read_to_string(&file).unwrap();
        assert!(Path::new(&format!("/proc/{}", id.trim())).exists(), "it goes on");
        let id = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(id, Signal::KILL).unwrap();
    }
}
