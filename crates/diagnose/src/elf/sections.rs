//! What only the section headers lead to: symbol versions, and what compilers leave behind.

use object::read::StringTable;
use object::read::elf::{FileHeader, SectionHeader as _};
use object::{ReadRef, SectionIndex, elf};

use super::go::{self, GoBuild};
use super::{RequiredVersion, RustBuild, text};

/// The largest section header table that is read: 65,536 sections of a 64-bit file.
const MAX_TABLE: u64 = 4 * 1024 * 1024;
/// The most sections whose names are looked at: a linked program has some dozens.
const MAX_NAMED: usize = 4096;
/// The largest of the small sections that are read.
const MAX_SECTION: u64 = 1024 * 1024;
/// The most symbol versions that are read.
const MAX_VERSIONS: usize = 4096;

/// What the sections say.
#[derive(Debug, Default)]
pub(super) struct Sections<'data> {
    pub(super) required_versions: Vec<RequiredVersion>,
    pub(super) provided_versions: Vec<String>,
    pub(super) arm_attributes: Option<&'data [u8]>,
    pub(super) go: Option<GoBuild>,
    pub(super) rust: Option<RustBuild>,
}

pub(super) fn read<'data, Elf, R>(
    header: &Elf,
    endian: Elf::Endian,
    data: R,
    segments: &'data [Elf::ProgramHeader],
) -> Sections<'data>
where
    Elf: FileHeader<Endian = object::Endianness>,
    R: ReadRef<'data>,
{
    let mut found = Sections::default();
    let table =
        header.shnum(endian, data).map_or(u64::MAX, |count| u64::from(count) * u64::from(header.e_shentsize(endian)));
    let headers = if table <= MAX_TABLE { header.section_headers(endian, data).unwrap_or_default() } else { &[] };
    let names = header.section_strings(endian, data, headers).unwrap_or_default();
    let mut audit = false;
    let mut compiler = None;
    for section in headers.iter().take(MAX_NAMED) {
        let is_small = section.sh_size(endian).into() <= MAX_SECTION;
        match section.sh_type(endian) {
            elf::SHT_GNU_VERNEED if is_small => {
                found.required_versions = required::<Elf, R>(endian, data, headers, section);
            }
            elf::SHT_GNU_VERDEF if is_small => {
                found.provided_versions = provided::<Elf, R>(endian, data, headers, section);
            }
            _ => {}
        }
        match section.name(endian, names) {
            Ok(b".ARM.attributes") if is_small => found.arm_attributes = section.data(endian, data).ok(),
            Ok(b".comment") if is_small => compiler = section.data(endian, data).ok().and_then(rust_version),
            Ok(b".dep-v0") => audit = true,
            Ok(b".go.buildinfo") => {
                let offset = section.sh_offset(endian).into();
                found.go = go::read::<Elf, R>(endian, data, segments, offset);
            }
            _ => {}
        }
    }
    found.rust = (audit || compiler.is_some()).then_some(RustBuild { version: compiler, audit });
    found
}

/// `rustc version 1.95.0 (59807616e 2026-04-14)` among the NUL-ended strings of `.comment`.
fn rust_version(comment: &[u8]) -> Option<String> {
    comment.split(|&byte| byte == 0).find_map(|line| {
        let version = line.strip_prefix(b"rustc version ")?;
        Some(text(version.split(|&byte| byte == b' ').next()?))
    })
}

fn strings<'data, Elf, R>(
    endian: Elf::Endian,
    data: R,
    headers: &'data [Elf::SectionHeader],
    index: SectionIndex,
) -> Option<StringTable<'data, R>>
where
    Elf: FileHeader,
    R: ReadRef<'data>,
{
    headers.get(index.0)?.strings(endian, data).ok().flatten()
}

fn required<'data, Elf, R>(
    endian: Elf::Endian,
    data: R,
    headers: &'data [Elf::SectionHeader],
    section: &'data Elf::SectionHeader,
) -> Vec<RequiredVersion>
where
    Elf: FileHeader,
    R: ReadRef<'data>,
{
    let mut versions = Vec::new();
    let Ok(Some((mut libraries, link))) = section.gnu_verneed(endian, data) else { return versions };
    let Some(strings) = strings::<Elf, R>(endian, data, headers, link) else { return versions };
    // A hostile table points back into itself; the number of steps is bounded, not only that of the answers.
    let mut steps = 0;
    while let Ok(Some((library, mut names))) = libraries.next() {
        let file = library.file(endian, strings).map(text).unwrap_or_default();
        while let Ok(Some(name)) = names.next() {
            steps += 1;
            if steps > MAX_VERSIONS {
                return sorted(versions);
            }
            if let Ok(name) = name.name(endian, strings) {
                versions.push(RequiredVersion { library: file.clone(), version: text(name) });
            }
        }
        steps += 1;
    }
    sorted(versions)
}

fn sorted(mut versions: Vec<RequiredVersion>) -> Vec<RequiredVersion> {
    versions.sort();
    versions.dedup();
    versions
}

fn provided<'data, Elf, R>(
    endian: Elf::Endian,
    data: R,
    headers: &'data [Elf::SectionHeader],
    section: &'data Elf::SectionHeader,
) -> Vec<String>
where
    Elf: FileHeader,
    R: ReadRef<'data>,
{
    let mut versions = Vec::new();
    let Ok(Some((mut definitions, link))) = section.gnu_verdef(endian, data) else { return versions };
    let Some(strings) = strings::<Elf, R>(endian, data, headers, link) else { return versions };
    for _ in 0..MAX_VERSIONS {
        let Ok(Some((_, mut names))) = definitions.next() else { break };
        // The first name is the version's own, the others are its parents'.
        if let Ok(Some(name)) = names.next()
            && let Ok(name) = name.name(endian, strings)
        {
            versions.push(text(name));
        }
    }
    versions
}
