//! The platforms that this program knows: the one place that names them. Commands are written for any of them, and
//! [`on_platform!`] has one arm for each.

use scratchdbg_backend::{Error, Scope, SessionTarget};
use scratchdbg_docker::{Endpoint, EndpointRequest, InitialProbe};
/// What can be a name or a setting on any platform that we know.
pub(crate) use scratchdbg_docker::{are_detach_keys, is_image_reference};

use crate::args::Global;
use crate::blocking::blocking;
use crate::env::Environment;
use crate::error::CommandError;

/// The platform whose images can be had without a registry, and that images are loaded into.
pub(crate) type ImagePlatform = scratchdbg_docker::Engine;

/// Its error, before it is one of any platform.
pub(crate) type PlatformError = scratchdbg_docker::Error;

/// The demo's container and images there.
pub(crate) type Throwaway = scratchdbg_docker::Throwaway;

/// A platform that is connected to.
#[derive(Debug)]
pub(crate) enum Platform {
    /// Docker or Podman.
    Docker(scratchdbg_docker::Engine),
}

/// What was seen of a target while connecting, if that cost nothing.
#[derive(Debug)]
pub(crate) enum Looked {
    /// By Docker or Podman.
    Docker(Option<InitialProbe>),
}

/// Works with a platform, whichever it is.
macro_rules! on_platform {
    ($platform:expr, $name:ident => $work:expr) => {
        match $platform {
            $crate::platform::Platform::Docker($name) => $work,
        }
    };
}
pub(crate) use on_platform;

/// Connects to the platform that flags, environment and Docker's configuration name.
pub(crate) async fn connect(
    global: &Global,
    environment: &Environment,
    scope: &Scope,
) -> Result<Platform, CommandError> {
    let connected = scratchdbg_docker::Engine::connect(endpoint(global, environment).await?).await;
    let engine = connected.map_err(|error| suggest_other_sockets(error.into(), environment))?;
    Ok(Platform::Docker(engine.within(scope)))
}

/// Like [`connect`], and probes the target at the same time.
pub(crate) async fn connect_and_probe(
    target: &SessionTarget,
    global: &Global,
    environment: &Environment,
    scope: &Scope,
) -> Result<(Platform, Looked), CommandError> {
    let SessionTarget::Container(name) = target else {
        return Ok((connect(global, environment, scope).await?, Looked::Docker(None)));
    };
    let connected = scratchdbg_docker::Engine::connect_and_probe(endpoint(global, environment).await?, name).await;
    let (engine, looked) = connected.map_err(|error| suggest_other_sockets(error.into(), environment))?;
    Ok((Platform::Docker(engine.within(scope)), Looked::Docker(looked)))
}

async fn endpoint(global: &Global, environment: &Environment) -> Result<Endpoint, CommandError> {
    let request = EndpointRequest {
        host: global.host.clone(),
        context: global.context.clone(),
        docker_host: environment.docker_host.clone(),
        docker_context: environment.docker_context.clone(),
        tls_verify: environment.docker_tls_verify,
        cert_path: environment.docker_cert_path.clone(),
        config_dir: environment.docker_config.clone(),
    };
    blocking(move || Ok(Endpoint::resolve(&request).map_err(scratchdbg_docker::Error::from)?)).await
}

/// Engines without root listen elsewhere.
fn suggest_other_sockets(error: CommandError, environment: &Environment) -> CommandError {
    let folder = environment.runtime_dir.iter();
    let sockets = folder.flat_map(|folder| ["docker.sock", "podman/podman.sock"].map(|name| folder.join(name)));
    match sockets.into_iter().find(|socket| socket.exists()) {
        Some(socket) => error.hint(format!("there is a socket at {}: --host unix://{0}", socket.display())),
        None => error,
    }
}

impl From<scratchdbg_docker::Error> for CommandError {
    fn from(error: scratchdbg_docker::Error) -> Self {
        Error::from(error).into()
    }
}
