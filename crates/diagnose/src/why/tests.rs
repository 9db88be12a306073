use std::io::Cursor;

use super::*;
use crate::config::ConfigFacts;
use crate::container::{Health, Limits, Options, Probe, Processes, Restarts, State, Usage};
use crate::elf::sample::Sample;
use crate::finding::Confidence;
use crate::mounts::{Mount, MountKind, Mounts};
use crate::program::inspect;
use crate::rootfs::{Entry, Rootfs};
use crate::rules::image::ImageFacts;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_800_000_000 * SECOND;

fn ended(exit_code: i64) -> ContainerFacts<'static> {
    ContainerFacts {
        name: "web".to_owned(),
        state: State {
            status: Status::Exited,
            exit_code,
            started_at: Some(START),
            finished_at: Some(START + 60 * SECOND),
            ..State::default()
        },
        log: Some(Vec::new()),
        ..ContainerFacts::default()
    }
}

fn event(action: &str, detail: i64) -> Event {
    let mut event = Event { time: START + SECOND, action: action.to_owned(), ..Event::default() };
    match action {
        "kill" => event.signal = Some(detail.to_string()),
        "die" => event.exit_code = Some(detail),
        _ => {}
    }
    event
}

fn events(list: &[(&str, i64)]) -> Vec<Event> {
    list.iter().map(|(action, detail)| event(action, *detail)).collect()
}

fn log(text: &str) -> Vec<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

fn verdict(facts: &ContainerFacts<'_>) -> (&'static str, bool) {
    let verdict = why(facts);
    assert_eq!(verdict.code, verdict.findings[0].code);
    for finding in &verdict.findings {
        assert!(!finding.evidence.is_empty(), "{finding:?}");
        assert!(!finding.message.is_empty(), "{finding:?}");
    }
    (verdict.code.as_str(), verdict.findings[0].confidence == Confidence::Guess)
}

#[test]
fn exit_code_137_in_its_variants() {
    let oom = |exit_code| {
        let mut facts = ended(exit_code);
        facts.state.oom_killed = true;
        facts.limits.memory = Some(64 << 20);
        facts
    };
    let with = |list| ContainerFacts { events: Some(events(list)), ..ended(137) };
    let sidecar = ContainerFacts {
        options: Options { pid_mode: "container:app".to_owned(), ..Options::default() },
        ..with(&[("start", 0), ("die", 137)])
    };
    for (facts, code, guess) in [
        (oom(137), "oom-killed", false),
        (oom(0), "child-oom-killed", false),
        (oom(42), "child-oom-killed", false),
        (with(&[("start", 0), ("oom", 0), ("die", 137)]), "oom-killed", false),
        (with(&[("start", 0), ("kill", 15), ("kill", 9), ("die", 137)]), "stop-signal-ignored", false),
        (with(&[("start", 0), ("kill", 15), ("die", 137)]), "stop-signal-ignored", true),
        (with(&[("start", 0), ("stop", 0), ("die", 137)]), "stop-signal-ignored", true),
        (with(&[("start", 0), ("kill", 9), ("die", 137)]), "killed-from-outside", false),
        (with(&[("start", 0), ("die", 137)]), "killed-from-outside", true),
        // An earlier run's signals say nothing of this one.
        (with(&[("kill", 15), ("kill", 9), ("die", 137), ("start", 0), ("die", 137)]), "killed-from-outside", true),
        (with(&[]), "killed-from-outside", true),
        (ended(137), "killed-from-outside", true),
        (sidecar, "killed-from-outside", true),
    ] {
        assert_eq!(verdict(&facts), (code, guess), "{facts:?}");
    }
    let without = why(&ended(137));
    assert!(without.findings[0].evidence[0].starts_with("no event evidence"), "{without:?}");
    assert!(why(&oom(137)).findings[0].evidence.contains(&"memory limit: 64 MiB".to_owned()));
}

