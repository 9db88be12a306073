//! Objects that scratchdbg created, and look-alikes: only the former are removed, listed or
//! trusted.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc;

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Running;
use serde_json::Value;

use crate::proxy::Proxy;
use crate::stage::{Stage, Target};

/// Returns the labels of a keeper that lingers beside the target, as `KEY=VALUE`: somebody could
/// copy them.
fn labels_of_ours(stage: &Stage, target: &Target<'_>) -> Vec<String> {
    stage.run(&["attach", "--linger", "10m", target.name(), "--", "true"]).expect_code(0);
    let [keeper] = &target.container.companions()[..] else { panic!("one lingers") };
    let labels = stage.engine.ask_json(["inspect", "--format", "{{json .Config.Labels}}", keeper]);
    let ours = labels.as_object().expect("labels").iter();
    let ours = ours
        .filter(|(key, _)| !["io.scratchdbg.role", "io.scratchdbg.layout"].contains(&key.as_str()));
    let labels: Vec<String> =
        ours.map(|(key, value)| format!("{key}={}", value.as_str().expect("text"))).collect();
    assert!(labels.len() >= 7, "{labels:?}");
    labels
}

/// Creates an image with these labels, and a volume.
fn labeled_image(stage: &Stage, labels: &[String]) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|label| label.split_once('=').expect("a value"))
        .map(|(k, v)| format!("{k}=\"{v}\""))
        .collect();
    stage.engine.import_app(&[&format!("LABEL {}", labels.join(" ")), "VOLUME /data"])
}

/// An image with a name that lacks the test's prefix.
struct Tagged<'a>(&'a Stage, String);

impl Drop for Tagged<'_> {
    fn drop(&mut self) {
        self.0.engine.docker(["rmi", "--force", &self.1]);
    }
}

#[test]
fn what_only_looks_like_a_session_is_never_removed_or_listed() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let labels = labels_of_ours(&stage, &target);
    let flags: Vec<String> = labels.iter().map(|label| format!("--label={label}")).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let hostile = labeled_image(&stage, &labels);
    let session = labels
        .iter()
        .find_map(|label| label.strip_prefix("io.scratchdbg.session="))
        .expect("a session");

    let foreign = [
        // With the labels from its image or its own; never started, running, and ended.
        stage.engine.create("created", &[], &hostile, &[]),
        stage.engine.run("running", &[], &hostile, &[]),
        stage.engine.run("ended", &[], &hostile, &["exit", "1"]),
        stage.engine.create("labeled", &flags, &stage.image, &[]),
        stage.engine.run(
            "thrown-away",
            &["--rm", "--interactive", "--log-driver", "none"],
            &hostile,
            &[],
        ),
    ];
    foreign[2].wait();
    // With our name too, and everything that a keeper has except its program: removed with the
    // target, by its labels.
    let mut named = Vec::new();
    for (name, image) in
        [("", &hostile), ("-shell", &stage.image), ("-pid77", &hostile), ("-files", &hostile)]
    {
        let name = format!("scratchdbg-{}{name}", session.chars().rev().collect::<String>());
        let pid = format!("container:{}", target.container.id());
        let like_ours =
            ["create", "--rm", "--network", "none", "--pid", &pid, "--read-only", "--interactive"];
        let like_ours = like_ours.into_iter().chain([
            "--log-driver",
            "none",
            "--cap-drop",
            "ALL",
            "--name",
            &name,
        ]);
        let own = format!("--label=io.scratchdbg.session={}", &name["scratchdbg-".len()..][..16]);
        let flags = flags
            .iter()
            .copied()
            .filter(|flag| !flag.contains("scratchdbg.session"))
            .chain([&*own]);
        named.push(stage.engine.ask(like_ours.chain(flags).chain([&**image])));
    }
    let ids = || -> Vec<String> {
        let all = stage.engine.ask(["ps", "--all", "--quiet", "--no-trunc"]);
        let mine = |id: &&str| {
            foreign.iter().any(|each| each.id() == *id) || named.iter().any(|each| each == id)
        };
        all.lines().filter(mine).map(str::to_owned).collect()
    };
    let before = ids();
    assert_eq!(before.len(), foreign.len() + named.len());
    let mounts = foreign[0].inspect()["Mounts"].clone();

    let listed = stage.run(&["sessions", "ls", "--format", "json"]);
    for id in &before {
        assert!(!listed.expect_code(0).text().contains(id.as_str()), "{listed}");
    }
    stage.run(&["sessions", "gc"]).expect_code(0);
    for mode in ["exec", "sidecar", "copy"] {
        stage.run(&["attach", "--mode", mode, target.name(), "--", "true"]).expect_code(0);
    }
    // Only the session with the copied labels is ended.
    stage.run(&["sessions", "rm", session]).expect_code(0);
    let plan = stage.run(&["attach", "--explain", target.name()]);
    assert!(
        !plan.expect_code(0).text().contains("the keeper that is there"),
        "none is believed: {plan}"
    );
    target.attach(&["sh", "-c", "exit 42"]).expect(42, "");
    assert_eq!(ids(), before);
    assert_eq!(foreign[0].inspect()["Mounts"], mounts);
    for id in &named {
        stage.engine.ask(["rm", "--volumes", id]);
    }
}

