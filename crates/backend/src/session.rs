//! Sessions on a platform: what `scratchdbg-session` needs to run one.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use scratchdbg_logs::frame::Stream;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::launcher::KeeperAddress;
use crate::{ContainerName, Error, ImageBackend, Mode, Phase, Plan, Scope};

/// An id that no other session has: 64 random bits in hexadecimal.
pub fn session_id() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    // The standard library seeds each `RandomState` from the system's random numbers.
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// What a user wants of a session, as far as it is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// The command and its arguments; empty for an interactive shell.
    pub command: Vec<String>,
    /// The mode; chosen from the facts when absent.
    pub mode: Option<Mode>,
    /// The mode is not the user's word: the first one was refused.
    pub is_fallback: bool,
    /// The user, as `user[:group]`.
    pub user: Option<String>,
    /// The session gets a terminal.
    pub tty: bool,
    /// The client's `TERM`.
    pub term: Option<String>,
    /// Capabilities for the session.
    pub capabilities: Vec<String>,
    /// Security options in place of the target's, in the platform's form.
    pub security_options: Vec<String>,
    /// How long the keeper waits for the next session.
    pub linger: Option<std::time::Duration>,
    /// The keys that leave the session, in the platform's form.
    pub detach_keys: Option<String>,
    /// A copy has all that the original has.
    pub same_rights: bool,
    /// Folders of the platform's machine that turned out to be missing.
    pub missing_sources: Vec<String>,
    /// Nothing is to be changed: the plan is to be shown.
    pub dry_run: bool,
}

/// What a session runs in, or is to be a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionTarget {
    /// A container.
    Container(ContainerName),
    /// An image that the platform has.
    Image(String),
}

/// The tools that a session is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolsImage {
    /// The image of the keeper.
    pub keeper: String,
    /// An image of the user's own whose tools are to be used, and that need not be static.
    pub own: Option<String>,
}

/// Where the tools of a session come from. `scratchdbg-session` implements it.
pub trait ToolSource: Sync {
    /// Tells these tools from others without reading them; nothing if that is not possible.
    fn stamp(&self) -> impl Future<Output = Option<String>> + Send;

    /// Whether the user named the tools.
    fn are_named(&self) -> bool;

    /// Has the images on the platform, unless `dry_run`.
    fn provide(&self, dry_run: bool) -> impl Future<Output = Result<ToolsImage, Error>> + Send;

    /// The digest of the layer that a debug twin made with these tools has.
    fn twin_layer(&self) -> impl Future<Output = Option<String>> + Send;

    /// The files as a tar archive, for a container that is made from another image.
    fn archive(&self) -> impl Future<Output = Result<Arc<[u8]>, Error>> + Send;
}

/// A platform that toolkits can be taken from and loaded into.
pub trait ToolStore: ImageBackend + Clone + Send + Sync + 'static {
    /// Whether it has, by this reference, the toolkit image that holds exactly this layer and no setting of another's.
    fn has_toolkit(&self, reference: &str, layer: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    /// The images that may hold a busybox.
    fn images_with_busybox(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// A file of an image; nothing if there is none.
    fn file_of_image(&self, image: &str, path: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;
}

/// A platform that sessions can be run on. Cloning it is cheap.
pub trait SessionBackend: Clone + Send + Sync + 'static {
    /// What is known of a target.
    type Target: Send + Sync;
    /// The [plan](Plan) of a session, with what else the platform needs for it.
    type Plan: AsRef<Plan> + Send + Sync;
    /// A keeper that has been started.
    type Keeper: KeeperHandle;
    /// A session's process.
    type Process: Process;

    /// Where the platform is, in words: `the engine at unix:///run/docker.sock`.
    fn place(&self) -> String;

    /// What the command at hand does on it.
    fn scope(&self) -> &Scope;

    /// Whether it answers at all.
    fn is_there(&self) -> impl Future<Output = bool> + Send;

    /// Looks at a target, and for keepers that linger if `with_keepers`.
    fn look(
        &self,
        target: &SessionTarget,
        with_keepers: bool,
    ) -> impl Future<Output = Result<Self::Target, Error>> + Send;

    /// Plans a session. Fails with [`Unsupported`](crate::ErrorKind::Unsupported) if there can be none.
    fn plan(
        &self,
        target: Self::Target,
        request: &PlanRequest,
        tools: &impl ToolSource,
    ) -> impl Future<Output = Result<Self::Plan, Error>> + Send;

    /// What the target of a plan is doing now.
    fn state(&self, plan: &Self::Plan) -> impl Future<Output = Result<Phase, Error>> + Send;

    /// How the target ended, if it did since the plan was made and the session depends on it.
    fn target_end(&self, plan: &Self::Plan) -> impl Future<Output = Result<Option<TargetEnd>, Error>> + Send;

    /// The containers whose processes see those of the plan's target, whether they run or may be started.
    fn neighbours(&self, plan: &Self::Plan) -> impl Future<Output = Result<Vec<Neighbour>, Error>> + Send;

    /// Starts a keeper, or finds the plan's. Nothing is left when that fails.
    fn keep(&self, plan: &Self::Plan, session: &str) -> impl Future<Output = Result<Self::Keeper, Error>> + Send;

    /// Starts the session's process. `ready` is waited for right before.
    fn start(
        &self,
        plan: &Self::Plan,
        session: &str,
        command: Start<'_>,
        ready: impl Future<Output = Result<(), Error>> + Send,
    ) -> impl Future<Output = Result<Self::Process, Error>> + Send;

    /// Removes what earlier sessions left; how many things.
    fn collect_garbage(&self) -> impl Future<Output = Result<usize, Error>> + Send;

    /// Removes what this command made, as far as the [`Scope`] knows of it and there is time.
    fn tidy(&self) -> impl Future<Output = ()> + Send;
}

/// What a session's process is started with.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// The keeper.
    pub keeper: &'a KeeperAddress,
    /// The command line.
    pub command: Vec<String>,
    /// Additions to the environment.
    pub environment: Vec<String>,
    /// The client has something to write to its standard input.
    pub has_input: bool,
}

