//! Completes the commands that hints suggest with the options by which the user named a cluster: a
//! command that is copied from a hint must query the same cluster and the same namespace.

use std::path::PathBuf;

/// The options by which the user named a cluster and a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterOptions {
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--all-namespaces`.
    pub all_namespaces: bool,
    /// `--kube-context`, which is `--context` for kubectl.
    pub context: Option<String>,
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
}

/// How a program spells an option: the words that select it, and the option with its value.
type Spelled = (&'static [&'static str], String);

/// The commands of scratchdbg that take the options.
const OURS: [&str; 5] = ["attach", "logs", "ps", "sessions", "why"];

/// The subjects of kubectl commands that are in no namespace.
const WITHOUT_NAMESPACE: [&str; 6] = ["config", "node", "nodes", "version", "whoami", "namespaces"];

impl ClusterOptions {
    /// Completes the commands in a hint, which are enclosed in backquotes.
    pub fn complete(&self, hint: &str) -> String {
        let parts: Vec<String> = hint
            .split('`')
            .enumerate()
            .map(|(at, part)| if at % 2 == 1 { self.command(part) } else { part.to_owned() })
            .collect();
        parts.join("`")
    }

    /// Completes a command. Other texts are returned unchanged.
    fn command(&self, text: &str) -> String {
        let mut words = text.split_whitespace();
        let options = match (words.next(), words.next()) {
            (Some("kubectl"), _) => self.spelled("--context"),
            (Some("scratchdbg"), Some(command)) if OURS.contains(&command) => {
                self.spelled("--kube-context")
            }
            _ => return text.to_owned(),
        };
        let (before, after) = match text.split_once(" -- ") {
            Some((before, command)) => (before, format!(" -- {command}")),
            None => (text, String::new()),
        };
        let has = |names: &[&str]| before.split_whitespace().any(|word| names.contains(&word));
        let is_global = before.starts_with("kubectl") && has(&WITHOUT_NAMESPACE);
        let is_needless = |names: &[&str]| has(names) || is_global && names.contains(&"-n");
        let missing =
            options.into_iter().filter(|(names, _)| !is_needless(names)).map(|(_, option)| option);
        [before.to_owned()].into_iter().chain(missing).collect::<Vec<_>>().join(" ") + &after
    }

    fn spelled(&self, context: &'static str) -> Vec<Spelled> {
        let contexts: &'static [&'static str] =
            if context == "--context" { &["--context"] } else { &["--kube-context"] };
        let all = self.all_namespaces.then(|| "--all-namespaces".to_owned());
        let namespace =
            self.namespace.as_deref().map(|name| format!("--namespace {}", quoted(name)));
        let file = self.kubeconfig.as_deref().map(|path| quoted(&path.to_string_lossy()));
        let options = [
            (&["--namespace", "-n", "--all-namespaces", "-A"][..], all.or(namespace)),
            (contexts, self.context.as_deref().map(|name| format!("{context} {}", quoted(name)))),
            (&["--kubeconfig"], file.map(|file| format!("--kubeconfig {file}"))),
        ];
        options.into_iter().filter_map(|(names, option)| Some((names, option?))).collect()
    }
}

/// Quotes a text as one word of a shell's command line.
fn quoted(text: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "_-./:@%+=,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_hints_have_the_options_that_the_user_gave() {
        let given = ClusterOptions {
            namespace: Some("shop".into()),
            context: Some("prod".into()),
            kubeconfig: Some("/a/b".into()),
            ..ClusterOptions::default()
        };
        for (hint, expected) in [
            ("nothing to run", "nothing to run"),
            ("`web` is a name", "`web` is a name"),
            (
                "`scratchdbg logs pod/web` shows what it said",
                "`scratchdbg logs pod/web --namespace shop --kube-context prod --kubeconfig /a/b` shows what it said",
            ),
            (
                "`kubectl describe pod web --namespace other` or `kubectl get nodes`",
                "`kubectl describe pod web --namespace other --context prod --kubeconfig /a/b` or `kubectl get nodes \
                 --context prod --kubeconfig /a/b`",
            ),
            (
                "`scratchdbg attach pod/web -- ls -n`",
                "`scratchdbg attach pod/web --namespace shop --kube-context prod --kubeconfig /a/b -- ls -n`",
            ),
            ("`scratchdbg build --toolkit-only`", "`scratchdbg build --toolkit-only`"),
            ("an `unclosed text", "an `unclosed text"),
        ] {
            assert_eq!(given.complete(hint), expected);
        }
        let all = ClusterOptions { all_namespaces: true, ..ClusterOptions::default() };
        assert_eq!(
            all.complete("`scratchdbg sessions ls`"),
            "`scratchdbg sessions ls --all-namespaces`"
        );
    }

    #[test]
    fn values_are_words_of_a_shell() {
        for (text, expected) in [
            ("arn:aws:eks:eu-1:1:cluster/a", "arn:aws:eks:eu-1:1:cluster/a"),
            ("a b", "'a b'"),
            ("$(id)", "'$(id)'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
