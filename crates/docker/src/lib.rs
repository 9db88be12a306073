//! Talks to container engines by the Docker API: endpoints, typed targets, plans, sessions, streams.
//!
//! The only home of bollard: none of its types leaves this crate, so that another way to an engine can be put beside
//! it behind the same types.

mod api_version;
mod client;
mod clock;
mod containers;
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
mod ours;
mod plan;
mod reach;
mod session;
mod target;
mod transport;
mod twin;
mod user;

pub use self::api_version::{ApiVersion, NotAVersion};
pub use self::containers::Change;
pub use self::endpoint::{
    Address, ContextError, DEFAULT_SOCKET, Endpoint, EndpointError, EndpointRequest, Origin, Tls,
};
pub use self::error::{ApiError, Error, Silent, Slow, Unreachable};
pub use self::images::is_image_reference;
pub use self::initial_probe::InitialProbe;
pub use self::labels::{LABEL_SESSION, LABEL_TARGET};
pub use self::logs::LogStream;
pub use self::plan::{Refusal, SessionPlan};
pub use self::session::{Keeper, Process, ProcessOutput, ProcessProbe, ShownCommands, Throwaway, are_detach_keys};
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
    /// Connects, and settles the API version.
    pub async fn connect(endpoint: Endpoint) -> Result<Self, Error> {
        Self::over(Transport::connect(&endpoint).await?, endpoint)
    }

    fn over(transport: Transport, endpoint: Endpoint) -> Result<Self, Error> {
        let docker = transport.bollard()?;
        Ok(Self { transport, docker, endpoint })
    }

    /// The same engine, for what is part of this scope.
    #[must_use]
    pub fn within(&self, scope: &scratchdbg_backend::Scope) -> Self {
        Self { transport: self.transport.within(scope), ..self.clone() }
    }

    /// Whether it answers at all.
    pub async fn is_there(&self) -> bool {
        self.transport.is_there().await
    }

    /// Where the engine is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// It is Podman, behind its Docker-compatible API.
    pub fn is_podman(&self) -> bool {
        self.transport.is_podman()
    }

    /// The API version in use: the newest that both sides know.
    pub fn api_version(&self) -> ApiVersion {
        self.transport.version()
    }
}
