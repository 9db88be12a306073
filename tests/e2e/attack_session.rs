//! Targets and neighbors that try to gain rights from a session, or to keep them. Their program is
//! `samples/hostile.rs` of the testkit.

use rustix::process::Signal;
use scratchdbg_testkit::program::{Finished, Running};
use scratchdbg_testkit::{eventually, host_processes, sample};

use crate::stage::{Stage, Target};

/// A name like a keeper's. The hostile image has its own program where such a name leads.
const NAME: &str = "0123456789abcdef0123456789abcdef";

/// The capabilities of a container's root by default.
const DEFAULT_CAPABILITIES: &str = "00000000a80425fb";

pub(crate) const HARDENED: &[&str] =
    &["--user", "65532", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"];

pub(crate) fn image(stage: &Stage) -> String {
    let hostile = sample::hostile();
    let folder = format!("session/{NAME}/bin");
    let files = [
        "hostile",
        "bin/id",
        &format!("{folder}/scratchdbg-launcher"),
        &format!("{folder}/sh"),
        "bin/scratchdbg-launcher",
    ];
    let files: Vec<_> = files.iter().map(|path| (*path, 0o755, &hostile[..])).collect();
    stage.engine.import_app_with(&files, &[r#"ENTRYPOINT ["/hostile"]"#])
}

/// Starts a hostile container with this attack, and waits until it is ready.
pub(crate) fn hostile<'stage>(
    stage: &'stage Stage,
    stem: &str,
    flags: &[&str],
    command: &[&str],
) -> Target<'stage> {
    let target = stage.target_named(stem, flags, &image(stage), command);
    eventually(|| target.container.logs(), || target.container.logs().contains("up").then_some(()));
    target
}

/// Waits until nothing of a session is left: no container, and no process. A killed launcher may
/// remain as a zombie if the first process reaps nothing.
#[track_caller]
pub(crate) fn until_over(target: &Target<'_>, when: &str) {
    let left = || (target.container.companions(), processes_of_sessions(target));
    eventually(
        || format!("{when}: {:?}", left()),
        || (left() == (Vec::new(), Vec::new())).then_some(()),
    );
}

/// Returns the processes of sessions in the target that have not ended.
pub(crate) fn processes_of_sessions(target: &Target<'_>) -> Vec<String> {
    let names =
        ["S sleep", "S sh", "T sh", "S scratchdbg-laun", "T scratchdbg-laun", "t scratchdbg-laun"];
    let is_ours =
        |process: &String| names.iter().any(|name| process.ends_with(&format!(" {name}")));
    target.processes().into_iter().filter(is_ours).collect()
}

/// Asserts a correct session, or one that did not begin, and in no case a session with more rights
/// than the target.
#[track_caller]
fn expect_no_gain(finished: &Finished, when: &str) {
    let said = finished.text();
    match finished.status.code() {
        // Without the launcher's record, only the engine can report success.
        Some(0 | 125) if said.starts_with("HIJACKED") => assert!(
            said.contains(DEFAULT_CAPABILITIES),
            "{when}: a process that could trace the session runs in its place, and has no right more: {finished}"
        ),
        Some(0) => assert_eq!(said, "0\n", "{when}: {finished}"),
        Some(125..=127) => assert_eq!(said, "", "{when}: {finished}"),
        code => panic!("{when}: {code:?}: {finished}"),
    }
    assert!(!finished.stderr.contains("a sidecar of"), "{when}: {finished}");
}

#[test]
fn a_target_that_speaks_in_its_keepers_place_gains_nothing() {
    let stage = Stage::set();
    for (teller, name) in
        [("1", NAME), ("999999", NAME), ("1/root/../../1", NAME), ("1", "../../../bin/x"), ("", "")]
    {
        let target = hostile(&stage, &scratchdbg_testkit::unique(), &[], &["lie", teller, name]);
        let finished = target.attach(&["/proc/self/fd/100/id", "-u"]);
        expect_no_gain(&finished, &format!("{teller} {name}"));
        until_over(&target, teller);
    }
}

#[test]
fn a_neighbor_with_fewer_rights_cannot_speak_for_the_keeper() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let namespace = format!("container:{}", target.container.id());
    let weak = ["--pid", &namespace, "--cap-drop", "ALL"];
    let neighbor = hostile(&stage, "neighbor", &weak, &["lie", "self", NAME]);
    for _ in 0..3 {
        target.attach(&["id", "-u"]).expect(0, "0\n");
    }
    let said = neighbor.container.logs();
    assert!(!said.contains("told"), "{said}");
    stage.engine.ask(["rm", "--force", neighbor.container.id()]);
    until_over(&target, "after the sessions");
}

