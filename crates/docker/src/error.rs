//! The errors of this crate.

use std::path::{Path, PathBuf};

use crate::api_version::ApiVersion;
use crate::endpoint::{Endpoint, EndpointError};
use crate::transport::BoxError;

/// No engine answered, or a server that is not an engine did.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach the engine at {endpoint}: {source}")]
pub struct Unreachable {
    /// The endpoint, with the setting that it comes from.
    pub endpoint: Box<Endpoint>,
    /// The cause.
    pub source: BoxError,
}

/// The engine did not respond in time.
#[derive(Debug, thiserror::Error)]
#[error("the engine at {endpoint} does not answer (waited {} s for it to {what})", waited.as_secs())]
pub struct Silent {
    /// The engine's endpoint.
    pub endpoint: Box<Endpoint>,
    /// How long nothing arrived.
    pub waited: std::time::Duration,
    /// The operation.
    pub what: &'static str,
}

/// The engine sent a response too slowly.
#[derive(Debug, thiserror::Error)]
#[error(
    "the engine at {endpoint} is too slow (waited {} s for it to {what}, in which {came} bytes came)",
    waited.as_secs()
)]
pub struct Slow {
    /// The engine's endpoint.
    pub endpoint: Box<Endpoint>,
    /// How long the client waited.
    pub waited: std::time::Duration,
    /// The operation.
    pub what: &'static str,
    /// How many bytes arrived in that time.
    pub came: u64,
}

