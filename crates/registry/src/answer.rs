//! Error responses of registries (OCI distribution-spec, error codes).

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Response, StatusCode};
use serde::Deserialize;

use crate::error::Error;
use crate::text;

/// The most bytes of an error response that are read.
const LARGEST: usize = 64 * 1024;
/// The time limit for reading an error response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An error response.
#[derive(Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Error codes, such as `MANIFEST_UNKNOWN`.
    pub(crate) codes: Vec<String>,
    /// The message, cut to a length.
    pub(crate) message: String,
    /// How long the registry asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Document {
    errors: Vec<Entry>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    code: String,
    message: String,
}

impl Refusal {
    /// Reads the rest of an error response.
    pub(crate) async fn read(answer: Response<Incoming>) -> Self {
        let status = answer.status();
        let retry_after = crate::retry::retry_after(answer.headers());
        let body =
            tokio::time::timeout(TIMEOUT, Limited::new(answer.into_body(), LARGEST).collect())
                .await;
        let body = body
            .ok()
            .and_then(Result::ok)
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let document: Document = serde_json::from_slice(&body).unwrap_or_default();
        let say = |entry: &Entry| match entry.message.as_str() {
            "" => entry.code.clone(),
            message => message.to_owned(),
        };
        let message = document.errors.iter().map(say).collect::<Vec<_>>().join("; ");
        let codes = document.errors.into_iter().map(|entry| entry.code).collect();
        Self { status, codes, message: text::cut(&message), retry_after }
    }

    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own == code)
    }

    /// Returns the error for a request for `what`.
    pub(crate) fn into_error(self, registry: &str, what: &str) -> Error {
        let (registry, what, message) = (registry.to_owned(), what.to_owned(), self.message);
        let wait = self.retry_after.filter(|wait| !wait.is_zero());
        let status = self.status.as_u16();
        let lower = message.to_ascii_lowercase();
        if status == 507 || lower.contains("quota") || lower.contains("storage limit") {
            return Error::Quota { registry, what, message };
        }
        match self.status {
            StatusCode::FORBIDDEN => Error::Denied { registry, what, message },
            StatusCode::NOT_FOUND => Error::NotFound { registry, what },
            StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge { registry, what, message },
            passing if crate::retry::is_passing(passing) => {
                Error::Busy { registry, status, what, message, wait }
            }
            _ => Error::Refused { registry, status, what, message },
        }
    }
}
