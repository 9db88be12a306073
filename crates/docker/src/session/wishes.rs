//! What the client wants done in a session, beside its streams.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::mpsc;

use super::Stage;
use crate::Scope;

/// What the client wants done in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Pass a signal on to the command. Where there is none yet, or none any more, it ends the session.
    Signal(u8),
    /// End the session.
    End,
}

/// The wishes of a session, from its beginning to its end.
pub(super) struct Heeded<'a> {
    /// Where signals go while the command runs.
    command: Mutex<Option<mpsc::UnboundedSender<u8>>>,
    /// Told where the session is.
    enters: &'a dyn Fn(Stage),
}

impl<'a> Heeded<'a> {
    pub(super) fn new(enters: &'a dyn Fn(Stage)) -> Self {
        Self { command: Mutex::default(), enters }
    }

    /// The command begins.
    pub(super) fn is_running(&self) {
        (self.enters)(Stage::Running);
    }

    /// Heeds them. What is not for the command calls the session off.
    pub(super) async fn heed(&self, mut wishes: mpsc::UnboundedReceiver<Wish>, scope: &Scope) -> Infallible {
        while let Some(wish) = wishes.recv().await {
            let command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
            match (wish, &*command) {
                (Wish::Signal(number), Some(command)) if command.send(number).is_ok() => {}
                _ => scope.call_off(),
            }
        }
        // The client has no more wishes.
        std::future::pending().await
    }

    /// Passes signals on to a command that runs, for ever.
    pub(super) async fn pass_on(&self, give: impl Fn(u8)) {
        let (sender, mut signals) = mpsc::unbounded_channel();
        *self.command.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        while let Some(number) = signals.recv().await {
            give(number);
        }
        std::future::pending::<()>().await;
    }

    /// Whether the command has ended is not known yet, and takes its time.
    pub(super) fn is_unclear(&self) {
        (self.enters)(Stage::Unclear);
    }

    /// The command has ended.
    pub(super) fn is_ending(&self) {
        *self.command.lock().unwrap_or_else(PoisonError::into_inner) = None;
        (self.enters)(Stage::Ending);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    /// What a command hears of these wishes, and whether they end the session.
    async fn heard(wishes: &[Wish], runs: bool) -> (Vec<u8>, bool) {
        let (scope, heeded) = (Scope::default(), Heeded::new(&|_stage| {}));
        let heard = RefCell::<Vec<u8>>::default();
        let (sender, receiver) = mpsc::unbounded_channel();
        let send = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            for &wish in wishes {
                sender.send(wish).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        tokio::select! {
            () = send => {}
            never = heeded.heed(receiver, &scope) => match never {},
            () = heeded.pass_on(|number| heard.borrow_mut().push(number)), if runs => {}
        }
        (heard.into_inner(), scope.is_called_off())
    }

    #[tokio::test]
    async fn signals_are_for_a_command_that_runs() {
        assert_eq!(heard(&[Wish::Signal(2), Wish::Signal(15)], true).await, (vec![2, 15], false));
        assert_eq!(heard(&[Wish::Signal(2), Wish::End], true).await, (vec![2], true));
    }

    #[tokio::test]
    async fn without_a_command_each_wish_ends_the_session() {
        assert_eq!(heard(&[Wish::Signal(2)], false).await, (vec![], true));
        assert_eq!(heard(&[Wish::End], false).await, (vec![], true));
        assert_eq!(heard(&[], false).await, (vec![], false));
    }
}
