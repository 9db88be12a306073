//! The kinds of objects that are requested, and their API paths. The paths are fixed, so no
//! discovery is needed.

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Pod,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    ReplicaSet,
    Event,
    Namespace,
    Node,
    ResourceQuota,
    /// Asks whether the user has a permission. Created, but never stored.
    SelfSubjectAccessReview,
    /// The version of the API server. Not an object: it has a path of its own.
    Version,
}

impl Kind {
    /// Returns the API path prefix of this kind.
    pub(crate) fn group_path(self) -> &'static str {
        match self {
            Self::Pod | Self::Event | Self::Namespace | Self::Node | Self::ResourceQuota => {
                "/api/v1"
            }
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet => {
                "/apis/apps/v1"
            }
            Self::Job => "/apis/batch/v1",
            Self::SelfSubjectAccessReview => "/apis/authorization.k8s.io/v1",
            Self::Version => "",
        }
    }

    /// Returns the API group, as roles name it.
    pub(crate) fn group(self) -> &'static str {
        let path = self.group_path();
        path.strip_prefix("/apis/")
            .and_then(|rest| Some(rest.split_once('/')?.0))
            .unwrap_or_default()
    }

    /// Returns the resource, as paths and roles name it.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Job => "jobs",
            Self::ReplicaSet => "replicasets",
            Self::Event => "events",
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::ResourceQuota => "resourcequotas",
            Self::SelfSubjectAccessReview => "selfsubjectaccessreviews",
            Self::Version => "version",
        }
    }

    /// Returns the name of the kind for a sentence.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Deployment => "deployment",
            Self::StatefulSet => "stateful set",
            Self::DaemonSet => "daemon set",
            Self::Job => "job",
            Self::ReplicaSet => "replica set",
            Self::Event => "event",
            Self::Namespace => "namespace",
            Self::Node => "node",
            Self::ResourceQuota => "quota",
            Self::SelfSubjectAccessReview => "access review",
            Self::Version => "version",
        }
    }

    /// Returns the prefix before a slash, as kubectl prints it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Deployment => "deploy",
            Self::StatefulSet => "sts",
            Self::DaemonSet => "ds",
            Self::Job => "job",
            Self::ReplicaSet => "rs",
            Self::Event => "event",
            Self::Namespace => "namespace",
            Self::Node => "node",
            Self::ResourceQuota => "quota",
            Self::SelfSubjectAccessReview => "selfsubjectaccessreview",
            Self::Version => "version",
        }
    }

    /// Whether objects of this kind are in namespaces.
    pub(crate) fn is_namespaced(self) -> bool {
        !matches!(
            self,
            Self::Namespace | Self::Node | Self::SelfSubjectAccessReview | Self::Version
        )
    }
}
