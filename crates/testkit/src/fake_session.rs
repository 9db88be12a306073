//! A platform in memory with debug sessions that a test controls. No engine is needed.
//!
//! Each session takes the next [`Script`]. The [journal](FakeSessions::journal) records the
//! requests to the platform, and the objects that are left.

mod keeper;
mod process;
mod tools;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scratchdbg_backend::launcher::RECORD_VARIABLE;
use scratchdbg_backend::{
    Copied, Error, ErrorKind, Exec, How, Mode, Neighbor, NumericUser, Phase, Plan, PlanRequest,
    ProcessEnd, Scope, SessionBackend, SessionTarget, Sidecar, Start, TargetEnd, ToolSource,
};
use tokio::sync::mpsc;

pub use self::keeper::FakeKeeper;
pub use self::process::{FakeOutput, FakeProcess};
pub use self::tools::FakeTools;

/// The id of the target.
pub const TARGET: &str = "0123456789abcdef";

/// The course of one session.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// The error of starting the keeper.
    pub no_keeper: Option<Error>,
    /// The line that the keeper prints instead of its address.
    pub keeper_says: Option<&'static str>,
    /// The error of starting the process.
    pub no_process: Option<Error>,
    /// The output of the process, in order.
    pub writes: Vec<Write>,
    /// The end of the process according to the platform, if there was no record. `None` if the
    /// connection to the process was lost.
    pub end: Option<ProcessEnd>,
    /// Whether the session's own container ran out of memory.
    pub out_of_memory: bool,
    /// Whether the keeper has ended without an order to do so.
    pub keeper_is_gone: bool,
    /// The target has ended by the end of the session, with this phase and exit code.
    pub target_ends: Option<(Phase, i64)>,
    /// How many times the platform still says that the target runs.
    pub notices_late: usize,
}

