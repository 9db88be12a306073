//! The permissions that a session needs. They are checked before anything is created.

use scratchdbg_backend::{Error, ErrorKind};
use serde_json::{Value, json};

/// A verb on pods, or on a subresource of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) verb: &'static str,
    /// Empty for pods themselves.
    pub(crate) subresource: &'static str,
    /// Whether only Kubernetes 1.35 and later check this permission.
    pub(crate) is_new: bool,
}

/// The permissions for the streams of every session.
///
/// WebSocket streams are opened by a GET request, so older servers check `get` alone. From 1.35 on
/// (`AuthorizePodWebsocketUpgradeCreatePermission`) they check `create` as well.
pub(crate) const STREAMS: [Permission; 4] = [
    Permission { verb: "get", subresource: "attach", is_new: false },
    Permission { verb: "create", subresource: "attach", is_new: true },
    Permission { verb: "get", subresource: "exec", is_new: false },
    Permission { verb: "create", subresource: "exec", is_new: true },
];

/// The additional permissions for a session in a running container.
pub(crate) const INSIDE: [Permission; 1] =
    [Permission { verb: "patch", subresource: "ephemeralcontainers", is_new: false }];

/// The additional permissions for a session in a copy of a pod.
pub(crate) const COPY: [Permission; 2] = [
    Permission { verb: "create", subresource: "", is_new: false },
    Permission { verb: "delete", subresource: "", is_new: false },
];

/// The first minor version of Kubernetes 1 that checks `create` for streams.
const CHECKS_CREATE: u32 = 35;

impl Permission {
    /// Returns the resource, as roles name it.
    pub(crate) fn resource(self) -> String {
        if self.subresource.is_empty() {
            "pods".to_owned()
        } else {
            format!("pods/{}", self.subresource)
        }
    }

    /// Returns a `SelfSubjectAccessReview`, which asks whether the user has this permission.
    pub(crate) fn review(self, namespace: &str, pod: &str) -> Value {
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": namespace,
                "verb": self.verb,
                "resource": "pods",
                "subresource": self.subresource,
                "name": pod,
            }},
        })
    }
}

/// Returns the error for permissions that the user does not have. `minor` is the server's minor
/// version, if known. Returns `None` if the server does not check any of them.
pub(crate) fn refusal(
    missing: &[Permission],
    namespace: &str,
    minor: Option<u32>,
) -> Option<Error> {
    let is_old = minor.is_some_and(|minor| minor < CHECKS_CREATE);
    let missing: Vec<_> =
        missing.iter().filter(|permission| !(is_old && permission.is_new)).collect();
    if missing.is_empty() {
        return None;
    }
    let lacks: Vec<_> = missing
        .iter()
        .map(|permission| format!("{} {}", permission.verb, permission.resource()))
        .collect();
    let message = format!(
        "you may not debug pods in namespace `{namespace}`: not allowed are {}",
        lacks.join(", ")
    );
    Some(
        Error::new(ErrorKind::Refused, message)
            .hint(format!("a role with these rules allows it: {}", rules(&missing)))
            .hint("`scratchdbg kubernetes role` prints the least role for all commands"),
    )
}

/// Returns the rules that grant the permissions, one for each set of verbs.
fn rules(missing: &[&Permission]) -> String {
    let mut by_resource: Vec<(String, Vec<&str>)> = Vec::new();
    for permission in missing {
        let resource = permission.resource();
        match by_resource.iter_mut().find(|(name, _)| *name == resource) {
            Some((_, verbs)) => verbs.push(permission.verb),
            None => by_resource.push((resource, vec![permission.verb])),
        }
    }
    let mut by_verbs: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for (name, verbs) in by_resource {
        match by_verbs.iter_mut().find(|(known, _)| *known == verbs) {
            Some((_, names)) => names.push(name),
            None => by_verbs.push((verbs, vec![name])),
        }
    }
    let rules: Vec<_> = by_verbs
        .iter()
        .map(|(verbs, names)| {
            format!(
                "{{apiGroups: [\"\"], resources: [{}], verbs: [{}]}}",
                names.join(", "),
                verbs.join(", ")
            )
        })
        .collect();
    rules.join(", ")
}

/// Returns the minor version from `/version`: `37` or `37+`.
pub(crate) fn minor_version(version: &Value) -> Option<u32> {
    let text = version.get("minor")?.as_str()?;
    text.trim_end_matches(|character: char| !character.is_ascii_digit()).parse().ok()
}

/// Reads the answer to a `SelfSubjectAccessReview`. Returns `None` if the answer is malformed.
pub(crate) fn is_allowed(answer: &Value) -> Option<bool> {
    answer.get("status")?.get("allowed")?.as_bool()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_permissions_come_with_the_rule_that_grants_them() {
        let refusal = |missing: &[Permission], minor| refusal(missing, "shop", minor);
        let [patch] = INSIDE;
        let [get_attach, create_attach, get_exec, create_exec] = STREAMS;
        let all = refusal(&[&INSIDE[..], &STREAMS].concat(), Some(37)).unwrap();
        assert!(
            all.message
                .contains("patch pods/ephemeralcontainers, get pods/attach, create pods/attach"),
            "{}",
            all.message
        );
        assert!(
            all.hints[0].ends_with(
                "{apiGroups: [\"\"], resources: [pods/ephemeralcontainers], verbs: [patch]}, \
                 {apiGroups: [\"\"], resources: [pods/attach, pods/exec], verbs: [get, create]}"
            ),
            "{}",
            all.hints[0]
        );
        assert!(!all.is_exec_refusal(), "no other mode is tried");
        for (missing, minor, is_refused) in [
            (&[create_attach, create_exec][..], Some(34), false),
            (&[create_attach, create_exec], Some(35), true),
            (&[create_exec], None, true),
            (&[get_exec], Some(30), true),
            (&[get_attach, create_exec], Some(30), true),
            (&[patch], None, true),
            (&[], None, false),
        ] {
            assert_eq!(refusal(missing, minor).is_some(), is_refused, "{missing:?} {minor:?}");
        }
        let copy = refusal(&COPY, Some(37)).unwrap();
        assert!(copy.message.ends_with("create pods, delete pods"), "{}", copy.message);
        assert!(
            copy.hints[0].ends_with("resources: [pods], verbs: [create, delete]}"),
            "{}",
            copy.hints[0]
        );
        let review = patch.review("shop", "web");
        assert_eq!(review["spec"]["resourceAttributes"]["subresource"], "ephemeralcontainers");
        assert_eq!(is_allowed(&json!({"status": {"allowed": false}})), Some(false));
        assert_eq!(is_allowed(&json!({})), None);
        for (minor, expected) in
            [(json!("37"), Some(37)), (json!("34+"), Some(34)), (json!(""), None), (json!(7), None)]
        {
            assert_eq!(minor_version(&json!({"minor": minor})), expected, "{minor}");
        }
    }
}