#[test]
fn signals() {
    let init = Options { init: true, ..Options::default() };
    for (facts, code, guess) in [
        (ended(139), "segfault-or-abort", true),
        (ContainerFacts { options: init, ..ended(139) }, "segfault-or-abort", false),
        (ContainerFacts { log: Some(log("thread 'main' has overflowed its stack")), ..ended(139) }, "aborted", true),
        (ended(134), "aborted", false),
        (ended(132), "illegal-instruction", false),
        (
            ContainerFacts { log: Some(log("Fatal glibc error: CPU does not support x86-64-v3")), ..ended(132) },
            "cpu-level",
            false,
        ),
        (ended(159), "forbidden-syscall", false),
        (ended(136), "killed-by-signal", false),
        (
            ContainerFacts { log: Some(log("thread 'main' panicked at a.rs:1:1:\nboom")), ..ended(134) },
            "rust-panic",
            false,
        ),
    ] {
        let found = verdict(&facts);
        assert_eq!(found.0, code, "{facts:?}");
        if code != "aborted" {
            assert_eq!(found.1, guess, "{facts:?}");
        }
    }
}

#[test]
fn a_panic_of_go_is_told_by_its_message() {
    let opened = "panic: open /etc/app/config.yaml: no such file or directory\n\ngoroutine 1 [running]:\nmain.main()\n\t\
                  /src/main.go:8 +0x1d\n";
    let verdict = why(&ContainerFacts { log: Some(log(opened)), ..ended(2) });
    assert_eq!(verdict.code, Code::GoPanic);
    assert!(verdict.findings[0].message.contains("/etc/app/config.yaml"), "{verdict:?}");
    assert!(verdict.findings[0].evidence[0].starts_with("panic: open"), "{verdict:?}");

    let nil = "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation \
               violation code=0x1 addr=0x0 pc=0x1]\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:8 +0x1d";
    let verdict = why(&ContainerFacts { log: Some(log(nil)), ..ended(2) });
    assert_eq!(verdict.code, Code::GoPanic);
    assert!(verdict.findings.iter().all(|finding| finding.code != Code::SegfaultOrAbort), "{verdict:?}");

    let only_a_stack = why(&ContainerFacts { log: Some(log("goroutine 1 [running]:\nmain.main()")), ..ended(2) });
    assert_eq!(only_a_stack.code, Code::GoPanic);
}

#[test]
fn a_signal_sent_through_the_engine_before_the_end() {
    let sent = |exit_code, signal, before: i64| {
        let mut facts = ContainerFacts {
            events: Some(events(&[("start", 0), ("kill", signal), ("die", exit_code)])),
            ..ended(exit_code)
        };
        let time = START + 60 * SECOND - before;
        if let Some(events) = &mut facts.events {
            events[1].time = time;
        }
        facts
    };
    for (facts, code, guess) in [
        (sent(129, 1, 0), "stopped", false),
        (sent(0, 2, SECOND / 10), "stopped", true),
        (sent(130, 2, 40 * SECOND), "stopped", false),
        (sent(1, 10, SECOND / 10), "killed-from-outside", true),
        (sent(139, 11, SECOND / 10), "killed-from-outside", false),
        (sent(0, 1, 40 * SECOND), "app-exit", false),
        (sent(0, 28, SECOND / 10), "app-exit", false),
    ] {
        assert_eq!(verdict(&facts), (code, guess), "{facts:?}");
    }
}

