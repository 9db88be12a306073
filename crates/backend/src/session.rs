//! The interface that `scratchdbg-session` runs sessions through.

mod tools;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use scratchdbg_logs::frame::Stream;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};

pub use self::tools::{ImageTool, ToolSource, ToolStore, ToolsImage};
use crate::launcher::KeeperAddress;
use crate::{ContainerName, Error, Mode, Phase, Plan, Scope};

/// Returns a unique id: 64 random bits in hexadecimal.
pub fn session_id() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    // The standard library seeds each `RandomState` with the system's random numbers.
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// The part of a user's request that the plan depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// The command and its arguments; empty for an interactive shell.
    pub command: Vec<String>,
    /// The mode; chosen automatically if absent.
    pub mode: Option<Mode>,
    /// The user did not choose the mode: the first one was refused.
    pub is_fallback: bool,
    /// The user, as `user[:group]`.
    pub user: Option<String>,
    /// The session gets a terminal.
    pub tty: bool,
    /// The client's `TERM`.
    pub term: Option<String>,
    /// The user's additions to the command's environment: `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Where the command starts: an absolute path in the target.
    pub workdir: Option<String>,
    /// Capabilities for the session.
    pub capabilities: Vec<String>,
    /// Security options that replace the target's, in the platform's syntax.
    pub security_options: Vec<String>,
    /// How long the keeper waits for the next session.
    pub linger: Option<std::time::Duration>,
    /// The detach keys, in the platform's syntax.
    pub detach_keys: Option<String>,
    /// A copy keeps all rights of the original.
    pub same_rights: bool,
    /// Folders of the platform's host that turned out to be missing.
    pub missing_sources: Vec<String>,
    /// Change nothing: the plan is only shown.
    pub dry_run: bool,
}

/// The object that a session debugs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionTarget {
    /// A container.
    Container(ContainerName),
    /// An image that the platform has, of which the session runs a copy.
    Image(String),
}

/// A platform that can run sessions. Cheap to clone.
pub trait SessionBackend: Clone + Send + Sync + 'static {
    /// The facts about a target.
    type Target: Send + Sync;
    /// The [plan](Plan) of a session, with the additional data that the platform needs.
    type Plan: AsRef<Plan> + Send + Sync;
    /// A keeper that has been started.
    type Keeper: KeeperHandle;
    /// A session's process.
    type Process: Process;

    /// The address of the platform, for messages: `the engine at unix:///run/docker.sock`.
    fn place(&self) -> String;

    /// The scope of the current command.
    fn scope(&self) -> &Scope;

    /// Whether the platform answers at all.
    fn is_there(&self) -> impl Future<Output = bool> + Send;

    /// Inspects a target, and finds lingering keepers if `with_keepers`.
    fn inspect(
        &self,
        target: &SessionTarget,
        with_keepers: bool,
    ) -> impl Future<Output = Result<Self::Target, Error>> + Send;

    /// Plans a session. Fails with [`Unsupported`](crate::ErrorKind::Unsupported) if no mode is
    /// possible.
    fn plan(
        &self,
        target: Self::Target,
        request: &PlanRequest,
        tools: &impl ToolSource,
    ) -> impl Future<Output = Result<Self::Plan, Error>> + Send;

    /// Returns the current phase of the plan's target.
    fn state(&self, plan: &Self::Plan) -> impl Future<Output = Result<Phase, Error>> + Send;

    /// Returns how the target ended, if it ended since the plan was made and the session depends on
    /// it.
    fn target_end(
        &self,
        plan: &Self::Plan,
    ) -> impl Future<Output = Result<Option<TargetEnd>, Error>> + Send;

    /// Lists the containers whose processes share the PID namespace of the plan's target, running
    /// ones and those that may be started.
    fn neighbors(
        &self,
        plan: &Self::Plan,
    ) -> impl Future<Output = Result<Vec<Neighbor>, Error>> + Send;

    /// Starts a keeper, or finds the plan's. Leaves nothing behind on failure.
    fn keep(
        &self,
        plan: &Self::Plan,
        session: &str,
    ) -> impl Future<Output = Result<Self::Keeper, Error>> + Send;

    /// Starts the session's process. Awaits `ready` immediately before.
    fn start(
        &self,
        plan: &Self::Plan,
        session: &str,
        command: Start<'_>,
        ready: impl Future<Output = Result<(), Error>> + Send,
    ) -> impl Future<Output = Result<Self::Process, Error>> + Send;

    /// Removes what earlier sessions left behind. Returns the number of removed objects.
    fn collect_garbage(&self) -> impl Future<Output = Result<usize, Error>> + Send;

    /// Removes what this command created, as far as its [`Scope`] knows and there is time.
    fn clean_up(&self) -> impl Future<Output = ()> + Send;
}

/// The parameters of a session's process.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// The address of the keeper.
    pub keeper: &'a KeeperAddress,
    /// The command line.
    pub command: Vec<String>,
    /// Additions to the environment.
    pub environment: Vec<String>,
    /// The client has input for the process.
    pub has_input: bool,
    /// The size of the client's terminal, if the process gets one and the size is known.
    pub window: Option<Window>,
}

/// A connection to a keeper's standard streams.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A keeper that has been started.
pub trait KeeperHandle: Send {
    /// Its container.
    fn container(&self) -> String;

    /// Returns the keeper's process id if the keeper is a lingering one from an earlier session.
    fn lingering_pid(&self) -> Option<u32>;

    /// Connects to the keeper. Call it only once.
    fn connect(&mut self) -> BoxFuture<'static, Result<Box<dyn Duplex>, Error>>;

