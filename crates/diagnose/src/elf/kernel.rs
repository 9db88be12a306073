//! How Linux interprets a file's header (`fs/binfmt_elf.c`): it checks less than the gABI requires,
//! and some of it more strictly.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{ReadRef, elf::ProgramType};

/// The largest program header table that the kernel reads (64 KiB). It refuses larger ones.
pub(super) const MAX_PROGRAM_HEADERS: u64 = 64 * 1024;
/// `PATH_MAX`: the longest loader name.
const MAX_INTERPRETER: u64 = 4096;
/// The smallest page size and the largest.
const PAGES: (u64, u64) = (4 << 10, 64 << 10);

/// Why a kernel does not run a file whose type is that of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// `e_phentsize` is not the size of a program header.
    EntrySize(u16),
    /// `e_phnum`: there are no program headers, or too many.
    Count(u16),
    /// The loader's name is empty or longer than a path may be. Contains its size in bytes.
    InterpreterSize(u64),
    /// The loader's name has no NUL at its end.
    InterpreterEnd,
    /// The loader's name is after the end of the file.
    InterpreterOutside,
    /// There is no segment to load (`PT_LOAD`): the program is killed before its first instruction.
    NothingLoaded,
    /// A loaded segment is larger in the file than in memory.
    SegmentSize,
    /// A loaded segment cannot be mapped: its file offset and its address differ within a page.
    SegmentPlace,
    /// The first instruction is not in a loaded, executable segment.
    Entry(u64),
}

impl Refused {
    /// Reports whether the program is started and killed immediately.
    pub fn is_killed(self) -> bool {
        matches!(
            self,
            Self::NothingLoaded | Self::SegmentSize | Self::SegmentPlace | Self::Entry(_)
        )
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntrySize(size) => {
                write!(f, "its program headers are said to have {size} bytes each")
            }
            Self::Count(count) => write!(f, "it has {count} program headers"),
            Self::InterpreterSize(size) => write!(f, "the name of its loader has {size} bytes"),
            Self::InterpreterEnd => f.write_str("the name of its loader has no end"),
            Self::InterpreterOutside => {
                f.write_str("the name of its loader lies behind the end of the file")
            }
            Self::NothingLoaded => f.write_str("none of its segments is loaded"),
            Self::SegmentSize => f.write_str("a segment has more bytes in the file than in memory"),
            Self::SegmentPlace => f.write_str("a segment's offset and address cannot be mapped"),
            Self::Entry(address) => {
                write!(
                    f,
                    "its first instruction, at {address:#x}, lies in no segment that is executed"
                )
            }
        }
    }
}

/// Returns the first problem that a kernel finds. `segments` is `None` if they cannot be read,
/// which is reported elsewhere.
pub(super) fn refused<'data, Elf, R>(
    header: &Elf,
    endian: Elf::Endian,
    data: R,
    segments: Option<&[Elf::ProgramHeader]>,
) -> Option<Refused>
where
    Elf: FileHeader,
    R: ReadRef<'data>,
{
    let (size, count) = (header.e_phentsize(endian), header.e_phnum(endian));
    if usize::from(size) != size_of::<Elf::ProgramHeader>() {
        return Some(Refused::EntrySize(size));
    }
    if count == 0 || u64::from(count) * u64::from(size) > MAX_PROGRAM_HEADERS {
        return Some(Refused::Count(count));
    }
    let segments = segments?;
    let of_kind =
        |kind: ProgramType| segments.iter().filter(move |segment| segment.p_type(endian) == kind);
    if let Some(name) = of_kind(elf::PT_INTERP).next() {
        let (offset, size): (u64, u64) =
            (name.p_offset(endian).into(), name.p_filesz(endian).into());
        if !(2..=MAX_INTERPRETER).contains(&size) {
            return Some(Refused::InterpreterSize(size));
        }
        let end = offset.saturating_add(size);
        if data.len().is_ok_and(|length| end > length) {
            return Some(Refused::InterpreterOutside);
        }
        if data.read_bytes_at(end - 1, 1).is_ok_and(|last| last != [0]) {
            return Some(Refused::InterpreterEnd);
        }
    }
    let entry: u64 = header.e_entry(endian).into();
    // If the stack must not be executable, data is not executable either.
    let stack = of_kind(elf::PT_GNU_STACK).next();
    let data_is_executed = stack.is_none_or(|stack| stack.p_flags(endian).contains(elf::PF_X));
    let page = match header.e_machine(endian) {
        elf::EM_X86_64 | elf::EM_386 => PAGES.0,
        _ => PAGES.1,
    };
    let mut is_loaded = false;
    let mut has_entry = false;
    for segment in of_kind(elf::PT_LOAD) {
        let (in_file, in_memory): (u64, u64) =
            (segment.p_filesz(endian).into(), segment.p_memsz(endian).into());
        let (offset, address): (u64, u64) =
            (segment.p_offset(endian).into(), segment.p_vaddr(endian).into());
        if in_file > in_memory {
            return Some(Refused::SegmentSize);
        }
        if in_file > 0 && offset % PAGES.0 != address % PAGES.0 {
            return Some(Refused::SegmentPlace);
        }
        is_loaded |= in_memory > 0;
        // Whole pages are mapped.
        let begin = address - address % page;
        let end =
            address.saturating_add(in_memory).checked_next_multiple_of(page).unwrap_or(u64::MAX);
        let is_executed = data_is_executed || segment.p_flags(endian).contains(elf::PF_X);
        has_entry |= is_executed && (begin..end).contains(&entry);
    }
    match (is_loaded, has_entry) {
        (false, _) => Some(Refused::NothingLoaded),
        (true, false) => Some(Refused::Entry(entry)),
        (true, true) => None,
    }
}

