//! The notes with a program's requirements.

use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{Endian, ReadRef, elf};

use super::IsaLevel;

/// The largest note segment that is read. Core dumps have larger ones.
const MAX_SIZE: u64 = 256 * 1024;
/// The most note segments that are read. Programs have one to three.
const MAX_SEGMENTS: usize = 8;
/// The most notes of a segment that are read.
const MAX_NOTES: usize = 256;

/// The contents of the notes.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The kernel version of `NT_GNU_ABI_TAG`, which only glibc writes.
    pub(super) minimum_kernel: Option<[u32; 3]>,
    /// The highest level of `GNU_PROPERTY_X86_ISA_1_NEEDED`.
    pub(super) isa_level: Option<IsaLevel>,
    /// Whether Go's linker wrote its build id.
    pub(super) go: bool,
}

/// The name and type of the note with Go's build id (`cmd/link/internal/ld/elf.go`).
const GO_NAME: &[u8] = b"Go";
const NT_GO_BUILD_ID: elf::NoteType = elf::NoteType(4);

pub(super) fn read<'data, Elf, R>(
    endian: Elf::Endian,
    data: R,
    segments: &[Elf::ProgramHeader],
) -> Notes
where
    Elf: FileHeader,
    R: ReadRef<'data>,
{
    let mut found = Notes::default();
    let segments = segments
        .iter()
        .filter(|segment| {
            segment.p_type(endian) == elf::PT_NOTE && segment.p_filesz(endian).into() <= MAX_SIZE
        })
        .take(MAX_SEGMENTS);
    for segment in segments {
        let Ok(Some(mut notes)) = segment.notes(endian, data) else { continue };
        for _ in 0..MAX_NOTES {
            let Ok(Some(note)) = notes.next() else { break };
            // Go pads its name with an additional zero.
            found.go |= note.name().strip_suffix(b"\0").unwrap_or(note.name()) == GO_NAME
                && note.n_type(endian) == NT_GO_BUILD_ID;
            if note.name() != elf::ELF_NOTE_GNU {
                continue;
            }
            if note.n_type(endian) == elf::NT_GNU_ABI_TAG {
                found.minimum_kernel =
                    found.minimum_kernel.or_else(|| abi_tag(endian, note.desc()));
            }
            if let Some(properties) = note.gnu_properties(endian) {
                let needed = properties
                    .take(MAX_NOTES)
                    .map_while(Result::ok)
                    .filter(|property| property.pr_type() == elf::GNU_PROPERTY_X86_ISA_1_NEEDED)
                    .filter_map(|property| isa_level(property.data_u32(endian).ok()?))
                    .max();
                found.isa_level = found.isa_level.max(needed);
            }
        }
    }
    found
}

/// Parses four words: the operating system (0 is Linux) and the three parts of the kernel's
/// version.
fn abi_tag<E: Endian>(endian: E, bytes: &[u8]) -> Option<[u32; 3]> {
    let word = |index: usize| -> Option<u32> {
        let bytes: [u8; 4] = bytes.get(index * 4..index * 4 + 4)?.try_into().ok()?;
        Some(endian.read_u32(bytes))
    };
    (word(0)? == 0).then_some([word(1)?, word(2)?, word(3)?])
}

fn isa_level(bits: u32) -> Option<IsaLevel> {
    const LATER: u32 = !0b1111;
    [
        (LATER, IsaLevel::Later),
        (elf::GNU_PROPERTY_X86_ISA_1_V4, IsaLevel::V4),
        (elf::GNU_PROPERTY_X86_ISA_1_V3, IsaLevel::V3),
        (elf::GNU_PROPERTY_X86_ISA_1_V2, IsaLevel::V2),
        (elf::GNU_PROPERTY_X86_ISA_1_BASELINE, IsaLevel::V1),
    ]
    .into_iter()
    .find_map(|(bit, level)| (bits & bit != 0).then_some(level))
}