#[test]
fn a_neighbor_that_takes_the_keepers_process_id_runs_nothing() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let namespace = format!("container:{}", target.container.id());
    // It may kill processes of its user. In a namespace with many process ids it cannot take over a
    // certain id in time, but the session's path is gone with the keeper anyway.
    let weak = ["--pid", &namespace, "--cap-drop", "ALL"];
    let neighbor = hostile(&stage, "neighbor", &weak, &["take"]);
    let finished = target.attach(&["sh", "-c", "echo begun; sleep 1; id; sleep 1; id"]);
    assert!(!finished.text().contains("HIJACKED"), "{finished}");
    assert_ne!(finished.status.code(), Some(0), "{finished}");
    let said = neighbor.container.logs();
    assert!(said.contains("take: killed true"), "{said}");
    stage.engine.ask(["rm", "--force", neighbor.container.id()]);
    until_over(&target, "after the session");
}

#[test]
fn a_held_input_neither_delays_an_end_nor_keeps_a_session() {
    let stage = Stage::set();
    for (flags, how) in [(HARDENED, "hold"), (&[][..], "hold-hidden")] {
        let target = hostile(&stage, how, flags, &[how]);
        let began = std::time::Instant::now();
        target.attach(&["true"]).expect(0, "");
        assert!(began.elapsed() < scratchdbg_testkit::TIMEOUT / 4, "the end is said");
        let session = target.start_attach(&["sh", "-c", "echo begun; sleep 1000"]);
        session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
        let said = || target.container.logs();
        eventually(said, || (said().matches("hold: true").count() == 2).then_some(()));
        session.signal(Signal::KILL);
        session.finish();
        until_over(&target, how);
    }
}

/// Starts a session, and waits until its command has begun or the session has ended. A keeper or
/// launcher that is stopped earlier is noticed, unless both are stopped.
fn begun_or_ended(target: &Target<'_>, command: &[&str]) -> Running {
    let mut session = target.start_attach(command);
    eventually(
        || format!("the beginning or the end of a session in {}", target.name()),
        || {
            let are_both_stopped = || {
                ["stop keep: true", "stop run: true"]
                    .iter()
                    .all(|line| target.container.logs().contains(line))
            };
            (session.stdout() == b"begun\n" || session.has_ended() || are_both_stopped())
                .then_some(())
        },
    );
    session
}

#[test]
fn a_keeper_or_a_launcher_that_is_stopped_is_noticed() {
    let stage = Stage::set();
    // Where it stops the runtime's own process, the engine does not finish with the container.
    let _entered = host_processes::enter();
    for how in ["stop-keeper", "stop-launcher", "stop-both"] {
        let target = hostile(&stage, how, HARDENED, &[how]);
        // The client is running, and ends the session.
        let mut session = begun_or_ended(&target, &["sh", "-c", "echo begun; read line"]);
        if !session.has_ended() {
            session.signal(Signal::HUP);
        }
        assert!(session.finish().status.code().is_some());
        if how != "stop-both" {
            let mut session = begun_or_ended(&target, &["sh", "-c", "echo begun; sleep 1000"]);
            if !session.has_ended() {
                session.signal(Signal::KILL);
            }
            session.finish();
            until_over(&target, how);
        }
    }
}

#[test]
fn a_flood_in_the_keepers_output_is_no_matter() {
    let stage = Stage::set();
    let target = hostile(&stage, "flood", &[], &["flood"]);
    for _ in 0..2 {
        let finished = target.attach(&["/proc/self/fd/100/id", "-u"]);
        expect_no_gain(&finished, "flood");
        until_over(&target, "flood");
    }
}

/// The session has the target's rights. Descriptors that the target did not open before the keeper
/// wrote its line are gone.
#[test]
fn a_keeper_has_no_output_that_a_target_could_hold() {
    let stage = Stage::set();
    for (stem, flags) in
        [("root", &[][..]), ("hardened", HARDENED), ("tracer", &["--cap-add", "SYS_PTRACE"])]
    {
        let target = stage.target_named(stem, flags, &stage.image, &[]);
        let look = "set -- $(tr '\\0' ' ' < /proc/$PPID/cmdline); for fd in 1 2; do readlink /proc/$3/fd/$fd; done";
        target.attach(&["sh", "-c", look]).expect(0, "/dev/null\n/dev/null\n");
        target.assert_untouched();
    }
}

#[test]
fn who_only_calls_itself_the_launcher_gets_no_signal() {
    let stage = Stage::set();
    let target = hostile(&stage, "pose", HARDENED, &["pose"]);
    let session = target.start_attach(&[
        "sh",
        "-c",
        "trap 'exit 7' TERM; echo begun; while :; do sleep 0.1; done",
    ]);
    session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
    let said = || target.container.logs();
    eventually(said, || said().contains("pose: begun").then_some(()));
    session.signal(Signal::TERM);
    session.finish().expect_code(7);
    assert!(!said().contains("got"), "{}", said());
}

