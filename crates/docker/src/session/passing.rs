//! The streams of a session from its beginning to their end, and what that end means.
//!
//! The launcher writes how the command ended behind what the command wrote, see [`ending`](super::ending). Only streams with that
//! record are known to have come whole. Without it the engine may say that the command ended well: what it wrote may be lost all
//! the same, and so that is no success. The record is missing by right where there was no launcher, or none any more: it could not
//! be started, was killed, or could not do its work; the exit code tells these.

use std::convert::Infallible;
use std::time::Duration;

use bollard::models::ExecConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::ending::Secret;
use super::keys::{Keys, Typed};
use super::opening::NotExecuted;
use super::process::{Process, ProcessEnd};
use super::streams::{self, PumpEnd};
use super::vigil::Silence;
use super::wishes::Heeded;
use super::{Outcome, Streams, Window};
use crate::error::CommandEnd;
use crate::transport::{Hijacked, Kind};
use crate::{ContainerName, Engine, Error, Mode, Plan};

/// What of a session its streams have to do with.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) secret: &'a Secret,
    pub(super) launcher: &'a str,
    pub(super) silence: &'a Silence,
    pub(super) typed: &'a Typed,
    pub(super) heeded: &'a Heeded<'a>,
}

/// How long after the input of a terminal failed the signal that says why may take.
const SIGNALLED_WITHIN: Duration = Duration::from_millis(200);

/// How often the first resize is tried. The engine answers before the process, and with it the terminal, exists.
const RESIZE_ATTEMPTS: u32 = 10;

/// How long after the end of streams without a record the engine may take to note the end of their process. Most ends it notes at
/// once; one with much to do takes seconds.
const NOTED_WITHIN: Duration = Duration::from_secs(5);

/// After so much of that time it is said what is waited for.
const SAID_AFTER: Duration = Duration::from_secs(1);

/// The user has pressed the detach keys, and waits for the client to leave.
const NOTED_WITHIN_TERMINAL: Duration = Duration::from_secs(3);

/// The engine has said that the user detached.
const NOTED_WITHIN_DETACHED: Duration = Duration::from_secs(1);

/// What the engine gives as the exit code of an exec that it could not serve, if the runtime named no better one. Docker gives it
/// where the streams to us broke, too, and then never tells how the process ended.
const ENGINES_OWN: u8 = 126;

