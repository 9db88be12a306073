//! Tests of further facts about a refused start: the names of missing objects, and the exit code of
//! the previous run.

use super::*;

/// Returns a container that ran, with the error of its latest start.
fn failed(exit_code: i64, error: &str) -> ContainerFacts<'static> {
    let mut facts = ended(exit_code);
    error.clone_into(&mut facts.state.error);
    facts
}

const RUNC: &str = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";

/// For failed starts, Docker overwrites the exit code of the previous run with 126, 127 or 128.
#[test]
fn a_start_that_failed_has_no_say_in_what_the_older_run_ended_with() {
    let mounting = format!(
        "{RUNC}error mounting \"/srv/f\" to rootfs at \"/etc/f\": not a directory: unknown"
    );
    for (exit_code, error, record, told) in [
        (
            127,
            mounting.as_str(),
            &[("start", 0), ("die", 5)][..],
            "an older run ended with exit code 5",
        ),
        (127, &mounting, &[], "not on record: exit code 127 may be"),
        (126, &mounting, &[], "not on record: exit code 126 may be"),
        (128, "Address already in use", &[], "not on record: exit code 128 may be"),
        (
            128,
            "Address already in use",
            &[("start", 0), ("die", 0)],
            "an older run ended with exit code 0",
        ),
        (134, &mounting, &[], "an older run ended with exit code 134"),
        (127, "Address already in use", &[], "an older run ended with exit code 127"),
    ] {
        let facts = ContainerFacts { events: Some(events(record)), ..failed(exit_code, error) };
        let first = &why(&facts).findings[0];
        assert!(
            first.evidence.iter().any(|line| line.contains(told)),
            "{exit_code} {error}: {first:?}"
        );
    }
}

#[test]
fn the_network_that_is_gone_is_called_by_its_name() {
    let id = "11d63d5fefedf1c3cd743c2798a925f889cec3aec0a67ace1484227e70777081";
    for (mode, networks, named) in [
        ("default", vec![("back".to_owned(), id.to_owned())], "the network back is"),
        (
            "front",
            vec![("front".to_owned(), "0dcf".repeat(16)), ("back".to_owned(), id.to_owned())],
            "the network back is",
        ),
        ("front", vec![], "the network front is"),
        // The engine reports other networks: the error's text stays.
        ("front", vec![("front".to_owned(), "0dcf".repeat(16))], id),
        // If the engine does not report it, do not call it `default`.
        ("default", vec![], id),
    ] {
        let mut facts = failed(1, &format!("network {id} not found"));
        facts.options.network_mode = mode.to_owned();
        facts.options.networks = networks;
        let first = &why(&facts).findings[0];
        assert!(first.code == Code::NetworkMissing && first.message.contains(named), "{first:?}");
    }
    // Before its first start, the engine knows it by its name.
    let mut facts = failed(1, "network back not found");
    facts.options.network_mode = "front".to_owned();
    facts.options.networks =
        vec![("front".to_owned(), "0dcf".repeat(16)), ("back".to_owned(), String::new())];
    assert!(why(&facts).findings[0].message.contains("the network back is"), "{:?}", why(&facts));
}

/// An error of two sentences that name one container.
#[test]
fn one_cause_is_told_once() {
    let id = "cb39fd97d10655ce05431c12dd7aadea418bde8b07b9e1fd79ff36de8b4679a0";
    let mut facts = failed(
        1,
        &format!("cannot join PID of a non running container: {id}: No such container: {id}"),
    );
    facts.options.pid_mode = format!("container:{id}");
    let findings = why(&facts).findings;
    assert_eq!(
        findings.iter().filter(|finding| finding.code == Code::PeerMissing).count(),
        1,
        "{findings:?}"
    );
}

