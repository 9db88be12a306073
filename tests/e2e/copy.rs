//! `cp`: files of containers on this machine, and back. `docker cp` is the referee.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Finished;

use crate::stage::Stage;

/// Lists a tree: names, contents, links.
pub(crate) fn shown(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, base: &Path, lines: &mut Vec<String>) {
        for found in fs::read_dir(folder).expect("a folder") {
            let path = found.expect("an entry").path();
            let name = path.strip_prefix(base).expect("it is below").display().to_string();
            let facts = fs::symlink_metadata(&path).expect("it is there");
            if facts.is_symlink() {
                lines
                    .push(format!("{name} -> {}", fs::read_link(&path).expect("a link").display()));
            } else if facts.is_dir() {
                lines.push(format!("{name}/"));
                walk(&path, base, lines);
            } else {
                let text = fs::read_to_string(&path).expect("a text");
                lines.push(format!("{name}={text} {:o}", facts.mode() & 0o7777));
            }
        }
    }
    let mut lines = Vec::new();
    walk(folder, folder, &mut lines);
    lines.sort();
    lines
}

/// Makes a folder on this machine with a bit of everything.
pub(crate) fn tree(stage: &Stage) -> PathBuf {
    let tree = stage.scratchdbg.home().join("tree");
    fs::create_dir_all(tree.join("inner")).expect("a folder");
    fs::write(tree.join("file"), "text").expect("a file");
    fs::write(tree.join("inner/run"), "#!").expect("a file");
    fs::set_permissions(tree.join("inner/run"), Permissions::from_mode(0o750)).expect("a mode");
    symlink("inner/run", tree.join("link")).expect("a link");
    tree
}

#[test]
fn a_tree_goes_into_a_running_container_and_comes_back() {
    let stage = Stage::set();
    let tree = tree(&stage);
    let target = stage.target(&["--user", "65532:65532", "--read-only", "--tmpfs", "/data"]);
    let home = stage.scratchdbg.home();
    let inside = |path: &str| format!("{}:{path}", target.name());
    let source = tree.display().to_string();
    stage.run(&["cp", &source, &inside("/data")]).expect_code(0);
    let back = home.join("back");
    let said = stage.run(&["cp", &inside("/data/tree"), &back.display().to_string()]);
    said.expect(0, "");
    assert!(said.stderr.contains("copied 2 files, 6 B"), "{said}");
    assert_eq!(shown(&tree), shown(&back));
    let seconds = |path: &Path| fs::metadata(path).expect("it is there").mtime();
    assert_eq!(seconds(&tree.join("file")), seconds(&back.join("file")));
    // The files are those of the target's user, in a mount that `docker cp` does not see.
    target
        .attach(&["stat", "-c", "%u:%g %a", "/data/tree/inner/run"])
        .expect(0, "65532:65532 750\n");
    // One file, over another; and with a link followed.
    fs::write(home.join("new"), "new").expect("a file");
    stage
        .run(&["cp", &home.join("new").display().to_string(), &inside("/data/tree/file")])
        .expect_code(0);
    stage
        .run(&["cp", "-L", &inside("/data/tree/link"), &back.display().to_string()])
        .expect_code(0);
    assert_eq!(fs::read(back.join("link")).expect("a file"), b"#!");
    let said = stage.run(&["cp", &inside("/data/tree/file"), "-"]);
    said.expect_code(0);
    let mut archive = tar::Archive::new(&said.stdout[..]);
    let mut entries = archive.entries().expect("a tar stream");
    let mut entry = entries.next().expect("an entry").expect("an entry");
    assert_eq!(std::io::read_to_string(&mut entry).expect("a text"), "new");
    // Files that the kernel makes up, as the target's processes see them.
    stage.run(&["cp", &inside("/proc/1/comm"), &back.display().to_string()]).expect_code(0);
    assert_eq!(fs::read(back.join("comm")).expect("a file"), b"app\n");
    target.attach(&["rm", "-r", "/data/tree"]).expect_code(0);
    target.assert_untouched();
}

