//! Tests of containers that run, restart in a loop, or are gone.

use super::*;

const DENIED: &str = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/etc\": permission \
                      denied: unknown";

#[test]
fn restarts() {
    let restarting = |status, count, exit_code, text: &str| {
        let mut facts = ContainerFacts { log: Some(log(text)), ..ended(exit_code) };
        facts.state.phase = status;
        facts.restarts = Restarts { count, policy: "always".to_owned(), at_most: None };
        facts
    };
    for (facts, codes) in [
        (restarting(Phase::Restarting, 1, 1, ""), "crash-loop app-exit"),
        (restarting(Phase::Exited, 5, 1, ""), "crash-loop app-exit"),
        (restarting(Phase::Exited, 1, 1, ""), "app-exit"),
        (
            restarting(Phase::Restarting, 9, 101, "thread 'main' panicked at a.rs:1:1:"),
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
    let facts =
        |exit_code, engine_started_at| ContainerFacts { engine_started_at, ..ended(exit_code) };
    let end = START + 60 * SECOND;
    for (facts, code) in [
        (facts(255, Some(end - SECOND)), "daemon-restarted"),
        (facts(255, Some(end + 30 * SECOND)), "daemon-restarted"),
        (facts(255, Some(end + 3600 * SECOND)), "app-exit"),
        (facts(255, Some(START - SECOND)), "app-exit"),
        (facts(1, Some(end)), "app-exit"),
        (facts(255, None), "app-exit"),
        (
            ContainerFacts {
                events: Some(events(&[("start", 0), ("die", 255)])),
                ..facts(255, Some(end))
            },
            "app-exit",
        ),
    ] {
        assert_eq!(verdict(&facts).0, code, "{facts:?}");
    }
}

#[test]
fn running_containers() {
    let running = ContainerFacts {
        state: State { phase: Phase::Running, started_at: Some(START), ..State::default() },
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
        (
            ContainerFacts { health: health("unhealthy", 1, "503"), ..running.clone() },
            "running-unhealthy",
        ),
        (
            ContainerFacts { health: health("unhealthy", -1, no_shell), ..running.clone() },
            "healthcheck-needs-shell running-unhealthy",
        ),
        (
            ContainerFacts { health: health("unhealthy", -1, no_curl), ..running.clone() },
            "healthcheck-missing-program running-unhealthy",
        ),
        (
            ContainerFacts {
                limits,
                usage: Some(Usage { memory: 900, pids: 8 }),
                ..running.clone()
            },
            "near-limit running",
        ),
        (
            ContainerFacts {
                limits,
                usage: Some(Usage { memory: 899, pids: 9 }),
                ..running.clone()
            },
            "near-limit running",
        ),
        (
            ContainerFacts {
                limits,
                usage: Some(Usage { memory: 899, pids: 8 }),
                ..running.clone()
            },
            "running",
        ),
        (
            ContainerFacts { usage: Some(Usage { memory: 900, pids: 8 }), ..running.clone() },
            "running",
        ),
        (
            ContainerFacts { processes: processes(40, Some(true)), ..running.clone() },
            "zombies running",
        ),
        (
            ContainerFacts { processes: processes(0, Some(false)), ..running.clone() },
            "running stop-signal-ignored",
        ),
        (ContainerFacts { processes: processes(0, None), ..running.clone() }, "running"),
        (
            ContainerFacts {
                log: Some(log("x509: certificate signed by unknown authority")),
                ..running.clone()
            },
            "running ca-certificates-missing",
        ),
    ] {
        let verdict = why(&facts);
        let found: Vec<&str> =
            verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found.join(" "), codes, "{facts:?}");
    }
    let mut paused = running;
    paused.state.phase = Phase::Paused;
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
fn a_container_that_runs_only_between_two_ends() {
    let flapping = |count, up: i64, policy: &str, list: &[(&str, i64, i64)]| {
        let events = list.iter().map(|(action, seconds, detail)| Event {
            time: START + seconds * SECOND,
            ..event(action, *detail)
        });
        ContainerFacts {
            state: State {
                phase: Phase::Running,
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
    let crashes =
        [("start", -9, 0), ("die", -8, 3), ("start", -6, 0), ("die", -4, 3), ("start", 0, 0)];
    let successes =
        [("start", -9, 0), ("die", -8, 0), ("start", -6, 0), ("die", -4, 0), ("start", 0, 0)];
    let long =
        [("start", -200, 0), ("die", -100, 1), ("start", -99, 0), ("die", -1, 1), ("start", 0, 0)];
    for (facts, code) in [
        (flapping(3, 2, "always", &crashes), "crash-loop"),
        (flapping(3, 60, "always", &crashes), "running"),
        (flapping(3, 60, "always", &long), "crash-loop"),
        (flapping(3, 400, "always", &long), "running"),
        (flapping(3, 2, "always", &successes), "restarted-after-success"),
        (flapping(3, 2, "unless-stopped", &[]), "crash-loop"),
        (flapping(3, 30, "always", &[]), "running"),
        // Manual restarts do not count, and few restarts prove nothing.
        (flapping(0, 2, "no", &crashes), "running"),
        (flapping(1, 2, "always", &crashes), "running"),
    ] {
        assert_eq!(verdict(&facts).0, code, "{facts:?}");
    }
    let unknown = why(&flapping(3, 2, "always", &[]));
    assert!(
        unknown.findings[0].evidence.iter().any(|line| line.contains("not on record")),
        "{unknown:?}"
    );
    let mut waiting = flapping(5, 0, "always", &successes[..4]);
    waiting.state.phase = Phase::Restarting;
    assert_eq!(verdict(&waiting).0, "restarted-after-success");
}

/// A stop is the verdict. Earlier problems are reported beside it.
#[test]
fn a_stop_ends_a_loop() {
    let stopped = |exit_code, list: &[(&str, i64)]| ContainerFacts {
        restarts: Restarts { count: 4, policy: "always".to_owned(), at_most: None },
        events: Some(events(list)),
        ..ended(exit_code)
    };
    for facts in [
        stopped(
            0,
            &[("start", 0), ("die", 3), ("start", 0), ("kill", 15), ("die", 0), ("stop", 0)],
        ),
        stopped(3, &[("start", 0), ("die", 3), ("start", 0), ("die", 3), ("stop", 0)]),
    ] {
        let verdict = why(&facts);
        assert_eq!(verdict.code.as_str(), "stopped", "{facts:?}");
        let evidence = verdict.findings[0].evidence.join("\n");
        assert!(
            evidence.contains("restart count: 4") && evidence.contains("exit codes 3"),
            "{evidence}"
        );
    }
}

#[test]
fn a_health_check_is_told_by_how_it_is_written() {
    let not_found = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/app --flag\": stat /app \
                     --flag: no such file or directory: unknown";
    for (test, exit_code, output, code) in [
        (&["CMD", "/app --flag"][..], -1, not_found, "entrypoint-one-string"),
        (
            &["CMD", "/app", "--check", "||", "exit", "1"][..],
            1,
            "usage: app",
            "exec-form-shell-syntax",
        ),
        (&["CMD", "/app", "--check"][..], 1, "503", "running-unhealthy"),
        (&["CMD", "/etc"][..], -1, DENIED, "not-executable-mode"),
        (
            &["CMD", "/nope"][..],
            -1,
            "exec: \"/nope\": stat /nope: no such file or directory",
            "healthcheck-missing-program",
        ),
        (&["CMD", "/app"][..], 1, "exec /app: exec format error", "wrong-architecture"),
        (&["CMD", "/app"][..], 1, "cannot exec /app: exec format error", "running-unhealthy"),
    ] {
        let test = test.iter().map(|word| (*word).to_owned()).collect();
        let config = ConfigFacts {
            healthcheck: Some(crate::config::Healthcheck { test }),
            ..ConfigFacts::default()
        };
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/app", Entry::file(0o755, 1));
        rootfs.insert("/etc", Entry::directory(0o755));
        let facts = ContainerFacts {
            state: State { phase: Phase::Running, started_at: Some(START), ..State::default() },
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

/// If a health check cannot be started because no process can be, the check is not the problem.
#[test]
fn a_health_check_without_a_process_to_spare() {
    let facts = ContainerFacts {
        state: State { phase: Phase::Running, started_at: Some(START), ..State::default() },
        health: Some(Health {
            status: "unhealthy".to_owned(),
            failing_streak: 3,
            log: vec![Probe {
                exit_code: 255,
                output: "exec /app: resource temporarily unavailable".to_owned(),
            }],
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
    for (config, pids, code) in
        [(&config, 12, "process-limit"), (&config, 11, "running"), (&root, 12, "running")]
    {
        let facts = ContainerFacts {
            health: None,
            usage: Some(Usage { memory: 0, pids }),
            image: Some(ImageFacts::new(config, &rootfs)),
            ..facts.clone()
        };
        assert_eq!(why(&facts).code.as_str(), code, "{pids}");
    }
}
