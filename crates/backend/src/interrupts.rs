//! Signals that ask a command to end.

use std::pin::pin;

use tokio::sync::mpsc;

use crate::Scope;

/// The signals of one command, as the exit codes that they stand for: 128+n.
#[derive(Debug)]
pub struct Interrupts {
    codes: mpsc::UnboundedReceiver<u8>,
    /// Keeps the channel open where nobody sends.
    _idle: Option<mpsc::UnboundedSender<u8>>,
}

impl Interrupts {
    /// Receives them from whoever listens.
    pub fn new(codes: mpsc::UnboundedReceiver<u8>) -> Self {
        Self { codes, _idle: None }
    }

    /// Those of a command that is part of another, which listens itself: none.
    pub fn none() -> Self {
        let (sender, codes) = mpsc::unbounded_channel();
        Self { codes, _idle: Some(sender) }
    }

    /// Waits for a signal.
    pub async fn next(&mut self) -> u8 {
        match self.codes.recv().await {
            Some(code) => code,
            // Whoever listens ends with the process.
            None => std::future::pending().await,
        }
    }

    /// Works until the work is done or a signal comes. Then the result is the signal's exit code, as soon as what the work
    /// created is removed, or there was no more time for it.
    pub async fn race<T>(&mut self, scope: &Scope, work: impl Future<Output = T>) -> Result<T, u8> {
        let mut work = pin!(work);
        let code = tokio::select! {
            done = &mut work => return Ok(done),
            code = self.next() => code,
        };
        let is_clear = scope.is_clear();
        scope.call_off();
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