/// A connection to a keeper's standard streams.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A keeper that has been started.
pub trait KeeperHandle: Send {
    /// Its container.
    fn container(&self) -> String;

    /// Its process id, if it is one that lingers.
    fn standing(&self) -> Option<u32>;

    /// Connects to it. To be called once.
    fn connect(&mut self) -> BoxFuture<'static, Result<Box<dyn Duplex>, Error>>;

    /// It is to stay for the next sessions; this is its process id.
    fn linger(&mut self, session: &str, pid: u32) -> impl Future<Output = Result<(), Error>> + Send;

    /// Waits until it is gone, as it has been told to be; removes it if it does not go. One that lingers stays.
    fn end(self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes it: it did not begin well.
    fn discard(self) -> impl Future<Output = ()> + Send;
}

/// A session's process.
pub trait Process: Send {
    /// Asks the platform of it, while its streams are in use.
    type Probe: Probe;
    /// What it writes.
    type Output: Output;
    /// What it reads.
    type Input: AsyncWrite + Send + Unpin + 'static;

    /// Its streams. To be called once.
    fn streams(&mut self) -> Option<(Self::Output, Self::Input)>;

    /// Something to ask the platform with.
    fn probe(&self) -> Self::Probe;

    /// The keys that leave the session, as bytes; empty if there are none.
    fn detach_keys(&self) -> Vec<u8>;

    /// How it is, once its output has ended without the launcher's record; `output` is that output. `is_detached`: the
    /// detach keys have been typed.
    fn end_of(
        &mut self,
        output: Self::Output,
        is_detached: bool,
    ) -> impl Future<Output = Result<ProcessEnd, Error>> + Send;

    /// Whether its own container ran out of memory.
    fn ran_out_of_memory(&mut self) -> impl Future<Output = bool> + Send;

    /// Removes what is left of it. Its keeper is gone by now, and so it is ending.
    fn end(self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Asks the platform of a process.
pub trait Probe: Clone + Send + Sync + 'static {
    /// Whether the platform says that it runs.
    fn goes_on(&self) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Whether the platform can signal it: it is the first process of a container.
    fn can_signal(&self) -> bool;

    /// Signals it.
    fn signal(&self, number: u8) -> impl Future<Output = Result<(), Error>> + Send;

    /// Gives its terminal a size.
    fn resize(&self, window: Window) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What a process writes.
pub trait Output: Send {
    /// The next piece of it; nothing at its end. What the platform itself has to say is none of it: that comes with
    /// [`Process::end_of`].
    fn next(&mut self) -> impl Future<Output = Result<Option<(Stream, Bytes)>, Error>> + Send;
}

/// How a process is whose output has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEnd {
    /// It has ended with this code. What the platform held back of its output is to be passed on.
    Exited(u8, Vec<u8>),
    /// It goes on: what has ended is our hold on it.
    GoesOn(Vec<u8>),
    /// The user left it by the detach keys.
    Detached,
    /// It has ended, or not: the platform cannot tell.
    Unknown,
    /// The platform could not start it.
    NeverBegan(Error),
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// How a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetEnd {
    /// What it is doing now.
    pub state: Phase,
    /// How it ended, if the platform still knows.
    pub exit_code: Option<i64>,
}

/// A container whose processes see those of a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Its name, or what is known of it.
    pub name: String,
    /// What its processes can have: its bounding set.
    pub capabilities: u64,
}

/// The sessions on a platform.
pub trait SessionList: Clone + Send + Sync + 'static {
    /// All sessions and what is left of them, the oldest first; and why others are missing, if the platform does not say
    /// how they are.
    fn sessions(&self) -> impl Future<Output = Result<(Vec<Session>, Option<Error>), Error>> + Send;

    /// Ends a session: its keeper is removed, and what it started ends with it.
    fn remove_session(&self, session: &Session) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A session, or what is left of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The full id of its target; empty for an image.
    pub target: String,
    /// The target's name; its id if the platform no longer knows it.
    pub target_name: String,
    /// `exec`, `sidecar` or `copy`; `files` if a file is taken out of an image.
    pub mode: String,
    /// When it began, in RFC 3339, by the platform's clock.
    pub created_at: String,
    /// How long ago that was, in seconds, by the same clock.
    #[serde(skip)]
    pub age: Option<u64>,
    /// It is running.
    pub running: bool,
    /// What it is doing.
    pub state: SessionState,
    /// What belongs to it.
    pub parts: Vec<Part>,
}

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// It runs.
    Running,
    /// It begins, or ends: the platform or its client is about to do something.
    Changing,
    /// It has nobody any more: `sessions gc` and any next session remove it.
    Left,
}

/// Something that belongs to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `container` or `image`.
    pub kind: &'static str,
    /// `keeper`, `shell` (of a sidecar or a copy) or `files`; `filesystem` for the image of a copy.
    pub role: &'static str,
    /// Its full id; of an image, its reference.
    pub name: String,
    /// Of a container: what it is doing.
    pub state: Option<Phase>,
    /// Of an image, in bytes: what it shares with others included.
    pub size: Option<u64>,
}
