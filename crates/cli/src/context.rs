//! The state that all commands share.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

#[cfg(feature = "kubernetes")]
use scratchdbg_backend::ErrorKind;
use scratchdbg_backend::{self as backend, Scope, SessionTarget};
use scratchdbg_console::printer::Printer;
use scratchdbg_inspect::{RegistryImage, Sources};
use scratchdbg_registry::Registry;
use scratchdbg_session::tools::HostToolkit;
use scratchdbg_settings::Settings;
use tokio::sync::OnceCell;

use crate::env::Environment;
use crate::error::CommandError;
use crate::platform::{self, ImagePlatform, Location, Platform, Probed};
use scratchdbg_args::{Global, KubernetesArgs};

/// The environment, options and connections of a command.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) environment: Environment,
    pub(crate) settings: Settings,
    pub(crate) printer: Printer,
    pub(crate) host_toolkit: HostToolkit,
    /// Tracks the command's work in the engine, so that the work can be canceled.
    pub(crate) scope: Scope,
    platform: OnceCell<Platform>,
    registry: OnceLock<Registry>,
}

impl Context {
    pub(crate) fn new(
        global: Global,
        environment: Environment,
        settings: Settings,
        printer: Printer,
    ) -> Self {
        let host_toolkit = HostToolkit::default();
        Self {
            global,
            environment,
            settings,
            printer,
            host_toolkit,
            scope: Scope::default(),
            platform: OnceCell::new(),
            registry: OnceLock::new(),
        }
    }

    /// Returns the platform that flags, environment and Docker's configuration name. The first call
    /// connects.
    pub(crate) async fn platform(&self) -> Result<&Platform, CommandError> {
        self.platform
            .get_or_try_init(|| platform::connect(&self.global, &self.environment, &self.scope))
            .await
    }

    /// Returns the platform of these targets: the engine, or the Kubernetes cluster that the
    /// options name.
    pub(crate) async fn platform_of(
        &self,
        targets: &[String],
        options: &KubernetesArgs,
    ) -> Result<&Platform, CommandError> {
        match platform::location(targets, options)? {
            Location::Engine => self.platform().await,
            Location::Cluster => {
                let connect =
                    || platform::connect_to_cluster(options, &self.environment, &self.scope);
                self.platform.get_or_try_init(connect).await
            }
        }
    }

    /// Like [`Context::platform`], and probes the target if this call connects. A name that no
    /// container has is replaced by that of the container that is meant.
    pub(crate) async fn platform_with_probe(
        &self,
        target: &mut SessionTarget,
    ) -> Result<(&Platform, Option<Probed>), CommandError> {
        let mut seen = None;
        let connect = async {
            let connected = platform::connect_and_probe(
                target,
                &self.global,
                &self.environment,
                &self.scope,
                self.printer,
            );
            let (platform, probed) = Box::pin(connected).await?;
            seen = Some(probed);
            Ok::<_, CommandError>(platform)
        };
        let platform = self.platform.get_or_try_init(|| connect).await?;
        Ok((platform, seen))
    }

    /// Returns the platform that stores images.
    pub(crate) async fn images(&self) -> Result<&ImagePlatform, backend::Error> {
        match self.platform().await? {
            Platform::Docker(engine) => Ok(engine),
            #[cfg(feature = "kubernetes")]
            Platform::Kubernetes(_) => Err(backend::Error::new(
                ErrorKind::Unsupported,
                "a Kubernetes cluster shows no images of its nodes",
            )),
        }
    }

    /// Returns the client for registries, with the credentials of Docker's configuration. Files are
    /// read and requests are sent on first use.
    pub(crate) fn registry(&self) -> Result<&Registry, CommandError> {
        if let Some(registry) = self.registry.get() {
            return Ok(registry);
        }
        let registry = Registry::new(self.environment.docker_config.as_deref());
        let registry = registry.map_err(|error| crate::registry::explain(&error))?;
        let printer = self.printer;
        let registry = registry.with_wait_reporter(move |name, wait| {
            if std::io::stderr().is_terminal() {
                printer.note(&format!(
                    "the registry {name} is busy: trying again in {} s",
                    wait.as_secs()
                ));
            }
        });
        Ok(self.registry.get_or_init(|| registry))
    }
}

/// Connects when an image of the engine, or of a registry, is first needed.
impl Sources for Context {
    type Platform = ImagePlatform;

    async fn platform(&self) -> Result<&ImagePlatform, backend::Error> {
        self.images().await
    }

    async fn pull(&self, reference: &str) -> Result<RegistryImage, backend::Error> {
        crate::registry::pull(reference, self).await
    }
}
