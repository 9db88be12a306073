//! A session in the next run of a target is new: it passes all checks of the first one.

use rustix::process::Signal;
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::{eventually, host_processes};

use crate::stage::{Stage, Target};

/// Follows the target over restarts, with a session that has begun.
fn follow(stage: &Stage, target: &Target<'_>, options: &[&str], command: &str) -> Running {
    let options =
        [&["attach", "--follow-restarts"], options, &[target.name(), "--", "sh", "-c", command]]
            .concat();
    let session = stage.scratchdbg.start(&options);
    session.wait_for_stdout("the first run", |bytes| bytes.ends_with(b"up\n"));
    session
}

#[test]
fn a_neighbor_that_came_meanwhile_is_seen_before_the_next_session() {
    let stage = Stage::set();
    let _no_others = host_processes::keep_out();
    // Flags of the target, options of the session, flags of the neighbor.
    let rows: [(&str, [&[&str]; 3]); 2] = [
        ("root", [&["--user", "1000:1000"], &["-u", "0:0"], &[]]),
        (
            "sidecar",
            [
                &[],
                &["--mode", "sidecar", "--cap-add", "DAC_READ_SEARCH"],
                &["--cap-add", "SYS_PTRACE"],
            ],
        ),
    ];
    for (stem, [flags, options, rights]) in rows {
        let target = stage.target_named(
            stem,
            &[flags, &["--restart", "always"]].concat(),
            &stage.image,
            &[],
        );
        let session = follow(&stage, &target, options, "echo up; sleep 1000");
        // It need not run: it may be started at any time.
        let namespace = format!("container:{}", target.container.id());
        let neighbor = format!("neighbor-{stem}");
        let neighbor = stage.engine.create(
            &neighbor,
            &[&["--pid", &namespace], rights].concat(),
            &stage.image,
            &[],
        );
        stage.engine.ask(["restart", "--time", "0", target.name()]);
        let finished = session.finish();
        finished.expect(125, "up\n");
        for words in [neighbor.name(), "--trust-neighbors"] {
            assert!(finished.stderr.contains(words), "{words:?} is missing in {finished}");
        }
        let left = || target.container.companions();
        eventually(|| format!("{:?}", left()), || (left() == [neighbor.id()]).then_some(()));
        stage.engine.ask(["rm", "--force", neighbor.id()]);
        // Without it, the next run is followed.
        let session = follow(&stage, &target, options, "echo up; sleep 1000");
        stage.engine.ask(["restart", "--time", "0", target.name()]);
        session.wait_for_stdout("the second run", |bytes| bytes == b"up\nup\n");
        session.signal(Signal::TERM);
        session.finish().expect_code(143);
    }
}

/// The target can change the file that says which ids a name has, and restart.
#[test]
fn a_user_that_is_another_in_the_next_run_is_found_out() {
    let stage = Stage::set();
    let passwd = |uid: u32| format!("root:x:0:0::/:/x\napp:x:{uid}:{uid}::/:/x\n").into_bytes();
    let image =
        stage.engine.import_app_with(&[("etc/passwd", 0o644, &passwd(1000))], &["USER app"]);
    let file = stage.scratchdbg.home().join("passwd");
    for (stem, options) in [("own", &[][..]), ("asked", &["-u", "app"])] {
        let target = stage.target_named(stem, &["--restart", "always"], &image, &[]);
        let session = follow(&stage, &target, options, "id -u; echo up; sleep 1000");
        std::fs::write(&file, passwd(2000)).expect("it can be written");
        stage.engine.ask([
            "cp",
            &file.to_string_lossy(),
            &format!("{}:/etc/passwd", target.name()),
        ]);
        stage.engine.ask(["restart", "--time", "0", target.name()]);
        if options.is_empty() {
            // The user is that of the image. The engine made the process of this run another one's.
            session.wait_for_stdout("the second run", |bytes| bytes == b"1000\nup\n1000\nup\n");
            session.signal(Signal::TERM);
            session.finish().expect_code(143);
        } else {
            let finished = session.finish();
            assert!(
                finished.expect(125, "1000\nup\n").stderr.contains("changed in the container"),
                "{finished}"
            );
        }
    }
}

/// The signal was passed on to the command, which ignored it and is gone with the target.
#[test]
fn a_signal_ends_the_wait_for_the_next_run() {
    let stage = Stage::set();
    let target = stage.target(&["--restart", "always"]);
    let session =
        follow(&stage, &target, &[], "trap 'echo got' TERM; echo up; while :; do sleep 0.1; done");
    session.signal(Signal::TERM);
    session.wait_for_stdout("the signal", |bytes| bytes == b"up\ngot\n");
    stage.engine.ask(["restart", "--time", "0", target.name()]);
    session.finish().expect(143, "up\ngot\n");
    // The same while it waits.
    let target = stage.target_named("ended", &[], &stage.image, &[]);
    let session = follow(&stage, &target, &[], "echo up; sleep 1000");
    stage.engine.ask(["kill", target.name()]);
    let status = || stage.engine.ask(["inspect", "--format", "{{.State.Status}}", target.name()]);
    eventually(status, || {
        (target.container.companions().is_empty() && status().trim() == "exited").then_some(())
    });
    session.signal(Signal::TERM);
    session.finish().expect_code(143);
}

/// The end of a container in the PID namespace of another one ends no other process, and Docker
/// then says nothing of the end of an exec.
#[test]
fn a_session_ends_with_a_target_in_the_pid_namespace_of_another() {
    let stage = Stage::set();
    let _no_others = host_processes::keep_out();
    let owner = stage.engine.run("owner", &[], &stage.image, &[]);
    let namespace = format!("container:{}", owner.id());
    let target = stage.target(&["--pid", &namespace]);
    let command = ["attach", target.name(), "--", "sh", "-c", "echo up; sleep 1000"];
    let session = stage.scratchdbg.start(command);
    session.wait_for_stdout("the session", |bytes| bytes == b"up\n");
    stage.engine.ask(["restart", "--time", "0", target.name()]);
    let finished = session.finish();
    finished.expect(137, "up\n");
    assert!(finished.stderr.contains("ended"), "{finished}");

    let session = follow(&stage, &target, &[], "echo up; sleep 1000");
    stage.engine.ask(["restart", "--time", "0", target.name()]);
    session.wait_for_stdout("the next run", |bytes| bytes == b"up\nup\n");
    session.signal(Signal::TERM);
    session.finish().expect(143, "up\nup\n");
    eventually(
        || format!("{:?}", target.container.companions()),
        || target.container.companions().is_empty().then_some(()),
    );
}
