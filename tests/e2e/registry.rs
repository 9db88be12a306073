//! Pairs in a real registry: pushed, inspected by independent tools, pulled, verified and checked
//! in place.

mod interrupts;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use scratchdbg_testkit::program::{Finished, Running};
use scratchdbg_testkit::registry::{Options, PASSWORD, Registry, USER};
use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::Stage;
use crate::tls;

/// base64 of [`USER`]`:`[`PASSWORD`].
const LOGIN: &str = "dXNlcjpoaWRkZW4td29yZA==";

fn json(finished: &Finished) -> Value {
    serde_json::from_slice(&finished.expect_code(0).stdout).expect("one JSON document")
}

fn build(stage: &Stage, options: &[&str]) -> Value {
    json(&stage.run(&[&["build", "app", "--format", "json"], options].concat()))
}

/// Runs skopeo, the independent reader of registries.
fn skopeo(arguments: &[&str]) -> Finished {
    let mut command = Command::new("skopeo");
    command.args(arguments);
    Running::start(command).finish()
}

/// Returns what a registry has under a name, byte for byte.
fn raw(name: &str) -> Vec<u8> {
    skopeo(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")])
        .expect_code(0)
        .stdout
        .clone()
}

#[test]
fn a_pair_goes_through_a_registry() {
    let (stage, registry) = (Stage::set(), Registry::start());
    sample::write_app(stage.scratchdbg.home());
    let name = format!("{}/{}", registry.name(), stage.engine.name("pushed"));
    let [tag, second, mirror] =
        [format!("{name}:1"), format!("{name}:latest"), format!("{name}-mirror/app:1")];
    let facts = build(&stage, &["-t", &tag, "-t", &second, "-t", &mirror, "-o", "registry"]);
    assert_eq!(facts["pushed"].as_array().map(Vec::len), Some(6), "{facts}");
    for (role, suffix) in [("prod", ""), ("debug", "-debug")] {
        for name in [&tag, &second, &mirror] {
            let name = format!("{name}{suffix}");
            let seen =
                json(&skopeo(&["inspect", "--tls-verify=false", &format!("docker://{name}")]));
            assert_eq!(seen["Digest"], facts[role]["manifest"], "{name}");
            assert_eq!(seen["Layers"][0], facts["prod"]["layers"][0]["digest"]);
        }
    }
    // The engine pulls the same pair.
    let debug = format!("{tag}-debug");
    for image in [&tag, &debug] {
        stage.engine.ask(["pull", "--quiet", image]);
    }
    let said = stage.engine.ask([
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "echo",
        &debug,
        "hi",
    ]);
    let ids = [&tag, &debug]
        .map(|image| stage.engine.ask(["image", "inspect", "--format", "{{.Id}}", image]));
    stage.engine.ask(["rmi", "--force", &tag, &debug]);
    assert_eq!(said, "hi");
    assert_eq!(
        ids,
        ["prod", "debug"].map(|role| facts[role]["image_id"].as_str().expect("an id").to_owned())
    );
    // Pushing it again sends nothing.
    let again = stage.run(&["build", "app", "-t", &tag, "-o", "registry"]);
    let text = again.expect_code(0).text();
    assert!(text.contains("0 blobs sent (0 B), 4 there already"), "{text}");
    assert!(text.contains(&format!("docker pull {tag}")), "{text}");
}

#[test]
fn several_outputs_hold_the_same_and_can_be_compared() {
    let (stage, registry) = (Stage::set(), Registry::start());
    sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}/{}:1", registry.name(), stage.engine.name("compared"));
    let outputs = ["-o", "registry", "-o", "oci:layout", "-o", "archive:pair.tar"];
    build(&stage, &[&["-t", &tag], &outputs[..]].concat());
    let digest =
        format!("registry:{}@{}", &tag[..tag.len() - 2], digest_of(&raw(&format!("{tag}-debug"))));
    let places =
        [format!("registry:{tag}"), "oci:layout:1".to_owned(), format!("archive:pair.tar:{tag}")];
    for prod in &places {
        for debug in &places {
            stage.run(&["pair", "verify", prod, &format!("{debug}-debug")]).expect_code(0);
        }
    }
    stage.run(&["pair", "verify", &places[0], &digest]).expect_code(0);
    // The debug image under the production name, or another image.
    let swapped = stage.run(&["pair", "verify", &format!("{}-debug", places[0]), &places[0]]);
    assert!(swapped.expect_code(1).text().contains("role"), "{swapped}");
    let checked = stage.run(&["check", &places[0], &format!("{}-debug", places[0])]);
    assert!(checked.expect_code(0).text().contains(&places[0]), "{checked}");
}

