//! The container of a session: a sidecar, and the settings that it shares with a copy and a keeper.

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use hyper::Method;
use scratchdbg_backend::How;

use super::beside_target;
use super::exit_waiter::ExitWaiter;
use crate::files::percent_encode;
use crate::transport::{Hijacked, full};
use crate::{ContainerName, Engine, Error, SessionPlan};

/// The limits of a sidecar: enough for tools, too little to starve the host.
const SIDECAR_MEMORY: i64 = 512 << 20;
const SIDECAR_PROCESSES: i64 = 256;

/// Returns the settings of a sidecar, which shares the target's processes and network, and has a
/// root of its own.
pub(super) fn sidecar(plan: &SessionPlan, environment: Vec<String>) -> ContainerCreateBody {
    let target = format!("container:{}", plan.view.target_id);
    let image =
        if let How::Sidecar(sidecar) = &plan.view.how { Some(&*sidecar.image) } else { None };
    let capabilities = plan.view.capabilities();
    ContainerCreateBody {
        image: image.map(str::to_owned),
        user: Some(plan.view.user.to_string()),
        env: Some(environment),
        // The launcher changes to the target's root.
        working_dir: Some("/".to_owned()),
        host_config: Some(HostConfig {
            pid_mode: Some(target.clone()),
            network_mode: Some(target),
            cap_add: Some(capabilities.to_vec()),
            memory: Some(SIDECAR_MEMORY),
            pids_limit: Some(SIDECAR_PROCESSES),
            ..beside_target(plan, capabilities.is_empty())
        }),
        ..ContainerCreateBody::default()
    }
}

/// Adds the settings of every container with a session's process. The tools are in an anonymous
/// volume, so that nothing is written into the root, which may be read-only. The engine removes the
/// volume with the container.
pub(super) fn interactive(
    body: ContainerCreateBody,
    tty: bool,
    tools: Option<&str>,
) -> ContainerCreateBody {
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

/// Creates a container, copies the tools into it, attaches, waits for its end, and starts it. In
/// this order no output and no end is missed. Leaves nothing behind on failure.
pub(super) async fn start_container(
    engine: &Engine,
    name: &str,
    body: ContainerCreateBody,
    tools: Option<(String, &[u8])>,
    detach_keys: Option<&str>,
) -> Result<(ContainerName, ExitWaiter, Hijacked), Error> {
    let container = engine.create(name, body).await?;
    let started = async {
        // An image may contain such files: a copy's image has what its original's processes wrote.
        engine.expect_no_blocking_file(&container).await?;
        if let Some((folder, archive)) = tools {
            engine.unpack(&container, &folder, archive).await?;
        }
        attach_and_start(engine, &container, detach_keys).await
    };
    match started.await {
        Ok((exit_waiter, streams)) => Ok((container, exit_waiter, streams)),
        Err(error) => {
            // The engine removes only containers that have run.
            let _already_gone = engine.remove(&container).await;
            Err(error)
        }
    }
}

/// Attaches to a container, waits for its end, and starts it. Keepers use this too.
pub(super) async fn attach_and_start(
    engine: &Engine,
    container: &ContainerName,
    detach_keys: Option<&str>,
) -> Result<(ExitWaiter, Hijacked), Error> {
    let keys =
        detach_keys.map(|keys| format!("&detachKeys={}", percent_encode(keys))).unwrap_or_default();
    let path = format!("/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1{keys}");
    let attach = engine.transport.request(Method::POST, &path, full(""))?;
    // Both requests precede the start, so that nothing is missed.
    let (exit_waiter, streams) =
        tokio::try_join!(ExitWaiter::ask(engine, container), engine.transport.hijack(attach))?;
    engine.start(container).await?;
    Ok((exit_waiter, streams))
}
