//! Tests sessions and logs over a link that breaks at any byte, or goes silent.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Process, Security, pod_spec};
use scratchdbg_testkit::program::Running;

use crate::attach::{PROCESSES, attach, set, web};
use crate::proxy::Link;
use crate::stage::Stage;

/// The number of places at which the link is cut.
const CUTS: u64 = 12;

/// How many clients are killed.
const KILLS: usize = 8;

#[test]
fn a_session_whose_link_is_cut_is_no_success_and_leaves_nothing_that_runs() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let link = Link::new();
    let scratchdbg = link.scratchdbg(&stage);
    let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789012345678901234567890123456789; \
                  i=$((i+1)); done";
    let arguments = attach(&toolkit, &["sh", "-c", script]);
    let run = || scratchdbg.run(stage.in_namespace(&arguments));
    let whole = run();
    whole.expect_code(0);
    assert_eq!(whole.stdout.len(), 20_000 * 41);
    let all = link.passed();
    pod.wait_for_processes(PROCESSES);
    let mut ends = Vec::new();
    for cut in 1..=CUTS {
        link.cut_after(all * cut / (CUTS + 1));
        let said = run();
        let code = said.status.code().expect("it ended by itself");
        // What was cut behind the record of the end is whole.
        assert!(code == 125 || said.stdout == whole.stdout, "{cut}: {said}");
        assert!(whole.stdout.starts_with(&said.stdout), "{cut}: {said}");
        assert!(!said.stderr.contains("docs.rs"), "{cut}: {said}");
        ends.push(code);
    }
    assert!(ends.contains(&125), "no cut was noticed: {ends:?}");
    // A keeper whose client did not get to it ends within a minute.
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_client_that_is_killed_in_heavy_output_leaves_no_zombie() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    for round in 0..KILLS {
        let session = heavy_output(&stage, &toolkit, 100_000 * round);
        session.signal(Signal::KILL);
        session.finish();
        pod.wait_for_processes(PROCESSES);
    }
}

/// containerd kills the process of an exec whose output nobody takes, now and then. The first
/// process of the target reaps nothing.
#[test]
fn a_session_whose_process_the_runtime_kills_leaves_no_zombie() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let session = heavy_output(&stage, &toolkit, 0);
    let is_of_exec = |process: &&Process| {
        let line = std::fs::read_to_string(format!("/proc/{}/cmdline", process.id));
        line.is_ok_and(|line| line.contains("launcher\0via\0"))
    };
    let processes = pod.processes();
    processes.iter().find(is_of_exec).expect("the process of the exec").kill();
    let said = session.finish();
    assert_eq!(said.status.code(), Some(125), "{}", said.stderr);
    assert!(said.stderr.contains("the launcher did not say"), "{}", said.stderr);
    pod.wait_for_processes(PROCESSES);
}

/// Starts a session with a process in the background and more output than anybody reads, and waits
/// for so many bytes of it.
fn heavy_output(stage: &Stage, toolkit: &str, bytes: usize) -> Running {
    let script = "sleep 1000 & while :; do echo 0123456789012345678901234567890123456789; done";
    let session = stage.start(&attach(toolkit, &["sh", "-c", script]));
    session.wait_for_stdout("output", |stdout| stdout.len() > bytes);
    session
}

/// A link on which packets are lost, and which nobody closes. A session over another link is as
/// silent for longer, and goes on.
#[test]
fn a_session_whose_link_is_dead_ends_and_one_that_is_quiet_does_not() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let (dead, good) = (Link::new(), Link::new());
    let start = |link: &Link, script: &str| {
        let arguments = attach(&toolkit, &["sh", "-c", script]);
        let running = link.scratchdbg(&stage).start(stage.in_namespace(&arguments));
        running.wait_for_stdout("the command", |stdout| stdout == b"begin\n");
        running
    };
    let quiet = start(&good, "echo begin; sleep 40; exit 42");
    let lost = start(&dead, "echo begin; sleep 1000");
    dead.freeze();
    let said = lost.finish();
    said.expect(125, "begin\n");
    let words = "the connection to the cluster is dead: nothing has come from the cluster for 25 s";
    assert!(said.stderr.contains(words), "{said}");
    assert_eq!(said.stderr.matches("error").count(), 1, "{said}");
    quiet.finish().expect(42, "begin\n");
    // The cluster has not noticed yet.
    dead.cut();
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn following_goes_on_over_a_dead_link() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(ImageSpec { user: "65532:65532", files: &[] });
    stage.namespace.run("web", &pod_spec(&image, &["tick"]));
    let link = Link::new();
    let scratchdbg = link.scratchdbg(&stage);
    let running = scratchdbg.start(stage.in_namespace(&["logs", "--follow", "pod/web"]));
    let wait_for = |running: &Running, more: usize| {
        let seen = running.stdout().len();
        running.wait_for_stdout("more lines", |stdout| stdout.len() > seen + more);
    };
    wait_for(&running, 100);
    link.freeze();
    running.wait_for_stderr("cannot reach the cluster");
    link.thaw();
    wait_for(&running, 3000);
    let stdout = String::from_utf8(running.stdout()).expect("text");
    let whole = stdout.rsplit_once('\n').expect("lines").0;
    for (line, number) in whole.lines().zip(1..) {
        assert_eq!(line, format!("tick {number}"));
    }
}
