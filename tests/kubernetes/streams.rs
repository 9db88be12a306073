//! Tests sessions and logs over a link that breaks at any byte, goes silent, or is slow.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Process, Security, pod_spec};
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::terminal::Terminal;

use crate::attach::{PROCESSES, attach, set, web};
use crate::proxy::{Direction, Link};
use crate::stage::Stage;

/// The number of places at which the link is cut.
const CUTS: u64 = 12;

/// How many clients are killed.
const KILLS: usize = 8;

/// How long bytes take over a slow link, in each direction.
const DELAY: Duration = Duration::from_millis(200);

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

/// Messages carry 32 KiB at most. If each waited for an answer to the one before, no more than that
/// would be on its way at a time.
#[test]
fn much_passes_over_a_slow_link_without_a_round_trip_for_each_piece() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let link = Link::with_delay(DELAY);
    let scratchdbg = link.scratchdbg(&stage);
    let input: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let arguments = attach(&toolkit, &["cat"]);
    let said = scratchdbg.run_with_input(stage.in_namespace(&arguments), input.clone());
    said.expect_code(0);
    assert!(said.stdout == input, "{} of {} bytes", said.stdout.len(), input.len());
    for direction in [Direction::ToCluster, Direction::FromCluster] {
        let most = link.most_on_their_way(direction);
        assert!(most > 256 << 10, "{most} bytes were on their way: {direction:?}");
    }
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_terminal_over_a_slow_link_has_its_sizes_and_every_key() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let link = Link::with_delay(DELAY);
    let arguments = ["attach", "--toolkit", &toolkit, "pod/web"];
    let scratchdbg = link.scratchdbg(&stage);
    let command = scratchdbg.command(stage.in_namespace(&arguments));
    let mut terminal = Terminal::start(command, 24, 80);
    // What is typed before the session begins is not lost.
    terminal.send("stty size\r");
    terminal.wait_for("the size at the start", |screen| screen.contains("24 80"));
    terminal.resize(40, 120);
    terminal.resize(41, 121);
    terminal.send("stty size\r");
    terminal.wait_for("the last size", |screen| screen.contains("41 121"));
    // Each key is a message of its own.
    let word = "0123456789".repeat(6);
    for key in format!("echo {word} | wc -c\r").chars() {
        terminal.send(&key.to_string());
    }
    terminal
        .wait_for("the length of a word", |screen| screen.lines().any(|line| line.trim() == "61"));
    terminal.send("exit 5\r");
    assert_eq!(terminal.wait().code(), Some(5));
    pod.wait_for_processes(PROCESSES);
}

/// Prints how long sessions take over a slow link, beside `kubectl exec` of a program that is there.
#[test]
#[ignore = "measures: --ignored --nocapture"]
fn sessions_over_a_slow_link() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let link = Link::with_delay(DELAY);
    let scratchdbg = link.scratchdbg(&stage);
    let mut arguments = attach(&toolkit, &["sh", "-c", "exit 42"]);
    arguments.splice(1..1, ["--linger", "10m"]);
    let session = || scratchdbg.run(stage.in_namespace(&arguments)).status.code();
    let kubeconfig = link.kubeconfig(&stage);
    let kubectl = || {
        let mut exec = stage.namespace.kubectl_command([OsStr::new("--kubeconfig")]);
        exec.arg(&kubeconfig).args(["exec", "web", "--", "/app", "exit", "42"]);
        exec.output().expect("kubectl runs").status.code()
    };
    let measure = |what: &str, run: &dyn Fn() -> Option<i32>| {
        let began = Instant::now();
        assert_eq!(run(), Some(42), "{what}");
        let trips = began.elapsed().as_secs_f64() / (DELAY * 2).as_secs_f64();
        println!("{what}: {:?}, {trips:.1} round trips", began.elapsed());
    };
    measure("a session", &session);
    for _ in 0..5 {
        measure("a session with a keeper that lives", &session);
        measure("kubectl exec", &kubectl);
    }
    let all = ["sessions", "rm", "--all", "--namespace", stage.namespace.name()];
    stage.run(&all).expect_code(0);
    pod.wait_for_processes(PROCESSES);
}
