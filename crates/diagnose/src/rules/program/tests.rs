mod libraries;
mod places;

use std::io::Cursor;

use super::*;
use crate::elf::sample::Sample;
use crate::program::{Format, inspect};
use crate::rootfs::Entry;

fn elf(sample: &Sample) -> Program {
    inspect(Cursor::new(sample.build())).unwrap()
}

fn library() -> Program {
    elf(&Sample { e_type: 3, entry: 0, dynamic: Some(vec![]), ..Sample::fixed() })
}

fn script(text: &[u8]) -> Program {
    inspect(Cursor::new(text)).unwrap()
}

fn codes(program: &Program, rootfs: &Rootfs, platform: &str) -> Vec<&'static str> {
    let platform = platform.parse().unwrap();
    let findings = check(Subject {
        platform: Some(&platform),
        search_path: "/usr/bin:/bin",
        ..Subject::new("/app", program, rootfs)
    });
    for finding in &findings {
        assert!(finding.fix.is_some() && !finding.evidence.is_empty(), "{finding:?}");
        assert!(
            finding.message.contains("/app") || finding.evidence[0].contains('/'),
            "{finding:?}"
        );
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
    let findings = check(Subject::new("/app", &program, &rootfs));
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
        // The interpreter exists, its loader does not.
        (b"#!/usr/bin/ruby\n", &["loader-missing"]),
    ] {
        assert_eq!(
            codes(&script(text), &rootfs, "linux/amd64"),
            expected,
            "{:?}",
            String::from_utf8_lossy(text)
        );
    }
}

#[test]
fn thirty_two_bits_on_a_64_bit_kernel_is_a_warning() {
    let mut file = Sample::fixed().build();
    // ELFCLASS32 with EM_386, and one program header of that class.
    file[4] = 1;
    file[18] = 3;
    file[28..32].copy_from_slice(&52u32.to_le_bytes());
    file[42..46].copy_from_slice(&[32, 0, 1, 0]);
    let segment = [1, 0, 0x40_0000, 0x40_0000, 84, 84, 5, 0x1000];
    file[52..84].copy_from_slice(&segment.map(u32::to_le_bytes).concat());
    let program = inspect(Cursor::new(file)).unwrap();
    let platform = "linux/amd64".parse().unwrap();
    let findings = check(Subject {
        platform: Some(&platform),
        ..Subject::new("/app", &program, &Rootfs::complete())
    });
    assert_eq!(findings[0].code.as_str(), "wrong-architecture");
    assert_eq!(findings[0].severity.as_str(), "warning");
}

#[test]
fn a_script_is_the_interpreter_of_five_at_most() {
    let mut rootfs = Rootfs::complete();
    let program = script(b"#!/loop\n");
    rootfs.insert("/loop", Entry::program(0o755, 8, program.clone()));
    assert_eq!(codes(&program, &rootfs, "linux/amd64"), ["interpreter-missing"]);
    rootfs.insert("/s0", Entry::program(0o755, 1, elf(&Sample::fixed())));
    for depth in 1..=6 {
        let program = script(format!("#!/s{}\n", depth - 1).as_bytes());
        rootfs.insert(&format!("/s{depth}"), Entry::program(0o755, 8, program.clone()));
        let expected: &[&str] = if depth == 6 { &["interpreter-missing"] } else { &[] };
        assert_eq!(codes(&program, &rootfs, "linux/amd64"), expected, "{depth}");
    }
}

#[test]
fn advice_follows_the_tool_chain() {
    let rust = Sample::glibc().section(".comment", 1, *b"rustc version 1.95.0 (x)\0");
    let mut record = b"\xff Go buildinf:\x08\x02".to_vec();
    record.resize(32, 0);
    record.extend(b"\x06go1.23\x00");
    let go = Sample::glibc().section(".go.buildinfo", 1, record);
    for (sample, advice) in
        [(rust, "+crt-static"), (go, "CGO_ENABLED=0 (where"), (Sample::glibc(), "C: -static")]
    {
        let program = elf(&sample);
        let rootfs = Rootfs::complete();
        let findings = check(Subject::new("/app", &program, &rootfs));
        assert!(findings[0].fix.as_ref().unwrap().contains(advice), "{findings:?}");
    }
}

