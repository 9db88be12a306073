//! The attach matrix on pods: every kind of container, what a session sees of it, and that neither
//! a session nor a client that is killed leaves anything in it. The table [`POD_ROWS`] is both the
//! test and the document.

use rustix::process::Signal;
use scratchdbg_testkit::cluster::{ImageSpec, Pod, Security, pod_spec};
use scratchdbg_testkit::eventually;
use serde_json::{Value, json};

use crate::attach::{PROCESSES, attach, set};
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
        let running = crate::attach::start_sleep(stage, toolkit, &pod);
        running.signal(Signal::KILL);
        pod.wait_for_processes(PROCESSES);
    }
    if status(&pod) != before {
        wrong.push(format!("{}: the container was restarted", row.target));
    }
    remove(stage, &pod);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Returns what changes when the container is restarted.
fn status(pod: &Pod<'_>) -> Value {
    let status = &pod.get()["status"]["containerStatuses"][0];
    json!([status["restartCount"], status["containerID"]])
}

fn remove(stage: &Stage, pod: &Pod<'_>) {
    stage.namespace.ask(["delete", "pod", pod.name(), "--now"]);
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
