//! A program's path, mode and interpreter: compares `check` with what the engine and the kernel
//! really do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::engine_agrees::disagreement;
use crate::stage::Stage;

/// A file of the context: its path, its content (that of busybox for `None`) and its mode.
type Content = (&'static str, Option<&'static str>, u32);

fn write(folder: &Path, (path, content, mode): &Content) {
    let place = folder.join("root").join(path);
    fs::create_dir_all(place.parent().expect("it is in the folder")).expect("a folder");
    match content {
        Some(text) => fs::write(&place, text).expect("a file"),
        None => drop(
            fs::copy("/bin/busybox", &place).expect("busybox-static: run ./scripts/ensure-engine"),
        ),
    }
    fs::set_permissions(&place, fs::Permissions::from_mode(*mode)).expect("a mode");
}

/// Files, the mode of a directory, the rest of the Dockerfile, and whether it runs.
type Case = (Vec<Content>, Option<(&'static str, u32)>, &'static str, bool);

fn cases() -> Vec<Case> {
    let sh = || ("bin/sh", None, 0o755);
    let script = |text| ("s", Some(text), 0o755);
    vec![
        // Files that LookPath skips.
        (
            vec![sh(), ("a/sh", Some("notes\n"), 0o644)],
            None,
            "ENV PATH=/a:/bin\nENTRYPOINT [\"sh\", \"-c\", \"true\"]",
            true,
        ),
        (
            vec![sh(), ("a/sh/x", Some(""), 0o644)],
            None,
            "ENV PATH=/a:/bin\nENTRYPOINT [\"sh\", \"-c\", \"true\"]",
            true,
        ),
        (
            vec![sh(), ("a/sh", None, 0o755)],
            Some(("a", 0o700)),
            "ENV PATH=/a:/bin\nENTRYPOINT [\"sh\", \"-c\", \"true\"]",
            true,
        ),
        (
            vec![("a/sh", Some("notes\n"), 0o644)],
            None,
            "ENV PATH=/a:/bin\nENTRYPOINT [\"sh\", \"-c\", \"true\"]",
            false,
        ),
        // Relative elements of PATH.
        (
            vec![sh()],
            None,
            "ENV PATH=:/bin\nWORKDIR /bin\nENTRYPOINT [\"sh\", \"-c\", \"true\"]",
            false,
        ),
        (
            vec![sh()],
            None,
            "ENV PATH=/bin:\nWORKDIR /bin\nENTRYPOINT [\"sh\", \"-c\", \"true\"]",
            true,
        ),
        (vec![sh()], None, "ENV PATH=bin\nENTRYPOINT [\"sh\", \"-c\", \"true\"]", false),
        // Interpreters.
        (vec![sh(), script("#!/bin/sh\nexit 0\n")], None, "ENTRYPOINT [\"/s\"]", true),
        (
            vec![("bin/sh", None, 0o644), script("#!/bin/sh\nexit 0\n")],
            None,
            "ENTRYPOINT [\"/s\"]",
            false,
        ),
        (vec![sh(), script("#!/bin\n")], None, "ENTRYPOINT [\"/s\"]", false),
        (vec![sh(), script("#!bin/sh\nexit 0\n")], None, "WORKDIR /\nENTRYPOINT [\"/s\"]", true),
        (
            vec![sh(), script("#!bin/sh\nexit 0\n")],
            None,
            "WORKDIR /srv\nENTRYPOINT [\"/s\"]",
            false,
        ),
        (vec![script("#!/s\n")], None, "ENTRYPOINT [\"/s\"]", false),
        (vec![script("#!/t\n"), ("t", Some("#!/s\n"), 0o755)], None, "ENTRYPOINT [\"/s\"]", false),
        // Through the kernel's view of the root.
        (vec![sh()], None, "ENTRYPOINT [\"/proc/self/root/bin/sh\", \"-c\", \"true\"]", true),
    ]
}

#[test]
fn check_says_of_places_and_interpreters_what_the_engine_does() {
    let stage = Stage::set();
    let folder = stage.scratchdbg.home().join("context");
    let mut disagree = Vec::new();
    for (files, directory, lines, works) in cases() {
        drop(fs::remove_dir_all(&folder));
        for file in &files {
            write(&folder, file);
        }
        if let Some((path, mode)) = directory {
            fs::set_permissions(folder.join("root").join(path), fs::Permissions::from_mode(mode))
                .expect("a mode");
        }
        let text = format!("FROM scratch\nCOPY root /\nUSER 7:7\n{lines}\n");
        let found = disagreement(&stage, &folder, &text, works);
        disagree.extend(found.map(|found| format!("{files:?} {found}")));
    }
    assert!(disagree.is_empty(), "{}", disagree.join("\n\n"));
}

/// Scripts whose interpreter is a script: the kernel follows five.
#[test]
fn check_says_of_nested_scripts_what_the_kernel_does() {
    let stage = Stage::set();
    let folder = stage.scratchdbg.home().join("context");
    let mut disagree = Vec::new();
    for (depth, works) in [(5, true), (6, false)] {
        drop(fs::remove_dir_all(&folder));
        write(&folder, &("bin/true", None, 0o755));
        for number in 1..=depth {
            let path = folder.join("root").join(format!("s{number}"));
            let interpreter =
                if number == 1 { "/bin/true".to_owned() } else { format!("/s{}", number - 1) };
            fs::write(&path, format!("#!{interpreter}\n")).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        let text = format!("FROM scratch\nCOPY root /\nUSER 7:7\nENTRYPOINT [\"/s{depth}\"]\n");
        let found = disagreement(&stage, &folder, &text, works);
        disagree.extend(found);
    }
    assert!(disagree.is_empty(), "{}", disagree.join("\n\n"));
}
