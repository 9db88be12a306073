//! What every command is given.

use std::sync::OnceLock;

use scratchdbg_backend::{self as backend, ContainerName, Scope};
use scratchdbg_docker::{Endpoint, EndpointRequest, Engine, FirstLook};
use scratchdbg_inspect::{Remote, Sources};
use scratchdbg_registry::Registry;
use scratchdbg_session::tools::HostToolkit;
use tokio::sync::OnceCell;

use crate::args::Global;
use crate::blocking::blocking;
use crate::env::Environment;
use crate::error::CommandError;
use crate::printer::Printer;

/// The surroundings of a command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) environment: Environment,
    pub(crate) printer: Printer,
    pub(crate) host_toolkit: HostToolkit,
    /// What the command does in the engine.
    pub(crate) scope: Scope,
    engine: OnceCell<Engine>,
    registry: OnceLock<Registry>,
}

impl Context {
    pub(crate) fn new(global: Global, environment: Environment, printer: Printer) -> Self {
        let host_toolkit = HostToolkit::default();
        Self {
            global,
            environment,
            printer,
            host_toolkit,
            scope: Scope::default(),
            engine: OnceCell::new(),
            registry: OnceLock::new(),
        }
    }

    /// The same, for those who take any platform's errors.
    pub(crate) async fn platform(&self) -> Result<Engine, scratchdbg_backend::Error> {
        Ok(self.engine().await?.clone())
    }

    /// The engine that flags, environment and Docker's configuration name. Connects when it is first asked for.
    pub(crate) async fn engine(&self) -> Result<&Engine, CommandError> {
        self.engine.get_or_try_init(|| self.connect()).await
    }

    /// The same. When it connects, it looks at a container in the same breath.
    pub(crate) async fn engine_looking_at(
        &self,
        container: &ContainerName,
    ) -> Result<(&Engine, Option<FirstLook>), CommandError> {
        let mut look = None;
        let connect = async {
            let connected = Engine::connect_looking_at(self.endpoint().await?, container).await;
            let (engine, first) = connected.map_err(|error| self.suggest_other_sockets(error.into()))?;
            look = first;
            Ok::<_, CommandError>(engine.within(&self.scope))
        };
        let engine = self.engine.get_or_try_init(|| connect).await?;
        Ok((engine, look))
    }

    /// Registries, with the credentials of Docker's configuration. Nothing is read or asked before it is needed.
    pub(crate) fn registry(&self) -> Result<&Registry, CommandError> {
        if let Some(registry) = self.registry.get() {
            return Ok(registry);
        }
        let registry = Registry::new(self.environment.docker_config.as_deref());
        let registry = registry.map_err(|error| crate::registry::explain(&error))?;
        Ok(self.registry.get_or_init(|| registry))
    }

    async fn connect(&self) -> Result<Engine, CommandError> {
        let connected = Engine::connect(self.endpoint().await?).await;
        let engine = connected.map_err(|error| self.suggest_other_sockets(error.into()))?;
        Ok(engine.within(&self.scope))
    }

    async fn endpoint(&self) -> Result<Endpoint, CommandError> {
        let environment = &self.environment;
        let request = EndpointRequest {
            host: self.global.host.clone(),
            context: self.global.context.clone(),
            docker_host: environment.docker_host.clone(),
            docker_context: environment.docker_context.clone(),
            tls_verify: environment.docker_tls_verify,
            cert_path: environment.docker_cert_path.clone(),
            config_dir: environment.docker_config.clone(),
        };
        blocking(move || Ok(Endpoint::resolve(&request).map_err(scratchdbg_docker::Error::from)?)).await
    }

    /// Engines without root listen elsewhere.
    fn suggest_other_sockets(&self, error: CommandError) -> CommandError {
        let folder = self.environment.runtime_dir.iter();
        let sockets = folder.flat_map(|folder| ["docker.sock", "podman/podman.sock"].map(|name| folder.join(name)));
        match sockets.into_iter().find(|socket| socket.exists()) {
            Some(socket) => error.hint(format!("there is a socket at {}: --host unix://{0}", socket.display())),
            None => error,
        }
    }
}

/// Connects when an image of the engine, or of a registry, is first asked for.
impl Sources for Context {
    type Platform = Engine;

    async fn platform(&self) -> Result<&Engine, backend::Error> {
        Ok(self.engine().await?)
    }

    async fn pull(&self, reference: &str) -> Result<Remote, backend::Error> {
        crate::registry::pull(reference, self).await
    }
}
