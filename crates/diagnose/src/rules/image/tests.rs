mod lookup;

use std::io::Cursor;

use super::*;
use crate::elf::sample::Sample;
use crate::mentions::MentionScanner;
use crate::program::inspect;
use crate::rootfs::{Detail, Entry, EntryKind};

fn app() -> Program {
    inspect(Cursor::new(Sample::fixed().build())).unwrap()
}

fn scratch() -> Rootfs {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/app", Entry::program(0o755, 1, app()));
    rootfs
}

fn with(entries: &[(&str, Entry)]) -> Rootfs {
    let mut rootfs = scratch();
    for (path, entry) in entries {
        rootfs.insert(path, entry.clone());
    }
    rootfs
}

fn config(json: &str) -> ConfigFacts {
    ConfigFacts::from_image_json(
        format!(r#"{{"os": "linux", "architecture": "amd64", "config": {json}}}"#).as_bytes(),
    )
    .unwrap()
}

fn check_codes(json: &str, rootfs: &Rootfs) -> Vec<&'static str> {
    let config = config(json);
    let findings = check(ImageFacts::new(&config, rootfs));
    for finding in &findings {
        assert!(!finding.evidence.is_empty() && finding.fix.is_some(), "{finding:?}");
    }
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

const GOOD: &str = r#"{"Entrypoint": ["/app"], "User": "65532:65532"}"#;

#[test]
fn a_good_image_has_nothing() {
    assert_eq!(check_codes(GOOD, &scratch()), [] as [&str; 0]);
}

#[test]
fn commands() {
    let shell = with(&[("/bin/sh", Entry::program(0o755, 1, app()))]);
    let bin = with(&[("/usr/bin/tool", Entry::program(0o755, 1, app()))]);
    let dangling = with(&[("/run", Entry::symlink("/nowhere"))]);
    let spaced = with(&[("/app x", Entry::program(0o755, 1, app()))]);
    for (command, rootfs, expected) in [
        (r#""Cmd": null"#, &scratch(), "no-command"),
        (r#""Entrypoint": [""]"#, &scratch(), "no-command"),
        (r#""Cmd": ["/app"]"#, &scratch(), ""),
        (r#""Cmd": ["/bin/sh", "-c", "/app --x"]"#, &scratch(), "shell-form"),
        (r#""Entrypoint": ["/bin/sh", "-c", "/app"]"#, &scratch(), "shell-form"),
        (r#""Cmd": ["/bin/sh", "-c", "/app --x"]"#, &shell, ""),
        (r#""Entrypoint": ["/app"], "Cmd": ["/bin/sh", "-c", "x"]"#, &scratch(), "shell-form"),
        (r#""Entrypoint": ["/app"], "Cmd": ["-c", "x"]"#, &scratch(), ""),
        (r#""Entrypoint": ["/app --port 80"]"#, &scratch(), "entrypoint-one-string"),
        (r#""Entrypoint": ["/app x"]"#, &spaced, ""),
        (r#""Entrypoint": ["/no --port 80"]"#, &scratch(), "entrypoint-missing"),
        (r#""Entrypoint": ["app"]"#, &scratch(), "entrypoint-not-absolute"),
        (r#""Entrypoint": ["app"], "Env": ["PATH=/"]"#, &scratch(), ""),
        (r#""Entrypoint": ["tool"]"#, &bin, ""),
        (r#""Entrypoint": ["tool"], "Env": ["PATH=/bin"]"#, &bin, "entrypoint-not-absolute"),
        (r#""Entrypoint": ["none"]"#, &scratch(), "entrypoint-missing"),
        (r#""Entrypoint": ["./app"]"#, &scratch(), ""),
        (r#""Entrypoint": ["./app"], "WorkingDir": "/srv"}"#, &scratch(), "entrypoint-missing"),
        (r#""Entrypoint": ["/bin/app"]"#, &scratch(), "entrypoint-missing"),
        (r#""Entrypoint": ["/run"]"#, &dangling, "entrypoint-missing"),
        (r#""Entrypoint": ["/app/x"]"#, &scratch(), "entrypoint-missing"),
        (r#""Entrypoint": ["/app"], "Env": ["=x"]"#, &scratch(), "environment-invalid"),
        (r#""Entrypoint": ["/app"], "Env": ["X="]"#, &scratch(), ""),
        (r#""Entrypoint": ["/app"], "WorkingDir": "/app""#, &scratch(), "workdir-not-a-directory"),
        (
            r#""Entrypoint": ["/app"], "WorkingDir": "/app/x""#,
            &scratch(),
            "workdir-not-a-directory",
        ),
        (r#""Entrypoint": ["/app"], "WorkingDir": "/absent""#, &scratch(), ""),
    ] {
        let json = format!(r#"{{"User": "1:1", {}}}"#, command.trim_end_matches('}'));
        assert_eq!(check_codes(&json, rootfs).join(" "), expected, "{command}");
    }
}

#[test]
fn the_message_names_the_right_place() {
    let config = config(r#"{"Entrypoint": ["/usr/local/bin/app"], "User": "1"}"#);
    let rootfs = scratch();
    let findings = check(ImageFacts::new(&config, &rootfs));
    assert!(
        findings[0].evidence.iter().any(|line| line == "a file of that name is at /app"),
        "{findings:?}"
    );
}

#[test]
fn long_arguments() {
    for (length, found) in [(131_071, false), (131_072, true)] {
        let config = ConfigFacts {
            entrypoint: vec!["/app".to_owned()],
            env: vec![format!("A={}", "x".repeat(length - 2))],
            user: "1".to_owned(),
            ..ConfigFacts::default()
        };
        let rootfs = scratch();
        let findings = check(ImageFacts::new(&config, &rootfs));
        assert_eq!(
            findings.first().is_some_and(|finding| finding.code.as_str() == "argument-too-long"),
            found
        );
    }
}

#[test]
fn permissions() {
    let file = |mode: u32| Entry::program(mode, 1, app());
    let capable = |capabilities: [u32; 5]| {
        let mut entry = file(0o755);
        entry.capabilities = Some(capabilities.map(u32::to_le_bytes).concat().into());
        entry
    };
    let net_admin = 1 << 12;
    for (entry, parent, user, expected) in [
        (file(0o755), 0o755, "1:1", ""),
        (file(0o644), 0o755, "1:1", "not-executable-mode"),
        (file(0o644), 0o755, "0", "not-executable-mode"),
        (file(0o700), 0o755, "1:1", "not-executable-mode"),
        (file(0o700), 0o755, "0", ""),
        (file(0o700).owned_by(1, 1), 0o755, "1:1", ""),
        (file(0o750).owned_by(0, 1), 0o755, "7:1", ""),
        (Entry::directory(0o755), 0o755, "1:1", "not-executable-mode"),
        (file(0o755), 0o700, "1:1", "parent-not-searchable"),
        (file(0o755), 0o700, "0", ""),
        (capable([0x0200_0001, net_admin, 0, 0, 0]), 0o755, "1:1", "exec-not-permitted"),
        (capable([0x0200_0000, net_admin, 0, 0, 0]), 0o755, "1:1", ""),
        (capable([0x0300_0001, 1 << 10, 0, 0, 0]), 0o755, "1:1", ""),
    ] {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/opt", Entry::directory(parent));
        rootfs.insert("/opt/app", entry.clone());
        let codes =
            check_codes(&format!(r#"{{"Entrypoint": ["/opt/app"], "User": "{user}"}}"#), &rootfs);
        let codes: Vec<&str> = codes.into_iter().filter(|code| *code != "runs-as-root").collect();
        assert_eq!(codes.join(" "), expected, "{entry:?} {user}");
    }
}

#[test]
fn users() {
    let passwd = with(&[
        ("/etc/passwd", Entry::content(0o644, *b"root:x:0:0::/:\napp:x:5:5::/:\n")),
        ("/etc/group", Entry::content(0o644, *b"web:x:33:\n")),
    ]);
    for (user, rootfs, expected) in [
        ("", &scratch(), "runs-as-root"),
        ("0:0", &scratch(), "runs-as-root"),
        ("root", &passwd, "runs-as-root"),
        ("root", &scratch(), "user-unknown"),
        ("app", &scratch(), "user-unknown"),
        ("app", &passwd, "user-not-numeric"),
        ("app:web", &passwd, "user-not-numeric"),
        ("5:web", &passwd, ""),
        ("5:nogroup", &passwd, "user-unknown"),
        ("5", &passwd, ""),
        ("65532:65532", &scratch(), ""),
    ] {
        let codes =
            check_codes(&format!(r#"{{"Entrypoint": ["/app"], "User": "{user}"}}"#), rootfs);
        assert_eq!(codes.join(" "), expected, "{user}");
    }
}

#[test]
fn health_checks() {
    let shell = with(&[("/bin/sh", Entry::program(0o755, 1, app()))]);
    let curl = with(&[("/usr/bin/curl", Entry::program(0o755, 1, app()))]);
    for (test, rootfs, expected) in [
        (r#"["CMD-SHELL", "curl -f localhost"]"#, &scratch(), "healthcheck-needs-shell"),
        (r#"["CMD", "/bin/sh", "-c", "true"]"#, &scratch(), "healthcheck-needs-shell"),
        (r#"["CMD-SHELL", "curl -f localhost"]"#, &shell, ""),
        (r#"["CMD", "curl", "-f"]"#, &scratch(), "healthcheck-missing-program"),
        (r#"["CMD", "curl", "-f"]"#, &curl, ""),
        (r#"["CMD", "/app", "--health"]"#, &scratch(), ""),
        (r#"["NONE"]"#, &scratch(), ""),
        (r#"["CMD"]"#, &scratch(), ""),
        ("[]", &scratch(), ""),
    ] {
        let json = format!(
            r#"{{"Entrypoint": ["/app"], "User": "1", "Healthcheck": {{"Test": {test}}}}}"#
        );
        assert_eq!(check_codes(&json, rootfs).join(" "), expected, "{test}");
    }
    let config = config(
        r#"{"Entrypoint": ["/app"], "User": "1", "Healthcheck": {"Test": ["CMD-SHELL", "/app --health"]}}"#,
    );
    let rootfs = scratch();
    let findings = check(ImageFacts::new(&config, &rootfs));
    assert!(findings[0].fix.as_ref().unwrap().contains(r#"HEALTHCHECK CMD ["/app", "--health"]"#));
}

#[test]
fn volumes_and_stop_signals() {
    let rootfs = with(&[
        ("/srv/app", Entry::program(0o755, 1, app())),
        ("/link", Entry::symlink("srv/app")),
    ]);
    for (settings, program, expected) in [
        (r#""Volumes": {"/": {}}"#, "/app", "volume-not-mountable"),
        (r#""Volumes": {"/../": {}}"#, "/app", "volume-not-mountable"),
        (r#""Volumes": {"/proc": {}}"#, "/app", "volume-not-mountable"),
        (r#""Volumes": {"/proc/sys/x": {}}"#, "/app", "volume-not-mountable"),
        (r#""Volumes": {"/processes": {}, "/dev/shm": {}, "/data": {}, "/sys": {}}"#, "/app", ""),
        (r#""Volumes": {"/dev/": {}}"#, "/app", "volume-not-mountable"),
        (r#""Volumes": {"/app": {}}"#, "/app", "volume-not-mountable"),
        (r#""Volumes": {"/app/x": {}}"#, "/app", "volume-not-mountable"),
        (r#""Volumes": {"/srv": {}}"#, "/app", ""),
        (r#""Volumes": {"/srv": {}}"#, "/srv/app", "volume-hides-program"),
        (r#""Volumes": {"srv/": {}}"#, "/link", "volume-hides-program"),
        (r#""Volumes": {"/sr": {}}"#, "/srv/app", ""),
        (r#""Volumes": null"#, "/app", ""),
        (r#""StopSignal": "SIGTERM""#, "/app", ""),
        (r#""StopSignal": "RTMIN+3""#, "/app", ""),
        (r#""StopSignal": "64""#, "/app", ""),
        (r#""StopSignal": """#, "/app", ""),
        (r#""StopSignal": "SIGFOO""#, "/app", "stop-signal-unknown"),
        (r#""StopSignal": "0""#, "/app", "stop-signal-unknown"),
        (r#""StopSignal": "65""#, "/app", "stop-signal-unknown"),
    ] {
        let json = format!(r#"{{"Entrypoint": ["{program}"], "User": "1", {settings}}}"#);
        assert_eq!(check_codes(&json, &rootfs).join(" "), expected, "{settings} {program}");
    }
}

#[test]
fn what_is_no_regular_file_is_no_program() {
    let special = Entry { kind: EntryKind::Special, ..Entry::file(0o755, 0) };
    let rootfs = with(&[("/pipe", special)]);
    for user in ["1:1", "0"] {
        let codes =
            check_codes(&format!(r#"{{"Entrypoint": ["/pipe"], "User": "{user}"}}"#), &rootfs);
        assert_eq!(codes[0], "not-executable-mode", "{user}");
    }
}

#[test]
fn needs_of_the_program() {
    let go = |version: &'static str| {
        let mut record = b"\xff Go buildinf:\x08\x02".to_vec();
        record.resize(32, 0);
        record.push(u8::try_from(version.len()).unwrap());
        record.extend(version.bytes());
        record.push(0);
        Sample::fixed().section(".go.buildinfo", 1, record)
    };
    let plain = Sample::fixed();
    let glibc = Sample { os_abi: 3, ..Sample::fixed() };
    // The record of a large program is not read, but the note is.
    let large_go =
        Sample { notes: b"\x04\0\0\0\x04\0\0\0\x04\0\0\0Go\0\0abcd".to_vec(), ..glibc.clone() };
    let none: Vec<(&str, Entry)> = Vec::new();
    let file = || Entry::file(0o644, 1);
    for (sample, text, env, entries, expected) in [
        (&plain, "/etc/ssl/certs/ca-certificates.crt", "", none.clone(), "ca-certificates-missing"),
        (&plain, "SSL_CERT_FILE", "", vec![("/etc/ssl/cert.pem", file())], ""),
        (&plain, "", "SSL_CERT_FILE=/ca.pem", none.clone(), "ca-certificates-missing"),
        (&plain, "", "SSL_CERT_FILE=/ca.pem", vec![("/ca.pem", file())], ""),
        (&plain, "/usr/share/zoneinfo", "", none.clone(), "timezone-missing"),
        (&plain, "/usr/share/zoneinfo time/tzdata", "", none.clone(), ""),
        (&plain, "/usr/share/zoneinfo", "", vec![("/usr/share/zoneinfo/UTC", file())], ""),
        (&plain, "", "TZ=Europe/Berlin", none.clone(), "timezone-missing"),
        (&plain, "", "TZ=Europe/Berlin", vec![("/usr/share/zoneinfo/Europe/Berlin", file())], ""),
        (&plain, "", "TZ=UTC", none.clone(), ""),
        (&plain, "/tmp", "", none.clone(), "tmp-missing"),
        (&plain, "/tmp", "", vec![("/tmp", Entry::directory(0o1777))], ""),
        (&plain, "", "", vec![("/tmp", Entry::directory(0o755))], "tmp-mode"),
        (&plain, "", "", vec![("/tmp", Entry::directory(0o777))], "tmp-mode"),
        (&plain, "", "", vec![("/tmp", Entry::directory(0o700).owned_by(1, 1))], ""),
        (&plain, "", "TMPDIR=/data", vec![("/tmp", Entry::directory(0o755))], ""),
        (&plain, "/etc/passwd", "", none.clone(), "passwd-missing"),
        (&plain, "/etc/passwd", "", vec![("/etc/passwd", file())], ""),
        (&go("go1.15.2"), "/etc/nsswitch.conf", "", none.clone(), "nsswitch-missing"),
        (&go("go1.16"), "/etc/nsswitch.conf", "", none.clone(), ""),
        (&glibc, "/etc/nsswitch.conf", "", none.clone(), "nsswitch-missing"),
        (&glibc, "/etc/nsswitch.conf", "", vec![("/etc/nsswitch.conf", file())], ""),
        (&plain, "/etc/nsswitch.conf", "", none.clone(), ""),
        (&plain, "/etc/services", "", none.clone(), "services-missing"),
        (&go("go1.23"), "/etc/services", "", none.clone(), ""),
        (&large_go, "/etc/services", "", none.clone(), ""),
        (&large_go, "/etc/nsswitch.conf", "", none.clone(), ""),
        (&glibc, "libnss_", "", none.clone(), "static-glibc-nss"),
        (&glibc, "libnss_", "", vec![("/lib64/libnss_dns.so.2", file())], ""),
        (&plain, "libnss_", "", none.clone(), ""),
        (&plain, "", "DB_PASSWORD=x", none.clone(), "secret-in-image"),
    ] {
        let mut rootfs = with(&entries);
        let program = inspect(Cursor::new(sample.build())).unwrap();
        rootfs.insert("/app", Entry::program(0o755, 1, program));
        let mut scanner = MentionScanner::new();
        scanner.push(text.as_bytes());
        let found = scanner.finish();
        let config = config(
            &format!(r#"{{"Entrypoint": ["/app"], "User": "1:1", "Env": ["{env}"]}}"#)
                .replace("[\"\"]", "[]"),
        );
        let findings =
            check(ImageFacts { mentions: Some(&found), ..ImageFacts::new(&config, &rootfs) });
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes.join(" "), expected, "{text} {env} {entries:?}");
    }
}

#[test]
fn the_host_counts_before_the_declaration() {
    let config = config(GOOD);
    let rootfs = scratch();
    let host = "linux/arm64".parse().unwrap();
    let findings = check(ImageFacts { host: Some(&host), ..ImageFacts::new(&config, &rootfs) });
    assert_eq!(findings[0].code.as_str(), "wrong-architecture");
}

/// Answers the requests of an on-demand rootfs from a complete one, and counts them.
fn fetch(complete: &Rootfs, on_demand: &mut Rootfs) -> usize {
    let wanted = on_demand.take_wanted();
    for want in &wanted {
        match complete.lookup(&want.path) {
            crate::rootfs::Lookup::Present(entry) => {
                let mut entry = entry.clone();
                if let EntryKind::File { content, program, .. } = &mut entry.kind {
                    if want.detail != Detail::Content {
                        *content = None;
                    }
                    if want.detail != Detail::Program {
                        *program = None;
                    }
                }
                on_demand.insert(&want.path, entry);
            }
            crate::rootfs::Lookup::Implied => on_demand.insert(&want.path, Entry::directory(0o755)),
            _ => on_demand.insert_absent(&want.path),
        }
    }
    wanted.len()
}

#[test]
fn on_demand_ends_with_the_same_findings() {
    let bin = with(&[
        ("/etc/passwd", Entry::content(0o644, *b"app:x:5:5::/:\n")),
        ("/usr/bin/tool", Entry::symlink("../../opt/tool")),
        (
            "/opt/tool",
            Entry::program(0o755, 1, inspect(Cursor::new(Sample::glibc().build())).unwrap()),
        ),
    ]);
    for (json, rootfs, code) in [
        (r#"{"Entrypoint": ["tool"], "User": "app"}"#, &bin, Some("loader-missing")),
        (r#"{"Entrypoint": ["/app --x"], "User": "7"}"#, &bin, Some("entrypoint-one-string")),
        (r#"{"Cmd": ["/bin/sh", "-c", "x"], "User": "nobody"}"#, &bin, Some("user-unknown")),
        (GOOD, &bin, None),
    ] {
        let config = config(json);
        let mut on_demand = Rootfs::on_demand();
        let mut rounds = 0;
        let findings = loop {
            let findings = check(ImageFacts::new(&config, &on_demand));
            if fetch(rootfs, &mut on_demand) == 0 {
                break findings;
            }
            rounds += 1;
            assert!(rounds < 20, "{json}");
        };
        assert_eq!(findings, check(ImageFacts::new(&config, rootfs)), "{json}");
        assert_eq!(findings.first().map(|finding| finding.code.as_str()), code, "{json}");
    }
}

#[test]
fn shells() {
    let config = config(GOOD);
    assert_eq!(has_shell(&config, &scratch()), Some(false));
    assert_eq!(has_shell(&config, &with(&[("/bin/sh", Entry::file(0o755, 1))])), Some(true));
    assert_eq!(has_shell(&config, &Rootfs::on_demand()), None);
}
