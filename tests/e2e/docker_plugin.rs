//! `docker scratchdbg`: the plugin, run by the real docker client.

use std::fs;
use std::io::Read as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;

use scratchdbg_testkit::program::Program;
use serde_json::Value;

use crate::stage::Stage;

/// The link that makes the plugin of the test's user.
fn link(stage: &Stage) -> PathBuf {
    stage.scratchdbg.home().join(".docker/cli-plugins/docker-scratchdbg")
}

/// The docker client, as the user of the test.
fn docker(stage: &Stage) -> Program {
    let home = stage.scratchdbg.home().to_owned();
    let docker = Program::new("docker").with_variable("HOME", home);
    stage.engine.variables().fold(docker, |docker, (name, value)| docker.with_variable(name, value))
}

#[test]
fn docker_runs_the_plugin() {
    let stage = Stage::set();
    let docker = docker(&stage);
    let installed = stage.run(&["plugin", "install"]);
    installed.expect(0, &format!("installed: {}\n", link(&stage).display()));
    assert_eq!(
        fs::canonicalize(link(&stage)).expect("a link"),
        fs::canonicalize(env!("CARGO_BIN_EXE_scratchdbg")).unwrap()
    );

    let version = stage.run(&["version"]).expect_code(0).text();
    docker.run(["scratchdbg", "version"]).expect(0, &version);
    let listed = docker.run(["--help"]).expect_code(0).text();
    let line =
        listed.lines().find(|line| line.contains("scratchdbg*")).expect("docker lists the plugin");
    assert!(line.contains("Debug"), "{line}");
    for arguments in [&["scratchdbg", "logs", "--help"][..], &["help", "scratchdbg", "logs"]] {
        let help = docker.run(arguments).expect_code(0).text();
        assert!(help.contains("Usage: docker scratchdbg logs"), "{help}");
    }

    let target = stage.target(&["--user", "65532:65532"]);
    docker
        .run(["scratchdbg", "exec", "-i", target.name(), "sh", "-c", "echo in; exit 42"])
        .expect(42, "in\n");
    // Docker's own flags come first.
    let format = ["--format", "{{.Names}}", "--filter"];
    let filter = format!("name={}", target.name());
    let host = stage.engine.host();
    for flags in
        [&["--debug"][..], &["-H", host], &["--host", host, "-l", "error"], &["-c", "default"]]
    {
        let arguments = [flags, &["scratchdbg", "ps"], &format, &[&filter]].concat();
        docker.run(arguments).expect(0, &format!("{}\n", target.name()));
    }
    let nowhere = docker.run(["-H", "unix:///none/engine.sock", "scratchdbg", "ps"]);
    assert!(nowhere.expect_code(1).stderr.contains("/none/engine.sock"), "{nowhere}");
    let no_context = docker.run(["--context", "none", "scratchdbg", "ps"]);
    assert!(!no_context.status.success() && no_context.stderr.contains("none"), "{no_context}");
    let certificates = docker.run([
        "-H",
        "tcp://127.0.0.1:1",
        "--tlsverify",
        "--tlscacert",
        "/none/ca",
        "scratchdbg",
        "ps",
    ]);
    assert!(
        !certificates.status.success() && certificates.stderr.contains("/none/ca"),
        "{certificates}"
    );
    docker.run(["scratchdbg", "ps", "--nope"]).expect_code(2);
    docker.run(["scratchdbg", "exec", "--nope", "x"]).expect_code(125);
    target.assert_untouched();

    stage
        .run(&["plugin", "install"])
        .expect(0, &format!("unchanged: {}\n", link(&stage).display()));
    stage
        .run(&["plugin", "uninstall"])
        .expect(0, &format!("removed: {}\n", link(&stage).display()));
    stage
        .run(&["plugin", "uninstall"])
        .expect(0, &format!("unchanged: {}\n", link(&stage).display()));
    assert!(!docker.run(["scratchdbg", "version"]).status.success());
}

