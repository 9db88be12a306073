//! The keeper: an ephemeral container that holds the toolkit's files, shares the target's PID namespace, and lives as
//! long as the client holds its standard input.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use jiff::Timestamp;
use scratchdbg_logs::frame::{FrameDecoder, FrameEvent, Framing};
use tokio::io::AsyncReadExt as _;

use super::beside_target;
use super::lingering::{self, LingeringKeeper};
use super::orders::Orders;
use super::process::attach_and_start;
use super::removal::Removal;
use crate::ours::Role;
use crate::plan::{KeeperAddress, SESSIONS, TOOLKIT_BIN};
use crate::transport::Hijacked;
use crate::{ContainerName, Engine, Error, KeeperRights, LAUNCHER_NAME, Mode, Plan, labels};

/// The keeper's limits: it reads a pipe. What the session does counts against the target.
///
/// The memory is for the runtime, which starts it from within: runc's first process took over 15 MiB on a control group of
/// version 2, where its copy of itself counts too, and was killed at 16.
const MEMORY: i64 = 64 << 20;
const PROCESSES: i64 = 8;

/// What the folder of names is made with: nothing there is a file, save links. It takes the mode that the image has for it.
const SESSIONS_OPTIONS: &str = "size=64k,mode=1733";

/// How long the engine may take to start the keeper, or to remove it after its end.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the keeper may take to go once it is told to: it ends what is left of the session first.
const GOES_WITHIN: Duration = Duration::from_secs(4);

/// How long its removal may take after that, when it has been asked for. What is not gone then is told.
const REMOVED_WITHIN: Duration = Duration::from_secs(6);

/// The longest line that a keeper says at its start. Whoever can write to its output may say more.
const LONGEST_LINE: usize = 512;

/// A running keeper. Dropping it closes its standard input, and so ends it and its sessions, unless it lingers: then it
/// ends the sessions whose clients fall silent.
#[derive(Debug)]
pub(super) struct Keeper {
    engine: Engine,
    container: ContainerName,
    address: KeeperAddress,
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
            let name = labels::new_way().map_err(|error| Error::transport("random bytes for a session", error))?;
            let orders = Orders::to_lingering(engine, &container, session, &name);
            let address = KeeperAddress { pid, name, container: container.to_string() };
            return Ok(Self { engine: engine.clone(), container, address, orders, end: End::Lingers });
        }
        let body = container(plan, session, engine.now());
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
        let (pid, name) = tokio::time::timeout(PATIENCE, read_address(&mut connection))
            .await
            .map_err(|_| Error::Keeper { reason: "it said nothing".to_owned() })??;
        let end = if plan.linger.is_some() {
            engine.rename(container, &lingering::name(session, pid)).await?;
            // It is to stay.
            engine.transport.scope().gone(container.as_str());
            End::Lingers
        } else {
            End::WithClient(removal)
        };
        let orders = Orders::over(connection, session);
        let address = KeeperAddress { pid, name, container: container.to_string() };
        Ok(Self { engine: engine.clone(), container: container.clone(), address, orders, end })
    }

    /// Its container.
    pub(super) fn container(&self) -> &ContainerName {
        &self.container
    }

    /// Where it and the tools are.
    pub(super) fn address(&self) -> &KeeperAddress {
        &self.address
    }

    /// Waits until the way to the tools is open: a keeper that lingers has to be asked first.
    pub(super) async fn opened(&mut self) -> Result<(), Error> {
        self.orders.opened().await
    }

    /// Passes a signal on to the command of a session.
    pub(super) fn signal(&self, session: &str, number: u8) {
        self.orders.give(format!("signal {session} {number}\n"));
    }

    /// Lets go of it, and waits until it is gone; or only ends the session, where it lingers.
    pub(super) async fn end(self, session: &str) -> Result<(), Error> {
        // The end of the input says the same, unless another process holds it open.
        self.orders.give(format!("done {session}\n"));
        self.orders.close().await;
        match self.end {
            End::Lingers => Ok(()),
            End::WithClient(mut removal) => {
                match tokio::time::timeout(GOES_WITHIN, removal.exit_code()).await {
                    Ok(Ok(_)) => {
                        self.engine.transport.scope().gone(self.container.as_str());
                        Ok(())
                    }
                    // It hangs, or the engine lost track of it. One that is gone is fine.
                    _ => self.engine.remove_within(&self.container, REMOVED_WITHIN).await,
                }
            }
        }
    }
}

