//! What can go wrong between us and an engine.

use std::path::{Path, PathBuf};

use crate::api_version::ApiVersion;
use crate::endpoint::{Endpoint, EndpointError};
use crate::transport::BoxError;

/// An engine did not answer, or not as an engine does.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach the engine at {endpoint}: {source}")]
pub struct Unreachable {
    /// Where we tried, and what named it.
    pub endpoint: Box<Endpoint>,
    /// What happened.
    pub source: BoxError,
}

/// An engine was waited for, and given up.
#[derive(Debug, thiserror::Error)]
#[error("the engine at {endpoint} does not answer (waited {} s for it to {what})", waited.as_secs())]
pub struct Silent {
    /// Where it is.
    pub endpoint: Box<Endpoint>,
    /// How long nothing came.
    pub waited: std::time::Duration,
    /// What it was to do.
    pub what: &'static str,
}

/// An engine sent an answer too slowly, and was given up.
#[derive(Debug, thiserror::Error)]
#[error(
    "the engine at {endpoint} is too slow (waited {} s for it to {what}, in which {came} bytes came)",
    waited.as_secs()
)]
pub struct Slow {
    /// Where it is.
    pub endpoint: Box<Endpoint>,
    /// How long it was waited for.
    pub waited: std::time::Duration,
    /// What it was to do.
    pub what: &'static str,
    /// How much came in that time.
    pub came: u64,
}

/// The engine answered with an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the engine says: {message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The engine's words. They may quote what a container controls.
    pub message: String,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No endpoint could be made of flags, environment and configuration.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// No engine answers at the endpoint.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The engine has accepted a request, and does not answer.
    #[error(transparent)]
    Silent(#[from] Silent),
    /// The engine has begun an answer, and comes to no end with it.
    #[error(transparent)]
    Slow(#[from] Slow),
    /// The engine answers other questions, and comes to no end with a container of a session.
    #[error("the engine does not finish with container {container}")]
    Unending {
        /// Its id.
        container: String,
    },
    /// A container that is not ours needs an image of ours.
    #[error("the image {image} is in use by a container of somebody else, and stays")]
    ImageInUse {
        /// Its reference.
        image: String,
    },
    /// A session's keeper was removed, and its processes go on.
    #[error("session {session} has not ended: its processes in `{target}` go on, without a keeper")]
    SessionGoesOn {
        /// Its id.
        session: String,
        /// The target's name.
        target: String,
        /// The target is paused.
        is_paused: bool,
    },
    /// The user wished for the end while the engine was waited for.
    #[error("interrupted, before the engine could {what}")]
    CalledOff {
        /// What the engine was to do.
        what: &'static str,
    },
    /// The connection that a session's streams went over ended before all that the command wrote had come.
    #[error("the connection to the engine ended; how the command ended is not known")]
    ConnectionEnded,
    /// The engine is older than anything that was tried.
    #[error("the engine at {endpoint} speaks API {version}; {} is the oldest that works", ApiVersion::OLDEST_SUPPORTED)]
    EngineTooOld {
        /// Where the engine is.
        endpoint: Box<Endpoint>,
        /// The newest version it offers.
        version: ApiVersion,
    },
    /// TLS cannot be set up.
    #[error("cannot set up tls: {0}")]
    Tls(BoxError),
    /// A file with TLS material cannot be used.
    #[error("cannot use {} for tls: {source}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: BoxError,
    },
    /// Not a container's name or id.
    #[error(transparent)]
    InvalidName(#[from] scratchdbg_backend::InvalidName),
    /// The engine has no such container.
    #[error("no container `{name}`")]
    NoSuchContainer {
        /// What was given.
        name: String,
        /// Names of containers that look like it.
        similar: Vec<String>,
    },
    /// The engine has no such image.
    #[error("no image `{name}` in the engine")]
    NoSuchImage {
        /// What was given.
        name: String,
    },
    /// Who a session would run as cannot be found out.
    #[error(transparent)]
    User(#[from] crate::user::UserError),
    /// There can be no such session.
    #[error(transparent)]
    Refused(#[from] crate::plan::Refusal),
    /// More than one container's id begins like this.
    #[error("`{name}` is ambiguous: {} containers have ids that begin so", matches.len())]
    Ambiguous {
        /// What was given.
        name: String,
        /// The names of those containers.
        matches: Vec<String>,
    },
    /// The engine refused a request.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A request did not get through, or its answer was not understood.
    #[error("{what}: {source}")]
    Transport {
        /// The request.
        what: String,
        /// What happened.
        source: BoxError,
    },
    /// The engine could not start the session's process inside the target.
    #[error("the engine cannot start the session inside the target: {message}")]
    ExecRefused {
        /// The engine's words.
        message: String,
        /// The exit code that the engine gives: 126 or 127.
        code: u8,
    },
    /// A folder of the engine's machine that a copy should have is not there.
    #[error("{path} is not there any more: the copy cannot have it")]
    MountSourceGone {
        /// Its path.
        path: String,
    },
    /// The engine stopped the transfer of an image, or refused it.
    #[error("the engine cannot load the image: {message}")]
    Load {
        /// The engine's words.
        message: String,
    },
    /// What was to be sent to the engine could not be produced.
    #[error("cannot produce the image: {0}")]
    Produce(#[source] BoxError),
    /// The stream of logs is damaged.
    #[error(transparent)]
    Frame(#[from] scratchdbg_logs::FrameError),
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(Box::new(error))
    }
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

    /// An error of bollard: the engine's answer where there is one.
    pub(crate) fn bollard(what: &str, error: bollard::errors::Error) -> Self {
        match error {
            bollard::errors::Error::DockerResponseServerError { status_code, message } => {
                Self::Api(ApiError { status: status_code, message })
            }
            other => Self::transport(what, other),
        }
    }

    /// Whether the engine says that there is no container of that name. Podman answers 500 when it was removed while it was
    /// looked at.
    pub(crate) fn is_no_such_container(&self) -> bool {
        match self {
            Self::Api(error) => error.status == 404 || error.message.trim_end().ends_with("no such container"),
            _ => false,
        }
    }

    /// Whether the engine says that no image can have such a name, as one with capitals. A container can.
    pub(crate) fn is_invalid_reference(&self) -> bool {
        matches!(self, Self::Api(error) if error.message.contains("invalid reference format"))
    }

    /// Whether the engine answered with this HTTP status.
    pub(crate) fn is_status(&self, status: u16) -> bool {
        matches!(self, Self::Api(error) if error.status == status)
    }
}
