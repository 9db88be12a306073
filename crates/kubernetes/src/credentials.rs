//! The credentials of a connection: a fixed header, the token of a file, or what a program hands
//! out, and a client certificate.
//!
//! `kube` has no part in this. It reads files and runs programs without limits, and its errors
//! quote what they say.

mod answer;
mod error;
mod headers;
mod identity;
mod layer;
mod program;
mod sent;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use rustls::sign::CertifiedKey;
use scratchdbg_secrets::Secret;
use tokio::sync::Mutex;

pub(crate) use self::error::CredentialError;
pub(crate) use self::headers::{basic, bearer};
use self::identity::Identities;
pub(crate) use self::identity::identity;
pub(crate) use self::layer::AuthorizationLayer;
pub(crate) use self::program::Program;
use self::sent::Sent;

/// The largest accepted file of a token.
const LARGEST: u64 = 1 << 20;

/// How long the token of a file is used before the file is read again. Kubelets replace the tokens
/// of service accounts.
const READ_AGAIN: Duration = Duration::from_secs(50);

/// How long before its end a credential is renewed.
const BEFORE_ITS_END: SignedDuration = SignedDuration::from_secs(10);

/// How a credential program can deal with the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialog {
    /// Not at all: nothing is asked or printed.
    #[default]
    None,
    /// It can print, but nobody is there to ask.
    Output,
    /// A person is there, and can be asked.
    Terminal {
        /// Whether standard input is a terminal.
        has_input: bool,
    },
}

/// How a user logs in to a cluster. Not `Debug`: it contains secrets.
pub(crate) struct Login {
    pub(crate) source: Source,
    /// The certificate of the configuration.
    pub(crate) identity: Option<Arc<CertifiedKey>>,
}

/// Where the `Authorization` header comes from. Not `Debug`: it contains secrets.
pub(crate) enum Source {
    /// There is none.
    None,
    /// It does not change.
    Header(HeaderValue),
    /// The token of a file.
    File(PathBuf),
    /// What a program hands out: a token, a certificate, or both.
    Program(Box<Program>),
}

/// The credentials of a connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Credentials(Arc<Shared>);

struct Shared {
    source: Source,
    /// How a program can deal with the user when it runs again.
    later: Dialog,
    current: Mutex<Current>,
    sent: Sent,
    identities: Arc<Identities>,
}

/// What is sent now.
struct Current {
    header: Option<HeaderValue>,
    valid: Valid,
}

/// How long something is valid.
#[derive(Clone, Copy)]
enum Valid {
    Always,
    /// Read at this time, and to be read again after a while.
    ReadAt(Instant),
    Until(Timestamp),
}

impl Valid {
    fn is_over(self) -> bool {
        match self {
            Self::Always => false,
            Self::ReadAt(time) => time.elapsed() >= READ_AGAIN,
            Self::Until(end) => Timestamp::now() + BEFORE_ITS_END >= end,
        }
    }
}

impl Credentials {
    /// Gets the credentials for the first time. Only now a program may ask the user: later, the
    /// terminal may belong to a session. Dropping the future ends the program.
    pub(crate) async fn get(login: Login, dialog: Dialog) -> Result<Self, CredentialError> {
        let Login { source, identity } = login;
        let header = if let Source::Header(header) = &source { Some(header.clone()) } else { None };
        let later = if dialog == Dialog::None { Dialog::None } else { Dialog::Output };
        let shared = Shared {
            source,
            later,
            current: Mutex::new(Current { header, valid: Valid::Always }),
            sent: Sent::default(),
            identities: Arc::new(Identities::new(identity)),
        };
        shared.renew(&mut *shared.current.lock().await, dialog).await?;
        Ok(Self(Arc::new(shared)))
    }

    /// Returns a connection's credentials where there are none.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(Arc::new(Shared {
            source: Source::None,
            later: Dialog::None,
            current: Mutex::new(Current { header: None, valid: Valid::Always }),
            sent: Sent::default(),
            identities: Arc::default(),
        }))
    }

    /// Returns the client certificates for TLS.
    pub(crate) fn identities(&self) -> Arc<Identities> {
        Arc::clone(&self.0.identities)
    }

    /// Returns what a cluster says without the credentials that were sent to it.
    pub(crate) fn taken_out(&self, text: String) -> String {
        self.0.sent.taken_out(text)
    }

    /// Whether other credentials may be had if these are refused.
    fn may_change(&self) -> bool {
        matches!(self.0.source, Source::File(_) | Source::Program(_))
    }

    /// Returns the header, renewed if it is about to expire.
    async fn header(&self) -> Result<Option<HeaderValue>, CredentialError> {
        let mut current = self.0.current.lock().await;
        if current.valid.is_over() {
            self.0.renew(&mut current, self.0.later).await?;
        }
        Ok(self.0.hand_out(&current))
    }

    /// Gets credentials anew after these were refused, and returns the header. Requests that are
    /// refused together do so once. An error is not returned: the refusal tells more. A new
    /// certificate is used by new connections.
    async fn replace(&self, refused: Option<&HeaderValue>) -> Option<HeaderValue> {
        let mut current = self.0.current.lock().await;
        if current.header.as_ref() == refused
            && let Err(error) = self.0.renew(&mut current, self.0.later).await
        {
            tracing::debug!("the credentials are refused, and {error}");
        }
        self.0.hand_out(&current)
    }
}

impl Shared {
    /// Returns the header, which is sent now.
    fn hand_out(&self, current: &Current) -> Option<HeaderValue> {
        let header = current.header.clone()?;
        self.sent.note(&header);
        Some(header)
    }

    async fn renew(&self, current: &mut Current, dialog: Dialog) -> Result<(), CredentialError> {
        match &self.source {
            Source::None | Source::Header(_) => {}
            Source::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || of_file(&path)).await;
                let read = read.unwrap_or_else(|_| Err(CredentialError::file("is not read")));
                match read {
                    Ok(header) => current.header = Some(header),
                    Err(error) if current.header.is_none() => return Err(error),
                    // Some programs remove the file when they have read it
                    // (https://issue.k8s.io/68164).
                    Err(error) => tracing::debug!("the old token is used: {error}"),
                }
                current.valid = Valid::ReadAt(Instant::now());
            }
            Source::Program(program) => {
                let answer = program.run(dialog).await?;
                current.header = answer.header;
                current.valid = answer.expires.map_or(Valid::Always, Valid::Until);
                if let Some(identity) = answer.identity {
                    self.identities.set(identity);
                }
            }
        }
        Ok(())
    }
}

/// Returns the header for the token of a file.
fn of_file(path: &Path) -> Result<HeaderValue, CredentialError> {
    let text = scratchdbg_files::read(path, LARGEST).map_err(|error| {
        CredentialError::File(crate::config::Problem::file("tokenFile", path, &error).to_string())
    })?;
    let text = String::from_utf8(text).map_err(|_| CredentialError::file("is not UTF-8"))?;
    bearer(&Secret::new(text)).map_err(CredentialError::file)
}

#[cfg(test)]
mod tests;
