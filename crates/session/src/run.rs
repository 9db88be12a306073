//! From a request to an exit code: plans, falls back, and follows restarts.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use scratchdbg_backend::{
    Error, ErrorKind, Interrupts, Mode, Plan, PlanRequest, SessionBackend, SessionTarget, ToolSource,
};

use crate::attempt::{self, Attempt, Outcome};
use crate::neighbours;
use crate::runs::{self, Runs};
use crate::user::{Consent, Ended, Notice, Stage, User};

/// Ctrl-C, in a terminal where it is a key.
const BY_CTRL_C: u8 = 130;

/// What is left of a session that was killed with its target.
const KILLED: u8 = 137;

/// What a user asks of a session.
#[derive(Debug, Clone)]
pub struct Request {
    /// What it is to run in.
    pub target: SessionTarget,
    /// How.
    pub plan: PlanRequest,
    /// Go on although something beside the session could gain its rights.
    pub trust_neighbours: bool,
    /// Attach again when the target runs again.
    pub follow_restarts: bool,
}

/// Says what would be done: the plan of a session, without anything that changes the platform.
pub async fn plan<B: SessionBackend>(
    backend: &B,
    request: &Request,
    looked: Option<B::Target>,
    tools: &impl ToolSource,
) -> Result<B::Plan, Error> {
    let target = match looked {
        Some(looked) => looked,
        None => backend.look(&request.target, true).await?,
    };
    backend.plan(target, &request.plan, tools).await
}

