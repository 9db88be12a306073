//! Tests which toolkit image a session on a pod uses.

use std::fs;

use scratchdbg_testkit::cluster::{ImageSpec, Pod, Security, pod_spec};
use scratchdbg_testkit::sample;
use serde_json::json;

use crate::attach::PROCESSES;
use crate::stage::Stage;

/// Builds a pair, pushes it, and returns the name of the production image.
pub(crate) fn push_pair(stage: &Stage) -> String {
    sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.namespace.repository());
    stage.run(&["build", "app", "-t", &tag, "-o", "registry"]).expect_code(0);
    tag
}

/// Creates a pod `web` of an image that its node pulls.
fn pulled<'a>(stage: &'a Stage, image: &str) -> Pod<'a> {
    let mut spec = pod_spec(image, &[]);
    spec["containers"][0]["imagePullPolicy"] = json!("Always");
    stage.namespace.run("web", &spec)
}

#[test]
fn the_debug_twin_is_the_toolkit_where_there_is_one() {
    let stage = Stage::set(Security::Restricted);
    let tag = push_pair(&stage);
    let pod = pulled(&stage, &tag);
    let explained = stage.ask(&["attach", "--explain", "pod/web"]);
    explained.expect_code(0);
    assert!(explained.text().contains(&format!("{tag}-debug is the debug twin")), "{explained}");
    stage.ask(&["attach", "pod/web", "--", "sh", "-c", "ls -d /app; exit 42"]).expect(42, "/app\n");
    let keeper = pod.get()["spec"]["ephemeralContainers"][0].clone();
    let image = keeper["image"].as_str().expect("an image");
    assert!(image.contains("@sha256:"), "what was proved, whatever the tag will name: {image}");
    pod.wait_for_processes(PROCESSES);
}

#[test]
fn what_is_not_the_twin_is_not_used() {
    let stage = Stage::set(Security::Restricted);
    let tag = push_pair(&stage);
    let pod = pulled(&stage, &tag);
    // Move the image's name to another image, which has a twin as well.
    sample::write_app(stage.scratchdbg.home());
    stage.run(&["build", "app", "-t", &tag, "-o", "registry"]).expect_code(0);
    let said = stage.ask(&["attach", "pod/web", "--", "true"]);
    said.expect_clear_failure(125, &["is not the debug twin", "--toolkit-only"]);
    assert!(pod.get()["spec"]["ephemeralContainers"].is_null());
}

#[test]
fn without_a_twin_the_configuration_file_names_the_toolkit() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(ImageSpec { user: "65532:65532", files: &[] });
    let pod = stage.namespace.run("web", &pod_spec(&image, &[]));
    // Without any toolkit, the error states what to do.
    let said = stage.ask(&["attach", "pod/web", "--", "true"]);
    said.expect_clear_failure(125, &["toolkit image", "--toolkit-only", "config.toml"]);
    let toolkit = format!("{}:toolkit", stage.namespace.repository());
    stage
        .run(&["build", "--toolkit-only", "--tag", &toolkit, "--output", "registry"])
        .expect_code(0);
    let folder = stage.scratchdbg.home().join(".config/scratchdbg");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.toml"), format!("[kubernetes]\ntoolkit = '{toolkit}'\n"))
        .expect("a file");
    stage.ask(&["attach", "pod/web", "--", "sh", "-c", "exit 3"]).expect_code(3);
    pod.wait_for_processes(PROCESSES);
    fs::write(folder.join("config.toml"), "[kubernetes]\ntools = 'x'\n").expect("a file");
    stage
        .ask(&["attach", "pod/web", "--", "true"])
        .expect_clear_failure(125, &["config.toml", "unknown field"]);
}

#[test]
fn an_image_of_tools_of_ones_own_serves_pods() {
    let stage = Stage::set(Security::Restricted);
    let image = stage.namespace.import_app(ImageSpec { user: "65532:65532", files: &[] });
    let pod = stage.namespace.run("web", &pod_spec(&image, &[]));
    let home = stage.scratchdbg.home();
    fs::rename(sample::write_app(home), home.join("one")).expect("a file");
    let tools = format!("{}:tools", stage.namespace.repository());
    stage.run(&["toolkit", "build", "one", "--tag", &tools, "--push"]).expect_code(0);
    let folder = home.join(".config/scratchdbg");
    fs::create_dir_all(&folder).expect("a folder");
    let names = format!("[toolkits]\nmine = '{tools}'\nhere = '{}/one'\n", home.display());
    fs::write(folder.join("config.toml"), &names).expect("a file");
    let session = |options: &[&str], command: &[&str]| {
        stage.ask(&[&["attach"], options, &["pod/web", "--"], command].concat())
    };
    session(&["--toolkit", "mine"], &["one", "exit", "3"]).expect_code(3);
    session(&["--toolkit", &tools], &["sh", "-c", "one exit 4"]).expect_code(4);
    let missing = session(&["--with-tools", "mine"], &["two"]);
    assert!(missing.expect_code(127).stderr.contains("scratchdbg toolkit build"), "{missing}");
    session(&["--toolkit", "mine", "--with-tools", "here"], &["one"])
        .expect_clear_failure(125, &["is on this machine", "scratchdbg toolkit build"]);
    let setting = format!("kubernetes.toolkit = 'mine'\n{names}");
    fs::write(folder.join("config.toml"), setting).expect("a file");
    session(&[], &["one", "exit", "5"]).expect_code(5);
    pod.wait_for_processes(PROCESSES);
}
