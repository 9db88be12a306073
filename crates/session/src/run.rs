//! Runs a request to its exit code: plans sessions, falls back to another mode, and follows
//! restarts of the target.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use scratchdbg_backend::{
    Error, ErrorKind, Interrupts, Mode, Plan, PlanRequest, SessionBackend, SessionTarget,
    ToolSource,
};

use crate::attempt::{self, Attempt, AttemptEnd};
use crate::neighbors;
use crate::pass;
use crate::runs::{self, RestartBackoff};
use crate::user::{Consent, Notice, SessionEnd, Stage, User};

/// The exit code for Ctrl-C in a terminal in raw mode, where it is a key and not a signal.
const BY_CTRL_C: u8 = 130;

/// The exit code of a session that was killed: with its target, with its keeper, or for memory.
const KILLED: u8 = 137;

/// A user's request for a session.
#[derive(Debug, Clone)]
pub struct Request {
    /// The target.
    pub target: SessionTarget,
    /// The options that the plan depends on.
    pub plan: PlanRequest,
    /// Continue although a neighbor could gain the session's rights.
    pub trust_neighbors: bool,
    /// Attach again when the target runs again.
    pub follow_restarts: bool,
}

/// Plans a session without changing anything on the platform.
pub async fn plan<B: SessionBackend>(
    backend: &B,
    request: &Request,
    inspected: Option<B::Target>,
    tools: &impl ToolSource,
) -> Result<B::Plan, Error> {
    let target = match inspected {
        Some(inspected) => inspected,
        None => backend.inspect(&request.target, true).await?,
    };
    backend.plan(target, &request.plan, tools).await
}

/// Runs a session, and the ones that follow it. Returns the exit code. A signal ends the session
/// and determines the exit code.
pub async fn run<B: SessionBackend, U: User>(
    backend: &B,
    mut request: Request,
    inspected: Option<B::Target>,
    tools: &impl ToolSource,
    user: &mut U,
    interrupts: &mut Interrupts,
) -> Result<u8, Error> {
    let planned = Box::pin(plan(backend, &request, inspected, tools));
    let mut plan = match interrupts.race(backend.scope(), planned).await {
        Ok(plan) => plan?,
        Err(code) => return Ok(code),
    };
    if let Some(code) = allow(backend, &request, &plan, None, user, interrupts).await? {
        return Ok(code);
    }
    user.tell(Notice::Begins(plan.as_ref()));
    let mut runs = RestartBackoff::default();
    loop {
        let began = jiff::Timestamp::now();
        user.begins(plan.as_ref(), began)?;
        let ended = session(backend, &plan, user, interrupts).await;
        user.ended(plan.as_ref(), began, &ended)?;
        let view: &Plan = plan.as_ref();
        let next = match ended? {
            SessionEnd::Code(code) => return Ok(code),
            SessionEnd::SourceMissing(path) => {
                request.plan.missing_sources.push(path);
                Next::Again
            }
            // The lingering keeper may have ended in the meantime.
            SessionEnd::Refused(refusal) if view.has_keeper() => {
                tracing::debug!(refusal = refusal.message, "once more, with a keeper of our own");
                Next::Again
            }
            SessionEnd::Refused(refusal)
                if request.plan.mode.is_some() || view.mode() != Mode::Exec =>
            {
                return Err(refusal);
            }
            SessionEnd::Refused(refusal) => Next::Fallback(refusal),
            SessionEnd::OutOfMemory => {
                user.tell(Notice::OutOfMemory(view));
                return Ok(KILLED);
            }
            SessionEnd::OutputClosed => return Ok(SessionEnd::OUTPUT_CLOSED),
            SessionEnd::Detached => {
                user.tell(Notice::Detached);
                return Ok(SessionEnd::DETACHED);
            }
            SessionEnd::Removed => {
                user.tell(Notice::Removed);
                return Ok(KILLED);
            }
            SessionEnd::WithTarget { end, interrupted, lasted } => {
                user.tell(Notice::TargetEnded {
                    plan: view,
                    end,
                    followed: request.follow_restarts,
                });
                match (request.follow_restarts, interrupted) {
                    (false, _) => return Ok(KILLED),
                    // The signal was for the command, which is gone. The user wanted an end, so do
                    // not follow the restart.
                    (true, Some(code)) => return Ok(code),
                    (true, None) => Next::Run(runs.after(view, lasted)?),
                }
            }
        };
        plan = match again(backend, &mut request, &plan, next, tools, user, interrupts).await? {
            Ok(plan) => plan,
            Err(code) => return Ok(code),
        };
    }
}