fn digest_of(bytes: &[u8]) -> String {
    let mut command = Command::new("sha256sum");
    command.arg("-");
    let mut running = Running::start(command);
    running.write_and_close_input(bytes.to_vec());
    format!("sha256:{}", &running.finish().expect_code(0).text()[..64])
}

#[test]
fn several_platforms_are_one_name() {
    let (stage, registry) = (Stage::set(), Registry::start());
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    sample::write_foreign_app(home, "app-arm64", 183);
    sample::write_foreign_busybox(home, "busybox-arm64", 183);
    let tag = format!("{}/{}:1", registry.name(), stage.engine.name("multi"));
    let toolkits = ["--toolkit", "/bin/busybox", "--toolkit", "busybox-arm64"];
    let facts =
        build(&stage, &[&["app-arm64", "-t", &tag, "-o", "registry"], &toolkits[..]].concat());
    assert!(
        facts["pushed"][0]["media_type"].as_str().expect("a type").contains("index"),
        "{facts}"
    );
    for (role, name) in [("prod", tag.clone()), ("debug", format!("{tag}-debug"))] {
        let index: Value = serde_json::from_slice(&raw(&name)).expect("JSON");
        let digests: Vec<_> = index["manifests"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| &entry["digest"])
            .collect();
        let platforms = facts[role]["platforms"].as_array().expect("a list");
        assert_eq!(
            digests,
            platforms.iter().map(|platform| &platform["manifest"]).collect::<Vec<_>>()
        );
    }
    let verified = json(&stage.run(&[
        "pair",
        "verify",
        &format!("registry:{tag}"),
        &format!("registry:{tag}-debug"),
        "--format",
        "json",
    ]));
    assert_eq!(verified["platforms"].as_array().map(Vec::len), Some(2), "{verified}");
}

/// Whenever a push is killed, every tag refers to a complete image, and the next push sends only
/// what is missing.
#[test]
fn a_push_that_is_killed_leaves_no_name_of_half_an_image() {
    let (stage, registry) = (Stage::set(), Registry::start());
    let home = stage.scratchdbg.home();
    let app = sample::write_app(home);
    let mut program = fs::read(&app).expect("it");
    program.extend(std::iter::repeat_n(b"all work and no play ", 1 << 20).flatten());
    fs::write(&app, program).expect("it can be written");
    let repository = format!("{}/killed", registry.name());
    let options = ["build", "app", "-o", "registry", "--compress", "none", "-t"];
    let started = Instant::now();
    let first = format!("{repository}/first:1");
    stage.run(&[&options[..], &[&first]].concat()).expect_code(0);
    let whole = started.elapsed();
    let is_whole = |name: &str| {
        let copy = format!("dir:{}", home.join("copy").display());
        let tags = [
            "--insecure-policy",
            "copy",
            "--quiet",
            "--src-tls-verify=false",
            &format!("docker://{name}"),
            &copy,
        ];
        let copied = skopeo(&tags);
        assert!(copied.status.success() || copied.stderr.contains("manifest unknown"), "{copied}");
        copied.status.success()
    };
    for step in 1..8 {
        let tag = format!("{repository}/app{step}:1");
        let running = stage.scratchdbg.start([&options[..], &[&tag]].concat());
        std::thread::sleep(whole * step / 8);
        drop(running);
        for name in [tag.clone(), format!("{tag}-debug")] {
            is_whole(&name);
        }
        stage.run(&[&options[..], &[&tag]].concat()).expect_code(0);
        assert!(is_whole(&tag) && is_whole(&format!("{tag}-debug")));
    }
}

/// Writes Docker's configuration into the home folder.
fn configure(home: &Path, config: &Value) {
    fs::create_dir_all(home.join(".docker")).expect("a folder");
    fs::write(home.join(".docker/config.json"), config.to_string()).expect("a file");
}

