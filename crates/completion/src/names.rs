//! The arguments whose values a platform knows.

use std::ffi::OsStr;
use std::sync::Arc;

use clap::Command;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use scratchdbg_logs::escape;

/// What a value names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The target of a session: a running container, or what the options say.
    Target,
    /// A container, running or not.
    Container,
    /// A container, running or not, with a colon behind it; or a file.
    Copied,
    /// An image.
    Image,
    /// An image or a container; or a file.
    Subject,
    /// A session.
    Session,
    /// A context of Docker's context store.
    Context,
    /// A context of the Kubernetes configuration.
    KubeContext,
    /// A namespace of the cluster.
    Namespace,
    /// The name of a Compose project.
    Project,
    /// A toolkit: a name of the settings, or an image; or a file.
    Toolkit,
    /// A tool: a name of the settings; or a file or folder.
    Tool,
    /// A code of findings.
    Code,
    /// A level of log lines.
    Level,
}

/// A value that a user may mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The value, as it is typed.
    pub value: String,
    /// What it is, in a few words; may be empty.
    pub about: String,
}

/// Returns the values of a kind that begin with what was typed. It may return others too.
pub type Names = Arc<dyn Fn(Kind, &str) -> Vec<Candidate> + Send + Sync>;

/// Where the values belong: the words of a command, the id of its argument, and the kind.
const ARGUMENTS: &[(&[&str], &str, Kind)] = &[
    (&[], "context", Kind::Context),
    (&["attach"], "target", Kind::Target),
    (&["attach"], "toolkit", Kind::Toolkit),
    (&["attach"], "with_tools", Kind::Tool),
    (&["cp"], "toolkit", Kind::Toolkit),
    (&["forward"], "toolkit", Kind::Toolkit),
    (&["cp"], "source", Kind::Copied),
    (&["cp"], "destination", Kind::Copied),
    (&["forward"], "target", Kind::Target),
    (&["logs"], "targets", Kind::Container),
    (&["logs"], "project", Kind::Project),
    (&["logs"], "level", Kind::Level),
    (&["why"], "targets", Kind::Container),
    (&["check"], "subjects", Kind::Subject),
    (&["check"], "explain", Kind::Code),
    (&["pair", "verify"], "production", Kind::Image),
    (&["pair", "verify"], "debug", Kind::Image),
    (&["sessions", "rm"], "sessions", Kind::Session),
];

/// The arguments of several commands that name a cluster or a part of it.
const OF_CLUSTERS: &[(&str, Kind)] =
    &[("kube_context", Kind::KubeContext), ("namespace", Kind::Namespace)];

/// Makes the values of `names` candidates for the arguments that they belong to.
pub fn with_names(mut command: Command, names: &Names) -> Command {
    for (path, id, kind) in ARGUMENTS {
        command = at(command, path, &|command| add(command, id, *kind, names));
    }
    with_clusters(command, names)
}

/// Applies a change to the command that these words lead to.
fn at(command: Command, path: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [first, rest @ ..] if command.find_subcommand(first).is_some() => {
            command.mut_subcommand(*first, |inner| at(inner, rest, change))
        }
        _ => command,
    }
}

/// Adds the values of a cluster to the command and to all below it.
fn with_clusters(command: Command, names: &Names) -> Command {
    let command =
        OF_CLUSTERS.iter().fold(command, |command, (id, kind)| add(command, id, *kind, names));
    let inner: Vec<String> =
        command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    inner.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |inner| with_clusters(inner, names))
    })
}

/// Makes the values of a kind candidates for an argument, if the command has it.
fn add(command: Command, id: &str, kind: Kind, names: &Names) -> Command {
    if !command.get_arguments().any(|argument| argument.get_id() == id) {
        return command;
    }
    let names = Arc::clone(names);
    let complete = move |typed: &OsStr| values(kind, typed, &names);
    let completer = ArgValueCompleter::new(complete);
    // `mut_arg` would put a positional argument behind the others.
    command.mut_args(|argument| {
        if argument.get_id() == id { argument.add(completer.clone()) } else { argument }
    })
}

fn values(kind: Kind, typed: &OsStr, names: &Names) -> Vec<CompletionCandidate> {
    let Some(text) = typed.to_str() else { return Vec::new() };
    let mut values: Vec<_> = names(kind, text)
        .into_iter()
        .map(|mut each| {
            if kind == Kind::Copied {
                each.value.push(':');
            }
            each
        })
        .filter(|each| each.value.starts_with(text) && is_safe(&each.value))
        .map(|each| {
            let about = (!each.about.is_empty()).then(|| escape::label(&each.about).into_owned());
            CompletionCandidate::new(each.value).help(about.map(Into::into))
        })
        .collect();
    if matches!(kind, Kind::Subject | Kind::Copied | Kind::Toolkit | Kind::Tool) {
        values.extend(PathCompleter::any().complete(typed));
    }
    values
}

/// Whether a name can be put into a command line as it is: no shell gives these characters a
/// meaning. Platforms accept no others in the names of containers and images.
fn is_safe(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:/@+,=".contains(&byte);
    !name.is_empty() && !name.starts_with(['-', '=']) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;
    use crate::candidates;

    fn completed(line: &str) -> Vec<String> {
        let names: Names = Arc::new(|kind, _| {
            let value = |value: &str| Candidate { value: value.into(), about: format!("{kind:?}") };
            vec![value("web"), value("web-db"), value("-web"), value("we$(b)"), value("we b")]
        });
        let arg = |id: &'static str| Arg::new(id);
        let option = |id: &'static str| Arg::new(id).long(id);
        let command = Command::new("scratchdbg")
            .arg(option("context").global(true))
            .subcommand(
                Command::new("attach")
                    .arg(arg("target"))
                    .arg(option("namespace"))
                    .arg(Arg::new("command").num_args(0..).trailing_var_arg(true)),
            )
            .subcommand(
                Command::new("pair")
                    .subcommand(Command::new("verify").arg(arg("production")).arg(arg("debug"))),
            );
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let answer = candidates(with_names(command, &names), &words);
        answer.candidates.into_iter().map(|each| format!("{} {}", each.value, each.about)).collect()
    }

    #[test]
    fn names_belong_to_arguments() {
        assert_eq!(completed("attach w"), ["web Target", "web-db Target"]);
        assert_eq!(completed("attach web-"), ["web-db Target"]);
        assert_eq!(completed("attach web w"), Vec::<String>::new());
        assert_eq!(completed("attach --namespace w"), ["web Namespace", "web-db Namespace"]);
        assert_eq!(completed("--context w"), ["web Context", "web-db Context"]);
        assert_eq!(completed("attach --context w"), ["web Context", "web-db Context"]);
        assert_eq!(completed("attach --context=web-"), ["--context=web-db Context"]);
        assert_eq!(completed("pair verify a w"), ["web Image", "web-db Image"]);
    }

    #[test]
    fn names_with_a_meaning_for_a_shell_are_left_out() {
        assert!(is_safe("localhost:5000/a_b/c.d@sha256:0a") && is_safe("pod/web"));
        for name in ["", "-a", "a b", "a;b", "$a", "`a`", "a\nb", "a\u{202e}", "~", "a'", "=cmd"] {
            assert!(!is_safe(name), "{name}");
        }
    }
}
