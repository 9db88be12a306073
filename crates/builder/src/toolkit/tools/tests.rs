use std::os::unix::fs::symlink;

use super::*;
use crate::samples::{AARCH64, X86_64, elf, toolkit};

fn program() -> Vec<u8> {
    elf(X86_64, None, b"a tool")
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn made(sources: &[PathBuf]) -> Result<Toolkit, ToolkitError> {
    toolkit(X86_64).with_tools(read(sources)?)
}

/// Lists path, mode, owner and link of each entry below `bin` that is no link to busybox.
fn entries(toolkit: &Toolkit) -> Vec<String> {
    let archive = toolkit.archive(&[]).unwrap();
    let mut archive = tar::Archive::new(&archive[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        assert_eq!(owner, (0, 0));
        let link = entry.link_name().unwrap().map(|link| format!(" {}", link.display()));
        let (path, mode) = (entry.path().unwrap().display().to_string(), header.mode().unwrap());
        format!("{path} {mode:o}{}", link.unwrap_or_default())
    });
    let own = |line: &String| line.starts_with("bin/") && !line.contains("busybox");
    entries.filter(own).collect()
}

#[test]
fn files_and_folders_become_tools_with_modes_and_owners_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("curl"), &elf(X86_64, None, b"curl"), 0o600);
    fs::create_dir_all(path("tools/share")).unwrap();
    fs::create_dir(path("tools/.git")).unwrap();
    write(&path("tools/top"), &program(), 0o6755);
    write(&path("tools/share/db"), b"data", 0o640);
    write(&path("tools/.hidden"), b"data", 0o644);
    symlink("top", path("tools/htop")).unwrap();
    symlink(path("tools/top"), path("tools/share/atop")).unwrap();
    let sources = [path("curl"), path("tools")];
    let toolkit = made(&sources).unwrap();
    assert_eq!(
        entries(&toolkit),
        [
            "bin/ 755",
            "bin/curl 755",
            "bin/htop 755",
            "bin/share/ 755",
            "bin/share/db 644",
            "bin/share/atop 755 bin/htop",
            "bin/top 755 bin/htop",
        ],
        "`top` is in the place of the applet"
    );
    let names: Vec<_> = toolkit.tool_names().into_iter().collect();
    assert_eq!(names, ["curl", "htop", "share/atop", "share/db", "top"]);
}

#[test]
fn the_same_tools_make_the_same_image_and_others_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("a"), &program(), 0o755);
    write(&path("b"), &elf(X86_64, None, b"another"), 0o755);
    let name =
        |sources: &[PathBuf]| made(sources).unwrap().image_reference(&[]).unwrap().familiar();
    let one = name(&[path("a"), path("b")]);
    assert_eq!(name(&[path("b"), path("a"), path("a")]), one);
    fs::create_dir(path("copy")).unwrap();
    fs::copy(path("a"), path("copy/a")).unwrap();
    assert_eq!(name(&[path("copy"), path("b")]), one);
    let plain = toolkit(X86_64).image_reference(&[]).unwrap().familiar();
    assert!(name(&[path("a")]) != one && plain != one);
    let made = made(&[path("a")]).unwrap();
    assert_ne!(made.image_layer(&[]).unwrap(), toolkit(X86_64).image_layer(&[]).unwrap());
    assert_eq!(made.twin_layer().unwrap(), toolkit(X86_64).twin_layer().unwrap());
}

#[test]
fn what_would_not_work_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let cases = [
        ("dynamic", elf(X86_64, Some("/lib/ld.so"), b""), "dynamically linked"),
        ("script", b"#!/bin/sh\n".to_vec(), "it is a script"),
        ("arm", elf(AARCH64, None, b""), "it is for linux/arm64, and busybox for linux/amd64"),
        ("text", b"hello".to_vec(), "it is "),
        ("empty", Vec::new(), "an empty file"),
        ("busybox", program(), "every toolkit has a `busybox` of its own"),
        ("scratchdbg-launcher", program(), "of its own"),
        ("a b", program(), "`a b` cannot be the name of a tool"),
        ("-x", program(), "`-x` cannot be"),
        ("a\nb", program(), "`a\\nb` cannot be"),
    ];
    for (name, bytes, part) in cases {
        write(&path(name), &bytes, 0o755);
        let error = made(&[path(name)]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(part) && text.contains("cannot be in a toolkit"), "{name}: {text}");
        assert!(error.hint().is_some(), "{name}");
    }
    assert!(matches!(read(&[path("absent")]), Err(ToolkitError::Read { .. })));
}

#[test]
fn two_tools_of_a_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, content) in [("x", b"one"), ("y", b"two")] {
        fs::create_dir(path(name)).unwrap();
        write(&path(name).join("curl"), &elf(X86_64, None, content), 0o755);
    }
    let error = made(&[path("x/curl"), path("y")]).unwrap_err().to_string();
    assert!(error.contains("another tool of the name curl"), "{error}");
    symlink("curl", path("y/wget")).unwrap();
    assert_eq!(made(&[path("y"), path("y/curl"), path("y/wget")]).unwrap().tool_names().len(), 2);
    write(&path("wget"), &program(), 0o755);
    let error = made(&[path("wget"), path("y")]).unwrap_err().to_string();
    assert!(error.contains("another tool of the name wget"), "{error}");
}

#[test]
fn nothing_out_of_the_folder_and_nothing_that_everybody_may_write_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("tools")).unwrap();
    write(&path("tools/a"), &program(), 0o755);
    write(&path("secret"), &program(), 0o755);
    let refused = |part: &str| {
        let error = read(&[path("tools")]).unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
    };
    for (target, part) in [
        ("../secret", "no file of this folder"),
        ("/etc/passwd", "no file of this folder"),
        (".", "no file of this folder"),
        ("absent", "cannot read"),
    ] {
        symlink(target, path("tools/link")).unwrap();
        refused(part);
        fs::remove_file(path("tools/link")).unwrap();
    }
    let socket = std::os::unix::net::UnixListener::bind(path("tools/socket")).unwrap();
    refused("it is a socket");
    drop(socket);
    fs::remove_file(path("tools/socket")).unwrap();
    write(&path("tools/a"), &program(), 0o777);
    refused("everybody may write");
    write(&path("tools/a"), &program(), 0o755);
    fs::set_permissions(path("tools"), fs::Permissions::from_mode(0o777)).unwrap();
    refused("everybody may write");
    fs::set_permissions(path("tools"), fs::Permissions::from_mode(0o755)).unwrap();
    // A folder above, also of what a link leads to.
    fs::create_dir_all(path("shared/own")).unwrap();
    write(&path("shared/own/a"), &program(), 0o755);
    std::os::unix::fs::symlink(path("shared/own"), path("link")).unwrap();
    let mode = |mode| {
        fs::set_permissions(path("shared"), fs::Permissions::from_mode(mode)).unwrap();
    };
    for source in ["shared/own", "shared/own/a", "link", "link/a"] {
        mode(0o777);
        let error = read(&[path(source)]).unwrap_err().to_string();
        assert!(error.contains("everybody may write"), "{source}: {error}");
        // Nobody else can replace what is in it.
        mode(0o1777);
        read(&[path(source)]).unwrap();
    }
    assert_eq!(read(&[path("tools")]).unwrap().len(), 1);
    // A file without end, as far as its length tells.
    fs::File::create(path("tools/huge")).unwrap().set_len(1 << 40).unwrap();
    refused("more than 256 MiB");
    fs::create_dir(path("none")).unwrap();
    assert!(read(&[path("none")]).unwrap_err().to_string().contains("has no files"));
}
