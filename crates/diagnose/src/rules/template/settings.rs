//! The settings of a container over those of its image, as a kubelet applies them.

use crate::config::ConfigFacts;
use crate::finding::Finding;
use crate::rootfs::Rootfs;
use crate::template::ContainerTemplate;

/// Returns the configuration that a container has: its image's, with its own settings over it.
pub fn applied(container: &ContainerTemplate, image: &ConfigFacts) -> ConfigFacts {
    let mut config = image.clone();
    let variables = variables(container);
    let others = container.has_other_env;
    for (name, value) in &variables {
        config.env.push(format!("{name}={}", value.as_deref().unwrap_or_default()));
    }
    let words = |words: &[String]| {
        words.iter().map(|word| expanded(word, &variables, others).text).collect::<Vec<_>>()
    };
    let args = container.args.as_ref().map(|args| words(&args.value));
    if let Some(command) = container.command.as_ref().filter(|command| !command.value.is_empty()) {
        config.entrypoint = words(&command.value);
        // The image's arguments are for the image's program.
        config.command = args.unwrap_or_default();
    } else if let Some(args) = args.filter(|args| !args.is_empty()) {
        config.command = args;
    }
    if let Some(folder) = &container.working_directory {
        config.working_directory.clone_from(&folder.value);
    }
    if let Some(user) = &container.run_as_user {
        let group = container.run_as_group.map(|group| format!(":{group}")).unwrap_or_default();
        config.user = format!("{}{group}", user.value);
    }
    // Kubernetes does not run the health checks of images.
    config.healthcheck = None;
    config.volumes = Vec::new();
    config
}

/// Leaves open what is in the mounts of a container.
pub fn hide_mounts(container: &ContainerTemplate, rootfs: &mut Rootfs) {
    for mount in container.mounts.iter().filter(|mount| mount.path.starts_with('/')) {
        rootfs.cover(&mount.path);
    }
}

/// A variable of a container, or `None` for a value that only the cluster knows.
type Variable = (String, Option<String>);

/// Returns the variables of a container. A value may name those before it.
fn variables(container: &ContainerTemplate) -> Vec<Variable> {
    let mut known: Vec<Variable> = Vec::new();
    for (name, value) in &container.env {
        let value = value.as_ref().map(|value| expanded(value, &known, container.has_other_env));
        let value = value.filter(|value| !value.is_unknown).map(|value| value.text);
        known.push((name.clone(), value));
    }
    known
}

/// A text in which variables are replaced.
struct Expanded {
    text: String,
    /// Whether it names a variable whose value only the cluster knows.
    is_unknown: bool,
}

/// Expands `$(NAME)` as a kubelet does: of variables that the container has, `$$` is a dollar sign,
/// and all else stays.
fn expanded(text: &str, variables: &[Variable], has_other: bool) -> Expanded {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    let mut is_unknown = false;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
        } else if let Some((name, more)) =
            after.strip_prefix('(').and_then(|inner| inner.split_once(')'))
        {
            let own = variables.iter().rev().find(|(own, _)| own == name);
            match own.map(|(_, value)| value.as_ref()) {
                Some(Some(value)) => out.push_str(value),
                own => {
                    is_unknown |= own.is_some() || has_other;
                    out.extend(["$(", name, ")"]);
                }
            }
            rest = more;
        } else {
            out.push('$');
            rest = after;
        }
    }
    Expanded { text: out + rest, is_unknown }
}

/// Whether the name of the program depends on variables whose values are unknown.
pub(super) fn is_program_unknown(container: &ContainerTemplate, config: &ConfigFacts) -> bool {
    let program = config.arguments().first().copied().unwrap_or_default();
    let has_path = container.env.iter().any(|(name, value)| name == "PATH" && value.is_none());
    let own = [&container.command, &container.args].into_iter().flatten();
    let mut written = own.filter_map(|words| words.value.first());
    let is_unknown = written.next().is_some_and(|word| {
        expanded(word, &variables(container), container.has_other_env).is_unknown
    });
    is_unknown || (has_path && !program.contains('/'))
}