/// Runs a session, and those that follow it: the exit code. A signal ends it, and is the code then.
pub async fn run<B: SessionBackend, U: User>(
    backend: &B,
    mut request: Request,
    looked: Option<B::Target>,
    tools: &impl ToolSource,
    user: &mut U,
    interrupts: &mut Interrupts,
) -> Result<u8, Error> {
    let planned = Box::pin(plan(backend, &request, looked, tools));
    let mut plan = match interrupts.race(backend.scope(), planned).await {
        Ok(plan) => plan?,
        Err(code) => return Ok(code),
    };
    if let Some(code) = allow(backend, &request, &plan, None, user, interrupts).await? {
        return Ok(code);
    }
    user.tell(Notice::Begins(plan.as_ref()));
    let mut runs = Runs::default();
    loop {
        let began = jiff::Timestamp::now();
        user.begins(plan.as_ref(), began)?;
        let ended = session(backend, &plan, user, interrupts).await;
        user.ended(plan.as_ref(), began, &ended)?;
        let view: &Plan = plan.as_ref();
        let next = match ended? {
            Ended::Code(code) => return Ok(code),
            Ended::WithoutSource(path) => {
                request.plan.missing_sources.push(path);
                Next::Again
            }
            // The keeper that was found may be the one whose time was up in between.
            Ended::Refused(refusal) if view.has_keeper() => {
                tracing::debug!(refusal = refusal.message, "once more, with a keeper of our own");
                Next::Again
            }
            Ended::Refused(refusal) if request.plan.mode.is_some() || view.mode() != Mode::Exec => return Err(refusal),
            Ended::Refused(refusal) => Next::Beside(refusal),
            Ended::OutOfMemory => {
                user.tell(Notice::OutOfMemory(view));
                return Ok(KILLED);
            }
            Ended::OutputClosed => return Ok(Ended::OUTPUT_CLOSED),
            Ended::Detached => {
                user.tell(Notice::Detached);
                return Ok(0);
            }
            Ended::WithTarget { end, interrupted, lasted } => {
                user.tell(Notice::TargetEnded { plan: view, end, followed: request.follow_restarts });
                match (request.follow_restarts, interrupted) {
                    (false, _) => return Ok(KILLED),
                    // It was for the command, which is gone. What was asked for is an end.
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

/// What a further session is to be, after one that ended before its command did.
#[derive(Debug)]
enum Next {
    /// The same, with what has been learnt.
    Again,
    /// Beside the target, which refuses to be joined for this reason.
    Beside(Error),
    /// In the target's next run, looked for after so long.
    Run(Duration),
}

/// Plans a further session. It goes through all that the first one went through: what was allowed then may be another thing now. A
/// signal ends it: the exit code that it stands for.
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
        Next::Beside(why) => {
            (further.mode, further.is_fallback) = (Some(Mode::Sidecar), true);
            refusal = Some(why);
            None
        }
        Next::Run(pause) => {
            // Its name may be another's by now.
            request.target = SessionTarget::Container(last.as_ref().target_id.parse()?);
            Some(pause)
        }
    };
    let target = &request.target;
    let prepare = async || backend.plan(backend.look(target, false).await?, &further, tools).await;
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

/// Has all agreed to and looked for that a session of this plan takes, each time one begins. A signal ends it: the exit code that it
/// stands for.
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
        let given = format!("as {} with {}", view.user, view.unasked().join(" and "));
        let refusal = refusal.unwrap_or_else(|| {
            let message = format!("a session beside `{}` would be {given}, which nobody asked for", view.target_name);
            Error::new(ErrorKind::Unsupported, message)
        });
        let refusal = refusal.hint(format!("--mode sidecar agrees to a container beside it, {given}"));
        match user.agree(view, &refusal, interrupts).await {
            Consent::Given => {}
            Consent::Refused => return Err(refusal),
            Consent::Interrupted(code) => return Ok(Some(code)),
        }
    }
    let checked = neighbours::check(backend, plan, request.trust_neighbours, user);
    match interrupts.race(backend.scope(), Box::pin(checked)).await {
        Ok(checked) => checked.map(|()| None),
        Err(code) => Ok(Some(code)),
    }
}

/// Runs one session on the user's own streams.
async fn session<B: SessionBackend, U: User>(
    backend: &B,
    plan: &B::Plan,
    user: &mut U,
    interrupts: &mut Interrupts,
) -> Result<Ended, Error> {
    let view: &Plan = plan.as_ref();
    let windows = user.windows()?;
    let streams = user.streams();
    let user = &*user;
    let (began, lasted) = (Cell::new(None), Cell::new(Duration::ZERO));
    let failure = RefCell::new(None);
    let enter = |stage| {
        match stage {
            Stage::Running => began.set(Some(Instant::now())),
            Stage::Ending => lasted.set(began.get().map(|began: Instant| began.elapsed()).unwrap_or_default()),
            Stage::Starting | Stage::Unclear | Stage::Over => {}
        }
        user.enter(stage, view).inspect_err(|error| *failure.borrow_mut() = Some(error.clone()))
    };
    enter(Stage::Starting)?;
    let attempt = attempt::attempt(backend, plan, streams, windows, interrupts, &enter).await;
    let Attempt { outcome, interrupted, overdue } = attempt;
    // Before anything is printed, the terminal is given back.
    let over = enter(Stage::Over);
    if let Some(error) = failure.into_inner() {
        return Err(error);
    }
    over?;
    if let Some(is_paused) = overdue {
        user.tell(Notice::Overdue { plan: view, is_paused });
    }
    let by_interrupt = if interrupted == 0 { BY_CTRL_C } else { interrupted };
    let outcome = match outcome {
        Err(Error { kind: ErrorKind::SourceGone { path }, .. }) => return Ok(Ended::WithoutSource(path)),
        Err(error) if error.is_exec_refusal() => return Ok(Ended::Refused(error)),
        // What the user asked for comes first; that it was not done well is said.
        Err(error) if interrupted != 0 => {
            user.tell(Notice::Failed(&error));
            return Ok(Ended::Code(interrupted));
        }
        // One that lingered may be gone, or be none.
        Err(error) if error.kind == ErrorKind::Keeper && view.has_keeper() => return Ok(Ended::Refused(error)),
        outcome => outcome?,
    };
    Ok(match outcome {
        Outcome::Exited(code) => Ended::Code(code),
        Outcome::Interrupted => Ended::Code(by_interrupt),
        Outcome::PlatformSilent => {
            user.tell(Notice::PlatformSilent { place: &backend.place() });
            Ended::Code(by_interrupt)
        }
        Outcome::OutputClosed => Ended::OutputClosed,
        Outcome::OutOfMemory => Ended::OutOfMemory,
        Outcome::Detached => Ended::Detached,
        Outcome::TargetEnded(end) => {
            let interrupted = (interrupted != 0).then_some(interrupted);
            Ended::WithTarget { end, interrupted, lasted: lasted.get() }
        }
    })
}