#[test]
fn stops() {
    let config = ConfigFacts { stop_signal: "SIGINT".to_owned(), ..ConfigFacts::default() };
    let rootfs = Rootfs::on_demand();
    let with = |exit_code, list| ContainerFacts { events: Some(events(list)), ..ended(exit_code) };
    for (facts, code, guess) in [
        (with(0, &[("start", 0), ("kill", 15), ("die", 0), ("stop", 0)]), "stopped", false),
        (with(143, &[("start", 0), ("kill", 15), ("die", 143)]), "stopped", false),
        (with(3, &[("start", 0), ("kill", 15), ("die", 3)]), "stopped", false),
        (ended(143), "stopped", true),
        (
            ContainerFacts {
                image: Some(ImageFacts::new(&config, &rootfs)),
                ..with(0, &[("start", 0), ("kill", 2), ("die", 0)])
            },
            "stopped",
            false,
        ),
        // A signal that is not the stop signal did not end it.
        (with(0, &[("start", 0), ("kill", 1), ("die", 0)]), "app-exit", false),
        (with(0, &[("start", 0), ("die", 0)]), "app-exit", false),
    ] {
        assert_eq!(verdict(&facts), (code, guess), "{facts:?}");
    }
}

#[test]
fn last_words() {
    for (exit_code, text, code) in [
        (101, "thread 'main' panicked at src/main.rs:2:5:\nboom", "rust-panic"),
        (2, "panic: runtime error: index out of range [1]\n\ngoroutine 1 [running]:\nmain.main()", "go-panic"),
        (
            127,
            "/app: error while loading shared libraries: libz.so.1: cannot open shared object file",
            "library-missing",
        ),
        (1, "/app: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /app)", "library-too-old"),
        (1, "listen tcp :80: bind: address already in use", "port-in-use"),
        (1, "open /data/x: read-only file system", "read-only-filesystem"),
        (1, "unknown time zone Europe/Berlin", "timezone-missing"),
        (1, "config is wrong", "app-exit"),
        // Words that are no error of this program's end.
        (1, "user email address already in use", "app-exit"),
        (1, "too many open files limit raised to 65535\nbye", "app-exit"),
        (1, "no space left on device check: ok", "app-exit"),
        (1, "read-only file system detected, using memory\nbye", "app-exit"),
        (1, "Book title: no such host", "app-exit"),
        (1, "the segmentation fault test passed", "app-exit"),
        (1, "listen tcp :80: bind: address already in use\nbye", "port-in-use"),
        // Survived long ago: told, but not with certainty.
        (0, "open /data/x: read-only file system\ndone", "app-exit"),
        (42, "", "app-exit"),
    ] {
        assert_eq!(verdict(&ContainerFacts { log: Some(log(text)), ..ended(exit_code) }).0, code, "{text}");
    }
    let past = ContainerFacts {
        log: Some(log("listen tcp :80: bind: address already in use\nusing another port\nbye")),
        ..ended(3)
    };
    assert_eq!(verdict(&past), ("port-in-use", true));
    let unreadable = ContainerFacts { log: None, ..ended(3) };
    assert!(why(&unreadable).findings[0].evidence.iter().any(|line| line.contains("cannot be read")));
}

/// An image whose program is what a test wants it to be.
fn image_of(file: &[u8], mode: u32) -> (ConfigFacts, Rootfs) {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/app", Entry::program(mode, 1, inspect(Cursor::new(file)).unwrap()));
    let config = ConfigFacts {
        entrypoint: vec!["/app".to_owned()],
        user: "1:1".to_owned(),
        platform: Some("linux/amd64".parse().unwrap()),
        ..ConfigFacts::default()
    };
    (config, rootfs)
}

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
        // The program itself ended with 1 and said something else last.
        (&dynamic, "exec /app: no such file or directory\nlater", 1, "loader-missing", true),
    ] {
        let (config, rootfs) = image_of(file, 0o755);
        let facts =
            ContainerFacts { log: Some(log(text)), image: Some(ImageFacts::new(&config, &rootfs)), ..ended(exit_code) };
        assert_eq!(verdict(&facts), (code, guess), "{text} {:?}", why(&facts));
    }
}

