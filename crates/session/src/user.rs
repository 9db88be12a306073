//! The user's side of a session: streams, a terminal, questions and words.

use jiff::Timestamp;
use scratchdbg_backend::{Error, Interrupts, Phase, Plan, TargetEnd, Window};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// The client's standard streams. Without a terminal, standard output and standard error stay apart.
#[derive(Debug)]
pub struct Streams<I, O, E> {
    /// Passed on to the command until its end of file. Without one, the command reads an end of file at once.
    pub input: Option<I>,
    /// The command's standard output; with a terminal, all that it shows.
    pub output: O,
    /// The command's standard error.
    pub error: E,
}

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is about to be started.
    Starting,
    /// Its streams stand: what is typed is for the command.
    Running,
    /// They have ended before their time, it seems: the platform is asked how the command is, and takes its time.
    Unclear,
    /// They have ended.
    Ending,
    /// It is over, and what it had on the platform is removed.
    Over,
}

/// An answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Given,
    /// No, or there is nobody to ask.
    Refused,
    /// A signal came instead: the exit code that it stands for.
    Interrupted(u8),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(u8),
    /// Its own container ran out of memory.
    OutOfMemory,
    /// The user left it by the detach keys, which end it.
    Detached,
    /// Nobody reads what it writes any more, on one of its streams at least.
    OutputClosed,
    /// A copy could not be made with a folder of the platform's machine that is not there.
    WithoutSource(String),
    /// With its target.
    WithTarget {
        /// How that ended.
        end: TargetEnd,
        /// The signal that came during the session, as an exit code.
        interrupted: Option<u8>,
        /// For how long there was a session.
        lasted: std::time::Duration,
    },
    /// The platform or its runtime did not start it.
    Refused(Error),
}

impl Ended {
    /// The exit code of a session whose reader has left: that of a program that SIGPIPE ends. The command did not end well, and
    /// what it would have written is lost.
    pub const OUTPUT_CLOSED: u8 = 128 + 13;
}

/// Something that the user should know.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// The toolkit image is being loaded.
    LoadsTools {
        /// Its name.
        image: &'a str,
        /// Where the busybox in it comes from.
        origin: &'a str,
    },
    /// A session of another kind than the last one begins.
    Begins(&'a Plan),
    /// A copy is made once more, without what is gone.
    WithoutSources(&'a Plan),
    /// The session cannot be inside the target; one beside it is tried, which has no capability either.
    FallsBack {
        /// Why.
        refusal: &'a Error,
    },
    /// A session with more rights than its keeper begins, and nothing else sees the target's processes.
    OutranksKeeper(&'a Plan),
    /// The user trusts what could take a session's place, or trace it.
    Trusts(&'a Plan),
    /// The session's own container ran out of memory.
    OutOfMemory(&'a Plan),
    /// The user has left the session, which has ended.
    Detached,
    /// The command did not end in time after a signal: the session was ended.
    Overdue {
        /// The plan.
        plan: &'a Plan,
        /// The target is paused.
        is_paused: bool,
    },
    /// The target ended, and the session with it.
    TargetEnded {
        /// The plan.
        plan: &'a Plan,
        /// How.
        end: TargetEnd,
        /// Its next run is waited for.
        followed: bool,
    },
    /// The target's next run is waited for.
    WaitsForRun(&'a Plan),
    /// It runs again.
    RunsAgain,
    /// The platform does not answer: the session is ended without it.
    PlatformSilent {
        /// Where it is.
        place: &'a str,
    },
    /// What the user asked for comes first; this went wrong meanwhile.
    Failed(&'a Error),
}

impl Notice<'_> {
    /// Whether a target that ended like this may be attached to again by following it.
    pub fn restarts(state: Phase) -> bool {
        matches!(state, Phase::Running | Phase::Restarting)
    }
}

/// The user of a session.
pub trait User {
    /// What is read.
    type Input: AsyncRead + Send + Unpin + 'static;
    /// What standard output is written to.
    type Output: AsyncWrite + Unpin;
    /// What standard error is written to.
    type Errors: AsyncWrite + Unpin;

    /// The streams of one session.
    fn streams(&mut self) -> Streams<Self::Input, Self::Output, Self::Errors>;

    /// The size of the terminal, now and at each change.
    fn windows(&mut self) -> Result<watch::Receiver<Option<Window>>, Error>;

    /// The session is at this stage now. Fails if the terminal cannot be set up for it.
    fn enter(&self, stage: Stage, plan: &Plan) -> Result<(), Error>;

    /// Something that the user should know.
    fn tell(&self, notice: Notice<'_>);

    /// Asks the user to agree to the capabilities that nobody asked for; `refusal` is why the session needs them.
    fn agree(&mut self, plan: &Plan, refusal: &Error, interrupts: &mut Interrupts) -> impl Future<Output = Consent>;

    /// A session begins. If this fails, there is none.
    fn begins(&mut self, plan: &Plan, at: Timestamp) -> Result<(), Error>;

    /// A session that began at this time has ended.
    fn ended(&mut self, plan: &Plan, began: Timestamp, end: &Result<Ended, Error>) -> Result<(), Error>;
}
