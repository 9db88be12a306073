//! ELF files: everything that decides whether, where and with what they run.
//!
//! Follows the System V gABI and what Linux does with it (`fs/binfmt_elf.c`). Read by seeking, so that a file of some
//! gigabytes costs as little as a small one; every table has a cap, so that a hostile file costs no more.

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
pub(crate) use header::parse;
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

/// What the file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An executable at a fixed address that needs no loader (`ET_EXEC` without `PT_INTERP`).
    Static,
    /// A position-independent executable that needs no loader (`ET_DYN` without `PT_INTERP`, marked as PIE): it has a
    /// dynamic section and is not dynamic.
    StaticPie,
    /// An executable that a loader starts (`PT_INTERP`), at a fixed address or not.
    Dynamic,
    /// A shared library.
    SharedLibrary,
    /// An object file, for a linker.
    Object,
    /// A core dump.
    Core,
    /// A type that the gABI does not know.
    Unknown(u16),
}

impl Kind {
    /// Whether a kernel executes it.
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
    /// Android's.
    Bionic,
}

/// A piece of the file that its headers promise and that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Truncation {
    /// What is cut.
    pub part: Part,
    /// Where it should end, in bytes from the start of the file.
    pub end: u64,
    /// What is cut is needed at the start: the first instruction, or the end of data that the kernel fills up with zeros.
    pub is_needed: bool,
}

/// A part of an ELF file that may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The table of program headers: the kernel refuses the file.
    ProgramHeaders,
    /// A segment that is loaded (`PT_LOAD`): the program dies when it touches what is not there.
    Segment,
    /// The table of section headers, at the end of the file: the program may run all the same.
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
    /// A level that the psABI did not have when this was written: no processor is known to have it.
    Later,
}

impl IsaLevel {
    /// The highest level that a processor has, from the `flags` line of `/proc/cpuinfo`; `None` when it is no x86-64.
    pub fn of_cpu_flags(flags: &str) -> Option<Self> {
        const LEVELS: &[(IsaLevel, &str)] = &[
            (IsaLevel::V1, "lm sse2"),
            (IsaLevel::V2, "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"),
            (IsaLevel::V3, "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
            (IsaLevel::V4, "avx512f avx512bw avx512cd avx512dq avx512vl"),
        ];
        let has = |wanted: &str| flags.split_ascii_whitespace().any(|flag| flag == wanted);
        LEVELS.iter().take_while(|(_, needed)| needed.split_ascii_whitespace().all(has)).last().map(|&(level, _)| level)
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

/// What a Rust compiler left in a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RustBuild {
    /// The compiler's version, such as `1.95.0`, from `.comment`.
    pub version: Option<String>,
    /// The file holds the list of its crates (`.dep-v0`, written by `cargo auditable`).
    pub audit: bool,
}

/// The facts of one ELF file. Text from the file is kept as it is, invalid UTF-8 replaced: escape it before showing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElfFacts {
    /// Word size.
    pub class: Class,
    /// Byte order.
    pub endianness: Endianness,
    /// `e_machine`.
    pub machine: u16,
    /// What the file is for.
    pub kind: Kind,
    /// The file's size in bytes.
    pub size: u64,
    /// The platform it is built for, where OCI has a name for it.
    pub platform: Option<Platform>,
    /// The loader it asks for (`PT_INTERP`).
    pub interpreter: Option<String>,
    /// The libraries it needs (`DT_NEEDED`), in order.
    pub needed: Vec<String>,
    /// Where it looks for its own libraries (`DT_RUNPATH`); may hold `$ORIGIN`, `$LIB` and `$PLATFORM`. An empty element is
    /// the working directory.
    pub run_path: Vec<String>,
    /// Where it and what it loads look for libraries before all else (`DT_RPATH`, where there is no `DT_RUNPATH`).
    pub inherited_run_path: Vec<String>,
    /// Its libraries are not looked for in the cache and the loader's own directories (`DF_1_NODEFLIB`).
    pub own_run_path_only: bool,
    /// Of glibc's loader: the directories that it was built to look in, in order. Empty where they were not found in it.
    pub library_directories: Vec<String>,
    /// Its own name, when it is a library (`DT_SONAME`).
    pub soname: Option<String>,
    /// The symbol versions it needs of its libraries, sorted.
    pub required_versions: Vec<RequiredVersion>,
    /// The symbol versions it defines, in order.
    pub provided_versions: Vec<String>,
    /// Why a kernel refuses or kills it, though its type is that of a program.
    pub refused: Option<Refused>,
    /// What is cut off the file, if anything: the gravest.
    pub truncated: Option<Truncation>,
    /// The x86-64 level it says that it needs (`.note.gnu.property`, or Go's `GOAMD64`).
    pub isa_level: Option<IsaLevel>,
    /// The oldest kernel that its C library supports (`NT_GNU_ABI_TAG`).
    pub minimum_kernel: Option<[u32; 3]>,
    /// The C library, where it can be told. `None` for programs that have none, such as most Go programs, and for static
    /// programs that do not say.
    pub libc: Option<Libc>,
    /// The Go tool chain made it: its build id, near the file's beginning, says so, or its record.
    pub is_go: bool,
    /// What the Go tool chain recorded, which lies deep in the file.
    pub go: Option<GoBuild>,
    /// What the Rust tool chain recorded.
    pub rust: Option<RustBuild>,
    /// Only a part of the file was at hand: what is absent here may be present in the file.
    pub partial: bool,
}

impl ElfFacts {
    /// Whether Linux has a name for its machine: no kernel runs any other.
    pub fn has_known_machine(&self) -> bool {
        machine::is_linux(self.machine)
    }

    /// The platform in words, also where OCI has no name for it.
    pub fn platform_name(&self) -> String {
        match &self.platform {
            Some(platform) => platform.to_string(),
            None => machine::describe(self.machine, self.class, self.endianness),
        }
    }
}

/// Text of a file as a string; a file can hold anything, so it is bounded and made valid.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
