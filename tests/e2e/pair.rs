//! `build`: turns a static binary into a production image and its debug twin.

use std::collections::BTreeMap;
use std::io::Read as _;

use scratchdbg_testkit::engine::Engine;
use scratchdbg_testkit::{eventually, sample};
use serde_json::Value;

use crate::stage::Stage;

/// Builds a pair of the sample program. Returns the names of both images.
fn build(stage: &Stage, options: &[&str]) -> (String, String) {
    let app = sample::write_app(stage.scratchdbg.home());
    let prod = format!("{}:1", stage.engine.name("shop/app"));
    let debug = format!("{prod}-debug");
    let arguments =
        [&["build", app.to_str().expect("a plain path"), "-t", &prod], options].concat();
    let finished = stage.run(&arguments);
    finished.expect_code(0);
    let said = format!("{}{}", finished.text(), finished.stderr);
    for image in [&prod, &debug] {
        assert!(said.contains(image.as_str()), "the summary names {image}: {finished}");
    }
    assert!(said.contains("scratchdbg attach"), "the summary says what to type next: {finished}");
    (prod, debug)
}

pub(crate) fn inspect(engine: &Engine, image: &str) -> Value {
    engine.ask_json(["image", "inspect", "--format", "{{json .}}", image])
}

/// Returns the layers, by the digests of their uncompressed bytes.
pub(crate) fn layers(image: &Value) -> Vec<&str> {
    image["RootFS"]["Layers"]
        .as_array()
        .expect("layers")
        .iter()
        .map(|layer| layer.as_str().expect("a digest"))
        .collect()
}

/// Returns the entries of every layer of an image saved by the engine, in order, as path and mode.
pub(crate) fn saved_entries(engine: &Engine, image: &str) -> Vec<Vec<(String, u32)>> {
    let saved = engine.docker(["save", image]);
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(saved.stdout.as_slice()).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        files.insert(path, bytes);
    }
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    let layers = manifest[0]["Layers"].as_array().expect("layers");
    let entries = |layer: &Value| {
        tar::Archive::new(files[layer.as_str().expect("a path")].as_slice())
            .entries()
            .expect("an archive")
            .map(|entry| {
                let entry = entry.expect("an entry");
                let header = entry.header();
                assert_eq!((header.uid().expect("a uid"), header.gid().expect("a gid")), (0, 0));
                let path = entry.path().expect("a path").to_string_lossy().into_owned();
                let path = path.trim_start_matches("./").trim_matches('/').to_owned();
                (path, header.mode().expect("a mode"))
            })
            .collect()
    };
    layers.iter().map(entries).collect()
}

