//! The pings of a WebSocket, and what their answers prove.
//!
//! Servers read messages in order, so an answer to a ping proves that the input before it was
//! taken. A server answers no ping while it cannot pass on input: a command that does not read its
//! input may run for hours over a good link. There are servers that answer no pings at all, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The interval between pings.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// How many pings stay without an answer before the connection is given up although the API server
/// answers elsewhere. A node that is out of memory may not answer for a while.
const PATIENCE: u64 = 24;

/// The pings of the writer.
#[derive(Debug, Default)]
pub(super) struct Sent(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    pings: AtomicU64,
    /// How many pings had been sent at the last input.
    at_input: AtomicU64,
}

/// The answers that the reader receives.
#[derive(Debug)]
pub(super) struct Answers {
    sent: Arc<Counts>,
    /// The number of the last ping that was answered.
    answered: u64,
    /// How many pings had been sent when something was received last.
    at_sign: u64,
}

/// Returns both ends of the pings of a connection.
pub(super) fn pings() -> (Sent, Answers) {
    let sent = Sent::default();
    let answers = Answers { sent: Arc::clone(&sent.0), answered: 0, at_sign: 0 };
    (sent, answers)
}

impl Sent {
    /// Returns the content of the next ping.
    pub(super) fn next(&self) -> [u8; 8] {
        (self.0.pings.fetch_add(1, Ordering::Relaxed) + 1).to_be_bytes()
    }

    /// Records that input is sent.
    pub(super) fn note_input(&self) {
        self.0.at_input.store(self.0.pings.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Answers {
    /// Records a message. `pong` is the content of an answer to a ping.
    pub(super) fn note(&mut self, pong: Option<&[u8]>) {
        self.at_sign = self.sent.pings.load(Ordering::Relaxed);
        let number = pong.and_then(|pong| pong.try_into().ok()).map(u64::from_be_bytes);
        if let Some(number) = number.filter(|number| *number <= self.at_sign) {
            self.answered = self.answered.max(number);
        }
    }

    /// Whether the connection is dead: it has answered pings, has taken all input, and has brought
    /// nothing since.
    pub(super) fn have_ceased(&self) -> bool {
        let pings = self.sent.pings.load(Ordering::Relaxed);
        self.answered > self.sent.at_input.load(Ordering::Relaxed)
            && pings.saturating_sub(self.at_sign) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(sent: &Sent, count: u64) {
        for _ in 0..count {
            sent.next();
        }
    }

    #[test]
    fn a_server_that_answers_no_pings_is_not_given_up() {
        let (sent, mut answers) = pings();
        send(&sent, 1000);
        assert!(!answers.have_ceased());
        answers.note(None);
        send(&sent, 1000);
        assert!(!answers.have_ceased(), "output alone is no answer");
        for other in [&b""[..], b"pong", &u64::MAX.to_be_bytes()] {
            answers.note(Some(other));
            send(&sent, 1000);
            assert!(!answers.have_ceased(), "{other:?}");
        }
    }

    #[test]
    fn answers_that_cease_tell_of_a_dead_connection() {
        let (sent, mut answers) = pings();
        answers.note(Some(&sent.next()));
        send(&sent, PATIENCE - 1);
        assert!(!answers.have_ceased());
        send(&sent, 1);
        assert!(answers.have_ceased());
        answers.note(None);
        assert!(!answers.have_ceased(), "output came");
        send(&sent, PATIENCE);
        assert!(answers.have_ceased());
    }

    #[test]
    fn a_server_may_be_waiting_to_pass_input_on() {
        let (sent, mut answers) = pings();
        sent.note_input();
        assert!(!answers.have_ceased());
        let ping = sent.next();
        sent.note_input();
        send(&sent, PATIENCE);
        answers.note(Some(&ping));
        send(&sent, PATIENCE);
        assert!(!answers.have_ceased(), "the input came after the ping that was answered");
        answers.note(Some(&sent.next()));
        send(&sent, PATIENCE);
        assert!(answers.have_ceased());
    }
}