    /// Keeps the keeper for further sessions. `pid` is its process id.
    fn linger(&mut self, session: &str, pid: u32)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns whether the keeper has exited, or is about to, although nobody told it to.
    fn is_gone(&mut self) -> impl Future<Output = bool> + Send;

    /// Returns whether a keeper that [is gone](Self::is_gone) ended its session itself, because the
    /// launcher was stopped, and was not killed or removed.
    fn has_ended_by_itself(&mut self) -> impl Future<Output = bool> + Send {
        async { false }
    }

    /// Waits until the keeper has exited, after it was told to. Removes it if it does not exit. A
    /// lingering keeper stays.
    fn end(self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes the keeper after a failed start.
    fn discard(self) -> impl Future<Output = ()> + Send;
}

/// A session's process.
pub trait Process: Send {
    /// A handle for queries about the process while its streams are in use.
    type Probe: Probe;
    /// The output of the process.
    type Output: Output;
    /// The input of the process.
    type Input: AsyncWrite + Send + Unpin + 'static;

    /// Takes its streams. Call it only once.
    fn streams(&mut self) -> Option<(Self::Output, Self::Input)>;

    /// Returns a handle for queries about the process.
    fn probe(&self) -> Self::Probe;

    /// Returns the detach keys as bytes; empty if there are none.
    fn detach_keys(&self) -> Vec<u8>;

    /// Determines the state of the process after `output` ended without the launcher's record.
    /// `is_detached`: the user typed the detach keys.
    fn end_of(
        &mut self,
        output: Self::Output,
        is_detached: bool,
    ) -> impl Future<Output = Result<ProcessEnd, Error>> + Send;

    /// Whether the process's own container ran out of memory.
    fn ran_out_of_memory(&mut self) -> impl Future<Output = bool> + Send;

    /// Removes what is left of the process. Its keeper is gone by then, so the process is ending.
    fn end(self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Queries about a process.
pub trait Probe: Clone + Send + Sync + 'static {
    /// Whether the platform reports that the process is running.
    fn is_running(&self) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Whether the platform can signal the process: only the first process of a container.
    fn can_signal(&self) -> bool;

    /// Sends a signal to the process.
    fn signal(&self, number: u8) -> impl Future<Output = Result<(), Error>> + Send;

    /// Resizes its terminal.
    fn resize(&self, window: Window) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The output of a process.
pub trait Output: Send {
    /// Returns the next chunk, or `None` at the end. The platform's own messages are not part of
    /// the output: [`Process::end_of`] returns them.
    fn next(&mut self) -> impl Future<Output = Result<Option<(Stream, Bytes)>, Error>> + Send;
}

/// The state of a process whose output has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEnd {
    /// The process exited with this code. The bytes are output that the platform held back; pass
    /// them on.
    Exited(u8, Vec<u8>),
    /// The process is still running; only the connection to it ended.
    StillRunning(Vec<u8>),
    /// The user detached.
    Detached,
    /// The platform cannot tell whether the process has exited.
    Unknown,
    /// The platform could not start it.
    NotStarted(Error),
    /// The platform is out of reach, on this connection and on others. The error tells how that was
    /// noticed.
    Lost(Error),
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
}

/// How a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetEnd {
    /// Its current phase.
    pub state: Phase,
    /// Its exit code, if the platform still knows it.
    pub exit_code: Option<i64>,
}

/// A container whose processes share a PID namespace with the target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbor {
    /// Its name, or its id if the name is not known.
    pub name: String,
    /// The bounding set of its processes.
    pub capabilities: u64,
}

/// The sessions on a platform.
pub trait SessionList: Clone + Send + Sync + 'static {
    /// Lists all sessions and what is left of ended ones, oldest first. The error tells why the
    /// list is incomplete, if the platform does not report all of them.
    fn sessions(&self)
    -> impl Future<Output = Result<(Vec<Session>, Option<Error>), Error>> + Send;

    /// Ends a session by removing its keeper. The session's processes end with the keeper. Fails if
    /// they do not.
    fn remove_session(&self, session: &Session) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A session, or what is left of an ended one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The full id of its target; empty for an image.
    pub target: String,
    /// The target's name, or its id if the platform no longer has the target.
    pub target_name: String,
    /// `exec`, `sidecar` or `copy`; `files` for a container that reads a file of an image; `demo`
    /// for what the demo created.
    pub mode: String,
    /// When the session began, in RFC 3339, by the platform's clock.
    pub created_at: String,
    /// Its age in seconds, by the same clock.
    #[serde(skip)]
    pub age: Option<u64>,
    /// Whether the session is running.
    pub running: bool,
    /// The state of the session.
    pub state: SessionState,
    /// The containers and images of the session.
    pub parts: Vec<Part>,
    /// Where the target is, on platforms with such places, by the names that the fields have in
    /// JSON.
    #[serde(flatten)]
    pub places: BTreeMap<&'static str, String>,
}

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// The session is running.
    Running,
    /// The session is starting or ending.
    Changing,
    /// The session's client is gone. `sessions gc` or the next session removes it.
    Left,
}

/// A container or an image of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `container` or `image`.
    pub kind: &'static str,
    /// `keeper`, `shell` (of a sidecar or a copy), `files` or `demo`; `filesystem` for the image of
    /// a copy.
    pub role: &'static str,
    /// The full id of a container, or the reference of an image.
    pub name: String,
    /// The phase of a container.
    pub state: Option<Phase>,
    /// The size of an image in bytes, including layers that it shares with others.
    pub size: Option<u64>,
}