#[test]
fn the_twin_is_the_production_image_and_one_layer() {
    let stage = Stage::set();
    let (prod, debug) = build(&stage, &[]);
    let (prod, debug) = (inspect(&stage.engine, &prod), inspect(&stage.engine, &debug));
    let (prod_layers, debug_layers) = (layers(&prod), layers(&debug));
    assert_eq!(prod_layers.len(), 1);
    assert_eq!(debug_layers.len(), 2);
    assert_eq!(debug_layers[0], prod_layers[0]);

    let (mut prod, mut debug) = (prod["Config"].clone(), debug["Config"].clone());
    assert_eq!(prod["Entrypoint"], serde_json::json!(["/app"]));
    assert_eq!(prod["User"], "65532:65532");
    assert_eq!(prod["Labels"]["io.scratchdbg.role"], "prod");
    assert_eq!(debug["Labels"]["io.scratchdbg.role"], "debug");
    assert!(
        debug["Labels"]["io.scratchdbg.prod"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha256:"))
    );
    let path = |config: &Value| {
        let variables = config["Env"].as_array().into_iter().flatten();
        variables
            .filter_map(Value::as_str)
            .find_map(|variable| variable.strip_prefix("PATH=").map(str::to_owned))
    };
    assert!(path(&debug).is_some_and(|path| path.ends_with("/.scratchdbg/bin")), "{debug}");
    // Nothing else differs.
    for config in [&mut prod, &mut debug] {
        let config = config.as_object_mut().expect("an object");
        config.remove("Labels");
        config.remove("Image");
        if let Some(variables) = config.get_mut("Env").and_then(Value::as_array_mut) {
            variables.retain(|variable| {
                !variable.as_str().is_some_and(|variable| variable.starts_with("PATH="))
            });
        }
        if config
            .get("Env")
            .is_some_and(|variables| variables == &serde_json::json!([]) || variables.is_null())
        {
            config.remove("Env");
        }
    }
    assert_eq!(prod, debug);
}

#[test]
fn the_production_image_holds_the_program_and_nothing_else() {
    let stage = Stage::set();
    let (prod, debug) = build(&stage, &["--with", "none"]);
    let prod = saved_entries(&stage.engine, &prod);
    assert_eq!(prod, [[(String::new(), 0o755), ("app".to_owned(), 0o755)]]);
    let debug = saved_entries(&stage.engine, &debug);
    assert_eq!(debug[0], prod[0]);
    for (path, _) in &debug[1] {
        assert!(
            path.is_empty() || path == ".scratchdbg" || path.starts_with(".scratchdbg/"),
            "{path} in the debug layer"
        );
    }
    assert!(debug[1].iter().any(|(path, _)| path == ".scratchdbg/bin/sh"));
}

#[test]
fn the_production_image_runs_hardened_and_the_twin_has_a_shell() {
    let stage = Stage::set();
    let (prod, debug) = build(&stage, &[]);
    let hardened = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
    let target = stage.target_of(&hardened, &prod, &[]);
    target.attach(&["id", "-u"]).expect(0, "65532\n");
    target.attach_with_input(&["cat"], "hi\n").expect(0, "hi\n");
    target.assert_untouched();
    assert_eq!(target.container.diff(), "");

    let twin = stage.engine.run("twin", &hardened, &debug, &[]);
    eventually(
        || format!("what the production image says, and not {:?}", twin.logs()),
        || (twin.logs() == "out 1\nout 2").then_some(()),
    );
    let shell = stage.engine.docker(["exec", twin.name(), "sh", "-c", "echo $0; exit 9"]);
    assert_eq!((shell.status.code(), shell.stdout.as_slice()), (Some(9), b"sh\n".as_slice()));
    let entry = ["run", "--rm", "--network", "none", "--entrypoint", "sh", &debug, "-c", "exit 9"];
    assert_eq!(stage.engine.docker(entry).status.code(), Some(9));
}

#[test]
fn the_same_binary_makes_the_same_images_wherever_it_is_built() {
    let stage = Stage::set();
    let app = sample::write_app(stage.scratchdbg.home());
    let elsewhere = tempfile::TempDir::new().expect("a directory");
    let copy = elsewhere.path().join("app");
    std::fs::copy(&app, &copy).expect("a copy");
    let tag = format!("{}:1", stage.engine.name("same"));
    let mut ids = Vec::new();
    for (path, zone) in [(&app, "UTC"), (&copy, "Pacific/Chatham")] {
        let mut command =
            stage.scratchdbg.command(["build", path.to_str().expect("a plain path"), "-t", &tag]);
        command.env("TZ", zone).env("LANG", "de_DE.UTF-8");
        scratchdbg_testkit::program::Running::start(command).finish().expect_code(0);
        let id = |image: &str| inspect(&stage.engine, image)["Id"].clone();
        ids.push((id(&tag), id(&format!("{tag}-debug"))));
    }
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn facts_as_json_are_alone_on_standard_output() {
    let stage = Stage::set();
    let app = sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.engine.name("json"));
    let arguments = ["build", app.to_str().expect("a plain path"), "-t", &tag, "--format", "json"];
    let finished = stage.run(&arguments);
    let facts: Value =
        serde_json::from_slice(&finished.expect_code(0).stdout).expect("one JSON document");
    for (role, tag) in [("prod", tag.clone()), ("debug", format!("{tag}-debug"))] {
        assert!(facts[role]["tags"].to_string().contains(&tag), "{facts}");
        let inspected = inspect(&stage.engine, &tag);
        let told: Vec<&str> = facts[role]["layers"]
            .as_array()
            .expect("layers")
            .iter()
            .map(|layer| layer["diff_id"].as_str().expect("a digest"))
            .collect();
        assert_eq!(told, layers(&inspected));
    }
}
