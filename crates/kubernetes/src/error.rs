//! What can go wrong between us and a cluster.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Call;
use crate::place::Place;

/// The API server's refusal of a request: its `Status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) code: u16,
    /// Such as `NotFound`; may be empty.
    pub(crate) reason: String,
    /// Its words. They may quote what a container controls.
    pub(crate) message: String,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The configuration cannot be used.
    #[error("{what}: {source}")]
    Config {
        /// What cannot be done with it.
        what: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no configuration.
    #[error("no Kubernetes configuration: {} does not exist, and this is no pod of a cluster", paths(.looked_at))]
    NoConfig {
        /// The files that were looked for.
        looked_at: Vec<PathBuf>,
    },
    /// The configuration has no such context.
    #[error("the Kubernetes configuration has no context `{name}`")]
    NoContext {
        /// What was given.
        name: String,
        /// The contexts that there are.
        contexts: Vec<String>,
    },
    /// The configuration names no current context.
    #[error("the Kubernetes configuration has no current context")]
    NoCurrentContext {
        /// The contexts that there are.
        contexts: Vec<String>,
    },
    /// The program that gives the credentials failed.
    #[error("cannot get credentials for {place}: {reason}")]
    Credentials {
        /// Where they were for.
        place: Arc<Place>,
        /// Why not.
        reason: String,
    },
    /// Not the name of a pod or a workload.
    #[error(transparent)]
    InvalidTarget(#[from] crate::target::InvalidTarget),
    /// There is no such object.
    #[error("no {what} `{name}` in namespace `{namespace}`")]
    NoSuchObject {
        /// The kind, in a sentence.
        what: &'static str,
        /// Its name.
        name: String,
        /// The namespace.
        namespace: String,
        /// Objects of similar names.
        similar: Vec<String>,
    },
    /// A pod has no such container.
    #[error("pod `{pod}` has no container `{name}`")]
    NoSuchContainer {
        /// The pod.
        pod: String,
        /// What was given.
        name: String,
        /// The containers that it has.
        containers: Vec<String>,
    },
    /// The pod was removed, and there may be another one of its name.
    #[error("pod `{pod}` was removed")]
    PodGone {
        /// Its name.
        pod: String,
    },
    /// The API server is not reached.
    #[error("cannot reach {place}: {reason}")]
    Unreachable {
        /// Where it should be.
        place: Arc<Place>,
        /// What happened.
        reason: String,
    },
    /// The API server does not answer.
    #[error("{place} does not answer (waited {} s for it to {call})", waited.as_secs())]
    Silent {
        /// Where it is.
        place: Arc<Place>,
        /// What was asked.
        call: Box<Call>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The API server refused.
    #[error("cannot {call}: {}", refusal.words())]
    Refused {
        /// What was asked.
        call: Box<Call>,
        /// Its answer.
        refusal: Refusal,
        /// Who refused.
        place: Arc<Place>,
    },
    /// An answer that is not understood, or broke off.
    #[error("cannot {call}: {reason}")]
    Broken {
        /// What was asked.
        call: Box<Call>,
        /// What happened.
        reason: String,
    },
    /// The user wished for the end.
    #[error("interrupted, before the cluster could {call}")]
    Canceled {
        /// What was asked.
        call: Box<Call>,
    },
    /// The connection was to be made.
    #[error("interrupted, before {place} was connected to")]
    NotConnected {
        /// Where it is.
        place: Arc<Place>,
    },
}

impl Refusal {
    /// What an answer with an error status says. The body is a `Status`, as a rule; proxies and kubelets send plain text.
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

    /// Its words, or the HTTP status where it has none.
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
    pub(crate) fn config(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Config { what: what.into(), source: source.into() }
    }

    pub(crate) fn broken(call: &Call, reason: impl ToString) -> Self {
        Self::Broken { call: Box::new(call.clone()), reason: reason.to_string() }
    }

    /// Another attempt may do: the API server is not there, has too much to do, or does not reach a kubelet.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused { refusal, .. } => matches!(refusal.code, 429 | 500..),
            _ => false,
        }
    }

    /// There is no such object, or no longer.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::NoSuchObject { .. } | Self::NoSuchContainer { .. } | Self::PodGone { .. })
    }

    /// The status of a refusal.
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
