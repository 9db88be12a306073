//! Checks the map of the crates (docs/architecture.md): which crate may depend on which, where the
//! types of a platform may be named, and how long files and the command line may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate, and the crates of this workspace that it may depend on.
const MAP: &[(&str, &[&str])] = &[
    ("archive", &[]),
    ("args", &["backend", "console", "follow", "logs", "manual"]),
    ("backend", &["diagnose", "logs"]),
    ("builder", &["diagnose", "files", "image"]),
    (
        "cli",
        &[
            "args",
            "backend",
            "builder",
            "completion",
            "console",
            "copy",
            "diagnose",
            "dialog",
            "docker",
            "files",
            "follow",
            "format",
            "forward",
            "image",
            "inspect",
            "kubernetes",
            "logs",
            "manual",
            "plugin",
            "registry",
            "report",
            "session",
            "settings",
        ],
    ),
    ("completion", &["files", "logs"]),
    ("console", &["backend", "files", "follow", "logs"]),
    ("copy", &["archive", "backend", "session"]),
    ("diagnose", &[]),
    ("dialog", &["backend", "console", "session"]),
    ("docker", &["backend", "diagnose", "files", "logs", "pace"]),
    ("files", &[]),
    ("follow", &["backend", "files", "logs"]),
    ("format", &["backend", "diagnose", "inspect", "logs"]),
    ("forward", &["backend", "relay", "session"]),
    ("image", &["files"]),
    ("inspect", &["backend", "builder", "diagnose", "files", "image", "manifest"]),
    ("kubernetes", &["backend", "diagnose", "files", "logs", "pace", "secrets"]),
    ("launcher", &["archive", "relay"]),
    ("logs", &[]),
    ("manifest", &["diagnose"]),
    ("manual", &[]),
    ("pace", &[]),
    ("plugin", &[]),
    ("registry", &["files", "image", "pace", "secrets"]),
    ("relay", &[]),
    ("report", &["diagnose", "logs"]),
    ("secrets", &[]),
    ("session", &["backend", "builder", "diagnose", "image", "logs"]),
    ("settings", &[]),
    ("testkit", &["backend", "diagnose", "logs"]),
];

/// The types of a platform, and the only crate that may name them.
const PLATFORMS: &[(&str, &str)] =
    &[("bollard", "docker"), ("k8s-openapi", "kubernetes"), ("kube", "kubernetes")];

/// The most lines of a Rust file. A longer one contains more than one concept.
const MOST_LINES_OF_A_FILE: usize = 400;

/// The most lines of the command line, which only connects the other crates.
const MOST_LINES_OF_THE_COMMAND_LINE: usize = 5_000;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the names in a manifest's `[dependencies]`. Dependencies of tests do not count.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once(['.', ' ', '='])?.0.to_owned())).collect()
}

#[test]
fn crates_depend_on_those_below_them_only() {
    let map: BTreeMap<_, _> = MAP.iter().copied().collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(crates()).expect("the folder of the crates") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let allowed =
            map.get(name.as_str()).unwrap_or_else(|| panic!("`{name}` is not on the map"));
        for dependency in dependencies(&manifest) {
            if let Some(ours) = dependency.strip_prefix("scratchdbg-") {
                assert!(allowed.contains(&ours), "`{name}` must not depend on `{ours}`");
            }
            for (platform, home) in PLATFORMS {
                assert!(
                    dependency != *platform || name == *home,
                    "`{name}` must not depend on `{platform}`"
                );
            }
        }
        found.push(name);
    }
    found.sort();
    assert_eq!(
        found,
        map.keys().copied().collect::<Vec<_>>(),
        "the map has crates that are not there"
    );
}

/// Returns the source files below a directory.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.into_iter().chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

#[test]
fn the_command_line_names_platforms_in_one_place() {
    let folder = crates().join("cli/src");
    for path in sources(&folder) {
        let text = fs::read_to_string(&path).expect("a source file");
        let name = path.strip_prefix(&folder).expect("it is below").to_string_lossy().into_owned();
        for platform in ["scratchdbg_docker", "scratchdbg_kubernetes"] {
            assert!(name == "platform.rs" || !text.contains(platform), "{name} names a platform");
        }
    }
}

/// Returns the number of lines of each Rust file below a directory.
fn lines(folder: &Path) -> Vec<(PathBuf, usize)> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let count = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        (path, text.lines().count())
    };
    sources(folder).into_iter().filter(is_rust).map(count).collect()
}

#[test]
fn files_have_one_concept() {
    let root = crates().join("..");
    let all: Vec<_> = ["crates", "tests", "benches"]
        .iter()
        .flat_map(|folder| lines(&root.join(folder)))
        .collect();
    assert!(all.len() > 500, "only {} files are found", all.len());
    let long: Vec<_> = all.iter().filter(|(_, lines)| *lines > MOST_LINES_OF_A_FILE).collect();
    assert!(
        long.is_empty(),
        "more than {MOST_LINES_OF_A_FILE} lines: move a concept into a module of its own: {long:#?}"
    );
}

#[test]
fn the_command_line_stays_thin() {
    let is_test = |path: &PathBuf| path.ends_with("tests.rs");
    let files = sources(&crates().join("cli/src")).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let without_tests = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        text.lines().take_while(|line| *line != "#[cfg(test)]").count()
    };
    let lines: usize = files.filter(|path| !is_test(path)).map(without_tests).sum();
    assert!(
        lines <= MOST_LINES_OF_THE_COMMAND_LINE,
        "crates/cli/src has {lines} lines without its tests: move what computes into another crate"
    );
}

#[test]
fn manifests_are_read() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nserde.workspace = true\ntar = \"1\"\n\n[dev-dependencies]\nno.x = 1\n";
    assert_eq!(dependencies(manifest), ["serde", "tar"]);
}
