//! Hints for errors of a cluster, and their conversion to the error type of all platforms.

use scratchdbg_backend::{self as backend, ErrorKind};

use crate::call::{Call, Verb};
use crate::error::{Error, Refusal};
use crate::kind::Kind;

impl Error {
    /// Returns what the user can do about the error, one line each.
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Config { .. } => "`kubectl config view` shows how kubectl reads it".to_owned(),
            Self::NoConfig { .. } => {
                "name one with --kubeconfig FILE or KUBECONFIG; a container of an engine has no `pod/` before its name"
                    .to_owned()
            }
            Self::NoContext { contexts, .. } | Self::NoCurrentContext { contexts } if contexts.is_empty() => {
                "the configuration has no contexts at all: check --kubeconfig and KUBECONFIG".to_owned()
            }
            Self::NoContext { contexts, .. } => format!("it has {}", alternatives(contexts)),
            Self::NoCurrentContext { contexts } => {
                format!("choose one with --kube-context: {}", alternatives(contexts))
            }
            Self::Credentials { .. } => {
                "`kubectl auth whoami` shows whether kubectl gets in; log in anew where the program asks for it"
                    .to_owned()
            }
            Self::InvalidTarget(_) => {
                "pod/NAME[/CONTAINER], deploy/NAME, sts/NAME, ds/NAME, job/NAME or rs/NAME".to_owned()
            }
            Self::NoSuchObject { similar, .. } if !similar.is_empty() => {
                format!("did you mean {}?", alternatives(similar))
            }
            Self::NoSuchObject { what, namespace, .. } => {
                let word = what.replace(' ', "");
                format!("`kubectl get {word}s -n {namespace}` lists what there is; another namespace: --namespace NAME")
            }
            Self::NoSuchContainer { containers, .. } => format!("it has {}", alternatives(containers)),
            Self::Unreachable { place, .. } | Self::Silent { place, .. } => match &place.context {
                Some(context) => format!(
                    "`kubectl --context {context} version` shows whether kubectl reaches it; another cluster: --kube-context"
                ),
                None => "check that the pod may reach the API server".to_owned(),
            },
            Self::Refused { call, refusal, place } => return of_refusal(call, refusal, place.context.as_deref()),
            Self::NotAContainer(_) | Self::PodGone { .. } | Self::Broken { .. } | Self::Canceled { .. } | Self::NotConnected { .. } => {
                return Vec::new();
            }
        };
        vec![hint]
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidTarget(_) => ErrorKind::Invalid,
            Self::Config { .. }
            | Self::NotAContainer(_)
            | Self::NoConfig { .. }
            | Self::NoContext { .. }
            | Self::NoCurrentContext { .. } => ErrorKind::Local,
            Self::NoSuchObject { similar, .. } => ErrorKind::NotFound { similar: similar.clone() },
            Self::NoSuchContainer { containers, .. } => {
                ErrorKind::NotFound { similar: containers.clone() }
            }
            Self::PodGone { .. } => ErrorKind::Gone,
            Self::Credentials { .. } => ErrorKind::Denied,
            Self::Unreachable { .. } | Self::Silent { .. } => ErrorKind::Unreachable,
            Self::Broken { .. } => ErrorKind::Broken,
            Self::Canceled { .. } | Self::NotConnected { .. } => ErrorKind::Interrupted,
            Self::Refused { refusal, .. } => match refusal.code {
                401 | 403 => ErrorKind::Denied,
                404 => ErrorKind::NotFound { similar: Vec::new() },
                410 => ErrorKind::Gone,
                // The API server is reachable but cannot answer now: it is starting, is overloaded,
                // or does not reach a kubelet.
                429 | 502..=504 => ErrorKind::Unreachable,
                _ => ErrorKind::Refused,
            },
        }
    }
}

