//! The keeper's container.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::Method;
use jiff::Timestamp;
use scratchdbg_backend::launcher::{self, LAUNCHER_NAME, SESSIONS, TOOLKIT_BIN};
use scratchdbg_backend::{Duplex, KeeperHandle, Mode};

use super::beside_target;
use super::connection::Connection;
use super::container::attach_and_start;
use super::exec::Polls;
use super::lingering::{self, LingeringKeeper};
use super::removal::Removal;
use crate::ours::Role;
use crate::plan::{KeeperRights, Way};
use crate::transport::{Hijacked, full};
use crate::{ContainerName, Engine, Error, SessionPlan, labels};

/// The keeper's limits: it reads a pipe. What the session does counts against the target.
///
/// The memory is for the runtime, which starts it from within: runc's first process took over 15 MiB on a control group of
/// version 2, where its copy of itself counts too, and was killed at 16.
const MEMORY: i64 = 64 << 20;
const PROCESSES: i64 = 8;

/// What the folder of names is made with: nothing there is a file, save links. It takes the mode that the image has for it.
const SESSIONS_OPTIONS: &str = "size=64k,mode=1733";

/// How long the keeper may take to go once it is told to: it ends what is left of the session first.
const GOES_WITHIN: Duration = Duration::from_secs(4);

/// How long its removal may take after that, when it has been asked for. What is not gone then is told.
const REMOVED_WITHIN: Duration = Duration::from_secs(6);

/// How long after the end of a keeper the engine may take to note it.
const NOTED_WITHIN: Duration = Duration::from_millis(300);

/// A running keeper.
#[derive(Debug)]
pub struct Keeper {
    engine: Engine,
    container: ContainerName,
    /// Its process id, where it is one that lingered.
    standing: Option<u32>,
    /// Its standard streams, until they are asked for.
    connection: Option<Hijacked>,
    end: End,
}

/// How a keeper ends.
#[derive(Debug)]
enum End {
    /// With its standard input.
    WithClient(Removal),
    /// By itself, later.
    Lingers,
}

impl Keeper {
    /// The keeper of a session: the one that lingers, or a new one. Nothing is left when that fails.
    pub(super) async fn of(engine: &Engine, plan: &SessionPlan, session: &str) -> Result<Self, Error> {
        if let Way::Exec { standing: Some(LingeringKeeper { container, pid, .. }), .. } = &plan.way {
            tracing::debug!(%container, pid, "a keeper lingers here");
            return Ok(Self {
                engine: engine.clone(),
                container: container.clone(),
                standing: Some(*pid),
                connection: None,
                end: End::Lingers,
            });
        }
        let body = container(plan, session, engine.now());
        let container = engine.create(&Role::Keeper { pid: None }.name(session), body).await?;
        match attach_and_start(engine, &container, None).await {
            Ok((removal, connection)) => Ok(Self {
                engine: engine.clone(),
                container,
                standing: None,
                connection: Some(connection),
                end: End::WithClient(removal),
            }),
            Err(error) => {
                // Automatic removal covers only what has run.
                let _already_gone = engine.remove(&container).await;
                Err(error)
            }
        }
    }
}

impl KeeperHandle for Keeper {
    fn container(&self) -> String {
        self.container.to_string()
    }

    fn lingering_pid(&self) -> Option<u32> {
        self.standing
    }

    fn connect(&mut self) -> BoxFuture<'static, Result<Box<dyn Duplex>, scratchdbg_backend::Error>> {
        let (engine, container, connection) = (self.engine.clone(), self.container.clone(), self.connection.take());
        let connect = async move {
            let connection = match connection {
                Some(connection) => connection,
                None => {
                    let path = format!("/containers/{container}/attach?stream=1&stdin=1&stdout=1");
                    engine.transport.hijack(engine.transport.request(Method::POST, &path, full(""))?).await?
                }
            };
            Ok(Box::new(Connection::over(connection)) as Box<dyn Duplex>)
        };
        connect.boxed()
    }

    async fn linger(&mut self, session: &str, pid: u32) -> Result<(), scratchdbg_backend::Error> {
        self.engine.rename(&self.container, &lingering::name(session, pid)).await?;
        // It is to stay.
        self.engine.transport.scope().gone(self.container.as_str());
        self.end = End::Lingers;
        Ok(())
    }

    async fn is_gone(&mut self) -> bool {
        let mut polls = Polls::until(NOTED_WITHIN);
        loop {
            match self.engine.keeps_running(&self.container, Duration::ZERO).await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(_) => return false,
            }
            if !polls.again().await {
                return false;
            }
        }
    }

    async fn end(self) -> Result<(), scratchdbg_backend::Error> {
        let End::WithClient(mut removal) = self.end else { return Ok(()) };
        match tokio::time::timeout(GOES_WITHIN, removal.exit_code()).await {
            Ok(Ok(_)) => {
                self.engine.transport.scope().gone(self.container.as_str());
                Ok(())
            }
            // It hangs, or the engine lost track of it. One that is gone is fine.
            _ => Ok(self.engine.remove_within(&self.container, REMOVED_WITHIN).await?),
        }
    }

    async fn discard(self) {
        // Automatic removal covers only what has run.
        let _already_gone = self.engine.remove(&self.container).await;
    }
}

/// The container: the session's rights and not one more, no network, no secret, no host mount. Its root is read-only. What it
/// has in memory (the names of sessions, `/dev`) is no matter: who may write there may trace it, and can give it a program to run
/// without a file (`memfd_create(2)`).
fn container(plan: &SessionPlan, session: &str, now: Timestamp) -> ContainerCreateBody {
    let KeeperRights { added, dropped, .. } = plan.keeper_rights.clone();
    ContainerCreateBody {
        image: Some(plan.view.keeper_image.clone()),
        entrypoint: Some(vec![format!("{TOOLKIT_BIN}/{LAUNCHER_NAME}")]),
        cmd: Some(launcher::keep(session, plan.linger())),
        user: Some(plan.view.user.to_string()),
        env: Some(vec![format!("PATH={TOOLKIT_BIN}")]),
        working_dir: Some("/".to_owned()),
        labels: Some(labels::keeper_labels(session, plan, now)),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // The dead-man switch: the engine closes standard input when the one client that holds it is gone.
        stdin_once: Some(plan.linger().is_none()),
        // Beside network mode `none`: the runtime then makes the empty network namespace by itself, and does not call
        // back into the engine for it. That halves the time of a start.
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            // A copy joins the keeper, and not the other way round.
            pid_mode: (plan.view.mode() != Mode::Copy).then(|| format!("container:{}", plan.view.target_id)),
            readonly_rootfs: Some(true),
            tmpfs: Some([(SESSIONS.to_owned(), SESSIONS_OPTIONS.to_owned())].into()),
            // It shares no memory: there is no `/dev/shm` to mount.
            ipc_mode: Some("none".to_owned()),
            auto_remove: Some(true),
            memory: Some(MEMORY),
            memory_swap: Some(MEMORY),
            pids_limit: Some(PROCESSES),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            cap_add: Some(added),
            cap_drop: Some(dropped),
            ..beside_target(plan, true)
        }),
        ..ContainerCreateBody::default()
    }
}
