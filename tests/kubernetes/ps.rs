//! Tests `ps` of pods.

use scratchdbg_testkit::cluster::{ImageSpec, Security, pod_spec};
use scratchdbg_testkit::eventually;
use serde_json::{Value, json};

use crate::stage::Stage;

const USER: ImageSpec<'static> = ImageSpec { user: "65532:65532", files: &[] };

/// Returns the rows of `ps`, by name.
#[track_caller]
fn rows(stage: &Stage, arguments: &[&str]) -> Vec<Value> {
    let finished = stage.run(&[&["ps", "--format", "json"], arguments].concat());
    finished.expect_code(0);
    serde_json::from_slice(&finished.stdout).expect("one JSON document")
}

fn row<'a>(rows: &'a [Value], name: &str) -> Option<&'a Value> {
    rows.iter().find(|row| row["name"] == name)
}

/// The node does not tell what is in its images, but their registry does.
#[test]
fn shells_and_twins_are_told_by_the_registry() {
    let stage = Stage::set(Security::Restricted);
    let tag = crate::toolkit::push_pair(&stage);
    let namespace = &stage.namespace;
    for (name, image) in [("web", &tag), ("debug", &format!("{tag}-debug"))] {
        let mut spec = pod_spec(image, &[]);
        spec["containers"][0]["imagePullPolicy"] = json!("Always");
        namespace.run(name, &spec);
    }
    // An image that is on the nodes alone.
    namespace.run("local", &pod_spec(&namespace.import_app(USER), &[]));
    let rows = rows(&stage, &["--namespace", namespace.name()]);
    for (name, shell, twin) in [
        ("web", json!(false), json!(true)),
        ("debug", json!(true), json!(false)),
        ("local", Value::Null, Value::Null),
    ] {
        let row = row(&rows, name).expect("it is listed");
        assert_eq!((&row["shell"], &row["twin"]), (&shell, &twin), "{row}");
    }
}

#[test]
fn pods_are_listed_with_their_verdicts() {
    let stage = Stage::set(Security::Privileged);
    let namespace = &stage.namespace;
    let image = namespace.import_app(USER);
    namespace.create("web", &pod_spec(&image, &[]));
    namespace.create("loops", &pod_spec(&image, &["exit", "3"]));
    let mut done = pod_spec(&image, &["exit", "0"]);
    done["restartPolicy"] = json!("Never");
    namespace.create("done", &done);
    let mut two = pod_spec(&image, &[]);
    let mut second = two["containers"][0].clone();
    second["name"] = json!("second");
    two["containers"] = json!([two["containers"][0], second]);
    let mut init = two["containers"][0].clone();
    (init["name"], init["args"]) = (json!("init"), json!(["exit", "1"]));
    two["initContainers"] = json!([init]);
    namespace.create("two", &two);
    namespace.create("never", &pod_spec("nothere.test/app:1", &[]));
    let here = ["--namespace", namespace.name()];
    let verdicts = [
        ("web", "running"),
        ("loops", "crash-loop"),
        ("two/app", "init-failed"),
        ("two/second", "init-failed"),
        ("never", "image-never-pull"),
    ];
    let found = eventually(
        || format!("the verdicts: {:#?}", rows(&stage, &here)),
        || {
            let rows = rows(&stage, &here);
            let is_so = |(name, verdict): (&str, &str)| {
                row(&rows, name).is_some_and(|row| row["verdict"] == verdict)
            };
            let is_done = row(&rows, "done").is_none();
            (verdicts.into_iter().all(is_so) && is_done).then_some(rows)
        },
    );
    let web = row(&found, "web").expect("it is there");
    assert_eq!(
        (&web["namespace"], &web["pod"], &web["state"]),
        (&json!(namespace.name()), &json!("web"), &json!("running"))
    );
    assert_eq!(
        (&web["user"], &web["read_only"], &web["image"]),
        (&json!("65532:0"), &json!(true), &json!(image))
    );
    assert!(web["node"].as_str().is_some_and(|node| node.starts_with("node")), "{web}");
    assert_eq!(row(&found, "never").expect("it is there")["user"], Value::Null, "nobody knows");
    // With `--all`, containers that ended, and init and ephemeral containers are listed.
    let all = rows(&stage, &["--all", "--namespace", namespace.name()]);
    assert_eq!(row(&all, "done").expect("it is listed")["verdict"], "app-exit");
    assert_eq!(row(&all, "two/init").expect("it is listed")["verdict"], "init-failed");
    // Select by label, and list all namespaces, where names include the namespace.
    assert_eq!(rows(&stage, &["--namespace", namespace.name(), "-l", "app=web"]).len(), 1);
    let name = format!("{}/web", namespace.name());
    assert!(row(&rows(&stage, &["-A"]), &name).is_some());
    let text = stage.run(&["ps", "--namespace", namespace.name()]).text();
    assert!(
        text.contains("never") && text.contains("image-never-pull") && text.contains("65532:0"),
        "{text}"
    );
    stage
        .run(&["ps", "--namespace", namespace.name(), "--filter", "status=exited"])
        .expect_clear_failure(1, &["--filter", "--selector"]);
}
