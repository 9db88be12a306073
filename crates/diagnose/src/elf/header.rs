//! Reads the file header and the program headers, and then the rest in the right order.

use std::io::{Read, Seek};

use kernel::AsLoaded;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{ReadCache, ReadRef};

use super::dynamic::Dynamic;
use super::{
    Class, ElfFacts, Endianness, Kind, Libc, Part, Truncation, arm, dynamic, kernel, loader,
    machine, notes, sections, text,
};

/// The offset of the class in the file (`EI_CLASS`).
const CLASS: u64 = 4;

/// Reads the facts of an ELF file and returns the reader too. The facts are `None` if no kernel
/// accepts the header.
pub(crate) fn parse<R: Read + Seek>(reader: R) -> (Option<ElfFacts>, R) {
    let cache = ReadCache::new(AsLoaded::new(reader));
    let facts = match cache.read_bytes_at(CLASS, 1) {
        Ok(&[class]) if class == elf::ELFCLASS32.0 => {
            read::<FileHeader32<object::Endianness>, _>(&cache)
        }
        Ok(&[class]) if class == elf::ELFCLASS64.0 => {
            read::<FileHeader64<object::Endianness>, _>(&cache)
        }
        _ => None,
    };
    (facts, cache.into_inner().into_inner())
}

/// Returns the offset and the size of the dynamic section (`PT_DYNAMIC`), if the beginning of the
/// file has the program headers.
pub(crate) fn dynamic_section<R: Read + Seek>(reader: R) -> Option<(u64, u64)> {
    fn find<'data, Elf: FileHeader<Endian = object::Endianness>>(
        data: impl ReadRef<'data>,
    ) -> Option<(u64, u64)> {
        let header = Elf::parse(data).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, data).ok()?;
        let section = segments.iter().find(|segment| segment.p_type(endian) == elf::PT_DYNAMIC)?;
        Some((section.p_offset(endian).into(), section.p_filesz(endian).into()))
    }
    let cache = ReadCache::new(AsLoaded::new(reader));
    match cache.read_bytes_at(CLASS, 1) {
        Ok(&[class]) if class == elf::ELFCLASS32.0 => {
            find::<FileHeader32<object::Endianness>>(&cache)
        }
        Ok(&[class]) if class == elf::ELFCLASS64.0 => {
            find::<FileHeader64<object::Endianness>>(&cache)
        }
        _ => None,
    }
}

fn read<'data, Elf, R>(data: R) -> Option<ElfFacts>
where
    Elf: FileHeader<Endian = object::Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let size = data.len().ok()?;
    let class = if header.is_type_64() { Class::Elf64 } else { Class::Elf32 };
    let endianness = if header.is_little_endian() { Endianness::Little } else { Endianness::Big };
    let machine = header.e_machine(endian).0;
    let os_abi = header.e_ident().os_abi.0;

    let table = Table::of(header, endian);
    let segments = match &table {
        Some(table) if table.size <= kernel::MAX_PROGRAM_HEADERS => {
            header.program_headers(endian, data).ok()
        }
        // If the table would start at offset 0, the kernel reads the header itself as one.
        None => Some(&[][..]),
        Some(_) => None,
    };
    let refused = kernel::refused(header, endian, data, segments);
    let segments = segments.unwrap_or_default();
    let interpreter = kernel::interpreter::<Elf, R>(endian, data, segments).map(text);
    let dynamic = dynamic::read::<Elf, R>(endian, data, segments);
    let notes = notes::read::<Elf, R>(endian, data, segments);
    let sections = sections::read::<Elf, R>(header, endian, data, segments);

    let entry: u64 = header.e_entry(endian).into();
    let mut platform = machine::platform(machine, class, endianness, os_abi);
    if let Some(platform) = platform.as_mut().filter(|platform| platform.architecture == "arm") {
        platform.variant = arm::variant(sections.arm_attributes);
    }
    let isa_level = notes.isa_level.or_else(|| sections.go.as_ref()?.isa_level());
    let libc = libc(interpreter.as_deref(), &dynamic, os_abi, notes.minimum_kernel.is_some());
    Some(ElfFacts {
        class,
        endianness,
        machine,
        kind: kind(header.e_type(endian).0, interpreter.is_some(), entry, &dynamic),
        size,
        platform,
        interpreter,
        refused,
        truncated: truncation(header, endian, size, table.as_ref(), segments),
        needed: dynamic.needed,
        run_path: dynamic.run_path,
        inherited_run_path: dynamic.inherited_run_path,
        own_run_path_only: dynamic.own_run_path_only,
        library_directories: loader::directories(dynamic.soname.as_deref(), data),
        soname: dynamic.soname,
        required_versions: sections.required_versions,
        provided_versions: sections.provided_versions,
        isa_level,
        minimum_kernel: notes.minimum_kernel,
        libc,
        is_go: notes.go || sections.go.is_some(),
        go: sections.go,
        rust: sections.rust,
        partial: false,
    })
}