/// Names the settings in a finding about an image as manifests do, where the container's own take
/// the place of the image's.
pub(crate) fn in_words_of_manifests(finding: &mut Finding, container: &ContainerTemplate) {
    let has_command = container.command.as_ref().is_some_and(|command| !command.value.is_empty());
    let (entrypoint, cmd) = (has_command, has_command || container.args.is_some());
    let texts = finding.evidence.iter_mut().chain([&mut finding.message]).chain(&mut finding.fix);
    for text in texts {
        if entrypoint {
            *text = text.replace("ENTRYPOINT [", "command: [").replace("ENTRYPOINT", "command");
        }
        if cmd {
            *text = text.replace("CMD [", "args: [").replace("the CMD", "args");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Lined;

    #[expect(clippy::unnecessary_wraps, reason = "the type of the field")]
    fn lined(words: &[&str]) -> Option<Lined<Vec<String>>> {
        Some(Lined { value: words.iter().map(|&word| word.to_owned()).collect(), line: 1 })
    }

    #[test]
    fn settings_of_the_container_come_first() {
        let image = ConfigFacts {
            entrypoint: vec!["/app".into()],
            command: vec!["--own".into()],
            user: "app".into(),
            ..ConfigFacts::default()
        };
        let of = |container: &ContainerTemplate| applied(container, &image).arguments().join(" ");
        let container = ContainerTemplate::default();
        assert_eq!(of(&container), "/app --own");
        assert_eq!(of(&ContainerTemplate { args: lined(&["x"]), ..container.clone() }), "/app x");
        assert_eq!(of(&ContainerTemplate { command: lined(&["/b"]), ..container.clone() }), "/b");
        assert_eq!(
            of(&ContainerTemplate { command: lined(&[]), ..container.clone() }),
            "/app --own"
        );
        let user = ContainerTemplate {
            run_as_user: Some(Lined { value: 7, line: 1 }),
            ..container.clone()
        };
        assert_eq!(applied(&user, &image).user, "7");
        let both = ContainerTemplate { run_as_group: Some(8), ..user };
        assert_eq!(applied(&both, &image).user, "7:8");
    }

    #[test]
    fn variables_are_expanded_as_kubelets_do() {
        let variables = vec![("A".to_owned(), Some("1".to_owned())), ("S".to_owned(), None)];
        for (text, expected, is_unknown) in [
            ("$(A)", "1", false),
            ("x$(A)y$(A)", "x1y1", false),
            ("$$(A)", "$(A)", false),
            ("$(S)", "$(S)", true),
            ("$(N)", "$(N)", false),
            ("$A $", "$A $", false),
            ("$(A", "$(A", false),
            ("", "", false),
        ] {
            let got = expanded(text, &variables, false);
            assert_eq!((&*got.text, got.is_unknown), (expected, is_unknown), "{text}");
        }
        assert!(expanded("$(N)", &variables, true).is_unknown, "it may be in a config map");
    }

    #[test]
    fn a_variable_names_those_before_it() {
        let env = [("Q", Some("$(P)")), ("P", Some("/app")), ("R", Some("$(P)")), ("S", None)];
        let env = env.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).to_vec();
        let container = ContainerTemplate { env, ..ContainerTemplate::default() };
        let program = |word: &str| {
            let container = ContainerTemplate { command: lined(&[word]), ..container.clone() };
            let config = applied(&container, &ConfigFacts::default());
            (config.entrypoint[0].clone(), is_program_unknown(&container, &config))
        };
        assert_eq!(program("$(R)"), ("/app".to_owned(), false));
        assert_eq!(program("$(Q)"), ("$(P)".to_owned(), false), "no such program can be found");
        assert_eq!(program("$$(P)"), ("$(P)".to_owned(), false));
        assert!(program("$(S)").1);
    }
}