#[test]
fn an_image_that_only_looks_like_a_copy_is_never_removed() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let ended = stage.engine.run("ended", &[], &stage.image, &["exit", "1"]);
    ended.wait();
    stage.engine.ask(["cp", "/etc/hostname", &format!("{}:/written", ended.name())]);
    // The labels of a real session in a copy, whose original exists.
    let mut session =
        stage.scratchdbg.start(["attach", ended.name(), "--", "sh", "-c", "echo begun; read line"]);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    let [copy] = &stage.engine.descendants(&stage.image)[..] else {
        panic!("the filesystem of the copy")
    };
    let image = copy.split(' ').next().expect("an id");
    let labels =
        stage.engine.ask_json(["image", "inspect", "--format", "{{json .Config.Labels}}", image]);
    session.write_and_close_input("\n");
    session.finish().expect_code(0);
    let labels = labels.as_object().expect("labels").iter();
    let labels: Vec<String> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().expect("text"))).collect();
    let hostile = labeled_image(&stage, &labels);
    let session = labels
        .iter()
        .find_map(|label| label.strip_prefix("io.scratchdbg.session="))
        .expect("a session");
    let named = Tagged(&stage, format!("scratchdbg/copy:{session}"));
    stage.engine.ask(["tag", &hostile, &named.1]);
    stage.engine.ask(["rmi", &hostile]);

    stage.run(&["sessions", "gc"]).expect_code(0);
    target.attach(&["true"]).expect(0, "");
    stage.run(&["attach", ended.name(), "--", "true"]).expect_code(0);
    let listed = stage.run(&["sessions", "ls"]);
    assert!(!listed.expect_code(0).text().contains(session), "{listed}");
    assert_eq!(stage.engine.images(&named.1).len(), 1);
}

/// Returns the sessions of a container in `sessions ls`.
fn listed(stage: &Stage, id: &str) -> Vec<Value> {
    let finished = stage.run(&["sessions", "ls", "--format", "json"]);
    let all: Vec<Value> =
        serde_json::from_slice(&finished.expect_code(0).stdout).expect("an array");
    all.into_iter().filter(|session| session["target"] == id).collect()
}

#[test]
fn what_a_killed_copy_leaves_is_removed_by_any_next_session() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let ended = stage.engine.run("ended", &[], &stage.image, &["exit", "1"]);
    ended.wait();
    stage.engine.ask(["cp", "/etc/hostname", &format!("{}:/written", ended.name())]);
    let session = stage.scratchdbg.start([
        "attach",
        ended.name(),
        "--",
        "sh",
        "-c",
        "echo begun; sleep 1000",
    ]);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    // Its parts are listed, and nobody removes them while it runs.
    target.attach(&["true"]).expect(0, "");
    stage.run(&["sessions", "gc"]).expect_code(0);
    let sessions = listed(&stage, ended.id());
    let [on] = &sessions[..] else { panic!("one session: {sessions:?}") };
    assert_eq!((&on["state"], &on["running"]), (&"running".into(), &true.into()));
    let roles: Vec<_> =
        on["parts"].as_array().expect("parts").iter().map(|part| part["role"].clone()).collect();
    assert!(
        ["keeper", "shell", "filesystem"].iter().all(|role| roles.contains(&(*role).into())),
        "{on}"
    );

    session.signal(Signal::KILL);
    session.finish();
    eventually(
        || format!("no image of the copy: {:?}", stage.engine.descendants(&stage.image)),
        || {
            // Inside another target, and not in a copy.
            target.attach(&["true"]).expect(0, "");
            stage.engine.descendants(&stage.image).is_empty().then_some(())
        },
    );
    assert_eq!(listed(&stage, ended.id()), [(); 0].map(Value::from));
}

