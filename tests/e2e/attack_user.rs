//! Targets that write the files in which their user is looked up, to give a session ids or groups that they do not have.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::stage::{Stage, Target};

const PASSWD: &[u8] = b"root:x:0:0::/:/x\napp:x:1000:1000::/:/x\n";
const GROUP: &[u8] = b"root:x:0:\napp:x:1000:\n";
const FILES: [(&str, u32, &[u8]); 2] = [("etc/passwd", 0o644, PASSWD), ("etc/group", 0o644, GROUP)];

/// The ids and capabilities of the session's process.
const WHO: [&str; 4] = ["grep", "-E", "^(Uid|Gid|Groups|CapEff)", "/proc/self/status"];

/// Puts a file into a running container, as one of its processes could.
fn write(stage: &Stage, target: &Target<'_>, path: &str, text: &str) {
    let file = stage.scratchdbg.home().join("written");
    fs::write(&file, text).expect("it can be written");
    stage.engine.ask(["cp", &file.to_string_lossy(), &format!("{}:{path}", target.name())]);
}

fn who(stage: &Stage, options: &[&str], target: &Target<'_>) -> String {
    let finished = stage.run(&[&["attach"], options, &[target.name(), "--"], &WHO].concat());
    finished.expect_code(0).text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_target_that_changes_its_user_file_gives_a_session_no_other_ids() {
    let stage = Stage::set();
    let image = stage.engine.import_app_with(&FILES, &["USER app"]);
    let texts = ["app:x:0:0::/:/x\n", "app:x:1000:4242::/:/x\n", "app:x:2000:2000::/:/x\n", "nobody:x:1:1::/:/x\n"];
    for (number, text) in texts.into_iter().enumerate() {
        let target = stage.target_named(&format!("web{number}"), &[], &image, &[]);
        write(&stage, &target, "/etc/passwd", text);
        let own = "Uid: 1000 1000 1000 1000 Gid: 1000 1000 1000 1000 Groups: 1000 CapEff: 0000000000000000";
        let shown = who(&stage, &[], &target);
        assert_eq!(shown.replace("Groups: CapEff", "Groups: 1000 CapEff"), own, "{text}");
        // A name that is asked for is not looked up there either.
        let refused = stage.run(&["attach", "-u", "app", target.name(), "--", "true"]);
        refused.expect_clear_failure(125, &["/etc/passwd", "changed in the container", "-u UID:GID"]);
        assert!(who(&stage, &["-u", "1000:1000"], &target).starts_with("Uid: 1000 "), "{text}");
    }
}

#[test]
fn a_target_that_changes_its_group_file_gives_a_session_no_groups() {
    let stage = Stage::set();
    let group = "root:x:0:\nprivate:x:4242:root,app\n";
    for (user, uid) in [("0", 0), ("root", 0), ("app", 1000), ("1000", 1000)] {
        let image = stage.engine.import_app_with(&FILES, &[&format!("USER {user}")]);
        let flags = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
        let target = stage.target_named(&format!("as-{user}"), &flags, &image, &[]);
        write(&stage, &target, "/etc/group", group);
        let shown = who(&stage, &[], &target);
        assert!(shown.starts_with(&format!("Uid: {uid} ")) && !shown.contains("4242"), "{user}: {shown}");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_user_file_is_not_read() {
    let stage = Stage::set();
    let image = stage.engine.import_app_with(&FILES, &["USER app"]);
    let target = stage.target_of(&[], &image, &[]);
    let folder = stage.scratchdbg.home().join("etc");
    fs::create_dir(&folder).expect("a folder");
    mknodat(CWD, folder.join("passwd"), FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
    stage.engine.ask(["cp", &format!("{}/.", folder.display()), &format!("{}:/etc", target.name())]);
    let refused = stage.run(&["attach", "--mode", "sidecar", "-u", "nobody", target.name(), "--", "true"]);
    refused.expect_clear_failure(125, &["/etc/passwd", "changed in the container"]);
    // The engine still answers for the container.
    assert_eq!(stage.engine.ask(["inspect", "--format", "{{.State.Status}}", target.name()]), "running");
}
