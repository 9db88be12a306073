//! Targets that a security module of the kernel confines. Most tests need a kernel with AppArmor or
//! SELinux: `scripts/security-vm` creates a virtual machine with one, and runs the tests that are
//! ignored elsewhere.

use std::fs;

use rustix::process::Signal;
use scratchdbg_testkit::{eventually, unique};

use crate::stage::{Stage, Target};

/// Prints a session's label, and whether it sees the target's files.
const LOOK: &str = "cat /proc/self/attr/current; ls -d /proc/1/root/app; exit 42";

/// The flags of every profile here. Without the first, no file of another mount namespace can be
/// named.
const FLAGS: &str = "flags=(attach_disconnected,mediate_deleted)";
const FILES: &str = "file, network, capability, umount,";

/// A profile that is loaded in the kernel until this is dropped.
struct Profile {
    name: String,
    text: String,
    folder: tempfile::TempDir,
}

impl Profile {
    /// Loads a profile. `NAME` in the rules is replaced by its name.
    fn load(flags: &str, rules: &str) -> Self {
        let name = format!("sdbgtest-{}", unique());
        let text = format!("profile {name} {flags} {{ {} }}", rules.replace("NAME", &name));
        let profile = Self { name, text, folder: tempfile::tempdir().expect("a folder") };
        profile.parser("--replace");
        profile
    }

    fn parser(&self, what: &str) {
        let file = self.folder.path().join("profile");
        fs::write(&file, &self.text).expect("it can be written");
        let status = std::process::Command::new("apparmor_parser")
            .args([what, "--skip-cache"])
            .arg(file)
            .status();
        assert!(status.expect("apparmor_parser runs").success(), "{what} {}", self.text);
    }

    fn target<'stage>(&self, stage: &'stage Stage) -> Target<'stage> {
        stage.target(&["--security-opt", &format!("apparmor={}", self.name)])
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        self.parser("--remove");
    }
}

/// Attaches in a mode. Returns the exit code, the output and the messages.
fn look(stage: &Stage, options: &[&str], target: &str) -> (Option<i32>, String, String) {
    let finished = stage.run(&[&["attach"], options, &[target, "--", "sh", "-c", LOOK]].concat());
    (finished.status.code(), finished.text(), finished.stderr)
}

#[test]
fn fault_16_the_keeper_and_a_sidecar_are_confined_as_the_target_is() {
    let stage = Stage::set();
    // The one profile that every kernel has, even without AppArmor. The user has no capabilities,
    // to see which sessions need `SYS_PTRACE`: an SELinux policy does not grant that to any
    // container.
    let target = stage.target(&["--security-opt", "apparmor=unconfined", "--user", "1000:2000"]);
    let options = |mode: &str| {
        let session =
            ["attach", "--mode", mode, target.name(), "--", "sh", "-c", "echo begun; read line"];
        let mut session = stage.scratchdbg.start(session);
        session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
        let containers = target.container.companions();
        let format = "{{json .HostConfig.SecurityOpt}}";
        let inspect = ["inspect", "--format", format]
            .into_iter()
            .chain(containers.iter().map(String::as_str));
        let options = stage.engine.ask(inspect);
        session.write_and_close_input("");
        session.finish();
        options
    };
    // If the kernel has SELinux, the engine adds the target's label.
    let confined = r#"["no-new-privileges","apparmor=unconfined""#;
    for (mode, containers) in [("exec", 1), ("sidecar", 2)] {
        let options = options(mode);
        assert_eq!(options.lines().count(), containers, "{mode}: {options}");
        assert!(options.lines().all(|options| options.starts_with(confined)), "{mode}: {options}");
    }
    target.assert_untouched();
    let plain = stage.target_named("plain", &[], &stage.image, &[]);
    let explain = ["attach", "--explain", "--security-opt", "label=disable", plain.name()];
    let explained = stage.run(&explain);
    assert!(
        explained.expect_code(0).text().contains("- label=disable: --security-opt"),
        "{explained}"
    );
    let refused = stage.run(&["attach", "--security-opt", "seccomp=unconfined", plain.name()]);
    refused.expect_code(125);
    assert!(refused.stderr.contains("apparmor=PROFILE"), "{refused}");
}

#[test]
#[ignore = "takes a kernel with AppArmor: scripts/security-vm apparmor"]
fn fault_16_apparmor_profiles_of_the_engine() {
    let stage = Stage::set();
    for (flags, label) in [
        (&[][..], "docker-default (enforce)"),
        (&["--security-opt", "apparmor=unconfined"], "unconfined"),
        (&["--privileged"], "unconfined"),
    ] {
        let target = stage.target_named(&unique(), flags, &stage.image, &[]);
        for mode in ["exec", "sidecar"] {
            let (code, said, complaint) = look(&stage, &["--mode", mode], target.name());
            assert_eq!(
                (code, said),
                (Some(42), format!("{label}\n/proc/1/root/app\n")),
                "{mode}: {complaint}"
            );
        }
        target.assert_untouched();
    }
}

