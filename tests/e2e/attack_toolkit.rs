//! An image with the toolkit's name and layer, and one more setting; and settings that an image
//! imposes on its containers.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::stage::Stage;

/// Writes a busybox that no other test has, and returns its path: bytes after the program do not
/// matter.
fn own_busybox(stage: &Stage) -> String {
    let tools = stage.scratchdbg.home().join("busybox");
    let mut bytes = std::fs::read("/bin/busybox").expect("busybox-static is installed");
    bytes.extend_from_slice(stage.engine.name("own").as_bytes());
    std::fs::write(&tools, bytes).expect("the file can be written");
    tools.to_string_lossy().into_owned()
}

fn config(stage: &Stage, image: &str) -> Value {
    stage.engine.ask_json(["image", "inspect", "--format", "{{json .Config}}", image])
}

#[test]
fn a_toolkit_image_with_a_setting_more_is_not_it() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let tools = own_busybox(&stage);
    let attach = |command: &[&str]| {
        stage.run(&[&["attach", "--toolkit", &tools, target.name(), "--"], command].concat())
    };
    attach(&["true"]).expect(0, "");
    let plan =
        stage.run(&["attach", "--explain", "--format", "json", "--toolkit", &tools, target.name()]);
    let plan: Value = serde_json::from_slice(&plan.expect_code(0).stdout).expect("a plan");
    let name = plan["keeper"]["image"].as_str().expect("a name").to_owned();
    let ours = config(&stage, &name);
    let archive = Archive::of(&stage, &name);
    for (setting, value) in [
        (
            "Healthcheck",
            json!({"Test": ["CMD", "/bin/busybox", "true"], "Interval": 1_000_000_000_u64}),
        ),
        ("WorkingDir", json!("/session")),
        ("StopSignal", json!("SIGKILL")),
        ("User", json!("0:7")),
        ("OnBuild", json!(["USER 7"])),
    ] {
        archive.load_with(&stage, &name, setting, &value);
        assert_ne!(config(&stage, &name), ours, "{setting}");
        attach(&["sh", "-c", "exit 42"]).expect(42, "");
        assert_eq!(config(&stage, &name), ours, "{setting}: ours has the name again");
    }
    stage.engine.ask(["rmi", "--force", &name]);
    target.assert_untouched();
}

/// The parts of an image with one layer.
struct Archive {
    config: Value,
    layer: Vec<u8>,
}

impl Archive {
    fn of(stage: &Stage, image: &str) -> Self {
        let file = stage.scratchdbg.home().join("saved.tar");
        stage.engine.ask(["save", "--output", &file.to_string_lossy(), image]);
        let bytes = std::fs::read(&file).expect("it was saved");
        let entry = |wanted: &str| {
            let mut archive = tar::Archive::new(&bytes[..]);
            let mut entries =
                archive.entries().expect("an archive").map(|entry| entry.expect("an entry"));
            let mut entry = entries
                .find(|entry| entry.path().is_ok_and(|path| path.as_os_str() == wanted))
                .unwrap_or_else(|| panic!("{wanted} is in the archive"));
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("it can be read");
            content
        };
        let manifest: Value = serde_json::from_slice(&entry("manifest.json")).expect("JSON");
        let path = |value: &Value| value.as_str().expect("a path").to_owned();
        let config = serde_json::from_slice(&entry(&path(&manifest[0]["Config"]))).expect("JSON");
        Self { config, layer: entry(&path(&manifest[0]["Layers"][0])) }
    }

    /// Loads the same layer under this name, with an additional setting.
    fn load_with(&self, stage: &Stage, name: &str, setting: &str, value: &Value) {
        let mut config = self.config.clone();
        config["config"][setting] = value.clone();
        let manifest =
            json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
        let file = stage.scratchdbg.home().join("forged.tar");
        let mut archive = tar::Builder::new(std::fs::File::create(&file).expect("it can be made"));
        for (path, content) in [
            ("config.json", config.to_string().into_bytes()),
            ("layer.tar", self.layer.clone()),
            ("manifest.json", manifest.to_string().into_bytes()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, &content[..]).expect("it can be written");
        }
        archive.into_inner().expect("it can be written");
        stage.engine.ask(["load", "--quiet", "--input", &file.to_string_lossy()]);
    }
}

#[test]
fn no_image_has_anything_run_beside_a_session() {
    let stage = Stage::set();
    let health = r#"HEALTHCHECK --interval=1s CMD ["/app"]"#;
    let image = stage.engine.import_app(&[health]);
    let target = stage.target_of(&["--no-healthcheck"], &image, &[]);
    let begun = ["--", "/bin/sh", "-c", "echo begun; read line"];
    for options in
        [&["--mode", "exec"][..], &["--mode", "sidecar"], &["--mode", "copy"], &["--image"]]
    {
        let subject = if options == ["--image"] { &*image } else { target.name() };
        let command = if options[options.len() - 1] == "sidecar" {
            &begun[..]
        } else {
            &["--", "sh", "-c", begun[3]]
        };
        let mut session =
            stage.scratchdbg.start([&["attach"], options, &[subject], command].concat());
        session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
        // The client's mark identifies its process: other tests start sessions of images at the
        // same time.
        let list = ["ps", "--no-trunc", "--format", "{{.ID}} {{.Label \"io.scratchdbg.client\"}}"];
        let of_client = format!("-{}-", session.id());
        let listed = stage.engine.ask(list);
        let ours: Vec<_> = listed.lines().filter_map(|line| line.split_once(' ')).collect();
        let ours: Vec<_> = ours.into_iter().filter(|(_, mark)| mark.contains(&of_client)).collect();
        assert!(!ours.is_empty(), "{options:?}");
        for (container, _) in ours {
            let config =
                stage.engine.ask_json(["inspect", "--format", "{{json .Config}}", container]);
            assert_eq!(config["Healthcheck"]["Test"], json!(["NONE"]), "{options:?}: {config}");
            assert_eq!(config["StopSignal"], "SIGTERM", "{options:?}: {config}");
        }
        session.write_and_close_input("\n");
        session.finish().expect_code(0);
    }
    target.assert_untouched();
}
