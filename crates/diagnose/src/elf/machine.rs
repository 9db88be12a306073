//! Machines and their names in OCI.

use object::elf;

use super::{Class, Endianness};
use crate::platform::Platform;

/// Returns the OCI platform of a machine, or `None` if OCI has no name for it. The variant of `arm`
/// is determined elsewhere.
pub(super) fn platform(
    machine: u16,
    class: Class,
    endianness: Endianness,
    os_abi: u8,
) -> Option<Platform> {
    use Class::{Elf32, Elf64};
    use Endianness::{Big, Little};
    let architecture = match (elf::Machine(machine), class, endianness) {
        (elf::EM_X86_64, Elf64, Little) => "amd64",
        (elf::EM_386, Elf32, Little) => "386",
        (elf::EM_AARCH64, Elf64, Little) => "arm64",
        (elf::EM_ARM, Elf32, Little) => "arm",
        (elf::EM_RISCV, Elf64, Little) => "riscv64",
        (elf::EM_PPC64, Elf64, Little) => "ppc64le",
        (elf::EM_PPC64, Elf64, Big) => "ppc64",
        (elf::EM_S390, Elf64, Big) => "s390x",
        (elf::EM_LOONGARCH, Elf64, Little) => "loong64",
        (elf::EM_MIPS, Elf32, Little) => "mipsle",
        (elf::EM_MIPS, Elf32, Big) => "mips",
        (elf::EM_MIPS, Elf64, Little) => "mips64le",
        (elf::EM_MIPS, Elf64, Big) => "mips64",
        _ => return None,
    };
    // Linux ignores this byte, but other systems mark their programs with it.
    let os = match elf::OsAbi(os_abi) {
        elf::ELFOSABI_FREEBSD => "freebsd",
        elf::ELFOSABI_NETBSD => "netbsd",
        elf::ELFOSABI_OPENBSD => "openbsd",
        elf::ELFOSABI_SOLARIS => "solaris",
        _ => "linux",
    };
    Some(Platform::new(os, architecture, None))
}

/// Reports whether Linux runs, or ran, on a machine (`include/uapi/linux/elf-em.h`).
pub(super) fn is_linux(machine: u16) -> bool {
    matches!(
        machine,
        1..=8 | 10 | 15 | 18 | 20..=22 | 40 | 42 | 43 | 46 | 50 | 62 | 76 | 88 | 89 | 92..=94 | 106 | 110 | 113 | 140 | 164
            | 167 | 183 | 188 | 189 | 191 | 195 | 243 | 252 | 258 | 0x5441 | 0x9026 | 0x9041 | 0x9080 | 0xa390 | 0xbeef
    )
}

/// Describes a machine.
pub(super) fn describe(machine: u16, class: Class, endianness: Endianness) -> String {
    let bits = match class {
        Class::Elf32 => 32,
        Class::Elf64 => 64,
    };
    let order = match endianness {
        Endianness::Little => "little",
        Endianness::Big => "big",
    };
    let name = match elf::Machine(machine) {
        elf::EM_X86_64 if class == Class::Elf32 => "x32 (x86-64 with 32-bit pointers)".to_owned(),
        elf::EM_NONE => "no machine (e_machine is 0)".to_owned(),
        elf::EM_BPF => "eBPF".to_owned(),
        elf::EM_AVR => "AVR".to_owned(),
        elf::EM_XTENSA => "Xtensa".to_owned(),
        elf::EM_SPARCV9 => "SPARC V9".to_owned(),
        elf::EM_PPC => "PowerPC".to_owned(),
        elf::EM_RISCV => "RISC-V".to_owned(),
        elf::EM_ARM => "ARM".to_owned(),
        elf::EM_AARCH64 => "AArch64".to_owned(),
        elf::Machine(number) => format!("machine {number}"),
    };
    format!("{name}, {bits}-bit {order}-endian")
}
