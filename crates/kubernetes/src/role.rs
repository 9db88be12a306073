//! The least role that the commands need, printed by `scratchdbg kubernetes role` and in
//! docs/kubernetes.md.

use std::fmt::Write as _;

/// A set of commands that a role allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `logs`.
    Logs,
    /// `why` and `ps`.
    Why,
    /// `attach` inside running containers, and `sessions`.
    Attach,
    /// `attach --mode copy`, and `sessions gc`.
    Copy,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 4] = [Self::Logs, Self::Why, Self::Attach, Self::Copy];

    /// Returns the names of the commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Why => "why",
            Self::Attach => "attach",
            Self::Copy => "copy",
        }
    }
}

/// A rule of a role.
struct Rule {
    purposes: &'static [Purpose],
    /// A comment that explains the rule.
    comment: &'static str,
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
}

const RULES: [Rule; 8] = [
    Rule {
        purposes: &Purpose::ALL,
        comment: "pods by name, by label and of workloads",
        group: "",
        resources: &["pods"],
        verbs: &["get", "list", "watch"],
    },
    Rule {
        purposes: &Purpose::ALL,
        comment: "deploy/, sts/, ds/ and rs/ as targets",
        group: "apps",
        resources: &["deployments", "statefulsets", "daemonsets", "replicasets"],
        verbs: &["get"],
    },
    Rule {
        purposes: &Purpose::ALL,
        comment: "job/ as a target",
        group: "batch",
        resources: &["jobs"],
        verbs: &["get"],
    },
    Rule {
        purposes: &[Purpose::Logs, Purpose::Why],
        comment: "what containers print",
        group: "",
        resources: &["pods/log"],
        verbs: &["get"],
    },
    Rule {
        purposes: &[Purpose::Why],
        comment: "what the cluster says of pods, workloads and quotas",
        group: "",
        resources: &["events", "resourcequotas"],
        verbs: &["list"],
    },
    Rule {
        purposes: &[Purpose::Attach],
        comment: "the keeper of a session inside a container",
        group: "",
        resources: &["pods/ephemeralcontainers"],
        verbs: &["patch"],
    },
    Rule {
        purposes: &[Purpose::Attach, Purpose::Copy],
        comment: "the streams of a session; `create` from Kubernetes 1.35 on",
        group: "",
        resources: &["pods/attach", "pods/exec"],
        verbs: &["get", "create"],
    },
    Rule {
        purposes: &[Purpose::Copy],
        comment: "the pod of a session with --mode copy",
        group: "",
        resources: &["pods"],
        verbs: &["create", "delete"],
    },
];

/// Returns the least Role for these purposes, as YAML.
pub fn role(purposes: &[Purpose], namespace: Option<&str>) -> String {
    let metadata = match namespace {
        Some(namespace) => format!("{{name: scratchdbg, namespace: {}}}", quoted(namespace)),
        None => "{name: scratchdbg}".to_owned(),
    };
    let mut text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {metadata}\nrules:\n"
    );
    for rule in
        RULES.iter().filter(|rule| rule.purposes.iter().any(|purpose| purposes.contains(purpose)))
    {
        let Rule { comment, group, resources, verbs, .. } = rule;
        let group = if group.is_empty() { "\"\"" } else { group };
        let (resources, verbs) = (resources.join(", "), verbs.join(", "));
        // Writing to memory cannot fail.
        let _always = writeln!(
            text,
            "  # {comment}\n  - {{apiGroups: [{group}], resources: [{resources}], verbs: [{verbs}]}}"
        );
    }
    text
}

/// Quotes a text for YAML: every JSON string is a YAML string.
fn quoted(text: &str) -> String {
    let is_plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::access::{COPY, INSIDE, Permission, STREAMS};

    fn grants(purpose: Purpose, permission: Permission) -> bool {
        RULES.iter().filter(|rule| rule.purposes.contains(&purpose)).any(|rule| {
            rule.resources.contains(&&*permission.resource())
                && rule.verbs.contains(&permission.verb)
        })
    }

    #[test]
    fn the_role_grants_what_sessions_ask_for() {
        for permission in INSIDE.iter().chain(&STREAMS) {
            assert!(grants(Purpose::Attach, *permission), "{permission:?}");
        }
        for permission in COPY.iter().chain(&STREAMS) {
            assert!(grants(Purpose::Copy, *permission), "{permission:?}");
        }
        assert!(!grants(Purpose::Logs, INSIDE[0]) && !grants(Purpose::Attach, COPY[0]));
    }

    #[test]
    fn the_document_has_the_same_role() {
        let document = include_str!("../../../docs/kubernetes.md");
        let role = role(&Purpose::ALL, None);
        assert!(
            document.contains(&format!("```yaml\n{role}```")),
            "docs/kubernetes.md should have:\n{role}"
        );
    }

    #[test]
    fn a_namespace_is_a_string_of_yaml() {
        let role = |namespace| role(&[Purpose::Logs], Some(namespace));
        assert!(role("shop").contains("namespace: shop}"));
        assert!(role("1e3").contains("namespace: \"1e3\"}"));
        assert!(role("a\n- b").contains(r#"namespace: "a\n- b"}"#));
    }
}
