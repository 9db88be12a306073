//! Copies run nobody else's program, and have no right that was not requested.

use scratchdbg_testkit::program::Finished;
use serde_json::Value;

use crate::stage::Stage;

/// Runs a command in a copy of the container.
fn look(stage: &Stage, options: &[&str], name: &str, command: &[&str]) -> Finished {
    stage.run(&[&["attach"], options, &[name, "--"], command].concat())
}

#[test]
fn a_forged_twin_is_never_run() {
    let stage = Stage::set();
    let image = stage.engine.import_app(&["VOLUME /data"]);
    let id = stage.engine.ask(["image", "inspect", "--format", "{{.Id}}", &image]);
    let victim = stage.engine.run("victim", &["--env", "SECRET=hunter2"], &image, &["exit", "1"]);
    victim.wait();
    let labels = format!("LABEL io.scratchdbg.prod={id} io.scratchdbg.role=debug");
    // An image with other layers, and one with the victim's layers, one more, and the victim's
    // settings.
    stage.engine.import_app(&[&labels]);
    let maker = stage.engine.create("maker", &[], &image, &[]);
    stage.engine.ask(["cp", "/etc/hostname", &format!("{}:/hostile", maker.name())]);
    let path =
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/.scratchdbg/bin";
    let forged = format!("{}:1", stage.engine.name("forged"));
    stage.engine.ask(["commit", "--change", &labels, "--change", path, maker.name(), &forged]);

    let plan = stage.run(&["attach", "--explain", victim.name()]);
    let text = plan.expect_code(0).text();
    assert!(
        text.contains("not image") && text.contains("says that it is the debug twin"),
        "{plan}"
    );
    look(&stage, &[], victim.name(), &["test", "-e", "/hostile"]).expect(1, "");
    look(&stage, &["--image"], &image, &["test", "-e", "/hostile"]).expect(1, "");
    let rows: Vec<Value> = serde_json::from_slice(
        &stage.run(&["ps", "--all", "--format", "json"]).expect_code(0).stdout,
    )
    .expect("rows");
    let row = rows.iter().find(|row| row["id"] == victim.id()).expect("the victim's");
    assert_eq!(row["twin"], false);
}

/// Whoever loads an archive chooses the names of its images.
#[test]
fn an_image_under_the_name_of_the_toolkit_is_not_it() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let tools = stage.scratchdbg.home().join("busybox");
    let mut bytes = std::fs::read("/bin/busybox").expect("busybox-static is installed");
    // A program that no other test has: bytes after it do not matter.
    bytes.extend_from_slice(stage.engine.name("own").as_bytes());
    std::fs::write(&tools, bytes).expect("the file can be written");
    let tools = tools.to_string_lossy().into_owned();
    let plan =
        stage.run(&["attach", "--explain", "--format", "json", "--toolkit", &tools, target.name()]);
    let plan: Value = serde_json::from_slice(&plan.expect_code(0).stdout).expect("a plan");
    let name = plan["keeper"]["image"].as_str().expect("a name").to_owned();
    stage.engine.ask(["tag", &stage.image, &name]);
    let finished = look(&stage, &["--toolkit", &tools], target.name(), &["sh", "-c", "exit 42"]);
    stage.engine.ask(["rmi", &name]);
    finished.expect(42, "");
    target.assert_untouched();
}

/// Returns a container's mounts, except for the volume with its tools.
fn mounts_of_original(container: &Value) -> Vec<Value> {
    let mut mounts = container["Mounts"].as_array().cloned().unwrap_or_default();
    mounts.retain(|mount| {
        !mount["Destination"].as_str().is_some_and(|path| path.starts_with("/.scratchdbg-"))
    });
    mounts
}

/// All rights over the host that a container can have. It is never started.
const MIGHTY: &[&str] = &[
    "--privileged",
    "--cap-add",
    "SYS_ADMIN",
    "--device",
    "/dev/null:/dev/x",
    "--pid",
    "host",
    "--ipc",
    "host",
    "--uts",
    "host",
    "--security-opt",
    "seccomp=unconfined",
    "--volume",
    "/var/run/docker.sock:/engine.sock",
    "--volume",
    "/srv/../var/run:/run-of-host",
    "--volume",
    "/:/host:ro",
    "--volume",
    "/proc:/host-proc",
    "--volume",
    "/etc/localtime:/clock:ro",
];