#[test]
fn a_mount_in_place_of_the_kernels() {
    let error = format!(
        "{RUNC}error during container init: open /proc/sys/net/ipv4/ping_group_range: no such file or directory"
    );
    let mut facts = failed(1, &error);
    facts.state.phase = Phase::Created;
    assert_ne!(verdict(&facts).0, "mount-failed");
    facts.mounts = vec![Mount::new(MountKind::Tmpfs, "", "/process")];
    assert_ne!(verdict(&facts).0, "mount-failed");
    facts.mounts = vec![Mount::new(MountKind::Tmpfs, "", "/proc")];
    assert_eq!(verdict(&facts), ("mount-failed", false));
}

#[test]
fn a_shell_under_a_mount_is_not_called_missing() {
    let config = ConfigFacts { entrypoint: vec!["sh".to_owned()], ..ConfigFacts::default() };
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/bin", Entry::directory(0o755));
    let error = format!("{RUNC}exec: \"sh\": executable file not found in $PATH: unknown");
    let state = State { phase: Phase::Created, error, exit_code: 127, ..State::default() };
    let facts = ContainerFacts { state, ..ContainerFacts::default() };
    for (beneath, code) in [("/bin/sh", "hidden-by-mount"), ("/bin/other", "shell-missing")] {
        let mut mounts = Mounts::new(vec![Mount::new(MountKind::Bind, "/srv/data", "/bin")]);
        mounts.tell([beneath.to_owned()].into());
        let image = ImageFacts { mounts: Some(&mounts), ..ImageFacts::new(&config, &rootfs) };
        assert_eq!(verdict(&ContainerFacts { image: Some(image), ..facts.clone() }).0, code);
    }
}

/// A link whose target is missing is not missing itself.
#[test]
fn links_that_meet_a_mount() {
    let config = ConfigFacts { entrypoint: vec!["/app/link".to_owned()], ..ConfigFacts::default() };
    let error =
        format!("{RUNC}exec: \"/app/link\": stat /app/link: no such file or directory: unknown");
    let state = State { phase: Phase::Created, error, exit_code: 127, ..State::default() };
    let facts = ContainerFacts { state, ..ContainerFacts::default() };
    for (place, target) in [("/data", "/data/real"), ("/app", "/nowhere")] {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/data", Entry::directory(0o755));
        rootfs.insert("/app/link", Entry::symlink(target));
        let mut mounts = Mounts::new(vec![Mount::new(MountKind::Bind, "/srv/data", place)]);
        mounts.tell([].into());
        let image = ImageFacts { mounts: Some(&mounts), ..ImageFacts::new(&config, &rootfs) };
        let facts = ContainerFacts { image: Some(image), ..facts.clone() };
        assert_eq!(verdict(&facts), ("entrypoint-missing", false));
        let first = why(&facts).findings.swap_remove(0);
        assert!(first.message.contains(&format!("a link that leads to {target}")), "{first:?}");
        assert!(!first.evidence.iter().any(|line| line.contains("/app/link is not")), "{first:?}");
    }
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/app/link", Entry::symlink("/nowhere"));
    let facts = ContainerFacts { image: Some(ImageFacts::new(&config, &rootfs)), ..facts };
    assert_eq!(
        why(&facts).findings[0].message,
        "/app/link is a link that leads to /nowhere, which is not in the image"
    );
}

#[test]
fn a_library_under_a_mount_is_not_called_missing_from_the_image() {
    let (config, mut rootfs) = image_of(&Sample::glibc().build(), 0o755);
    let program = inspect(Cursor::new(Sample::glibc().build())).unwrap();
    rootfs.insert("/lib64/ld-linux-x86-64.so.2", Entry::program(0o755, 1, program));
    let said = "/app: error while loading shared libraries: libc.so.6: cannot open shared object file: No such file or directory";
    for (beneath, code) in
        [("/lib/libc.so.6", "hidden-by-mount"), ("/lib/other.so", "library-missing")]
    {
        let mut mounts = Mounts::new(vec![Mount::new(MountKind::Tmpfs, "", "/lib")]);
        mounts.tell([beneath.to_owned()].into());
        let image = ImageFacts { mounts: Some(&mounts), ..ImageFacts::new(&config, &rootfs) };
        let facts = ContainerFacts { image: Some(image), log: Some(log(said)), ..ended(127) };
        assert_eq!(verdict(&facts).0, code, "{:?}", why(&facts));
    }
}

