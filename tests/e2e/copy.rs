//! `cp`: files of containers on this machine, and back. `docker cp` is the referee.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::Finished;

use crate::stage::Stage;

/// Lists a tree: names, contents, links.
fn shown(folder: &Path) -> Vec<String> {
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
fn tree(stage: &Stage) -> PathBuf {
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

/// Where a link leads to is the target's choice. So it does not choose the name of the copy.
#[test]
fn fault_110_a_link_that_is_followed_keeps_its_name() {
    let stage = Stage::set();
    let tree = stage.scratchdbg.home().join("links");
    fs::create_dir_all(tree.join(".ssh")).expect("a folder");
    fs::write(tree.join(".bashrc"), "theirs").expect("a file");
    fs::write(tree.join(".ssh/keys"), "theirs").expect("a file");
    symlink(".bashrc", tree.join("app.conf")).expect("a link");
    symlink("/data/.ssh", tree.join("logs")).expect("a link");
    let (stopped, running) =
        (stage.engine.create("stopped", &[], &stage.image, &[]), stage.target(&[]));
    for name in [stopped.name(), running.name()] {
        stage.engine.ask(["cp", &*format!("{}/.", tree.display()), &*format!("{name}:/data")]);
        let copied = |who: &str, path: &str| {
            let home = stage.scratchdbg.home().join(format!("{who}-{name}-{path}"));
            fs::create_dir(&home).expect("a folder");
            fs::write(home.join(".bashrc"), "mine").expect("a file");
            let (from, to) = (format!("{name}:/data/{path}"), home.display().to_string());
            match who {
                "docker" => drop(stage.engine.ask(["cp", "-L", &*from, &*to])),
                _ => drop(stage.run(&["cp", "-L", &from, &to]).expect_code(0)),
            }
            shown(&home)
        };
        for (path, expected) in [
            ("app.conf", &[".bashrc=mine 644", "app.conf=theirs 644"][..]),
            ("logs", &[".bashrc=mine 644", "logs/", "logs/keys=theirs 644"]),
        ] {
            assert_eq!(copied("ours", path), expected, "{name} {path}");
            assert_eq!(copied("docker", path), expected, "{name} {path}");
        }
    }
}

#[test]
fn a_stream_for_other_programs_has_no_set_user_id_bits() {
    let stage = Stage::set();
    let stopped = stage.engine.create("stopped", &[], &stage.image, &[]);
    let running = stage.target(&[]);
    let program = stage.scratchdbg.home().join("program");
    fs::write(&program, "#!").expect("a file");
    fs::set_permissions(&program, Permissions::from_mode(0o6755)).expect("a mode");
    for name in [stopped.name(), running.name()] {
        stage.engine.ask(["cp", &*program.display().to_string(), &*format!("{name}:/program")]);
        let from = format!("{name}:/program");
        for (options, expected) in [(&["cp"][..], 0o755), (&["cp", "-a"], 0o6755)] {
            let said = stage.run(&[options, &[&from, "-"]].concat());
            let mut archive = tar::Archive::new(&said.stdout[..]);
            let entry = archive.entries().expect("a stream").next().expect("an entry");
            let mode = entry.expect("an entry").header().mode().expect("a mode");
            assert_eq!(mode & 0o7777, expected, "{name} {options:?}");
        }
    }
    // And back.
    let source = program.display().to_string();
    for (options, expected) in [(&["cp"][..], 0o755), (&["cp", "-a"], 0o6755)] {
        let place = format!("{}:/back", stopped.name());
        stage.run(&[options, &[&source, &place]].concat()).expect_code(0);
        let said = stage.engine.docker(["cp", &*place, "-"]).stdout;
        let mut archive = tar::Archive::new(&said[..]);
        let entry = archive.entries().expect("a stream").next().expect("an entry");
        let mode = entry.expect("an entry").header().mode().expect("a mode");
        assert_eq!(mode & 0o7777, expected, "{options:?}");
    }
}

#[test]
fn fault_114_what_goes_into_a_stopped_container_is_not_its_users() {
    let stage = Stage::set();
    let tree = tree(&stage);
    let container = stage.engine.create("stopped", &["--user", "65532:7"], &stage.image, &[]);
    let source = tree.display().to_string();
    let place = |path: &str| format!("{}:{path}", container.name());
    for (from, to) in [
        (source.clone(), "/tree"),
        (format!("{source}/."), "/app.d"),
        (format!("{source}/file"), "/app.d/inner"),
        (format!("{source}/file"), "/app.d/renamed"),
        (format!("{source}/link"), "/app.d/inner/"),
    ] {
        stage.run(&["cp", &from, &place(to)]).expect_code(0);
    }
    stage.run(&["cp", "-a", &format!("{source}/file"), &place("/kept")]).expect_code(0);
    let owners = |path: &str| {
        let said = stage.engine.docker(["cp", &*place(path), "-"]).stdout;
        let mut archive = tar::Archive::new(&said[..]);
        let mut lines = Vec::new();
        for entry in archive.entries().expect("a tar stream") {
            let entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let header = entry.header();
            lines.push(format!("{path} {}:{}", header.uid().unwrap(), header.gid().unwrap()));
        }
        lines.sort();
        lines.join(" ")
    };
    assert_eq!(
        owners("/tree"),
        "tree/ 0:0 tree/file 0:0 tree/inner/ 0:0 tree/inner/run 0:0 tree/link 0:0"
    );
    assert_eq!(
        owners("/app.d"),
        "app.d/ 0:0 app.d/file 0:0 app.d/inner/ 0:0 app.d/inner/file 0:0 \
         app.d/inner/link 0:0 app.d/inner/run 0:0 app.d/link 0:0 app.d/renamed 0:0"
    );
    let own = fs::metadata(tree.join("file")).expect("a file");
    assert_eq!(owners("/kept"), format!("kept {}:{}", own.uid(), own.gid()));
    for (from, to, words) in [
        (source.clone(), "/app.d/renamed", "which is a file"),
        (format!("{source}/file"), "/none/x", "there is no `/none`"),
        (format!("{source}/file"), "/none/", "there is no folder"),
        (format!("{source}/none"), "/x", "no such file"),
    ] {
        stage.run(&["cp", &from, &place(to)]).expect_clear_failure(1, &[words]);
    }
    // A stream makes links, and goes through them.
    let mut archive = tar::Builder::new(Vec::new());
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    archive.append_link(&mut link, "leads", "/app.d").expect("memory");
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o6755);
    archive.append_data(&mut header, "leads/renamed", &b"bad"[..]).expect("memory");
    let archive = archive.into_inner().expect("memory");
    stage
        .scratchdbg
        .run_with_input(["cp", "-", &place("/")], archive)
        .expect_clear_failure(1, &["leads through a link"]);
    assert_eq!(owners("/app.d/renamed"), "renamed 0:0");
    let said = stage.engine.docker(["cp", &*place("/app.d/renamed"), "-"]).stdout;
    assert!(!said.windows(3).any(|three| three == b"bad"), "it was written");
    // A link of the container is in the place of a folder that a stream does not have.
    let leads = stage.scratchdbg.home().join("leads");
    symlink("/app.d", &leads).expect("a link");
    stage.engine.ask(["cp", &*leads.display().to_string(), &*place("/leads")]);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "leads/renamed", &b"bad"[..]).expect("memory");
    stage
        .scratchdbg
        .run_with_input(["cp", "-", &place("/")], archive.into_inner().expect("memory"))
        .expect_clear_failure(1, &["the folder of `leads/renamed` is not in the stream"]);
    let said = stage.engine.docker(["cp", &*place("/app.d/renamed"), "-"]).stdout;
    assert!(!said.windows(3).any(|three| three == b"bad"), "it was written");
    // Links that its user may have made lead nowhere, and nobody is who he did not ask to be.
    symlink("/app.d", tree.join("leads")).expect("a link");
    symlink("/app.d/renamed", tree.join("app.conf")).expect("a link");
    stage.run(&["cp", &source, &place("/links")]).expect_code(0);
    let file = format!("{source}/file");
    for path in ["/links/app.conf", "/links/leads", "/links/leads/x", "/links/leads/inner/"] {
        stage
            .run(&["cp", &file, &place(path)])
            .expect_clear_failure(1, &["is a link to `/app.d", "name the path that is meant"]);
    }
    stage
        .run(&["cp", "-u", "65532", &file, &place("/x")])
        .expect_clear_failure(2, &["leave out -u"]);
    stage.run(&["cp", "-u", "0", &file, &place("/x")]).expect_code(0);
}

