//! The keeper: an ephemeral container that holds the toolkit's files, shares the target's PID namespace, and lives as
//! long as the client holds its standard input.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use scratchdbg_logs::frame::{FrameDecoder, FrameEvent, Framing};
use tokio::io::AsyncReadExt as _;

use super::beside_target;
use super::lingering::{self, LingeringKeeper};
use super::orders::Orders;
use super::process::attach_and_start;
use super::removal::Removal;
use crate::ours::Role;
use crate::plan::TOOLKIT_BIN;
use crate::transport::Hijacked;
use crate::{ContainerName, Engine, Error, LAUNCHER_NAME, Mode, Plan, labels};

/// The keeper's limits: it reads a pipe. What the session does counts against the target.
///
/// The memory is for the runtime, which starts it from within: runc's first process took over 15 MiB on a control group of
/// version 2, where its copy of itself counts too, and was killed at 16.
const MEMORY: i64 = 64 << 20;
const PROCESSES: i64 = 8;

/// How long the engine may take to start the keeper, or to remove it after its end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running keeper. Dropping it closes its standard input, and so ends it and its sessions, unless it lingers: then it
/// ends the sessions whose clients fall silent.
#[derive(Debug)]
pub(super) struct Keeper {
    engine: Engine,
    container: ContainerName,
    pid: u32,
    orders: Orders,
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
    pub(super) async fn for_session(engine: &Engine, plan: &Plan, session: &str) -> Result<Self, Error> {
        if let Some(LingeringKeeper { container, pid, .. }) = plan.standing.clone() {
            tracing::debug!(%container, pid, "a keeper lingers here");
            let orders = Orders::to_lingering(engine, &container, session);
            return Ok(Self { engine: engine.clone(), container, pid, orders, end: End::Lingers });
        }
        let body = container(plan, session);
        let container = engine.create(&Role::Keeper { pid: None }.name(session), body).await?;
        match Self::start_created(engine, plan, session, &container).await {
            Ok(keeper) => Ok(keeper),
            Err(error) => {
                // Automatic removal covers only what has run.
                let _already_gone = engine.remove(&container).await;
                Err(error)
            }
        }
    }

    async fn start_created(
        engine: &Engine,
        plan: &Plan,
        session: &str,
        container: &ContainerName,
    ) -> Result<Self, Error> {
        let (removal, mut connection) = attach_and_start(engine, container, None).await?;
        let pid = tokio::time::timeout(PATIENCE, read_pid(&mut connection))
            .await
            .map_err(|_| Error::Keeper { reason: "it said nothing".to_owned() })??;
        let (orders, end) = if plan.linger.is_some() {
            engine.rename(container, &lingering::name(session, pid)).await?;
            // It is to stay.
            engine.transport.scope().gone(container.as_str());
            (Orders::over(connection, Some(session.to_owned())), End::Lingers)
        } else {
            (Orders::over(connection, None), End::WithClient(removal))
        };
        Ok(Self { engine: engine.clone(), container: container.clone(), pid, orders, end })
    }

    /// Its container.
    pub(super) fn container(&self) -> &ContainerName {
        &self.container
    }

    /// Its process id, as seen in the PID namespace of the target.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Passes a signal on to the command of a session.
    pub(super) fn signal(&self, session: &str, number: u8) {
        self.orders.give(format!("signal {session} {number}\n"));
    }

    /// Lets go of it, and waits until it is gone; or only ends the session, where it lingers.
    pub(super) async fn end(self, session: &str) -> Result<(), Error> {
        match self.end {
            End::Lingers => {
                self.orders.give(format!("done {session}\n"));
                self.orders.close().await;
                Ok(())
            }
            End::WithClient(mut removal) => {
                self.orders.close().await;
                match tokio::time::timeout(PATIENCE, removal.exit_code()).await {
                    Ok(Ok(_)) => {
                        self.engine.transport.scope().gone(self.container.as_str());
                        Ok(())
                    }
                    // It hangs, or the engine lost track of it. One that is gone is fine.
                    _ => self.engine.remove(&self.container).await,
                }
            }
        }
    }
}

/// Reads `keeper PID`. Anything else is the engine's or the launcher's complaint.
async fn read_pid(connection: &mut Hijacked) -> Result<u32, Error> {
    let mut decoder = FrameDecoder::new(Framing::Multiplexed);
    let mut buffer = [0; 1024];
    let mut said = Vec::new();
    loop {
        let count = connection.reader.read(&mut buffer).await.map_err(|error| Error::transport("the keeper", error))?;
        let mut chunk = &buffer[..count];
        while let Some(event) = decoder.decode(&mut chunk)? {
            match event {
                FrameEvent::Data(piece) => said.extend_from_slice(piece.payload),
                FrameEvent::DaemonError(message) => return Err(Error::Keeper { reason: message }),
            }
        }
        let line = said.split(|&byte| byte == b'\n').next().filter(|line| line.len() < said.len());
        if let Some(pid) = line.and_then(|line| std::str::from_utf8(line).ok()?.strip_prefix("keeper ")?.parse().ok()) {
            return Ok(pid);
        }
        if count == 0 {
            let reason = String::from_utf8_lossy(&said).trim().to_owned();
            let reason = if reason.is_empty() { "it ended at once, and said nothing".to_owned() } else { reason };
            return Err(Error::Keeper { reason });
        }
    }
}

/// The container: no capability, no network, no secret, no host mount, nothing to write to.
fn container(plan: &Plan, session: &str) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(plan.toolkit_image.clone()),
        entrypoint: Some(vec![format!("{TOOLKIT_BIN}/{LAUNCHER_NAME}")]),
        cmd: Some(
            std::iter::once("keep".to_owned()).chain(plan.linger.map(|time| time.as_secs().to_string())).collect(),
        ),
        user: Some(plan.user.to_string()),
        labels: Some(labels::keeper_labels(session, plan)),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // The dead-man switch: the engine closes standard input when the one client that holds it is gone.
        stdin_once: Some(plan.linger.is_none()),
        // Beside network mode `none`: the runtime then makes the empty network namespace by itself, and does not call
        // back into the engine for it. That halves the time of a start.
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            // A copy joins the keeper, and not the other way round.
            pid_mode: (plan.mode != Mode::Copy).then(|| format!("container:{}", plan.target_id)),
            readonly_rootfs: Some(true),
            // It shares no memory: there is no `/dev/shm` to mount.
            ipc_mode: Some("none".to_owned()),
            auto_remove: Some(true),
            memory: Some(MEMORY),
            memory_swap: Some(MEMORY),
            pids_limit: Some(PROCESSES),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..beside_target(plan)
        }),
        ..ContainerCreateBody::default()
    }
}
