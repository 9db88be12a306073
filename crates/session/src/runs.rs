//! Waits for the next run of a target that ended during a session.

use std::time::Duration;

use scratchdbg_backend::{Error, ErrorKind, Mode, Phase, Plan, SessionBackend};

use crate::user::{Notice, User};

/// How often to poll a target that does not run.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A session shorter than this counts as one that ended at once.
const SHORT_SESSION: Duration = Duration::from_secs(2);

/// How many consecutive sessions may end at once.
const MAX_SHORT_SESSIONS: u32 = 10;

/// The longest backoff.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Counts sessions that end at once, across the runs of a target.
#[derive(Debug, Default)]
pub(crate) struct RestartBackoff {
    short_sessions: u32,
}

impl RestartBackoff {
    /// Returns how long to wait before looking for the next run. Fails if sessions keep ending at
    /// once.
    pub(crate) fn after(&mut self, plan: &Plan, lasted: Duration) -> Result<Duration, Error> {
        self.backoff(lasted).ok_or_else(|| {
            let name = &plan.target_name;
            let message = format!(
                "{MAX_SHORT_SESSIONS} sessions in a row ended with a run of `{name}` as soon as they had begun"
            );
            Error::new(ErrorKind::Gone, message).hint(format!("`scratchdbg why {name}` says why it ends"))
        })
    }

    fn backoff(&mut self, lasted: Duration) -> Option<Duration> {
        if lasted >= SHORT_SESSION {
            *self = Self::default();
            return Some(Duration::ZERO);
        }
        self.short_sessions += 1;
        // The first short session may be a coincidence: retry it without delay.
        let times = 2_u32.saturating_pow(self.short_sessions - 1) - 1;
        (self.short_sessions < MAX_SHORT_SESSIONS)
            .then(|| POLL_INTERVAL.saturating_mul(times).min(MAX_BACKOFF))
    }
}

/// Waits until the target runs again, and plans a session for that run. If the run is already over
/// when the session is planned, keeps waiting, because a copy of the target would be no substitute.
pub(crate) async fn wait<B: SessionBackend>(
    backend: &B,
    last: &B::Plan,
    user: &impl User,
    prepare: impl AsyncFn() -> Result<B::Plan, Error>,
) -> Result<B::Plan, Error> {
    user.tell(Notice::WaitsForRun(last.as_ref()));
    let state = async || {
        let name = &last.as_ref().target_name;
        backend
            .state(last)
            .await
            .map_err(|error| if error.is_absent() { removed(name) } else { error })
    };
    loop {
        if state().await? == Phase::Running {
            match prepare().await {
                Ok(plan)
                    if plan.as_ref().mode() == last.as_ref().mode()
                        || plan.as_ref().mode() != Mode::Copy =>
                {
                    user.tell(Notice::RunsAgain);
                    return Ok(plan);
                }
                Err(error) if state().await? == Phase::Running => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// A target that was removed has no next run. Another may have its name by now.
fn removed(name: &str) -> Error {
    Error::new(ErrorKind::Gone, format!("`{name}` was removed: there is no next run to follow"))
        .hint(format!(
            "one that was made anew under this name is another: `scratchdbg attach {name}`"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_whose_sessions_end_at_once_is_not_followed_for_ever() {
        let mut runs = RestartBackoff::default();
        let backoffs: Vec<_> =
            std::iter::from_fn(|| runs.backoff(Duration::from_millis(300))).collect();
        assert_eq!(backoffs.len(), 9);
        assert_eq!(backoffs[0], Duration::ZERO);
        assert!(backoffs.is_sorted() && backoffs.iter().all(|backoff| *backoff <= MAX_BACKOFF));
        // A session that lasts resets the count.
        let mut runs = RestartBackoff::default();
        for lasted in
            [0, 1, 60_000, 0, 1, 60_000].map(Duration::from_millis).into_iter().cycle().take(100)
        {
            assert!(runs.backoff(lasted).is_some());
        }
    }
}