/// Who shares a volume could make a link between the look and the copy.
#[test]
fn fault_117_a_volume_that_another_container_has_is_not_written_as_root() {
    let stage = Stage::set();
    let volume = stage.engine.name("shared");
    let flags = ["--volume", &*format!("{volume}:/data")];
    let stopped = stage.engine.create("stopped", &flags, &stage.image, &[]);
    let other = stage.engine.run("other", &flags, &stage.image, &["obey"]);
    let home = stage.scratchdbg.home();
    fs::write(home.join("file"), "text").expect("a file");
    let file = home.join("file").display().to_string();
    for path in ["/data", "/data/x"] {
        stage
            .run(&["cp", &file, &format!("{}:{path}", stopped.name())])
            .expect_clear_failure(1, &["`/data`", "is shared with", other.name()]);
    }
    stage
        .run(&["cp", &file, &format!("{}:/x", stopped.name())])
        .expect_clear_failure(1, &["is shared with"]);
    stage.run(&["cp", &file, &format!("{}:/data/", other.name())]).expect_code(0);
    other.kill();
    other.wait();
    stage.run(&["cp", &file, &format!("{}:/data/x", stopped.name())]).expect_code(0);
    // The volume goes with its containers.
    stage.engine.ask(["rm", "--force", stopped.id(), other.id()]);
    stage.engine.ask(["volume", "rm", &*volume]);
}