#[test]
fn a_copy_has_no_right_that_nobody_asked_for() {
    let stage = Stage::set();
    let name = stage.engine.name("mighty");
    let create =
        ["create", "--network", "host", "--name", &name].into_iter().chain(MIGHTY.iter().copied());
    let id = stage.engine.ask(create.chain([&*stage.image]));
    let mut session =
        stage.scratchdbg.start(["attach", &name, "--", "sh", "-c", "echo begun; ls /; read line"]);
    session.wait_for_stdout("the copy", |bytes| {
        bytes.ends_with(b"sys\n") || bytes.ends_with(b"tmp\n")
    });
    let all = stage.engine.ask([
        "ps",
        "--quiet",
        "--no-trunc",
        "--filter",
        &format!("label=io.scratchdbg.target={id}"),
    ]);
    for container in all.lines() {
        let facts = stage.engine.ask_json(["inspect", "--format", "{{json .}}", container]);
        let host = &facts["HostConfig"];
        let empty = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
        assert_eq!(host["Privileged"], false);
        assert!(
            empty(&host["CapAdd"]) && empty(&host["Devices"]) && empty(&host["DeviceCgroupRules"]),
            "{host}"
        );
        assert_eq!(host["NetworkMode"], "none");
        assert!(!host["PidMode"].as_str().unwrap_or_default().contains("host"), "{host}");
        assert_ne!((&host["IpcMode"], &host["UTSMode"]), (&"host".into(), &"host".into()));
        assert!(!host["SecurityOpt"].to_string().contains("unconfined"), "{host}");
        let mounts = mounts_of_original(&facts);
        let sources: Vec<_> =
            mounts.iter().map(|mount| mount["Source"].as_str().unwrap_or_default()).collect();
        assert!(sources.iter().all(|source| *source == "/etc/localtime"), "{sources:?}");
    }
    assert_eq!(all.lines().count(), 2, "the keeper and the copy");
    session.write_and_close_input("\n");
    let finished = session.finish();
    for what in [
        "--privileged",
        "capability SYS_ADMIN",
        "the host's network",
        "/var/run/docker.sock",
        "--same-rights",
    ] {
        assert!(finished.stderr.contains(what), "{what} in {finished}");
    }
    let plan = stage.run(&["attach", "--explain", "--format", "json", &name]);
    let plan: Value = serde_json::from_slice(&plan.expect_code(0).stdout).expect("a plan");
    let left_out: Vec<_> = plan["left_out"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|each| each["what"].clone())
        .collect();
    assert!(
        left_out.contains(&"mount /".into()) && left_out.contains(&"device /dev/null".into()),
        "{left_out:?}"
    );

    // A requested capability is granted, and no other.
    let finished =
        look(&stage, &["--cap-add", "SYS_PTRACE"], &name, &["grep", "CapBnd", "/proc/self/status"]);
    let bounds = finished.expect_code(0).text();
    let bounds = u64::from_str_radix(bounds.split_whitespace().last().expect("a set"), 16)
        .expect("hexadecimal");
    assert_eq!(bounds, 0xa804_25fb | 1 << 19, "{finished}");
    let plan = stage.run(&["attach", "--explain", "--same-rights", "--format", "json", &name]);
    let plan: Value = serde_json::from_slice(&plan.expect_code(0).stdout).expect("a plan");
    assert_eq!(plan["capabilities"], serde_json::json!(["ALL", "SYS_ADMIN"]));
    assert_eq!(
        plan["left_out"].as_array().map(Vec::len),
        Some(1),
        "--privileged is never given: {plan}"
    );
}

