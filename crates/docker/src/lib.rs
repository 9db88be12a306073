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
mod facts;
mod files;
mod first_look;
mod hint;
mod image_backend;
mod images;
mod labels;
mod log_source;
mod log_storage;
mod logs;
mod name;
mod ours;
mod path;
mod plan;
mod reach;
mod scope;
mod session;
mod target;
mod transport;
mod twin;
mod user;

pub use self::api_version::{ApiVersion, NotAVersion};
pub use self::containers::{Change, NewContainer};
pub use self::endpoint::{
    Address, ContextError, DEFAULT_SOCKET, Endpoint, EndpointError, EndpointRequest, Origin, Tls,
};
pub use self::error::{ApiError, CommandEnd, Error, Silent, Unreachable};
pub use self::first_look::FirstLook;
pub use self::labels::{LABEL_SESSION, LABEL_TARGET};
pub use self::logs::LogStream;
pub use self::plan::{
    AttachRequest, CopySettings, Explanation, KeeperRights, LeftOut, Mode, Plan, Reason, Refusal, TOOLKIT_BIN,
    of_session_inside, plan,
};
pub use self::scope::Scope;
pub use self::session::{
    LingeringKeeper, Neighbour, Outcome, Part, Session, SessionState, Stage, Streams, Window, Wish,
};
pub use self::target::{Mount, Reach, Target};
pub use self::twin::{NotATwin, Twin};
pub use self::user::{NumericUser, ResolvedUser, UserError};

pub use scratchdbg_backend::{ContainerName, State};

use self::transport::Transport;

/// The name of the launcher in a toolkit image, below [`TOOLKIT_BIN`].
pub const LAUNCHER_NAME: &str = "scratchdbg-launcher";

/// The name under which the launcher runs the command line of the container that a session is a copy of.
pub const RUN_ENTRYPOINT: &str = "run-entrypoint";

/// The launcher: a static program for the platform that this crate was compiled for. Empty where none can be made.
pub const LAUNCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scratchdbg-launcher"));

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
    pub fn within(&self, scope: &Scope) -> Self {
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
