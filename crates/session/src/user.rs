//! The caller's interface to a session: streams, a terminal, questions and notices.

use jiff::Timestamp;
use scratchdbg_backend::{Error, Interrupts, Phase, Plan, TargetEnd, Window};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// The client's standard streams. Without a terminal, standard output and standard error are
/// separate.
#[derive(Debug)]
pub struct Streams<I, O, E> {
    /// Forwarded to the command until its end of file. If absent, the command's input is empty.
    pub input: Option<I>,
    /// Receives the command's standard output; with a terminal, all of its output.
    pub output: O,
    /// Receives the command's standard error.
    pub error: E,
}

/// The streams of a user.
pub(crate) type StreamsOf<U> =
    Streams<<U as User>::Input, <U as User>::Output, <U as User>::Errors>;

/// The stage of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The session is about to start.
    Starting,
    /// The streams are connected: typed keys go to the command.
    Running,
    /// The streams seem to have ended early, and the platform is taking its time to tell the state
    /// of the command.
    Unclear,
    /// The streams have ended.
    Ending,
    /// The session is over, and everything it created on the platform is removed.
    Over,
}

/// An answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The user agreed.
    Given,
    /// The user declined, or there is no user to ask.
    Refused,
    /// A signal arrived instead; this is its exit code.
    Interrupted(u8),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEnd {
    /// The command exited with this code.
    Code(u8),
    /// The session's own container ran out of memory.
    OutOfMemory,
    /// The user pressed the detach keys, which end the session.
    Detached,
    /// The reader of one of the session's streams has left.
    OutputClosed,
    /// The keeper was removed or killed: somebody else ended the session.
    Removed,
    /// The copy could not be created, because this folder of the platform's host does not exist.
    SourceMissing(String),
    /// The target ended.
    WithTarget {
        /// How the target ended.
        end: TargetEnd,
        /// The last signal that arrived during the session, as an exit code.
        interrupted: Option<u8>,
        /// How long the session lasted.
        lasted: std::time::Duration,
    },
    /// The platform or its runtime refused to start the session.
    Refused(Error),
}

impl SessionEnd {
    /// The exit code of a session whose reader has left: that of a program that SIGPIPE ended. The
    /// command did not succeed, and the rest of its output is lost.
    pub const OUTPUT_CLOSED: u8 = 128 + 13;

    /// The exit code of a session that its user detached from: that of a program whose terminal
    /// hung up. The command did not end by itself.
    pub const DETACHED: u8 = 128 + 1;
}

/// Something that the user should know about.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// The toolkit image is being loaded.
    LoadsTools {
        /// Its name.
        image: &'a str,
        /// The origin of its busybox.
        origin: &'a str,
    },
    /// A session in another mode than the last one begins.
    Begins(&'a Plan),
    /// The copy is created again, without the missing sources.
    WithoutSources(&'a Plan),
    /// The platform refused an exec session. Falling back to a sidecar without capabilities.
    FallsBack {
        /// Why exec was refused.
        refusal: &'a Error,
    },
    /// A session with more rights than its keeper begins. No neighbor sees the target's processes.
    OutranksKeeper(&'a Plan),
    /// The user trusts neighbors that could take over the session or trace it.
    Trusts(&'a Plan),
    /// The session's own container ran out of memory.
    OutOfMemory(&'a Plan),
    /// The user detached, which ended the session.
    Detached,
    /// Somebody else ended the session.
    Removed,
    /// The command did not end in time after a signal, so the session was ended.
    Overdue {
        /// The plan.
        plan: &'a Plan,
        /// The target is paused.
        is_paused: bool,
    },
    /// The target ended, which ended the session.
    TargetEnded {
        /// The plan.
        plan: &'a Plan,
        /// How the target ended.
        end: TargetEnd,
        /// Waiting for its next run.
        followed: bool,
    },
    /// Waiting for the target's next run.
    WaitsForRun(&'a Plan),
    /// The target runs again.
    RunsAgain,
    /// The platform does not answer. The session ends without its confirmation.
    PlatformSilent {
        /// The platform's address.
        place: &'a str,
    },
    /// A failure after the user asked the session to end. It does not change the exit code.
    Failed(&'a Error),
}

impl Notice<'_> {
    /// Whether a target that ended in this phase can be followed to its next run.
    pub fn restarts(state: Phase) -> bool {
        matches!(state, Phase::Running | Phase::Restarting)
    }
}

/// The user of sessions, as the caller implements it.
pub trait User {
    /// Standard input.
    type Input: AsyncRead + Send + Unpin + 'static;
    /// Standard output.
    type Output: AsyncWrite + Unpin;
    /// Standard error.
    type Errors: AsyncWrite + Unpin;

    /// Returns the streams for one session.
    fn streams(&mut self) -> Streams<Self::Input, Self::Output, Self::Errors>;

    /// Returns the size of the terminal, initially and at each change.
    fn windows(&mut self) -> Result<watch::Receiver<Option<Window>>, Error>;

    /// Notifies that the session has reached a stage. Fails if the terminal cannot be set up for
    /// it.
    fn enter(&self, stage: Stage, plan: &Plan) -> Result<(), Error>;

    /// Reports a notice.
    fn tell(&self, notice: Notice<'_>);

    /// Asks the user to agree to capabilities that nobody asked for. `refusal` explains why the
    /// session needs them.
    fn agree(
        &mut self,
        plan: &Plan,
        refusal: &Error,
        interrupts: &mut Interrupts,
    ) -> impl Future<Output = Consent>;

    /// Notifies that a session begins. An error prevents the session.
    fn begins(&mut self, plan: &Plan, at: Timestamp) -> Result<(), Error>;

    /// Notifies that the session that began at this time has ended.
    fn ended(
        &mut self,
        plan: &Plan,
        began: Timestamp,
        end: &Result<SessionEnd, Error>,
    ) -> Result<(), Error>;
}
