//! The same inputs yield the same bytes, wherever, whenever and by whomever they are built.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use scratchdbg_testkit::sample;

use crate::stage::Stage;

const BUILDS: usize = 50;

/// Returns a command that builds an archive on standard output, in a different environment each
/// time.
fn command(program: &Path, folder: &Path, round: usize) -> Command {
    let mask = ["022", "077", "000", "027"][round % 4];
    let script = r#"umask "$1"; cd "$2"; shift 2; exec "$@""#;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh", mask]).arg(folder).arg(program);
    command.args([
        "build",
        "app",
        "-t",
        "same/app:1",
        "-o",
        "archive:-",
        "--add",
        "etc:/etc/app",
        "--with",
        "none",
        "--quiet",
    ]);
    command.env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin");
    command.env("TZ", ["UTC", "Pacific/Chatham", "America/St_Johns"][round % 3]);
    command
        .env("LC_ALL", ["C", "de_DE.UTF-8", "tr_TR.UTF-8", "C.UTF-8", "zh_CN.GB18030"][round % 5]);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    if rustix::process::getuid().is_root() && round % 2 == 1 {
        let id = 40_000 + u32::try_from(round).expect("it fits");
        command.uid(id).gid(id);
    }
    command
}

#[test]
fn fifty_builds_in_changing_surroundings_give_one_archive() {
    let home = tempfile::TempDir::new().expect("a folder");
    // Another user must be able to read it.
    let open = |path: &Path| {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
    };
    open(home.path()).expect("a mode");
    // That user may have no access to the directory where it was built.
    let program = home.path().join("scratchdbg");
    fs::copy(env!("CARGO_BIN_EXE_scratchdbg"), &program).expect("a copy");
    let app = sample::write_app(home.path());
    let mut archives = BTreeSet::new();
    let mut threads = Vec::new();
    for round in 0..BUILDS {
        let folder = home.path().join(format!("folder-{round}"));
        fs::create_dir_all(folder.join("etc")).expect("a folder");
        // Directories list files in the order of their creation.
        let names = ["b", "a", "d", "c"];
        for at in 0..names.len() {
            fs::write(folder.join("etc").join(names[(at + round) % names.len()]), "x")
                .expect("a file");
        }
        fs::copy(&app, folder.join("app")).expect("a copy");
        let mut command = command(&program, &folder, round);
        threads.push(std::thread::spawn(move || command.output().expect("it runs")));
        // Some builds run concurrently, some alone.
        if threads.len() == 1 + round % 5 {
            for output in threads.drain(..).map(|thread| thread.join().expect("no panic")) {
                assert!(output.status.success(), "{:?}", output.status);
                assert!(output.stdout.len() > 1 << 20);
                archives.insert(output.stdout);
            }
        }
    }
    for output in threads.drain(..).map(|thread| thread.join().expect("no panic")) {
        assert!(output.status.success());
        archives.insert(output.stdout);
    }
    assert_eq!(archives.len(), 1, "different bytes");
}

#[test]
fn production_is_the_same_without_its_twin() {
    let stage = Stage::set();
    sample::write_app(stage.scratchdbg.home());
    let id = |options: &[&str]| {
        let arguments = [
            &["build", "app", "-t", "same/app:1", "--format", "json", "-o", "oci:layout"],
            options,
        ]
        .concat();
        let facts: serde_json::Value =
            serde_json::from_slice(&stage.run(&arguments).expect_code(0).stdout).expect("JSON");
        facts["prod"]["manifest"].as_str().expect("a digest").to_owned()
    };
    assert_eq!(id(&[]), id(&["--no-debug"]));
    let other_time = {
        let arguments = ["build", "app", "-t", "same/app:1", "--format", "json", "-o", "oci:later"];
        let mut command = stage.scratchdbg.command(arguments);
        command.env("SOURCE_DATE_EPOCH", "1700000000");
        let facts = scratchdbg_testkit::program::Running::start(command).finish();
        let facts: serde_json::Value =
            serde_json::from_slice(&facts.expect_code(0).stdout).expect("JSON");
        facts["prod"]["manifest"].as_str().expect("a digest").to_owned()
    };
    assert_ne!(id(&[]), other_time, "SOURCE_DATE_EPOCH is in it");
}