/// The engine answered with an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the engine says: {message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The engine's message. It may contain text that a container controls.
    pub message: String,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Flags, environment and configuration yield no endpoint.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// No engine answers at the endpoint.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The engine accepted a request and does not respond.
    #[error(transparent)]
    Silent(#[from] Silent),
    /// The engine began a response and does not finish it in time.
    #[error(transparent)]
    Slow(#[from] Slow),
    /// The engine responds to other requests, but not to one about a container of a session.
    #[error("the engine does not finish with container {container}")]
    Unending {
        /// The container's id.
        container: String,
    },
    /// The engine does not respond to requests about a container that is not the target, and of
    /// which a session has to know whether it shares the target's PID namespace.
    #[error(
        "the engine does not answer about `{neighbor}`, another container: whether that is in the PID namespace of `{target}`, \
         where it could take the session's rights, cannot be seen"
    )]
    UnknownNeighbor {
        /// The container's name.
        neighbor: String,
        /// The target's name.
        target: String,
    },
    /// A container of another program needs an image of scratchdbg.
    #[error("the image {image} is in use by a container of somebody else, and stays")]
    ImageInUse {
        /// The reference of the image.
        image: String,
    },
    /// A session's keeper was removed, but its processes still run.
    #[error("session {session} has not ended: its processes in `{target}` go on, without a keeper")]
    SessionStillRuns {
        /// The session's id.
        session: String,
        /// The target's name.
        target: String,
        /// Whether the target is paused.
        is_paused: bool,
    },
    /// The user canceled while the client waited for the engine.
    #[error("interrupted, before the engine could {what}")]
    Canceled {
        /// The operation.
        what: &'static str,
    },
    /// The connection with a session's streams ended before all output of the command had arrived.
    #[error("the connection to the engine ended; how the command ended is not known")]
    ConnectionEnded,
    /// The engine is older than the oldest supported version.
    #[error(
        "the engine at {endpoint} speaks API {version}; {} is the oldest that works",
        ApiVersion::OLDEST_SUPPORTED
    )]
    EngineTooOld {
        /// The engine's endpoint.
        endpoint: Box<Endpoint>,
        /// The newest version that the engine supports.
        version: ApiVersion,
    },
    /// TLS cannot be set up.
    #[error("cannot set up tls: {0}")]
    Tls(BoxError),
    /// A TLS file cannot be used.
    #[error("cannot use {} for tls: {source}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: BoxError,
    },
    /// The text is not a container's name or id.
    #[error(transparent)]
    InvalidName(#[from] scratchdbg_backend::InvalidName),
    /// The engine has no such container.
    #[error("no container `{name}`")]
    NoSuchContainer {
        /// The name as given.
        name: String,
        /// Similar names of containers.
        similar: Vec<String>,
    },
    /// The engine has no such image.
    #[error("no image `{name}` in the engine")]
    NoSuchImage {
        /// The name as given.
        name: String,
    },
    /// The user of a session cannot be resolved.
    #[error(transparent)]
    User(#[from] crate::user::UserError),
    /// The requested session is not possible.
    #[error(transparent)]
    Refused(#[from] crate::plan::Refusal),
    /// The ids of several containers begin with this text.
    #[error("`{name}` is ambiguous: {} containers have ids that begin so", matches.len())]
    Ambiguous {
        /// The text as given.
        name: String,
        /// The names of those containers.
        matches: Vec<String>,
    },
    /// A Compose service has several containers.
    #[error("`{service}` is a Compose service with {} containers{}", containers.len(), of_projects(*projects))]
    SeveralOfService {
        /// The service.
        service: String,
        /// How many projects have such a service.
        projects: usize,
        /// The names of the containers.
        containers: Vec<String>,
    },
    /// The engine refused a request.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A request could not be sent, or its response is invalid.
    #[error("{what}: {source}")]
    Transport {
        /// The request.
        what: String,
        /// The cause.
        source: BoxError,
    },
    /// The container has a pipe or a device in place of a file in which users are looked up, so
    /// that the engine would wait for it.
    #[error("its {path} is {what}, for which the engine would wait for ever: it is not asked")]
    BlockingFile {
        /// The file.
        path: &'static str,
        /// The type of the file.
        what: &'static str,
    },
    /// The engine could not start the session's process inside the target.
    #[error("the engine cannot start the session inside the target: {message}")]
    ExecRefused {
        /// The engine's message.
        message: String,
        /// The exit code that the engine reports: 126 or 127.
        code: u8,
    },
    /// A directory of the engine's machine that a copy needs does not exist.
    #[error("{path} is not there any more: the copy cannot have it")]
    MountSourceGone {
        /// The path of the directory.
        path: String,
    },
    /// The engine refused or aborted the transfer of an image.
    #[error("the engine cannot load the image: {message}")]
    Load {
        /// The engine's message.
        message: String,
    },
    /// The content to send to the engine could not be produced.
    #[error("cannot produce what is sent: {0}")]
    Produce(#[source] BoxError),
    /// The log stream is damaged.
    #[error(transparent)]
    Frame(#[from] scratchdbg_logs::FrameError),
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(Box::new(error))
    }
}

/// Tells of how many Compose projects containers are, if they are of several.
fn of_projects(count: usize) -> String {
    if count > 1 { format!(", of {count} projects") } else { String::new() }
}

impl Error {
    pub(crate) fn transport(what: &str, source: impl Into<BoxError>) -> Self {
        Self::Transport { what: what.to_owned(), source: source.into() }
    }

    pub(crate) fn tls(source: impl Into<BoxError>) -> Self {
        Self::Tls(source.into())
    }

    pub(crate) fn tls_file(path: &Path, source: impl Into<BoxError>) -> Self {
        Self::TlsFile { path: path.to_owned(), source: source.into() }
    }

    /// Converts an error of bollard: to the engine's response, if there is one.
    pub(crate) fn bollard(what: &str, error: bollard::errors::Error) -> Self {
        match error {
            bollard::errors::Error::DockerResponseServerError { status_code, message } => {
                Self::Api(ApiError { status: status_code, message })
            }
            other => Self::transport(what, other),
        }
    }

    /// Reports whether no container has that name. Podman responds with 500 if the container was
    /// removed during the request.
    pub(crate) fn is_no_such_container(&self) -> bool {
        match self {
            Self::Api(error) => {
                error.status == 404 || error.message.trim_end().ends_with("no such container")
            }
            _ => false,
        }
    }

    /// Whether the engine reports that no image can have this name, for example one with capitals.
    /// A container can have it.
    pub(crate) fn is_invalid_reference(&self) -> bool {
        matches!(self, Self::Api(error) if error.message.contains("invalid reference format"))
    }

    /// Whether the engine answered with this HTTP status.
    pub(crate) fn is_status(&self, status: u16) -> bool {
        matches!(self, Self::Api(error) if error.status == status)
    }
}