/// A session that is delayed between creating its keeper and starting it, as by a busy engine.
#[test]
fn a_session_that_is_being_set_up_is_left_alone() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    target.attach(&["true"]).expect(0, "");
    let (arrived, arrivals) = mpsc::channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let proxy = Proxy::with_witness(stage.engine.host(), move |bytes| {
        let line =
            String::from_utf8_lossy(bytes.split(|&byte| byte == b'\r').next().unwrap_or_default())
                .into_owned();
        if line.contains("/containers/") && line.contains("/start") {
            let _nobody_waits = arrived.send(());
            let _over = gate.lock().expect("no panic").recv();
        }
    });
    proxy.open();
    let session = stage.scratchdbg.start([
        "-H",
        &proxy.host(),
        "attach",
        target.name(),
        "--",
        "sh",
        "-c",
        "exit 42",
    ]);
    arrivals.recv_timeout(std::time::Duration::from_mins(1)).expect("the keeper is made");
    let keepers = target.container.companions();
    assert_eq!(keepers.len(), 1, "{keepers:?}");
    target.attach(&["true"]).expect(0, "");
    stage.run(&["sessions", "gc"]).expect_code(0);
    assert_eq!(target.container.companions(), keepers);
    assert_eq!(listed(&stage, target.container.id())[0]["state"], "changing");
    drop(go_on);
    session.finish().expect(42, "");
    target.assert_untouched();
}

/// The same with a killed client: objects without a client are removed at once, however new.
#[test]
fn what_a_client_made_that_was_killed_before_its_start_is_removed() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    target.attach(&["true"]).expect(0, "");
    let (arrived, arrivals) = mpsc::channel();
    let proxy = Proxy::with_witness(stage.engine.host(), move |bytes| {
        let line =
            String::from_utf8_lossy(bytes.split(|&byte| byte == b'\r').next().unwrap_or_default())
                .into_owned();
        if line.contains("/containers/") && line.contains("/start") {
            let _nobody_waits = arrived.send(());
            // Never reached.
            std::thread::sleep(std::time::Duration::from_mins(10));
        }
    });
    proxy.open();
    let session: Running =
        stage.scratchdbg.start(["-H", &proxy.host(), "attach", target.name(), "--", "true"]);
    arrivals.recv_timeout(std::time::Duration::from_mins(1)).expect("the keeper is made");
    session.signal(Signal::KILL);
    session.finish();
    eventually(
        || format!("nothing beside the target: {:?}", target.container.companions()),
        || {
            target.attach(&["true"]).expect(0, "");
            target.container.companions().is_empty().then_some(())
        },
    );
}

#[test]
fn an_empty_id_ends_no_session() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let mut session = target.start_attach(&["sh", "-c", "echo begun; read line; exit 7"]);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    for arguments in
        [&["sessions", "rm", ""][..], &["sessions", "rm", "  "], &["sessions", "rm", "", "--", ""]]
    {
        stage.run(arguments).expect_clear_failure(2, &["empty", "sessions ls"]);
    }
    let id = listed(&stage, target.container.id())[0]["id"].as_str().expect("an id").to_owned();
    // If one of the ids is invalid, no session is ended.
    stage
        .run(&["sessions", "rm", &id, "no-such-session"])
        .expect_clear_failure(1, &["no-such-session"]);
    session.write_and_close_input("\n");
    session.finish().expect(7, "begun\n");
    target.assert_untouched();
}

#[test]
fn a_session_is_recorded_when_it_begins_and_in_a_file_of_its_users_own() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let home = stage.scratchdbg.home();
    let file = home.join("audit.jsonl");
    let path = file.to_string_lossy().into_owned();
    let arguments = [
        "attach",
        "--audit",
        &path,
        target.name(),
        "--",
        "sh",
        "-c",
        "echo begun; sleep 1000 # \u{9b}2J",
    ];
    let session = stage.scratchdbg.start(arguments);
    session.wait_for_stdout("the command", |bytes| bytes == b"begun\n");
    session.signal(Signal::KILL);
    session.finish();
    let text = std::fs::read_to_string(&file).expect("the file is there");
    assert!(!text.contains('\u{9b}'), "{text:?}");
    let line: Value = serde_json::from_str(&text).expect("one line of JSON");
    assert_eq!(
        (&line["event"], &line["target"]["id"]),
        (&"start".into(), &target.container.id().into())
    );
    assert_eq!(line["command"][2], "echo begun; sleep 1000 # \u{9b}2J");
    assert_eq!(file.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);

    std::fs::write(home.join("precious"), "kept").expect("it can be written");
    std::os::unix::fs::symlink("precious", home.join("link")).expect("it can be made");
    rustix::fs::mkfifoat(rustix::fs::CWD, home.join("fifo"), rustix::fs::Mode::RUSR)
        .expect("it can be made");
    for name in ["link", "fifo", "/dev/full", "."] {
        let finished =
            stage.run(&["attach", "--audit", name, target.name(), "--", "echo", "begun"]);
        finished.expect(125, "");
        assert!(
            finished.stderr.contains("cannot write") && finished.stderr.contains("--audit"),
            "{finished}"
        );
    }
    assert_eq!(std::fs::read_to_string(home.join("precious")).expect("it is there"), "kept");
    target.assert_untouched();
}
