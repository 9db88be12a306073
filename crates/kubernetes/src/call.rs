//! One API request as a value: the verb, the object, the time limits, and how error messages name
//! the request.

use std::fmt;
use std::time::Duration;

use hyper::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::kind::Kind;

/// The verb of a request, as roles name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Patch,
    Delete,
    /// Opens a WebSocket: `get` and, from Kubernetes 1.35 on, `create` too.
    Connect,
}

impl Verb {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Connect => "get and create",
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Get | Self::List | Self::Watch | Self::Connect => Method::GET,
            Self::Create => Method::POST,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// A request to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) kind: Kind,
    /// The namespace. `None` for all namespaces, and for kinds without namespaces.
    pub(crate) namespace: Option<String>,
    /// The name of the object. `None` for a list and for a new object.
    pub(crate) name: Option<String>,
    /// The subresource, such as `log`.
    pub(crate) subresource: Option<&'static str>,
    /// The query parameters, in order. Keys may be repeated.
    pub(crate) query: Vec<(&'static str, String)>,
    /// Whether the request removes something. Such a request may be sent after the command was
    /// canceled.
    pub(crate) cleans_up: bool,
}

impl Call {
    fn new(verb: Verb, kind: Kind, namespace: Option<&str>, name: Option<&str>) -> Self {
        Self {
            verb,
            kind,
            namespace: namespace.filter(|_| kind.is_namespaced()).map(ToOwned::to_owned),
            name: name.map(ToOwned::to_owned),
            subresource: None,
            query: Vec::new(),
            cleans_up: verb == Verb::Delete,
        }
    }

    /// Reads an object.
    pub(crate) fn get(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::new(Verb::Get, kind, Some(namespace), Some(name))
    }

    /// Lists objects, of one namespace or of all.
    pub(crate) fn list(kind: Kind, namespace: Option<&str>) -> Self {
        Self::new(Verb::List, kind, namespace, None)
    }

    /// Watches objects, of one namespace or of all.
    pub(crate) fn watch(kind: Kind, namespace: Option<&str>) -> Self {
        Self::new(Verb::Watch, kind, namespace, None).with("watch", "true")
    }

    /// Creates an object.
    pub(crate) fn create(kind: Kind, namespace: Option<&str>) -> Self {
        Self::new(Verb::Create, kind, namespace, None)
    }

    /// Changes an object.
    pub(crate) fn patch(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::new(Verb::Patch, kind, Some(namespace), Some(name))
    }

    /// Deletes an object.
    pub(crate) fn delete(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::new(Verb::Delete, kind, Some(namespace), Some(name))
    }

    /// Asks the API server for its version.
    pub(crate) fn version() -> Self {
        Self::new(Verb::Get, Kind::Version, None, None)
    }

    /// Opens a WebSocket to a pod: `exec` or `attach`.
    pub(crate) fn connect(namespace: &str, pod: &str, subresource: &'static str) -> Self {
        Self::new(Verb::Connect, Kind::Pod, Some(namespace), Some(pod)).of(subresource)
    }

    /// Returns the same request for a subresource of the object.
    #[must_use]
    pub(crate) fn of(mut self, subresource: &'static str) -> Self {
        self.subresource = Some(subresource);
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Returns the resource as roles name it, such as `pods/log`.
    pub(crate) fn resource(&self) -> String {
        match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.kind.plural()),
            None => self.kind.plural().to_owned(),
        }
    }

    /// Returns how long the first byte of the answer may take. The API server itself waits 10 to 60
    /// seconds for a kubelet that does not answer.
    pub(crate) fn limit(&self) -> Duration {
        match (self.verb, self.subresource) {
            (Verb::Connect, _) | (_, Some("log")) => Duration::from_secs(20),
            (Verb::List, _) => Duration::from_mins(1),
            _ => Duration::from_secs(30),
        }
    }

    /// Returns how long an answer that is read completely may take in total.
    pub(crate) fn whole_limit(&self) -> Duration {
        self.limit() * 2
    }

