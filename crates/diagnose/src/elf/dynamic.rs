//! The dynamic section, located by its segment, so that a file without section headers can be read
//! too.

use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{ReadRef, elf};

use super::text;

/// The largest dynamic section that is read: 65,536 entries of a 64-bit file.
const MAX_SIZE: u64 = 1024 * 1024;
/// The most libraries that are read.
const MAX_NEEDED: usize = 4096;
/// `PATH_MAX`, and more than any library's name.
const MAX_STRING: u64 = 4096;

/// The contents of the dynamic section.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    pub(super) needed: Vec<String>,
    pub(super) run_path: Vec<String>,
    pub(super) inherited_run_path: Vec<String>,
    pub(super) own_run_path_only: bool,
    pub(super) soname: Option<String>,
    pub(super) is_pie: bool,
}

pub(super) fn read<'data, Elf, R>(
    endian: Elf::Endian,
    data: R,
    segments: &'data [Elf::ProgramHeader],
) -> Dynamic
where
    Elf: FileHeader,
    R: ReadRef<'data>,
{
    let entries = segments
        .iter()
        .filter(|segment| segment.p_filesz(endian).into() <= MAX_SIZE)
        .find_map(|segment| segment.dynamic(endian, data).ok().flatten())
        .unwrap_or_default();
    let entries = || {
        entries
            .iter()
            .map(|entry| (entry.tag(endian), entry.val(endian)))
            .take_while(|&(tag, _)| tag != elf::DT_NULL)
    };
    let value = |wanted| entries().find_map(|(tag, value)| (tag == wanted).then_some(value));
    let strings =
        value(elf::DT_STRTAB).and_then(|address| file_offset::<Elf>(endian, segments, address));
    let string = |offset: u64| -> Option<String> {
        let start = strings?.checked_add(offset)?;
        let end = data.len().ok()?.min(start.saturating_add(MAX_STRING));
        data.read_bytes_at_until(start..end, 0).ok().map(text)
    };
    // An empty list has no elements; an empty element is the working directory.
    let paths = |list: String| {
        list.split(':').filter(|_| !list.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let flags = value(elf::DT_FLAGS_1).unwrap_or_default();
    let run_path = value(elf::DT_RUNPATH);
    // If there is a DT_RUNPATH, DT_RPATH is ignored.
    let inherited = value(elf::DT_RPATH).filter(|_| run_path.is_none());
    Dynamic {
        needed: entries()
            .filter(|&(tag, _)| tag == elf::DT_NEEDED)
            .take(MAX_NEEDED)
            .filter_map(|(_, offset)| string(offset))
            .collect(),
        run_path: run_path.and_then(string).map(paths).unwrap_or_default(),
        inherited_run_path: inherited.and_then(string).map(paths).unwrap_or_default(),
        own_run_path_only: flags & elf::DF_1_NODEFLIB.0 != 0,
        soname: value(elf::DT_SONAME).and_then(string),
        is_pie: flags & elf::DF_1_PIE.0 != 0,
    }
}

/// Returns the file offset of the byte that is loaded at `address`.
pub(super) fn file_offset<Elf: FileHeader>(
    endian: Elf::Endian,
    segments: &[Elf::ProgramHeader],
    address: u64,
) -> Option<u64> {
    segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD).find_map(|segment| {
        let start: u64 = segment.p_vaddr(endian).into();
        let within = address.checked_sub(start)?;
        let size: u64 = segment.p_filesz(endian).into();
        let offset: u64 = segment.p_offset(endian).into();
        (within < size).then(|| offset.checked_add(within))?
    })
}
