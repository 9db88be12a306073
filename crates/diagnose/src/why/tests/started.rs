//! Tests of failed starts, and of what the image and the mounts prove about them.

use super::*;

#[test]
fn the_kernel_refused_and_the_image_says_why() {
    let arm = Sample { machine: 183, ..Sample::fixed() }.build();
    let dynamic = Sample::glibc().build();
    let good = Sample::fixed().build();
    for (file, text, exit_code, code, guess) in [
        (&dynamic[..], "exec /app: no such file or directory", 1, "loader-missing", false),
        (&dynamic, "exec /app: no such file or directory", 255, "loader-missing", false),
        (b"#!/bin/sh\n", "exec /app: no such file or directory", 1, "interpreter-missing", false),
        (b"#!/bin/sh\r\n", "exec /app: no such file or directory", 1, "crlf-shebang", false),
        (&arm, "exec /app: exec format error", 1, "wrong-architecture", false),
        (b"", "exec /app: exec format error", 1, "not-an-executable", false),
        (b"echo hi\n", "exec /app: exec format error", 255, "not-an-executable", false),
        (b"MZ\x90\x00", "exec /app: exec format error", 1, "not-an-executable", false),
        (&good, "exec /app: no such file or directory", 1, "loader-missing", true),
        (&good, "some error\nexec /app: exec format error", 1, "wrong-architecture", true),
        // The program itself exited with 1 and wrote something else last.
        (&dynamic, "exec /app: no such file or directory\nlater", 1, "loader-missing", true),
    ] {
        let (config, rootfs) = image_of(file, 0o755);
        let facts = ContainerFacts {
            log: Some(log(text)),
            image: Some(ImageFacts::new(&config, &rootfs)),
            ..at_once(exit_code)
        };
        assert_eq!(verdict(&facts), (code, guess), "{text} {:?}", why(&facts));
    }
}

/// A program can print what a runtime prints. Whether the file is there is a fact of the image.
#[test]
fn a_line_of_a_log_proves_no_file() {
    let (config, rootfs) = image_of(&Sample::fixed().build(), 0o755);
    let facts = |text: &str, image| ContainerFacts { log: Some(log(text)), image, ..at_once(1) };
    let image = || Some(ImageFacts::new(&config, &rootfs));
    for (text, image, code, message) in [
        (
            "exec /none: no such file or directory",
            image(),
            "program-missing",
            "/none was to be executed, and is not in the image",
        ),
        (
            "exec /none: no such file or directory\nbye",
            image(),
            "program-missing",
            "/none was to be executed, and is not in",
        ),
        (
            "exec /app: no such file or directory",
            image(),
            "loader-missing",
            "/app is there, but what it is started with",
        ),
        (
            "exec /app: no such file or directory",
            None,
            "loader-missing",
            "/app is not there, or what it is started with",
        ),
    ] {
        let facts = facts(text, image);
        assert_eq!(verdict(&facts), (code, true), "{text}");
        let found = &why(&facts).findings[0].message;
        assert!(found.starts_with(message), "{text}: {found}");
    }
}

#[test]
fn without_a_log_the_image_alone_may_prove_it() {
    let (config, rootfs) = image_of(&Sample::glibc().build(), 0o755);
    let mut facts =
        ContainerFacts { log: None, image: Some(ImageFacts::new(&config, &rootfs)), ..ended(1) };
    facts.options.log_driver = "none".to_owned();
    facts.state.finished_at = Some(START + SECOND / 10);
    assert_eq!(verdict(&facts), ("loader-missing", false));
    assert!(why(&facts).findings[0].evidence.iter().any(|line| line.contains("log driver none")));
    // A program that ran for a minute was started, whatever the image looks like now.
    facts.state.finished_at = Some(START + 60 * SECOND);
    assert_eq!(verdict(&facts).0, "app-exit");
    let (config, rootfs) = image_of(&Sample::fixed().build(), 0o755);
    let mut facts =
        ContainerFacts { log: None, image: Some(ImageFacts::new(&config, &rootfs)), ..ended(1) };
    facts.state.finished_at = Some(START + SECOND / 10);
    assert_eq!(verdict(&facts).0, "app-exit");
}

#[test]
fn never_started() {
    let created = |error: &str| ContainerFacts {
        state: State {
            phase: Phase::Created,
            exit_code: 127,
            error: error.to_owned(),
            ..State::default()
        },
        ..ContainerFacts::default()
    };
    let runc = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
    let (config, rootfs) = image_of(&Sample::fixed().build(), 0o644);
    for (error, code) in [
        (String::new(), "never-started"),
        ("something new and strange".to_owned(), "never-started"),
        (
            format!("{runc}exec: \"/nope\": stat /nope: no such file or directory: unknown"),
            "entrypoint-missing",
        ),
        (
            format!("{runc}exec: \"app\": executable file not found in $PATH: unknown"),
            "entrypoint-not-absolute",
        ),
        (format!("{runc}exec: \"/app\": permission denied: unknown"), "not-executable-mode"),
        (
            "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated".to_owned(),
            "port-in-use",
        ),
        (
            "unable to find user nonroot: no matching entries in passwd file".to_owned(),
            "user-unknown",
        ),
    ] {
        let plain = created(&error);
        assert_eq!(verdict(&plain).0, code, "{error}");
        // The image's own problem does not hide the engine's error.
        let facts =
            ContainerFacts { image: Some(ImageFacts::new(&config, &rootfs)), ..created(&error) };
        let proven = code.starts_with("entrypoint") || error.is_empty();
        let expected = if proven { "not-executable-mode" } else { code };
        assert_eq!(verdict(&facts).0, expected, "{error}");
    }
    // If the runtime's message is unknown, the image may prove the cause.
    let error = format!("{runc}new words");
    assert_eq!(verdict(&created(&error)).0, "never-started");
    let facts =
        ContainerFacts { image: Some(ImageFacts::new(&config, &rootfs)), ..created(&error) };
    assert_eq!(verdict(&facts).0, "not-executable-mode");
}

