use std::io::{self, Cursor, Read, Seek, SeekFrom};

use super::sample::{FLAGS_1, NEEDED, PIE, RUNPATH, SONAME, Sample, Value, gnu_note};
use super::*;
use crate::program::{Format, Program, inspect, inspect_head};

fn facts(file: &[u8]) -> ElfFacts {
    match inspect(Cursor::new(file)).unwrap() {
        Program::Elf(facts) => *facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn kinds() {
    let pie = vec![(FLAGS_1, Value::Number(PIE))];
    let library = vec![(SONAME, Value::Text("libx.so.1"))];
    for (sample, kind) in [
        (Sample::fixed(), Kind::Static),
        (Sample { e_type: 3, dynamic: Some(pie), ..Sample::fixed() }, Kind::StaticPie),
        (Sample { e_type: 3, dynamic: Some(Vec::new()), ..Sample::fixed() }, Kind::StaticPie),
        (Sample::glibc(), Kind::Dynamic),
        (Sample { e_type: 2, ..Sample::glibc() }, Kind::Dynamic),
        (Sample { e_type: 3, dynamic: Some(library), ..Sample::fixed() }, Kind::SharedLibrary),
        (
            Sample { e_type: 3, entry: 0, dynamic: Some(Vec::new()), ..Sample::fixed() },
            Kind::SharedLibrary,
        ),
        (Sample { e_type: 1, ..Sample::fixed() }, Kind::Object),
        (Sample { e_type: 4, ..Sample::fixed() }, Kind::Core),
        (Sample { e_type: 0xfe00, ..Sample::fixed() }, Kind::Unknown(0xfe00)),
    ] {
        assert_eq!(facts(&sample.build()).kind, kind, "{sample:?}");
    }
}

#[test]
fn dynamic_section() {
    let dynamic = vec![
        (NEEDED, Value::Text("libz.so.1")),
        (NEEDED, Value::Text("libc.so.6")),
        (RUNPATH, Value::Text("$ORIGIN/../lib:/opt/lib")),
    ];
    let facts = facts(&Sample { dynamic: Some(dynamic), ..Sample::glibc() }.build());
    assert_eq!(facts.interpreter.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
    assert_eq!(facts.needed, ["libz.so.1", "libc.so.6"]);
    assert_eq!(facts.run_path, ["$ORIGIN/../lib", "/opt/lib"]);
    assert_eq!(facts.libc, Some(Libc::Glibc));
    assert_eq!(facts.platform_name(), "linux/amd64");
    assert_eq!(facts.truncated, None);
    assert!(!facts.partial);
}

#[test]
fn platforms() {
    for (machine, os_abi, name) in [
        (62, 0, "linux/amd64"),
        (62, 3, "linux/amd64"),
        (62, 9, "freebsd/amd64"),
        (183, 0, "linux/arm64"),
        (243, 0, "linux/riscv64"),
        (21, 0, "linux/ppc64le"),
        (258, 0, "linux/loong64"),
        (94, 0, "Xtensa, 64-bit little-endian"),
        (9999, 0, "machine 9999, 64-bit little-endian"),
    ] {
        let facts = facts(&Sample { machine, os_abi, ..Sample::fixed() }.build());
        assert_eq!(facts.platform_name(), name);
    }
}

#[test]
fn notes_tell_kernel_level_and_libc() {
    let mut notes = gnu_note(1, &[0, 3, 2, 0].map(u32::to_le_bytes).concat());
    notes.extend(gnu_note(5, &[0xc000_8002u32, 4, 0b100, 0].map(u32::to_le_bytes).concat()));
    let facts = facts(&Sample { notes, ..Sample::fixed() }.build());
    assert_eq!(facts.minimum_kernel, Some([3, 2, 0]));
    assert_eq!(facts.libc, Some(Libc::Glibc));
    assert_eq!(facts.isa_level, Some(IsaLevel::V3));

    let level = |bits: u32| {
        let mut note = Vec::new();
        for word in [0xc000_8002u32, 4, bits, 0] {
            note.extend(word.to_le_bytes());
        }
        let notes = gnu_note(5, &note);
        super::tests::facts(&Sample { notes, ..Sample::fixed() }.build()).isa_level
    };
    assert_eq!(level(1), Some(IsaLevel::V1));
    assert_eq!(level(0b111), Some(IsaLevel::V3));
    assert_eq!(level(0b1000), Some(IsaLevel::V4));
    assert_eq!(level(0b1_0001), Some(IsaLevel::Later));
    assert_eq!(level(0), None);
}

#[test]
fn levels_of_processors() {
    let v2 = "lm sse2 cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3";
    let v3 = format!("{v2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave");
    for (flags, level) in [
        ("", None),
        ("fpu lm sse2", Some(IsaLevel::V1)),
        (v2, Some(IsaLevel::V2)),
        (&format!("{v2} avx avx2"), Some(IsaLevel::V2)),
        (&v3, Some(IsaLevel::V3)),
        (&format!("{v3} avx512f avx512bw avx512cd avx512dq avx512vl"), Some(IsaLevel::V4)),
        // AVX-512 without a requirement of the third level.
        ("lm sse2 avx512f avx512bw avx512cd avx512dq avx512vl", Some(IsaLevel::V1)),
    ] {
        assert_eq!(IsaLevel::of_cpu_flags(flags), level, "{flags}");
    }
}

/// A dynamic 32-bit big-endian MIPS program: headers, loader name, nothing else.
#[test]
fn thirty_two_bits_and_the_other_byte_order() {
    let loader = b"/lib/ld-musl-mips.so.1\0";
    let mut file = b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([2u16, 8].map(u16::to_be_bytes).concat());
    file.extend([1u32, 0x40_0000, 52, 0, 0].map(u32::to_be_bytes).concat());
    file.extend([52u16, 32, 2, 40, 0, 0].map(u16::to_be_bytes).concat());
    let at = 52 + 2 * 32;
    let length = u32::try_from(loader.len()).unwrap();
    file.extend([3, at, 0, 0, length, length, 4, 1].map(u32::to_be_bytes).concat());
    file.extend(
        [1, 0, 0x40_0000, 0, at + length, at + length, 5, 4096].map(u32::to_be_bytes).concat(),
    );
    file.extend(loader);
    let whole = facts(&file);
    assert_eq!(
        (whole.class, whole.endianness, whole.kind),
        (Class::Elf32, Endianness::Big, Kind::Dynamic)
    );
    assert_eq!(whole.platform_name(), "linux/mips");
    assert_eq!(whole.interpreter.as_deref(), Some("/lib/ld-musl-mips.so.1"));
    assert_eq!(whole.libc, Some(Libc::Musl));
    assert_eq!(whole.truncated, None);
    assert_eq!(facts(&file[..file.len() - 1]).truncated.map(|cut| cut.part), Some(Part::Segment));
}

#[test]
fn compilers_leave_traces() {
    let sample = Sample::fixed()
        .section(".comment", 1, *b"GCC: (Debian) 12\0rustc version 1.95.0 (59807616e 2026-04-14)\0")
        .section(".dep-v0", 1, *b"x\x9c");
    let rust = facts(&sample.build()).rust.unwrap();
    assert_eq!(rust, RustBuild { version: Some("1.95.0".to_owned()), audit: true });
    assert_eq!(
        facts(&Sample::fixed().section(".comment", 1, *b"GCC: (Debian) 12\0").build()).rust,
        None
    );

    let mut record = b"\xff Go buildinf:\x08\x02".to_vec();
    record.resize(32, 0);
    record.push(8);
    record.extend(b"go1.23.4");
    let modules = "0123456789abcdefbuild\tGOAMD64=v3\nbuild\tCGO_ENABLED=0\n0123456789abcdef";
    record.push(u8::try_from(modules.len()).unwrap());
    record.extend(modules.bytes());
    let facts = facts(&Sample::fixed().section(".go.buildinfo", 1, record).build());
    assert_eq!(facts.isa_level, Some(IsaLevel::V3));
    let go = facts.go.unwrap();
    assert_eq!(go.version, "go1.23.4");
    assert_eq!(go.settings["CGO_ENABLED"], "0");
}

#[test]
fn symbol_versions() {
    let strings = b"\0libc.so.6\0GLIBC_2.38\0GLIBC_2.2.5\0";
    let mut needs = Vec::new();
    needs.extend([1u16, 2].map(u16::to_le_bytes).concat());
    needs.extend([1u32, 16, 0].map(u32::to_le_bytes).concat());
    for (name, next) in [(11u32, 16u32), (22, 0)] {
        needs.extend(0u32.to_le_bytes());
        needs.extend([0u16, 2].map(u16::to_le_bytes).concat());
        needs.extend([name, next].map(u32::to_le_bytes).concat());
    }
    let mut definitions = Vec::new();
    definitions.extend([1u16, 0, 1, 1].map(u16::to_le_bytes).concat());
    definitions.extend([0u32, 20, 0].map(u32::to_le_bytes).concat());
    definitions.extend([11u32, 0].map(u32::to_le_bytes).concat());
    let sample = Sample::glibc()
        .section(".gnu.version_r", 0x6fff_fffe, needs)
        .section(".dynstr", 3, *strings)
        .section(".gnu.version_d", 0x6fff_fffd, definitions)
        .section(".names", 3, *strings);
    let facts = facts(&sample.build());
    let version = |version: &str| RequiredVersion {
        library: "libc.so.6".to_owned(),
        version: version.to_owned(),
    };
    assert_eq!(facts.required_versions, [version("GLIBC_2.2.5"), version("GLIBC_2.38")]);
    assert_eq!(facts.provided_versions, ["GLIBC_2.38"]);
}

#[test]
fn a_cut_anywhere_is_seen() {
    let file = Sample::glibc().section(".comment", 1, vec![b'x'; 500]).build();
    let whole = facts(&file);
    assert_eq!(whole.truncated, None);
    for (length, part) in [
        (file.len() - 1, Some(Part::SectionHeaders)),
        (600, Some(Part::Segment)),
        (64 + 56 * 3, Some(Part::Segment)),
        (64 + 56 * 3 - 1, Some(Part::ProgramHeaders)),
        (64, Some(Part::ProgramHeaders)),
    ] {
        assert_eq!(facts(&file[..length]).truncated.map(|cut| cut.part), part, "{length}");
    }
    assert_eq!(inspect(Cursor::new(&file[..63])).unwrap(), Program::Other(Format::InvalidElf));
}

#[test]
fn the_first_bytes_are_enough() {
    let mut file = Sample::glibc().section(".comment", 1, *b"rustc version 1.95.0 (x)\0").build();
    let whole = facts(&file);
    assert!(whole.rust.is_some());
    let size = file.len() as u64;
    file.truncate(700);
    let Program::Elf(head) = inspect_head(&file[..500], size) else { panic!() };
    assert!(head.partial);
    assert_eq!(head.truncated, None);
    assert_eq!(head.needed, whole.needed);
    assert_eq!(head.interpreter, whole.interpreter);
    assert_eq!(head.rust, None);
    assert!(matches!(inspect_head(b"#!/bin/sh\n", 10), Program::Script(_)));
    assert_eq!(inspect_head(b"", 0), Program::Other(Format::Empty));
    assert_eq!(inspect_head(b"MZ\0\0", 4096), Program::Other(Format::Pe));
}

/// A reader of a huge file. Counts the bytes read and may fail.
struct Huge {
    file: Vec<u8>,
    position: u64,
    read: u64,
    breaks_at: u64,
}

impl Read for Huge {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.breaks_at {
            return Err(io::Error::other("input/output error"));
        }
        let start = usize::try_from(self.position).unwrap();
        let rest = self.file.get(start..).unwrap_or_default();
        let count = if rest.is_empty() { buf.len() } else { buf.len().min(rest.len()) };
        buf[..count.min(rest.len())].copy_from_slice(&rest[..count.min(rest.len())]);
        self.position += count as u64;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Huge {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.position = match position {
            SeekFrom::Start(offset) => offset,
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset).unwrap(),
            SeekFrom::End(offset) => (2u64 << 30).checked_add_signed(offset).unwrap(),
        };
        Ok(self.position)
    }
}

#[test]
fn many_large_sections_are_not_all_read() {
    let mut sample = Sample::glibc();
    for _ in 0..300 {
        sample = sample.section(".comment", 1, *b"x").section(".gnu.version_r", 0x6fff_fffe, *b"x");
    }
    let mut file = sample.build();
    let table = usize::try_from(u64::from_le_bytes(file[40..48].try_into().unwrap())).unwrap();
    for index in 1..=600 {
        let size = table + 64 * index + 32;
        file[size..size + 8].copy_from_slice(&(1u64 << 20).to_le_bytes());
    }
    let mut huge = Huge { file, position: 0, read: 0, breaks_at: u64::MAX };
    assert!(matches!(inspect(&mut huge), Ok(Program::Elf(_))));
    assert!(huge.read < 4 << 20, "{}", huge.read);
}

#[test]
fn a_huge_file_is_not_read_whole() {
    let file = Sample::glibc().section(".comment", 1, *b"rustc version 1.95.0 (x)\0").build();
    let mut huge = Huge { file: file.clone(), position: 0, read: 0, breaks_at: u64::MAX };
    let Program::Elf(facts) = inspect(&mut huge).unwrap() else { panic!() };
    assert_eq!(facts.size, 2 << 30);
    assert_eq!(facts.needed.len(), 2);
    assert!(huge.read < 16 * 1024, "{}", huge.read);

    // A failing disk is an error, not a truncated file.
    let mut broken = Huge { file, position: 0, read: 0, breaks_at: 300 };
    assert_eq!(
        inspect(&mut broken).unwrap_err().to_string(),
        "reading the program failed: input/output error"
    );
}

/// Returns the file of a sample with other bytes at some offsets.
fn changed(sample: &Sample, places: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = sample.build();
    for (at, bytes) in places {
        file[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

/// A kernel was given each of these: it returned `ENOEXEC`, or killed the program immediately.
#[test]
fn what_a_kernel_minds() {
    let fixed = Sample::fixed();
    let glibc = Sample::glibc();
    // The program headers: the loader's name, the dynamic section, the loaded segment.
    let (interpreter, load) = (64, 64 + 2 * 56);
    let long = 8u64.to_le_bytes();
    for (file, expected) in [
        (fixed.build(), None),
        (glibc.build(), None),
        (changed(&fixed, &[(54, &[0, 0])]), Some(Refused::EntrySize(0))),
        (changed(&fixed, &[(54, &[1, 0])]), Some(Refused::EntrySize(1))),
        (changed(&fixed, &[(54, &[32, 0])]), Some(Refused::EntrySize(32))),
        (changed(&fixed, &[(56, &[0, 0])]), Some(Refused::Count(0))),
        (changed(&fixed, &[(56, &[0x93, 4])]), Some(Refused::Count(1171))),
        (changed(&fixed, &[(32, &[0; 8])]), Some(Refused::NothingLoaded)),
        (changed(&fixed, &[(64, &[4])]), Some(Refused::NothingLoaded)),
        (changed(&fixed, &[(64, &[2])]), Some(Refused::NothingLoaded)),
        (changed(&fixed, &[(64 + 40, &[0; 8])]), Some(Refused::SegmentSize)),
        (changed(&fixed, &[(64 + 32, &[0; 8]), (64 + 40, &[0; 8])]), Some(Refused::NothingLoaded)),
        (changed(&fixed, &[(64 + 8, &[0x23, 1])]), Some(Refused::SegmentPlace)),
        (changed(&fixed, &[(24, &[0; 8])]), Some(Refused::Entry(0))),
        (changed(&fixed, &[(24, &[0, 0, 0, 7])]), Some(Refused::Entry(0x700_0000))),
        (changed(&glibc, &[(interpreter + 32, &[0; 8])]), Some(Refused::InterpreterSize(0))),
        (changed(&glibc, &[(interpreter + 32, &[1, 0, 0])]), Some(Refused::InterpreterSize(1))),
        (
            changed(&glibc, &[(interpreter + 32, &[1, 0x10, 0])]),
            Some(Refused::InterpreterSize(4097)),
        ),
        (
            changed(&glibc, &[(interpreter + 32, &[0x40, 0x4b, 0x4c])]),
            Some(Refused::InterpreterSize(5_000_000)),
        ),
        (changed(&glibc, &[(interpreter + 32, &long)]), Some(Refused::InterpreterEnd)),
        (changed(&glibc, &[(interpreter + 8 + 3, &[64])]), Some(Refused::InterpreterOutside)),
        (changed(&glibc, &[(load, &[4])]), Some(Refused::NothingLoaded)),
    ] {
        assert_eq!(facts(&file).refused, expected);
    }
    // The beginning alone does not show what follows it.
    let file = Sample { notes: vec![0; 4096], ..Sample::glibc() }.build();
    let Program::Elf(head) = inspect_head(&file[..70], file.len() as u64) else { panic!() };
    assert_eq!((head.partial, head.refused), (true, None));
}

#[test]
fn what_no_kernel_looks_at() {
    let whole = facts(&Sample::glibc().build());
    for (at, values) in
        [(4, &[0, 1, 3, 9, 255][..]), (5, &[0, 2, 9]), (6, &[0, 2]), (20, &[0, 9]), (52, &[0])]
    {
        for value in values {
            let other = facts(&changed(&Sample::glibc(), &[(at, &[*value])]));
            assert_eq!(other, whole, "byte {at} is {value}");
        }
    }
    // Other kernels do: RISC-V's compares the class.
    let riscv = Sample { machine: 243, ..Sample::fixed() };
    let inspected = inspect(Cursor::new(changed(&riscv, &[(4, &[9])]))).unwrap();
    assert_eq!(inspected, Program::Other(Format::InvalidElf));
    // 32-bit headers make it x32.
    let x32 = facts(&changed(&Sample::fixed(), &[(4, &[1]), (54, &[0, 0])]));
    assert_eq!((x32.class, x32.platform), (Class::Elf32, None));
}

#[test]
fn machines_that_linux_knows() {
    for (machine, expected) in [
        (62, true),
        (3, true),
        (243, true),
        (94, true),
        (258, true),
        (0, false),
        (247, false),
        (83, false),
        (9999, false),
    ] {
        assert_eq!(
            facts(&Sample { machine, ..Sample::fixed() }.build()).has_known_machine(),
            expected,
            "{machine}"
        );
    }
}
