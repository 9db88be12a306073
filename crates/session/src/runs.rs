//! The end of a target during a session, and its next run.

use std::time::Duration;

use scratchdbg_backend::{Error, ErrorKind, Mode, Phase, Plan, SessionBackend};

use crate::user::{Notice, User};

/// How often a target is looked at that does not run.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A session that lasted less was over as soon as it began, if it began at all.
const AT_ONCE: Duration = Duration::from_secs(2);

/// So many of those in a row, and it is given up.
const MOST: u32 = 10;

/// The longest pause before the next.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The runs of a target that is followed.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    over_at_once: u32,
}

impl Runs {
    /// How long to wait before the next run is looked for. Fails when no session lasts any more.
    pub(crate) fn after(&mut self, plan: &Plan, lasted: Duration) -> Result<Duration, Error> {
        self.pause(lasted).ok_or_else(|| {
            let name = &plan.target_name;
            let message = format!("{MOST} sessions in a row ended with a run of `{name}` as soon as they had begun");
            Error::new(ErrorKind::Gone, message).hint(format!("`scratchdbg why {name}` says why it ends"))
        })
    }

    fn pause(&mut self, lasted: Duration) -> Option<Duration> {
        if lasted >= AT_ONCE {
            *self = Self::default();
            return Some(Duration::ZERO);
        }
        self.over_at_once += 1;
        // The first may be chance.
        let times = 2_u32.saturating_pow(self.over_at_once - 1) - 1;
        (self.over_at_once < MOST).then(|| LOOK_EVERY.saturating_mul(times).min(LONGEST_PAUSE))
    }
}

/// Waits until the target runs again, and makes a plan for that run. It may be over by the time that it is looked at: a copy of it is
/// not what is waited for.
pub(crate) async fn wait<B: SessionBackend>(
    backend: &B,
    last: &B::Plan,
    user: &impl User,
    prepare: impl AsyncFn() -> Result<B::Plan, Error>,
) -> Result<B::Plan, Error> {
    user.tell(Notice::WaitsForRun(last.as_ref()));
    loop {
        if backend.state(last).await? == Phase::Running {
            match prepare().await {
                Ok(plan) if plan.as_ref().mode() == last.as_ref().mode() || plan.as_ref().mode() != Mode::Copy => {
                    user.tell(Notice::RunsAgain);
                    return Ok(plan);
                }
                Err(error) if backend.state(last).await? == Phase::Running => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_whose_sessions_end_at_once_is_not_followed_for_ever() {
        let mut runs = Runs::default();
        let pauses: Vec<_> = std::iter::from_fn(|| runs.pause(Duration::from_millis(300))).collect();
        assert_eq!(pauses.len(), 9);
        assert_eq!(pauses[0], Duration::ZERO);
        assert!(pauses.is_sorted() && pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        // A session that lasts begins anew.
        let mut runs = Runs::default();
        for lasted in [0, 1, 60_000, 0, 1, 60_000].map(Duration::from_millis).into_iter().cycle().take(100) {
            assert!(runs.pause(lasted).is_some());
        }
    }
}
