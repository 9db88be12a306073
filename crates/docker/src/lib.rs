//! Connects to container engines by the Docker API: endpoints, targets, plans, sessions, streams.
//!
//! Only this crate uses bollard. None of bollard's types appears in its public interface, so that
//! other implementations of [`scratchdbg_backend`] can stand beside it.

mod api_version;
mod archive;
mod client;
mod clock;
mod containers;
mod docker_config;
mod endpoint;
mod error;
mod event;
mod facts;
mod files;
mod hint;
mod image_backend;
mod images;
mod initial_probe;
mod labels;
mod log_source;
mod log_storage;
mod logs;
mod names;
mod ours;
mod plan;
mod reach;
mod session;
mod stand_in;
mod target;
mod transport;
mod twin;
mod upload;
mod user;

pub use self::api_version::{ApiVersion, NotAVersion};
pub use self::containers::Change;
pub use self::docker_config::detach_keys;
pub use self::endpoint::{
    Address, ContextError, DEFAULT_SOCKET, Endpoint, EndpointError, EndpointRequest, Origin, Tls,
    TlsFiles,
};
pub use self::error::{ApiError, Error, Silent, Slow, Unreachable};
pub use self::images::is_image_reference;
pub use self::initial_probe::InitialProbe;
pub use self::labels::{LABEL_SESSION, LABEL_TARGET};
pub use self::logs::LogStream;
pub use self::names::{Name, context_names};
pub use self::plan::{Refusal, SessionPlan};
pub use self::session::{Keeper, Process, ProcessOutput, ProcessProbe, ShownCommands, Throwaway};
pub use self::stand_in::StandIn;
pub use self::target::{Mount, Reach, Target};
pub use self::twin::{NotATwin, Twin};
pub use self::user::UserError;

pub use scratchdbg_backend::{ContainerName, Phase};

use self::transport::Transport;

/// A connection to an engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    transport: Transport,
    docker: bollard::Docker,
    endpoint: Endpoint,
}

impl Engine {
    /// Connects and negotiates the API version.
    pub async fn connect(endpoint: Endpoint) -> Result<Self, Error> {
        Self::over(Transport::connect(&endpoint).await?, endpoint)
    }

    fn over(transport: Transport, endpoint: Endpoint) -> Result<Self, Error> {
        let docker = transport.bollard()?;
        Ok(Self { transport, docker, endpoint })
    }

    /// Returns the same engine for requests that are part of this scope.
    #[must_use]
    pub fn within(&self, scope: &scratchdbg_backend::Scope) -> Self {
        Self { transport: self.transport.within(scope), ..self.clone() }
    }

    /// Reports whether the engine responds at all.
    pub async fn responds(&self) -> bool {
        self.transport.responds().await
    }

    /// Returns the engine's endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Reports whether the engine is Podman with its Docker-compatible API.
    pub fn is_podman(&self) -> bool {
        self.transport.is_podman()
    }

    /// Returns the negotiated API version: the newest that both sides support.
    pub fn api_version(&self) -> ApiVersion {
        self.transport.version()
    }
}
