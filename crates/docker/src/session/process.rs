//! The process of a session, wherever it runs: started by exec inside the target, or the main process of a container
//! of its own.

use bollard::models::{ContainerCreateBody, ExecConfig, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{ResizeContainerTTYOptionsBuilder, ResizeExecOptionsBuilder};
use hyper::Method;
use serde::Serialize;
use std::time::{Duration, Instant};

use super::copy::Copy;
use super::ending::Secret;
use super::keeper::Keeper;
use super::removal::Removal;
use super::{Window, beside_target, copy};
use crate::error::CommandEnd;
use crate::files::percent_encode;
use crate::ours::Role;
use crate::plan::TOOLS_FOLDER_STEM;
use crate::transport::{Hijacked, Kind, full};
use crate::{ContainerName, Engine, Error, Mode, Plan, labels};

/// How long after a command was killed the engine may take to remove its container, and so to hear why.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// How long the container of a session may take to go once its keeper is gone, before its removal is asked for.
const GOES_WITHIN: Duration = Duration::from_secs(4);

/// How long the engine may take to say that it removes it then. What is not known to be gone is told.
const REMOVAL_ANSWERED_WITHIN: Duration = Duration::from_secs(6);

/// How long after the end of a container the engine may take to remove it. After that its record is read.
const REMOVED_WITHIN: Duration = Duration::from_secs(20);

/// A sidecar's limits: enough for tools, too little to starve the host.
const SIDECAR_MEMORY: i64 = 512 << 20;
const SIDECAR_PROCESSES: i64 = 256;

/// A started process.
pub(super) enum Process {
    /// Inside the target.
    Exec {
        /// The exec's id.
        id: String,
    },
    /// In a container of its own, which the engine removes when it ends.
    Container {
        /// That container.
        container: ContainerName,
        /// Its end.
        removal: Removal,
        /// The image that was made for it.
        copy: Copy,
    },
}

/// How a process is, once its streams have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProcessEnd {
    /// It has ended with this code.
    Exited(u8),
    /// It goes on: what has ended is our hold on it.
    GoesOn,
    /// The engine could not start it, and made up this code.
    NeverBegan(u8),
}

/// A process, to ask how it is.
#[derive(Debug, Clone)]
pub(super) enum ProcessRef {
    /// An exec, by its id.
    Exec(String),
    /// The main process of a container.
    Container(ContainerName),
}

impl ProcessRef {
    /// Whether the engine says that it runs.
    pub(super) async fn goes_on(&self, engine: &Engine) -> Result<bool, Error> {
        match self {
            Self::Exec(id) => {
                let state = engine.transport.ask(Kind::Question, engine.docker.inspect_exec(id)).await?;
                Ok(state.running != Some(false))
            }
            Self::Container(container) => engine.goes_on(container, Duration::ZERO).await,
        }
    }
}

impl Process {
    /// What to ask of it.
    pub(super) fn to_ask(&self) -> ProcessRef {
        match self {
            Self::Exec { id } => ProcessRef::Exec(id.clone()),
            Self::Container { container, .. } => ProcessRef::Container(container.clone()),
        }
    }

    /// Starts what the plan says; its streams. Without input, an exec need not have a stream for it.
    pub(super) async fn start(
        engine: &Engine,
        plan: &Plan,
        session: &str,
        keeper: &mut Keeper,
        secret: &Secret,
        has_input: bool,
    ) -> Result<(Self, Hijacked), Error> {
        let command = plan.session_command(keeper.address(), session);
        let environment = [plan.session_environment(), vec![secret.variable()]].concat();
        if plan.mode == Mode::Exec {
            let exec = ExecConfig {
                attach_stdin: Some(has_input),
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                tty: Some(plan.tty),
                detach_keys: plan.detach_keys.clone(),
                user: plan.exec_user.clone(),
                env: Some(environment),
                cmd: Some(command),
                ..ExecConfig::default()
            };
            let created = engine.docker.create_exec(&plan.target_id, exec);
            let id = engine.transport.ask(Kind::CreateExec, created).await?.id;
            keeper.opened().await?;
            let streams = engine.start_exec(&id, plan.tty).await?;
            return Ok((Self::Exec { id }, streams));
        }
        let (mut body, copy) = match plan.mode {
            Mode::Copy => copy::container(engine, plan, session, keeper, &environment).await?,
            Mode::Sidecar | Mode::Exec => (sidecar(plan, environment), Copy::default()),
        };
        body.entrypoint = Some(command);
        body.cmd = Some(Vec::new());
        body.labels = Some(labels::session_labels(session, plan, engine.now()));
        let name = Role::Shell.name(session);
        let detach_keys = plan.detach_keys.as_deref();
        let tools = plan.tools_archive.as_deref().filter(|_| plan.brings_tools());
        let tools = tools.map(|archive| (format!("{TOOLS_FOLDER_STEM}{session}"), archive));
        let body = interactive(body, plan.tty, tools.as_ref().map(|(folder, _)| folder.as_str()));
        let started = start_container(engine, &name, body, tools, detach_keys).await;
        match started {
            Ok((container, removal, streams)) => Ok((Self::Container { container, removal, copy }, streams)),
            Err(error) => {
                copy.remove(engine).await?;
                Err(match copy::missing_source(plan, &error) {
                    Some(path) => Error::MountSourceGone { path },
                    None => error,
                })
            }
        }
    }

