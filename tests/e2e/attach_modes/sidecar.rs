//! `--mode sidecar`: a container beside the target.

use std::path::Path;

use crate::stage::Stage;

/// `CAP_NET_ADMIN`, by `capability.h`.
const NET_ADMIN: u32 = 12;
/// `CAP_SYS_PTRACE`.
const SYS_PTRACE: u32 = 19;

#[test]
fn it_is_in_the_targets_root_with_its_processes_and_network() {
    let stage = Stage::set();
    let target = stage.target(&["--hostname", "web-1"]);
    let look = "cat /proc/1/comm; ls; pwd; ls -di /proc/self/ns/net /proc/1/ns/net | cut -d' ' -f1 | uniq | wc -l; exit 9";
    let finished =
        stage.run(&["attach", "--mode", "sidecar", target.name(), "--", "sh", "-c", look]);
    finished.expect_code(9);
    let said = finished.text();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.first(), Some(&"app"), "{finished}");
    assert!(
        lines.contains(&"app") && lines.contains(&"proc") && !lines.contains(&"bin"),
        "{finished}"
    );
    assert!(lines.contains(&"/proc/1/root"), "{finished}");
    assert!(
        finished.stderr.contains("/proc/<pid>/root"),
        "it says where the files are: {finished}"
    );
    target.assert_untouched();
}

#[test]
fn a_user_has_no_capability() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "1000:2000"]);
    let look = "id -u; id -g; grep -c 'CapEff:.0*$' /proc/self/status; cat /proc/1/environ | wc -c";
    let finished =
        stage.run(&["attach", "--mode", "sidecar", target.name(), "--", "sh", "-c", look]);
    let said = finished.expect_code(0).text();
    assert!(said.starts_with("1000\n2000\n1\n"), "{finished}");
    assert!(!said.ends_with("\n0\n"), "the environment of the target can be read: {finished}");
    target.assert_untouched();
}

#[test]
fn tools_that_are_not_static_have_a_root_of_their_own() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let tools = dynamic_tools(&stage);
    let arguments =
        ["attach", "--mode", "sidecar", "--toolkit", &tools, target.name(), "--", "/bin/sh", "-c"];
    let arguments =
        [&arguments[..], &["read name < /proc/1/comm; echo $name; echo *; exit 5"]].concat();
    let finished = stage.run(&arguments);
    finished.expect_code(5);
    assert!(finished.text().starts_with("app\n"), "{finished}");
    assert!(finished.text().contains("app dev"), "it starts in the target's root: {finished}");
    target.assert_untouched();
}

/// Returns an image with a shell that needs a loader and libraries, copied from the test machine.
fn dynamic_tools(stage: &Stage) -> String {
    let listed = scratchdbg_testkit::program::Program::new("/usr/bin/ldd").run(["/bin/sh"]);
    let listed = listed.expect_code(0).text();
    let libraries =
        listed.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned);
    let read = |path: String| {
        (
            path.trim_start_matches('/').to_owned(),
            std::fs::read(Path::new(&path)).expect("ldd names files"),
        )
    };
    let files: Vec<_> = std::iter::once("/bin/sh".to_owned()).chain(libraries).map(read).collect();
    assert!(files.len() > 2, "it is dynamic: {listed}");
    let files: Vec<_> =
        files.iter().map(|(path, bytes)| (path.as_str(), 0o755, bytes.as_slice())).collect();
    stage.engine.import_app_with(&files, &[])
}

#[test]
fn a_capability_is_added_on_request() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let finished = stage.run(&[
        "attach",
        "--cap-add",
        "NET_ADMIN",
        target.name(),
        "--",
        "grep",
        "CapEff",
        "/proc/self/status",
    ]);
    let said = finished.expect_code(0).text();
    let hex = said.split_whitespace().last().unwrap_or_default();
    let capabilities =
        u64::from_str_radix(hex, 16).unwrap_or_else(|_| panic!("a set in {finished}"));
    assert_ne!(capabilities & 1 << NET_ADMIN, 0, "{finished}");
    // Only the requested capability, and the one needed to see the target (`SYS_PTRACE`).
    assert_eq!(capabilities, (1 << NET_ADMIN) | (1 << SYS_PTRACE), "{finished}");
    target.assert_untouched();
}

#[test]
fn a_denial_names_the_check_and_the_remedy() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "1000:2000"]);
    for (user, check) in [
        ("3000:2000", "its user is 1000/1000/1000 and ours is 3000"),
        ("1000:0", "its group is 2000"),
    ] {
        let finished = stage.run(&[
            "attach",
            "--mode",
            "sidecar",
            "--user",
            user,
            target.name(),
            "--",
            "true",
        ]);
        finished.expect(125, "");
        for words in [check, "SYS_PTRACE"] {
            assert!(finished.stderr.contains(words), "{words:?} is missing in {finished}");
        }
        assert!(!finished.stderr.contains("privileged"), "{finished}");
    }
    // The suggested remedy works.
    let remedy = [
        "attach",
        "--mode",
        "sidecar",
        "-u",
        "0:0",
        "--cap-add",
        "SYS_PTRACE",
        target.name(),
        "--",
        "ls",
    ];
    assert!(stage.run(&remedy).expect_code(0).text().contains("app\n"));
    target.assert_untouched();
}

#[test]
fn a_capability_for_the_network_needs_no_file_of_the_target() {
    let stage = Stage::set();
    for user in ["1000:2000", "0:0"] {
        let target =
            stage.target_named(&format!("as-{}", &user[..1]), &["--user", user], &stage.image, &[]);
        // A raw socket, as for tcpdump; and the target's processes.
        let look = "pwd; ping -c 1 127.0.0.1 > /dev/null && cat /proc/1/comm";
        let options = ["-u", "0", "--cap-add", "NET_RAW", target.name()];
        let finished = stage.run(&[&["attach"], &options[..], &["--", "sh", "-c", look]].concat());
        finished.expect(0, "/\napp\n");
        for words in ["starts in its own root", "/proc/1/root is denied", "SYS_PTRACE"] {
            assert!(finished.stderr.contains(words), "{words:?} is missing in {finished}");
        }
        // A folder of the target is needed.
        let line = [&["attach"], &options[..], &["-w", "/etc", "--", "true"]].concat();
        let denied = stage.run(&line);
        assert!(denied.expect_code(125).stderr.contains("/proc/1/root is denied"), "{denied}");
        target.assert_untouched();
    }
}

#[test]
fn its_limits_are_its_own() {
    let stage = Stage::set();
    let target = stage.target(&["--pids-limit", "1"]);
    stage
        .run(&[
            "attach",
            "--mode",
            "sidecar",
            target.name(),
            "--",
            "sh",
            "-c",
            "true | true; echo room",
        ])
        .expect(0, "room\n");
    target.assert_untouched();
}
