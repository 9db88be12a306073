//! `build`: every option has its effect on the images, and invalid options are refused before
//! anything is created.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use scratchdbg_testkit::sample;
use serde_json::{Value, json};

use crate::pair::{inspect, saved_entries};
use crate::stage::Stage;

const AARCH64: u16 = 183;

/// Writes the sample program as `app` into the working directory, and returns a name for an image
/// of it.
fn prepare(stage: &Stage) -> String {
    sample::write_app(stage.scratchdbg.home());
    format!("{}:1", stage.engine.name("options"))
}

fn json_of(stage: &Stage, arguments: &[&str]) -> Value {
    let arguments = [&["build", "--format", "json"], arguments].concat();
    serde_json::from_slice(&stage.run(&arguments).expect_code(0).stdout).expect("one JSON document")
}

#[test]
fn settings_are_in_both_images() {
    let stage = Stage::set();
    let tag = prepare(&stage);
    let second = format!("{}:2", stage.engine.name("options"));
    let settings = [
        "--entrypoint",
        r#"["/app","talk"]"#,
        "--cmd",
        "one",
        "-e",
        "A=1",
        "-e",
        "A=2",
        "-e",
        "B=x=y",
    ];
    let more = [
        "-l",
        "team=shop",
        "-u",
        "1000:1001",
        "-w",
        "/srv",
        "--expose",
        "80",
        "--expose",
        "53/udp",
    ];
    let rest =
        ["--stop-signal", "SIGINT", "--healthcheck", r#"["/app","exit","0"]"#, "--with", "none"];
    let names = ["build", "app", "-t", &tag, "-t", &second];
    stage.run(&[&names[..], &settings, &more, &rest].concat()).expect_code(0);
    for (role, image) in
        [("prod", tag.clone()), ("prod", second), ("debug", format!("{tag}-debug"))]
    {
        let config = inspect(&stage.engine, &image)["Config"].clone();
        assert_eq!(config["Entrypoint"], json!(["/app", "talk"]));
        assert_eq!(config["Cmd"], json!(["one"]));
        let env: Vec<_> =
            config["Env"].as_array().expect("variables").iter().filter_map(Value::as_str).collect();
        assert!(env.contains(&"A=2") && env.contains(&"B=x=y") && !env.contains(&"A=1"), "{env:?}");
        assert_eq!(config["Labels"]["team"], "shop");
        assert_eq!(config["Labels"]["io.scratchdbg.role"], role);
        assert_eq!((&config["User"], &config["WorkingDir"]), (&json!("1000:1001"), &json!("/srv")));
        assert_eq!(config["ExposedPorts"], json!({"80/tcp": {}, "53/udp": {}}));
        assert_eq!(config["StopSignal"], "SIGINT");
        assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", "/app", "exit", "0"]));
    }
    let container = stage.engine.run("web", &[], &tag, &[]);
    scratchdbg_testkit::eventually(
        || "the program runs as configured".to_owned(),
        || (container.logs() == "out 1\nout 2").then_some(()),
    );
}

#[test]
fn added_files_keep_what_was_asked_for() {
    let stage = Stage::set();
    let tag = prepare(&stage);
    let home = stage.scratchdbg.home();
    fs::write(home.join("a.conf"), "x").expect("a file");
    fs::create_dir_all(home.join("site/css")).expect("a folder");
    fs::write(home.join("site/css/main"), "x").expect("a file");
    fs::set_permissions(home.join("site/css/main"), fs::Permissions::from_mode(0o700))
        .expect("a mode");
    std::os::unix::fs::symlink("css/main", home.join("site/link")).expect("a link");
    let additions = [
        "--add",
        "a.conf:/etc/shop/",
        "--add",
        "site:/www",
        "--add",
        "a.conf:/etc/secret:0400:0:0",
    ];
    stage
        .run(
            &[&["build", "app", "-t", &tag, "--no-debug", "--with", "tmp"], &additions[..]]
                .concat(),
        )
        .expect_code(0);
    let mut entries = saved_entries(&stage.engine, &tag).remove(0);
    entries.sort();
    let expected = [
        ("", 0o755),
        ("app", 0o755),
        ("etc", 0o755),
        ("etc/secret", 0o400),
        ("etc/shop", 0o755),
        ("etc/shop/a.conf", 0o644),
        ("tmp", 0o1777),
        ("www", 0o755),
        ("www/css", 0o755),
        ("www/css/main", 0o755),
        ("www/link", 0o777),
    ];
    assert_eq!(entries, expected.map(|(path, mode)| (path.to_owned(), mode)));
    assert_eq!(stage.engine.ask(["images", "--quiet", &format!("{tag}-debug")]), "");
}

#[test]
fn what_the_program_mentions_is_added_with_the_reason() {
    let stage = Stage::set();
    let tag = prepare(&stage);
    let mut app = fs::read(stage.scratchdbg.home().join("app")).expect("the sample");
    app.extend_from_slice(b"\0/etc/passwd\0");
    fs::write(stage.scratchdbg.home().join("app"), app).expect("a file");
    let facts = json_of(&stage, &["app", "-t", &tag, "--no-debug"]);
    let decision = facts["provision"]
        .as_array()
        .expect("a plan")
        .iter()
        .find(|decision| decision["need"] == "passwd");
    let decision = decision.expect("a decision on passwd");
    assert_eq!(decision["added"], true);
    assert!(
        decision["reason"].as_str().is_some_and(|reason| reason.contains("/etc/passwd")),
        "{decision}"
    );
    let finished = stage.run(&["build", "app", "-t", &tag, "--no-debug"]);
    assert!(finished.text().contains("the program mentions /etc/passwd"), "{finished}");
    assert!(saved_entries(&stage.engine, &tag)[0].contains(&("etc/passwd".to_owned(), 0o644)));
    // Do not load it again: an image whose name moves to another one stays without a name.
    let facts =
        json_of(&stage, &["app", "-t", &tag, "--no-debug", "--with", "none", "-o", "oci:layout"]);
    assert_eq!(facts["provision"], json!([]));
}

#[test]
fn several_architectures_are_one_image_with_a_name() {
    let stage = Stage::set();
    let tag = prepare(&stage);
    let home = stage.scratchdbg.home();
    fs::create_dir(home.join("arm")).expect("a folder");
    sample::write_foreign_app(&home.join("arm"), "app", AARCH64);
    sample::write_foreign_busybox(home, "busybox-arm", AARCH64);
    let toolkits = ["--toolkit", "/bin/busybox", "--toolkit", "busybox-arm"];
    // The foreign one first: the engine must still get the one that it can run.
    let build = ["arm/app", "app", "-t", &tag, "-o", "oci:layout", "-o", "engine"];
    let facts = json_of(&stage, &[&build[..], &toolkits].concat());
    for role in ["prod", "debug"] {
        let platforms = facts[role]["platforms"].as_array().expect("images");
        let names: Vec<_> =
            platforms.iter().map(|image| image["platform"].as_str().expect("a platform")).collect();
        assert_eq!(names, ["linux/arm64", "linux/amd64"]);
        assert_eq!(facts[role]["platform"], "linux/arm64");
        // An engine with one image per name keeps the others without a name.
        let foreign = platforms[0]["image_id"].as_str().expect("an id");
        stage.engine.docker(["rmi", "--force", foreign]);
    }
    assert_eq!(inspect(&stage.engine, &tag)["Architecture"], "amd64");
    let index: Value =
        serde_json::from_slice(&fs::read(home.join("layout/index.json")).expect("it"))
            .expect("JSON");
    assert_eq!(index["manifests"][0]["mediaType"], "application/vnd.oci.image.index.v1+json");
    stage.run(&["pair", "verify", "oci:layout:1", "oci:layout:1-debug"]).expect_code(0);
    stage
        .run(&["build", "arm/app", "-t", &tag, "--toolkit", "/bin/busybox"])
        .expect_clear_failure(1, &["linux/arm64", "--toolkit"]);
}

#[test]
fn lies_about_the_platform_are_refused() {
    let stage = Stage::set();
    let tag = prepare(&stage);
    let refused = |options: &[&str], code, words: &[&str]| {
        let arguments = [&["build", "app", "-t", &tag, "-o", "oci:layout"], options].concat();
        stage.run(&arguments).expect_clear_failure(code, words);
        assert!(!stage.scratchdbg.home().join("layout").exists(), "nothing was made: {options:?}");
    };
    refused(&["--platform", "linux/arm64"], 1, &["linux/amd64", "linux/arm64"]);
    refused(&["--platform", "amd64"], 2, &["amd64"]);
    refused(&["app"], 1, &["linux/amd64"]);
    stage
        .run(&["build", "app", "-t", &tag, "--platform", "linux/amd64", "-o", "oci:layout"])
        .expect_code(0);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let stage = Stage::set();
    let tag = prepare(&stage);
    let cases: &[(&[&str], &[&str])] = &[
        (&["--entrypoint", "/app serve"], &["/app serve", "JSON"]),
        (&["--entrypoint", "[\"/app\""], &["JSON"]),
        (&["--healthcheck", r#"["CMD-SHELL","curl -f localhost"]"#], &["/bin/sh"]),
        (&["-e", "HOME"], &["HOME", "NAME=VALUE"]),
        (&["-l", "io.scratchdbg.role=prod"], &["io.scratchdbg.role"]),
        (&["-u", "nobody", "--with", "none"], &["nobody", "numbers"]),
        (&["-w", "srv"], &["srv", "absolute"]),
        (&["--expose", "http"], &["http"]),
        (&["--stop-signal", "sigterm"], &["sigterm"]),
        (&["--with", "certificates"], &["certificates"]),
        (&["--compress", "xz"], &["xz"]),
        (&["--add", "app"], &["SRC:DST"]),
        (&["-o", "docker"], &["docker"]),
        (&["-o", "engine", "-o", "engine"], &["twice"]),
        (&["-o", "archive:-", "--format", "json"], &["standard output"]),
        (&["-t", "a/b:x y"], &["a/b:x y"]),
    ];
    for (options, words) in cases {
        stage
            .run(&[&["build", "app", "-t", &tag], *options].concat())
            .expect_clear_failure(2, words);
    }
    assert_eq!(stage.engine.ask(["images", "--quiet", tag.trim_end_matches(":1")]), "");
}

/// Builds the same Dockerfile with `docker build` without BuildKit.
fn docker_build(stage: &Stage, folder: &Path, tag: &str) {
    let mut command = std::process::Command::new("docker");
    command
        .args(["build", "--quiet", "--no-cache", "--tag", tag])
        .arg(folder)
        .env("DOCKER_BUILDKIT", "0");
    command.envs(stage.engine.variables());
    scratchdbg_testkit::program::Running::start(command).finish().expect_code(0);
}

const DOCKERFILE: &str = r#"ARG NAME=app
FROM scratch AS base
ENV A=1 B="two words"
LABEL team=shop
FROM base
ARG NAME
COPY ${NAME} /bin/app
COPY --chown=1000:1000 etc/ /etc/shop/
WORKDIR /srv
WORKDIR data
EXPOSE 80 53/udp
VOLUME ["/data"]
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=2 CMD ["/bin/app", "exit", "0"]
USER 1000:1000
ENTRYPOINT ["/bin/app"]
CMD ["talk", "$A"]
"#;

fn dockerfile_context(stage: &Stage) -> PathBuf {
    let folder = stage.scratchdbg.home().join("context");
    fs::create_dir_all(folder.join("etc")).expect("a folder");
    fs::write(folder.join("Dockerfile"), DOCKERFILE).expect("a file");
    fs::write(folder.join("etc/conf"), "x").expect("a file");
    fs::write(folder.join("etc/ignored.tmp"), "x").expect("a file");
    fs::write(folder.join(".dockerignore"), "**/*.tmp\n").expect("a file");
    sample::write_app(&folder);
    folder
}

#[test]
fn a_dockerfile_means_what_docker_build_makes_of_it() {
    let stage = Stage::set();
    let folder = dockerfile_context(&stage);
    let ours = format!("{}:1", stage.engine.name("ours"));
    let theirs = format!("{}:1", stage.engine.name("theirs"));
    stage.run(&["build", "-f", "context/Dockerfile", "-t", &ours]).expect_code(0);
    docker_build(&stage, &folder, &theirs);
    let settings = |image: &str| {
        let image = inspect(&stage.engine, image);
        let mut config = image["Config"].as_object().expect("an object").clone();
        // The base image, and the names of containers that docker build ran.
        for key in ["Image", "Hostname"] {
            config.remove(key);
        }
        if let Some(labels) = config.get_mut("Labels").and_then(Value::as_object_mut) {
            labels.retain(|key, _| !key.starts_with("io.scratchdbg."));
        }
        (config, image["Architecture"].clone(), image["Os"].clone())
    };
    assert_eq!(settings(&ours), settings(&theirs));

    let paths = |image: &str| {
        let files = saved_paths(&stage, image);
        files.into_iter().filter(|path| !path.is_empty()).collect::<std::collections::BTreeSet<_>>()
    };
    let mut ours = paths(&ours);
    ours.insert(".".into());
    let mut theirs = paths(&theirs);
    theirs.insert(".".into());
    assert_eq!(ours, theirs);
}

/// Returns the paths of all layers.
fn saved_paths(stage: &Stage, image: &str) -> Vec<String> {
    let name = stage.engine.name("export");
    stage.engine.ask(["create", "--name", &name, image]);
    let exported = stage.engine.docker(["export", &name]);
    assert!(exported.status.success());
    let mut archive = tar::Archive::new(exported.stdout.as_slice());
    let paths = archive.entries().expect("an archive").map(|entry| {
        let entry = entry.expect("an entry");
        entry.path().expect("a path").to_string_lossy().trim_end_matches('/').to_owned()
    });
    let paths = paths.collect();
    stage.engine.ask(["rm", "--volumes", &name]);
    paths
}

#[test]
fn a_dockerfile_that_needs_a_shell_is_refused_with_its_line() {
    let stage = Stage::set();
    let folder = dockerfile_context(&stage);
    let tag = format!("{}:1", stage.engine.name("refused"));
    for (line, words) in [
        ("RUN echo hi", &["line 18", "RUN", "build"][..]),
        ("COPY --from=golang:1.23 /x /x", &["line 18", "golang:1.23"]),
        ("COPY no-such-file /x", &["line 18", "no-such-file"]),
        ("HEALTHCHECK CMD curl localhost", &["line 18"]),
    ] {
        fs::write(folder.join("Dockerfile"), format!("{DOCKERFILE}{line}\n")).expect("a file");
        stage
            .run(&["build", "-f", "context/Dockerfile", "-t", &tag])
            .expect_clear_failure(1, words);
    }
    fs::write(folder.join("Dockerfile"), "FROM debian\nCOPY app /app\n").expect("a file");
    stage
        .run(&["build", "-f", "context/Dockerfile", "-t", &tag])
        .expect_clear_failure(1, &["line 1", "debian"]);
    stage
        .run(&["build", "-f", "no-such-file", "-t", &tag])
        .expect_clear_failure(1, &["no-such-file"]);
}

#[test]
fn what_cannot_run_is_not_written_unless_it_is_asked_for() {
    let stage = Stage::set();
    let tag = prepare(&stage);
    let build =
        ["build", "app", "-t", &tag, "-o", "oci:layout", "--entrypoint", "/no-such-program"];
    let refused = stage.run(&build);
    refused.expect_clear_failure(1, &["entrypoint-missing", "/no-such-program", "--deny none"]);
    assert!(!stage.scratchdbg.home().join("layout").exists());
    let allowed = stage.run(&[&build[..], &["--deny", "none", "--format", "json"]].concat());
    let facts: Value =
        serde_json::from_slice(&allowed.expect_code(0).stdout).expect("one JSON document");
    assert_eq!(facts["findings"][0]["code"], "entrypoint-missing");
    assert!(allowed.stderr.contains("entrypoint-missing"), "{allowed}");
    let warned = ["build", "app", "-t", &tag, "-o", "oci:layout", "-u", "0", "--deny", "warning"];
    stage.run(&warned).expect_clear_failure(1, &["runs-as-root"]);
}
