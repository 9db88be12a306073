//! Tests of looking up the program of an image.

use super::*;

#[test]
fn what_the_runtime_has_of_its_own_hides_a_program() {
    let program = || Entry::program(0o755, 1, app());
    for path in [
        "/dev/app",
        "/dev/shm/app",
        "/proc/app",
        "/sys/fs/cgroup/app",
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/etc/mtab",
        "/.dockerenv",
    ] {
        let rootfs = with(&[(path, program())]);
        let config = format!(r#"{{"Cmd": ["{path}"], "User": "1:1"}}"#);
        assert_eq!(check_codes(&config, &rootfs), ["hidden-by-mount"], "{path}");
        let probe = format!(
            r#"{{"Cmd": ["/app"], "User": "1:1", "Healthcheck": {{"Test": ["CMD", "{path}"]}}}}"#
        );
        assert_eq!(check_codes(&probe, &rootfs), ["hidden-by-mount"], "{path}");
    }
    let linked = with(&[("/dev/app", program()), ("/bin/x", Entry::symlink("../dev/app"))]);
    assert_eq!(check_codes(r#"{"Cmd": ["x"], "User": "1:1"}"#, &linked), ["hidden-by-mount"]);
    for path in ["/run/app", "/device/app", "/etc/hosts.d/app", "/srv/dev/app", "/tmp/app"] {
        let rootfs = with(&[(path, program())]);
        assert_eq!(
            check_codes(&format!(r#"{{"Cmd": ["{path}"], "User": "1:1"}}"#), &rootfs),
            [] as [&str; 0],
            "{path}"
        );
    }
}

#[test]
fn a_slash_behind_a_file_is_none_of_a_program() {
    for (command, expected) in
        [("/app/", &["entrypoint-missing"][..]), ("/app/.", &["entrypoint-missing"]), ("/app", &[])]
    {
        assert_eq!(
            check_codes(&format!(r#"{{"Entrypoint": ["{command}"], "User": "1:1"}}"#), &scratch()),
            expected
        );
    }
}

#[test]
fn numbers_of_users_have_an_end() {
    for (user, expected) in [
        ("2147483647", &[][..]),
        ("1:2147483647", &[]),
        ("1:2:3", &[]),
        ("+5", &[]),
        ("2147483648", &["user-unknown"]),
        ("4294967295", &["user-unknown"]),
        ("1:4294967295", &["user-unknown"]),
        ("-1", &["user-unknown"]),
        ("99999999999", &["user-unknown"]),
        ("1000 1000", &["user-unknown"]),
    ] {
        assert_eq!(
            check_codes(&format!(r#"{{"Entrypoint": ["/app"], "User": "{user}"}}"#), &scratch()),
            expected,
            "{user}"
        );
    }
}

#[test]
fn a_file_that_nobody_may_execute_is_passed_over_in_path() {
    let text = || Entry::file(0o644, 6);
    let private = || Entry::program(0o700, 1, app());
    let good = || Entry::program(0o755, 1, app());
    let config = r#"{"Entrypoint": ["x"], "User": "7:7", "Env": ["PATH=/a:/b"]}"#;
    for (entries, expected) in [
        (vec![("/a/x", text()), ("/b/x", good())], &[][..]),
        (vec![("/a/x", Entry::directory(0o755)), ("/b/x", good())], &[]),
        (vec![("/a", Entry::directory(0o700)), ("/a/x", good()), ("/b/x", good())], &[]),
        (vec![("/a/x", text())], &["not-executable-mode"]),
        (vec![("/a/x", private())], &["not-executable-mode"]),
        (vec![("/a/x", private()), ("/b/x", good())], &["not-executable-mode"]),
    ] {
        assert_eq!(check_codes(config, &with(&entries)), expected, "{entries:?}");
    }
    // The newest runc passes over these; older ones do not.
    let (config, rootfs) = (self::config(config), with(&[("/a/x", private()), ("/b/x", good())]));
    assert_eq!(check(ImageFacts::new(&config, &rootfs))[0].confidence, crate::Confidence::Guess);
}

#[test]
fn a_program_is_not_taken_from_a_relative_element_of_path() {
    for (path, workdir, expected) in [
        (":/bin", "/", &["entrypoint-not-absolute"][..]),
        (".:/bin", "/", &["entrypoint-not-absolute"]),
        ("bin", "/", &["entrypoint-not-absolute"]),
        ("/usr/bin:", "/bin", &["entrypoint-not-absolute"]),
        // Found earlier in `PATH`, or nowhere.
        ("/bin:", "/bin", &[]),
        (":/bin", "/srv", &[]),
    ] {
        let rootfs = with(&[("/bin/tool", Entry::program(0o755, 1, app()))]);
        let name = if workdir == "/" && path != "bin" { "app" } else { "tool" };
        let config = format!(
            r#"{{"Entrypoint": ["{name}"], "User": "7:7", "WorkingDir": "{workdir}", "Env": ["PATH={path}"]}}"#
        );
        assert_eq!(check_codes(&config, &rootfs), expected, "{path} {workdir}");
    }
}

#[test]
fn what_the_kernel_has_in_proc_is_not_called_missing() {
    for (program, expected) in [
        ("/proc/self/root/app", &[][..]),
        ("/proc/1/root/proc/self/root/app", &[]),
        ("/proc/self/root/none", &["entrypoint-missing"]),
        ("/proc/self/cwd/app", &[]),
        ("/proc/self/rootapp", &[]),
    ] {
        assert_eq!(
            check_codes(&format!(r#"{{"Cmd": ["{program}"], "User": "1:1"}}"#), &scratch()),
            expected,
            "{program}"
        );
    }
}
