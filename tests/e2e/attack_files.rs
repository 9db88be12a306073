//! What a target could gain from files that are copied out of it or into it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use crate::copy::{shown, tree};
use crate::stage::Stage;

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
    // The same folder under another name.
    let named = stage.engine.name("named");
    let place = stage.engine.ask(["volume", "inspect", "--format", "{{.Mountpoint}}", &*volume]);
    let device = format!("device={}", place.trim());
    stage.engine.ask([
        "volume",
        "create",
        "-o",
        "type=none",
        "-o",
        "o=bind",
        "-o",
        &*device,
        &*named,
    ]);
    let flags = ["--volume", &*format!("{named}:/data")];
    let twice = stage.engine.create("twice", &flags, &stage.image, &[]);
    stage
        .run(&["cp", &file, &format!("{}:/data/x", twice.name())])
        .expect_clear_failure(1, &["is shared with", other.name()]);
    stage.engine.ask(["rm", "--force", twice.id()]);
    stage.engine.ask(["volume", "rm", &*named]);
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
