//! Tests of the reason for the end of the last run.

use super::*;

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
        (
            with(&[("start", 0), ("kill", 15), ("kill", 9), ("die", 137)]),
            "stop-signal-ignored",
            false,
        ),
        (with(&[("start", 0), ("kill", 15), ("die", 137)]), "stop-signal-ignored", true),
        (with(&[("start", 0), ("stop", 0), ("die", 137)]), "stop-signal-ignored", true),
        (with(&[("start", 0), ("kill", 9), ("die", 137)]), "killed-from-outside", false),
        (with(&[("start", 0), ("die", 137)]), "killed-from-outside", true),
        // An earlier run's signals do not matter.
        (
            with(&[("kill", 15), ("kill", 9), ("die", 137), ("start", 0), ("die", 137)]),
            "killed-from-outside",
            true,
        ),
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
fn a_container_in_the_pid_namespace_of_one_that_goes_on() {
    let owned_by = |owner: Option<State>| {
        let options = Options {
            pid_mode: "container:app".to_owned(),
            pid_owner: owner.map(Box::new),
            ..Options::default()
        };
        let mut facts = ContainerFacts {
            options,
            events: Some(events(&[("start", 0), ("die", 137)])),
            ..ended(137)
        };
        facts.state.finished_at = Some(START + 100 * SECOND);
        let verdict = why(&facts);
        verdict.findings[0].message.contains("when that one ended")
    };
    let state = |phase, finished_at: Option<i64>| {
        let finished_at = finished_at.map(|seconds| START + seconds * SECOND);
        Some(State { phase, started_at: Some(START), finished_at, ..State::default() })
    };
    for (owner, expected) in [
        (None, true),
        (state(Phase::Exited, Some(100)), true),
        // It was started again.
        (state(Phase::Running, Some(99)), true),
        (state(Phase::Running, None), false),
        (state(Phase::Running, Some(-50)), false),
        (state(Phase::Exited, Some(160)), false),
    ] {
        assert_eq!(owned_by(owner.clone()), expected, "{owner:?}");
    }
}

#[test]
fn signals() {
    let init = Options { init: true, ..Options::default() };
    for (facts, code, guess) in [
        (ended(139), "segfault-or-abort", true),
        (ContainerFacts { options: init, ..ended(139) }, "segfault-or-abort", true),
        (
            ContainerFacts {
                log: Some(log("thread 'main' has overflowed its stack")),
                ..ended(139)
            },
            "aborted",
            true,
        ),
        (ended(134), "aborted", true),
        (ended(132), "illegal-instruction", true),
        (
            ContainerFacts {
                log: Some(log("Fatal glibc error: CPU does not support x86-64-v3")),
                ..ended(132)
            },
            "cpu-level",
            false,
        ),
        (ended(159), "forbidden-syscall", true),
        (ended(136), "killed-by-signal", true),
        (
            ContainerFacts {
                log: Some(log("thread 'main' panicked at a.rs:1:1:\nboom")),
                ..ended(134)
            },
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
    assert!(
        verdict.findings.iter().all(|finding| finding.code != Code::SegfaultOrAbort),
        "{verdict:?}"
    );

    let only_a_stack =
        why(&ContainerFacts { log: Some(log("goroutine 1 [running]:\nmain.main()")), ..ended(2) });
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
        // A signal other than the stop signal did not end it.
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
        (
            2,
            "panic: runtime error: index out of range [1]\n\ngoroutine 1 [running]:\nmain.main()",
            "go-panic",
        ),
        (
            127,
            "/app: error while loading shared libraries: libz.so.1: cannot open shared object file",
            "library-missing",
        ),
        (
            1,
            "/app: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /app)",
            "library-too-old",
        ),
        (1, "listen tcp :80: bind: address already in use", "port-in-use"),
        (1, "open /data/x: read-only file system", "read-only-filesystem"),
        (1, "unknown time zone Europe/Berlin", "timezone-missing"),
        (1, "config is wrong", "app-exit"),
        // Words that do not report an error of this program's end.
        (1, "user email address already in use", "app-exit"),
        (1, "too many open files limit raised to 65535\nbye", "app-exit"),
        (1, "no space left on device check: ok", "app-exit"),
        (1, "read-only file system detected, using memory\nbye", "app-exit"),
        (1, "Book title: no such host", "app-exit"),
        (1, "the segmentation fault test passed", "app-exit"),
        (1, "listen tcp :80: bind: address already in use\nbye", "port-in-use"),
        // Survived long ago: reported, but not as certain.
        (0, "open /data/x: read-only file system\ndone", "app-exit"),
        (42, "", "app-exit"),
    ] {
        assert_eq!(
            verdict(&ContainerFacts { log: Some(log(text)), ..ended(exit_code) }).0,
            code,
            "{text}"
        );
    }
    let past = ContainerFacts {
        log: Some(log("listen tcp :80: bind: address already in use\nusing another port\nbye")),
        ..ended(3)
    };
    assert_eq!(verdict(&past), ("port-in-use", true));
    let unreadable = ContainerFacts { log: None, ..ended(3) };
    assert!(
        why(&unreadable).findings[0].evidence.iter().any(|line| line.contains("cannot be read"))
    );
}

#[test]
fn amounts_in_words() {
    for (count, words) in [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (64 << 20, "64 MiB"),
        (1536 << 10, "1.5 MiB"),
        (2 << 30, "2 GiB"),
    ] {
        assert_eq!(evidence::bytes(count), words);
    }
}

/// The cause comes before its consequence, and an error that was survived long ago is not the
/// cause.
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
        // Near misses: an info line, an old error, a line beside a survived panic.
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