fn of_refusal(call: &Call, refusal: &Refusal, context: Option<&str>) -> Vec<String> {
    match refusal.code {
        401 => vec![match context {
            Some(context) => format!(
                "log in anew: the credentials of context `{context}` have expired or are wrong"
            ),
            None => "the token of the pod's service account is not accepted".to_owned(),
        }],
        // The message of admission explains itself.
        403 if !is_about_rights(call, refusal) => Vec::new(),
        403 => {
            let verbs: Vec<_> =
                call.verb.as_str().split(" and ").map(|verb| format!("\"{verb}\"")).collect();
            let group = call.kind.group();
            let (verbs, resource) = (verbs.join(", "), call.resource());
            vec![
                format!(
                    "a role that allows it has the rule {{apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [{verbs}]}}"
                ),
                format!(
                    "`kubectl auth can-i {} {resource}{}` shows what you may do",
                    first_verb(call.verb),
                    place(call)
                ),
            ]
        }
        404 if call.kind != Kind::Pod => Vec::new(),
        404 => vec!["it may have been removed meanwhile".to_owned()],
        429 => vec!["the API server has too much to do: try again".to_owned()],
        502..=504 if call.subresource.is_some() => {
            vec!["the API server reaches the node's kubelet for this: `kubectl get nodes` shows whether the node is ready".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// Whether a request was refused because the user lacks a role, and not by admission. The message
/// about a missing role names the verb and the resource, or is empty (a WebSocket without
/// `create`).
fn is_about_rights(call: &Call, refusal: &Refusal) -> bool {
    let message = refusal.message.trim_end_matches([':', ' ']);
    message.contains(" cannot ")
        || message.ends_with("is forbidden")
        || call.verb == Verb::Connect
        || message.is_empty()
}

fn first_verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Connect => "create",
        verb => verb.as_str(),
    }
}

fn place(call: &Call) -> String {
    match &call.namespace {
        Some(namespace) => format!(" -n {namespace}"),
        None if call.kind.is_namespaced() => " -A".to_owned(),
        None => String::new(),
    }
}

/// Joins names: `a`, `b` or `c`.
fn alternatives(names: &[String]) -> String {
    const MOST: usize = 8;
    let more = names.len() > MOST;
    let quoted: Vec<_> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match &quoted[..] {
        [] => "none".to_owned(),
        [one] => one.clone(),
        list if more => format!("{}, …", list.join(", ")),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

impl From<crate::InvalidTarget> for backend::Error {
    fn from(error: crate::InvalidTarget) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for backend::Error {
    fn from(error: Error) -> Self {
        Self { kind: error.kind(), message: error.to_string(), hints: error.hints() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::place::Place;

    fn refused(call: Call, code: u16, message: &str) -> backend::Error {
        let refusal = Refusal { code, reason: String::new(), message: message.to_owned() };
        let place =
            Arc::new(Place { server: "https://k".to_owned(), context: Some("prod".to_owned()) });
        Error::Refused { call: Box::new(call), refusal, place }.into()
    }

    #[test]
    fn a_missing_right_is_named_with_the_rule_that_grants_it() {
        let pod = || Call::get(Kind::Pod, "shop", "web");
        let cannot = "pods \"web\" is forbidden: User \"u\" cannot get resource \"pods/log\" in API group \"\"";
        let error = refused(pod().of("log"), 403, cannot);
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(
            error.message,
            format!("cannot read the logs of pod shop/web: the cluster says: {cannot}")
        );
        assert_eq!(
            error.hints,
            [
                "a role that allows it has the rule {apiGroups: [\"\"], resources: [\"pods/log\"], verbs: [\"get\"]}",
                "`kubectl auth can-i get pods/log -n shop` shows what you may do",
            ]
        );
        // Without `create`, a WebSocket is refused without a reason.
        let error = refused(Call::connect("shop", "bb", "exec"), 403, "pods \"bb\" is forbidden: ");
        assert!(
            error.hints[0].contains("resources: [\"pods/exec\"], verbs: [\"get\", \"create\"]"),
            "{:?}",
            error.hints
        );
        let error = refused(
            Call::list(Kind::Deployment, None),
            403,
            "deployments.apps is forbidden: User \"u\" cannot list",
        );
        assert!(
            error.hints[0]
                .contains("apiGroups: [\"apps\"], resources: [\"deployments\"], verbs: [\"list\"]")
        );
        assert!(error.hints[1].contains("list deployments -A"), "{:?}", error.hints);
        // A refusal by admission is not about roles.
        let patch = Call::patch(Kind::Pod, "shop", "web").of("ephemeralcontainers");
        let error = refused(
            patch,
            403,
            "pods \"web\" is forbidden: violates PodSecurity \"restricted:latest\": x",
        );
        assert!(error.hints.is_empty(), "{:?}", error.hints);
    }

    #[test]
    fn kinds_decide_what_happens_next() {
        let pod = || Call::get(Kind::Pod, "shop", "web");
        for (code, kind) in [
            (400, ErrorKind::Refused),
            (401, ErrorKind::Denied),
            (404, ErrorKind::NotFound { similar: Vec::new() }),
            (409, ErrorKind::Refused),
            (410, ErrorKind::Gone),
            (429, ErrorKind::Unreachable),
            (500, ErrorKind::Refused),
            (503, ErrorKind::Unreachable),
        ] {
            assert_eq!(refused(pod(), code, "x").kind, kind, "{code}");
        }
        assert!(refused(pod(), 401, "Unauthorized").hints[0].contains("`prod`"));
    }

    #[test]
    fn similar_names_are_offered() {
        let similar = vec!["web-1".to_owned(), "web-2".to_owned()];
        let error = Error::NoSuchObject {
            what: "pod",
            name: "wbe".into(),
            namespace: "shop".into(),
            similar,
        };
        let error = backend::Error::from(error);
        assert_eq!(error.message, "no pod `wbe` in namespace `shop`");
        assert_eq!(error.hints, ["did you mean `web-1` or `web-2`?"]);
        assert!(error.is_absent());
        let error = Error::NoSuchObject {
            what: "stateful set",
            name: "x".into(),
            namespace: "shop".into(),
            similar: Vec::new(),
        };
        assert!(backend::Error::from(error).hints[0].contains("kubectl get statefulsets -n shop"));
    }
}
