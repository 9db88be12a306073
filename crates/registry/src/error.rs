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
    #[error("no safe connection to the registry {registry}: {reason}")]
    Tls {
        /// The registry's name.
        registry: String,
        /// Why.
        reason: String,
    },
    /// It says nothing any more.
    #[error("the registry {registry} was silent for {} seconds: {what}", after.as_secs())]
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
    #[error("the registry {registry} {}", if *had_credentials { "did not accept the credentials for it" } else { "wants credentials, and there are none for it" })]
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
    #[error("the registry {registry} takes nothing as large as {what}{}", said(message))]
    TooLarge {
        /// The registry's name.
        registry: String,
        /// What was sent.
        what: String,
        /// The registry's words.
        message: String,
    },
    /// Too many requests, or a registry that is not well, after all attempts.
    #[error("the registry {registry} cannot now ({status}), for {what}{}", said(message))]
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
    #[error("the registry {registry} answers {status} to {what}{}", said(message))]
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
    #[error("the registry {registry} has its credentials asked for by {realm}: they were not sent there")]
    ForeignRealm {
        /// The registry's name.
        registry: String,
        /// The origin of the token server.
        realm: String,
    },
    /// The content is not what its name says.
    #[error("the registry {registry} gives {actual} as {what}, which should be {expected}")]
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
            Self::InvalidReference { .. } => "it is [HOST[:PORT]/]REPOSITORY[:TAG] or …@sha256:DIGEST".to_owned(),
            Self::Unreachable { registry, .. } => format!("check the name {registry} and the network"),
            Self::PlainHttp { .. } => {
                "only a registry on this machine (localhost, 127.0.0.1) may: give it a certificate, or reach it by \
                 `ssh -L`"
                    .to_owned()
            }
            Self::Tls { .. } => {
                "an authority of your own is trusted when it is among the system's certificates, or in the file that \
                 SSL_CERT_FILE names"
                    .to_owned()
            }
            Self::Silent { .. } | Self::Slow { .. } | Self::Busy { .. } | Self::Broken { .. } => {
                "try again later: what is there already is not sent again".to_owned()
            }
            Self::Unauthorized { registry, .. } => format!("log in: `docker login{}`", login(registry)),
            Self::Denied { registry, .. } => {
                format!("the account needs the right to do this; another one: `docker login{}`", login(registry))
            }
            Self::NotFound { .. } => {
                "check the name; a private image also looks so to whoever is not logged in".to_owned()
            }
            Self::Quota { .. } => "remove images there, or have the quota raised".to_owned(),
            Self::TooLarge { .. } => "a proxy in front of a registry often has a limit of its own".to_owned(),
            Self::ForeignRealm { realm, .. } => {
                format!(
                    "if that server may have them, put credentials for `{realm}` into Docker's config.json (`auths`)"
                )
            }
            Self::DigestMismatch { .. } => {
                "it is damaged, or was tampered with, there or on the way: nothing of it was used".to_owned()
            }
            Self::Credentials(error) => error.hint(),
            Self::Refused { .. } | Self::Protocol { .. } => {
                "is it a registry? It must speak the OCI distribution specification, under /v2/".to_owned()
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