    /// The container of its own, if it has one.
    pub(super) fn container(&self) -> Option<&ContainerName> {
        match self {
            Self::Exec { .. } => None,
            Self::Container { container, .. } => Some(container),
        }
    }

    /// Gives its terminal a size.
    pub(super) async fn resize(&self, engine: &Engine, window: Window) -> Result<(), Error> {
        let (width, height) = (window.columns.into(), window.rows.into());
        match self {
            Self::Exec { id } => {
                let options = ResizeExecOptionsBuilder::default().w(width).h(height).build();
                engine.transport.ask(Kind::Resize, engine.docker.resize_exec(id, options)).await
            }
            Self::Container { container, .. } => {
                let options = ResizeContainerTTYOptionsBuilder::default().w(width).h(height).build();
                let resized = engine.docker.resize_container_tty(container.as_str(), options);
                engine.transport.ask(Kind::Resize, resized).await
            }
        }
    }

    /// How it is, once its streams have ended. The engine may hear of the end itself `patience` later.
    pub(super) async fn end_of(&mut self, engine: &Engine, patience: Duration) -> Result<ProcessEnd, Error> {
        match self {
            Self::Exec { id } => engine.exec_end(id, patience).await,
            Self::Container { container, removal, .. } => {
                if !removal.is_over() && engine.goes_on(container, patience).await? {
                    return Ok(ProcessEnd::GoesOn);
                }
                // The engine may have much to do before the container is removed.
                let code = match tokio::time::timeout(REMOVED_WITHIN, removal.exit_code()).await {
                    Ok(code) => code?,
                    // It does not tell. What it wrote down, it may.
                    Err(_) => match engine.recorded_exit_code(container).await {
                        Some(code) => code,
                        None => return Err(Error::ConnectionEnded { command: CommandEnd::Unknown }),
                    },
                };
                Ok(ProcessEnd::Exited(u8::try_from(code).unwrap_or(u8::MAX)))
            }
        }
    }

    /// Whether its own container ran out of memory, by the word of the engine or of the kernel: the engine
    /// drops what it hears of a container that it has removed. A process inside the target counts against the target's limits.
    pub(super) async fn ran_out_of_memory(&self, engine: &Engine) -> bool {
        let Self::Container { container, removal, .. } = self else { return false };
        // The launcher may have told of the end before the engine has heard of it.
        let mut looks = Looks::until(HEARD_WITHIN);
        while !removal.is_over() && looks.again().await {}
        let Ok(host) = engine.host_facts().await else { return false };
        let events = engine.events_of(container.as_str(), &host).await.unwrap_or_default();
        events.iter().any(|event| event.action == "oom") || crate::facts::saw_memory_kill(&host, container.as_str())
    }

    /// Removes what is left of it. Its keeper is gone by now, and so it is ending.
    pub(super) async fn end(self, engine: &Engine) -> Result<(), Error> {
        if let Self::Container { container, mut removal, copy } = self {
            // The engine removes it by itself, and until then says of a further removal that one is in progress. What the
            // container was made from can only go after it.
            let mut removed = Ok(());
            if !removal.is_over() && tokio::time::timeout(GOES_WITHIN, removal.exit_code()).await.is_err() {
                removed = engine.remove_within(&container, REMOVAL_ANSWERED_WITHIN).await;
                if removed.is_ok() {
                    let _gone = tokio::time::timeout(REMOVED_WITHIN, removal.exit_code()).await;
                }
            }
            if removed.is_ok() {
                engine.transport.scope().gone(container.as_str());
            }
            copy.remove(engine).await?;
            removed?;
        }
        Ok(())
    }
}

