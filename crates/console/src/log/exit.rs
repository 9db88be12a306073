//! The end of the output at a line that matches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use regex::bytes::Regex;
use tokio::sync::Notify;

/// Tells that a line ended the output.
#[derive(Debug, Clone, Default)]
pub struct Exit {
    over: Arc<(AtomicBool, Notify)>,
}

impl Exit {
    /// Reports whether a line ended the output.
    pub fn is_over(&self) -> bool {
        self.over.0.load(Ordering::Relaxed)
    }

    /// Waits until a line ends the output.
    pub async fn wait(&self) {
        self.over.1.notified().await;
    }
}

/// The pattern whose first match ends the output.
#[derive(Debug)]
pub(super) struct ExitOn {
    pub(super) pattern: Option<Regex>,
    pub(super) exit: Exit,
}

impl ExitOn {
    /// Looks at a line that is shown.
    pub(super) fn look(&self, text: &[u8]) {
        if self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(text)) {
            self.exit.over.0.store(true, Ordering::Relaxed);
            self.exit.over.1.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_line_that_matches_ends_the_output() {
        let exit = Exit::default();
        let on = ExitOn { pattern: Some(Regex::new("^ready").unwrap()), exit: exit.clone() };
        on.look(b"not ready");
        assert!(!exit.is_over());
        on.look(b"ready to serve");
        assert!(exit.is_over());
        exit.wait().await;
        let never = ExitOn { pattern: None, exit: Exit::default() };
        never.look(b"ready");
        assert!(!never.exit.is_over());
    }
}
