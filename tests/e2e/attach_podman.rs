//! Podman, with its Docker-compatible API.

use scratchdbg_testkit::podman::Podman;

use crate::stage::Stage;

/// Ends at once: Podman forgets the exit code of a removed container, perhaps before it has
/// responded.
const LOOK: &str = "id -u; pwd; ls; exit 42";

#[test]
fn fault_15_podman() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let hardened = [
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--user",
        "65532:65532",
    ];
    let running = engine.run("running", &[], &stage.image, &[]);
    let hardened = engine.run("hardened", &hardened, &stage.image, &[]);
    let exited = engine.run("exited", &[], &stage.image, &["exit", "1"]);
    assert_eq!(exited.wait(), 1);
    let sessions = [
        (&running, "auto", "exec", "0"),
        (&running, "sidecar", "sidecar", "0"),
        (&hardened, "auto", "exec", "65532"),
        (&hardened, "sidecar", "sidecar", "65532"),
        (&exited, "auto", "copy", "0"),
    ];
    for (target, asked, mode, user) in sessions {
        let before = target.diff();
        let explained = ["attach", "--mode", asked, "--explain", "--format", "json", target.name()];
        let explained: serde_json::Value =
            serde_json::from_slice(&stage.run(&explained).stdout).expect("JSON");
        assert_eq!(explained["mode"], mode, "{explained}");
        let finished =
            stage.run(&["attach", "--mode", asked, target.name(), "--", "sh", "-c", LOOK]);
        finished.expect_code(42);
        let said = finished.text();
        let folder = if mode == "sidecar" { "/proc/1/root" } else { "/" };
        assert!(said.starts_with(&format!("{user}\n{folder}\napp\n")), "{finished}");
        assert_eq!(target.diff(), before, "{mode}: its files are as they were");
    }
    let paused = engine.run("paused", &[], &stage.image, &[]);
    engine.ask(["pause", paused.id()]);
    let finished = stage.run(&["attach", paused.name(), "--", "true"]);
    finished.expect(125, "");
    for words in ["Podman", "unpause", "--mode copy"] {
        assert!(finished.stderr.contains(words), "{words:?} is missing in {finished}");
    }
    stage.run(&["attach", "--mode", "copy", paused.name(), "--", "sh", "-c", LOOK]).expect_code(42);
    engine.ask(["unpause", paused.id()]);
    let left = engine.ask(["ps", "--all", "--quiet", "--filter", "label=io.scratchdbg.session"]);
    assert_eq!(left, "", "nothing is left behind");
}

/// Podman looks the target's own user up by its name, in the files of the container.
#[test]
fn a_target_that_changes_its_user_file_on_podman_gives_a_session_no_other_ids() {
    const PASSWD: &str = "root:x:0:0::/:/x\napp:x:1000:1000::/:/x\n";
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let writable = [
        ("etc/passwd", 0o666, PASSWD.as_bytes()),
        ("etc/group", 0o666, &b"root:x:0:\napp:x:1000:\n"[..]),
    ];
    let image = engine.import_app_with(&writable, &["USER app"]);
    let plain = engine.run("plain", &[], &image, &[]);
    stage.run(&["attach", plain.name(), "--", "id", "-u"]).expect(0, "1000\n");
    // A name that nobody changed is looked up.
    stage.run(&["attach", "-u", "app", plain.name(), "--", "id", "-u"]).expect(0, "1000\n");
    let forge = "echo 'app:x:0:0::/:' >/etc/passwd";
    stage.run(&["attach", plain.name(), "--", "sh", "-c", forge]).expect_code(0);
    let refused = stage.run(&["attach", plain.name(), "--", "id", "-u"]);
    refused.expect_clear_failure(125, &["/etc/passwd", "changed in the container"]);
    // Podman gives the capability to every user.
    let tracer = engine.run("tracer", &["--cap-add", "SYS_PTRACE"], &image, &[]);
    let refused = stage.run(&["attach", tracer.name(), "--", "id", "-u"]);
    refused.expect_clear_failure(125, &["SYS_PTRACE", "--mode sidecar"]);
}

/// Podman calls the host's shared memory `shareable` in the container that has it.
#[test]
fn a_copy_on_podman_has_no_shared_memory_of_the_host() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let hosts = engine.run("hosts", &["--ipc", "host"], &stage.image, &[]);
    let shared = format!("container:{}", hosts.name());
    let target = engine.run("beside", &["--ipc", &shared], &stage.image, &["exit", "1"]);
    assert_eq!(target.wait(), 1);
    let finished = stage.run(&["attach", target.name(), "--", "readlink", "/proc/self/ns/ipc"]);
    finished.expect_code(0);
    let of_host = std::fs::read_link("/proc/self/ns/ipc").expect("a namespace");
    assert_ne!(finished.text().trim(), of_host.to_string_lossy(), "{finished}");
    assert!(finished.stderr.contains("goes without ipc container:"), "{finished}");
}