/// A loop that on-failure, or a kill, has ended is over.
#[test]
fn loops_that_are_over() {
    let loops = |status, exit_code, policy: &str, record: &[(&str, i64)]| {
        let mut facts = ContainerFacts { events: Some(events(record)), ..ended(exit_code) };
        facts.state.phase = status;
        facts.restarts = Restarts { count: 4, policy: policy.to_owned(), at_most: None };
        facts
    };
    let failures = [
        ("start", 0),
        ("die", 4),
        ("start", 0),
        ("die", 4),
        ("start", 0),
        ("die", 4),
        ("start", 0),
    ];
    let then = |end: &[(&'static str, i64)]| [&failures[..], end].concat();
    for (facts, code, told) in [
        (
            loops(Phase::Exited, 0, "on-failure", &then(&[("die", 0)])),
            "app-exit",
            "exit codes 4, 4, 4",
        ),
        (
            loops(Phase::Exited, 3, "on-failure", &then(&[("die", 3)])),
            "crash-loop",
            "exit codes 3, 4, 4, 4",
        ),
        (
            loops(Phase::Exited, 137, "always", &then(&[("kill", 9), ("die", 137)])),
            "killed-from-outside",
            "4, 4, 4",
        ),
        // One success among failures does not mean that the program is supposed to end.
        (
            loops(Phase::Restarting, 0, "always", &then(&[("die", 0)])),
            "crash-loop",
            "0, 4, 4, 4 (the latest first): not the same",
        ),
        (loops(Phase::Restarting, 0, "always", &[]), "restarted-after-success", "restart count: 4"),
    ] {
        let verdict = why(&facts);
        assert_eq!(verdict.code.as_str(), code, "{:?}", verdict.findings);
        let first = &verdict.findings[0];
        assert!(first.evidence.iter().any(|line| line.contains(told)), "{first:?}");
        let loops =
            verdict.findings.iter().filter(|finding| finding.code == Code::CrashLoop).count();
        assert_eq!(loops, usize::from(code == "crash-loop"), "{:?}", verdict.findings);
    }
}

/// A loader on a mount with noexec.
#[test]
fn a_loader_on_a_mount_with_noexec() {
    let (config, mut rootfs) = image_of(&Sample::glibc().build(), 0o755);
    let program = inspect(Cursor::new(Sample::glibc().build())).unwrap();
    rootfs.insert("/lib64/ld-linux-x86-64.so.2", Entry::program(0o755, 1, program));
    for (no_exec, code) in [(true, "mount-noexec"), (false, "not-executable-mode")] {
        let mount =
            Mount { no_exec: Some(no_exec), ..Mount::new(MountKind::Bind, "/srv/lib", "/lib64") };
        let mounts = Mounts::new(vec![mount]);
        let image = ImageFacts { mounts: Some(&mounts), ..ImageFacts::new(&config, &rootfs) };
        let said = log("exec /app: permission denied");
        let facts = ContainerFacts { image: Some(image), log: Some(said), ..at_once(1) };
        assert_eq!(verdict(&facts), (code, !no_exec), "{:?}", why(&facts));
    }
}

/// Whether a program that is killed at once would have ended by itself is unknown.
#[test]
fn a_stop_that_gives_no_time() {
    let stopped = |milliseconds: i64| {
        let mut record =
            events(&[("start", 0), ("kill", 15), ("kill", 9), ("die", 137), ("stop", 0)]);
        for event in &mut record[2..] {
            event.time += milliseconds * 1_000_000;
        }
        ContainerFacts { events: Some(record), ..ended(137) }
    };
    for (milliseconds, code, told) in [
        (12, "stopped", "SIGKILL came 12 ms after SIGTERM"),
        (1_003, "stop-signal-ignored", "it had 1.0 s"),
        (10_020, "stop-signal-ignored", "it had 10.0 s"),
        (0, "stop-signal-ignored", "10 s unless asked otherwise"),
    ] {
        let facts = stopped(milliseconds);
        assert_eq!(verdict(&facts), (code, false), "{milliseconds}");
        let first = why(&facts).findings.swap_remove(0);
        assert!(first.evidence.iter().any(|line| line.contains(told)), "{first:?}");
    }
}

#[test]
fn the_image_of_a_pod_proves_what_its_runtime_suggests() {
    let container = ContainerTemplate { name: "app".to_owned(), ..ContainerTemplate::default() };
    let said = |code| {
        let finding = Finding::new(code, Severity::Error, "it is said")
            .evidence("container app: no such file");
        Verdict { code, findings: vec![finding] }
    };
    let decided = |code, config: &ConfigFacts, rootfs: &Rootfs| {
        let verdict = with_image_of_pod(said(code), &container, ImageFacts::new(config, rootfs));
        assert_eq!(verdict.code, verdict.findings[0].code);
        assert!(verdict.findings[0].evidence.iter().any(|line| line.ends_with("no such file")));
        verdict.code
    };
    // The runtime cannot tell a missing program from a missing loader.
    let (config, rootfs) = image_of(&Sample::glibc().build(), 0o755);
    assert_eq!(decided(Code::EntrypointMissing, &config, &rootfs), Code::LoaderMissing);
    assert_eq!(decided(Code::StartFailed, &config, &rootfs), Code::LoaderMissing);
    assert_eq!(
        decided(Code::OomKilled, &config, &rootfs),
        Code::OomKilled,
        "that is no matter of files"
    );
    let (config, rootfs) = image_of(&Sample::glibc().build(), 0o644);
    assert_eq!(decided(Code::NotExecutableMode, &config, &rootfs), Code::NotExecutableMode);
    let (config, rootfs) =
        (ConfigFacts { entrypoint: vec!["/none".into()], ..config }, Rootfs::on_demand());
    assert_eq!(
        decided(Code::EntrypointMissing, &config, &rootfs),
        Code::EntrypointMissing,
        "nothing is known"
    );
}

/// A program that ends at once with this code has not ignored the signal.
#[test]
fn a_stop_that_a_program_answers_with_137() {
    let stopped = |milliseconds: i64| {
        let mut record = events(&[("start", 0), ("kill", 15), ("die", 137), ("stop", 0)]);
        for event in &mut record[2..] {
            event.time += milliseconds * 1_000_000;
        }
        ContainerFacts { events: Some(record), ..ended(137) }
    };
    assert_eq!(verdict(&stopped(22)), ("stopped", true));
    assert_eq!(verdict(&stopped(2_000)), ("stop-signal-ignored", true));
}

/// What a program that ran for seconds writes of itself is not the kernel's word.
#[test]
fn a_program_that_ran_was_not_refused() {
    let (config, rootfs) = image_of(&Sample::glibc().build(), 0o755);
    let ran = |seconds: i64, said: &str| {
        let image = ImageFacts::new(&config, &rootfs);
        let mut facts = ContainerFacts { image: Some(image), log: Some(log(said)), ..ended(1) };
        facts.state.started_at = Some(1_000_000_000);
        facts.state.finished_at = Some((1 + seconds) * 1_000_000_000);
        verdict(&facts).0
    };
    for said in ["exec /app: no such file or directory", "exec /app: exec format error"] {
        assert_ne!(ran(0, said), "app-exit", "{said}");
        assert_eq!(ran(4, said), "app-exit", "{said}");
    }
}