#[test]
fn libraries() {
    let glibc = |versions: &[&'static str]| {
        // One definition per version, each with its name.
        let mut strings = vec![0];
        let mut table = Vec::new();
        for (index, version) in versions.iter().enumerate() {
            let last = index + 1 == versions.len();
            table.extend([1u16, 0, 1, 1].map(u16::to_le_bytes).concat());
            table.extend([0u32, 20, if last { 0 } else { 28 }].map(u32::to_le_bytes).concat());
            table.extend([u32::try_from(strings.len()).unwrap(), 0].map(u32::to_le_bytes).concat());
            strings.extend(version.bytes());
            strings.push(0);
        }
        let library = Sample { interpreter: None, dynamic: None, ..Sample::glibc() }
            .section(".gnu.version_d", 0x6fff_fffd, table)
            .section(".dynstr", 3, strings);
        Entry::program(0o755, 1, elf(&library))
    };
    let needs = |version: &str| {
        let strings = format!("\0libc.so.6\0{version}\0");
        let mut table = [1u16, 1].map(u16::to_le_bytes).concat();
        table.extend([1u32, 16, 0].map(u32::to_le_bytes).concat());
        table.extend([0u32, 0, 11, 0].map(u32::to_le_bytes).concat());
        elf(&Sample::glibc()
            .section(".gnu.version_r", 0x6fff_fffe, table)
            .section(".dynstr", 3, strings))
    };
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/lib64/ld-linux-x86-64.so.2", Entry::file(0o755, 1));
    let program = needs("GLIBC_2.38");
    assert_eq!(codes(&program, &rootfs, "linux/amd64"), ["library-missing", "library-missing"]);
    rootfs.insert("/usr/lib/x86_64-linux-gnu/libm.so.6", Entry::program(0o644, 1, library()));
    assert_eq!(codes(&program, &rootfs, "linux/amd64"), ["library-missing"]);
    rootfs.insert("/lib/libc.so.6", glibc(&["GLIBC_2.2.5", "GLIBC_2.36"]));
    assert_eq!(codes(&program, &rootfs, "linux/amd64"), ["library-too-old"]);
    assert_eq!(codes(&needs("GLIBC_2.36"), &rootfs, "linux/amd64"), [] as [&str; 0]);
    // An unreadable or unversioned library proves nothing.
    rootfs.insert("/lib/libc.so.6", Entry::program(0o755, 1, library()));
    assert_eq!(codes(&program, &rootfs, "linux/amd64"), [] as [&str; 0]);
}

#[test]
fn processor_levels() {
    let program = |level: u32| {
        let notes = crate::elf::sample::gnu_note(
            5,
            &[0xc000_8002, 4, level, 0].map(u32::to_le_bytes).concat(),
        );
        elf(&Sample { notes, ..Sample::fixed() })
    };
    for (bits, cpu, severity) in [
        (0b1, None, None),
        (0b11, None, None),
        (0b111, None, Some("warning")),
        (0b111, Some(IsaLevel::V2), Some("error")),
        (0b111, Some(IsaLevel::V3), None),
        (0b11, Some(IsaLevel::V1), Some("error")),
        (0b1111, Some(IsaLevel::V4), None),
    ] {
        let findings =
            check(Subject { cpu, ..Subject::new("/app", &program(bits), &Rootfs::complete()) });
        assert_eq!(
            findings.first().map(|finding| finding.severity.as_str()),
            severity,
            "{bits:b} {cpu:?}"
        );
        assert!(findings.iter().all(|finding| finding.code.as_str() == "cpu-level"));
    }
}

