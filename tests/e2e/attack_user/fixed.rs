//! Targets whose root is read-only, and whose user files can be written all the same.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use scratchdbg_testkit::sample;

use super::{FILES, WHO};
use crate::stage::Stage;

const HARDENED: [&str; 5] =
    ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

/// Every container has a folder in memory that everybody may write to.
#[test]
fn links_out_of_a_read_only_root_give_a_session_no_groups() {
    let stage = Stage::set();
    let folder = stage.scratchdbg.home().join("linked");
    fs::create_dir_all(folder.join("etc")).expect("a folder");
    symlink("/dev/shm/passwd", folder.join("etc/passwd")).expect("a link");
    symlink("/dev/shm/group", folder.join("etc/group")).expect("a link");
    fs::copy(sample::write_app(stage.scratchdbg.home()), folder.join("app")).expect("a copy");
    let image = format!("{}:1", stage.engine.name("imported-out"));
    let archive = stage.scratchdbg.home().join("out.tar");
    let pack =
        Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&folder).arg(".").status();
    assert!(pack.expect("tar runs").success());
    let changes = ["-c", "ENTRYPOINT [\"/app\"]"];
    stage.engine.ask([&["import"][..], &changes, &[&*archive.to_string_lossy(), &*image]].concat());
    for user in ["1000:1000", "0:0"] {
        let flags = [&HARDENED[..], &["--user", user]].concat();
        let target = stage.target_named(&format!("as-{}", &user[..1]), &flags, &image, &[]);
        let uid = &user[..user.len() / 2];
        // The target itself could write it.
        let forge =
            format!("echo 'root:x:0:0::/:' >/dev/shm/passwd; echo '{uid}:x:4711:' >/dev/shm/group");
        stage.run(&["attach", target.name(), "--", "sh", "-c", &forge]).expect_code(0);
        for options in [&[][..], &["-u", user]] {
            let finished =
                stage.run(&[&["attach"], options, &[target.name(), "--"], &WHO[..]].concat());
            finished.expect(125, "");
            assert!(
                finished.stderr.contains("the session the group 4711"),
                "{user} {options:?}: {finished}"
            );
        }
        let refused = stage.run(&["attach", "--linger", "1m", target.name(), "--", "id"]);
        refused.expect_clear_failure(125, &["--linger", "/etc/group"]);
    }
}

/// The engine does not list what is mounted in memory among the mounts.
#[test]
fn a_folder_in_memory_over_the_user_files_gives_a_session_no_groups() {
    let stage = Stage::set();
    // The folder in memory has the owner and the mode of the image's.
    let image = stage.engine.import_app_with(&FILES, &["USER 0:0"]);
    for (number, memory) in
        [["--tmpfs", "/etc"], ["--mount", "type=tmpfs,destination=/etc"]].into_iter().enumerate()
    {
        let flags = [&HARDENED[..], &memory].concat();
        let target = stage.target_named(&format!("web{number}"), &flags, &image, &[]);
        let forge = "echo '0:x:4711:' >/etc/group";
        stage.run(&["attach", target.name(), "--", "sh", "-c", forge]).expect_code(0);
        let finished = stage.run(&[&["attach", target.name(), "--"], &WHO[..]].concat());
        finished.expect(125, "");
        assert!(finished.stderr.contains("the session the group 4711"), "{memory:?}: {finished}");
        let refused = stage.run(&["attach", "--linger", "1m", target.name(), "--", "id"]);
        refused.expect_clear_failure(125, &["--linger", "/etc/group"]);
    }
}

/// What is mounted elsewhere takes nothing of a read-only root away.
#[test]
fn a_keeper_lingers_where_the_user_files_are_fixed() {
    let stage = Stage::set();
    let image = stage.engine.import_app_with(&FILES, &["USER 0:0"]);
    let flags = [&HARDENED[..], &["--tmpfs", "/tmp"]].concat();
    let target = stage.target_named("fixed", &flags, &image, &[]);
    for _ in 0..2 {
        stage.run(&["attach", "--linger", "1m", target.name(), "--", "id", "-u"]).expect_code(0);
    }
    stage.run(&["sessions", "rm", "--all"]).expect_code(0);
}

/// What may mount could answer for every name: autofs needs no device.
#[test]
fn who_may_mount_is_refused_whatever_the_root_is() {
    let stage = Stage::set();
    let image = stage.engine.import_app_with(&FILES, &[]);
    let mounts = ["--cap-add", "SYS_ADMIN"];
    for (number, flags) in [
        [&HARDENED[..], &mounts, &["--user", "0:0"]].concat(),
        [&mounts[..], &["--user", "1000:1000"]].concat(),
    ]
    .into_iter()
    .enumerate()
    {
        let target = stage.target_named(&format!("web{number}"), &flags, &image, &[]);
        let refused = stage.run(&["attach", target.name(), "--", "id"]);
        refused.expect_clear_failure(125, &["answers for every name", "--mode sidecar"]);
        stage.run(&["attach", "--mode", "sidecar", target.name(), "--", "true"]).expect_code(0);
    }
}

/// A capability by which another user could take the session's place, and files that it may write.
#[test]
fn a_user_with_a_capability_and_files_of_its_own_is_refused() {
    let stage = Stage::set();
    let flags = ["--user", "1000:1000", "--cap-add", "SYS_PTRACE"];
    for (mode, is_refused) in [(0o666, true), (0o644, false)] {
        let files = [FILES[0], ("etc/group", mode, FILES[1].2)];
        let image = stage.engine.import_app_with(&files, &[]);
        let target = stage.target_named(&format!("of-{mode:o}"), &flags, &image, &[]);
        let finished = stage.run(&["attach", target.name(), "--", "id", "-u"]);
        if is_refused {
            finished.expect_clear_failure(125, &["SYS_PTRACE", "/etc/group", "--mode sidecar"]);
        } else {
            finished.expect(0, "1000\n");
        }
    }
}