/// The keeper and a sidecar have no more of them.
#[test]
fn nothing_of_a_session_is_in_the_hosts_cgroup_namespace() {
    let stage = Stage::set();
    let of_host = std::fs::read_link("/proc/self/ns/cgroup").expect("the kernel has them");
    let script = "readlink /proc/self/ns/cgroup; cat /proc/self/cgroup; echo begun; read line";
    for (kind, mode) in
        [("private", "copy"), ("host", "copy"), ("host", "sidecar"), ("host", "exec")]
    {
        let flags = ["--cgroupns", kind];
        let target = stage.engine.run(&format!("{mode}-{kind}"), &flags, &stage.image, &[]);
        if mode == "copy" {
            target.kill();
        }
        let arguments = ["attach", "--mode", mode, target.name(), "--", "sh", "-c", script];
        let mut session = stage.scratchdbg.start(arguments);
        session.wait_for_stdout("the session", |bytes| bytes.ends_with(b"begun\n"));
        let label = format!("label=io.scratchdbg.target={}", target.id());
        for container in stage.engine.ask(["ps", "--quiet", "--filter", &label]).lines() {
            let format = "{{.State.Pid}} {{.HostConfig.CgroupnsMode}}";
            let facts = stage.engine.ask(["inspect", "--format", format, container]);
            let (pid, asked) = facts.split_once(' ').expect("two");
            assert_eq!(asked, "private", "{mode} of {kind}");
            let own = std::fs::read_link(format!("/proc/{pid}/ns/cgroup")).expect("it runs");
            assert_ne!(own, of_host, "{mode} of {kind}: {container}");
        }
        session.write_and_close_input("\n");
        let finished = session.finish();
        let text = finished.expect_code(0).text();
        if mode != "exec" {
            assert!(!text.contains(&*of_host.to_string_lossy()), "{finished}");
            let groups =
                text.lines().filter(|line| line.contains(':') && !line.starts_with("cgroup:"));
            assert!(groups.into_iter().all(|group| group.ends_with(":/")), "{finished}");
        }
    }
}

#[test]
fn a_copy_is_made_without_what_is_gone() {
    let stage = Stage::set();
    let network = stage.engine.name("net");
    stage.engine.ask(["network", "create", "--internal", &network]);
    let peer = stage.engine.run("peer", &[], &stage.image, &[]);
    let folder = stage.scratchdbg.home().join("shared");
    std::fs::create_dir(&folder).expect("it can be made");
    let folder = folder.to_string_lossy().into_owned();
    let volume = format!("{folder}:/shared");
    let of_peer = format!("container:{}", peer.id());
    let run = |stem: &str, flags: &[&str]| {
        let name = stage.engine.name(stem);
        let made = ["create", "--name", &name].into_iter().chain(flags.iter().copied());
        stage.engine.ask(made.chain([&*stage.image, "exit", "1"]));
        name
    };
    let networked = run("networked", &["--network", &network]);
    let joined = run("joined", &["--network", &of_peer, "--ipc", &of_peer]);
    let sharing = run("sharing", &["--network", "none", "--volume", &volume]);
    for name in [&networked, &joined, &sharing] {
        let finished = look(&stage, &[], name, &["sh", "-c", "exit 42"]);
        // The peer's memory cannot be shared.
        if name != &joined {
            finished.expect(42, "");
            assert!(!finished.stderr.contains("gone"), "{finished}");
        }
    }
    stage.engine.ask(["network", "rm", &network]);
    peer.kill();
    stage.engine.ask(["rm", peer.id()]);
    std::fs::remove_dir(&folder).expect("nothing was written");
    for (name, what) in [(&networked, &network), (&joined, &of_peer), (&sharing, &folder)] {
        let finished = look(&stage, &[], name, &["sh", "-c", "exit 42"]);
        finished.expect(42, "");
        let line = finished.stderr.lines().find(|line| line.contains("without what is gone"));
        assert!(line.is_some_and(|line| line.contains(what.as_str())), "{finished}");
    }
    assert!(!std::path::Path::new(&folder).exists(), "a folder of the host is not made for a look");
}

/// Volumes of a test, and the container that uses them. On drop, the container is removed first.
struct Volumes<'a>(&'a Stage, Vec<String>, String);

impl Drop for Volumes<'_> {
    fn drop(&mut self) {
        self.0.engine.docker(["rm", "--force", &self.2]);
        for name in &self.1 {
            self.0.engine.docker(["volume", "rm", "--force", name]);
        }
    }
}

