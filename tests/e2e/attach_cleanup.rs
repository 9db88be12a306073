//! `attach` leaves nothing behind, however it ends.

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;

use crate::stage::{Stage, Target};

/// A command that leaves a background child, a daemon in a session of its own, and a future zombie.
const MESSY: &[&str] =
    &["sh", "-c", "sleep 1001 & setsid sleep 1002 & (sleep 1003 &) ; echo started; sleep 1004"];

/// Starts [`MESSY`] and waits until all of its processes run.
fn messy_session(target: &Target<'_>) -> Running {
    let session = target.start_attach(MESSY);
    session.wait_for_stdout("the command", |bytes| bytes == b"started\n");
    eventually(
        || format!("four times sleep in {:?}", target.processes()),
        || {
            (target.processes().iter().filter(|process| process.ends_with(" sleep")).count() == 4)
                .then_some(())
        },
    );
    assert!(!target.container.companions().is_empty(), "a session has a keeper");
    session
}

#[test]
fn the_client_is_killed() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let session = messy_session(&target);
    session.signal(Signal::KILL);
    session.finish();
    target.assert_untouched();
}

#[test]
fn the_client_is_killed_on_a_hardened_target() {
    let stage = Stage::set();
    let flags = [
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--user",
        "65532:65532",
    ];
    let target = stage.target(&flags);
    let session = messy_session(&target);
    session.signal(Signal::KILL);
    session.finish();
    target.assert_untouched();
}

#[test]
fn the_client_is_killed_while_it_sets_up() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    // Load everything first, so that the signals below arrive during the session's own steps.
    target.attach(&["true"]).expect(0, "");
    for milliseconds in [5, 20, 40, 60, 80, 100, 120, 150, 180, 250] {
        let session = target.start_attach(MESSY);
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        session.signal(Signal::KILL);
        session.finish();
    }
    // A container that was created but not started cannot end by itself: a later session removes
    // it.
    eventually(
        || format!("no container of a killed session: {:?}", target.container.companions()),
        || {
            target.attach(&["true"]).expect(0, "");
            target.container.companions().is_empty().then_some(())
        },
    );
    target.assert_untouched();
}

#[test]
fn a_signal_ends_the_session_with_its_code() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let session = messy_session(&target);
        session.signal(signal);
        session.finish().expect(code, "started\n");
        target.assert_untouched();
    }
}

#[test]
fn what_a_command_leaves_in_the_background_is_ended() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let leave = "sleep 1001 & setsid sleep 1002 & (sleep 1003 &) ; echo over; exit 3";
    target.attach(&["sh", "-c", leave]).expect(3, "over\n");
    target.assert_untouched();
}

#[test]
fn the_target_ends_during_the_session() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let session = messy_session(&target);
    target.container.kill();
    let finished = session.finish();
    assert_ne!(finished.status.code(), Some(0), "{finished}");
    eventually(
        || format!("no companion any more: {:?}", target.container.companions()),
        || target.container.companions().is_empty().then_some(()),
    );
}

#[test]
fn the_keeper_is_removed_by_somebody_else() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let session = messy_session(&target);
    for keeper in target.container.companions() {
        stage.engine.ask(["rm", "--force", &keeper]);
    }
    let finished = session.finish();
    assert_ne!(finished.status.code(), Some(0), "{finished}");
    target.assert_untouched();
}

#[test]
fn a_keeper_has_nothing_a_target_could_take() {
    let stage = Stage::set();
    let capabilities = ["--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN"];
    let target = stage.target(&[&["--user", "1000:2000"][..], &capabilities].concat());
    let session = messy_session(&target);
    let [keeper] = &target.container.companions()[..] else { panic!("one keeper is wanted") };
    let facts = stage.engine.ask_json(["inspect", "--format", "{{json .}}", keeper]);
    let host = &facts["HostConfig"];
    let empty = |value: &serde_json::Value| value.as_array().is_none_or(Vec::is_empty);
    let given = |name: &str| serde_json::json!([format!("CAP_{name}")]);
    // With fewer capabilities, processes that cannot access the session could access the keeper.
    assert_eq!((&host["CapAdd"], &host["CapDrop"]), (&given("NET_ADMIN"), &given("CHOWN")));
    assert!(empty(&host["Binds"]) && empty(&host["Mounts"]) && empty(&facts["Mounts"]));
    assert_eq!(host["NetworkMode"], "none");
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["AutoRemove"], true);
    assert_eq!(host["PidMode"], format!("container:{}", target.container.id()));
    assert!(
        host["SecurityOpt"].to_string().contains("no-new-privileges"),
        "{}",
        host["SecurityOpt"]
    );
    assert!(host["Memory"].as_u64().is_some_and(|bytes| bytes > 0), "a memory limit");
    assert!(host["PidsLimit"].as_u64().is_some_and(|count| count > 0), "a process limit");
    let config = &facts["Config"];
    assert_eq!(config["User"], "1000:2000");
    assert_eq!(config["Tty"], false);
    let labels = &config["Labels"];
    assert_eq!(labels["io.scratchdbg.target"], target.container.id());
    for label in [
        "io.scratchdbg.session",
        "io.scratchdbg.created-at",
        "io.scratchdbg.version",
        "io.scratchdbg.mode",
    ] {
        assert!(labels[label].is_string(), "{label} in {labels}");
    }
    drop(session);
    target.assert_untouched();
}
