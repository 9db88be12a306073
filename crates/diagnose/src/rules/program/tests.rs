use std::io::Cursor;

use super::*;
use crate::elf::sample::Sample;
use crate::program::{Format, inspect};
use crate::rootfs::Entry;

fn elf(sample: &Sample) -> Program {
    inspect(Cursor::new(sample.build())).unwrap()
}

fn script(text: &[u8]) -> Program {
    inspect(Cursor::new(text)).unwrap()
}

fn codes(program: &Program, rootfs: &Rootfs, platform: &str) -> Vec<&'static str> {
    let platform = platform.parse().unwrap();
    let findings =
        check(Subject { path: "/app", program, rootfs, platform: Some(&platform), search_path: "/usr/bin:/bin" });
    for finding in &findings {
        assert!(finding.fix.is_some() && !finding.evidence.is_empty(), "{finding:?}");
        assert!(finding.message.contains("/app") || finding.evidence[0].contains('/'), "{finding:?}");
    }
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn binaries_in_an_empty_image() {
    let truncated = {
        let file = Sample::fixed().section(".text", 1, vec![0x90; 4096]).build();
        inspect(Cursor::new(&file[..2000])).unwrap()
    };
    for (program, platform, expected) in [
        (elf(&Sample::fixed()), "linux/amd64", &[][..]),
        (elf(&Sample { e_type: 3, ..Sample::fixed() }), "linux/amd64", &[]),
        (elf(&Sample::glibc()), "linux/amd64", &["loader-missing"]),
        (elf(&Sample { machine: 183, ..Sample::fixed() }), "linux/amd64", &["wrong-architecture"]),
        // A loader does not help a program of another architecture.
        (elf(&Sample { machine: 183, ..Sample::glibc() }), "linux/amd64", &["wrong-architecture"]),
        (elf(&Sample { machine: 183, ..Sample::fixed() }), "linux/arm64", &[]),
        (elf(&Sample { os_abi: 9, ..Sample::fixed() }), "linux/amd64", &["wrong-architecture"]),
        (elf(&Sample { machine: 9999, ..Sample::fixed() }), "linux/amd64", &["wrong-architecture"]),
        (elf(&Sample { e_type: 1, ..Sample::fixed() }), "linux/amd64", &["not-an-executable"]),
        (
            elf(&Sample { e_type: 3, entry: 0, dynamic: Some(vec![]), ..Sample::fixed() }),
            "linux/amd64",
            &["not-an-executable"],
        ),
        (truncated, "linux/amd64", &["truncated-binary"]),
        (Program::Other(Format::Empty), "linux/amd64", &["not-an-executable"]),
        (Program::Other(Format::MachO), "linux/amd64", &["not-an-executable"]),
        (script(b"echo hello\n"), "linux/amd64", &["not-an-executable"]),
        (script(b"#!\n"), "linux/amd64", &["not-an-executable"]),
        (script(b"\xef\xbb\xbf#!/bin/sh\n"), "linux/amd64", &["not-an-executable"]),
        (script(b"#!/bin/sh\n"), "linux/amd64", &["interpreter-missing"]),
        (script(b"#!/bin/sh\r\n"), "linux/amd64", &["crlf-shebang"]),
    ] {
        assert_eq!(codes(&program, &Rootfs::complete(), platform), expected, "{program:?}");
    }
}

#[test]
fn with_the_loader_it_starts() {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/lib64", Entry::symlink("usr/lib64"));
    let program = elf(&Sample::glibc());
    let findings = check(Subject { path: "/app", program: &program, rootfs: &rootfs, platform: None, search_path: "" });
    assert!(findings[0].evidence[1].contains("/lib64 points to usr/lib64"), "{findings:?}");
    rootfs.insert("/usr/lib64/ld-linux-x86-64.so.2", Entry::file(0o755, 1));
    let codes = codes(&program, &rootfs, "linux/amd64");
    assert!(!codes.contains(&"loader-missing"), "{codes:?}");
}

#[test]
fn scripts_with_their_interpreter() {
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/bin/sh", Entry::symlink("busybox"));
    rootfs.insert("/bin/busybox", Entry::program(0o755, 1, elf(&Sample::fixed())));
    rootfs.insert("/usr/bin/env", Entry::program(0o755, 1, elf(&Sample::fixed())));
    rootfs.insert("/usr/bin/ruby", Entry::program(0o755, 1, elf(&Sample::glibc())));
    rootfs.insert("/odd\r", Entry::file(0o755, 1));
    for (text, expected) in [
        (&b"#!/bin/sh\n"[..], &[][..]),
        (b"#!/bin/sh -e\n", &[]),
        (b"#!/bin/sh -e\r\n", &["crlf-shebang"]),
        (b"#!/bin/sh\r\n", &["crlf-shebang"]),
        // A file whose name really ends in a carriage return.
        (b"#!/odd\r\n", &[]),
        (b"#!/usr/bin/env busybox\n", &[]),
        (b"#!/usr/bin/env -S python3 -u\n", &["interpreter-missing"]),
        (b"#!/usr/bin/env python3\n", &["interpreter-missing"]),
        (b"#!/bin/bash\n", &["interpreter-missing"]),
        // The interpreter is there, its loader is not.
        (b"#!/usr/bin/ruby\n", &["loader-missing"]),
    ] {
        assert_eq!(codes(&script(text), &rootfs, "linux/amd64"), expected, "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn thirty_two_bits_on_a_64_bit_kernel_is_a_warning() {
    let mut file = Sample::fixed().build();
    // ELFCLASS32 with EM_386: only the header matters here, the rest no longer parses.
    file[4] = 1;
    file[18] = 3;
    let program = inspect(Cursor::new(file)).unwrap();
    let platform = "linux/amd64".parse().unwrap();
    let findings = check(Subject {
        path: "/app",
        program: &program,
        rootfs: &Rootfs::complete(),
        platform: Some(&platform),
        search_path: "",
    });
    assert_eq!(findings[0].code.as_str(), "wrong-architecture");
    assert_eq!(findings[0].severity.as_str(), "warning");
}

#[test]
fn an_interpreter_that_is_its_own_script_ends() {
    let mut rootfs = Rootfs::complete();
    let program = script(b"#!/loop\n");
    rootfs.insert("/loop", Entry::program(0o755, 8, program.clone()));
    assert_eq!(codes(&program, &rootfs, "linux/amd64"), [] as [&str; 0]);
}

#[test]
fn advice_follows_the_tool_chain() {
    let rust = Sample::glibc().section(".comment", 1, *b"rustc version 1.95.0 (x)\0");
    let mut record = b"\xff Go buildinf:\x08\x02".to_vec();
    record.resize(32, 0);
    record.extend(b"\x06go1.23\x00");
    let go = Sample::glibc().section(".go.buildinfo", 1, record);
    for (sample, advice) in [(rust, "+crt-static"), (go, "CGO_ENABLED=0 (where"), (Sample::glibc(), "C: -static")] {
        let program = elf(&sample);
        let rootfs = Rootfs::complete();
        let findings =
            check(Subject { path: "/app", program: &program, rootfs: &rootfs, platform: None, search_path: "" });
        assert!(findings[0].fix.as_ref().unwrap().contains(advice), "{findings:?}");
    }
}