/// The next session, after one that ended before its command did.
#[derive(Debug)]
enum Next {
    /// Retry in the same mode, with what the last session revealed.
    Again,
    /// Run beside the target, because the platform refused to start a process inside it for this
    /// reason.
    Fallback(Error),
    /// Run in the target's next run. Wait this long before looking for it.
    Run(Duration),
}

/// Plans the next session. All checks are repeated, because the facts may have changed. If a signal
/// arrives, returns its exit code.
async fn again<B: SessionBackend>(
    backend: &B,
    request: &mut Request,
    last: &B::Plan,
    next: Next,
    tools: &impl ToolSource,
    user: &mut impl User,
    interrupts: &mut Interrupts,
) -> Result<Result<B::Plan, u8>, Error> {
    let mut further = request.plan.clone();
    let mut refusal = None;
    let is_other = !matches!(next, Next::Again);
    let follows = match next {
        Next::Again => None,
        Next::Fallback(why) => {
            (further.mode, further.is_fallback) = (Some(Mode::Sidecar), true);
            refusal = Some(why);
            None
        }
        Next::Run(pause) => {
            // Another container may have this name by now.
            request.target = SessionTarget::Container(last.as_ref().target_id.parse()?);
            Some(pause)
        }
    };
    let target = &request.target;
    let prepare =
        async || backend.plan(backend.inspect(target, false).await?, &further, tools).await;
    let teller = &*user;
    let planned = async {
        let Some(pause) = follows else { return prepare().await };
        tokio::time::sleep(pause).await;
        runs::wait(backend, last, teller, prepare).await
    };
    let plan = match interrupts.race(backend.scope(), Box::pin(planned)).await {
        Ok(plan) => plan?,
        Err(code) => return Ok(Err(code)),
    };
    let view: &Plan = plan.as_ref();
    if let Some(refusal) = refusal.as_ref().filter(|_| view.unasked().is_empty()) {
        user.tell(Notice::FallsBack { refusal });
    }
    if let Some(code) = allow(backend, request, &plan, refusal, user, interrupts).await? {
        return Ok(Err(code));
    }
    if is_other || view.mode() != last.as_ref().mode() {
        user.tell(Notice::Begins(view));
    } else {
        user.tell(Notice::WithoutSources(view));
    }
    Ok(Ok(plan))
}

/// Asks for the user's consent and checks the neighbors, before each session. The neighbors are
/// looked for once more after the consent, which may have taken a while. If a signal arrives,
/// returns its exit code.
async fn allow<B: SessionBackend>(
    backend: &B,
    request: &Request,
    plan: &B::Plan,
    refusal: Option<Error>,
    user: &mut impl User,
    interrupts: &mut Interrupts,
) -> Result<Option<u8>, Error> {
    let view: &Plan = plan.as_ref();
    if !view.unasked().is_empty() {
        // Nobody is asked for what is refused anyway.
        let looked = neighbors::look(backend, plan, request.trust_neighbors);
        match interrupts.race(backend.scope(), Box::pin(looked)).await {
            Ok(looked) => looked?,
            Err(code) => return Ok(Some(code)),
        }
        let given = format!("as {} with {}", view.user, view.unasked().join(" and "));
        let refusal = refusal.unwrap_or_else(|| {
            let message = format!(
                "a session beside `{}` would be {given}, which nobody asked for",
                view.target_name
            );
            Error::new(ErrorKind::Unsupported, message)
        });
        // What starts inside the target can be made to fail by the target: that earns no offer.
        let is_of_target = refusal.kind == ErrorKind::NotStarted;
        let refusal = refusal.hint(format!("--mode sidecar agrees to a sidecar {given}"));
        if is_of_target {
            return Err(refusal);
        }
        match user.agree(view, &refusal, interrupts).await {
            Consent::Given => {}
            Consent::Refused => return Err(refusal),
            Consent::Interrupted(code) => return Ok(Some(code)),
        }
    }
    let checked = neighbors::check(backend, plan, request.trust_neighbors, user);
    match interrupts.race(backend.scope(), Box::pin(checked)).await {
        Ok(checked) => checked.map(|()| None),
        Err(code) => Ok(Some(code)),
    }
}

