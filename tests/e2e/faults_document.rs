//! Checks that the tests named in `docs/faults.md` and `docs/threat-model.md` exist.

use std::fs;
use std::path::Path;

/// Collects the text of all Rust sources below a directory, except for build output.
fn sources(folder: &Path, text: &mut String) {
    for entry in
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() && !entry.ends_with("target") {
            sources(&entry, text);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&entry).expect("a source"));
        }
    }
}

/// Returns the number of rows and of names in a document's tables, and the names without a test.
/// Names are in backquotes; `is_name` selects them if other texts are quoted too.
fn missing(
    document: &str,
    text: &str,
    is_name: impl Fn(&str) -> bool,
) -> (usize, usize, Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = fs::read_to_string(root.join(document)).expect("the document");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| ")).collect();
    let quoted = rows.iter().flat_map(|row| row.split('`').skip(1).step_by(2));
    let names: Vec<&str> = quoted.filter(|name| is_name(name)).collect();
    let missing = names
        .iter()
        .filter(|name| !text.contains(&format!("fn {name}(")))
        .map(|name| (*name).to_owned());
    (rows.len(), names.len(), missing.collect())
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut text = String::new();
    for folder in ["crates", "tests"] {
        sources(&root.join(folder), &mut text);
    }
    let check = |document: &str, least_names: usize, is_name: fn(&str) -> bool| {
        let (rows, names, missing) = missing(document, &text, is_name);
        assert!(rows > 15 && names > least_names, "{document}: {rows} rows, {names} names");
        assert!(missing.is_empty(), "{document}: no such tests: {missing:?}");
    };
    check("docs/faults.md", 90, |name| !name.contains(' '));
    // Capabilities and options are quoted too.
    check("docs/threat-model.md", 20, |name| {
        name.starts_with(|first: char| first.is_ascii_lowercase()) && name.contains('_')
    });
}
