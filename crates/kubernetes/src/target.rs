//! Names of pods and workloads on the command line, such as `pod/web` and `deploy/shop`.

use std::fmt;
use std::str::FromStr;

use crate::kind::Kind;

/// A pod or a workload that a user names, in kubectl's syntax.
///
/// `pod/NAME[/CONTAINER]`, `deploy/NAME`, `sts/NAME`, `ds/NAME`, `job/NAME`, `rs/NAME` and their
/// longer forms. A text without a slash never matches: it names a container of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetName {
    /// The kind of object.
    pub(crate) kind: Kind,
    /// The name of the object.
    pub(crate) name: String,
    /// A container of the pod, or of each pod of the workload.
    pub(crate) container: Option<String>,
}

/// A text that looks like the name of a pod or workload, but is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// The kind has no pods.
    #[error("`{text}` names no pod or workload: `{kind}` is not a kind that has pods")]
    Kind {
        /// The text, escaped.
        text: String,
        /// The part before the slash, escaped.
        kind: String,
    },
    /// A name is malformed.
    #[error("`{text}` names no pod or workload: names are lower-case letters, digits, `-` and `.`")]
    Name {
        /// The text, escaped.
        text: String,
    },
    /// There are too many parts.
    #[error("`{text}` names no pod or workload: it has too many parts")]
    Parts {
        /// The text, escaped.
        text: String,
    },
}

/// The kinds before the slash. Case is ignored.
const WORDS: [(&[&str], Kind); 6] = [
    (&["pod", "pods", "po"], Kind::Pod),
    (&["deploy", "deployment", "deployments"], Kind::Deployment),
    (&["sts", "statefulset", "statefulsets"], Kind::StatefulSet),
    (&["ds", "daemonset", "daemonsets"], Kind::DaemonSet),
    (&["job", "jobs"], Kind::Job),
    (&["rs", "replicaset", "replicasets"], Kind::ReplicaSet),
];

impl TargetName {
    /// Returns the target for a pod of this name.
    pub fn pod(name: &str) -> Result<Self, InvalidTarget> {
        format!("pod/{name}").parse()
    }

    /// Whether a text is meant as a pod or a workload, valid or not: it has a slash, but not at its
    /// beginning, where Docker puts one before the names of containers.
    pub fn is_meant(text: &str) -> bool {
        text.find('/').is_some_and(|at| at > 0)
    }

    /// Whether the target is a pod, and not a workload with several.
    pub fn is_pod(&self) -> bool {
        self.kind == Kind::Pod
    }
}

/// Returns the kind with this name, as kubectl abbreviates it or in full.
pub(crate) fn kind_of(word: &str) -> Option<Kind> {
    let lower = word.to_ascii_lowercase();
    WORDS.iter().find(|(words, _)| words.contains(&lower.as_str())).map(|(_, kind)| *kind)
}

impl FromStr for TargetName {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let escaped = || text.escape_debug().to_string();
        let mut parts = text.split('/');
        let word = parts.next().unwrap_or_default();
        let (Some(name), container) = (parts.next(), parts.next()) else {
            return Err(InvalidTarget::Name { text: escaped() });
        };
        let Some(kind) = kind_of(word) else {
            return Err(InvalidTarget::Kind {
                text: escaped(),
                kind: word.escape_debug().to_string(),
            });
        };
        if parts.next().is_some() {
            return Err(InvalidTarget::Parts { text: escaped() });
        }
        if !is_name(name) || container.is_some_and(|container| !is_name(container)) {
            return Err(InvalidTarget::Name { text: escaped() });
        }
        Ok(Self { kind, name: name.to_owned(), container: container.map(ToOwned::to_owned) })
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind.word(), self.name)?;
        match &self.container {
            Some(container) => write!(formatter, "/{container}"),
            None => Ok(()),
        }
    }
}

/// Whether a text can be the name of an object: a DNS subdomain (RFC 1123). Such a name is safe in
/// a request path.
pub(crate) fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(|byte| is_inner(*byte));
    let bytes = text.as_bytes();
    bytes.len() <= 253
        && ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.iter().all(|byte| is_inner(*byte) || *byte == b'-' || *byte == b'.')
        && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_kubectl_writes_them() {
        for (text, kind, name, container) in [
            ("pod/web", Kind::Pod, "web", None),
            ("po/web/app", Kind::Pod, "web", Some("app")),
            ("Pods/web", Kind::Pod, "web", None),
            ("deploy/shop", Kind::Deployment, "shop", None),
            ("deployment/shop/app", Kind::Deployment, "shop", Some("app")),
            ("sts/db", Kind::StatefulSet, "db", None),
            ("statefulsets/db", Kind::StatefulSet, "db", None),
            ("ds/agent", Kind::DaemonSet, "agent", None),
            ("job/migrate", Kind::Job, "migrate", None),
            ("rs/shop-6d4cf56db6", Kind::ReplicaSet, "shop-6d4cf56db6", None),
            ("pod/a.b-c.9", Kind::Pod, "a.b-c.9", None),
        ] {
            let target: TargetName = text.parse().unwrap();
            assert_eq!(
                (target.kind, target.name.as_str(), target.container.as_deref()),
                (kind, name, container),
                "{text}"
            );
        }
        assert_eq!(
            "deployments/shop/app".parse::<TargetName>().unwrap().to_string(),
            "deploy/shop/app"
        );
    }

    #[test]
    fn what_could_address_something_else_is_refused() {
        let refused = |text: &str| text.parse::<TargetName>().unwrap_err();
        for text in [
            "",
            "web",
            "pod/",
            "pod/..",
            "pod/a..b",
            "pod/a?b",
            "pod/Web",
            "pod/-a",
            "pod/a-",
            "pod/a/../b",
            "pod/a/",
        ] {
            assert!(!refused(text).to_string().is_empty(), "{text:?}");
        }
        assert!(
            matches!(refused("service/web"), InvalidTarget::Kind { kind, .. } if kind == "service")
        );
        assert!(matches!(refused("pod/a/b/c"), InvalidTarget::Parts { .. }));
        assert!(
            matches!(refused("\u{1b}[2J/a"), InvalidTarget::Kind { kind, .. } if !kind.contains('\u{1b}'))
        );
    }

    #[test]
    fn names_of_containers_stay_names_of_containers() {
        for text in ["web", "/web", "shop_web-1", "0123abc"] {
            assert!(!TargetName::is_meant(text), "{text}");
        }
        for text in ["pod/web", "deploy/", "svc/web"] {
            assert!(TargetName::is_meant(text), "{text}");
        }
    }
}
