//! `build` and `pair verify` with malicious or broken inputs: one clear line, no partial output, no
//! hang.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::{eventually, sample};

use crate::stage::Stage;

#[test]
fn sources_that_are_no_files() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    let made = Command::new("mkfifo").arg(home.join("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(home.join("socket")).expect("a socket");
    fs::create_dir(home.join("out")).expect("a folder");
    symlink("../app", home.join("out/link")).expect("a link");
    let output = "archive:x.tar";
    for (binary, word) in
        [("pipe", "pipe"), ("socket", "socket"), ("/dev/zero", "/dev/zero"), ("out", "out")]
    {
        stage.run(&["build", binary, "-t", "a/b:1", "-o", output]).expect_clear_failure(1, &[word]);
        let addition = format!("{binary}:/x");
        if binary != "out" {
            let add = ["build", "app", "-t", "a/b:1", "-o", output, "--add", &addition];
            stage.run(&add).expect_clear_failure(1, &[word]);
        }
    }
    let add = ["build", "app", "-t", "a/b:1", "-o", output, "--add", "out:/x"];
    stage.run(&add).expect_clear_failure(1, &["link", "../app"]);
    assert!(!home.join("x.tar").exists());
}

#[test]
fn paths_that_cannot_be_in_an_image() {
    let stage = Stage::set();
    sample::write_app(stage.scratchdbg.home());
    for (addition, word) in
        [("app:/app", "`/app`"), ("app:/../app", "`/../app`"), ("app:/a/../../b", "`/a/../../b`")]
    {
        let add = ["build", "app", "-t", "a/b:1", "-o", "archive:x.tar", "--add", addition];
        stage.run(&add).expect_clear_failure(1, &[word]);
    }
}

/// Creates a layout of a pair in `home/layout`.
fn layout(stage: &Stage) {
    sample::write_app(stage.scratchdbg.home());
    stage
        .run(&["build", "app", "-t", "a/b:1", "-o", "oci:layout", "-o", "archive:pair.tar"])
        .expect_code(0);
}

fn verify(stage: &Stage, words: &[&str]) {
    stage
        .run(&["pair", "verify", "oci:layout:1", "oci:layout:1-debug"])
        .expect_clear_failure(1, words);
}

/// Calls `change` on each blob in turn, and restores the blob afterwards.
fn with_each_blob(home: &Path, change: impl Fn(&Path, &[u8])) {
    let blobs = fs::read_dir(home.join("layout/blobs/sha256")).expect("blobs");
    for blob in blobs {
        let path = blob.expect("a blob").path();
        let bytes = fs::read(&path).expect("it");
        change(&path, &bytes);
        fs::write(&path, bytes).expect("it can be put back");
    }
}

#[test]
fn damaged_blobs_are_named() {
    let stage = Stage::set();
    layout(&stage);
    with_each_blob(stage.scratchdbg.home(), |path, bytes| {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a digest");
        let mut flipped = bytes.to_vec();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(path, flipped).expect("a file");
        verify(&stage, &[name]);
        fs::write(path, &bytes[..bytes.len() - 1]).expect("a file");
        verify(&stage, &[name]);
        fs::File::options().append(true).open(path).expect("it").write_all(b"x").expect("more");
        fs::remove_file(path).expect("it");
        verify(&stage, &[name]);
    });
    stage.run(&["pair", "verify", "oci:layout:1", "oci:layout:1-debug"]).expect_code(0);
}

#[test]
fn documents_that_lie() {
    let stage = Stage::set();
    layout(&stage);
    let index = stage.scratchdbg.home().join("layout/index.json");
    let whole = fs::read_to_string(&index).expect("it");
    let both = whole.replacen("\"manifests\":", "\"layers\":[],\"config\":null,\"manifests\":", 1);
    for (content, words) in [
        (String::new(), &["index.json"][..]),
        ("[".repeat(100_000), &["index.json"]),
        (whole[..whole.len() / 2].to_owned(), &["index.json"]),
        (both, &["index.json", "at once"]),
        (whole.replace("\"size\":", "\"size\":9"), &["bytes"]),
        (whole.replace("\"size\":", "\"size\":-"), &["index.json"]),
        (whole.replace("image.manifest.v1", "image.index.v1"), &["media type"]),
        (r#"{"schemaVersion":2,"manifests":[]}"#.to_owned(), &["none with a name"]),
    ] {
        fs::write(&index, content).expect("a file");
        verify(&stage, words);
    }
    fs::write(&index, "x".repeat(5 << 20)).expect("a file");
    verify(&stage, &["4 MiB"]);
    fs::write(stage.scratchdbg.home().join("empty.tar"), "").expect("a file");
    let archive = ["pair", "verify", "archive:empty.tar", "archive:pair.tar:1-debug"];
    stage.run(&archive).expect_clear_failure(1, &["empty.tar"]);
    stage
        .run(&["pair", "verify", "oci:no-such", "oci:layout"])
        .expect_clear_failure(1, &["no-such"]);
    stage
        .run(&["pair", "verify", "archive:pair.tar", "archive:pair.tar"])
        .expect_clear_failure(2, &["a/b:1-debug"]);
}

/// 61: the duration of a build varies. The kills come at increasing times, from before the first
/// write to after the last, and then in between.
#[test]
fn killed_builds_leave_a_layout_that_the_next_one_completes() {
    let stage = Stage::set();
    layout(&stage);
    let home = stage.scratchdbg.home();
    for round in 0..200_u64 {
        sample::write_app(home);
        let tag = format!("a/b:{}", round + 2);
        let mut running = stage.scratchdbg.start(["build", "app", "-t", &tag, "-o", "oci:layout"]);
        std::thread::sleep(std::time::Duration::from_micros(round % 40 * 4000 + round / 40 * 800));
        running.signal(if round % 2 == 0 { Signal::KILL } else { Signal::INT });
        running.close_output();
        running.finish();
        stage.run(&["pair", "verify", "oci:layout:1", "oci:layout:1-debug"]).expect_code(0);
    }
    stage.run(&["build", "app", "-t", "a/b:last", "-o", "oci:layout"]).expect_code(0);
    stage.run(&["pair", "verify", "oci:layout:last", "oci:layout:last-debug"]).expect_code(0);
    let left = fs::read_dir(home.join("layout")).expect("a folder").count();
    assert_eq!(left, 3, "blobs, index.json and oci-layout, and no temporary file");
}

#[test]
fn two_builders_of_one_layout() {
    let stage = Stage::set();
    sample::write_app(stage.scratchdbg.home());
    let builders: Vec<_> = (0..6)
        .map(|number| {
            stage.scratchdbg.start([
                "build",
                "app",
                "-t",
                &format!("a/b:{number}"),
                "-o",
                "oci:layout",
            ])
        })
        .collect();
    for builder in builders {
        builder.finish().expect_code(0);
    }
    for number in 0..6 {
        let names = [format!("oci:layout:{number}"), format!("oci:layout:{number}-debug")];
        stage.run(&["pair", "verify", &names[0], &names[1]]).expect_code(0);
    }
}

/// 60: a file system that is full after an increasing number of writes. Needs root, to mount one.
#[test]
fn a_full_disk_at_any_step_leaves_what_was_there() {
    const SCRIPT: &str = r#"
        disk=$1; program=$2; old=$3; new=$4
        mount -t tmpfs -o size=64m tmpfs "$disk" && cd "$disk" || exit 9
        "$program" build "$old" -t app:old -o oci:out -q > /dev/null || exit 9
        size=$(df -k --output=used . | tail -n 1)
        while :; do
            size=$((size + 48))
            mount -o remount,size="${size}k" "$disk" || exit 9
            said=$("$program" build "$new" -t app:new -o oci:out -q 2>&1)
            code=$?
            if [ "$code" = 0 ]; then break; fi
            echo "$code $(echo "$said" | grep -c '^error: .*No space left on device')"
            "$program" pair verify oci:out:old oci:out:old-debug > /dev/null || echo "the old pair is broken"
            "$program" pair verify oci:out:new oci:out:new-debug > /dev/null 2>&1 && echo "half a pair is there"
            find . -name '.scratchdbg-*' -not -name '*lock*'
        done
        "$program" pair verify oci:out:old oci:out:old-debug > /dev/null &&
            "$program" pair verify oci:out:new oci:out:new-debug > /dev/null
    "#;
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    let old = sample::write_app(home);
    let new = home.join("new");
    fs::write(&new, [fs::read(&old).expect("the program"), vec![1; 100_000]].concat())
        .expect("a file");
    fs::set_permissions(&new, fs::metadata(&old).expect("it is there").permissions())
        .expect("a mode");
    fs::create_dir(home.join("disk")).expect("a folder");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT, "sh"]).arg(home.join("disk"));
    command.arg(env!("CARGO_BIN_EXE_scratchdbg")).arg(&old).arg(&new).env("HOME", home);
    let finished = Running::start(command).finish();
    finished.expect_code(0);
    let text = finished.text();
    let (failures, rest): (Vec<_>, Vec<_>) = text.lines().partition(|line| *line == "1 1");
    assert!(failures.len() > 10, "it failed at many steps: {finished}");
    assert!(rest.is_empty(), "{finished}");
}

