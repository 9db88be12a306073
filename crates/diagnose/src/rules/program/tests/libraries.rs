//! Tests of where loaders search for libraries.

use super::*;
use crate::Confidence;
use crate::elf::sample::{NEEDED, RPATH, RUNPATH, SONAME, Value};

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const NAME: &str = "libown.so";

/// Returns glibc's loader as Debian builds it.
fn loader() -> Program {
    let directories =
        b"\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0x".to_vec();
    let dynamic = Some(vec![(SONAME, Value::Text("ld-linux-x86-64.so.2"))]);
    elf(&Sample { e_type: 3, entry: 0, dynamic, ..Sample::fixed() }.section(
        ".rodata",
        1,
        directories,
    ))
}

fn needing(more: &[(u64, &'static str)]) -> Program {
    let own = [(NEEDED, Value::Text(NAME))];
    let dynamic =
        own.into_iter().chain(more.iter().map(|(tag, text)| (*tag, Value::Text(text)))).collect();
    elf(&Sample { dynamic: Some(dynamic), ..Sample::glibc() })
}

fn with_loader() -> Rootfs {
    let mut rootfs = Rootfs::complete();
    rootfs.insert(LOADER, Entry::program(0o755, 9000, loader()));
    rootfs.insert("/opt/bin/app", Entry::file(0o755, 1));
    rootfs
}

#[test]
fn the_loader_says_where_it_looks() {
    let Program::Elf(facts) = loader() else { panic!() };
    assert_eq!(
        facts.library_directories,
        ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"]
    );
}

#[test]
fn glibc_looks_where_it_is_told() {
    let plain = || needing(&[]);
    for (place, program, library_path, preload, workdir, found) in [
        ("/usr/lib/x86_64-linux-gnu/libown.so", plain(), "", "", "/", true),
        ("/usr/lib/libown.so", plain(), "", "", "/", true),
        // Not searched by Debian's loader.
        ("/usr/lib64/libown.so", plain(), "", "", "/", false),
        ("/usr/local/lib/libown.so", plain(), "", "", "/", false),
        // Run paths.
        ("/opt/own/libown.so", needing(&[(RUNPATH, "$ORIGIN/../own")]), "", "", "/", true),
        ("/opt/bin/own/libown.so", needing(&[(RUNPATH, "$ORIGIN/../own")]), "", "", "/", false),
        (
            "/opt/lib/x86_64-linux-gnu/libown.so",
            needing(&[(RUNPATH, "/opt/$LIB")]),
            "",
            "",
            "/",
            true,
        ),
        ("/opt/haswell/libown.so", needing(&[(RUNPATH, "/opt/${PLATFORM}")]), "", "", "/", true),
        ("/srv/libown.so", needing(&[(RPATH, "/srv")]), "", "", "/", true),
        ("/srv/libown.so", needing(&[(RPATH, "/srv"), (RUNPATH, "/other")]), "", "", "/", false),
        ("/srv/own/libown.so", needing(&[(RUNPATH, "own")]), "", "", "/srv", true),
        ("/srv/libown.so", needing(&[(RUNPATH, "/x:")]), "", "", "/srv", true),
        ("/srv/libown.so", needing(&[(RUNPATH, "")]), "", "", "/srv", false),
        // The environment.
        ("/srv/libown.so", plain(), "/srv", "", "/", true),
        ("/srv/libown.so", plain(), "/x;/srv", "", "/", true),
        ("/srv/libown.so", plain(), "l", "", "/srv", false),
        ("/srv/l/libown.so", plain(), "l", "", "/srv", true),
        ("/srv/libown.so", plain(), "", "/srv/libown.so", "/", true),
        ("/srv/libown.so", plain(), "", "libother.so /srv/libown.so", "/", true),
        ("/srv/libown.so", plain(), "", "/srv/libother.so", "/", false),
        // By processor level.
        ("/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libown.so", plain(), "", "", "/", true),
        ("/lib/x86_64-linux-gnu/tls/libown.so", plain(), "", "", "/", true),
        ("/lib/tls/haswell/x86_64/libown.so", plain(), "", "", "/", true),
        ("/lib/x86_64-linux-gnu/blas/libown.so", plain(), "", "", "/", false),
    ] {
        let mut rootfs = with_loader();
        let library = Sample {
            e_type: 3,
            entry: 0,
            dynamic: Some(vec![(SONAME, Value::Text(NAME))]),
            ..Sample::fixed()
        };
        rootfs.insert(place, Entry::program(0o644, 9000, elf(&library)));
        let subject = Subject {
            library_path,
            preload,
            working_directory: workdir,
            ..Subject::new("/opt/bin/app", &program, &rootfs)
        };
        let findings = check(subject);
        assert_eq!(findings.is_empty(), found, "{place} {library_path} {preload}: {findings:?}");
        // The program may be started with more variables than the image sets.
        assert!(
            findings.iter().all(|finding| finding.confidence == Confidence::Guess),
            "{findings:?}"
        );
    }
    let (program, rootfs) = (plain(), with_loader());
    let findings = check(Subject::new("/opt/bin/app", &program, &rootfs));
    assert_eq!(findings[0].confidence, Confidence::Certain, "it is nowhere");
}

#[test]
fn lists_in_files_are_read() {
    let cache = super::super::library::sample_cache(&[(NAME, "/srv/libown.so")]);
    for (list, content, found) in [
        ("/etc/ld.so.cache", cache, true),
        ("/etc/ld.so.preload", b"# none\n/srv/libown.so\n".to_vec(), true),
        // glibc's loader does not read ldconfig's configuration.
        ("/etc/ld.so.conf", b"/srv\n".to_vec(), false),
    ] {
        let (program, mut rootfs) = (needing(&[]), with_loader());
        let library = elf(&Sample {
            e_type: 3,
            entry: 0,
            dynamic: Some(vec![(SONAME, Value::Text(NAME))]),
            ..Sample::fixed()
        });
        rootfs.insert("/srv/libown.so", Entry::program(0o644, 9000, library));
        rootfs.insert(list, Entry::content(0o644, content));
        let findings = check(Subject::new("/opt/bin/app", &program, &rootfs));
        assert_eq!(findings.is_empty(), found, "{list}: {findings:?}");
    }
    // An unreadable cache leaves doubt.
    let (program, mut rootfs) = (needing(&[]), with_loader());
    rootfs.insert("/srv/libown.so", Entry::program(0o644, 9000, library()));
    rootfs.insert("/etc/ld.so.cache", Entry::file(0o644, 1 << 30));
    let findings = check(Subject::new("/opt/bin/app", &program, &rootfs));
    assert_eq!(
        (findings[0].severity.as_str(), findings[0].confidence),
        ("warning", Confidence::Guess)
    );
}

#[test]
fn musl_has_a_list_of_its_own() {
    let interpreter = Some("/lib/ld-musl-x86_64.so.1");
    let needed = |names: &[&'static str]| {
        let dynamic = names.iter().map(|name| (NEEDED, Value::Text(name))).collect();
        elf(&Sample { interpreter, dynamic: Some(dynamic), ..Sample::glibc() })
    };
    for (place, list, found) in [
        ("/usr/local/lib/libown.so", None, true),
        ("/srv/libown.so", None, false),
        ("/srv/libown.so", Some("/lib\n/srv\n"), true),
        ("/usr/local/lib/libown.so", Some("/lib:/srv"), false),
    ] {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/lib/ld-musl-x86_64.so.1", Entry::program(0o755, 9000, library()));
        rootfs.insert(place, Entry::program(0o644, 9000, library()));
        if let Some(list) = list {
            rootfs.insert("/etc/ld-musl-x86_64.path", Entry::content(0o644, list));
        }
        let program = needed(&[NAME, "libc.so.6", "libpthread.so.0", "libm.so"]);
        let findings = check(Subject::new("/app", &program, &rootfs));
        assert_eq!(findings.is_empty(), found, "{place} {list:?}: {findings:?}");
    }
}

#[test]
fn a_library_must_be_one_that_can_be_read() {
    let foreign = elf(&Sample {
        machine: 183,
        e_type: 3,
        entry: 0,
        dynamic: Some(vec![]),
        ..Sample::fixed()
    });
    let object = elf(&Sample { e_type: 1, ..Sample::fixed() });
    let cut = {
        let file = Sample { e_type: 3, entry: 0, dynamic: Some(vec![]), ..Sample::fixed() };
        let file = file.section(".text", 1, vec![0x90; 4096]).build();
        inspect(Cursor::new(&file[..3000])).unwrap()
    };
    for (entry, user, word) in [
        (Entry::program(0o644, 9000, library()), "7", None),
        (Entry::program(0o600, 9000, library()), "7", Some("may not be read by user 7:0")),
        (Entry::program(0o600, 9000, library()), "", None),
        (Entry::program(0o644, 9000, foreign), "", Some("is built for linux/arm64")),
        (Entry::program(0o644, 9000, object), "", Some("is no library")),
        (Entry::program(0o644, 0, Program::Other(Format::Empty)), "", Some("is an empty file")),
        (Entry::program(0o644, 9, Program::Other(Format::Text)), "", Some("is a text file")),
        (Entry::program(0o644, 9, script(b"#!/bin/sh\n")), "", Some("is a script")),
        (Entry::directory(0o755), "", Some("is a directory")),
        (Entry::program(0o644, 3000, cut), "", Some("is cut short")),
    ] {
        let (program, mut rootfs) = (needing(&[]), with_loader());
        rootfs.insert("/etc/passwd", Entry::content(0o644, "root:x:0:0::/:\n"));
        rootfs.insert("/lib/libown.so", entry);
        let findings =
            check(Subject { user: Some(user), ..Subject::new("/opt/bin/app", &program, &rootfs) });
        assert_eq!(findings.is_empty(), word.is_none(), "{word:?}: {findings:?}");
        assert!(
            word.is_none_or(|word| findings[0].message.contains(word)),
            "{word:?}: {findings:?}"
        );
    }
    // A skipped file does not hide a later one.
    let (program, mut rootfs) = (needing(&[]), with_loader());
    rootfs.insert("/lib/x86_64-linux-gnu", Entry::directory(0o700));
    rootfs.insert("/lib/x86_64-linux-gnu/libown.so", Entry::program(0o644, 9000, library()));
    let codes = |rootfs: &Rootfs| {
        check(Subject { user: Some("7"), ..Subject::new("/opt/bin/app", &program, rootfs) }).len()
    };
    assert_eq!(codes(&rootfs), 1);
    rootfs.insert("/usr/lib/libown.so", Entry::program(0o644, 9000, library()));
    assert_eq!(codes(&rootfs), 0);
}
