//! Ends and checks that resemble others.

use super::*;

#[test]
fn a_stop_by_sigkill_is_no_docker_kill() {
    for (stop_signal, list, code, is_guess) in [
        ("SIGKILL", &[("start", 0), ("kill", 9), ("die", 137), ("stop", 0)][..], "stopped", false),
        // docker stop --signal KILL.
        ("", &[("start", 0), ("kill", 9), ("die", 137), ("stop", 0)], "stopped", false),
        // Podman's record has no signal.
        ("KILL", &[("start", 0), ("die", 137), ("stop", 0)], "stopped", false),
        ("SIGKILL", &[("start", 0), ("kill", 9), ("die", 137)], "killed-from-outside", true),
        ("", &[("start", 0), ("kill", 9), ("die", 137)], "killed-from-outside", false),
        (
            "",
            &[("start", 0), ("kill", 15), ("kill", 9), ("die", 137), ("stop", 0)],
            "stop-signal-ignored",
            false,
        ),
        ("", &[("start", 0), ("die", 137), ("stop", 0)], "stop-signal-ignored", true),
    ] {
        let config = ConfigFacts { stop_signal: stop_signal.to_owned(), ..ConfigFacts::default() };
        let rootfs = Rootfs::complete();
        let mut facts = ended(137);
        facts.image = Some(ImageFacts::new(&config, &rootfs));
        facts.events = Some(events(list));
        assert_eq!(verdict(&facts), (code, is_guess), "{stop_signal} {list:?}");
    }
}

#[test]
fn what_a_shell_may_not_execute_is_not_the_shell() {
    let (config, mut rootfs) = image_of(b"#!/bin/sh\n", 0o755);
    rootfs.insert("/data.txt", Entry::file(0o644, 1));
    let tmpfs = |no_exec| {
        let mut mount = Mount::new(MountKind::Tmpfs, "", "/t");
        mount.no_exec = Some(no_exec);
        vec![mount]
    };
    for (line, exit_code, mounts, code, is_guess, part) in [
        (
            "sh: /x: Permission denied",
            126,
            vec![],
            "not-executable-mode",
            false,
            "may not execute /x",
        ),
        (
            "sh: /data.txt: Permission denied",
            126,
            vec![],
            "not-executable-mode",
            false,
            "its mode is 0644",
        ),
        (
            "sh: exec: line 0: /t/x: Permission denied",
            126,
            tmpfs(true),
            "mount-noexec",
            false,
            "the tmpfs at /t is noexec",
        ),
        (
            "sh: 1: exec: /t/x: Permission denied",
            126,
            tmpfs(false),
            "not-executable-mode",
            false,
            "/t/x",
        ),
        (
            "bash: line 1: /x: cannot execute: Permission denied",
            126,
            vec![],
            "not-executable-mode",
            false,
            "/x",
        ),
        // Bash prints the same for a file that it may not write.
        ("bash: line 1: /x: Permission denied", 1, vec![], "not-executable-mode", true, "/x"),
    ] {
        let mut facts = ended(exit_code);
        facts.log = Some(log(&format!("started\n{line}")));
        facts.mounts = mounts;
        facts.image = Some(ImageFacts::new(&config, &rootfs));
        assert_eq!(verdict(&facts), (code, is_guess), "{line}");
        let first = &why(&facts).findings[0];
        assert!(first.message.contains(part) && !first.message.contains("/app"), "{first:?}");
    }
}

#[test]
fn a_program_that_was_refused_did_not_end_by_itself() {
    for (line, code) in [
        ("exec /s2.sh: too many levels of symbolic links", "interpreter-missing"),
        ("exec /app: input/output error", "start-failed"),
        ("exec /app: text file busy", "file-busy"),
    ] {
        let mut facts = at_once(255);
        facts.log = Some(log(line));
        assert_eq!(verdict(&facts), (code, false), "{line}");
        assert!(why(&facts).findings.iter().all(|finding| finding.code != Code::AppExit), "{line}");
    }
}

