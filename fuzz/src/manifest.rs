//! Manifests of Kubernetes.

/// `data` is the file. Lines of what is found are lines of the file.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let manifest = scratchdbg_manifest::read(&text);
    // YAML has more line breaks than `\n`.
    let most = text
        .chars()
        .filter(|character| matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'))
        .count()
        + 2;
    for problem in &manifest.problems {
        assert!((1..=most).contains(&problem.line), "{problem:?}");
        assert!(!problem.what.is_empty() && !problem.fix.is_empty(), "{problem:?}");
    }
    for container in manifest.templates.iter().flat_map(|pod| &pod.containers) {
        assert!((1..=most).contains(&container.line), "{container:?}");
    }
}