#[test]
fn without_a_log_the_image_alone_may_prove_it() {
    let (config, rootfs) = image_of(&Sample::glibc().build(), 0o755);
    let mut facts = ContainerFacts { log: None, image: Some(ImageFacts::new(&config, &rootfs)), ..ended(1) };
    facts.options.log_driver = "none".to_owned();
    facts.state.finished_at = Some(START + SECOND / 10);
    assert_eq!(verdict(&facts), ("loader-missing", false));
    assert!(why(&facts).findings[0].evidence.iter().any(|line| line.contains("log driver none")));
    // A program that ran for a minute was started, whatever the image looks like now.
    facts.state.finished_at = Some(START + 60 * SECOND);
    assert_eq!(verdict(&facts).0, "app-exit");
    let (config, rootfs) = image_of(&Sample::fixed().build(), 0o755);
    let mut facts = ContainerFacts { log: None, image: Some(ImageFacts::new(&config, &rootfs)), ..ended(1) };
    facts.state.finished_at = Some(START + SECOND / 10);
    assert_eq!(verdict(&facts).0, "app-exit");
}

#[test]
fn never_started() {
    let created = |error: &str| ContainerFacts {
        state: State { status: Status::Created, exit_code: 127, error: error.to_owned(), ..State::default() },
        ..ContainerFacts::default()
    };
    let runc = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
    let (config, rootfs) = image_of(&Sample::fixed().build(), 0o644);
    for (error, code) in [
        (String::new(), "never-started"),
        ("something new and strange".to_owned(), "never-started"),
        (format!("{runc}exec: \"/nope\": stat /nope: no such file or directory: unknown"), "entrypoint-missing"),
        (format!("{runc}exec: \"app\": executable file not found in $PATH: unknown"), "entrypoint-not-absolute"),
        (format!("{runc}exec: \"/app\": permission denied: unknown"), "not-executable-mode"),
        ("driver failed: Bind for 0.0.0.0:80 failed: port is already allocated".to_owned(), "port-in-use"),
        ("unable to find user nonroot: no matching entries in passwd file".to_owned(), "user-unknown"),
    ] {
        let plain = created(&error);
        assert_eq!(verdict(&plain).0, code, "{error}");
        // The image's own fault does not hide what the engine said.
        let facts = ContainerFacts { image: Some(ImageFacts::new(&config, &rootfs)), ..created(&error) };
        let proven = code.starts_with("entrypoint") || error.is_empty();
        let expected = if proven { "not-executable-mode" } else { code };
        assert_eq!(verdict(&facts).0, expected, "{error}");
    }
    // Of a runtime whose words are new, the image proves what it can.
    let error = format!("{runc}new words");
    assert_eq!(verdict(&created(&error)).0, "never-started");
    let facts = ContainerFacts { image: Some(ImageFacts::new(&config, &rootfs)), ..created(&error) };
    assert_eq!(verdict(&facts).0, "not-executable-mode");
}

#[test]
fn restarts() {
    let restarting = |status, count, exit_code, text: &str| {
        let mut facts = ContainerFacts { log: Some(log(text)), ..ended(exit_code) };
        facts.state.status = status;
        facts.restarts = Restarts { count, policy: "always".to_owned(), at_most: None };
        facts
    };
    for (facts, codes) in [
        (restarting(Status::Restarting, 1, 1, ""), "crash-loop app-exit"),
        (restarting(Status::Exited, 5, 1, ""), "crash-loop app-exit"),
        (restarting(Status::Exited, 1, 1, ""), "app-exit"),
        (
            restarting(Status::Restarting, 9, 101, "thread 'main' panicked at a.rs:1:1:"),
            "rust-panic crash-loop app-exit",
        ),
    ] {
        let findings = why(&facts).findings;
        let found: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found.join(" "), codes);
    }
}

#[test]
fn daemon_restarts() {
    let facts = |exit_code, engine_started_at| ContainerFacts { engine_started_at, ..ended(exit_code) };
    let end = START + 60 * SECOND;
    for (facts, code) in [
        (facts(255, Some(end - SECOND)), "daemon-restarted"),
        (facts(255, Some(end + 30 * SECOND)), "daemon-restarted"),
        (facts(255, Some(end + 3600 * SECOND)), "app-exit"),
        (facts(255, Some(START - SECOND)), "app-exit"),
        (facts(1, Some(end)), "app-exit"),
        (facts(255, None), "app-exit"),
        (ContainerFacts { events: Some(events(&[("start", 0), ("die", 255)])), ..facts(255, Some(end)) }, "app-exit"),
    ] {
        assert_eq!(verdict(&facts).0, code, "{facts:?}");
    }
}