/// The engine copies as root.
#[test]
fn fault_115_a_session_that_is_refused_is_no_reason_for_more_rights() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532"]);
    let home = stage.scratchdbg.home().display().to_string();
    tree(&stage);
    for copy in [
        [format!("{}:/app", target.name()), format!("{home}/app")],
        [format!("{home}/tree/file"), format!("{}:/app.conf", target.name())],
    ] {
        let said = stage.run(&["cp", "-u", "nobody-there", &copy[0], &copy[1]]);
        said.expect_clear_failure(1, &["nobody-there"]);
        assert!(!Path::new(&format!("{home}/app")).exists());
    }
    let said = stage.engine.docker(["cp", &*format!("{}:/app.conf", target.name()), "-"]);
    assert!(!said.status.success(), "nothing was written");
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

/// A link of the target's user leads its own processes, and none with more rights.
#[test]
fn fault_119_root_follows_no_link_of_the_targets_user() {
    let stage = Stage::set();
    let target = stage.target(&["--user", "65532:65532", "--tmpfs", "/data:mode=1777"]);
    let file = stage.scratchdbg.home().join("file");
    fs::write(&file, "text").expect("a file");
    let file = file.display().to_string();
    let script = "mkdir /data/dir && ln -s dir /data/own && ln -s / /data/root && ln -s /root.conf /data/app.conf";
    target.attach(&["sh", "-c", script]).expect_code(0);
    let copy = |options: &[&str], path: &str| {
        let place = format!("{}:{path}", target.name());
        stage.run(&[&["cp"], options, &[&file, &place]].concat())
    };
    for path in ["/data/app.conf", "/data/root", "/data/root/x", "/data/own/x"] {
        copy(&["--root"], path).expect_clear_failure(1, &["a link of user 65532"]);
    }
    copy(&["--root"], "/data/dir/x").expect_code(0);
    copy(&[], "/data/own/y").expect_code(0);
    copy(&[], "/data/root/x").expect_clear_failure(1, &["permission denied"]);
    target.attach(&["ls", "/data/dir"]).expect(0, "x\ny\n");
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