/// Podman does not keep the error of a failed start.
#[test]
fn a_created_container_that_cannot_start() {
    let config = ConfigFacts { entrypoint: vec!["/gone".to_owned()], ..ConfigFacts::default() };
    let rootfs = Rootfs::complete();
    let state = State { phase: Phase::Created, ..State::default() };
    let facts = ContainerFacts { state, ..ContainerFacts::default() };
    assert_eq!(verdict(&facts), ("never-started", false));
    let facts = ContainerFacts { image: Some(ImageFacts::new(&config, &rootfs)), ..facts };
    assert_eq!(verdict(&facts), ("entrypoint-missing", false));
}

/// The engine's error of a start is more recent than the exit code beside it.
#[test]
fn the_latest_start_failed() {
    let failed = |error: &str| {
        let mut facts = ContainerFacts { log: Some(log("lost the stick")), ..ended(134) };
        error.clone_into(&mut facts.state.error);
        facts
    };
    let id = "75cdd61cd611a78e123e5b42addf3e770ccfee5e82ff33fcff53b5f367769558";
    let device = "error gathering device information while adding custom device \"/dev/stick\": no such file or directory";
    let mut peer = failed(&format!("No such container: {id}"));
    peer.options.network_mode = format!("container:{id}");
    let mut network = failed(&format!("network {id} not found"));
    network.options.network_mode = "shop".to_owned();
    for (facts, code, named) in [
        (failed(device), "device-missing", "/dev/stick"),
        (
            failed("could not select device driver \"\" with capabilities: [[gpu]]"),
            "device-missing",
            "--gpus",
        ),
        (peer, "peer-missing", "75cdd61cd611, whose network"),
        (network, "network-missing", "the network shop"),
        (failed("Address already in use"), "start-failed", "fixed IP address"),
        (
            failed("driver failed: Bind for 0.0.0.0:80 failed: port is already allocated"),
            "port-in-use",
            "0.0.0.0:80",
        ),
        (failed("new words"), "start-failed", "the latest start failed"),
    ] {
        let verdict = why(&facts);
        assert_eq!(verdict.code.as_str(), code, "{facts:?}");
        let first = &verdict.findings[0];
        assert!(
            first.message.contains(named) && first.message.starts_with("the latest start failed"),
            "{first:?}"
        );
        assert!(first.evidence.iter().any(|line| line.contains("exit code 134")), "{first:?}");
    }
    // It runs, so the error is over.
    let mut running = failed(device);
    running.state.phase = Phase::Running;
    assert_eq!(verdict(&running).0, "running");
}

#[test]
fn mounts_that_hide_or_refuse_the_program() {
    let config = ConfigFacts { entrypoint: vec!["/opt/app".to_owned()], ..ConfigFacts::default() };
    let error = "OCI runtime create failed: runc create failed: unable to start container process: exec: \"/opt/app\": stat \
                 /opt/app: no such file or directory: unknown";
    let created = |mounts: &[Mount]| ContainerFacts {
        state: State { error: error.to_owned(), exit_code: 127, ..State::default() },
        mounts: mounts.to_vec(),
        ..ContainerFacts::default()
    };
    let bind = Mount::new(MountKind::Bind, "/srv/data", "/opt");
    let mut empty = Rootfs::complete();
    empty.insert("/opt", Entry::directory(0o755));
    for (has, code, guess) in [
        (Some(true), "hidden-by-mount", false),
        (Some(false), "entrypoint-missing", false),
        (None, "hidden-by-mount", true),
    ] {
        let mut mounts = Mounts::new(vec![bind.clone()]);
        if let Some(has) = has {
            mounts.tell(if has { ["/opt/app".to_owned()].into() } else { [].into() });
        }
        let image = ImageFacts { mounts: Some(&mounts), ..ImageFacts::new(&config, &empty) };
        let facts = ContainerFacts { image: Some(image), ..created(std::slice::from_ref(&bind)) };
        assert_eq!(verdict(&facts), (code, guess), "{has:?}");
        assert!(why(&facts).findings[0].message.contains("/srv/data"), "{:?}", why(&facts));
    }
    // Without its files, as in a list.
    assert_eq!(verdict(&created(std::slice::from_ref(&bind))).0, "hidden-by-mount");
    assert_eq!(verdict(&created(&[])).0, "entrypoint-missing");

    let (_, mut rootfs) = image_of(&Sample::fixed().build(), 0o755);
    let program = inspect(Cursor::new(Sample::fixed().build())).unwrap();
    rootfs.insert("/opt/app", Entry::program(0o755, 1, program));
    for (no_exec, code, guess) in [
        (Some(true), "mount-noexec", false),
        (None, "mount-noexec", true),
        (Some(false), "not-executable-mode", true),
    ] {
        let mounts = Mounts::new(vec![Mount { no_exec, ..bind.clone() }]);
        let image = ImageFacts { mounts: Some(&mounts), ..ImageFacts::new(&config, &rootfs) };
        let facts = ContainerFacts {
            image: Some(image),
            log: Some(log("exec /opt/app: permission denied")),
            ..at_once(1)
        };
        assert_eq!(verdict(&facts), (code, guess), "{no_exec:?}");
        let fix = why(&facts).findings[0].fix.clone().unwrap_or_default();
        assert!(!fix.contains("0755"), "{fix}");
    }
    let gone = Mount { is_source_missing: true, ..bind };
    let facts = ContainerFacts { mounts: vec![gone], ..at_once(3) };
    assert_eq!(verdict(&facts).0, "mount-failed");
}
