//! Kubernetes manifests as values: the pod templates of a file, and the lines of their settings.
//!
//! * `yaml` turns a text into trees whose nodes know their lines. JSON is YAML too.
//! * `template` finds the pod templates of workloads in them.
//!
//! Nothing is read but the text. Fields that no rule needs are ignored, and so are objects without
//! pods.

mod template;
mod yaml;

use scratchdbg_diagnose::template::PodTemplate;

/// The largest manifest that is read, in bytes.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// What a file says about pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The pod templates, in the order of the file.
    pub templates: Vec<PodTemplate>,
    /// What the API would not accept.
    pub problems: Vec<Problem>,
}

/// Something that the API would not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, as a part of a sentence.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Reads the documents of a file. What follows an error of syntax is not read.
pub fn read(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let (documents, error) = yaml::parse(text);
    for document in &documents {
        template::collect(document, &mut manifest);
    }
    if let Some(error) = error {
        let is_template = text.contains("{{");
        let fix = if is_template {
            "check what the templates become: helm template CHART > manifest.yaml"
        } else {
            "correct the YAML: indentation, quotes and colons decide"
        };
        manifest.problems.push(Problem {
            line: error.line,
            what: error.reason,
            fix: fix.to_owned(),
        });
    }
    manifest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(kind|spec|containers|template|- |: |\\n|  |\\[|\\]|\\{|\\}|&a|\\*a|\"|'|x){0,60}") {
            read(&text);
        }

        #[test]
        fn no_bytes_break_the_reader(text in any::<String>()) {
            read(&text);
        }
    }

    #[test]
    fn what_helm_would_render_is_told() {
        let manifest = read("kind: Pod\nspec:\n  {{- include \"x\" . }}\n");
        assert_eq!(manifest.templates, []);
        let [problem] = &manifest.problems[..] else { panic!("{manifest:?}") };
        assert_eq!(problem.line, 3);
        assert!(problem.fix.contains("helm template"), "{problem:?}");
    }

    #[test]
    fn what_is_not_looked_at_is_told() {
        for (text, line, words) in [
            (
                "kind: Pod\nspec:\n  containers:\n  - name: a\n    image: {{ .Values.image }}",
                5,
                "image",
            ),
            ("kind: Pod\nspec:\n  containers:\n  - name: a", 4, "names no image"),
            ("kind: Pod\nspec:\n  containers: [{name: a, image: ''}]", 3, "names no image"),
            ("kind: Pod\nspec:\n  containers: [{name: a, image: [x]}]", 3, "is a list"),
            ("kind: Pod\nspec:\n  containers: {name: a}", 3, "is no list"),
            ("kind: Pod\nspec:\n  containers: []", 3, "has no containers"),
            ("kind: Pod\nspec:\n  containers: [a]", 3, "is no container"),
            ("kind: Pod\nspec:\n  containers:", 3, "has no containers"),
            ("kind: Pod\nspec:\n  Containers: []", 3, "has no containers"),
            ("kind: Pod\nspec: [{containers: []}]", 1, "no specification"),
            ("kind: Pod", 1, "no specification"),
            ("kind: Job\nspec: {template: {}}", 1, "spec.template.spec"),
            (
                "kind: Pod\nspec: {initContainers: 7, containers: [{name: a, image: i}]}",
                2,
                "no list",
            ),
        ] {
            let problems = read(text).problems;
            assert!(
                problems.iter().any(|problem| problem.what.contains(words)),
                "{text}: {problems:?}"
            );
            assert_eq!(
                problems.last().map(|problem| problem.line),
                Some(line),
                "{text}: {problems:?}"
            );
        }
    }
}
