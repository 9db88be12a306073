//! Whether the link to the API server is dead: packets are lost, or something on the way has
//! stopped, and nobody closes the connection.
//!
//! A stream may be silent for hours, so silence alone proves nothing. After some seconds in which
//! nothing has come on any connection, the API server is asked something small. The link is dead if
//! several questions stay without any answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time limits of a link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long nothing may come before a question is asked.
    pub(crate) silence: Duration,
    /// How long an answer may take.
    pub(crate) answer: Duration,
    /// How many questions stay without an answer before the link counts as dead.
    pub(crate) questions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { silence: Duration::from_secs(10), answer: Duration::from_secs(5), questions: 3 }
    }
}

impl Limits {
    /// How long nothing has come, at least, when the link counts as dead.
    pub(crate) fn total(self) -> Duration {
        self.silence + self.answer * self.questions
    }
}

/// The link to the API server, which all connections of a client share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    /// When something came last.
    heard: Mutex<Instant>,
    /// Locked while questions are asked. Contains when they have failed last.
    failed: tokio::sync::Mutex<Option<Instant>>,
}

impl Default for Link {
    fn default() -> Self {
        Self::with(Limits::default())
    }
}

impl Link {
    pub(crate) fn with(limits: Limits) -> Self {
        let shared = Shared {
            limits,
            heard: Mutex::new(Instant::now()),
            failed: tokio::sync::Mutex::default(),
        };
        Self(Arc::new(shared))
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Records that something came from the API server.
    pub(crate) fn note_answer(&self) {
        *self.lock() = Instant::now();
    }

    /// Waits until the link is dead. `ask` returns whether the API server has answered a question.
    /// Dropping the future and calling this again begins anew with the questions.
    pub(crate) async fn dead<A: Future<Output = bool>>(&self, ask: impl Fn() -> A) {
        loop {
            tokio::time::sleep_until(self.heard() + self.0.limits.silence).await;
            if self.is_dead(&ask).await {
                return;
            }
        }
    }

    /// Asks whether the link is dead, unless something came a moment ago.
    pub(crate) async fn is_dead<A: Future<Output = bool>>(&self, ask: impl Fn() -> A) -> bool {
        let Limits { silence, answer, questions } = self.0.limits;
        if self.heard().elapsed() < silence {
            return false;
        }
        let began = Instant::now();
        // The streams of a client ask together.
        let mut failed = self.0.failed.lock().await;
        if failed.is_some_and(|at| at >= began) {
            return true;
        }
        for _ in 0..questions {
            if self.heard() >= began {
                return false;
            }
            // The next question is not asked before the time for this one is over: a refusal may
            // come at once. Each has its time from when it is asked, so that a process that was
            // stopped for a while does not take that for the silence of the link.
            let next = Instant::now() + answer;
            if tokio::time::timeout(answer, ask()).await == Ok(true) {
                self.note_answer();
                return false;
            }
            tokio::time::sleep_until(next).await;
        }
        if self.heard() >= began {
            return false;
        }
        *failed = Some(Instant::now());
        true
    }

    fn heard(&self) -> Instant {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(5);

    fn link() -> Link {
        Link::with(Limits { silence: MOMENT, answer: MOMENT, questions: 3 })
    }

    #[tokio::test]
    async fn a_link_that_answers_nothing_is_dead() {
        let (link, asked) = (link(), AtomicU32::new(0));
        link.dead(|| {
            asked.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        })
        .await;
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        assert!(link.heard().elapsed() >= link.limits().total());
        // A refusal of the connection counts as no answer, and as slow as one.
        let began = Instant::now();
        assert!(link.is_dead(async || false).await);
        assert!(began.elapsed() >= MOMENT * 3);
    }

    #[tokio::test]
    async fn a_silent_link_that_answers_is_not_dead() {
        let (link, asked) = (link(), AtomicU32::new(0));
        // The first question of each round gets no answer.
        let ask = async || asked.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        assert!(tokio::time::timeout(MOMENT * 40, link.dead(ask)).await.is_err());
        assert!(asked.load(Ordering::Relaxed) >= 2, "it was asked");
    }

    #[tokio::test]
    async fn what_comes_on_another_stream_proves_that_the_link_works() {
        let link = link();
        let other = link.clone();
        let ask = async || {
            other.note_answer();
            false
        };
        tokio::time::sleep(MOMENT).await;
        assert!(!link.is_dead(ask).await);
        link.note_answer();
        let slow = Link::with(Limits { silence: Duration::from_mins(1), ..link.limits() });
        assert!(!slow.is_dead(async || panic!("nothing is asked")).await);
    }

    #[tokio::test]
    async fn streams_ask_together() {
        let (link, asked) = (link(), AtomicU32::new(0));
        let ask = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        };
        tokio::time::sleep(MOMENT * 2).await;
        let (one, other) = tokio::join!(link.is_dead(ask), link.is_dead(ask));
        assert!(one && other);
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