/// Returns the name of the loader, up to its first NUL.
pub(super) fn interpreter<'data, Elf, R>(
    endian: Elf::Endian,
    data: R,
    segments: &[Elf::ProgramHeader],
) -> Option<&'data [u8]>
where
    Elf: FileHeader,
    R: ReadRef<'data>,
{
    let name = segments.iter().find(|segment| segment.p_type(endian) == elf::PT_INTERP)?;
    if name.p_filesz(endian).into() > MAX_INTERPRETER {
        return None;
    }
    let bytes = name.data(endian, data).ok()?;
    bytes.split(|&byte| byte == 0).next()
}

/// A file whose class, byte order and version are read like the kernels of its machine read them:
/// these kernels ignore those bytes.
#[derive(Debug)]
pub(super) struct AsLoaded<R> {
    inner: R,
    position: u64,
    identification: Option<[u8; 3]>,
}

/// The offset of the class (`EI_CLASS`). The byte order and the version follow.
const CLASS: u64 = 4;

impl<R: Read + Seek> AsLoaded<R> {
    pub(super) fn new(mut inner: R) -> Self {
        let mut head = Vec::new();
        let is_read = inner.seek(SeekFrom::Start(0)).is_ok();
        // If the file is cut, keep what was read.
        let _ = is_read && inner.by_ref().take(64).read_to_end(&mut head).is_ok();
        let position = inner.stream_position().unwrap_or_default();
        Self { inner, position, identification: identification(&head) }
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

/// The machines whose kernels check nothing else. Their numbers, read as little-endian, are not
/// those of any other machine.
fn identification(head: &[u8]) -> Option<[u8; 3]> {
    let half = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let class = match elf::Machine(half(18)?) {
        // With 32-bit headers it is x32, which few kernels run.
        elf::EM_X86_64 if head.get(4) == Some(&elf::ELFCLASS32.0) && half(54) != Some(56) => {
            elf::ELFCLASS32
        }
        elf::EM_X86_64 | elf::EM_AARCH64 => elf::ELFCLASS64,
        elf::EM_386 | elf::EM_ARM => elf::ELFCLASS32,
        _ => return None,
    };
    Some([class.0, elf::ELFDATA2LSB.0, 1])
}

impl<R: Read> Read for AsLoaded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        for (at, byte) in (CLASS..).zip(self.identification.iter().flatten()) {
            let index = at.checked_sub(self.position).and_then(|index| usize::try_from(index).ok());
            if let Some(place) = index.and_then(|index| buffer[..count].get_mut(index)) {
                *place = *byte;
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for AsLoaded<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.position = self.inner.seek(position)?;
        Ok(self.position)
    }
}
