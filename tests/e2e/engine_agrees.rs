//! Compares `check` with what the engine and the kernel really do with Dockerfiles and programs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::Stage;

/// Reports whether `check` finds an error.
fn has_error(stage: &Stage, subject: &str) -> (bool, String) {
    let finished = stage.run(&["check", "--deny", "none", "--format", "json", subject]);
    finished.expect_code(0);
    let report: Value = serde_json::from_slice(&finished.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    (findings.iter().any(|finding| finding["severity"] == "error"), finished.text())
}

/// Returns the problem if `check` and the engine disagree about a Dockerfile in the directory
/// `context`, or `None` if both agree that the program runs or not, as in `works`.
pub(crate) fn disagreement(
    stage: &Stage,
    folder: &Path,
    text: &str,
    works: bool,
) -> Option<String> {
    fs::write(folder.join("Dockerfile"), text).expect("a file");
    let (is_wrong, said) = has_error(stage, "context/Dockerfile");
    let runs = engine_runs(stage, folder);
    (runs != works || is_wrong == works)
        .then(|| format!("{text}{said}: runs {runs}, to run {works}"))
}

/// Builds the directory with Docker's classic builder and runs the result. Nothing of a build is
/// left, even if it fails: its images have a label. Without the cache, because the builder goes
/// through every image of the engine for it and fails if another test removes one meanwhile.
fn engine_runs(stage: &Stage, folder: &Path) -> bool {
    let image = stage.engine.name("agrees");
    let label = format!("scratchdbg.test.agrees={image}");
    let text = fs::read_to_string(folder.join("Dockerfile")).expect("a Dockerfile");
    let lines = text.lines().flat_map(|line| match line {
        from if from.starts_with("FROM ") => vec![from.to_owned(), format!("LABEL {label}")],
        other => vec![other.to_owned()],
    });
    let labeled = folder.with_file_name("labeled.Dockerfile");
    fs::write(&labeled, lines.collect::<Vec<_>>().join("\n") + "\n").expect("a file");
    let mut docker = Command::new("docker");
    docker.env("DOCKER_BUILDKIT", "0").envs(stage.engine.variables()).stdin(Stdio::null());
    docker
        .args(["build", "-q", "--no-cache", "--force-rm", "--network", "none", "-t", &image, "-f"])
        .arg(labeled)
        .arg(folder);
    let is_built = docker.output().expect("docker runs").status.success();
    let name = stage.engine.name("agrees-run");
    let runs = is_built
        && stage
            .engine
            .docker(["run", "--rm", "--network", "none", "--name", &name, &image])
            .status
            .success();
    if is_built {
        stage.engine.docker(["rmi", "-f", &image]);
    }
    stage.engine.docker(["image", "prune", "--force", "--filter", &format!("label={label}")]);
    runs
}

#[test]
fn check_says_of_dockerfiles_what_the_engine_does() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    let folder = home.join("context");
    fs::create_dir_all(folder.join("ctx")).expect("a folder");
    fs::copy(sample::write_app(home), folder.join("app")).expect("a copy");
    let app = "FROM scratch\nCOPY app /app\n";
    let end = "CMD [\"/app\", \"say\", \"x\"]\n";
    let of = |line: &str| format!("{app}{line}\n{end}");
    let only =
        |path: &str| format!("FROM scratch\nCOPY app {path}\nCMD [\"{path}\", \"say\", \"x\"]\n");
    for (text, works) in [
        // Text after an array.
        (format!("{app}CMD [\"/app\", \"say\", \"x\"] # comment\n"), true),
        (format!("{app}ENTRYPOINT [\"/app\", \"say\", \"x\"] --flag\n"), true),
        (format!("{app}ENTRYPOINT [\"/app\", \"say\", \"x\"];\n"), true),
        // Paths with `..`.
        (format!("FROM scratch\nCOPY ./ctx/../app /app\n{end}"), true),
        (format!("FROM scratch\nCOPY ctx/../../app /app\n{end}"), false),
        // An argument does not change a variable with the same name.
        (format!("FROM scratch\nENV V=app\nARG V=none\nCOPY $V /app\n{end}"), true),
        (format!("FROM scratch\nARG V=app\nENV V=none\nCOPY $V /app\n{end}"), false),
        // Words that expand to nothing.
        (of("EXPOSE $PORT"), true),
        (of("EXPOSE $PORT/tcp"), false),
        (of("EXPOSE 65535-1"), false),
        (of("WORKDIR $NONE"), false),
        (of("STOPSIGNAL $NONE"), false),
        (of("USER $NONE"), true),
        // A program that the stage lacks.
        (of("RUN echo hi"), false),
        (of("RUN [\"/nope\"]"), false),
        (of("RUN [\"/app\", \"say\", \"x\"]"), true),
        // Stages.
        (format!("{app}FROM scratch\nCOPY --from=1 /app /app\n{end}"), false),
        (
            format!("FROM scratch AS a\nCOPY app /app\nFROM scratch AS A\nCOPY app /app\n{end}"),
            false,
        ),
        (format!("{app}FROM scratch\nCOPY --from=00 /app /app\n{end}"), true),
        (format!("FROM scratch\nCOPY none /app\nFROM scratch\nCOPY app /app\n{end}"), false),
        (format!("FROM --platform=foo/bar scratch\nCOPY app /app\n{end}"), false),
        (format!("FROM --platform=amd64 scratch\nCOPY app /app\n{end}"), true),
        // Programs that are not visible in containers, and a program that is a directory.
        (only("/dev/app"), false),
        (only("/proc/app"), false),
        (only("/sys/app"), false),
        (only("/etc/hosts"), false),
        (only("/.dockerenv"), false),
        (only("/run/app"), true),
        (format!("{app}ENTRYPOINT [\"/app/\", \"say\"]\n"), false),
        // Users, and health checks.
        (of("USER 2147483647"), true),
        (of("USER 2147483648"), false),
        (of("USER 1:4294967295"), false),
        (of("USER 1:2:3"), true),
        (of("HEALTHCHECK --interval=0 CMD [\"/app\"]"), false),
        (of("HEALTHCHECK --retries=0 CMD [\"/app\"]"), false),
        (of("HEALTHCHECK --retries=1 --retries=1 CMD [\"/app\"]"), false),
        (of("HEALTHCHECK --retries= --interval=+5s CMD [\"/app\"]"), true),
    ] {
        fs::write(folder.join("Dockerfile"), &text).expect("a file");
        let (is_wrong, said) = has_error(&stage, "context/Dockerfile");
        assert_eq!(is_wrong, !works, "{text}{said}");
        assert_eq!(engine_runs(&stage, &folder), works, "what the engine does with {text}");
    }
    fs::write(folder.join("Dockerfile"), of("USER 1")).expect("a file");
    for (rules, works) in [("[\n", false), ("!\n", false), ("a[b]\n!c\n", true)] {
        fs::write(folder.join(".dockerignore"), rules).expect("a file");
        let (is_wrong, said) = has_error(&stage, "context/Dockerfile");
        assert_eq!(is_wrong, !works, "{rules}{said}");
        assert_eq!(engine_runs(&stage, &folder), works, "what the engine does with {rules}");
    }
}