#[test]
fn running_containers() {
    let running = ContainerFacts {
        state: State { status: Status::Running, started_at: Some(START), ..State::default() },
        log: Some(Vec::new()),
        ..ContainerFacts::default()
    };
    let health = |status: &str, exit_code, output: &str| {
        Some(Health {
            status: status.to_owned(),
            failing_streak: 3,
            log: vec![Probe { exit_code, output: output.to_owned() }],
        })
    };
    let limits = Limits { memory: Some(1000), pids: Some(10), ..Limits::default() };
    let processes = |zombies, handles| Some(Processes { zombies, handles_stop_signal: handles });
    let no_shell = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/bin/sh\": stat /bin/sh: no such file or directory: unknown";
    let no_curl = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"curl\": executable file not found in $PATH: unknown";
    for (facts, codes) in [
        (ContainerFacts { ..running.clone() }, "running"),
        (ContainerFacts { health: health("healthy", 0, ""), ..running.clone() }, "running"),
        (ContainerFacts { health: health("unhealthy", 1, "503"), ..running.clone() }, "running-unhealthy"),
        (
            ContainerFacts { health: health("unhealthy", -1, no_shell), ..running.clone() },
            "healthcheck-needs-shell running-unhealthy",
        ),
        (
            ContainerFacts { health: health("unhealthy", -1, no_curl), ..running.clone() },
            "healthcheck-missing-program running-unhealthy",
        ),
        (
            ContainerFacts { limits, usage: Some(Usage { memory: 900, pids: 8 }), ..running.clone() },
            "near-limit running",
        ),
        (
            ContainerFacts { limits, usage: Some(Usage { memory: 899, pids: 9 }), ..running.clone() },
            "near-limit running",
        ),
        (ContainerFacts { limits, usage: Some(Usage { memory: 899, pids: 8 }), ..running.clone() }, "running"),
        (ContainerFacts { usage: Some(Usage { memory: 900, pids: 8 }), ..running.clone() }, "running"),
        (ContainerFacts { processes: processes(40, Some(true)), ..running.clone() }, "zombies running"),
        (ContainerFacts { processes: processes(0, Some(false)), ..running.clone() }, "running stop-signal-ignored"),
        (ContainerFacts { processes: processes(0, None), ..running.clone() }, "running"),
        (
            ContainerFacts { log: Some(log("x509: certificate signed by unknown authority")), ..running.clone() },
            "running ca-certificates-missing",
        ),
    ] {
        let verdict = why(&facts);
        let found: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found.join(" "), codes, "{facts:?}");
    }
    let mut paused = running;
    paused.state.status = Status::Paused;
    assert_eq!(verdict(&paused).0, "paused");
}

#[test]
fn containers_that_are_gone() {
    let verdict = removed("web", Some(&events(&[("start", 0), ("die", 7), ("destroy", 0)])));
    assert_eq!(verdict.code, Code::Removed);
    assert!(verdict.findings[0].message.contains("exit code 7"), "{verdict:?}");
    assert!(removed("web", None).findings[0].evidence[0].contains("no event"));
}

#[test]
fn amounts_in_words() {
    for (count, words) in
        [(0, "0 bytes"), (1023, "1023 bytes"), (64 << 20, "64 MiB"), (1536 << 10, "1.5 MiB"), (2 << 30, "2 GiB")]
    {
        assert_eq!(evidence::bytes(count), words);
    }
}