#[test]
fn a_tar_stream_goes_in_and_comes_out() {
    let stage = Stage::set();
    let target = stage.target(&["--tmpfs", "/data"]);
    let stopped = stage.engine.create("stopped", &[], &stage.image, &[]);
    for (name, folder) in [(target.name(), "/data"), (stopped.name(), "/")] {
        let mut archive = tar::Builder::new(Vec::new());
        let mut folder_header = tar::Header::new_gnu();
        folder_header.set_entry_type(tar::EntryType::Directory);
        folder_header.set_size(0);
        folder_header.set_mode(0o755);
        archive.append_data(&mut folder_header, "b", &[][..]).expect("memory");
        for (path, text) in [("a", "one"), ("b/c", "two")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(3);
            header.set_mode(0o640);
            archive.append_data(&mut header, path, text.as_bytes()).expect("memory");
        }
        let archive = archive.into_inner().expect("memory");
        let place = format!("{name}:{folder}");
        stage.scratchdbg.run_with_input(["cp", "-", &place], archive.clone()).expect_code(0);
        let said = stage.run(&["cp", &format!("{name}:{}/b/.", folder.trim_end_matches('/')), "-"]);
        said.expect_code(0);
        assert!(said.stdout.windows(3).any(|three| three == b"two"), "{said}");
        // A stream that ends early, and one that leads out, are refused.
        let cut = archive[..1200].to_vec();
        let said = stage.scratchdbg.run_with_input(["cp", "-", &place], cut);
        said.expect_clear_failure(1, &["the stream ended early"]);
    }
}

/// What was named is taken as `docker cp` takes it, running or not.
#[test]
fn sides_are_taken_as_docker_takes_them() {
    let stage = Stage::set();
    let tree = tree(&stage);
    let home = stage.scratchdbg.home();
    let container = stage.engine.create("stopped", &[], &stage.image, &[]);
    let running = stage.target(&[]);
    let name = container.name();
    let source = format!("{}/.", tree.display());
    stage.engine.ask(["cp", &*source, &*format!("{name}:/data")]);
    stage.engine.ask(["cp", &*source, &*format!("{}:/data", running.name())]);
    let rows = [
        ("/data", "new"),
        ("/data", "have"),
        ("/data/", "have/"),
        ("/data/.", "new"),
        ("/data/.", "have"),
        ("/data", "old"),
        ("/data", "none/new"),
        ("data/file", "new"),
        ("/data/file", "old"),
        ("/data/file", "have"),
        ("/data/file", "new/"),
        ("/data/link", "new"),
        ("/data/none", "new"),
        ("/data/inner/run", "have"),
        ("/data/inner/../file", "new"),
    ];
    for (number, (path, place)) in rows.into_iter().enumerate() {
        let outcome = |who: &str, copy: &dyn Fn(&str, &str) -> bool, name: &str| {
            let folder = home.join(format!("{who}-{number}"));
            fs::create_dir_all(folder.join("have")).expect("a folder");
            fs::write(folder.join("old"), "old").expect("a file");
            let place = format!("{}/{place}", folder.display());
            let is_done = copy(&format!("{name}:{path}"), &place);
            (is_done, shown(&folder))
        };
        let docker = |from: &str, to: &str| stage.engine.docker(["cp", from, to]).status.success();
        let ours = |from: &str, to: &str| stage.run(&["cp", from, to]).status.success();
        let expected = outcome("docker", &docker, name);
        assert_eq!(outcome("stopped", &ours, name), expected, "{path} to {place}");
        assert_eq!(outcome("running", &ours, running.name()), expected, "{path} to {place}");
    }
}

#[test]
fn rights_are_the_targets_users() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home().display().to_string();
    let target = stage.target(&["--user", "65532:65532"]);
    fs::write(format!("{home}/file"), "text").expect("a file");
    let (file, root) = (format!("{home}/file"), format!("{}:/file", target.name()));
    let said = stage.run(&["cp", &file, &root]);
    said.expect_clear_failure(1, &["cannot write /file: permission denied"]);
    assert!(said.stderr.contains("--root"), "{said}");
    stage.run(&["cp", "--root", &file, &root]).expect_code(0);
    stage.run(&["cp", "-u", "0", &root, &format!("{home}/back")]).expect_code(0);
    assert_eq!(fs::read(format!("{home}/back")).expect("a file"), b"text");
    // One that cannot be read is missing, and that is no success.
    let hidden = format!("{}:/hidden", target.name());
    fs::create_dir(format!("{home}/hidden")).expect("a folder");
    for (name, mode) in [("open", 0o644), ("closed", 0o600)] {
        fs::write(format!("{home}/hidden/{name}"), name).expect("a file");
        fs::set_permissions(format!("{home}/hidden/{name}"), Permissions::from_mode(mode))
            .expect("a mode");
    }
    stage.run(&["cp", "--root", &format!("{home}/hidden"), &hidden]).expect_code(0);
    let said = stage.run(&["cp", &hidden, &format!("{home}/partly")]);
    said.expect(1, "");
    assert!(said.stderr.contains("closed is not copied: permission denied"), "{said}");
    assert_eq!(shown(Path::new(&format!("{home}/partly"))), ["open=open 644"]);
    stage.run(&["cp", "--via", "engine", &hidden, &format!("{home}/whole")]).expect_code(0);
    assert_eq!(shown(Path::new(&format!("{home}/whole"))).len(), 2);
}

