//! Control requests: what the client wants done in a session, beside its streams.

use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::PoisonError;

use scratchdbg_backend::Scope;
use tokio::sync::mpsc;

use crate::Stage;

/// What the client wants done in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Pass a signal on to the command. Where there is none yet, or none any more, it ends the session.
    Signal(u8),
    /// End the session.
    End,
}

/// The requests of a session, from its beginning to its end.
pub(crate) struct Control<'a> {
    /// Where signals go while the command runs.
    command: Mutex<Option<mpsc::UnboundedSender<u8>>>,
    /// Told where the session is.
    enters: &'a dyn Fn(Stage),
}

impl<'a> Control<'a> {
    pub(crate) fn new(enters: &'a dyn Fn(Stage)) -> Self {
        Self { command: Mutex::default(), enters }
    }

    /// The command begins.
    pub(crate) fn is_running(&self) {
        (self.enters)(Stage::Running);
    }

    /// Serves them. What is not for the command calls the session off.
    pub(crate) async fn serve(&self, mut requests: mpsc::UnboundedReceiver<Request>, scope: &Scope) -> Infallible {
        while let Some(request) = requests.recv().await {
            let command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
            match (request, &*command) {
                (Request::Signal(number), Some(command)) if command.send(number).is_ok() => {}
                _ => scope.call_off(),
            }
        }
        // The client has no more requests.
        std::future::pending().await
    }

    /// Passes signals on to a command that runs, for ever.
    pub(crate) async fn pass_on(&self, give: impl Fn(u8)) {
        let (sender, mut signals) = mpsc::unbounded_channel();
        *self.command.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        while let Some(number) = signals.recv().await {
            give(number);
        }
        std::future::pending::<()>().await;
    }

    /// Whether the command has ended is not known yet, and takes its time.
    pub(crate) fn is_unclear(&self) {
        (self.enters)(Stage::Unclear);
    }

    /// The command has ended.
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

    /// What a command hears of these requests, and whether they end the session.
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
        (heard.into_inner(), scope.is_called_off())
    }

    #[tokio::test]
    async fn signals_are_for_a_command_that_runs() {
        assert_eq!(heard(&[Request::Signal(2), Request::Signal(15)], true).await, (vec![2, 15], false));
        assert_eq!(heard(&[Request::Signal(2), Request::End], true).await, (vec![2], true));
    }

    #[tokio::test]
    async fn without_a_command_each_request_ends_the_session() {
        assert_eq!(heard(&[Request::Signal(2)], false).await, (vec![], true));
        assert_eq!(heard(&[Request::End], false).await, (vec![], true));
        assert_eq!(heard(&[], false).await, (vec![], false));
    }
}