/// Podman keeps no word of a start that failed.
#[test]
fn a_created_container_that_cannot_start() {
    let config = ConfigFacts { entrypoint: vec!["/gone".to_owned()], ..ConfigFacts::default() };
    let rootfs = Rootfs::complete();
    let state = State { status: Status::Created, ..State::default() };
    let facts = ContainerFacts { state, ..ContainerFacts::default() };
    assert_eq!(verdict(&facts), ("never-started", false));
    let facts = ContainerFacts { image: Some(ImageFacts::new(&config, &rootfs)), ..facts };
    assert_eq!(verdict(&facts), ("entrypoint-missing", false));
}

/// What the program met is said before what it made of it, and what it survived long ago is no cause.
#[test]
fn named_causes_come_first() {
    let filler = "working\n".repeat(9);
    let past = |line: &str| format!("{line}\n{filler}giving up");
    for (exit_code, text, codes) in [
        (
            139,
            "[INFO] using config\nthread 'main' panicked at src/client.rs:2507:38:\nClient::new(): reqwest::Error { kind: \
             Builder, source: General(\"No CA certificates were loaded from the system\") }"
                .to_owned(),
            "ca-certificates-missing rust-panic segfault-or-abort",
        ),
        (
            2,
            "panic: listen tcp :80: bind: permission denied\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:8 +0x1d"
                .to_owned(),
            "port-not-permitted go-panic app-exit",
        ),
        (
            101,
            "thread 'main' panicked at src/main.rs:4:6:\nfailed to spawn thread: Os { code: 11, kind: WouldBlock, message: \
             \"Resource temporarily unavailable\" }"
                .to_owned(),
            "process-limit rust-panic app-exit",
        ),
        (134, "terminate called after throwing an instance of 'std::bad_alloc'".to_owned(), "out-of-memory aborted"),
        (139, "accept: Too many open files".to_owned(), "file-limit segfault-or-abort"),
        (1, "dial tcp: lookup db on 127.0.0.11:53: no such host".to_owned(), "name-not-resolved app-exit"),
        // Near misses: an info line, long past, a survived panic's neighbour.
        (1, "[INFO] retry: too many open files".to_owned(), "app-exit"),
        (1, past("accept: too many open files"), "app-exit file-limit"),
        (1, "WARN cache: too many open files\nERROR: a key is missing".to_owned(), "app-exit file-limit"),
        (1, "bind: address already in use, retrying\nno config".to_owned(), "app-exit port-in-use"),
        (139, past("x509: certificate signed by unknown authority"), "segfault-or-abort"),
        (0, "accept: too many open files".to_owned(), "app-exit"),
    ] {
        let facts = ContainerFacts { log: Some(log(&text)), ..ended(exit_code) };
        let findings = why(&facts).findings;
        let found: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found.join(" "), codes, "{text}");
    }
}

/// The engine's error of a start is of a later time than the exit code beside it.
#[test]
fn the_latest_start_failed() {
    let failed = |error: &str| {
        let mut facts = ContainerFacts { log: Some(log("lost the stick")), ..ended(134) };
        error.clone_into(&mut facts.state.error);
        facts
    };
    let id = "75cdd61cd611a78e123e5b42addf3e770ccfee5e82ff33fcff53b5f367769558";
    let device =
        "error gathering device information while adding custom device \"/dev/stick\": no such file or directory";
    let mut peer = failed(&format!("No such container: {id}"));
    peer.options.network_mode = format!("container:{id}");
    let mut network = failed(&format!("network {id} not found"));
    network.options.network_mode = "shop".to_owned();
    for (facts, code, named) in [
        (failed(device), "device-missing", "/dev/stick"),
        (failed("could not select device driver \"\" with capabilities: [[gpu]]"), "device-missing", "--gpus"),
        (peer, "peer-missing", "75cdd61cd611, whose network"),
        (network, "network-missing", "the network shop"),
        (failed("Address already in use"), "start-failed", "fixed IP address"),
        (failed("driver failed: Bind for 0.0.0.0:80 failed: port is already allocated"), "port-in-use", "0.0.0.0:80"),
        (failed("new words"), "start-failed", "the latest start failed"),
    ] {
        let verdict = why(&facts);
        assert_eq!(verdict.code.as_str(), code, "{facts:?}");
        let first = &verdict.findings[0];
        assert!(first.message.contains(named) && first.message.starts_with("the latest start failed"), "{first:?}");
        assert!(first.evidence.iter().any(|line| line.contains("exit code 134")), "{first:?}");
    }
    // Running: whatever it was, it is over.
    let mut running = failed(device);
    running.state.status = Status::Running;
    assert_eq!(verdict(&running).0, "running");
}

