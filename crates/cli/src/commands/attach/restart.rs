//! The end of a target during a session, and its next run.

use std::time::Duration;

use scratchdbg_docker::{Engine, Mode, Plan, State};

use crate::error::CommandError;
use crate::printer::Printer;

/// How often a target is looked at that does not run.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A session that lasted less was over as soon as it began, if it began at all.
const AT_ONCE: Duration = Duration::from_secs(2);

/// So many of those in a row, and it is given up.
const MOST: u32 = 10;

/// The longest pause before the next.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a target ended.
#[derive(Debug)]
pub(super) struct TargetEnd {
    pub(super) state: State,
    pub(super) exit_code: Option<i64>,
    /// The signal that came during the session, as an exit code.
    pub(super) interrupted: Option<u8>,
    /// For how long there was a session.
    pub(super) lasted: Duration,
}

/// The runs of a target that is followed.
#[derive(Debug, Default)]
pub(super) struct Runs {
    over_at_once: u32,
}

impl Runs {
    /// How long to wait before the next run is looked for. Fails when no session lasts any more.
    pub(super) fn after(&mut self, plan: &Plan, lasted: Duration) -> Result<Duration, CommandError> {
        self.pause(lasted).ok_or_else(|| {
            let name = &plan.target_name;
            let message = format!("{MOST} sessions in a row ended with a run of `{name}` as soon as they had begun");
            CommandError::new(message).hint(format!("`scratchdbg why {name}` says why it ends"))
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

/// Says that the session was killed with its target, and what to do, unless its next run is waited for.
pub(super) fn report(plan: &Plan, end: &TargetEnd, followed: bool, printer: Printer) {
    let name = &plan.target_name;
    let how = match end.exit_code {
        Some(code) => format!("ended with exit code {code}"),
        None => "ended".to_owned(),
    };
    printer.warning(&format!("container `{name}` {how}, and the session with it; it is {} now", end.state.as_str()));
    match end.state {
        _ if followed => {}
        State::Running | State::Restarting => printer.hint(
            "--mode copy looks into a copy of it, which does not end with it; --follow-restarts attaches to its next run",
        ),
        _ => printer.hint(&format!("`scratchdbg logs {name}` shows what it said")),
    }
}

/// Waits until the target runs again, and makes a plan for that run. It may be over by the time that it is looked at: a copy of it is
/// not what is waited for.
pub(super) async fn wait(
    engine: &Engine,
    last: &Plan,
    printer: Printer,
    prepare: impl AsyncFn() -> Result<Plan, CommandError>,
) -> Result<Plan, CommandError> {
    let target = last.target_id.parse()?;
    printer.note(&format!("waiting for `{}` to run again; Ctrl-C ends the wait", last.target_name));
    loop {
        if engine.inspect(&target).await?.state == State::Running {
            match prepare().await {
                Ok(plan) if plan.mode == last.mode || plan.mode != Mode::Copy => {
                    printer.note("it runs again");
                    return Ok(plan);
                }
                Err(error) if engine.inspect(&target).await?.state == State::Running => return Err(error),
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