impl Engine {
    pub(super) async fn start_exec(&self, exec: &str, tty: bool) -> Result<Hijacked, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct StartExec {
            detach: bool,
            tty: bool,
        }
        let path = format!("/exec/{exec}/start");
        let request = self.transport.json_request(Method::POST, &path, &StartExec { detach: false, tty })?;
        self.transport.hijack(request).await
    }

    /// How an exec is whose streams have ended.
    pub(super) async fn exec_end(&self, exec: &str, patience: Duration) -> Result<ProcessEnd, Error> {
        let mut looks = Looks::until(patience);
        loop {
            let state = self.transport.ask(Kind::Question, self.docker.inspect_exec(exec)).await?;
            if let (Some(false), Some(code)) = (state.running, state.exit_code) {
                // Codes are eight bits wide; the engine uses others for its own failures.
                let code = u8::try_from(code).unwrap_or(u8::MAX);
                // Docker keeps the process id of an exec that has ended. Podman forgets it.
                let began = self.is_podman() || state.pid != Some(0);
                return Ok(if began { ProcessEnd::Exited(code) } else { ProcessEnd::NeverBegan(code) });
            }
            if !looks.again().await {
                return Ok(ProcessEnd::GoesOn);
            }
        }
    }

    /// Whether a container runs, and goes on running for all that time.
    async fn goes_on(&self, container: &ContainerName, patience: Duration) -> Result<bool, Error> {
        let mut looks = Looks::until(patience);
        loop {
            match self.inspect(container).await {
                Ok(target) if target.state.has_processes() => {}
                Ok(_) | Err(Error::NoSuchContainer { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
            if !looks.again().await {
                return Ok(true);
            }
        }
    }
}

/// The pauses between looks at a process whose streams have ended: at first short ones, as most are noted at once.
struct Looks {
    deadline: Instant,
    pause: Duration,
}

impl Looks {
    const LONGEST_PAUSE: Duration = Duration::from_millis(60);

    fn until(patience: Duration) -> Self {
        Self { deadline: Instant::now() + patience, pause: Duration::from_millis(2) }
    }

    /// Waits for the next look; `false` when there has been time enough.
    async fn again(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause + Duration::from_millis(2)).min(Self::LONGEST_PAUSE);
        true
    }
}

/// A container beside the target: its processes and its network, and a root of its own.
fn sidecar(plan: &Plan, environment: Vec<String>) -> ContainerCreateBody {
    let target = format!("container:{}", plan.target_id);
    ContainerCreateBody {
        image: Some(plan.sidecar_image.clone()),
        user: Some(plan.user.to_string()),
        env: Some(environment),
        // The launcher goes to the target's root.
        working_dir: Some("/".to_owned()),
        host_config: Some(HostConfig {
            pid_mode: Some(target.clone()),
            network_mode: Some(target),
            cap_add: Some(plan.capabilities.clone()),
            memory: Some(SIDECAR_MEMORY),
            pids_limit: Some(SIDECAR_PROCESSES),
            ..beside_target(plan, plan.capabilities.is_empty())
        }),
        ..ContainerCreateBody::default()
    }
}

/// What every container with a session's process in it has. The tools are in an anonymous volume of its own: nothing is written
/// into its root, which may be read-only, and the engine removes it with the container.
fn interactive(body: ContainerCreateBody, tty: bool, tools: Option<&str>) -> ContainerCreateBody {
    let host_config = body.host_config.unwrap_or_default();
    let volumes = tools.map(|folder| vec![folder.to_owned()]);
    ContainerCreateBody {
        tty: Some(tty),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        volumes,
        host_config: Some(HostConfig {
            auto_remove: Some(true),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..host_config
        }),
        ..body
    }
}

/// Creates, puts the tools there, attaches, asks for the end, and starts: in this order nothing can be missed. Nothing is left on
/// failure.
async fn start_container(
    engine: &Engine,
    name: &str,
    body: ContainerCreateBody,
    tools: Option<(String, &[u8])>,
    detach_keys: Option<&str>,
) -> Result<(ContainerName, Removal, Hijacked), Error> {
    let container = engine.create(name, body).await?;
    let started = async {
        if let Some((folder, archive)) = tools {
            engine.unpack(&container, &folder, archive).await?;
        }
        attach_and_start(engine, &container, detach_keys).await
    };
    match started.await {
        Ok((removal, streams)) => Ok((container, removal, streams)),
        Err(error) => {
            // Automatic removal covers only what has run.
            let _already_gone = engine.remove(&container).await;
            Err(error)
        }
    }
}

/// The part of [`start_container`] that the keeper shares.
pub(super) async fn attach_and_start(
    engine: &Engine,
    container: &ContainerName,
    detach_keys: Option<&str>,
) -> Result<(Removal, Hijacked), Error> {
    let keys = detach_keys.map(|keys| format!("&detachKeys={}", percent_encode(keys))).unwrap_or_default();
    let path = format!("/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1{keys}");
    let attach = engine.transport.request(Method::POST, &path, full(""))?;
    // Before the start, both of them: nothing can be missed then.
    let (removal, streams) = tokio::try_join!(Removal::ask(engine, container), engine.transport.hijack(attach))?;
    engine.start(container).await?;
    Ok((removal, streams))
}