#[test]
fn a_container_that_runs_only_between_two_ends() {
    let flapping = |count, up: i64, policy: &str, list: &[(&str, i64, i64)]| {
        let events = list
            .iter()
            .map(|(action, seconds, detail)| Event { time: START + seconds * SECOND, ..event(action, *detail) });
        ContainerFacts {
            state: State {
                status: Status::Running,
                started_at: Some(START),
                finished_at: Some(START - SECOND / 10),
                ..State::default()
            },
            restarts: Restarts { count, policy: policy.to_owned(), at_most: None },
            events: (!list.is_empty()).then(|| events.collect()),
            now: Some(START + up * SECOND),
            log: Some(Vec::new()),
            ..ContainerFacts::default()
        }
    };
    let crashes = [("start", -9, 0), ("die", -8, 3), ("start", -6, 0), ("die", -4, 3), ("start", 0, 0)];
    let successes = [("start", -9, 0), ("die", -8, 0), ("start", -6, 0), ("die", -4, 0), ("start", 0, 0)];
    let long = [("start", -200, 0), ("die", -100, 1), ("start", -99, 0), ("die", -1, 1), ("start", 0, 0)];
    for (facts, code) in [
        (flapping(3, 2, "always", &crashes), "crash-loop"),
        (flapping(3, 60, "always", &crashes), "running"),
        (flapping(3, 60, "always", &long), "crash-loop"),
        (flapping(3, 400, "always", &long), "running"),
        (flapping(3, 2, "always", &successes), "restarted-after-success"),
        (flapping(3, 2, "unless-stopped", &[]), "crash-loop"),
        (flapping(3, 30, "always", &[]), "running"),
        // Restarts by hand are not counted, and few prove nothing.
        (flapping(0, 2, "no", &crashes), "running"),
        (flapping(1, 2, "always", &crashes), "running"),
    ] {
        assert_eq!(verdict(&facts).0, code, "{facts:?}");
    }
    let unknown = why(&flapping(3, 2, "always", &[]));
    assert!(unknown.findings[0].evidence.iter().any(|line| line.contains("not on record")), "{unknown:?}");
    let mut waiting = flapping(5, 0, "always", &successes[..4]);
    waiting.state.status = Status::Restarting;
    assert_eq!(verdict(&waiting).0, "restarted-after-success");
}