/// The contents of a directory that is copied from an image are unknown.
#[test]
fn a_folder_from_elsewhere_may_have_anything() {
    let stage = Stage::set();
    let folder = stage.scratchdbg.home().join("context");
    fs::create_dir_all(&folder).expect("a folder");
    for (text, is_wrong) in [
        ("FROM scratch\nCOPY --from=busybox /bin /bin\nCMD [\"ls\"]\n", false),
        ("FROM busybox AS b\nFROM scratch\nCOPY --from=b /bin /bin\nCMD [\"ls\"]\n", false),
        ("FROM scratch\nCOPY --from=busybox /bin /bin\nCMD ls -l\n", false),
        ("FROM scratch\nCOPY --from=busybox /opt/app /app\nENTRYPOINT [\"/app/app\"]\n", false),
        ("FROM scratch\nWORKDIR /srv\nCOPY --from=busybox /x /srv\nCMD [\"./srv\"]\n", false),
        (
            "FROM scratch\nCOPY --from=busybox /etc /etc\nCOPY --from=busybox /app /app\nUSER web\nCMD [\"/app\"]\n",
            false,
        ),
        (
            "FROM scratch\nENV PATH=/opt/tools/bin\nCOPY --from=busybox /opt/tools /opt/tools\nCMD [\"app\"]\n",
            false,
        ),
        // Near misses: the required file is elsewhere.
        ("FROM scratch\nCOPY --from=busybox /lib /lib\nCMD [\"ls\"]\n", true),
        ("FROM scratch\nCOPY --from=busybox /bin /tools\nCMD [\"/bin/ls\"]\n", true),
        ("FROM scratch\nCOPY --from=busybox /app /app\nUSER web\nCMD [\"/app\"]\n", true),
    ] {
        fs::write(folder.join("Dockerfile"), text).expect("a file");
        let (found, said) = has_error(&stage, "context/Dockerfile");
        assert_eq!(found, is_wrong, "{text}{said}");
    }
}