/// 60: a limit for the size of files is like a disk that is full.
#[test]
fn a_file_beyond_its_limit_is_an_error_that_leaves_nothing() {
    let stage = Stage::set();
    layout(&stage);
    let home = stage.scratchdbg.home();
    let old = fs::read(home.join("layout/index.json")).expect("an index");
    sample::write_app(home);
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -f 100 && exec "$0" build app -t a/b:new -o oci:layout"#]);
    command.arg(env!("CARGO_BIN_EXE_scratchdbg")).env("HOME", home).current_dir(home);
    Running::start(command).finish().expect_clear_failure(1, &["File too large", "ulimit -f"]);
    expect_no_trace(home, &old);
}

/// 61: the signals of timers, as all others that end a program.
#[test]
fn a_build_that_a_timer_ends_leaves_nothing() {
    let stage = Stage::set();
    layout(&stage);
    let home = stage.scratchdbg.home();
    let old = fs::read(home.join("layout/index.json")).expect("an index");
    // It takes far longer than the test to read it.
    fs::File::create(home.join("big"))
        .and_then(|file| file.set_len(1 << 36))
        .expect("a file with a hole");
    for signal in [Signal::VTALARM, Signal::PROF, Signal::POWER, Signal::IO, Signal::STKFLT] {
        let running = stage.scratchdbg.start([
            "build",
            "app",
            "--add",
            "big:/big",
            "-t",
            "a/b:new",
            "-o",
            "oci:layout",
        ]);
        eventually(
            || "a temporary file".to_owned(),
            || {
                fs::read_dir(home.join("layout"))
                    .expect("a folder")
                    .count()
                    .checked_sub(4)
                    .map(drop)
            },
        );
        running.signal(signal);
        running.finish().expect_code(128 + signal.as_raw());
        expect_no_trace(home, &old);
    }
}

/// The layout is as it was, without temporary files.
fn expect_no_trace(home: &Path, old: &[u8]) {
    let names = fs::read_dir(home.join("layout"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"]);
    assert_eq!(fs::read(home.join("layout/index.json")).expect("an index"), old);
    let blobs = fs::read_dir(home.join("layout/blobs/sha256")).expect("blobs");
    assert!(blobs.flatten().all(|blob| blob.file_name().len() == 64), "no temporary file");
}