/// Podman removes the anonymous volumes of a container with it, also those that another one has.
#[test]
fn a_copy_on_podman_leaves_the_volumes_of_its_original() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let flags = ["--volume", "/data", "--volume", "kept:/kept"];
    let target = engine.run("with-data", &flags, &stage.image, &["exit", "1"]);
    assert_eq!(target.wait(), 1);
    let volumes = || engine.ask(["volume", "ls", "--quiet"]);
    let before = volumes();
    assert_eq!(before.lines().count(), 2, "{before}");
    for _ in 0..2 {
        let write = "cat /data/x /kept/x; echo it-is >/data/x; echo kept >/kept/x";
        stage.run(&["attach", target.name(), "--", "sh", "-c", write]).expect_code(0);
        assert_eq!(volumes(), before);
    }
    let read = ["attach", target.name(), "--", "cat", "/data/x", "/kept/x"];
    stage.run(&read).expect(0, "it-is\nkept\n");
    // Whoever removes the original meanwhile, without its volumes, keeps them.
    let session = ["attach", target.name(), "--", "sh", "-c", "echo up; cat; cat /data/x"];
    let mut session = stage.scratchdbg.start(session);
    session.wait_for_stdout("the session", |output| output.starts_with(b"up"));
    engine.ask(["rm", target.name()]);
    session.write_and_close_input("");
    session.finish().expect(0, "up\nit-is\n");
    assert_eq!(volumes(), before, "they are kept");
    // A volume of a copy's own goes with it.
    let image = engine.import_app_with(&[], &["VOLUME /own"]);
    let finished = stage.run(&["attach", "--image", &image, "--", "sh", "-c", "echo a >/own/a"]);
    finished.expect_code(0);
    assert_eq!(volumes(), before, "{finished}");
}

/// Podman fills an empty volume with the image's files, where it is not told otherwise.
#[test]
fn a_copy_on_podman_leaves_an_empty_volume_empty() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let image = engine.import_app_with(&[("data/file", 0o644, b"of the image")], &[]);
    let flags = ["--volume", "own:/data:nocopy"];
    let target = engine.run("with-data", &flags, &image, &[]);
    let list = ["attach", "--mode", "copy", target.name(), "--", "ls", "-A", "/data"];
    for _ in 0..2 {
        stage.run(&list).expect(0, "");
    }
    let inside = ["attach", target.name(), "--", "ls", "-A", "/data"];
    stage.run(&inside).expect(0, "");
}

#[test]
fn a_member_of_a_pod_on_podman_has_no_copy_and_leaves_nothing() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let podman = |arguments: &[&str]| {
        let mut command = std::process::Command::new("podman");
        let done = command.args(["--url", engine.host()]).args(arguments).output().expect("podman");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let (pod, member) = (engine.name("pod"), engine.name("member"));
    let infra = ["--infra-image", &stage.image, "--infra-command", "/app"];
    podman(&[&["pod", "create", "--name", &pod, "--network", "none"], &infra[..]].concat());
    podman(&["create", "--pod", &pod, "--name", &member, &stage.image]);
    let volumes = || engine.ask(["volume", "ls", "--quiet"]);
    let before = volumes();
    let refused = stage.run(&["attach", &member, "--", "true"]);
    refused.expect_clear_failure(125, &["member of a Podman pod", "--image"]);
    assert_eq!(volumes(), before);
    podman(&["pod", "rm", "--force", &pod]);
}

/// Podman's default is the host's.
#[test]
fn a_copy_on_podman_does_not_get_the_hosts_user_namespace() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let mut other = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "sleep", "1000"])
        .spawn()
        .expect("unshare runs");
    let of_own = format!("ns:/proc/{}/ns/user", other.id());
    // docker's command takes no such namespace.
    let name = engine.name("confined");
    let create = ["--url", engine.host(), "create", "--network", "none", "--name", &name];
    let created = std::process::Command::new("podman")
        .args(create)
        .args(["--userns", &of_own, &stage.image])
        .output()
        .expect("podman runs");
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let refused = stage.run(&["attach", &name, "--", "id"]);
    refused.expect_clear_failure(125, &["user namespace", &of_own, "it would have the host's"]);
    other.kill().expect("it runs");
    other.wait().expect("a child");
}

/// Podman's commit takes labels in one place alone.
#[test]
fn the_image_of_a_killed_copy_on_podman_is_found() {
    let podman = Podman::start();
    let stage = Stage::on(podman.engine());
    let engine = &stage.engine;
    let target = engine.run("changed", &[], &stage.image, &["exit", "1"]);
    assert_eq!(target.wait(), 1);
    engine.ask(["cp", "/etc/hostname", &format!("{}:/written", target.name())]);
    let session =
        stage.scratchdbg.start(["attach", target.name(), "--", "sh", "-c", "echo up; sleep 1000"]);
    session.wait_for_stdout("the session", |output| output.starts_with(b"up"));
    let copies = || engine.ask(["images", "--quiet", "scratchdbg/copy"]);
    assert_ne!(copies(), "");
    session.signal(rustix::process::Signal::KILL);
    session.finish();
    scratchdbg_testkit::eventually(
        || format!("no image of a copy: {}", copies()),
        || {
            stage.run(&["sessions", "gc"]);
            copies().is_empty().then_some(())
        },
    );
}