/// Changed bytes in the header, and whether the kernel of this machine still runs the program.
#[test]
fn check_says_of_programs_what_the_kernel_does() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    let app = fs::read(sample::write_app(home)).expect("the sample");
    let number = |at: usize, size: usize| {
        app[at..at + size].iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (table, count) = (number(32, 8), number(56, 2));
    let loads: Vec<usize> = (0..count)
        .map(|index| table + 56 * index)
        .filter(|header| number(*header, 4) == 1)
        .collect();
    let note = |kind: u8| loads.iter().map(|header| (*header, kind)).collect::<Vec<_>>();
    for (changes, runs) in [
        (vec![], true),
        (vec![(4, 9)], true),
        (vec![(4, 1)], true),
        (vec![(5, 2)], true),
        (vec![(6, 0)], true),
        (vec![(20, 9)], true),
        (vec![(18, 0)], false),
        (vec![(54, 0)], false),
        (vec![(54, 1)], false),
        (vec![(56, 0)], false),
        (note(4), false),
        (note(2), false),
    ] {
        let mut file = app.clone();
        for (at, byte) in &changes {
            file[*at] = *byte;
        }
        let path = home.join("changed");
        // The kernel does not execute a file that is open for writing.
        drop(fs::remove_file(&path));
        fs::write(&path, file).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        let started = Command::new("sh")
            .args(["-c", "exec \"$0\" say x", &path.display().to_string()])
            .output();
        let started = started.expect("sh runs");
        let (is_wrong, said) = has_error(&stage, "changed");
        assert_eq!(is_wrong, !runs, "{changes:?}: {said}");
        assert_eq!(started.status.success(), runs, "what the kernel does with {changes:?}");
    }
}

/// Files that are larger than any disk, with almost no content.
#[test]
fn sparse_files_are_checked_at_once() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    let folder = home.join("context");
    fs::create_dir_all(&folder).expect("a folder");
    let app = fs::read(sample::write_app(home)).expect("the sample");
    fs::write(
        folder.join("Dockerfile"),
        "FROM scratch\nCOPY --chmod=755 big /app\nUSER 1\nENTRYPOINT [\"/app\"]\n",
    )
    .expect("a file");
    for (content, is_wrong) in
        [(&b""[..], true), (b"\x7fELF", true), (b"#!/bin/sh\n", true), (&app, false)]
    {
        let path = folder.join("big");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        let file = fs::File::options().append(true).open(&path).expect("the file");
        file.set_len(1 << 40).expect("a file system with sparse files");
        for subject in ["context/big", "context/Dockerfile"] {
            let (found, said) = has_error(&stage, subject);
            assert_eq!(found, is_wrong, "{subject}: {said}");
        }
    }
}
