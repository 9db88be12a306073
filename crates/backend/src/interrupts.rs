//! Signals that ask a command to stop.

use std::pin::pin;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Scope;

/// The signals that a command receives, as exit codes: 128+n.
#[derive(Debug)]
pub struct Interrupts {
    codes: mpsc::UnboundedReceiver<u8>,
    /// Keeps the channel open if there is no sender.
    _idle: Option<mpsc::UnboundedSender<u8>>,
}

impl Interrupts {
    /// Creates a receiver for the exit codes that a signal handler sends.
    pub fn new(codes: mpsc::UnboundedReceiver<u8>) -> Self {
        Self { codes, _idle: None }
    }

    /// Creates a receiver that never gets a signal, for a command that is part of another command.
    pub fn none() -> Self {
        let (sender, codes) = mpsc::unbounded_channel();
        Self { codes, _idle: Some(sender) }
    }

    /// Waits for a signal.
    pub async fn next(&mut self) -> u8 {
        match self.codes.recv().await {
            Some(code) => code,
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
}

/// Waits until a limit, or forever if there is none.
pub async fn sleep_until(limit: Option<Instant>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(limit).await,
        None => std::future::pending().await,
    }
}