#[test]
#[ignore = "takes a kernel with AppArmor: scripts/security-vm apparmor"]
fn fault_16_apparmor_what_a_keeper_must_be_able_to_signal() {
    let stage = Stage::set();
    let target = stage.target(&["--security-opt", "apparmor=unconfined"]);
    let trap = "trap 'exit 7' TERM; echo begun; while :; do sleep 1; done";
    let session = target.start_attach(&["sh", "-c", trap]);
    session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
    session.signal(Signal::TERM);
    session.finish().expect_code(7);
    // A lingering keeper ends the session of a client that is gone.
    stage.run(&["attach", "--linger", "30s", target.name(), "--", "true"]).expect_code(0);
    let session = target.start_attach(&["sh", "-c", "echo begun; sleep 1000"]);
    session.wait_for_stdout("the session", |bytes| bytes == b"begun\n");
    session.signal(Signal::KILL);
    session.finish();
    let sleeps = || target.processes().iter().any(|process| process.ends_with("sleep"));
    eventually(
        || format!("the session to end: {:?}", target.processes()),
        || (!sleeps()).then_some(()),
    );
    target.assert_untouched();
}

#[test]
#[ignore = "takes a kernel with AppArmor: scripts/security-vm apparmor"]
fn fault_16_apparmor_a_profile_of_the_targets_own() {
    let stage = Stage::set();
    // Like the engine's own profile, under another name.
    let rules = format!(
        "{FILES} signal (receive) peer=unconfined, signal (send,receive) peer=NAME, \
         ptrace (trace,read,tracedby,readby) peer=NAME,"
    );
    let profile = Profile::load(FLAGS, &rules);
    let target = profile.target(&stage);
    let expected = (Some(42), format!("{} (enforce)\n/proc/1/root/app\n", profile.name));
    for mode in ["exec", "sidecar"] {
        let (code, said, complaint) = look(&stage, &["--mode", mode], target.name());
        assert_eq!((code, said), expected, "{mode}: {complaint}");
    }
    target.assert_untouched();
    target.container.kill();
    let (code, said, complaint) = look(&stage, &[], target.name());
    assert_eq!(code, Some(42), "{complaint}");
    assert!(said.starts_with(&profile.name), "the copy has it too: {said}");
}

#[test]
#[ignore = "takes a kernel with AppArmor: scripts/security-vm apparmor"]
fn fault_16_apparmor_a_denial_names_the_profile_and_the_remedy() {
    let stage = Stage::set();
    let unseen = Profile::load(FLAGS, &format!("{FILES} signal, deny ptrace,"));
    let detached = Profile::load("", &format!("{FILES} signal, ptrace,"));
    let blind = Profile::load(FLAGS, "/** mrix, deny /proc/*/stat r, signal, ptrace,");
    for (profile, mode, code) in
        [(&unseen, "sidecar", 125), (&detached, "exec", 126), (&blind, "exec", 125)]
    {
        let target = profile.target(&stage);
        let (denied, _, said) = look(&stage, &["--mode", mode], target.name());
        assert_eq!(denied, Some(code), "{said}");
        for words in
            ["security module", profile.name.as_str(), "--security-opt apparmor=unconfined"]
        {
            assert!(said.contains(words), "{words:?} is missing in {said}");
        }
        let remedy = ["--mode", "sidecar", "--security-opt", "apparmor=unconfined"];
        let (code, seen, said) = look(&stage, &remedy, target.name());
        assert_eq!((code, &seen[..]), (Some(42), "unconfined\n/proc/1/root/app\n"), "{said}");
        target.assert_untouched();
        target.container.kill();
        stage.engine.ask(["rm", target.container.id()]);
    }
}

#[test]
#[ignore = "takes a kernel with SELinux: scripts/security-vm selinux"]
fn fault_16_selinux_labels() {
    let stage = Stage::set();
    // The engine assigns a level of its own, the target's, or none. No file of another level can be
    // read.
    let targets: [(&[&str], &str); 4] = [
        (&["--user", "1000:2000"], "container_t"),
        (
            &["--user", "1000:2000", "--security-opt", "label=level:s0:c100,c200"],
            "container_t:s0:c100,c200",
        ),
        (&["--security-opt", "label=disable"], "spc_t"),
        (&["--privileged"], "spc_t"),
    ];
    for (flags, label) in targets {
        let target = stage.target_named(&unique(), flags, &stage.image, &[]);
        for mode in ["exec", "sidecar", "copy"] {
            let look = "cat /proc/self/attr/current; echo; ls; exit 42";
            let finished =
                stage.run(&["attach", "--mode", mode, target.name(), "--", "sh", "-c", look]);
            finished.expect_code(42);
            let said = finished.text();
            assert!(
                said.contains(label) && said.contains("\napp\n"),
                "{flags:?} {mode}: {finished}"
            );
        }
        target.assert_untouched();
    }
}

#[test]
#[ignore = "takes a kernel with SELinux: scripts/security-vm selinux"]
fn fault_16_selinux_a_denial_names_the_label_and_the_remedy() {
    let stage = Stage::set();
    // Reading its capabilities needs `SYS_PTRACE`, which the policy does not grant to any
    // container.
    let target = stage.target(&[]);
    let (code, _, said) = look(&stage, &["--mode", "sidecar"], target.name());
    assert_eq!(code, Some(125), "{said}");
    for words in ["security module", "container_t", "--security-opt label=disable"] {
        assert!(said.contains(words), "{words:?} is missing in {said}");
    }
    let remedy = ["--mode", "sidecar", "--security-opt", "label=disable"];
    let (code, seen, said) = look(&stage, &remedy, target.name());
    assert_eq!(code, Some(42), "{said}");
    assert!(seen.contains("spc_t") && seen.contains("/proc/1/root/app"), "{seen}");
    target.assert_untouched();
}
