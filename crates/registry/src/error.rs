//! Why nothing was pushed or pulled.

use std::time::Duration;

use scratchdbg_image::{Digest, ImageError};

use crate::credentials::CredentialError;

/// What can go wrong between us and a registry. What the registry says is in the texts as it is, cut to a length: whoever
/// shows them on a terminal escapes them. No text has a secret in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no registry would take.
    #[error("`{text}` is not the name of an image in a registry: {reason}")]
    InvalidReference {
        /// The text as it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody is there, or the connection ends before anything is said.
    #[error("cannot reach the registry {registry}: {reason}")]
    Unreachable {
        /// The registry's name.
        registry: String,
        /// Why.
        reason: String,
    },
    /// It is there, and speaks without encryption.
    #[error("the registry {registry} speaks plain HTTP")]
    PlainHttp {
        /// The registry's name.
        registry: String,
    },
    /// Its certificate, or what it understands of TLS.
    #[error("cannot make a secure connection to the registry {registry}: {reason}")]
    Tls {
        /// The registry's name.
        registry: String,
        /// Why.
        reason: String,
    },
    /// It says nothing any more.
    #[error("the registry {registry} sent nothing for {} seconds: {what}", after.as_secs())]
    Silent {
        /// The registry's name.
        registry: String,
        /// What was going on.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// It sends so little that there is no end in sight.
    #[error("the registry {registry} is too slow: {came} bytes in {} seconds of {what}", after.as_secs())]
    Slow {
        /// The registry's name.
        registry: String,
        /// What was going on.
        what: String,
        /// For how long it was waited.
        after: Duration,
        /// How much came in that time.
        came: u64,
    },
    /// It wants to know who we are, and no answer of ours is good enough.
    #[error("the registry {registry} {}", if *had_credentials { "rejected the credentials that are stored for it" } else { "requires credentials, and none are stored for it" })]
    Unauthorized {
        /// The registry's name.
        registry: String,
        /// Whether there were any.
        had_credentials: bool,
    },
    /// It knows who we are, and does not let us.
    #[error("the registry {registry} denies {what}{}", said(message))]
    Denied {
        /// The registry's name.
        registry: String,
        /// What was asked for.
        what: String,
        /// The registry's words.
        message: String,
    },
    /// There is no such image, or it is hidden from us.
    #[error("the registry {registry} has no {what}")]
    NotFound {
        /// The registry's name.
        registry: String,
        /// What is not there.
        what: String,
    },
    /// There is no room for it.
    #[error("the registry {registry} has no room for {what}{}", said(message))]
    Quota {
        /// The registry's name.
        registry: String,
        /// What was sent.
        what: String,
        /// The registry's words.
        message: String,
    },
    /// The registry, or what stands in front of it, takes nothing as large.
    #[error("the registry {registry} does not accept anything as large as {what}{}", said(message))]
    TooLarge {
        /// The registry's name.
        registry: String,
        /// What was sent.
        what: String,
        /// The registry's words.
        message: String,
    },
    /// Too many requests, or a registry that is not well, after all attempts.
    #[error("the registry {registry} is not available ({status}) for {what}{}", said(message))]
    Busy {
        /// The registry's name.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
        /// The registry's words.
        message: String,
    },
    /// Anything else that it does not do.
    #[error("the registry {registry} answered {status} for {what}{}", said(message))]
    Refused {
        /// The registry's name.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
        /// The registry's words.
        message: String,
    },
    /// It says things that the specification does not allow, or that no client should do.
    #[error("the registry {registry} {reason}")]
    Protocol {
        /// The registry's name.
        registry: String,
        /// What it does.
        reason: String,
    },
    /// Its token server is somewhere where the credentials do not belong.
    #[error("the registry {registry} asks for its credentials to be sent to {realm}; they were not sent")]
    ForeignRealm {
        /// The registry's name.
        registry: String,
        /// The origin of the token server.
        realm: String,
    },
    /// The content is not what its name says.
    #[error("the registry {registry} sent {what} with the digest {actual} instead of {expected}")]
    DigestMismatch {
        /// The registry's name.
        registry: String,
        /// What it is.
        what: String,
        /// What it should be.
        expected: Digest,
        /// What it is.
        actual: String,
    },
    /// The connection broke too often while something was on its way.
    #[error("the connection to the registry {registry} broke during {what}: {reason}")]
    Broken {
        /// The registry's name.
        registry: String,
        /// What was on its way.
        what: String,
        /// Why.
        reason: String,
    },
    /// The credentials could not be read.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The image could not be read while it was sent.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// The registry's own words, after ours.
fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Error {
    /// What to do about it, where we know.
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
            Self::ForeignRealm { realm, .. } => {
                format!(
                    "if you trust that server, put credentials for `{realm}` into Docker's config.json (`auths`)"
                )
            }
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

/// The argument of `docker login`.
fn login(registry: &str) -> String {
    if registry == crate::origin::HUB { String::new() } else { format!(" {registry}") }
}