/// A step of a process's output.
#[derive(Debug, Clone)]
pub enum Write {
    /// Output on standard output.
    Out(&'static str),
    /// Output on standard error.
    Err(&'static str),
    /// The launcher's record, on both streams.
    Record(u8),
    /// No output until the process receives this signal.
    AwaitSignal(u8),
    /// No more output, and no end.
    Hang,
    /// The stream breaks.
    Break,
}

/// The platform. A clone is another handle to the same platform.
#[derive(Debug, Clone)]
pub struct FakeSessions {
    world: Arc<Mutex<World>>,
    scope: Scope,
}

#[derive(Debug)]
struct World {
    phase: Phase,
    /// The number of the target's run.
    run: u32,
    target_is_gone: bool,
    shares_pids: bool,
    /// Whether the keeper of the last session had ended by itself.
    keeper_was_gone: bool,
    notices_late: usize,
    is_silent: bool,
    /// Whether processes have ended, whatever their streams show.
    processes_are_over: bool,
    /// Whether there is a keeper of an earlier session.
    has_keeper: bool,
    unasked: Vec<String>,
    outranks_keeper: bool,
    neighbors: Result<Vec<Neighbor>, Error>,
    scripts: VecDeque<Script>,
    journal: Vec<String>,
    /// The end of the target that is yet to be reported.
    end: Option<TargetEnd>,
    signals: Option<mpsc::UnboundedSender<u8>>,
}

impl FakeSessions {
    /// Returns a platform with a running target, and the sessions to come.
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        let world = World {
            phase: Phase::Running,
            run: 1,
            target_is_gone: false,
            shares_pids: false,
            keeper_was_gone: false,
            notices_late: 0,
            is_silent: false,
            processes_are_over: false,
            has_keeper: false,
            unasked: Vec::new(),
            outranks_keeper: false,
            neighbors: Ok(Vec::new()),
            scripts: scripts.into_iter().collect(),
            journal: Vec::new(),
            end: None,
            signals: None,
        };
        Self { world: Arc::new(Mutex::new(world)), scope: Scope::default() }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, text: impl Into<String>) {
        self.world().journal.push(text.into());
    }

    /// Returns the requests, in order.
    pub fn journal(&self) -> Vec<String> {
        self.world().journal.clone()
    }

    /// Leaves a lingering keeper of an earlier session.
    pub fn leave_a_keeper(&self) {
        self.world().has_keeper = true;
    }

    /// Makes sidecars need these capabilities, which were not requested.
    pub fn want_capabilities(&self, names: &[&str]) {
        self.world().unasked = names.iter().map(|&name| name.to_owned()).collect();
    }

    /// Gives sessions more rights than their keepers, and lets these containers see the target's
    /// processes.
    pub fn outrank_keepers(&self, neighbors: &[&str]) {
        let mut world = self.world();
        world.outranks_keeper = true;
        let neighbor = |&name: &&str| Neighbor { name: name.to_owned(), capabilities: u64::MAX };
        world.neighbors = Ok(neighbors.iter().map(neighbor).collect());
    }

    /// Makes the platform fail to tell which containers see the target's processes.
    pub fn hide_neighbors(&self, error: Error) {
        self.world().neighbors = Err(error);
    }

    /// Sets the target's phase. If it runs, that is a new run.
    pub fn set_phase(&self, phase: Phase) {
        let mut world = self.world();
        world.run += u32::from(phase == Phase::Running);
        world.phase = phase;
    }

    /// Makes the platform stop responding.
    pub fn fall_silent(&self) {
        self.world().is_silent = true;
    }

    /// Ends processes without ending their streams.
    pub fn lose_streams(&self) {
        self.world().processes_are_over = true;
    }

    /// Gives the target the PID namespace of another container.
    pub fn share_pids(&self) {
        self.world().shares_pids = true;
    }

    /// Ends the target. Its processes go without a word, and their streams stay.
    pub fn end_target(&self, exit_code: i64) {
        let mut world = self.world();
        world.phase = Phase::Exited;
        world.end = Some(TargetEnd { state: Phase::Exited, exit_code: Some(exit_code) });
    }

    /// Removes the target.
    pub fn remove_target(&self) {
        self.world().target_is_gone = true;
    }

    fn next_script(&self) -> Script {
        self.world().scripts.front().cloned().unwrap_or_default()
    }

    /// Ends a session, and the target if the script specifies that.
    fn finish(&self) {
        let mut world = self.world();
        let script = world.scripts.pop_front().unwrap_or_default();
        world.keeper_was_gone = script.keeper_is_gone;
        world.notices_late = script.notices_late;
        if let Some((phase, code)) = script.target_ends {
            world.end = Some(TargetEnd { state: phase, exit_code: Some(code) });
            world.phase = phase;
        }
    }
}

/// The plan of a session on this platform.
#[derive(Debug, Clone)]
pub struct FakePlan(Plan);

impl AsRef<Plan> for FakePlan {
    fn as_ref(&self) -> &Plan {
        &self.0
    }
}

fn how(mode: Mode, world: &World, request: &PlanRequest, with_keeper: bool) -> How {
    match mode {
        Mode::Exec => How::Exec(Exec {
            outranks_keeper: world.outranks_keeper,
            tools_first: false,
            tools_base: "",
            linger: request.linger,
            has_keeper: with_keeper && world.has_keeper,
        }),
        Mode::Sidecar => How::Sidecar(Sidecar {
            image: "tools".to_owned(),
            capabilities: world.unasked.clone(),
            withholds: false,
            unasked: if request.is_fallback || request.mode.is_none() {
                world.unasked.clone()
            } else {
                Vec::new()
            },
            brings_tools: false,
        }),
        Mode::Copy => How::Copy(Copied {
            capabilities: Vec::new(),
            tools_base: None,
            entrypoint: vec!["/app".to_owned()],
            tools_first: false,
            as_original: false,
            left_out: Vec::new(),
        }),
    }
}

impl SessionBackend for FakeSessions {
    /// Whether keepers were searched.
    type Target = bool;
    type Plan = FakePlan;
    type Keeper = FakeKeeper;
    type Process = FakeProcess;

    fn place(&self) -> String {
        "the fake".to_owned()
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }

    async fn is_there(&self) -> bool {
        !self.world().is_silent
    }

