//! Reads ELF files: everything that decides whether, where and with what they run.
//!
//! Follows the System V gABI and Linux's interpretation of it (`fs/binfmt_elf.c`). Files are read
//! by seeking, so that a file of several gigabytes costs as little as a small one. Every table has
//! a size limit, so that a malicious file costs no more.

mod arm;
mod dynamic;
mod go;
mod header;
mod kernel;
mod loader;
mod machine;
mod notes;
mod sections;

use std::fmt;

use crate::platform::Platform;

pub use go::GoBuild;
pub(crate) use header::{dynamic_section, parse};
pub use kernel::Refused;

/// Word size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 32 bits.
    Elf32,
    /// 64 bits.
    Elf64,
}

/// Byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endianness {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// The purpose of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An executable at a fixed address that needs no loader (`ET_EXEC` without `PT_INTERP`).
    Static,
    /// A position-independent executable that needs no loader (`ET_DYN` without `PT_INTERP`, marked
    /// as PIE). It has a dynamic section but is not dynamically linked.
    StaticPie,
    /// An executable that a loader starts (`PT_INTERP`), at a fixed address or not.
    Dynamic,
    /// A shared library.
    SharedLibrary,
    /// An object file, for a linker.
    Object,
    /// A core dump.
    Core,
    /// A type that the gABI does not define.
    Unknown(u16),
}

impl Kind {
    /// Reports whether a kernel executes it.
    pub fn is_executable(self) -> bool {
        matches!(self, Self::Static | Self::StaticPie | Self::Dynamic)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static => f.write_str("statically linked executable"),
            Self::StaticPie => f.write_str("static position-independent executable"),
            Self::Dynamic => f.write_str("dynamically linked executable"),
            Self::SharedLibrary => f.write_str("shared library"),
            Self::Object => f.write_str("object file"),
            Self::Core => f.write_str("core dump"),
            Self::Unknown(kind) => write!(f, "ELF file of unknown type {kind}"),
        }
    }
}

/// The C library that a program is linked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Libc {
    /// GNU libc.
    Glibc,
    /// musl.
    Musl,
    /// Android's C library.
    Bionic,
}

/// A part of the file that its headers describe and that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Truncation {
    /// The part that is cut.
    pub part: Part,
    /// Where the part should end, in bytes from the start of the file.
    pub end: u64,
    /// The missing part is needed at the start: it contains the first instruction, or the end of
    /// data whose page the kernel zero-fills.
    pub is_needed: bool,
}

/// A part of an ELF file that may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The table of program headers: the kernel refuses the file.
    ProgramHeaders,
    /// A segment that is loaded (`PT_LOAD`): the program crashes when it accesses the missing part.
    Segment,
    /// The table of section headers, at the end of the file: the program may run without it.
    SectionHeaders,
}

/// The levels of the x86-64 psABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IsaLevel {
    /// `x86-64-v1`: every 64-bit processor.
    V1,
    /// `x86-64-v2`: SSE4.2 (2009).
    V2,
    /// `x86-64-v3`: AVX2 (2013).
    V3,
    /// `x86-64-v4`: AVX-512.
    V4,
    /// A level that the psABI did not define when this was written: no processor is known to
    /// support it.
    Later,
}

impl IsaLevel {
    /// Returns the highest level that a processor supports, from the `flags` line of
    /// `/proc/cpuinfo`, or `None` if it is not x86-64.
    pub fn of_cpu_flags(flags: &str) -> Option<Self> {
        const LEVELS: &[(IsaLevel, &str)] = &[
            (IsaLevel::V1, "lm sse2"),
            (IsaLevel::V2, "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"),
            (IsaLevel::V3, "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
            (IsaLevel::V4, "avx512f avx512bw avx512cd avx512dq avx512vl"),
        ];
        let has = |wanted: &str| flags.split_ascii_whitespace().any(|flag| flag == wanted);
        LEVELS
            .iter()
            .take_while(|(_, needed)| needed.split_ascii_whitespace().all(has))
            .last()
            .map(|&(level, _)| level)
    }
}

impl fmt::Display for IsaLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "x86-64-v1",
            Self::V2 => "x86-64-v2",
            Self::V3 => "x86-64-v3",
            Self::V4 => "x86-64-v4",
            Self::Later => "later than x86-64-v4",
        })
    }
}

