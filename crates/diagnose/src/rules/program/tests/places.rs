//! Tests of the paths of interpreters and loaders, and of their permissions.

use super::*;

fn found(program: &Program, entries: &[(&str, Entry)], workdir: &str) -> Vec<&'static str> {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/etc/passwd", Entry::content(0o644, "root:x:0:0::/:\n"));
    for (path, entry) in entries {
        rootfs.insert(path, entry.clone());
    }
    let subject = Subject {
        user: Some("7"),
        working_directory: workdir,
        ..Subject::new("/app", program, &rootfs)
    };
    check(subject).iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn interpreters_that_the_kernel_does_not_execute() {
    let sh = |mode| Entry::program(mode, 9000, elf(&Sample::fixed()));
    let script = || script(b"#!/bin/sh\n");
    let app = |mode| Entry::program(mode, 9, script());
    for (entries, expected) in [
        (vec![("/bin/sh", sh(0o755)), ("/app", app(0o755))], &[][..]),
        (vec![("/bin/sh", sh(0o644))], &["not-executable-mode"]),
        (vec![("/bin/sh", sh(0o700))], &["not-executable-mode"]),
        (vec![("/bin/sh", Entry::directory(0o755))], &["not-executable-mode"]),
        (
            vec![("/bin", Entry::directory(0o700)), ("/bin/sh", sh(0o755))],
            &["parent-not-searchable"],
        ),
        (
            vec![("/bin/sh", Entry::symlink("busybox")), ("/bin/busybox", sh(0o644))],
            &["not-executable-mode"],
        ),
        // The interpreter opens the script.
        (vec![("/bin/sh", sh(0o755)), ("/app", app(0o711))], &["not-executable-mode"]),
    ] {
        assert_eq!(found(&script(), &entries, "/"), expected, "{entries:?}");
    }
}

#[test]
fn relative_names_are_of_the_working_directory() {
    let sh = ("/bin/sh", Entry::program(0o755, 9000, elf(&Sample::fixed())));
    let text = || script(b"#!bin/sh\n");
    assert_eq!(found(&text(), std::slice::from_ref(&sh), "/"), [] as [&str; 0]);
    assert_eq!(found(&text(), std::slice::from_ref(&sh), "/srv"), ["interpreter-missing"]);
    let loader = ("/lib64/ld", Entry::program(0o755, 9000, library()));
    let program =
        elf(&Sample { interpreter: Some("lib64/ld"), dynamic: Some(vec![]), ..Sample::glibc() });
    assert_eq!(found(&program, std::slice::from_ref(&loader), ""), [] as [&str; 0]);
    assert_eq!(found(&program, &[loader], "/srv"), ["loader-missing"]);
}
