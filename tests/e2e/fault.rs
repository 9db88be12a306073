//! Creates images with one fault, with the docker CLI.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use scratchdbg_image::Digest;
use scratchdbg_testkit::program::Running;
use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::Stage;

/// A file of an image.
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
}

/// A layer that is being written.
pub(crate) type Layer = tar::Builder<Vec<u8>>;

/// An executable file.
pub(crate) fn executable(path: &'static str, bytes: impl Into<Vec<u8>>) -> File {
    File { path, mode: 0o755, bytes: bytes.into() }
}

/// The sample program, statically linked.
pub(crate) fn app(stage: &Stage) -> Vec<u8> {
    fs::read(sample::write_app(stage.scratchdbg.home())).expect("the sample")
}

/// The sample program, dynamically linked.
pub(crate) fn dynamic_app(stage: &Stage) -> Vec<u8> {
    fs::read(sample::write_dynamic_app(stage.scratchdbg.home())).expect("the sample")
}

/// A tar archive of `files`.
pub(crate) fn archive(files: &[File]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        append(&mut archive, file);
    }
    archive.into_inner().expect("writing to memory works")
}

/// Adds a file to a tar archive.
pub(crate) fn append(archive: &mut Layer, file: &File) {
    let mut header = tar::Header::new_ustar();
    header.set_size(file.bytes.len() as u64);
    header.set_mode(file.mode);
    if file.path.ends_with('/') {
        header.set_entry_type(tar::EntryType::Directory);
    }
    archive
        .append_data(&mut header, file.path, file.bytes.as_slice())
        .expect("writing to memory works");
}

/// Returns a tar archive of one image, named `name`, in the format of `docker save`. `config` is
/// the JSON of its `config`.
pub(crate) fn saved(name: &str, config: &str, fill: impl FnOnce(&mut Layer)) -> Vec<u8> {
    let mut layer = tar::Builder::new(Vec::new());
    fill(&mut layer);
    let layer = layer.into_inner().expect("writing to memory works");
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","config":{config},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Digest::of(&layer)
    );
    let manifest =
        format!(r#"[{{"Config":"config.json","RepoTags":["{name}"],"Layers":["layer.tar"]}}]"#);
    let member = |path, bytes: &[u8]| File { path, mode: 0o644, bytes: bytes.to_vec() };
    archive(&[
        member("config.json", config.as_bytes()),
        member("layer.tar", &layer),
        member("manifest.json", manifest.as_bytes()),
    ])
}

/// Loads an image whose configuration or layer cannot be created by Dockerfile instructions.
/// Returns its name.
#[track_caller]
pub(crate) fn loaded(stage: &Stage, config: &str, fill: impl FnOnce(&mut Layer)) -> String {
    let image =
        format!("{}:1", stage.engine.name(&format!("loaded-{}", scratchdbg_testkit::unique())));
    let mut command = Command::new("docker");
    command.arg("load");
    let mut running = Running::start(command);
    running.write_and_close_input(saved(&image, config, fill));
    running.finish().expect_code(0);
    image
}

/// Creates an image of `files` with these Dockerfile instructions. Returns its name.
#[track_caller]
pub(crate) fn image(stage: &Stage, files: &[File], changes: &[&str]) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let image = format!("{}:1", stage.engine.name(&format!("fault-{count}")));
    let mut command = Command::new("docker");
    command.arg("import");
    for change in changes {
        command.args(["--change", change]);
    }
    command.args(["-", &image]);
    let mut running = Running::start(command);
    running.write_and_close_input(archive(files));
    running.finish().expect_code(0);
    image
}

/// Creates and starts a container, whether or not the start succeeds, and waits for its end.
/// Returns its name.
#[track_caller]
pub(crate) fn ended(
    stage: &Stage,
    stem: &str,
    flags: &[&str],
    image: &str,
    command: &[&str],
) -> String {
    let name = created(stage, stem, flags, image, command);
    if stage.engine.docker(["start", &name]).status.success() {
        stage.engine.ask(["wait", &name]);
    }
    name
}

/// Creates a container without a network. Returns its name.
#[track_caller]
pub(crate) fn created(
    stage: &Stage,
    stem: &str,
    flags: &[&str],
    image: &str,
    command: &[&str],
) -> String {
    let name = stage.engine.name(stem);
    let fixed = ["create", "--network", "none", "--name", &name];
    stage.engine.ask(fixed.iter().chain(flags).chain(&[image]).chain(command).copied());
    name
}

/// Returns the answer of `why` as JSON, and asserts its structure.
#[track_caller]
pub(crate) fn why(stage: &Stage, name: &str) -> Value {
    let finished = stage.run(&["why", "--format", "json", name]);
    finished.expect_code(0);
    let answer: Value = serde_json::from_slice(&finished.stdout).expect("one JSON document");
    assert_eq!(answer["verdict"], answer["findings"][0]["code"], "{answer:#}");
    for finding in answer["findings"].as_array().expect("a list") {
        assert!(
            !finding["evidence"].as_array().expect("a list").is_empty(),
            "evidence: {finding:#}"
        );
        assert!(
            finding["message"].as_str().is_some_and(|message| !message.is_empty()),
            "{finding:#}"
        );
    }
    answer
}

/// Asserts the verdict.
#[track_caller]
pub(crate) fn expect_verdict(stage: &Stage, name: &str, code: &str) -> Value {
    let answer = why(stage, name);
    assert_eq!(answer["verdict"], code, "{answer:#}");
    answer
}

/// Returns every code in a list of findings.
pub(crate) fn codes(findings: &Value) -> Vec<String> {
    let findings = findings["findings"].as_array().expect("a list of findings");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
}
