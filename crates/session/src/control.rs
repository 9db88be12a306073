//! Control requests: what the client asks of a session apart from its streams.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::PoisonError;

use scratchdbg_backend::Scope;
use tokio::sync::mpsc;

use crate::Stage;

/// A request of the client to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Forward a signal to the command. If the command is not running, end the session.
    Signal(u8),
    /// End the session.
    End,
}

/// Handles the control requests of one session.
pub(crate) struct Control<'a> {
    /// Receives signals while the command runs.
    command: Mutex<Option<mpsc::UnboundedSender<u8>>>,
    /// Called at each change of the session's stage.
    enters: &'a dyn Fn(Stage),
}

impl<'a> Control<'a> {
    pub(crate) fn new(enters: &'a dyn Fn(Stage)) -> Self {
        Self { command: Mutex::default(), enters }
    }

    /// Records that the command has started.
    pub(crate) fn is_running(&self) {
        (self.enters)(Stage::Running);
    }

    /// Handles requests forever. Any request that is not for the command cancels the session.
    pub(crate) async fn serve(
        &self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        scope: &Scope,
    ) -> Infallible {
        while let Some(request) = requests.recv().await {
            let command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
            match (request, &*command) {
                (Request::Signal(number), Some(command)) if command.send(number).is_ok() => {}
                _ => scope.cancel(),
            }
        }
        // The client sends no more requests.
        std::future::pending().await
    }

    /// Forwards signals to the running command, forever.
    pub(crate) async fn pass_on(&self, give: impl Fn(u8)) {
        let (sender, mut signals) = mpsc::unbounded_channel();
        *self.command.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        while let Some(number) = signals.recv().await {
            give(number);
        }
        std::future::pending::<()>().await;
    }

    /// Records that the streams have ended, and that it takes a while to find out whether the
    /// command has.
    pub(crate) fn is_unclear(&self) {
        (self.enters)(Stage::Unclear);
    }

    /// Records that the command has ended.
    pub(crate) fn is_ending(&self) {
        *self.command.lock().unwrap_or_else(PoisonError::into_inner) = None;
        (self.enters)(Stage::Ending);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    /// Returns the signals that a command receives for these requests, and whether they end the
    /// session.
    async fn heard(requests: &[Request], runs: bool) -> (Vec<u8>, bool) {
        let (scope, control) = (Scope::default(), Control::new(&|_stage| {}));
        let heard = RefCell::<Vec<u8>>::default();
        let (sender, receiver) = mpsc::unbounded_channel();
        let send = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            for &request in requests {
                sender.send(request).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        tokio::select! {
            () = send => {}
            never = control.serve(receiver, &scope) => match never {},
            () = control.pass_on(|number| heard.borrow_mut().push(number)), if runs => {}
        }
        (heard.into_inner(), scope.is_canceled())
    }

    #[tokio::test]
    async fn signals_are_for_a_command_that_runs() {
        assert_eq!(
            heard(&[Request::Signal(2), Request::Signal(15)], true).await,
            (vec![2, 15], false)
        );
        assert_eq!(heard(&[Request::Signal(2), Request::End], true).await, (vec![2], true));
    }

    #[tokio::test]
    async fn without_a_command_each_request_ends_the_session() {
        assert_eq!(heard(&[Request::Signal(2)], false).await, (vec![], true));
        assert_eq!(heard(&[Request::End], false).await, (vec![], true));
        assert_eq!(heard(&[], false).await, (vec![], false));
    }
}
