//! Containers of the same pod, in one PID namespace and with the same user, that try to gain rights
//! from a session or to keep them. Their program is `samples/hostile.rs` of the testkit.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Pod, Security, pod_spec};
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::{eventually, sample};
use serde_json::json;

use crate::attach::{attach, set};
use crate::stage::Stage;

/// Creates a pod `web` under the profile *restricted*: the sample program in `app`, and a hostile
/// program beside it.
fn web<'a>(stage: &'a Stage, attack: &[&str]) -> Pod<'a> {
    let hostile = sample::hostile();
    let files: &[(&str, u32, &[u8])] = &[("hostile", 0o755, &hostile)];
    let image = stage.namespace.import_app(ImageSpec { user: "65532:65532", files });
    let mut spec = pod_spec(&image, &[]);
    spec["shareProcessNamespace"] = json!(true);
    let mut neighbor = spec["containers"][0].clone();
    neighbor["name"] = json!("hostile");
    neighbor["command"] = json!([&["/hostile"], attack].concat());
    neighbor["args"] = json!([]);
    spec["containers"].as_array_mut().expect("a list").push(neighbor);
    let pod = stage.namespace.run("web", &spec);
    eventually(|| pod.logs("hostile"), || pod.logs("hostile").contains("up").then_some(()));
    pod
}

/// Returns the processes of sessions that have not ended. A keeper that is stopped before its
/// session begins does nothing, and remains: nobody can end an ephemeral container.
fn processes_of_sessions(pod: &Pod<'_>) -> Vec<String> {
    let is_ours = |name: &str| ["scratchdbg-laun", "sleep", "sh"].contains(&name);
    let said = pod.logs("hostile");
    let is_stopped = said.contains("stop keep: true") || said.contains("trace keep: true");
    let processes = pod
        .processes()
        .into_iter()
        .filter(|process| process.state != 'Z' && is_ours(&process.name));
    let processes = processes.filter(|process| !(is_stopped && matches!(process.state, 'T' | 't')));
    processes.map(|process| format!("{} {}", process.state, process.name)).collect()
}

fn until_over(pod: &Pod<'_>, when: &str) {
    eventually(
        || format!("{when}: {:?}\n{}", processes_of_sessions(pod), pod.logs("hostile")),
        || processes_of_sessions(pod).is_empty().then_some(()),
    );
}

/// Starts a session, and waits until its command has begun or the session has ended.
fn begun_or_ended(stage: &Stage, toolkit: &str, command: &[&str]) -> Running {
    let running = std::cell::RefCell::new(stage.start(&attach(toolkit, command)));
    eventually(
        || "the beginning or the end of a session".to_owned(),
        || {
            let mut running = running.borrow_mut();
            (running.stdout() == b"begun\n" || running.has_ended()).then_some(())
        },
    );
    running.into_inner()
}

/// The neighbor has all rights of the session, so it can end the session. It must not run in place
/// of the session and report a success, nor keep the session after its client is gone.
#[test]
fn a_neighbor_of_the_same_user_neither_forges_nor_keeps_a_session() {
    let (stage, toolkit) = set(Security::Restricted);
    for attack in [
        "hold",
        "stop-keeper",
        "stop-launcher",
        "stop-front",
        "stop-front kill",
        "flood",
        "limit",
        "trace-keeper",
        "trace-launcher",
    ] {
        let pod = web(&stage, &attack.split(' ').collect::<Vec<_>>());
        let said = stage.ask(&attach(&toolkit, &["sh", "-c", "id -u; exit 7"]));
        let text = said.text();
        assert!(!text.contains("HIJACKED"), "{attack}: {said}");
        match said.status.code() {
            Some(7) => assert_eq!(text, "65532\n", "{attack}: {said}"),
            Some(125 | 137) => assert!(!said.stderr.is_empty(), "{attack}: {said}"),
            code => panic!("{attack}: {code:?}: {said}"),
        }
        until_over(&pod, attack);
        let mut session = begun_or_ended(&stage, &toolkit, &["sh", "-c", "echo begun; sleep 1000"]);
        if !session.has_ended() {
            session.signal(Signal::KILL);
        }
        session.finish();
        until_over(&pod, attack);
        stage.namespace.ask(["delete", "pod", "web", "--wait=true", "--grace-period=0", "--force"]);
    }
}

/// The path to the tools has a different name in each session. The name is gone when the keeper
/// ends.
#[test]
fn a_neighbor_that_takes_the_keepers_process_id_runs_nothing() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage, &["take"]);
    let said = stage.ask(&attach(&toolkit, &["sh", "-c", "echo begun; sleep 1; id; sleep 1; id"]));
    assert!(!said.text().contains("HIJACKED"), "{said}");
    assert_ne!(said.status.code(), Some(0), "{said}");
    assert!(pod.logs("hostile").contains("take: killed true"), "{}", pod.logs("hostile"));
    until_over(&pod, "after the session");
}

#[test]
fn who_only_calls_itself_the_launcher_gets_no_signal() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage, &["pose"]);
    let command = ["sh", "-c", "trap 'exit 7' TERM; echo begun; while :; do sleep 0.1; done"];
    let session = stage.start(&attach(&toolkit, &command));
    session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
    let said = || pod.logs("hostile");
    eventually(said, || said().contains("pose: begun").then_some(()));
    session.signal(Signal::TERM);
    session.finish().expect_code(7);
    assert!(!said().contains("got"), "{}", said());
}

/// The secret of the launcher's record is in no command line and no environment.
#[test]
fn a_command_cannot_forge_how_it_ended() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage, &["pose"]);
    let look = "cat /proc/$PPID/environ /proc/$PPID/mem; tr '\\0' ' ' < /proc/$PPID/cmdline; env";
    let said = stage.ask(&attach(&toolkit, &["sh", "-c", look]));
    assert!(!said.text().contains("SCRATCHDBG_RECORD"), "{said}");
    assert!(said.stderr.contains("ermission denied"), "the launcher is shown to nobody: {said}");
    // A text that looks like the launcher's record is output.
    let forged = "printf '\\036%s 000\\036' 1234; exit 9";
    stage.ask(&attach(&toolkit, &["sh", "-c", forged])).expect_code(9);
    // A command that kills the launcher does not succeed.
    let said = stage.ask(&attach(&toolkit, &["sh", "-c", "kill -9 $PPID; sleep 1000"]));
    assert_eq!(said.status.code(), Some(125), "{said}");
    assert!(said.stderr.contains("the launcher did not say how the command ended"), "{said}");
    until_over(&pod, "after the launcher");
}

/// What it covers `/proc` with would run in the place of the session.
#[test]
fn a_target_that_rules_its_own_mounts_is_refused_in_the_words_of_pods() {
    let (stage, toolkit) = set(Security::Privileged);
    let cover = sample::cover();
    let files: &[(&str, u32, &[u8])] = &[("cover", 0o755, &cover)];
    let image = stage.namespace.import_app(ImageSpec { user: "65532:65532", files });
    let mut spec = pod_spec(&image, &[]);
    // A process without a capability may make a user namespace only without a profile.
    spec["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"});
    spec["containers"][0]["command"] = json!(["/cover", "bare"]);
    let pod = stage.namespace.run("web", &spec);
    eventually(|| pod.logs("app"), || pod.logs("app").contains("up").then_some(()));
    let said = stage.ask(&attach(&toolkit, &["id"]));
    said.expect(125, "");
    assert!(said.stderr.contains("in a user namespace of its own"), "{said}");
    assert!(said.stderr.contains("; use --mode copy\n"), "there are no sidecars: {said}");
}