impl Engine {
    /// Passes bytes until the process ends.
    pub(super) async fn pass_bytes<I, O, E>(
        &self,
        plan: &Plan,
        Around { secret, launcher, silence, typed, heeded }: Around<'_>,
        process: &mut Process,
        Hijacked { reader, writer }: Hijacked,
        mut streams: Streams<I, O, E>,
        windows: watch::Receiver<Option<Window>>,
    ) -> Result<Outcome, Error>
    where
        I: AsyncRead + Send + Unpin + 'static,
        O: AsyncWrite + Unpin,
        E: AsyncWrite + Unpin,
    {
        let keys = plan.tty.then(|| Keys::watch(plan.detach_keys.as_deref(), typed.clone()));
        let mut input = tokio::spawn(streams::forward_input(streams.input, writer, keys));
        let reader = silence.of(reader);
        let not_executed = NotExecuted::of(launcher);
        let pumped = {
            let resizing = async {
                if plan.tty {
                    self.follow_window(process, windows).await;
                }
                std::future::pending::<Infallible>().await
            };
            let unreadable = async {
                match (&mut input).await {
                    Ok(Err(error)) => error,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                pumped = streams::pump_output(
                    reader, plan.tty, Some(secret), &not_executed, &mut streams.output, streams.error,
                ) => pumped,
                never = resizing => match never {},
                error = unreadable => {
                    // A terminal that is closed says so in more ways than one: the signal tells more.
                    tokio::time::sleep(SIGNALLED_WITHIN).await;
                    Err(Error::Input(error))
                }
            }
        };
        input.abort();
        // From here on there is nobody whom a signal could be passed on to.
        heeded.is_ending();
        let pumped = pumped?;
        match pumped {
            PumpEnd::OutputClosed => return Ok(Outcome::OutputClosed),
            PumpEnd::Told(code) => return Ok(Outcome::Exited(code)),
            PumpEnd::NotExecuted(_) => return Err(pumped.refusal(ENGINES_OWN)),
            PumpEnd::Ended | PumpEnd::Escaped | PumpEnd::OneLine(_) => {}
        }
        let patience = match pumped {
            _ if !typed.detached() => NOTED_WITHIN,
            PumpEnd::Escaped => NOTED_WITHIN_DETACHED,
            _ => NOTED_WITHIN_TERMINAL,
        };
        let end = {
            let mut end = std::pin::pin!(process.end_of(self, patience));
            tokio::select! {
                biased;
                end = &mut end => end?,
                () = tokio::time::sleep(SAID_AFTER), if !typed.detached() => {
                    heeded.is_unclear();
                    end.await?
                }
            }
        };
        if let ProcessEnd::NeverBegan(code) = end {
            return Err(pumped.refusal(code));
        }
        if let PumpEnd::OneLine(line) = &pumped
            && !streams::write(&mut streams.output, line).await?
        {
            return Ok(Outcome::OutputClosed);
        }
        without_record(end, pumped == PumpEnd::Escaped, typed.detached(), plan.mode)
    }

    /// Runs a command in a container as `docker exec` would, and drops what it prints: its exit code.
    ///
    /// Fails with [`Error::ExecRefused`] when the runtime cannot start it.
    pub async fn exec(&self, container: &ContainerName, command: &[&str]) -> Result<u8, Error> {
        let exec = ExecConfig {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..ExecConfig::default()
        };
        let created = self.transport.ask(Kind::CreateExec, self.docker.create_exec(container.as_str(), exec));
        let exec = created.await?.id;
        let Hijacked { reader, writer: _writer } = self.start_exec(&exec, false).await?;
        let pumped =
            streams::pump_output(reader, false, None, &NotExecuted::none(), tokio::io::sink(), tokio::io::sink())
                .await?;
        match self.exec_end(&exec, NOTED_WITHIN).await? {
            ProcessEnd::Exited(code) => Ok(code),
            ProcessEnd::GoesOn => Ok(u8::MAX),
            ProcessEnd::NeverBegan(code) => Err(pumped.refusal(code)),
        }
    }

    /// Gives the exec's terminal the size of the client's, now and at each change.
    async fn follow_window(&self, process: &Process, mut windows: watch::Receiver<Option<Window>>) {
        loop {
            let window = *windows.borrow_and_update();
            // A terminal that says 0×0 does not know its size.
            if let Some(window) = window.filter(|window| window.columns > 0 && window.rows > 0) {
                for attempt in 1..=RESIZE_ATTEMPTS {
                    match process.resize(self, window).await {
                        Ok(()) => break,
                        Err(error) => tracing::debug!(%error, attempt, "cannot resize yet"),
                    }
                    tokio::time::sleep(Duration::from_millis(10) * attempt).await;
                }
            }
            if windows.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What streams mean that ended without a record. `is_escaped`: the engine says that it read the detach keys. `is_detached`: they were
/// pressed.
fn without_record(end: ProcessEnd, is_escaped: bool, is_detached: bool, mode: Mode) -> Result<Outcome, Error> {
    let command = match end {
        ProcessEnd::GoesOn if is_detached => return Ok(Outcome::Detached),
        ProcessEnd::GoesOn => CommandEnd::GoesOn,
        ProcessEnd::Exited(ENGINES_OWN) if is_escaped && is_detached => return Ok(Outcome::Detached),
        ProcessEnd::Exited(0) if is_detached => return Ok(Outcome::Detached),
        ProcessEnd::Exited(ENGINES_OWN) if mode == Mode::Exec => CommandEnd::Unknown,
        // The launcher could not do its work, was not found, or was killed, and nobody was left to write a record.
        ProcessEnd::Exited(code @ (125 | 127..)) => return Ok(Outcome::Exited(code)),
        ProcessEnd::Exited(code) | ProcessEnd::NeverBegan(code) => CommandEnd::Ended(code),
    };
    Err(Error::ConnectionEnded { command })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_without_a_record_is_no_success() {
        use ProcessEnd::{Exited, GoesOn};
        for (end, expected) in [
            (Exited(0), CommandEnd::Ended(0)),
            (Exited(1), CommandEnd::Ended(1)),
            (Exited(124), CommandEnd::Ended(124)),
            (Exited(126), CommandEnd::Unknown),
            (GoesOn, CommandEnd::GoesOn),
        ] {
            for escaped in [false, true] {
                match without_record(end, escaped, false, Mode::Exec) {
                    Err(Error::ConnectionEnded { command }) => assert_eq!(command, expected, "{end:?}"),
                    outcome => panic!("{end:?}: {outcome:?}"),
                }
            }
        }
        // No launcher writes these without having come to grief.
        for code in [125, 127, 129, 137, 143, 255] {
            let outcome = without_record(Exited(code), false, false, Mode::Exec);
            assert!(matches!(outcome, Ok(Outcome::Exited(found)) if found == code), "{outcome:?}");
        }
    }

    #[test]
    fn who_detached_has_what_was_asked_for() {
        use ProcessEnd::{Exited, GoesOn};
        for (end, escaped, is_detached) in [
            (GoesOn, false, true),
            (GoesOn, true, true),
            (Exited(0), false, true),
            (Exited(126), true, true),
            (Exited(126), false, false),
        ] {
            let outcome = without_record(end, escaped, true, Mode::Exec);
            assert_eq!(matches!(outcome, Ok(Outcome::Detached)), is_detached, "{end:?} {escaped}: {outcome:?}");
        }
    }
}