/// What docker asks a plugin for, besides running it.
#[test]
fn docker_gets_metadata_and_completions() {
    let stage = Stage::set();
    let path = stage.scratchdbg.home().join("docker-scratchdbg");
    symlink(env!("CARGO_BIN_EXE_scratchdbg"), &path).expect("a new link");
    let plugin = Program::new(path);
    let metadata = plugin.run(["docker-cli-plugin-metadata"]);
    let metadata: Value = serde_json::from_slice(&metadata.expect_code(0).stdout).expect("JSON");
    assert_eq!(metadata["SchemaVersion"], "0.1.0");
    let version = stage.run(&["version"]).text();
    assert_eq!(metadata["Version"], version.trim_end().replace("scratchdbg ", "v"));
    let completed = |words: &[&str]| {
        plugin.run([&["__complete", "scratchdbg"], words].concat()).expect_code(0).text()
    };
    assert!(completed(&["lo"]).starts_with("logs\t"), "{}", completed(&["lo"]));
    assert!(completed(&["lo"]).ends_with("\n:4\n"));
    assert!(completed(&["attach", "--mode", ""]).contains("sidecar\t"));
    assert!(completed(&["attach", "--us"]).starts_with("--user\t"));
    // With docker's own flags first.
    let target = stage.target(&[]);
    let host = stage.engine.host().to_owned();
    let words = ["-H", &*host, "__complete", "scratchdbg", "attach", target.name()];
    let named = plugin.run(words).expect_code(0).text();
    assert!(named.starts_with(&format!("{}\t", target.name())), "{named}");
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let stage = Stage::set();
    let link = link(&stage);
    fs::create_dir_all(link.parent().expect("a folder")).expect("new folders");
    fs::write(&link, "#!/bin/sh\n").expect("a new file");
    for command in ["install", "uninstall"] {
        let refused = stage.run(&["plugin", command]);
        refused.expect(1, "");
        assert!(refused.stderr.contains("is not a link to scratchdbg"), "{refused}");
    }
    assert_eq!(fs::read(&link).expect("the file"), b"#!/bin/sh\n");
    fs::remove_file(&link).expect("the file");
    // A link to a scratchdbg that is elsewhere, or gone, is replaced.
    symlink("/none/scratchdbg", &link).expect("a new link");
    stage.run(&["plugin", "install"]).expect(0, &format!("replaced: {}\n", link.display()));
    // Another directory.
    let folder = stage.scratchdbg.home().join("bin");
    let text = stage.run(&["plugin", "install", "--kubectl", "--dir", "bin"]).expect_code(0).text();
    assert_eq!(text.lines().count(), 2, "{text}");
    for name in ["kubectl-scratchdbg", "kubectl_complete-scratchdbg"] {
        let mode =
            fs::metadata(folder.join(name)).expect("a link to the program").permissions().mode();
        assert!(mode & 0o111 != 0, "{name}");
    }
    stage.run(&["plugin", "uninstall", "--kubectl", "--dir", "bin"]).expect_code(0);
    assert_eq!(fs::read_dir(folder).expect("the folder").count(), 0);
}

/// Docker tells its plugins to end by closing a socket.
#[test]
fn the_plugin_ends_with_docker() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532"]);
    let name = stage.engine.name("docker-cli");
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("a new socket");
    let path = stage.scratchdbg.home().join("docker-scratchdbg");
    symlink(env!("CARGO_BIN_EXE_scratchdbg"), &path).expect("a new link");
    let plugin = Program::new(path).with_variable("DOCKER_CLI_PLUGIN_SOCKET", format!("@{name}"));
    let plugin = stage
        .engine
        .variables()
        .fold(plugin, |plugin, (name, value)| plugin.with_variable(name, value));
    let script = "echo begun; sleep 1000";
    let running = plugin.start(["scratchdbg", "exec", target.name(), "sh", "-c", script]);
    let (mut docker, _) = listener.accept().expect("the plugin connects");
    running.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    docker.set_nonblocking(true).expect("a socket");
    assert!(docker.read(&mut [0; 8]).is_err(), "nothing is said to docker");
    drop(docker);
    running.finish().expect_code(143);
    target.assert_untouched();
}
