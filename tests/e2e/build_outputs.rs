//! `build`: other tools can read its outputs, and all outputs have the same content.

use std::fs;
use std::path::Path;
use std::process::Command;

use scratchdbg_testkit::program::{Finished, Running};
use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::pair::{inspect, layers};
use crate::stage::Stage;

/// Runs an independent tool on our output. Fails the test without the tool: a skipped test proves
/// nothing.
#[track_caller]
fn referee(home: &Path, program: &str, arguments: &[&str]) -> Finished {
    let there = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .expect("sh runs");
    assert!(there.status.success(), "this test needs {program}: ./scripts/test installs it");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(home);
    let finished = Running::start(command).finish();
    finished.expect_code(0);
    finished
}

fn build(stage: &Stage, options: &[&str]) -> Value {
    let arguments = [&["build", "app", "--format", "json"], options].concat();
    serde_json::from_slice(&stage.run(&arguments).expect_code(0).stdout).expect("one JSON document")
}

#[test]
fn one_run_writes_everywhere() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    let tag = format!("{}:1", stage.engine.name("everywhere"));
    let outputs =
        ["-o", "engine", "-o", "oci:layout", "-o", "oci:second", "-o", "archive:pair.tar"];
    let facts = build(&stage, &[&["-t", &tag], &outputs[..]].concat());
    for (role, name) in [("prod", tag.clone()), ("debug", format!("{tag}-debug"))] {
        assert!(
            facts[role]["layers"][0]["media_type"].as_str().expect("a type").ends_with("tar+gzip"),
            "{facts}"
        );
        let id = facts[role]["image_id"].as_str().expect("an id");
        assert_eq!(inspect(&stage.engine, &name)["Id"], id);
        for layer in facts[role]["layers"].as_array().expect("layers") {
            let blob = layer["digest"].as_str().expect("a digest").replace(':', "/");
            let size = fs::metadata(home.join("layout/blobs").join(&blob)).expect("the blob").len();
            assert_eq!(layer["size"], size);
            assert_eq!(
                fs::read(home.join("layout/blobs").join(&blob)).expect("it"),
                fs::read(home.join("second/blobs").join(&blob)).expect("it")
            );
        }
    }
    let [engine, layout, archive] =
        [tag.clone(), "oci:layout:1".to_owned(), format!("archive:pair.tar:{tag}")];
    for prod in [&engine, &layout, &archive] {
        for debug in [&engine, &layout, &archive] {
            stage.run(&["pair", "verify", prod, &format!("{debug}-debug")]).expect_code(0);
        }
    }
    assert_eq!(leftovers(home), [] as [String; 0]);
}

/// Returns our temporary files.
fn leftovers(folder: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(".scratchdbg-") {
            left.push(name);
        } else if entry.file_type().expect("a type").is_dir() {
            left.extend(leftovers(&entry.path()));
        }
    }
    left
}

#[test]
fn a_layout_is_added_to() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    build(&stage, &["-t", "shop/app:1", "-o", "oci:layout"]);
    let first = fs::read(home.join("layout/index.json")).expect("it");
    build(&stage, &["-t", "shop/app:1", "-o", "oci:layout"]);
    assert_eq!(
        fs::read(home.join("layout/index.json")).expect("it"),
        first,
        "the same again changes nothing"
    );
    sample::write_app(home);
    build(&stage, &["-t", "shop/app:2", "-o", "oci:layout"]);
    for tag in ["1", "2"] {
        let names = [format!("oci:layout:{tag}"), format!("oci:layout:{tag}-debug")];
        stage.run(&["pair", "verify", &names[0], &names[1]]).expect_code(0);
    }
    let listed = referee(home, "umoci", &["list", "--layout", "layout"]);
    listed.expect(0, "1\n1-debug\n2\n2-debug\n");
    fs::create_dir(home.join("other")).expect("a folder");
    fs::write(home.join("other/notes"), "x").expect("a file");
    stage
        .run(&["build", "app", "-t", "shop/app:1", "-o", "oci:other"])
        .expect_clear_failure(1, &["other", "notes"]);
}

#[test]
fn the_engine_loads_an_archive_however_it_is_packed() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    let tag = format!("{}:1", stage.engine.name("packed"));
    let mut ids = Vec::new();
    for method in ["none", "gzip", "gzip:9"] {
        let output = format!("archive:{}.tar", method.replace(':', "-"));
        let facts = build(&stage, &["-t", &tag, "-o", &output, "--compress", method]);
        stage.engine.ask([
            "load",
            "--quiet",
            "--input",
            home.join(&output[8..]).to_str().expect("a plain path"),
        ]);
        let inspected = inspect(&stage.engine, &tag);
        assert_eq!(inspected["Id"], facts["prod"]["image_id"], "{method}");
        assert_eq!(layers(&inspected).len(), 1);
        let debug = format!("{tag}-debug");
        assert_eq!(
            stage.engine.ask([
                "run",
                "--rm",
                "--network",
                "none",
                "--entrypoint",
                "echo",
                &debug,
                "hi"
            ]),
            "hi",
            "{method}"
        );
        ids.push(inspected["Id"].clone());
        stage.engine.ask(["rmi", "--force", &tag, &debug]);
    }
    // Docker supports zstd since 23.0.
    let is_old =
        stage.engine.ask(["version", "--format", "{{.Server.Version}}"]).starts_with("20.");
    let zstd = stage.run(&["build", "app", "-t", &tag, "--compress", "zstd"]);
    if is_old {
        zstd.expect_clear_failure(1, &["zstd", "--compress gzip"]);
    } else {
        zstd.expect_code(0);
    }
    // The layers are the same, and so is the image's id.
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let output = stage.run(&["build", "app", "-t", &tag, "-o", "archive:-"]);
    assert_eq!(output.expect_code(0).stdout, fs::read(home.join("none.tar")).expect("the archive"));
    assert!(output.stderr.contains(&tag), "the summary is on standard error: {output}");
}

#[test]
fn other_tools_take_it() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    for method in ["gzip", "none", "zstd"] {
        let layout = format!("layout-{method}");
        let archive = format!("archive-{method}.tar");
        let outputs = [format!("oci:{layout}"), format!("archive:{archive}")];
        let build_options =
            ["-t", "shop/app:1", "--compress", method, "-o", &outputs[0], "-o", &outputs[1]];
        let facts = build(&stage, &build_options);
        let manifest = facts["prod"]["manifest"].as_str().expect("a digest");
        let source = format!("oci:{layout}:1");
        let seen = referee(home, "skopeo", &["inspect", &source]);
        assert!(seen.text().contains(manifest), "{seen}");
        let copy = format!("dir:copy-{method}");
        for from in
            [&format!("{source}-debug"), &format!("docker-archive:{archive}:shop/app:1-debug")]
        {
            referee(home, "skopeo", &["--insecure-policy", "copy", from, &copy]);
        }
        if method != "zstd" {
            let bundle = format!("bundle-{method}");
            let image = format!("{layout}:1-debug");
            referee(home, "umoci", &["unpack", "--rootless", "--image", &image, &bundle]);
            assert!(home.join(&bundle).join("rootfs/.scratchdbg/bin/sh").exists());
        }
    }
    referee(
        home,
        "oci-image-tool",
        &["validate", "--type", "image", "--ref", "name=1", "layout-gzip"],
    );
}