    /// Returns the path and the query.
    pub(crate) fn path(&self) -> String {
        let mut path = self.kind.group_path().to_owned();
        let mut add = |part: &str| {
            path.push('/');
            path.extend(utf8_percent_encode(part, UNSAFE));
        };
        if let Some(namespace) = &self.namespace {
            add("namespaces");
            add(namespace);
        }
        add(self.kind.plural());
        self.name.iter().for_each(|name| add(name));
        self.subresource.iter().for_each(|subresource| add(subresource));
        for (index, (key, value)) in self.query.iter().enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            path.push_str(key);
            path.push('=');
            path.extend(utf8_percent_encode(value, UNSAFE));
        }
        path
    }

    /// Returns the HTTP request.
    pub(crate) fn request<B>(
        &self,
        content_type: Option<&'static str>,
        body: B,
    ) -> Result<Request<B>, hyper::http::Error> {
        let request = Request::builder().method(self.verb.method()).uri(self.path());
        let request = request.header("accept", "application/json, */*");
        match content_type {
            Some(content_type) => request.header("content-type", content_type).body(body),
            None => request.body(body),
        }
    }
}

/// All characters that are not unreserved (RFC 3986).
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Formats the request for a sentence: `read the logs of pod shop/web`.
impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match (self.verb, self.subresource) {
            (_, Some("log")) => "read the logs of",
            (Verb::Connect, Some("exec")) => "start a process in",
            (Verb::Connect, _) => "attach to",
            (Verb::Patch, Some("ephemeralcontainers")) => "add an ephemeral container to",
            (Verb::Get, _) => "read",
            (Verb::List, _) => "list",
            (Verb::Watch, _) => "watch",
            (Verb::Create, _) => "create",
            (Verb::Patch, _) => "change",
            (Verb::Delete, _) => "remove",
        };
        match (&self.name, &self.namespace) {
            (Some(name), Some(namespace)) => {
                write!(formatter, "{verb} {} {namespace}/{name}", self.kind.words())
            }
            (Some(name), None) => write!(formatter, "{verb} {} {name}", self.kind.words()),
            (None, Some(namespace)) if self.verb == Verb::Create => {
                write!(formatter, "{verb} a {} in namespace {namespace}", self.kind.words())
            }
            (None, Some(namespace)) => {
                write!(formatter, "{verb} the {}s of namespace {namespace}", self.kind.words())
            }
            (None, None) if self.verb == Verb::Create => {
                write!(formatter, "{verb} a {}", self.kind.words())
            }
            (None, None) if self.kind == Kind::Version => write!(formatter, "{verb} the version"),
            (None, None) => write!(formatter, "{verb} all {}s", self.kind.words()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_api() {
        for (call, path) in [
            (Call::get(Kind::Pod, "shop", "web"), "/api/v1/namespaces/shop/pods/web"),
            (Call::get(Kind::Node, "shop", "n1"), "/api/v1/nodes/n1"),
            (Call::list(Kind::Pod, None), "/api/v1/pods"),
            (
                Call::list(Kind::Pod, Some("shop")).with("labelSelector", "a in (b,c)"),
                "/api/v1/namespaces/shop/pods?labelSelector=a%20in%20%28b%2Cc%29",
            ),
            (
                Call::get(Kind::Deployment, "shop", "web"),
                "/apis/apps/v1/namespaces/shop/deployments/web",
            ),
            (Call::get(Kind::Job, "shop", "../x"), "/apis/batch/v1/namespaces/shop/jobs/..%2Fx"),
            (
                Call::get(Kind::Pod, "shop", "web")
                    .of("log")
                    .with("container", "a")
                    .with("follow", "true"),
                "/api/v1/namespaces/shop/pods/web/log?container=a&follow=true",
            ),
            (
                Call::create(Kind::SelfSubjectAccessReview, None),
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            ),
        ] {
            assert_eq!(call.path(), path);
        }
    }

    #[test]
    fn calls_in_sentences() {
        let pod = || Call::get(Kind::Pod, "shop", "web");
        assert_eq!(pod().to_string(), "read pod shop/web");
        assert_eq!(pod().of("log").to_string(), "read the logs of pod shop/web");
        assert_eq!(Call::list(Kind::Pod, None).to_string(), "list all pods");
        assert_eq!(
            Call::list(Kind::Event, Some("shop")).to_string(),
            "list the events of namespace shop"
        );
        assert_eq!(
            Call::connect("shop", "web", "exec").to_string(),
            "start a process in pod shop/web"
        );
        assert_eq!(pod().of("log").resource(), "pods/log");
        assert_eq!(
            (Kind::Pod.group(), Kind::Job.group(), Kind::Deployment.group()),
            ("", "batch", "apps")
        );
    }
}