#[test]
fn headers_that_no_kernel_takes() {
    let codes_of = |file: Vec<u8>| {
        let program = inspect(Cursor::new(file)).unwrap();
        let rootfs = Rootfs::complete();
        let findings = check(Subject::new("/app", &program, &rootfs));
        findings
            .into_iter()
            .map(|finding| (finding.code.as_str(), finding.message))
            .collect::<Vec<_>>()
    };
    let file = |at: usize, byte: u8| {
        let mut file = Sample::fixed().build();
        file[at] = byte;
        file
    };
    for (at, byte, code, word) in [
        (54, 1, "not-an-executable", "exec format error"),
        (56, 0, "not-an-executable", "exec format error"),
        (64, 4, "not-an-executable", "139"),
        (18, 0, "wrong-architecture", "no machine"),
    ] {
        let found = codes_of(file(at, byte));
        assert!(
            found.len() == 1 && found[0].0 == code && found[0].1.contains(word),
            "{at}: {found:?}"
        );
    }
    // Near misses: bytes that no kernel of x86-64 reads.
    for (at, byte) in [(4, 9), (5, 2), (6, 0), (20, 9)] {
        assert_eq!(codes_of(file(at, byte)), [], "{at}");
    }
}

#[test]
fn loaders_that_a_kernel_refuses() {
    let loader = "/lib64/ld-linux-x86-64.so.2";
    let program = elf(&Sample { dynamic: Some(vec![]), e_type: 2, ..Sample::glibc() });
    let text = inspect(Cursor::new(b"no program")).unwrap();
    let good = || elf(&Sample { e_type: 3, entry: 0, dynamic: Some(vec![]), ..Sample::fixed() });
    for (entry, word) in [
        (Entry::directory(0o755), Some("is a directory")),
        (Entry::file(0o644, 1), Some("no execute permission")),
        (Entry::program(0o755, 10, text), Some("is no ELF file")),
        (Entry::program(0o755, 10, good()), None),
        (Entry::file(0o755, 1), None),
    ] {
        let mut rootfs = Rootfs::complete();
        rootfs.insert(loader, entry);
        let findings = check(Subject::new("/app", &program, &rootfs));
        let said = findings.iter().find(|finding| finding.code.as_str() == "loader-missing");
        assert_eq!(said.is_some(), word.is_some(), "{findings:?}");
        assert!(
            word.is_none_or(|word| said.is_some_and(|said| said.message.contains(word))),
            "{findings:?}"
        );
    }
}

#[test]
fn a_cut_is_certain_where_the_start_needs_what_is_gone() {
    let cut = |entry| {
        let file =
            Sample { entry, ..Sample::fixed() }.section(".text", 1, vec![0x90; 16 << 10]).build();
        let program = inspect(Cursor::new(&file[..2000])).unwrap();
        let rootfs = Rootfs::complete();
        let findings = check(Subject::new("/app", &program, &rootfs));
        (findings[0].code.as_str(), findings[0].confidence)
    };
    assert_eq!(cut(0x40_0000), ("truncated-binary", crate::Confidence::Guess));
    assert_eq!(cut(0x40_2000), ("truncated-binary", crate::Confidence::Certain));
}

#[test]
fn an_entry_point_in_data_is_killed() {
    // The segment after PT_LOAD decides whether the stack, and so data, is executable.
    let found = |flags: u32, stack: Option<u32>| {
        let mut file =
            Sample { notes: crate::elf::sample::gnu_note(9, &[]), ..Sample::fixed() }.build();
        // The note's header is turned into that of the stack, or into an unused one.
        file[64..68].copy_from_slice(&stack.map_or(0, |_| 0x6474_e551u32).to_le_bytes());
        file[68..72].copy_from_slice(&stack.unwrap_or_default().to_le_bytes());
        file[124..128].copy_from_slice(&flags.to_le_bytes());
        let program = inspect(Cursor::new(file)).unwrap();
        !check(Subject::new("/app", &program, &Rootfs::complete())).is_empty()
    };
    assert!(found(4, Some(6)), "data, and a stack that is not executed");
    assert!(!found(5, Some(6)) && !found(4, Some(7)) && !found(4, None));
}
