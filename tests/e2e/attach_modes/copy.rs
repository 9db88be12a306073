//! `--mode copy`: a copy of a container that cannot be joined.

use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::Stage;

/// An ended container with all settings that a copy must take over, and a changed file.
const SETTINGS: &[&str] = &[
    "--env",
    "MARK=seen",
    "--user",
    "1000:2000",
    "--workdir",
    "/dev",
    "--volume",
    "/data",
    "--tmpfs",
    "/scratch",
    "--memory",
    "64m",
    "--pids-limit",
    "50",
    "--read-only",
    "--cap-drop",
    "ALL",
    "--restart",
    "no",
];

#[test]
fn it_has_what_the_original_had() {
    let stage = Stage::set();
    let original = stage.engine.run("web", SETTINGS, &stage.image, &["exit", "7"]);
    original.wait();
    // The engine writes neither below a read-only root nor as the container's user: put the file
    // into the volume.
    stage.engine.ask(["cp", "/etc/hostname", &format!("{}:/data/kept", original.name())]);
    let before = facts(&original.inspect());
    let mut session = stage.scratchdbg.start(["attach", original.name(), "--", "sh"]);
    session.write_input(
        b"id -u; id -g; echo $MARK; pwd; ls /data; touch /scratch/new && echo tmpfs; touch /new || echo read-only\n",
    );
    let expected = "1000\n2000\nseen\n/dev\nkept\n";
    session.wait_for_stdout("what the original had", |bytes| {
        bytes.starts_with(expected.as_bytes()) && bytes.ends_with(b"read-only\n")
    });
    let companions = original.companions();
    let copy = companions
        .iter()
        .map(|id| stage.engine.ask_json(["inspect", "--format", "{{json .}}", id]));
    let copy = copy
        .into_iter()
        .find(|facts| facts["HostConfig"]["Memory"] == 64 << 20)
        .expect("the copy has its limit");
    assert_eq!(copy["HostConfig"]["PidsLimit"], 50);
    assert_eq!(copy["HostConfig"]["CapDrop"], serde_json::json!(["ALL"]));
    assert_ne!(copy["HostConfig"]["RestartPolicy"]["Name"], "always");
    session.write_and_close_input("exit 3\n");
    let finished = session.finish();
    finished.expect_code(3);
    assert!(finished.stderr.contains("run-entrypoint"), "{finished}");
    assert_left_alone(&stage, &original, &before);
    // The copy was removed with its volumes, but the original's volume must remain.
    let look = ["attach", original.name(), "--", "cat", "/data/kept"];
    assert_ne!(stage.run(&look).expect_code(0).text(), "");
}

#[test]
fn it_has_the_files_that_the_original_died_with() {
    let stage = Stage::set();
    let original = stage.engine.run("web", &[], &stage.image, &["exit", "7"]);
    original.wait();
    stage.engine.ask(["cp", "/etc/hostname", &format!("{}:/written", original.name())]);
    let before = facts(&original.inspect());
    let diff = original.diff();
    assert!(diff.contains("A /written"), "{diff}");
    let finished = stage.run(&[
        "attach",
        original.name(),
        "--",
        "sh",
        "-c",
        "ls /written; touch /new && rm /app",
    ]);
    finished.expect(0, "/written\n");
    assert_eq!(original.diff(), diff, "the original is as it was");
    assert_left_alone(&stage, &original, &before);
    stage.run(&["attach", original.name(), "--", "ls", "/new"]).expect(1, "");
}

#[test]
fn the_programs_own_command_line_is_one_word() {
    let stage = Stage::set();
    let original = stage.engine.run("web", &[], &stage.image, &["exit", "7"]);
    original.wait();
    let finished = stage.run(&["attach", original.name(), "--", "run-entrypoint"]);
    finished.expect(7, "out\n");
    assert!(
        finished.stderr.contains("/app exit 7") && finished.stderr.ends_with("err\n"),
        "{finished}"
    );

    let created = stage.engine.create("created", &[], &stage.image, &[]);
    let finished = stage.run(&["attach", created.name(), "--", "run-entrypoint", "exit", "9"]);
    finished.expect(9, "out\n");
    assert_left_alone(&stage, &original, &facts(&original.inspect()));
}

#[test]
fn a_running_target_can_be_copied_too() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let look = [
        "attach",
        "--mode",
        "copy",
        target.name(),
        "--",
        "sh",
        "-c",
        "cat /proc/1/comm; touch /new; exit 4",
    ];
    let finished = stage.run(&look);
    finished.expect_code(4);
    assert_ne!(finished.text(), "app\n", "its processes are its own: {finished}");
    target.assert_untouched();
    assert_eq!(stage.engine.descendants(&stage.image), [""; 0]);
}

#[test]
fn of_an_image_its_twin_is_taken_where_there_is_one() {
    let stage = Stage::set();
    let app = sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.engine.name("paired"));
    stage.run(&["build", "--tag", &tag, &app.to_string_lossy()]).expect_code(0);
    let explain = |target: &[&str]| {
        let finished = stage.run(&[&["attach", "--explain", "--format", "json"], target].concat());
        finished.expect_code(0).text()
    };
    assert!(explain(&["--image", &tag]).contains("debug twin"));
    assert!(!explain(&["--image", &stage.image]).contains("debug twin"));
    stage.run(&["attach", "--image", &tag, "--", "sh", "-c", "id -u; exit 6"]).expect(6, "65532\n");

    let ended = stage.engine.run("ended", &[], &tag, &["exit", "7"]);
    ended.wait();
    assert!(explain(&[ended.name()]).contains("debug twin"));
    stage.run(&["attach", ended.name(), "--", "run-entrypoint"]).expect(7, "out\n");
    assert_left_alone(&stage, &ended, &facts(&ended.inspect()));
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let stage = Stage::set();
    let finished = stage.run(&["attach", "--image", "sdbgtest-no-such-image:1", "--", "true"]);
    finished.expect_clear_failure(125, &["sdbgtest-no-such-image:1", "docker images"]);
}

/// Returns facts that show whether a container was touched.
fn facts(inspect: &Value) -> Value {
    serde_json::json!([
        inspect["State"],
        inspect["Config"],
        inspect["HostConfig"],
        inspect["Mounts"],
        inspect["RestartCount"]
    ])
}

/// Asserts that the original is unchanged, and that nothing created for the session is left.
#[track_caller]
fn assert_left_alone(
    stage: &Stage,
    original: &scratchdbg_testkit::engine::Container<'_>,
    before: &Value,
) {
    assert_eq!(facts(&original.inspect()), *before);
    assert_eq!(original.companions(), [""; 0], "no container");
    let images = stage.engine.descendants(&stage.image);
    assert_eq!(images, [""; 0], "no image of the copy");
}
