//! Changes of user files that the engine does not see.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use scratchdbg_testkit::sample;

use super::{FILES, GROUP, PASSWD, who};
use crate::stage::{Stage, Target};

/// Puts a file of the same size in the place of one, with the same time: the engine does not see it
/// as changed.
fn write_unseen(stage: &Stage, target: &Target<'_>, path: &str, text: &str) {
    let file = stage.scratchdbg.home().join("unseen");
    let (place, here) = (format!("{}:{path}", target.name()), file.to_string_lossy().into_owned());
    stage.engine.ask(["cp", &place, &here]);
    let before = fs::metadata(&file).expect("the original");
    assert_eq!(before.len(), text.len() as u64, "{text}");
    fs::write(&file, text).expect("it can be written");
    let written = fs::File::options().append(true).open(&file).expect("the file");
    written.set_modified(before.modified().expect("a time")).expect("it can be dated");
    stage.engine.ask(["cp", &here, &place]);
    assert!(
        !target.container.diff().contains(path),
        "the engine sees it: {}",
        target.container.diff()
    );
}

/// Engines compare sizes and times, in seconds.
#[test]
fn a_change_that_the_engine_does_not_see_gives_no_other_ids() {
    let stage = Stage::set();
    let passwd = "root:x:0:0::/:/x\napp:x:0000:0000::/:/x\n";
    for (number, user) in ["app", "1000", "app:app"].into_iter().enumerate() {
        let image = stage.engine.import_app_with(&FILES, &[&format!("USER {user}")]);
        let target = stage.target_named(&format!("web{number}"), &[], &image, &[]);
        // Of a number, the group is looked up.
        let passwd = if user == "1000" {
            passwd.replace("app:x:0000", "app:x:1000")
        } else {
            passwd.to_owned()
        };
        write_unseen(&stage, &target, "/etc/passwd", &passwd);
        // The target's own user is that of its image.
        for options in [&[][..], &["--mode", "copy"], &["--mode", "sidecar"]] {
            let shown = who(&stage, options, &target);
            assert!(
                shown.starts_with("Uid: 1000 1000 1000 1000 Gid: 1000 "),
                "{user} {options:?}: {shown}"
            );
        }
        for options in
            [&["-u", user][..], &["--mode", "copy", "-u", user], &["-u", "app"], &["-u", "1000"]]
        {
            let refused =
                stage.run(&[&["attach"], options, &[target.name(), "--", "true"]].concat());
            refused.expect_clear_failure(
                125,
                &["/etc/passwd", "changed in the container", "-u UID:GID"],
            );
        }
        assert!(who(&stage, &["-u", "1000:1000"], &target).starts_with("Uid: 1000 "), "{user}");
    }
}

#[test]
fn a_change_that_the_engine_does_not_see_gives_no_groups() {
    let stage = Stage::set();
    let (before, after) =
        ("root:x:0:\napp:x:1000:\nvideos:x:44:\n", "root:x:0:\napp:x:1000:\nd:x:4242:app\n");
    let files = [("etc/passwd", 0o644, PASSWD), ("etc/group", 0o644, before.as_bytes())];
    for (number, user) in ["app", "1000"].into_iter().enumerate() {
        let image = stage.engine.import_app_with(&files, &[&format!("USER {user}")]);
        let target = stage.target_named(&format!("web{number}"), &[], &image, &[]);
        assert!(who(&stage, &[], &target).starts_with("Uid: 1000 "), "before");
        write_unseen(&stage, &target, "/etc/group", after);
        for options in [&[][..], &["--mode", "copy"], &["--mode", "sidecar"]] {
            let shown = who(&stage, options, &target);
            assert!(
                shown.starts_with("Uid: 1000 ") && !shown.contains("4242"),
                "{user} {options:?}: {shown}"
            );
        }
        let refused = stage.run(&["attach", "-u", "app", target.name(), "--", "true"]);
        refused.expect_clear_failure(125, &["/etc/group", "changed in the container"]);
    }
    // Root's number is nobody else's.
    let before = "root:x:0:\nfloppy:x:11:root\n";
    let files = [("etc/passwd", 0o644, PASSWD), ("etc/group", 0o644, before.as_bytes())];
    let image = stage.engine.import_app_with(&files, &["USER root"]);
    let target = stage.target_named("root", &[], &image, &[]);
    write_unseen(&stage, &target, "/etc/group", "root:x:0:\nflop:x:4242:root\n");
    let shown = who(&stage, &[], &target);
    assert!(shown.starts_with("Uid: 0 ") && !shown.contains("4242"), "{shown}");
}

/// Images whose user files are links, as some builders make them.
#[test]
fn user_files_that_are_links_are_followed_in_the_image() {
    let stage = Stage::set();
    let folder = stage.scratchdbg.home().join("linked");
    fs::create_dir_all(folder.join("store")).expect("a folder");
    fs::create_dir_all(folder.join("etc")).expect("a folder");
    fs::write(folder.join("store/passwd"), PASSWD).expect("a file");
    fs::write(folder.join("etc/group"), GROUP).expect("a file");
    symlink("/store/passwd", folder.join("etc/passwd")).expect("a link");
    fs::copy(sample::write_app(stage.scratchdbg.home()), folder.join("app")).expect("a copy");
    let image = format!("{}:1", stage.engine.name("imported-links"));
    let archive = stage.scratchdbg.home().join("links.tar");
    let pack =
        Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&folder).arg(".").status();
    assert!(pack.expect("tar runs").success());
    let changes = ["-c", "USER app", "-c", "ENTRYPOINT [\"/app\"]"];
    stage.engine.ask([&["import"][..], &changes, &[&*archive.to_string_lossy(), &*image]].concat());
    let target = stage.target_named("linked", &[], &image, &[]);
    for options in [&[][..], &["-u", "app"]] {
        assert!(
            who(&stage, options, &target).starts_with("Uid: 1000 1000 1000 1000 Gid: 1000 "),
            "{options:?}"
        );
    }
    // The link is the same, and what it leads to is not.
    write_unseen(&stage, &target, "/store/passwd", "root:x:0:0::/:/x\napp:x:0000:0000::/:/x\n");
    assert!(who(&stage, &[], &target).starts_with("Uid: 1000 "), "the image's own");
    let refused = stage.run(&["attach", "-u", "app", target.name(), "--", "true"]);
    refused.expect_clear_failure(125, &["/etc/passwd", "changed in the container", "-u UID:GID"]);
}
