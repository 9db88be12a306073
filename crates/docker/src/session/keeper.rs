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
use super::exit_waiter::ExitWaiter;
use super::lingering::{self, LingeringKeeper};
use crate::ours::Role;
use crate::plan::{KeeperRights, ModePlan};
use crate::transport::{Hijacked, full};
use crate::{ContainerName, Engine, Error, SessionPlan, labels};

/// The limits of the keeper, which only reads a pipe. The session's usage counts against the
/// target.
///
/// The memory is needed by the runtime, which starts the keeper from within the container: runc's
/// first process used over 15 MiB on a control group of version 2, where its copy of itself counts
/// too, and was killed at 16.
const MEMORY: i64 = 64 << 20;
const PROCESSES: i64 = 8;

/// The mount options of the directory of names, which contains only links. The directory has the
/// same mode as in the image: nobody but its owner may list it.
const SESSIONS_OPTIONS: &str = "size=64k,mode=1733";

/// The users of which one owns the directory of names: neither root, which could list it without
/// any capability, nor one for which an image may have a set-user-id program.
const OWNERS: std::ops::Range<u64> = 20_000..60_000;

/// How long the keeper may take to exit after the order to do so. The keeper first ends the remains
/// of the session.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the keeper's removal may take after that, once the removal was requested. A container
/// that is not removed by then is reported.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(6);

/// How long after the end of a keeper the engine may take to note it.
const END_TIMEOUT: Duration = Duration::from_millis(300);

/// A running keeper.
#[derive(Debug)]
pub struct Keeper {
    engine: Engine,
    container: ContainerName,
    /// The process id, if the keeper is a lingering one from an earlier session.
    lingering_pid: Option<u32>,
    /// The standard streams, until they are taken.
    connection: Option<Hijacked>,
    end: KeeperEnd,
}

/// How a keeper ends.
#[derive(Debug)]
enum KeeperEnd {
    /// The keeper ends with its standard input.
    WithClient(ExitWaiter),
    /// The keeper ends by itself, later.
    Lingers,
}

impl Keeper {
    /// Starts the keeper of a session, or returns the lingering one. Leaves nothing behind on
    /// failure.
    pub(super) async fn of(
        engine: &Engine,
        plan: &SessionPlan,
        session: &str,
    ) -> Result<Self, Error> {
        if let ModePlan::Exec {
            lingering_keeper: Some(LingeringKeeper { container, pid, .. }),
            ..
        } = &plan.mode_plan
        {
            tracing::debug!(%container, pid, "a keeper lingers here");
            return Ok(Self {
                engine: engine.clone(),
                container: container.clone(),
                lingering_pid: Some(*pid),
                connection: None,
                end: KeeperEnd::Lingers,
            });
        }
        let body = container(plan, session, engine.is_podman(), engine.now());
        let container = engine.create(&Role::Keeper { pid: None }.name(session), body).await?;
        match attach_and_start(engine, &container, None).await {
            Ok((exit_waiter, connection)) => Ok(Self {
                engine: engine.clone(),
                container,
                lingering_pid: None,
                connection: Some(connection),
                end: KeeperEnd::WithClient(exit_waiter),
            }),
            Err(error) => {
                // The engine removes only containers that have run.
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
        self.lingering_pid
    }

    fn connect(
        &mut self,
    ) -> BoxFuture<'static, Result<Box<dyn Duplex>, scratchdbg_backend::Error>> {
        let (engine, container, connection) =
            (self.engine.clone(), self.container.clone(), self.connection.take());
        let connect = async move {
            let connection = match connection {
                Some(connection) => connection,
                None => {
                    let path = format!("/containers/{container}/attach?stream=1&stdin=1&stdout=1");
                    engine
                        .transport
                        .hijack(engine.transport.request(Method::POST, &path, full(""))?)
                        .await?
                }
            };
            Ok(Box::new(Connection::over(connection)) as Box<dyn Duplex>)
        };
        connect.boxed()
    }

    async fn linger(&mut self, session: &str, pid: u32) -> Result<(), scratchdbg_backend::Error> {
        self.engine.rename(&self.container, &lingering::name(session, pid)).await?;
        // The keeper is meant to remain.
        self.engine.transport.scope().gone(self.container.as_str());
        self.end = KeeperEnd::Lingers;
        Ok(())
    }

    async fn is_gone(&mut self) -> bool {
        let mut polls = Polls::until(END_TIMEOUT);
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

    async fn has_ended_by_itself(&mut self) -> bool {
        self.engine.recorded_exit_code(&self.container).await == Some(0)
    }

    async fn end(self) -> Result<(), scratchdbg_backend::Error> {
        let KeeperEnd::WithClient(mut exit_waiter) = self.end else { return Ok(()) };
        match tokio::time::timeout(STOP_TIMEOUT, exit_waiter.exit_code()).await {
            Ok(Ok(_)) => {
                self.engine.transport.scope().gone(self.container.as_str());
                Ok(())
            }
            // The keeper hangs, or the engine lost track of it. A keeper that is already gone is
            // not an error.
            _ => Ok(self.engine.remove_to_the_end(&self.container, REMOVAL_TIMEOUT).await?),
        }
    }

    async fn discard(self) {
        // The engine removes only containers that have run.
        let _already_gone = self.engine.remove(&self.container).await;
    }
}

/// Returns the owner of the directory of names, by the session's random id.
fn owner(session: &str, user: u32) -> u64 {
    let chance = u64::from_str_radix(session, 16).unwrap_or_default();
    let owner = OWNERS.start + chance % (OWNERS.end - OWNERS.start);
    if owner == u64::from(user) { OWNERS.end } else { owner }
}

/// Returns the keeper's container: exactly the session's rights, no network, no secrets, no host
/// mounts, and a read-only root. The container's writable memory (the names of sessions, `/dev`)
/// does no harm: a process that may write there may trace the keeper anyway, and can run a program
/// without a file (`memfd_create(2)`).
fn container(
    plan: &SessionPlan,
    session: &str,
    is_podman: bool,
    now: Timestamp,
) -> ContainerCreateBody {
    let KeeperRights { added, dropped, .. } = plan.keeper_rights.clone();
    let owner = owner(session, plan.view.user.uid);
    // Podman does not know the option.
    let owner = if is_podman { String::new() } else { format!(",uid={owner}") };
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
        // This is a dead man's switch: the engine closes standard input when the only client that
        // holds it is gone.
        stdin_once: Some(plan.linger().is_none()),
        // In addition to network mode `none`: the runtime then creates the empty network namespace
        // by itself, without calling back into the engine. That halves the start time.
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            // A copy joins the keeper, and not vice versa.
            pid_mode: (plan.view.mode() != Mode::Copy)
                .then(|| format!("container:{}", plan.view.target_id)),
            readonly_rootfs: Some(true),
            tmpfs: Some([(SESSIONS.to_owned(), format!("{SESSIONS_OPTIONS}{owner}"))].into()),
            // The keeper needs no shared memory, so there is no `/dev/shm` to mount.
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