/// Reads what the keeper says first. Anything else is the engine's or the launcher's complaint, or a lie of a process with as many
/// rights: it is not gone on with.
async fn read_address(connection: &mut Hijacked) -> Result<(u32, String), Error> {
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
        if let Some(address) = line.and_then(parse_address) {
            return Ok(address);
        }
        if line.is_some() || count == 0 || said.len() > LONGEST_LINE {
            let words = &said[..said.len().min(LONGEST_LINE)];
            let reason = String::from_utf8_lossy(words).trim().to_owned();
            let reason = if reason.is_empty() { "it ended at once, and said nothing".to_owned() } else { reason };
            return Err(Error::Keeper { reason });
        }
    }
}

/// `keeper PID NAME`, and nothing that could lead anywhere else.
fn parse_address(line: &[u8]) -> Option<(u32, String)> {
    let (pid, name) = std::str::from_utf8(line).ok()?.strip_prefix("keeper ")?.split_once(' ')?;
    let is_pid = pid.bytes().all(|byte| byte.is_ascii_digit()) && !pid.starts_with('0');
    let is_name = name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_pid && is_name { Some((pid.parse().ok()?, name.to_owned())) } else { None }
}

/// The container: the session's rights and not one more, no network, no secret, no host mount. Its root is read-only. What it
/// has in memory (the names of sessions, `/dev`) is no matter: who may write there may trace it, and can give it a program to run
/// without a file (`memfd_create(2)`).
fn container(plan: &Plan, session: &str, now: Timestamp) -> ContainerCreateBody {
    let KeeperRights { added, dropped, .. } = plan.keeper_rights.clone();
    ContainerCreateBody {
        image: Some(plan.toolkit_image.clone()),
        entrypoint: Some(vec![format!("{TOOLKIT_BIN}/{LAUNCHER_NAME}")]),
        cmd: Some(
            ["keep".to_owned(), session.to_owned()]
                .into_iter()
                .chain(plan.linger.map(|time| time.as_secs().to_string()))
                .collect(),
        ),
        user: Some(plan.user.to_string()),
        env: Some(vec![format!("PATH={TOOLKIT_BIN}")]),
        working_dir: Some("/".to_owned()),
        labels: Some(labels::keeper_labels(session, plan, now)),
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

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[test]
    fn an_address_leads_nowhere_else() {
        const NAME: &str = "0123456789abcdef0123456789abcdef";
        let parse = |pid: &str, name: &str| parse_address(format!("keeper {pid} {name}").as_bytes());
        assert_eq!(parse("42", NAME), Some((42, NAME.to_owned())));
        for (pid, name) in [
            ("", NAME),
            ("0", NAME),
            ("042", NAME),
            ("+42", NAME),
            ("-1", NAME),
            ("99999999999", NAME),
            ("self", NAME),
            ("1/root/../../42", NAME),
            ("42", ""),
            ("42", "../../../../../../../../tmp/12345"),
            ("42", &NAME.to_uppercase()),
            ("42", &format!("{NAME} ")),
            ("42", &format!("{NAME}0")),
            ("42", &NAME[1..]),
        ] {
            assert_eq!(parse(pid, name), None, "{pid:?} {name:?}");
        }
        assert_eq!(parse_address(b"keeper 42"), None);
        assert_eq!(parse_address(b""), None);
    }
}
