//! Images that no builder makes: compares `check` with what the engine really does with their
//! layers, accounts and configuration.

use std::fs;
use std::process::Command;

use scratchdbg_image::Digest;
use scratchdbg_testkit::program::Running;
use serde_json::Value;

use crate::fault::{File, archive};
use crate::stage::Stage;

/// An entry of a layer: its name and mode as they stand in the tar.
enum Item {
    /// The program, with its mode and owner.
    Program(&'static str, u32, u64),
    Text(&'static str, &'static str),
    Directory(&'static str),
    Hard(&'static str, &'static str, u32),
    Symbolic(&'static str, &'static str),
}

use Item::{Directory, Hard, Program, Symbolic, Text};

const fn program(name: &'static str) -> Item {
    Program(name, 0o755, 0)
}

/// An image and whether it runs.
struct Case {
    layers: Vec<Vec<Item>>,
    /// The JSON of its `config`.
    config: String,
    works: bool,
}

fn layer(items: &[Item], busybox: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for item in items {
        let mut header = tar::Header::new_gnu();
        let (name, kind, mode, owner, link, data) = match *item {
            Program(name, mode, owner) => (name, tar::EntryType::Regular, mode, owner, "", busybox),
            Text(name, text) => (name, tar::EntryType::Regular, 0o644, 0, "", text.as_bytes()),
            Directory(name) => (name, tar::EntryType::Directory, 0o755, 0, "", &b""[..]),
            Hard(name, target, mode) => (name, tar::EntryType::Link, mode, 0, target, &b""[..]),
            Symbolic(name, target) => (name, tar::EntryType::Symlink, 0o777, 0, target, &b""[..]),
        };
        // The crate's own methods refuse such names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(0);
        header.set_size(data.len() as u64);
        header.set_cksum();
        tar.append(&header, data).expect("writing to memory works");
    }
    tar.into_inner().expect("writing to memory works")
}

fn saved(name: &str, case: &Case, busybox: &[u8]) -> Vec<u8> {
    let layers: Vec<_> = case.layers.iter().map(|items| layer(items, busybox)).collect();
    let digests: Vec<_> = layers.iter().map(|layer| format!("\"{}\"", Digest::of(layer))).collect();
    let files = ["0.tar", "1.tar", "2.tar"];
    let names: Vec<_> = files.iter().take(layers.len()).map(|file| format!("\"{file}\"")).collect();
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","config":{},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        case.config,
        digests.join(",")
    );
    let manifest = format!(
        r#"[{{"Config":"config.json","RepoTags":["{name}"],"Layers":[{}]}}]"#,
        names.join(",")
    );
    let mut members = vec![
        File { path: "config.json", mode: 0o644, bytes: config.into_bytes() },
        File { path: "manifest.json", mode: 0o644, bytes: manifest.into_bytes() },
    ];
    members.extend(files.into_iter().zip(layers).map(|(path, bytes)| File {
        path,
        mode: 0o644,
        bytes,
    }));
    archive(&members)
}

/// Returns what the image's program prints, or `None` if the image cannot be loaded or does not
/// run.
fn engine_runs(stage: &Stage, image: &str, archive: Vec<u8>) -> Option<String> {
    let mut command = Command::new("docker");
    command.arg("load");
    let mut running = Running::start(command);
    running.write_and_close_input(archive);
    let is_loaded = running.finish().status.success();
    let name = stage.engine.name("agrees-run");
    let output = is_loaded
        .then(|| stage.engine.docker(["run", "--rm", "--network", "none", "--name", &name, image]));
    stage.engine.docker(["rmi", "-f", image]);
    output
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[track_caller]
fn assert_agreement(cases: &[Case]) {
    let stage = Stage::set();
    let busybox = fs::read("/bin/busybox").expect("busybox-static: run ./scripts/ensure-engine");
    let image = format!("{}:1", stage.engine.name("agrees-image"));
    let mut disagree = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let bytes = saved(&image, case, &busybox);
        fs::write(stage.scratchdbg.home().join("image.tar"), &bytes).expect("a file");
        let finished =
            stage.run(&["check", "--deny", "none", "--format", "json", "archive:image.tar"]);
        let report: Value = serde_json::from_slice(&finished.stdout).unwrap_or_default();
        let findings = report["findings"].as_array().cloned();
        let is_wrong = findings
            .as_ref()
            .is_none_or(|all| all.iter().any(|finding| finding["severity"] == "error"));
        let is_root = findings.iter().flatten().any(|finding| finding["code"] == "runs-as-root");
        let printed = engine_runs(&stage, &image, bytes);
        // The program prints its user id.
        let is_same_user = printed.as_ref().is_none_or(|uid| (uid == "0") == is_root);
        if printed.is_some() != case.works || is_wrong == case.works || !is_same_user {
            disagree.push(format!(
                "{index}: {} to run {}: printed {printed:?}, check says {}",
                case.config,
                case.works,
                finished.text()
            ));
        }
    }
    assert!(disagree.is_empty(), "{}", disagree.join("\n\n"));
}

fn starting(path: &str, layers: Vec<Vec<Item>>, works: bool) -> Case {
    Case { layers, config: format!(r#"{{"Entrypoint":["{path}","id","-u"],"User":"5:5"}}"#), works }
}

/// Names that do not begin at the root, or lead back; hard links; whiteouts; links in the way.
#[test]
fn check_says_of_layers_what_the_engine_does() {
    let busybox = |layers, works| starting("/busybox", layers, works);
    assert_agreement(&[
        // Names.
        busybox(vec![vec![program("/busybox")]], true),
        busybox(vec![vec![Directory("/"), program("//x/..//busybox")]], true),
        busybox(vec![vec![program("x/../../busybox")]], true),
        busybox(vec![vec![Text("busybox", "x"), program("/busybox")]], true),
        busybox(vec![vec![Text("busybox", "x"), program("./busybox")]], false),
        busybox(vec![vec![program("busybox")], vec![Text("/.wh.busybox", "")]], false),
        // Hard links.
        busybox(vec![vec![program("a"), Hard("busybox", "/x/../../a", 0o755)]], true),
        busybox(vec![vec![Program("a", 0o644, 0), Hard("busybox", "a", 0o755)]], true),
        busybox(vec![vec![program("busybox"), Hard("b", "busybox", 0o644)]], false),
        busybox(vec![vec![Program("busybox", 0o700, 5), Hard("b", "busybox", 0o700)]], false),
        busybox(vec![vec![program("a")], vec![Hard("busybox", "a", 0o755)]], false),
        busybox(vec![vec![program("a")], vec![program("a"), Hard("busybox", "a", 0o755)]], true),
        busybox(vec![vec![program("busybox"), Directory("d"), Hard("b", "d", 0o755)]], false),
        busybox(
            vec![vec![program("d/a"), Symbolic("l", "d"), Hard("busybox", "l/a", 0o755)]],
            true,
        ),
        // Whiteouts.
        busybox(vec![vec![program("busybox")], vec![Text(".wh..wh..opq", ""), program("x")]], true),
        starting(
            "/d/busybox",
            vec![vec![program("d/busybox")], vec![Text("d/.wh..wh..opq", "")]],
            false,
        ),
        busybox(vec![vec![program("busybox")], vec![Text(".wh.", "")]], false),
        // Links in the way, of the same layer and of a lower one.
        starting(
            "/r/busybox",
            vec![vec![Directory("r"), Symbolic("l", "../../r"), program("l/busybox")]],
            true,
        ),
        starting(
            "/r/busybox",
            vec![vec![Directory("r"), Symbolic("l", "r")], vec![program("l/busybox")]],
            false,
        ),
        starting(
            "/l/busybox",
            vec![vec![Directory("r"), Symbolic("l", "r")], vec![program("l/busybox")]],
            true,
        ),
        starting("/a/b/busybox", vec![vec![Text("a/b", "x")], vec![program("a/b/busybox")]], true),
    ]);
}

/// Account files with damaged lines, and numbers that are names.
#[test]
fn check_says_of_users_what_the_engine_does() {
    let case = |user: &str, passwd: &'static str, group: &'static str, works: bool| Case {
        layers: vec![vec![
            Program("busybox", 0o755, 0),
            Program("private/busybox", 0o750, 50),
            Text("etc/passwd", passwd),
            Text("etc/group", group),
        ]],
        config: format!(r#"{{"Entrypoint":["/busybox","id","-u"],"User":"{user}"}}"#),
        works,
    };
    let private =
        |case: Case| Case { config: case.config.replace("/busybox", "/private/busybox"), ..case };
    assert_agreement(&[
        case("app", "app:x:abc:1000::/:\n", "", true),
        case("app", "app\n", "", true),
        case("app", " app :x:5:5::/:\n", "", false),
        case("1000", "root:x:0:0::/:\n1000:x:0:0::/:\n", "", true),
        case("#app", "#app:x:1000:5::/:\n", "", true),
        case("5:web", "", "web:x:abc:\n", true),
        case("5:none", "", "web:x:abc:\n", false),
        case("app", "app:x:-5:5::/:\n", "", false),
        case("app", "app:x:4294967296:5::/:\n", "", true),
        case("app", "app:x:5:4294967295::/:\n", "", false),
        case("-0", "", "", true),
        private(case("app", "app:x:5:5::/:\n", "web:x:50:x,app\n", true)),
        private(case("app", "app:x:5:5::/:\n", "web:x:50: app\n", false)),
        private(case("app:5", "app:x:5:5::/:\n", "web:x:50:app\n", false)),
        private(case("5:77", "", "77:x:50:\n", true)),
    ]);
}

/// Keys in any case, values of another kind, and what stands for nothing.
#[test]
fn check_says_of_configurations_what_the_engine_does() {
    let case = |config: &str, works| Case {
        layers: vec![vec![program("busybox")]],
        config: config.to_owned(),
        works,
    };
    let with = |more: &str, works| {
        case(
            &format!(r#"{{"Entrypoint":["/busybox"],"Cmd":["id","-u"],"User":"5:5",{more}}}"#),
            works,
        )
    };
    assert_agreement(&[
        case(r#"{"entrypoint":["/busybox"],"CMD":["id","-u"],"user":"5:5"}"#, true),
        case(
            r#"{"entryPoint":["/none"],"Entrypoint":["/busybox"],"Cmd":["id","-u"],"User":"5:5"}"#,
            true,
        ),
        case(
            r#"{"Entrypoint":["/busybox"],"entryPoint":["/none"],"Cmd":["id","-u"],"User":"5:5"}"#,
            false,
        ),
        case(r#"{"Entrypoint":"/busybox","Cmd":["id","-u"],"User":"5:5"}"#, true),
        case(r#"{"Entrypoint":["/busybox"],"Cmd":["id","-u"],"User":null}"#, true),
        case(r#"{"Entrypoint":[""],"Cmd":["/busybox","id","-u"],"User":"5:5"}"#, true),
        case(r#"{"Entrypoint":[""],"User":"5:5"}"#, false),
        case(r#"{"Entrypoint":["",""],"Cmd":["/busybox","id","-u"],"User":"5:5"}"#, false),
        case(r#"{"Entrypoint":[null,"/busybox"],"User":"5:5"}"#, false),
        with(r#""WorkingDir":"srv""#, false),
        with(r#""workingdir":".""#, false),
        with(r#""WorkingDir":"/srv/../x""#, true),
        with(r#""Env":"A=b""#, false),
    ]);
}
