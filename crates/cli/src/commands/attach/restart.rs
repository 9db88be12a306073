//! The end of a target during a session, and its next run.

use std::time::Duration;

use scratchdbg_engine::{Engine, Plan, State};

use crate::error::CommandError;
use crate::printer::Printer;

/// How a target ended.
#[derive(Debug)]
pub(super) struct TargetEnd {
    pub(super) state: State,
    pub(super) exit_code: Option<i64>,
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

/// Waits until the target runs again.
pub(super) async fn wait(engine: &Engine, plan: &Plan, printer: Printer) -> Result<(), CommandError> {
    const LOOK_EVERY: Duration = Duration::from_millis(100);
    let target = plan.target_id.parse()?;
    printer.note(&format!("waiting for `{}` to run again; Ctrl-C ends the wait", plan.target_name));
    loop {
        if engine.inspect(&target).await?.state == State::Running {
            printer.note("it runs again: attached");
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
