//! Tests `attach` in containers of pods. Processes are observed from the pods' nodes.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Pod, Security, pod_spec};
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::terminal::Terminal;
use serde_json::json;

use crate::stage::{Stage, as_user};

const USER: ImageSpec<'static> = ImageSpec { user: "65532:65532", files: &[] };
/// The processes of a pod with one container, before and after a session.
pub(crate) const PROCESSES: &[&str] = &["pause", "app"];

/// Returns a stage, and the name of a toolkit in the cluster's registry.
pub(crate) fn set(security: Security) -> (Stage, String) {
    with_toolkit(Stage::set(security))
}

/// Like [`set`], while no other test runs.
fn set_alone(security: Security) -> (Stage, String) {
    with_toolkit(Stage::alone(security))
}

fn with_toolkit(stage: Stage) -> (Stage, String) {
    let toolkit = format!("{}:toolkit", stage.namespace.repository());
    stage
        .run(&["build", "--toolkit-only", "--tag", &toolkit, "--output", "registry"])
        .expect_code(0);
    (stage, toolkit)
}

/// Creates a pod `web` with one container, under the profile *restricted*.
pub(crate) fn web(stage: &Stage) -> Pod<'_> {
    let image = stage.namespace.import_app(USER);
    stage.namespace.run("web", &pod_spec(&image, &[]))
}

pub(crate) fn attach<'a>(toolkit: &'a str, command: &[&'a str]) -> Vec<&'a str> {
    ["attach", "--toolkit", toolkit, "pod/web", "--"]
        .into_iter()
        .chain(command.iter().copied())
        .collect()
}

#[test]
fn a_command_runs_in_the_target_of_a_restricted_namespace() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let before = pod.get();
    let said = stage
        .ask(&attach(&toolkit, &["sh", "-c", "id -u; id -g; ls -d /app; echo err >&2; exit 42"]));
    // The kubelet uses the user of the image without its group, so the target also runs as 65532:0.
    said.expect(42, "65532\n0\n/app\n");
    assert!(said.stderr.contains("err"), "{said}");
    pod.wait_for_processes(PROCESSES);
    let after = pod.get();
    for field in ["restartCount", "containerID"] {
        let of = |pod: &serde_json::Value| pod["status"]["containerStatuses"][0][field].clone();
        assert_eq!(of(&before), of(&after), "{field}");
    }
}

#[test]
fn streams_pass_whole_and_input_ends() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let input: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let arguments = attach(&toolkit, &["cat"]);
    let said = stage.scratchdbg.run_with_input(stage.in_namespace(&arguments), input.clone());
    said.expect_code(0);
    assert!(
        said.stdout == input,
        "{} of {} bytes: {}",
        said.stdout.len(),
        input.len(),
        said.stderr
    );
    pod.wait_for_processes(PROCESSES);
}

/// Starts a session in which `sleep` runs.
pub(crate) fn start_sleep(stage: &Stage, toolkit: &str, pod: &Pod<'_>) -> Running {
    let running = stage.start(&attach(toolkit, &["sleep", "1000"]));
    eventually(
        || format!("sleep in {}: {:?}", pod.name(), pod.processes()),
        || pod.processes().iter().any(|process| process.name == "sleep").then_some(()),
    );
    running
}

#[test]
fn a_client_that_is_killed_leaves_no_process() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let running = start_sleep(&stage, &toolkit, &pod);
    running.signal(Signal::KILL);
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_client_that_is_interrupted_leaves_no_process() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let running = start_sleep(&stage, &toolkit, &pod);
    running.signal(Signal::INT);
    running.finish().expect_code(130);
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_target_that_ends_ends_the_session() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let running = start_sleep(&stage, &toolkit, &pod);
    stage.namespace.ask(["delete", "pod", "web", "--wait=false"]);
    let said = running.finish();
    assert!(said.status.code().is_some_and(|code| code != 0), "{said}");
}

/// A kubelet that hangs for a while keeps the streams.
#[test]
fn a_session_goes_on_over_a_kubelet_that_hangs() {
    let (stage, toolkit) = set_alone(Security::Restricted);
    let pod = web(&stage);
    let script = "echo begin; read line; echo $line; exit 42";
    let mut running = stage.start(&attach(&toolkit, &["sh", "-c", script]));
    running.wait_for_stdout("the command", |stdout| stdout == b"begin\n");
    let kubelet = pod.node().kubelet();
    kubelet.signal(Signal::STOP);
    running.write_input(b"a line\n");
    kubelet.signal(Signal::CONT);
    running.finish().expect(42, "begin\na line\n");
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_session_ends_with_its_api_server_and_the_next_one_works() {
    let (stage, toolkit) = set_alone(Security::Restricted);
    let pod = web(&stage);
    let running = start_sleep(&stage, &toolkit, &pod);
    drop(stage.namespace.cluster().service("apiserver").kill());
    let said = running.finish();
    said.expect_code(125);
    assert!(said.stderr.contains("how the command ended is not known"), "{said}");
    pod.wait_for_processes(PROCESSES);
    eventually(
        || "the API server".to_owned(),
        || stage.namespace.kubectl(["get", "--raw", "/readyz"]).status.success().then_some(()),
    );
    stage.ask(&attach(&toolkit, &["sh", "-c", "exit 42"])).expect_code(42);
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_terminal_has_its_size_from_the_start() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let arguments = ["attach", "--toolkit", &toolkit, "pod/web"];
    let command = stage.scratchdbg.command(stage.in_namespace(&arguments));
    let mut terminal = Terminal::start(command, 24, 80);
    terminal.wait_for("a prompt", |screen| screen.trim_end().ends_with('$'));
    terminal.send("stty size\r");
    terminal.wait_for("the size", |screen| screen.contains("24 80"));
    terminal.resize(40, 120);
    terminal.send("stty size\r");
    terminal.wait_for("the new size", |screen| screen.contains("40 120"));
    terminal.send("exit 5\r");
    assert_eq!(terminal.wait().code(), Some(5));
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn a_right_that_is_missing_is_named_before_anything_is_made() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/exec", "pods/attach"], "verbs": ["get", "create"]},
    ]);
    let user = as_user(&stage.namespace.user("debugger", &rules));
    let said = user.run(attach(&toolkit, &["true"]));
    said.expect_clear_failure(125, &["pods/ephemeralcontainers", "patch"]);
    assert!(pod.get()["spec"]["ephemeralContainers"].is_null());
}
