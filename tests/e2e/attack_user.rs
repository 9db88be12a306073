//! Targets that write the files in which their user is looked up, to give a session ids or groups
//! that they do not have.

mod fixed;
mod unseen;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use scratchdbg_testkit::{eventually, sample};

use crate::stage::{Stage, Target};

const PASSWD: &[u8] = b"root:x:0:0::/:/x\napp:x:1000:1000::/:/x\n";
const GROUP: &[u8] = b"root:x:0:\napp:x:1000:\n";
const FILES: [(&str, u32, &[u8]); 2] = [("etc/passwd", 0o644, PASSWD), ("etc/group", 0o644, GROUP)];

/// The ids and capabilities of the session's process.
const WHO: [&str; 4] = ["grep", "-E", "^(Uid|Gid|Groups|CapEff)", "/proc/self/status"];

/// Puts a file into a running container, as one of its processes could.
fn write(stage: &Stage, target: &Target<'_>, path: &str, text: &str) {
    write_with_mode(stage, target, path, text, 0o644);
}

fn write_with_mode(stage: &Stage, target: &Target<'_>, path: &str, text: &str, mode: u32) {
    let file = stage.scratchdbg.home().join("written");
    fs::write(&file, text).expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode can be set");
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
    let texts = [
        "app:x:0:0::/:/x\n",
        "app:x:1000:4242::/:/x\n",
        "app:x:2000:2000::/:/x\n",
        "nobody:x:1:1::/:/x\n",
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let target = stage.target_named(&format!("web{number}"), &[], &image, &[]);
        write(&stage, &target, "/etc/passwd", text);
        let own = "Uid: 1000 1000 1000 1000 Gid: 1000 1000 1000 1000 Groups: 1000 CapEff: 0000000000000000";
        let shown = who(&stage, &[], &target);
        assert_eq!(shown.replace("Groups: CapEff", "Groups: 1000 CapEff"), own, "{text}");
        // A name that is asked for is not looked up there either.
        let refused = stage.run(&["attach", "-u", "app", target.name(), "--", "true"]);
        refused
            .expect_clear_failure(125, &["/etc/passwd", "changed in the container", "-u UID:GID"]);
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
        assert!(
            shown.starts_with(&format!("Uid: {uid} ")) && !shown.contains("4242"),
            "{user}: {shown}"
        );
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
    stage.engine.ask([
        "cp",
        &format!("{}/.", folder.display()),
        &format!("{}:/etc", target.name()),
    ]);
    let refused =
        stage.run(&["attach", "--mode", "sidecar", "-u", "nobody", target.name(), "--", "true"]);
    refused.expect_clear_failure(125, &["/etc/passwd", "changed in the container"]);
    // The engine still answers for the container.
    assert_eq!(
        stage.engine.ask(["inspect", "--format", "{{.State.Status}}", target.name()]),
        "running"
    );
}

/// The engine would wait for a writer of the pipe, and hold the container meanwhile.
#[test]
fn a_pipe_in_the_place_of_a_user_file_holds_no_command() {
    let stage = Stage::set();
    let image = stage.engine.import_app_with(&FILES, &["USER 0"]);
    for (number, (path, link)) in
        [("passwd", None), ("group", None), ("group", Some("../tmp/pipe"))].into_iter().enumerate()
    {
        let target = stage.target_named(&format!("web{number}"), &[], &image, &[]);
        let folder = stage.scratchdbg.home().join(format!("root{number}"));
        for inner in ["etc", "tmp"] {
            fs::create_dir_all(folder.join(inner)).expect("a folder");
        }
        let pipe =
            if link.is_some() { folder.join("tmp/pipe") } else { folder.join("etc").join(path) };
        mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
        if let Some(link) = link {
            std::os::unix::fs::symlink(link, folder.join("etc").join(path)).expect("a link");
        }
        stage.engine.ask([
            "cp",
            &format!("{}/.", folder.display()),
            &format!("{}:/", target.name()),
        ]);
        let words = [&*format!("its /etc/{path} is a named pipe"), "wait for ever"];
        stage.run(&["attach", target.name(), "--", "true"]).expect_clear_failure(125, &words);
        stage
            .run(&["attach", "--mode", "copy", target.name(), "--", "true"])
            .expect_clear_failure(125, &words);
        stage.run(&["check", target.name()]).expect_clear_failure(1, &words);
        let why = stage.run(&["why", target.name()]);
        why.expect_code(0);
        assert!(why.stderr.contains(words[0]) && why.text().contains("running"), "{why}");
        // The engine still answers for the container, and has nothing of a copy.
        assert_eq!(
            stage.engine.ask(["inspect", "--format", "{{.State.Status}}", target.name()]),
            "running"
        );
    }
}

/// The runtime looks groups up by name first, and takes a number for a name too.
#[test]
fn a_group_whose_name_is_a_number_is_no_group_of_a_session() {
    let stage = Stage::set();
    let hardened = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
    // The user of the image, flags, options, the number that is a name.
    let rows: [(&str, &[&str], &[&str], &str); 6] = [
        ("0:0", &hardened, &[], "0"),
        ("0", &hardened, &[], "0"),
        ("1000:1000", &[], &[], "1000"),
        ("app", &[], &[], "1000"),
        ("1000:1000", &[], &["-u", "1234:1234"], "1234"),
        ("1000:1000", &[], &["--mode", "copy"], "1000"),
    ];
    for (number, (user, flags, options, name)) in rows.into_iter().enumerate() {
        let image = stage.engine.import_app_with(&FILES, &[&format!("USER {user}")]);
        let target = stage.target_named(&format!("web{number}"), flags, &image, &[]);
        write(&stage, &target, "/etc/group", &format!("{name}:x:4242:\n"));
        let finished =
            stage.run(&[&["attach"], options, &[target.name(), "--"], &WHO[..]].concat());
        finished.expect(125, "");
        assert!(
            finished.stderr.contains("the session the group 4242"),
            "{user} {options:?}: {finished}"
        );
    }
    // Who may set groups has them anyway: they are dropped.
    let image = stage.engine.import_app_with(&FILES, &[]);
    let target = stage.target_named("setgid", &[], &image, &[]);
    write(&stage, &target, "/etc/group", "0:x:4242:\n");
    assert!(!who(&stage, &[], &target).contains("4242"));
}

/// As for the runtime.
#[test]
fn a_number_is_no_name_of_a_user() {
    let stage = Stage::set();
    let passwd = "root:x:0:0::/:/x\n1000:x:0:0::/:/x\n1001:x:0:0::/:/x\n";
    let files = [("etc/passwd", 0o644, passwd.as_bytes()), FILES[1]];
    let image = stage.engine.import_app_with(&files, &["USER 1000"]);
    let target = stage.target_named("numbers", &[], &image, &[]);
    for options in [&[][..], &["--mode", "copy"], &["--mode", "sidecar"], &["-u", "1001"]] {
        let shown = who(&stage, options, &target);
        assert!(shown.starts_with("Uid: 100") && shown.contains("Gid: 0 "), "{options:?}: {shown}");
        assert!(shown.ends_with("CapEff: 0000000000000000"), "{options:?}: {shown}");
    }
}

/// The runtime gives the groups to what it starts, before the launcher can check them.
#[test]
fn a_target_cannot_run_its_program_with_groups_that_it_chose() {
    let stage = Stage::set();
    let hostile = sample::hostile();
    let hardened =
        ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--group-add", "3000"];
    for (number, (flags, group)) in [
        // Root may write the file, and may not set groups.
        (&["--user", "0:0"][..], "3000:x:4242:\n"),
        (&["--user", "1000:1000"], "3000:x:4242:\n"),
        (&["--user", "1000:1000"], "1000:x:4242:\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let files = [FILES[0], FILES[1], ("hostile", 0o755, &hostile[..])];
        let image = stage.engine.import_app_with(&files, &["ENTRYPOINT [\"/hostile\"]"]);
        let flags = [flags, &hardened].concat();
        let target = stage.target_named(&format!("web{number}"), &flags, &image, &["replace"]);
        eventually(
            || target.container.logs(),
            || target.container.logs().contains("up").then_some(()),
        );
        // The target itself could write it.
        write_with_mode(&stage, &target, "/etc/group", group, 0o666);
        for _ in 0..3 {
            let finished = stage.run(&["attach", target.name(), "--", "id"]);
            finished.expect(125, "");
            assert!(
                finished.stderr.contains("the session the group 4242"),
                "{flags:?}: {finished}"
            );
        }
        assert!(
            !target.container.logs().contains("replace: done"),
            "{flags:?}: {}",
            target.container.logs()
        );
        // Root that could list the names is refused.
        if number == 0 {
            let opens = [&flags[..], &["--cap-add", "CHOWN"]].concat();
            let opens = stage.target_named("opens", &opens, &image, &["replace"]);
            let refused = stage.run(&["attach", opens.name(), "--", "id"]);
            refused.expect_clear_failure(125, &["CHOWN", "SETGID", "--mode sidecar"]);
        }
        // A keeper that waits would show the names of its sessions.
        let refused = stage.run(&["attach", "--linger", "1m", target.name(), "--", "id"]);
        refused.expect_clear_failure(125, &["--linger", "/etc/group"]);
    }
}

/// Groups that the target has are no gain.
#[test]
fn a_session_has_the_groups_that_its_target_has() {
    let stage = Stage::set();
    let group = b"root:x:0:\nstaff:x:50:root,app\napp:x:1000:\n";
    let files = [("etc/passwd", 0o644, PASSWD), ("etc/group", 0o644, &group[..])];
    let hardened: &[&str] = &["--cap-drop", "ALL", "--group-add", "77"];
    for (user, flags, expected) in [
        ("0", hardened, "Groups: 77"),
        ("root", hardened, "Groups: 50 77"),
        ("app", hardened, "Groups: 50 77"),
        ("1000:1000", hardened, "Groups: 77"),
        ("app", &[], "Groups: 50"),
    ] {
        let image = stage.engine.import_app_with(&files, &[&format!("USER {user}")]);
        let target = stage.target_named(
            &format!("as-{}-{}", user.replace(':', "-"), flags.len()),
            flags,
            &image,
            &[],
        );
        let shown = who(&stage, &[], &target);
        let groups = |text: &str| {
            let list = text
                .split("Groups:")
                .nth(1)
                .unwrap_or_default()
                .split("CapEff")
                .next()
                .unwrap_or_default()
                .to_owned();
            list.split_whitespace().map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        assert!(groups(&shown).is_superset(&groups(expected)), "{user}: {shown}");
    }
}

#[test]
fn a_copy_of_a_target_that_changed_its_user_file_has_no_other_ids() {
    let stage = Stage::set();
    let image = stage.engine.import_app_with(&FILES, &["USER app"]);
    for (number, (path, text)) in [
        ("/etc/passwd", "app:x:0:0::/:/x\n"),
        ("/etc/passwd", "app:x:1000:1000::/:/x\n1000:x:0:0::/:/x\n"),
        ("/etc/group", "private:x:4242:app\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let target = stage.target_named(&format!("web{number}"), &[], &image, &[]);
        write(&stage, &target, path, text);
        let finished =
            stage.run(&[&["attach", "--mode", "copy", target.name(), "--"], &WHO[..]].concat());
        if finished.status.code() == Some(125) {
            assert!(
                finished.stdout.is_empty() && finished.stderr.contains("the target's files give"),
                "{finished}"
            );
            continue;
        }
        let shown = finished.expect_code(0).text().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.starts_with("Uid: 1000 1000") && !shown.contains("4242"), "{text}: {shown}");
        assert!(shown.contains("CapEff: 0000000000000000"), "{text}: {shown}");
    }
}

/// A set-user-id or set-group-id program is the target's first process. The target's own programs
/// have not its rights.
#[test]
fn a_set_user_id_program_gives_a_session_no_ids() {
    let stage = Stage::set();
    let app = fs::read(sample::write_app(stage.scratchdbg.home())).expect("the sample");
    for (number, mode) in [0o4755, 0o2755].into_iter().enumerate() {
        let files = [FILES[0], FILES[1], ("restricted", mode, &app[..])];
        let image =
            stage.engine.import_app_with(&files, &["USER app", "ENTRYPOINT [\"/restricted\"]"]);
        let target = stage.target_named(&format!("web{number}"), &[], &image, &[]);
        write(&stage, &target, "/etc/passwd", "app:x:1000:1000::/:/x\nx:x:77:77::/:/x\n");
        write(&stage, &target, "/etc/group", "root:x:0:app\n1000:x:0:\n");
        for options in [&[][..], &["--mode", "copy"]] {
            let finished =
                stage.run(&[&["attach"], options, &[target.name(), "--"], &WHO[..]].concat());
            let shown = finished.text().split_whitespace().collect::<Vec<_>>().join(" ");
            // The number that is a name ends it.
            let is_refused = finished.status.code() == Some(125)
                && finished.stderr.contains("the session the group 0");
            let is_own = shown.starts_with("Uid: 1000 1000 1000 1000 Gid: 1000 1000 1000 1000");
            assert!(
                is_refused || is_own && shown.ends_with("CapEff: 0000000000000000"),
                "{mode:o} {options:?}: {finished}"
            );
        }
    }
    // Of a file that is mounted, the engine's word cannot be compared with the image.
    let file = stage.scratchdbg.home().join("mounted");
    fs::write(&file, PASSWD).expect("a file");
    let mount = format!("{}:/etc/passwd", file.display());
    let files = [FILES[0], FILES[1], ("restricted", 0o4755, &app[..])];
    let image = stage.engine.import_app_with(&files, &["USER app", "ENTRYPOINT [\"/restricted\"]"]);
    let target = stage.target_named("mounted", &["-v", &mount], &image, &[]);
    for options in [&[][..], &["--mode", "copy"], &["--mode", "sidecar"]] {
        let refused = stage.run(&[&["attach"], options, &[target.name(), "--", "true"]].concat());
        refused
            .expect_clear_failure(125, &["/etc/passwd", "changed in the container", "-u UID:GID"]);
    }
    let honest = stage.target_named("honest", &["-v", &mount, "--entrypoint", "/app"], &image, &[]);
    assert!(
        who(&stage, &[], &honest).starts_with("Uid: 1000 "),
        "its first process has the ids of its user"
    );
}