#[test]
fn a_registry_that_wants_a_password() {
    let registry = Registry::with(&Options { wants_password: true, ..Options::default() });
    let mut stage = Stage::set();
    let home = stage.scratchdbg.home().to_owned();
    sample::write_app(&home);
    let host = registry.name();
    let tag = format!("{host}/app:1");
    let push = ["build", "app", "-t", &tag, "-o", "registry"];
    stage
        .run(&push)
        .expect_clear_failure(1, &["requires credentials", &format!("docker login {host}")]);
    configure(&home, &serde_json::json!({"auths": {&host: {"auth": "dXNlcjpvdGhlcg=="}}}));
    stage.run(&push).expect_clear_failure(1, &["rejected", &format!("docker login {host}")]);
    configure(&home, &serde_json::json!({"auths": {&host: {"auth": LOGIN}}}));
    let pushed = stage.run(&[&push[..], &["-vvv"]].concat());
    pushed.expect_code(0);
    for secret in [PASSWORD, LOGIN] {
        assert!(!pushed.stderr.contains(secret) && !pushed.text().contains(secret), "{pushed}");
    }
    let verify = ["pair", "verify", &format!("registry:{tag}"), &format!("registry:{tag}-debug")];
    stage.run(&verify).expect_code(0);
    // The same with a helper program, for this registry and for all.
    let helper = format!(
        "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = '{host}' ] || exit 1\n\
         echo '{{\"ServerURL\": \"{host}\", \"Username\": \"{USER}\", \"Secret\": \"{PASSWORD}\"}}'\n"
    );
    fs::create_dir(home.join("bin")).expect("a folder");
    write_program(&home.join("bin/docker-credential-test"), &helper);
    stage.scratchdbg = stage
        .scratchdbg
        .with_variable("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()));
    for config in [
        serde_json::json!({"credHelpers": {&host: "test"}}),
        serde_json::json!({"credsStore": "test"}),
    ] {
        configure(&home, &config);
        stage.run(&verify).expect_code(0);
    }
    configure(&home, &serde_json::json!({"credsStore": "none-such"}));
    stage
        .run(&verify)
        .expect_clear_failure(1, &["docker-credential-none-such", "cannot be started"]);
}

fn write_program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn a_registry_with_tls_is_believed_for_its_certificate() {
    let mut stage = Stage::set();
    let home = stage.scratchdbg.home().to_owned();
    sample::write_app(&home);
    let (authority, certificate, key) = tls::certificates(&home);
    let registry = Registry::with(&Options { tls: Some((certificate, key)), ..Options::default() });
    let tag = format!("{}/app:1", registry.name());
    let push = ["build", "app", "-t", &tag, "-o", "registry"];
    stage.run(&push).expect_clear_failure(1, &["secure connection", "SSL_CERT_FILE"]);
    assert!(!registry.storage().exists(), "nothing went there without protection");
    stage.scratchdbg = stage.scratchdbg.with_variable("SSL_CERT_FILE", authority);
    stage.run(&push).expect_code(0);
    stage.run(&["check", &format!("registry:{tag}")]).expect_code(0);
}

#[test]
fn what_cannot_be_is_said() {
    let (stage, registry) = (Stage::set(), Registry::start());
    sample::write_app(stage.scratchdbg.home());
    let host = registry.name();
    let free = TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port");
    for (arguments, code, words) in [
        (&["build", "app", "-o", "registry"][..], 2, &["--tag"][..]),
        (
            &["build", "app", "-t", &format!("{free}/app:1"), "-o", "registry"],
            1,
            &["cannot reach", "refused"],
        ),
        (&["check", &format!("registry:{host}/none:1")], 1, &["has no image", "none:1"]),
        (&["check", "registry:"], 2, &["name"]),
        (&["pair", "verify", &format!("registry:{host}/none:1"), "registry:X"], 2, &["lower case"]),
        (&["pair", "verify", &format!("registry:{host}/none:1"), "oci:none"], 1, &["has no image"]),
    ] {
        stage.run(arguments).expect_clear_failure(code, words);
    }
}