#[test]
fn a_probe_whose_shell_finds_no_program_names_it() {
    let probed = |status: &str, exit_code, output: &str| {
        let probe = Probe { exit_code, output: output.to_owned() };
        let health = Health { status: status.to_owned(), failing_streak: 3, log: vec![probe] };
        let state = State { phase: Phase::Running, started_at: Some(START), ..State::default() };
        ContainerFacts {
            state,
            health: Some(health),
            log: Some(Vec::new()),
            ..ContainerFacts::default()
        }
    };
    for (exit_code, output, code) in [
        (127, "/bin/sh: curl: not found\n", "healthcheck-missing-program"),
        (1, "/bin/sh: 1: curl: not found\n", "healthcheck-missing-program"),
        (1, "/bin/sh: line 1: curl: command not found\n", "healthcheck-missing-program"),
        (1, "404 not found\n", "running-unhealthy"),
    ] {
        let facts = probed("unhealthy", exit_code, output);
        assert_eq!(verdict(&facts).0, code, "{output}");
    }
    let facts = probed("starting", 1, "refused\n");
    let first = &why(&facts).findings[0];
    assert_eq!(first.code, Code::Running);
    assert!(
        first
            .evidence
            .iter()
            .any(|line| line.contains("3 times in a row so far; the last said: refused")),
        "{first:?}"
    );
    let mut facts = probed("healthy", 0, "");
    facts.health.as_mut().unwrap().failing_streak = 0;
    assert!(!why(&facts).findings[0].evidence.iter().any(|line| line.contains("so far")));
}

#[test]
fn what_an_engine_does_not_tell_is_said() {
    let mut facts = ended(1);
    facts.log_gap = Some("the stream was cut".to_owned());
    let first = &why(&facts).findings[0];
    assert!(!first.evidence.iter().any(|line| line.contains("empty")), "{first:?}");
    let said = |facts: &ContainerFacts<'_>, part: &str| {
        why(facts).findings[0].evidence.iter().filter(|line| line.contains(part)).count()
    };
    assert_eq!(said(&facts, "could not be read to its end: the stream was cut"), 1);
    facts.log = Some(log("panic: x"));
    assert_eq!(said(&facts, "could not be read to its end: the stream was cut"), 1);
    facts.log = None;
    assert_eq!(said(&facts, "could not be read to its end: the stream was cut"), 1);
    facts.gaps = vec!["no events".to_owned()];
    assert_eq!(said(&facts, "no events"), 1);
}

#[test]
fn a_line_of_a_short_log_is_not_long_before_the_end() {
    let mut facts = ended(1);
    let text = "WARN: dial tcp 192.0.2.1:1: connect: connection refused, retrying\nready\nbye";
    facts.log = Some(log(text));
    let said = format!("{:?}", why(&facts).findings);
    assert!(
        said.contains("the log says, before the end:") && !said.contains("long before"),
        "{said}"
    );
    facts.log = Some(log(&format!("{text}{}", "\nready".repeat(20))));
    assert!(format!("{:?}", why(&facts).findings).contains("long before the end"));
}

/// Nobody asked the engine for the SIGKILL: what else it may have been is told, and never said to
/// be certain.
#[test]
fn a_kill_that_the_engine_does_not_know_has_several_possible_causes() {
    const INSIDE: &str = "a process in the container";
    for (init, cpu_seconds, parts) in [
        (
            false,
            None,
            &["a process of the host", "a child whose code it passed on", "a limit of CPU time"][..],
        ),
        (true, None, &["a process of the host", INSIDE, "a child whose code it passed on"]),
        (
            false,
            Some(1),
            &["its limit of CPU time (ulimit cpu), a process of the host", "a child whose code"],
        ),
    ] {
        let mut facts = ended(137);
        facts.events = Some(events(&[("start", 0), ("die", 137)]));
        facts.options.init = init;
        facts.limits.cpu_seconds = cpu_seconds;
        assert_eq!(verdict(&facts), ("killed-from-outside", true));
        let message = &why(&facts).findings[0].message;
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert_eq!(message.contains(INSIDE), init, "{message}");
        assert!(!message.contains("was killed with SIGKILL by"), "{message}");
    }
}
