//! Signals that ask a command to stop.

use std::pin::pin;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Scope;

/// The signals that a command receives, as exit codes: 128+n.
#[derive(Debug)]
pub struct Interrupts {
    codes: mpsc::UnboundedReceiver<u8>,
    first: Option<u8>,
    /// Keeps the channel open if there is no sender.
    _idle: Option<mpsc::UnboundedSender<u8>>,
}

impl Interrupts {
    /// Creates a receiver for the exit codes that a signal handler sends.
    pub fn new(codes: mpsc::UnboundedReceiver<u8>) -> Self {
        Self { codes, first: None, _idle: None }
    }

    /// Creates a receiver that never gets a signal, for a command that is part of another command.
    pub fn none() -> Self {
        let (sender, codes) = mpsc::unbounded_channel();
        Self { codes, first: None, _idle: Some(sender) }
    }

    /// Returns the first signal that was waited for.
    pub fn first(&self) -> Option<u8> {
        self.first
    }

    /// Waits for a signal.
    pub async fn next(&mut self) -> u8 {
        match self.codes.recv().await {
            Some(code) => {
                self.first.get_or_insert(code);
                code
            }
            // The sender is dropped only when the process exits.
            None => std::future::pending().await,
        }
    }

    /// Runs `work` until it finishes or a signal arrives. After a signal, returns the signal's exit
    /// code as soon as everything that `work` created is removed, or the time for cleaning up is
    /// over.
    pub async fn race<T>(&mut self, scope: &Scope, work: impl Future<Output = T>) -> Result<T, u8> {
        let mut work = pin!(work);
        let code = tokio::select! {
            done = &mut work => return Ok(done),
            code = self.next() => code,
        };
        let is_clear = scope.is_clear();
        scope.cancel();
        if !is_clear {
            tokio::select! {
                _called_off = &mut work => {}
                () = tokio::time::sleep(Scope::GRACE) => {}
                _second = self.next() => {}
            }
        }
        Err(code)
    }

    /// Waits for the end of a cleanup, and returns the exit code of a signal that arrived
    /// meanwhile. The first signal does not end the cleanup but limits its time: to
    /// [`Scope::GRACE`]. A second one ends it. `is_second` is set if a signal came before.
    ///
    /// # Errors
    ///
    /// Returns why the cleanup is not complete.
    pub async fn clean_up(
        &mut self,
        cleanup: impl Future<Output = Result<(), String>>,
        is_second: bool,
    ) -> Result<Option<u8>, String> {
        let mut cleanup = pin!(cleanup);
        let in_the_end = || Instant::now() + Scope::GRACE;
        let (mut signal, mut limit) = (None, is_second.then(in_the_end));
        loop {
            tokio::select! {
                done = &mut cleanup => return done.map(|()| signal),
                () = sleep_until(limit) => return Err("the engine does not answer".to_owned()),
                code = self.next() => {
                    if is_second || signal.is_some() {
                        return Err("interrupted".to_owned());
                    }
                    (signal, limit) = (Some(code), Some(in_the_end()));
                }
            }
        }
    }
}

/// Waits until a limit, or forever if there is none.
pub async fn sleep_until(limit: Option<Instant>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(limit).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of a cleanup that takes this many milliseconds (forever without a number), with
    /// signals before its end.
    async fn end(
        takes: Option<u64>,
        is_second: bool,
        signals: &[u8],
    ) -> Result<Option<u8>, String> {
        let (sender, codes) = mpsc::unbounded_channel();
        for &code in signals {
            sender.send(code).unwrap();
        }
        let cleanup = async {
            match takes {
                Some(time) => tokio::time::sleep(std::time::Duration::from_millis(time)).await,
                None => std::future::pending().await,
            }
            Ok(())
        };
        Interrupts::new(codes).clean_up(cleanup, is_second).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_signal_does_not_keep_a_command_from_clearing_up() {
        for (takes, is_second, signals, expected) in [
            (Some(30), false, &[][..], Ok(None)),
            (Some(30), false, &[130], Ok(Some(130))),
            (Some(30), true, &[], Ok(None)),
            (Some(30), true, &[130], Err("interrupted")),
            (None, false, &[130, 130], Err("interrupted")),
            (None, false, &[143], Err("the engine does not answer")),
        ] {
            let ended = end(takes, is_second, signals).await;
            assert_eq!(
                ended.as_ref().map_err(|text| &**text),
                expected.as_ref().map_err(|&text| text),
                "{takes:?} {signals:?}"
            );
        }
    }
}