/// The location of a table of headers.
struct Table {
    offset: u64,
    size: u64,
}

impl Table {
    /// Returns the table of program headers, or `None` if there is none or its entries have the
    /// wrong size.
    fn of<Elf: FileHeader>(header: &Elf, endian: Elf::Endian) -> Option<Self> {
        let count = u64::from(header.e_phnum(endian));
        let entry = u64::from(header.e_phentsize(endian));
        let offset = header.e_phoff(endian).into();
        let expected = size_of::<Elf::ProgramHeader>() as u64;
        (count > 0 && offset > 0 && entry == expected).then(|| Self { offset, size: count * entry })
    }

    fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

fn kind(e_type: u16, has_interpreter: bool, entry: u64, dynamic: &Dynamic) -> Kind {
    match elf::FileType(e_type) {
        elf::ET_EXEC | elf::ET_DYN if has_interpreter => Kind::Dynamic,
        elf::ET_EXEC => Kind::Static,
        // A static-pie and a library look alike: linkers mark the former (DF_1_PIE) and name the
        // latter.
        elf::ET_DYN if dynamic.is_pie => Kind::StaticPie,
        elf::ET_DYN if entry == 0 || dynamic.soname.is_some() || !dynamic.needed.is_empty() => {
            Kind::SharedLibrary
        }
        elf::ET_DYN => Kind::StaticPie,
        elf::ET_REL => Kind::Object,
        elf::ET_CORE => Kind::Core,
        elf::FileType(other) => Kind::Unknown(other),
    }
}

/// Reports whether the kernel, or the first instruction, accesses a page of the segment that is
/// after the end of the file. A file of any length can be mapped, but a page without a byte of the
/// file cannot be read.
fn is_needed<Elf: FileHeader>(
    segment: &Elf::ProgramHeader,
    endian: Elf::Endian,
    size: u64,
    entry: u64,
) -> bool {
    const PAGE: u64 = 4096;
    let (offset, address): (u64, u64) =
        (segment.p_offset(endian).into(), segment.p_vaddr(endian).into());
    let (in_file, in_memory): (u64, u64) =
        (segment.p_filesz(endian).into(), segment.p_memsz(endian).into());
    let is_missing = |at: u64| at - at % PAGE >= size;
    let first = entry
        .checked_sub(address)
        .filter(|within| *within < in_file)
        .map(|within| offset.saturating_add(within));
    let end = offset.saturating_add(in_file);
    let is_filled_up =
        in_memory > in_file && end % PAGE != 0 && segment.p_flags(endian).contains(elf::PF_W);
    first.is_some_and(is_missing) || (is_filled_up && is_missing(end))
}

fn truncation<Elf: FileHeader>(
    header: &Elf,
    endian: Elf::Endian,
    size: u64,
    table: Option<&Table>,
    segments: &[Elf::ProgramHeader],
) -> Option<Truncation> {
    let entry: u64 = header.e_entry(endian).into();
    let is_needed = || {
        let mut loaded = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD);
        loaded.any(|segment| is_needed::<Elf>(segment, endian, size, entry))
    };
    let cut = |part: Part, end: u64| {
        (end > size).then(|| Truncation {
            part,
            end,
            is_needed: part == Part::ProgramHeaders || is_needed(),
        })
    };
    let program_headers = table.and_then(|table| cut(Part::ProgramHeaders, table.end()));
    let segment_end = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .map(|segment| {
            let offset: u64 = segment.p_offset(endian).into();
            offset.saturating_add(segment.p_filesz(endian).into())
        })
        .max();
    let section_headers = {
        let offset: u64 = header.e_shoff(endian).into();
        let table = u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian));
        if offset == 0 { 0 } else { offset.saturating_add(table) }
    };
    program_headers
        .or_else(|| cut(Part::Segment, segment_end?))
        .or_else(|| cut(Part::SectionHeaders, section_headers))
}

fn libc(
    interpreter: Option<&str>,
    dynamic: &Dynamic,
    os_abi: u8,
    has_abi_tag: bool,
) -> Option<Libc> {
    let needs = |prefix: &str| dynamic.needed.iter().any(|library| library.starts_with(prefix));
    match interpreter {
        Some(path) if path.contains("ld-musl") => Some(Libc::Musl),
        Some(path) if path.starts_with("/system/bin/linker") => Some(Libc::Bionic),
        _ if needs("libc.musl-") => Some(Libc::Musl),
        _ if needs("libc.so.6") => Some(Libc::Glibc),
        // Only glibc writes an ABI tag, and only glibc has indirect functions, which change the OS
        // ABI byte.
        _ if has_abi_tag || elf::OsAbi(os_abi) == elf::ELFOSABI_GNU => Some(Libc::Glibc),
        _ => None,
    }
}