    async fn inspect(&self, target: &SessionTarget, with_keepers: bool) -> Result<bool, Error> {
        self.note(match target {
            SessionTarget::Container(name) => format!("look {name}"),
            SessionTarget::Image(name) => format!("look image {name}"),
        });
        Ok(with_keepers)
    }

    async fn plan(
        &self,
        with_keepers: bool,
        request: &PlanRequest,
        tools: &impl ToolSource,
    ) -> Result<FakePlan, Error> {
        let tools = tools.provide(request.dry_run).await?;
        let world = self.world();
        let mode = request.mode.unwrap_or(if world.phase.has_processes() {
            Mode::Exec
        } else {
            Mode::Copy
        });
        Ok(FakePlan(Plan {
            platform: "engine",
            target_id: TARGET.to_owned(),
            target_name: "web".to_owned(),
            target_kind: world.phase.as_str(),
            shares_pids: world.shares_pids,
            target_capabilities: 0,
            user: NumericUser::ROOT,
            tty: request.tty,
            command: request.command.clone(),
            environment: Vec::new(),
            path: "/bin".to_owned(),
            workdir: request.workdir.clone(),
            keeper_image: tools.keeper,
            keeper_added: Vec::new(),
            keeper_dropped: Vec::new(),
            keeper_network: "none",
            security_options: Vec::new(),
            how: how(mode, &world, request, with_keepers),
            reasons: Vec::new(),
        }))
    }

    async fn state(&self, _: &FakePlan) -> Result<Phase, Error> {
        let world = self.world();
        if world.target_is_gone {
            Err(Error::new(ErrorKind::Gone, "no container `web`"))
        } else {
            Ok(world.phase)
        }
    }

    async fn target_end(&self, plan: &FakePlan) -> Result<Option<TargetEnd>, Error> {
        let mut world = self.world();
        if world.notices_late > 0 {
            world.notices_late -= 1;
            return Ok(None);
        }
        Ok(world.end.take().filter(|_| plan.0.mode() != Mode::Copy))
    }

    async fn neighbors(&self, _: &FakePlan) -> Result<Vec<Neighbor>, Error> {
        self.world().neighbors.clone()
    }

    async fn keep(&self, plan: &FakePlan, _: &str) -> Result<FakeKeeper, Error> {
        self.world().keeper_was_gone = false;
        self.note(format!("keep for {}", plan.0.mode().as_str()));
        let script = self.next_script();
        if let Some(error) = script.no_keeper {
            self.finish();
            return Err(error);
        }
        if plan.0.has_keeper() {
            self.world().has_keeper = false;
            return Ok(FakeKeeper { platform: self.clone(), says: None, stands: true });
        }
        let says = script.keeper_says.unwrap_or("keeper 7 0123456789abcdef0123456789abcdef\n");
        Ok(FakeKeeper { platform: self.clone(), says: Some(says), stands: false })
    }

    async fn start(
        &self,
        _: &FakePlan,
        _: &str,
        command: Start<'_>,
        ready: impl Future<Output = Result<(), Error>> + Send,
    ) -> Result<FakeProcess, Error> {
        ready.await?;
        let script = self.next_script();
        if let Some(error) = script.no_process {
            self.finish();
            return Err(error);
        }
        let prefix = format!("{RECORD_VARIABLE}=");
        let secret = command
            .environment
            .iter()
            .find_map(|entry| entry.strip_prefix(&prefix))
            .unwrap_or_default();
        let (sender, signals) = mpsc::unbounded_channel();
        self.world().signals = Some(sender);
        let output = FakeOutput {
            platform: self.clone(),
            secret: secret.to_owned(),
            writes: script.writes.into(),
            pieces: VecDeque::new(),
            signals,
        };
        let streams = Some((output, tokio::io::sink()));
        let (end, out_of_memory) = (script.end, script.out_of_memory);
        Ok(FakeProcess { platform: self.clone(), streams, end, out_of_memory })
    }

    async fn collect_garbage(&self) -> Result<usize, Error> {
        Ok(0)
    }

    async fn clean_up(&self) {
        self.note("clean_up");
    }
}