/// A stop is the verdict; what went before is told beside.
#[test]
fn a_stop_ends_a_loop() {
    let stopped = |exit_code, list: &[(&str, i64)]| ContainerFacts {
        restarts: Restarts { count: 4, policy: "always".to_owned(), at_most: None },
        events: Some(events(list)),
        ..ended(exit_code)
    };
    for facts in [
        stopped(0, &[("start", 0), ("die", 3), ("start", 0), ("kill", 15), ("die", 0), ("stop", 0)]),
        stopped(3, &[("start", 0), ("die", 3), ("start", 0), ("die", 3), ("stop", 0)]),
    ] {
        let verdict = why(&facts);
        assert_eq!(verdict.code.as_str(), "stopped", "{facts:?}");
        let evidence = verdict.findings[0].evidence.join("\n");
        assert!(evidence.contains("restart count: 4") && evidence.contains("exit codes 3"), "{evidence}");
    }
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
    // Without its files, as for a list.
    assert_eq!(verdict(&created(std::slice::from_ref(&bind))).0, "hidden-by-mount");
    assert_eq!(verdict(&created(&[])).0, "entrypoint-missing");

    let (_, mut rootfs) = image_of(&Sample::fixed().build(), 0o755);
    let program = inspect(Cursor::new(Sample::fixed().build())).unwrap();
    rootfs.insert("/opt/app", Entry::program(0o755, 1, program));
    for (no_exec, code, guess) in
        [(Some(true), "mount-noexec", false), (None, "mount-noexec", true), (Some(false), "not-executable-mode", true)]
    {
        let mounts = Mounts::new(vec![Mount { no_exec, ..bind.clone() }]);
        let image = ImageFacts { mounts: Some(&mounts), ..ImageFacts::new(&config, &rootfs) };
        let facts =
            ContainerFacts { image: Some(image), log: Some(log("exec /opt/app: permission denied")), ..ended(1) };
        assert_eq!(verdict(&facts), (code, guess), "{no_exec:?}");
        let fix = why(&facts).findings[0].fix.clone().unwrap_or_default();
        assert!(!fix.contains("0755"), "{fix}");
    }
    let gone = Mount { is_source_missing: true, ..bind };
    let facts = ContainerFacts { mounts: vec![gone], ..ended(3) };
    assert_eq!(verdict(&facts).0, "mount-failed");
}

#[test]
fn a_health_check_is_told_by_how_it_is_written() {
    let not_found = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/app --flag\": stat /app \
                     --flag: no such file or directory: unknown";
    for (test, exit_code, output, code) in [
        (&["CMD", "/app --flag"][..], -1, not_found, "entrypoint-one-string"),
        (&["CMD", "/app", "--check", "||", "exit", "1"][..], 1, "usage: app", "exec-form-shell-syntax"),
        (&["CMD", "/app", "--check"][..], 1, "503", "running-unhealthy"),
    ] {
        let test = test.iter().map(|word| (*word).to_owned()).collect();
        let config = ConfigFacts { healthcheck: Some(crate::config::Healthcheck { test }), ..ConfigFacts::default() };
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/app", Entry::file(0o755, 1));
        let facts = ContainerFacts {
            state: State { status: Status::Running, started_at: Some(START), ..State::default() },
            health: Some(Health {
                status: "unhealthy".to_owned(),
                failing_streak: 3,
                log: vec![Probe { exit_code, output: output.to_owned() }],
            }),
            image: Some(ImageFacts::new(&config, &rootfs)),
            ..ContainerFacts::default()
        };
        assert_eq!(why(&facts).code.as_str(), code, "{:?}", why(&facts));
    }
}

/// Of a health check that cannot be started because no process can be, the check is not what is wrong.
#[test]
fn a_health_check_without_a_process_to_spare() {
    let facts = ContainerFacts {
        state: State { status: Status::Running, started_at: Some(START), ..State::default() },
        health: Some(Health {
            status: "unhealthy".to_owned(),
            failing_streak: 3,
            log: vec![Probe { exit_code: 255, output: "exec /app: resource temporarily unavailable".to_owned() }],
        }),
        limits: Limits { user_processes: Some(12), ..Limits::default() },
        ..ContainerFacts::default()
    };
    let verdict = why(&facts);
    assert_eq!(verdict.code, Code::ProcessLimit);
    assert!(verdict.findings[0].message.contains("ulimit nproc"), "{verdict:?}");

    // Before a check has failed.
    let config = ConfigFacts { user: "1000".to_owned(), ..ConfigFacts::default() };
    let root = ConfigFacts::default();
    let rootfs = Rootfs::complete();
    for (config, pids, code) in [(&config, 12, "process-limit"), (&config, 11, "running"), (&root, 12, "running")] {
        let facts = ContainerFacts {
            health: None,
            usage: Some(Usage { memory: 0, pids }),
            image: Some(ImageFacts::new(config, &rootfs)),
            ..facts.clone()
        };
        assert_eq!(why(&facts).code.as_str(), code, "{pids}");
    }
}