/// Waits until a file of the target has some of what is copied to it, under no name.
fn begin_upload(stage: &Stage, name: &str) -> scratchdbg_testkit::program::Running {
    let mut running = stage.scratchdbg.start(["cp", "-", &format!("{name}:/data")]);
    let mut header = tar::Header::new_ustar();
    header.set_path("endless").expect("a path");
    header.set_size(8 << 30);
    header.set_mode(0o644);
    header.set_cksum();
    running.write_input(header.as_bytes());
    running.write_input(&vec![b'x'; 1 << 20]);
    running
}

/// Waits until the target has received something.
fn wait_for_bytes(target: &crate::stage::Target<'_>) {
    let used = || target.attach(&["df", "-k", "/data"]).text();
    eventually(
        || format!("bytes in the target: {}", used()),
        || {
            let used: u64 = used().lines().last()?.split_whitespace().nth(2)?.parse().ok()?;
            (used >= 512).then_some(())
        },
    );
}

#[test]
fn a_copy_that_is_interrupted_leaves_nothing() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532", "--tmpfs", "/data:mode=1777"]);
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT, Signal::KILL] {
        let running = begin_upload(&stage, target.name());
        wait_for_bytes(&target);
        running.signal(signal);
        let said = running.finish();
        if signal != Signal::KILL {
            said.expect(128 + signal.as_raw(), "");
        }
        target.assert_untouched();
        target.attach(&["ls", "-A", "/data"]).expect(0, "");
    }
}

#[test]
fn a_stream_that_nobody_reads_is_no_success() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let from = format!("{}:/app", target.name());
    for via in ["session", "engine"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let copy = ["cp", "--via", via, &from, "-"];
        let said = stage.scratchdbg.command(copy).stdout(writer).output().expect("it runs");
        assert_eq!(said.status.code(), Some(141), "{via}");
        let told = String::from_utf8_lossy(&said.stderr);
        assert!(!told.contains("error"), "{via}: {told}");
    }
    target.assert_untouched();
}

#[test]
fn a_target_that_ends_ends_the_copy() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532", "--tmpfs", "/data:mode=1777"]);
    let running = begin_upload(&stage, target.name());
    wait_for_bytes(&target);
    target.container.kill();
    let said = running.finish();
    assert!(!said.status.success(), "{said}");
    assert!(said.stderr.contains(target.name()), "{said}");
}

#[test]
fn a_paused_container_is_copied_by_the_engine() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let home = stage.scratchdbg.home().display().to_string();
    stage.engine.ask(["pause", target.name()]);
    let said = stage.run(&["cp", &format!("{}:/app", target.name()), &home]);
    stage.engine.ask(["unpause", target.name()]);
    said.expect_code(0);
    assert!(Path::new(&format!("{home}/app")).is_file());
}

#[test]
fn a_file_that_is_replaced_is_never_half() {
    let stage = Stage::set();
    let target = stage.target(&["--tmpfs", "/data"]);
    let home = stage.scratchdbg.home().display().to_string();
    let (file, place) = (format!("{home}/file"), format!("{}:/data/file", target.name()));
    let size = 4 << 20;
    fs::write(&file, "a".repeat(size)).expect("a file");
    stage.run(&["cp", &file, &place]).expect_code(0);
    // The same again and again, while the target's side is read by somebody else.
    let script = "while [ -e /data/go ]; do wc -c </data/file; done";
    target.attach(&["touch", "/data/go"]).expect_code(0);
    let reader = target.start_attach(&["sh", "-c", script]);
    reader.wait_for_stdout("a size", |said| !said.is_empty());
    for _ in 0..5 {
        stage.run(&["cp", &file, &place]).expect_code(0);
    }
    target.attach(&["rm", "/data/go"]).expect_code(0);
    let said = reader.finish();
    let sizes: std::collections::BTreeSet<String> =
        said.text().lines().map(str::to_owned).collect();
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [size.to_string()]);
}

#[test]
fn what_is_no_copy_is_said() {
    let stage = Stage::set();
    let target = stage.target(&[]);
    let name = target.name();
    let rows: &[(&[&str], i32, &str)] = &[
        (&["a", "b"], 2, "neither `a` nor `b` is in a container"),
        (&["a:/x", "b:/y"], 2, "are both in containers"),
        (&[&format!("{name}:"), "b"], 2, "has no path"),
        (&[&format!("{name}:/none"), "b"], 1, "cannot read /none: no such file or directory"),
        (&[&format!("{name}:/app"), "/dev/null"], 1, "is neither a file nor a folder"),
        (&["none-of-this:/x", "b"], 1, "none-of-this"),
    ];
    let run = |arguments: &[&str]| -> Finished { stage.run(&[&["cp"], arguments].concat()) };
    for (arguments, code, words) in rows {
        run(arguments).expect_clear_failure(*code, &[words]);
    }
    assert!(!Path::new("b").exists());
    target.assert_untouched();
}