/// Runs one session with the user's streams.
async fn session<B: SessionBackend, U: User>(
    backend: &B,
    plan: &B::Plan,
    user: &mut U,
    interrupts: &mut Interrupts,
) -> Result<SessionEnd, Error> {
    let view: &Plan = plan.as_ref();
    let windows = user.windows()?;
    let streams = user.streams();
    let user = &*user;
    let (began, lasted) = (Cell::new(None), Cell::new(Duration::ZERO));
    let failure = RefCell::new(None);
    let enter = |stage| {
        match stage {
            Stage::Running => began.set(Some(Instant::now())),
            Stage::Ending => {
                lasted.set(began.get().map(|began: Instant| began.elapsed()).unwrap_or_default());
            }
            Stage::Starting | Stage::Unclear | Stage::Over => {}
        }
        user.enter(stage, view).inspect_err(|error| *failure.borrow_mut() = Some(error.clone()))
    };
    enter(Stage::Starting)?;
    let attempt =
        attempt::attempt::<B, U>(backend, plan, streams, windows, interrupts, &enter).await;
    let Attempt { outcome, interrupted, overdue } = attempt;
    // Restore the terminal before anything is printed.
    let over = enter(Stage::Over);
    if let Some(error) = failure.into_inner() {
        return Err(error);
    }
    over?;
    if let Some(is_paused) = overdue {
        user.tell(Notice::Overdue { plan: view, is_paused });
    }
    let outcome = outcome.and_then(|end| match end {
        // A signal that came before the launcher could pass it on ends the launcher.
        AttemptEnd::Unrecorded(code) if code != interrupted => {
            Err(pass::unrecorded(view.platform, code))
        }
        AttemptEnd::Lost(error) => Err(error),
        end => Ok(end),
    });
    let by_interrupt = if interrupted == 0 { BY_CTRL_C } else { interrupted };
    let outcome = match outcome {
        Err(Error { kind: ErrorKind::SourceGone { path }, .. }) => {
            return Ok(SessionEnd::SourceMissing(path));
        }
        Err(error) if error.is_exec_refusal() => return Ok(SessionEnd::Refused(error)),
        // The user's request to stop takes precedence. The failure is only reported.
        Err(error) if interrupted != 0 => {
            user.tell(Notice::Failed(&error));
            return Ok(SessionEnd::Code(interrupted));
        }
        // The lingering keeper may be gone, or another process may have its id.
        Err(error) if error.kind == ErrorKind::Keeper && view.has_keeper() => {
            return Ok(SessionEnd::Refused(error));
        }
        outcome => outcome?,
    };
    Ok(match outcome {
        AttemptEnd::Exited(code) | AttemptEnd::Unrecorded(code) => SessionEnd::Code(code),
        // The error of a lost platform was taken out above.
        AttemptEnd::Interrupted | AttemptEnd::Lost(_) => SessionEnd::Code(by_interrupt),
        AttemptEnd::PlatformSilent => {
            user.tell(Notice::PlatformSilent { place: &backend.place() });
            SessionEnd::Code(by_interrupt)
        }
        AttemptEnd::OutputClosed => SessionEnd::OutputClosed,
        AttemptEnd::OutOfMemory => SessionEnd::OutOfMemory,
        AttemptEnd::Removed => SessionEnd::Removed,
        AttemptEnd::Detached => SessionEnd::Detached,
        AttemptEnd::TargetEnded(end) => {
            let interrupted = (interrupted != 0).then_some(interrupted);
            SessionEnd::WithTarget { end, interrupted, lasted: lasted.get() }
        }
    })
}
