//! The attach matrix on pods: every kind of container, what a session sees of it, its terminal, that
//! neither a session nor a client that is killed leaves anything in it, and how a session ends with
//! its target. The table [`POD_ROWS`] is both the test and the document.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Pod, Security, pod_spec};
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::terminal::Terminal;
use serde_json::{Value, json};

use crate::attach::{PROCESSES, attach, set, start_sleep};
use crate::attach_matrix_rows::{POD_ROWS, PodRow};
use crate::stage::Stage;

/// Reports its user with the shell's builtins, leaves a process behind, and ends with 42.
const LOOK: &str = r#"
while read -r key value _; do
    case $key in Uid:) uid=$value ;; Gid:) gid=$value ;; esac
done < /proc/self/status
while read -r key values; do
    case $key in Groups:) groups=$values ;; esac
done < /proc/self/status
line=$uid:$gid
for group in $groups; do [ "$group" = "$gid" ] || line="$line $group"; done
echo "$line"
sleep 1000 > /dev/null 2>&1 &
[ -x /app ] && exit 42
"#;

#[test]
fn restricted_pods() {
    every(Security::Restricted, "restricted");
}

#[test]
fn pods_of_root() {
    every(Security::Baseline, "baseline");
}

#[test]
fn pods_that_have_what_is_their_nodes() {
    every(Security::Privileged, "privileged");
}

#[track_caller]
fn every(security: Security, profile: &str) {
    let (stage, toolkit) = set(security);
    let rows = POD_ROWS.iter().filter(|row| row.profile == profile);
    let wrong: Vec<String> = rows.filter_map(|row| check(&stage, &toolkit, row).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Puts settings over others. `null` removes one.
fn merge(onto: &mut Value, settings: &Value) {
    let (Some(own), Some(more)) = (onto.as_object_mut(), settings.as_object()) else {
        *onto = settings.clone();
        return;
    };
    for (key, value) in more {
        if value.is_null() {
            own.remove(key);
        } else {
            merge(own.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn settings(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn check(stage: &Stage, toolkit: &str, row: &PodRow) -> Result<(), String> {
    let image = stage.namespace.import_app(ImageSpec { user: row.image_user, files: &[] });
    let mut spec = pod_spec(&image, &[]);
    merge(&mut spec, &settings(row.pod));
    merge(&mut spec["containers"][0], &settings(row.container));
    let pod = stage.namespace.run("web", &spec);
    let before = status(&pod);
    let said = stage.ask(&attach(toolkit, &["sh", "-c", LOOK]));
    let mut wrong = Vec::new();
    if said.status.code() != Some(42) || said.text().trim() != row.user {
        wrong.push(format!("{}: {} and exit code 42 are wanted: {said}", row.target, row.user));
    } else {
        pod.wait_for_processes(PROCESSES);
        let running = start_sleep(stage, toolkit, &pod);
        running.signal(Signal::KILL);
        pod.wait_for_processes(PROCESSES);
        check_terminal(stage, toolkit, row);
        pod.wait_for_processes(PROCESSES);
        if status(&pod) != before {
            wrong.push(format!("{}: the container was restarted", row.target));
        }
        wrong.extend(check_end_of_target(stage, toolkit, row, &pod));
    }
    remove(stage, &pod);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A session on a terminal has the size of the client's from the start.
fn check_terminal(stage: &Stage, toolkit: &str, row: &PodRow) {
    let arguments = attach(toolkit, &["sh", "-c", "stty size; exit 3"]);
    let command = stage.scratchdbg.command(stage.in_namespace(&arguments));
    let mut terminal = Terminal::start(command, 33, 99);
    terminal.wait_for(row.target, |screen| screen.contains("33 99"));
    assert_eq!(terminal.wait().code(), Some(3), "{}: {}", row.target, terminal.text());
}

/// The target's program is killed during a session. Then the pod is deleted during another one.
fn check_end_of_target(
    stage: &Stage,
    toolkit: &str,
    row: &PodRow,
    pod: &Pod<'_>,
) -> Option<String> {
    let running = start_sleep(stage, toolkit, pod);
    pod.process("app").kill();
    let killed = running.finish();
    if killed.status.code() != Some(137) || !killed.stderr.contains("ended") {
        return Some(format!("{}: with the target killed: {killed}", row.target));
    }
    pod.wait_until("running again", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"] == 1 && status["state"]["running"].is_object()
    });
    let running = start_sleep(stage, toolkit, pod);
    stage.namespace.ask(["delete", "pod", pod.name(), "--now", "--wait=false"]);
    let deleted = running.finish();
    let is_right = deleted.status.code() == Some(137) && deleted.stdout.is_empty();
    (!is_right).then(|| format!("{}: with the pod deleted: {deleted}", row.target))
}

/// Returns what changes when the container is restarted.
fn status(pod: &Pod<'_>) -> Value {
    let status = &pod.get()["status"]["containerStatuses"][0];
    json!([status["restartCount"], status["containerID"]])
}

fn remove(stage: &Stage, pod: &Pod<'_>) {
    stage.namespace.ask(["delete", "pod", pod.name(), "--now", "--ignore-not-found"]);
    eventually(
        || format!("the end of pod {}", pod.name()),
        || (!stage.namespace.kubectl(["get", "pod", pod.name()]).status.success()).then_some(()),
    );
}

#[test]
fn of_several_containers_the_one_that_is_meant_is_attached_to() {
    let (stage, toolkit) = set(Security::Restricted);
    let user = ImageSpec { user: "65532:65532", files: &[("first", 0o644, b"")] };
    let (image, other) = (
        stage.namespace.import_app(user),
        stage.namespace.import_app(ImageSpec { files: &[("second", 0o644, b"")], ..user }),
    );
    let mut spec = pod_spec(&image, &[]);
    let mut second = spec["containers"][0].clone();
    (second["name"], second["image"]) = (json!("second"), json!(other));
    let mut side = second.clone();
    (side["name"], side["restartPolicy"]) = (json!("side"), json!("Always"));
    spec["containers"] = json!([spec["containers"][0], second]);
    spec["initContainers"] = json!([side]);
    let pod = stage.namespace.run("web", &spec);
    for (target, file) in
        [("pod/web", "/first"), ("pod/web/second", "/second"), ("pod/web/side", "/second")]
    {
        let said = stage.ask(&[
            "attach",
            "--toolkit",
            &toolkit,
            target,
            "--",
            "sh",
            "-c",
            "echo /*s[te]*; exit 42",
        ]);
        said.expect_code(42);
        assert!(said.text().contains(file), "{target}: {said}");
        pod.wait_for_processes(&["pause", "app", "app", "app"]);
    }
}