/// A version of a library's symbols that a program needs (`.gnu.version_r`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequiredVersion {
    /// The library's file name, such as `libc.so.6`.
    pub library: String,
    /// The version's name, such as `GLIBC_2.38`.
    pub version: String,
}

/// What a Rust compiler recorded in a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RustBuild {
    /// The compiler's version, such as `1.95.0`, from `.comment`.
    pub version: Option<String>,
    /// The file contains the list of its crates (`.dep-v0`, written by `cargo auditable`).
    pub audit: bool,
}

/// The facts of one ELF file. Text from the file is unchanged except that invalid UTF-8 is
/// replaced: escape it before showing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElfFacts {
    /// Word size.
    pub class: Class,
    /// Byte order.
    pub endianness: Endianness,
    /// `e_machine`.
    pub machine: u16,
    /// The purpose of the file.
    pub kind: Kind,
    /// The file's size in bytes.
    pub size: u64,
    /// The platform that it is built for, if OCI has a name for it.
    pub platform: Option<Platform>,
    /// The loader that it requests (`PT_INTERP`).
    pub interpreter: Option<String>,
    /// The libraries it needs (`DT_NEEDED`), in order.
    pub needed: Vec<String>,
    /// The search path for its own libraries (`DT_RUNPATH`), which may contain `$ORIGIN`, `$LIB`
    /// and `$PLATFORM`. An empty element is the working directory.
    pub run_path: Vec<String>,
    /// The search path for its libraries and theirs, which is searched first (`DT_RPATH`, if there
    /// is no `DT_RUNPATH`).
    pub inherited_run_path: Vec<String>,
    /// Its libraries are not searched in the cache and in the loader's own directories
    /// (`DF_1_NODEFLIB`).
    pub own_run_path_only: bool,
    /// For glibc's loader: its built-in search directories, in order. Empty if they were not found.
    pub library_directories: Vec<String>,
    /// Its own name, if it is a library (`DT_SONAME`).
    pub soname: Option<String>,
    /// The symbol versions that it needs from its libraries, sorted.
    pub required_versions: Vec<RequiredVersion>,
    /// The symbol versions that it defines, in order.
    pub provided_versions: Vec<String>,
    /// Why a kernel refuses or kills it, although its type is that of a program.
    pub refused: Option<Refused>,
    /// The most severe truncation of the file, if any.
    pub truncated: Option<Truncation>,
    /// The x86-64 level that it declares to need (`.note.gnu.property`, or Go's `GOAMD64`).
    pub isa_level: Option<IsaLevel>,
    /// The oldest kernel that its C library supports (`NT_GNU_ABI_TAG`).
    pub minimum_kernel: Option<[u32; 3]>,
    /// The C library, if it can be determined. `None` for programs without one, such as most Go
    /// programs, and for static programs that do not record it.
    pub libc: Option<Libc>,
    /// The Go toolchain built it: there is a Go build id near the beginning of the file, or Go's
    /// build record.
    pub is_go: bool,
    /// The Go toolchain's record, which is deep in the file.
    pub go: Option<GoBuild>,
    /// The Rust toolchain's record.
    pub rust: Option<RustBuild>,
    /// Only a part of the file was available: facts that are missing here may be present in the
    /// file.
    pub partial: bool,
}

impl ElfFacts {
    /// Reports whether Linux knows its machine. No kernel runs a file for any other.
    pub fn has_known_machine(&self) -> bool {
        machine::is_linux(self.machine)
    }

    /// Describes the platform, also if OCI has no name for it.
    pub fn platform_name(&self) -> String {
        match &self.platform {
            Some(platform) => platform.to_string(),
            None => machine::describe(self.machine, self.class, self.endianness),
        }
    }
}

/// Returns text of a file as a string. A file may contain anything, so the text is bounded and made
/// valid UTF-8.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