#[test]
fn a_copy_is_not_led_to_the_host_by_another_name() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    let path = |name: &str| home.join(name).to_string_lossy().into_owned();
    std::os::unix::fs::symlink("/etc", path("link")).expect("a link can be made");
    std::fs::create_dir(path("data")).expect("it can be made");
    let name = stage.engine.name("led-astray");
    let mut volumes = Volumes(&stage, Vec::new(), name.clone());
    let mut volume = |stem: &str, kind: &str, device: &str, options: &str| {
        let name = stage.engine.name(stem);
        let given = [("type", kind), ("device", device), ("o", options)]
            .map(|(key, value)| format!("{key}={value}"));
        let given = given
            .iter()
            .filter(|option| !option.ends_with('='))
            .flat_map(|option| ["--opt", option]);
        stage.engine.ask(["volume", "create"].into_iter().chain(given).chain([&*name]));
        volumes.1.push(name.clone());
        name
    };
    let disk = volume("disk", "proc", "proc", "");
    let led = volume("led", "none", &path("link"), "bind");
    let memory = volume("memory", "tmpfs", "tmpfs", "size=1m");
    let folder = volume("folder", "none", &path("data"), "bind");
    let profile = path("profile.json");
    std::fs::write(&profile, r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#).expect("it can be written");

    // The image's label does not hide an image derived from it.
    let image = stage.engine.import_app(&["LABEL io.scratchdbg.session=fedcba9876543210"]);
    let peer = stage.engine.name("peer");
    let run =
        ["run", "--detach", "--network", "host", "--ipc", "host", "--name", &peer, &stage.image];
    let peer = stage.engine.ask(run);
    let of_peer = format!("container:{peer}");
    let seccomp = format!("seccomp={profile}");
    let binds = [
        format!("{disk}:/disk"),
        format!("{led}:/led"),
        format!("{memory}:/memory"),
        format!("{folder}:/folder"),
        "/etc/hosts:/names".to_owned(),
        "/etc/default:/default".to_owned(),
        format!("{}:/linked", path("link")),
    ];
    let binds = binds.iter().flat_map(|bind| ["--volume", bind]);
    let create = [
        "create",
        "--network",
        &of_peer,
        "--ipc",
        &of_peer,
        "--security-opt",
        &seccomp,
        "--name",
        &name,
    ];
    let id = stage.engine.ask(create.into_iter().chain(binds).chain([&*image]));
    let mut session =
        stage.scratchdbg.start(["attach", &name, "--", "sh", "-c", "echo begun; read line"]);
    session.wait_for_stdout("the copy", |bytes| bytes == b"begun\n");
    let all = stage.engine.ask([
        "ps",
        "--quiet",
        "--no-trunc",
        "--filter",
        &format!("label=io.scratchdbg.target={id}"),
    ]);
    assert_eq!(all.lines().count(), 2, "the keeper and the copy");
    let listed = stage.run(&["sessions", "ls", "--format", "json"]);
    let copies: Vec<_> = (all.lines())
        .map(|container| {
            assert!(listed.expect_code(0).text().contains(container), "{listed}");
            stage.engine.ask_json(["inspect", "--format", "{{json .}}", container])
        })
        .filter(|facts| facts["Name"].as_str().is_some_and(|name| name.ends_with("-shell")))
        .collect();
    let [copy] = &copies[..] else { panic!("one is the copy") };
    assert_eq!(copy["HostConfig"]["NetworkMode"], "none");
    assert!(!copy["HostConfig"]["IpcMode"].to_string().contains("container"), "{copy}");
    assert!(!copy["HostConfig"]["SecurityOpt"].to_string().contains("seccomp"), "{copy}");
    let mounts = mounts_of_original(copy);
    let mut mounts: Vec<_> = (mounts.iter())
        .map(|mount| (mount["Destination"].as_str().unwrap_or_default(), mount["RW"] == true))
        .collect();
    mounts.sort_unstable();
    assert_eq!(mounts, [("/folder", true), ("/memory", true), ("/names", false)]);
    session.write_and_close_input("\n");
    let finished = session.finish();
    for what in [
        &of_peer,
        "mount /etc/default",
        "writing to /etc/hosts",
        &path("link"),
        "--security-opt seccomp",
    ] {
        assert!(finished.stderr.contains(what), "{what} in {finished}");
    }
    let plan = stage.run(&["attach", "--explain", "--same-rights", "--format", "json", &name]);
    let plan: Value = serde_json::from_slice(&plan.expect_code(0).stdout).expect("a plan");
    assert_eq!(plan["left_out"].as_array().map(Vec::len), Some(0), "{plan}");
}
