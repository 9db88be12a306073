//! Runs the fuzz targets with their seeds and with every input that once broke something, so that
//! fixed bugs stay fixed and the targets keep matching the code. CONTRIBUTING.md explains fuzzing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod mutations;

#[expect(unreachable_pub, reason = "the same source is the library of the fuzz targets")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Far more time than any input takes, so that a loaded machine does not matter: a pattern with
/// exponential time takes years.
const SLOWEST: Duration = Duration::from_secs(20);

/// Defines a test for each target, and the list of targets.
macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        const TARGETS: &[&str] = &[$(stringify!($name)),+];

        mod seeds_and_regressions_of {
            $(
                #[test]
                fn $name() {
                    super::run_all(stringify!($name), super::targets::$name::run);
                }
            )+
        }

        mod mutations_of {
            $(
                #[test]
                #[ignore = "takes minutes; for machines without cargo-fuzz, see CONTRIBUTING.md"]
                fn $name() {
                    super::mutations::run(stringify!($name), super::targets::$name::run);
                }
            )+
        }
    };
}

targets!(
    archive,
    config,
    copied,
    docker_config,
    dockerfile,
    dockerignore,
    elf,
    escape,
    frames,
    layer,
    layout,
    log_file,
    manifest,
    message,
    order,
    record,
    reference,
    template,
    time,
    toolkit,
);

fn fuzz_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"))
}

/// Returns the files of a directory, sorted; none if there is no such directory.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    files
}

fn run_all(name: &str, run: fn(&[u8])) {
    let seeds = files(&fuzz_folder().join("seeds").join(name));
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let regressions = files(&fuzz_folder().join("regressions").join(name));
    for path in seeds.into_iter().chain(regressions) {
        let data = std::fs::read(&path).expect("the file can be read");
        let begin = Instant::now();
        // The beginning of an input is an input too.
        let outcome = std::panic::catch_unwind(|| {
            run(&data);
            run(&data[..data.len() / 2]);
        });
        assert!(outcome.is_ok(), "{name} broke on {}: see the panic above", path.display());
        assert!(begin.elapsed() < SLOWEST, "{} takes {:?}", path.display(), begin.elapsed());
    }
    run(b"");
}

#[test]
fn every_target_is_run_here_and_can_be_fuzzed() {
    let listed = |folder: &str| -> Vec<String> {
        let files = files(&fuzz_folder().join(folder));
        files
            .iter()
            .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(listed("fuzz_targets"), TARGETS);
    assert_eq!(listed("seeds"), TARGETS);
    assert!(listed("regressions").iter().all(|name| TARGETS.contains(&name.as_str())));
    let manifest = std::fs::read_to_string(fuzz_folder().join("Cargo.toml")).expect("the manifest");
    for name in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is in no [[bin]]");
    }
}
