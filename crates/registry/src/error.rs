//! The errors of pushing and pulling.

use std::time::Duration;

use scratchdbg_image::{Digest, ImageError};

use crate::credentials::CredentialError;

/// An error of the communication with a registry. The registry's own messages are included
/// unescaped, cut to a length: escape them before showing them on a terminal. No error contains a
/// secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no registry accepts.
    #[error("`{text}` is not the name of an image in a registry: {reason}")]
    InvalidReference {
        /// The text as given.
        text: String,
        /// The problem.
        reason: String,
    },
    /// The registry cannot be reached, or the connection ends before any response.
    #[error("cannot reach the registry {registry}: {reason}")]
    Unreachable {
        /// The registry's name.
        registry: String,
        /// The reason.
        reason: String,
    },
    /// The registry does not encrypt.
    #[error("the registry {registry} speaks plain HTTP")]
    PlainHttp {
        /// The registry's name.
        registry: String,
    },
    /// The registry's certificate is not trusted, or its TLS is incompatible.
    #[error("cannot make a secure connection to the registry {registry}: {reason}")]
    Tls {
        /// The registry's name.
        registry: String,
        /// The reason.
        reason: String,
    },
    /// The registry stopped responding.
    #[error("the registry {registry} sent nothing for {} seconds: {what}", after.as_secs())]
    Silent {
        /// The registry's name.
        registry: String,
        /// The operation.
        what: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The registry sends too slowly to ever finish.
    #[error("the registry {registry} is too slow: {came} bytes in {} seconds of {what}", after.as_secs())]
    Slow {
        /// The registry's name.
        registry: String,
        /// The operation.
        what: String,
        /// How long the client waited.
        after: Duration,
        /// How many bytes arrived in that time.
        came: u64,
    },
    /// The registry requires authentication, and no available credential suffices.
    #[error("the registry {registry} {}", if *had_credentials { "rejected the credentials that are stored for it" } else { "requires credentials, and none are stored for it" })]
    Unauthorized {
        /// The registry's name.
        registry: String,
        /// Whether there were credentials.
        had_credentials: bool,
    },
    /// The credentials do not permit the request.
    #[error("the registry {registry} denies {what}{}", said(message))]
    Denied {
        /// The registry's name.
        registry: String,
        /// The operation.
        what: String,
        /// The registry's message.
        message: String,
    },
    /// The image does not exist, or is hidden from this user.
    #[error("the registry {registry} has no {what}")]
    NotFound {
        /// The registry's name.
        registry: String,
        /// The missing object.
        what: String,
    },
    /// The registry's storage quota is exhausted.
    #[error("the registry {registry} has no room for {what}{}", said(message))]
    Quota {
        /// The registry's name.
        registry: String,
        /// The object that was sent.
        what: String,
        /// The registry's message.
        message: String,
    },
    /// The object exceeds a limit of the registry or of a proxy.
    #[error("the registry {registry} does not accept anything as large as {what}{}", said(message))]
    TooLarge {
        /// The registry's name.
        registry: String,
        /// The object that was sent.
        what: String,
        /// The registry's message.
        message: String,
    },
    /// Too many requests, or a server error, after all attempts.
    #[error("the registry {registry} is not available ({status}) for {what}{}{}", asked_to_wait(*wait), said(message))]
    Busy {
        /// The registry's name.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// The operation.
        what: String,
        /// The registry's message.
        message: String,
        /// How long the registry asks to wait.
        wait: Option<Duration>,
    },
    /// The registry refused for any other reason.
    #[error("the registry {registry} answered {status} for {what}{}", said(message))]
    Refused {
        /// The registry's name.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// The operation.
        what: String,
        /// The registry's message.
        message: String,
    },
    /// A response violates the specification, or asks for something that no client should do.
    #[error("the registry {registry} {reason}")]
    Protocol {
        /// The registry's name.
        registry: String,
        /// The violation.
        reason: String,
    },
    /// The token server has an origin that must not receive the credentials.
    #[error(
        "the registry {registry} asks for its credentials to be sent to {realm}; they were not sent"
    )]
    ForeignRealm {
        /// The registry's name.
        registry: String,
        /// The origin of the token server.
        realm: String,
    },
    /// The content does not match its digest.
    #[error("the registry {registry} sent {what} with the digest {actual} instead of {expected}")]
    DigestMismatch {
        /// The registry's name.
        registry: String,
        /// The object.
        what: String,
        /// The expected digest.
        expected: Digest,
        /// The digest of the content.
        actual: String,
    },
    /// The connection broke too often during a transfer.
    #[error("the connection to the registry {registry} broke during {what}: {reason}")]
    Broken {
        /// The registry's name.
        registry: String,
        /// The object that was transferred.
        what: String,
        /// The reason.
        reason: String,
    },
    /// The credentials could not be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The image could not be read while it was sent.
    #[error(transparent)]
    Image(#[from] ImageError),
}

fn asked_to_wait(wait: Option<Duration>) -> String {
    wait.map_or(String::new(), |wait| format!(", and asks to wait for {} s", wait.as_secs()))
}

/// Formats the registry's message for the end of an error.
fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Error {
    /// Returns what the user can do, if known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::InvalidReference { .. } => "write it as [HOST[:PORT]/]REPOSITORY[:TAG] or REPOSITORY@sha256:DIGEST".to_owned(),
            Self::Unreachable { registry, .. } => format!("check the name {registry} and the network"),
            Self::PlainHttp { .. } => {
                "plain HTTP is allowed only for this machine (localhost, 127.0.0.1): give the registry a certificate, or \
                 connect through `ssh -L`"
                    .to_owned()
            }
            Self::Tls { .. } => {
                "to trust an authority of your own, add it to the system's certificates, or to the file that SSL_CERT_FILE \
                 names"
                    .to_owned()
            }
            Self::Silent { .. } | Self::Slow { .. } | Self::Busy { .. } | Self::Broken { .. } => {
                "try again later; what has arrived is not sent again".to_owned()
            }
            Self::Unauthorized { registry, .. } => format!("log in: `docker login{}`", login(registry)),
            Self::Denied { registry, .. } => {
                format!("the account lacks the right to do this; log in with another: `docker login{}`", login(registry))
            }
            Self::NotFound { .. } => {
                "check the name, and log in if the image is private".to_owned()
            }
            Self::Quota { .. } => "remove images there, or raise the quota".to_owned(),
            Self::TooLarge { .. } => "a proxy in front of a registry often has its own limit".to_owned(),
            Self::ForeignRealm { .. } => "only a token server of the registry's own host or domain gets them: where you trust another, \
                                           write an archive or a layout, and push that with a client that sends them"
                .to_owned(),
            Self::DigestMismatch { .. } => {
                "it was damaged or tampered with, at the registry or on the way; nothing of it was used".to_owned()
            }
            Self::Credentials(error) => error.hint(),
            Self::Refused { .. } | Self::Protocol { .. } => {
                "check that it is a registry: it must implement the OCI distribution specification, under /v2/".to_owned()
            }
            Self::Image(_) => return None,
        };
        Some(hint)
    }
}

/// Returns the argument of `docker login`.
fn login(registry: &str) -> String {
    if registry == crate::origin::HUB { String::new() } else { format!(" {registry}") }
}