#[test]
fn root_in_another_users_target_is_safe_or_refused() {
    let stage = Stage::set();
    let _no_others = host_processes::keep_out();
    // Its own `id` is not the tools'.
    let idle = stage.target_named("idle", &["--user", "1000:1000"], &image(&stage), &["hold"]);
    let attach = |options: &[&str]| {
        stage.run(
            &[&["attach", "--user", "0:0"], options, &[idle.name(), "--", "id", "-u"]].concat(),
        )
    };
    let alone = attach(&[]);
    alone.expect(0, "0\n");
    assert!(alone.stderr.contains("the tools come before"), "{alone}");
    let namespace = format!("container:{}", idle.container.id());
    let neighbor = stage.target_named(
        "neighbor",
        &["--pid", &namespace, "--cap-drop", "ALL"],
        &stage.image,
        &[],
    );
    let refused = attach(&[]);
    refused.expect(125, "");
    for words in [neighbor.name(), "--trust-neighbors"] {
        assert!(refused.stderr.contains(words), "{words:?} is missing in {refused}");
    }
    attach(&["--trust-neighbors"]).expect(0, "0\n");
    // A name and labels like ours do not hide a neighbor, nor does a joined container that is gone.
    stage.engine.ask(["rm", "--force", neighbor.container.id()]);
    let session = "0123456789abcdef";
    let own = format!("scratchdbg-{session}-shell");
    let mut labels =
        vec![format!("io.scratchdbg.session={session}"), "io.scratchdbg.mode=sidecar".to_owned()];
    labels.push(format!(
        "io.scratchdbg.target={}",
        stage.engine.ask(["inspect", "-f", "{{.Id}}", idle.name()]).trim()
    ));
    labels.push("io.scratchdbg.created-at=2020-01-01T00:00:00Z".to_owned());
    labels.push("io.scratchdbg.version=0.1.0".to_owned());
    let flags: Vec<&str> = labels.iter().flat_map(|label| ["--label", label]).collect();
    let flags = [&["--pid", &*namespace][..], &flags].concat();
    let hidden = stage.target_named("hidden", &flags, &stage.image, &[]);
    stage.engine.ask(["rename", hidden.name(), &own]);
    let refused = attach(&[]);
    stage.engine.ask(["rename", &own, hidden.name()]);
    refused.expect(125, "");
    assert!(refused.stderr.contains(&own), "{refused}");
    // Without another user there is nothing to refuse.
    stage.run(&["attach", idle.name(), "--", "/proc/self/fd/100/id", "-u"]).expect(0, "1000\n");
}

#[test]
fn another_users_session_takes_no_code_from_the_targets_environment() {
    let stage = Stage::set();
    // Its own `id` is not the tools', and its environment would make a shell run it.
    let flags = [
        "--user",
        "65532",
        "--env",
        "ENV=/rc",
        "--env",
        "PS4=$(/hostile run)",
        "--env",
        "PS1=$(/hostile run)",
    ];
    let flags = [
        &flags[..],
        &["--env", "LD_PRELOAD=/evil.so", "--env", "PAGER=/hostile", "--env", "KEPT=1"],
    ]
    .concat();
    let target = stage.target_named("env", &flags, &image(&stage), &["hold"]);
    let look = [
        "sh",
        "-c",
        "id -u; env | grep -E '^(ENV|PS4|PS1|LD_PRELOAD|PAGER|KEPT)=' | grep -v '^PS1=[^$]'; set -x; :",
    ];
    for mode in ["exec", "copy"] {
        let options = ["attach", "--mode", mode, "-u", "1000:1000", target.name(), "--"];
        let finished = stage.run(&[&options[..], &look].concat());
        finished.expect(0, "1000\nKEPT=1\n");
        assert!(finished.stderr.contains("+ :"), "{finished}");
    }
}

#[test]
fn the_way_to_the_tools_is_another_for_each_session() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let way = |options: &[&str]| {
        let look = ["sh", "-c", "tr '\\0' '\\n' < /proc/$PPID/cmdline | head -n 1"];
        let finished = stage.run(&[&["attach"], options, &[target.name(), "--"], &look].concat());
        finished.expect_code(0).text()
    };
    let ways: Vec<String> = [&["--linger", "1m"][..], &[], &[]].into_iter().map(way).collect();
    assert_eq!(target.container.companions().len(), 1, "the same keeper");
    for (at, way) in ways.iter().enumerate() {
        assert!(way.contains("/root/session/") && !ways[..at].contains(way), "{ways:?}");
    }
    stage.run(&["sessions", "gc"]);
}
