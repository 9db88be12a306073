//! Errors of the connection to a cluster.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Call;
use crate::config::Problem;
use crate::container_id::NotAContainer;
use crate::place::Place;

/// A `Status` with which the API server refused a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) code: u16,
    /// The reason, such as `NotFound`. May be empty.
    pub(crate) reason: String,
    /// The message. It may quote text that a container controls.
    pub(crate) message: String,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The configuration cannot be used.
    #[error("{what}: {problem}")]
    Config {
        /// The operation that failed.
        what: String,
        /// The cause.
        problem: Problem,
    },
    /// A container's id is invalid.
    #[error("cannot find a container: {0}")]
    NotAContainer(#[from] NotAContainer),
    /// No configuration was found.
    #[error("no Kubernetes configuration: {} does not exist, and this is no pod of a cluster", paths(.looked_at))]
    NoConfig {
        /// The files that were searched.
        looked_at: Vec<PathBuf>,
    },
    /// The configuration has no context of this name.
    #[error("the Kubernetes configuration has no context `{name}`")]
    NoContext {
        /// The name that was given.
        name: String,
        /// The contexts of the configuration.
        contexts: Vec<String>,
    },
    /// The configuration names no current context.
    #[error("the Kubernetes configuration has no current context")]
    NoCurrentContext {
        /// The contexts of the configuration.
        contexts: Vec<String>,
    },
    /// The credential program failed.
    #[error("cannot get credentials for {place}: {reason}")]
    Credentials {
        /// The cluster that the credentials were for.
        place: Arc<Place>,
        /// The cause.
        reason: String,
    },
    /// The text is not the name of a pod or a workload.
    #[error(transparent)]
    InvalidTarget(#[from] crate::target::InvalidTarget),
    /// The object does not exist.
    #[error("no {what} `{name}` in namespace `{namespace}`")]
    NoSuchObject {
        /// The kind of the object, as sentences name it.
        what: &'static str,
        /// The name of the object.
        name: String,
        /// The namespace of the object.
        namespace: String,
        /// Names of existing objects that are similar.
        similar: Vec<String>,
    },
    /// The pod has no container of this name.
    #[error("pod `{pod}` has no container `{name}`")]
    NoSuchContainer {
        /// The name of the pod.
        pod: String,
        /// The name that was given.
        name: String,
        /// The containers of the pod.
        containers: Vec<String>,
    },
    /// The pod was deleted. Another pod of the same name may exist.
    #[error("pod `{pod}` was removed")]
    PodGone {
        /// The name of the pod.
        pod: String,
    },
    /// The API server cannot be reached.
    #[error("cannot reach {place}: {reason}")]
    Unreachable {
        /// The cluster and its expected address.
        place: Arc<Place>,
        /// The cause.
        reason: String,
    },
    /// The API server does not answer in time.
    #[error("{place} does not answer (waited {} s for it to {call})", waited.as_secs())]
    Silent {
        /// The cluster and its address.
        place: Arc<Place>,
        /// The request.
        call: Box<Call>,
        /// How long the client waited for the answer.
        waited: Duration,
    },
    /// The API server refused the request.
    #[error("cannot {call}: {}", refusal.words())]
    Refused {
        /// The request.
        call: Box<Call>,
        /// The API server's answer.
        refusal: Refusal,
        /// The cluster that refused.
        place: Arc<Place>,
    },
    /// The answer is malformed or incomplete.
    #[error("cannot {call}: {reason}")]
    Broken {
        /// The request.
        call: Box<Call>,
        /// The cause.
        reason: String,
    },
    /// The user canceled the command.
    #[error("interrupted, before the cluster could {call}")]
    Canceled {
        /// The request.
        call: Box<Call>,
    },
    /// The command was canceled before the connection was established.
    #[error("interrupted, before {place} was connected to")]
    NotConnected {
        /// The cluster and its address.
        place: Arc<Place>,
    },
}

impl Refusal {
    /// Reads the body of an error response. The body is usually a `Status`; proxies and kubelets
    /// send plain text.
    pub(crate) fn read(code: u16, body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Status {
            #[serde(default)]
            kind: String,
            #[serde(default)]
            reason: String,
            #[serde(default)]
            message: String,
        }
        match serde_json::from_slice::<Status>(body) {
            Ok(status) if status.kind == "Status" => {
                Self { code, reason: status.reason, message: status.message.trim().to_owned() }
            }
            _ => {
                let text = String::from_utf8_lossy(&body[..body.len().min(1024)]);
                Self { code, reason: String::new(), message: text.trim().to_owned() }
            }
        }
    }

    /// Returns the message, or the HTTP status if there is no message.
    fn words(&self) -> String {
        let message = self.message.trim_end_matches([':', ' ']);
        match (self.code, message) {
            (401, _) => "the cluster does not accept the credentials".to_owned(),
            (code, "") => format!("the cluster answers with status {code}"),
            (_, message) => format!("the cluster says: {message}"),
        }
    }
}

impl Error {
    pub(crate) fn config(what: impl Into<String>, problem: Problem) -> Self {
        Self::Config { what: what.into(), problem }
    }

    pub(crate) fn broken(call: &Call, reason: impl ToString) -> Self {
        Self::Broken { call: Box::new(call.clone()), reason: reason.to_string() }
    }

    /// Whether another attempt may succeed: the API server is not running, is overloaded, or does
    /// not reach a kubelet.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused { refusal, .. } => matches!(refusal.code, 429 | 500..),
            _ => false,
        }
    }

    /// Whether the object does not exist, or no longer exists.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::NoSuchObject { .. } | Self::NoSuchContainer { .. } | Self::PodGone { .. }
        )
    }

    /// Returns the HTTP status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.code),
            _ => None,
        }
    }
}

fn paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_refuse_are_read() {
        let status =
            br#"{"kind":"Status","status":"Failure","message":"pods \"a\" not found","reason":"NotFound","code":404}"#;
        let refusal = Refusal::read(404, status);
        assert_eq!(
            (refusal.reason.as_str(), refusal.words().as_str()),
            ("NotFound", "the cluster says: pods \"a\" not found")
        );
        for (code, body, words) in [
            (502, "bad gateway\n", "the cluster says: bad gateway"),
            (502, "", "the cluster answers with status 502"),
            (401, "Unauthorized", "the cluster does not accept the credentials"),
            (
                403,
                r#"{"kind":"Status","message":"pods \"bb\" is forbidden: "}"#,
                "the cluster says: pods \"bb\" is forbidden",
            ),
            (500, r#"{"kind":"Pod"}"#, "the cluster says: {\"kind\":\"Pod\"}"),
        ] {
            assert_eq!(Refusal::read(code, body.as_bytes()).words(), words);
        }
    }
}
