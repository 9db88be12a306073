//! Facts that are found only by the section headers: symbol versions, and the records of compilers.

use std::collections::BTreeMap;

use object::read::StringTable;
use object::read::elf::{FileHeader, SectionHeader};
use object::{ReadRef, SectionIndex, elf};

use super::go::{self, GoBuild};
use super::{RequiredVersion, RustBuild, text};

/// The largest section header table that is read: 65,536 sections of a 64-bit file.
const MAX_TABLE: u64 = 4 * 1024 * 1024;
/// The most sections whose names are read. A linked program has some dozens.
const MAX_NAMED: usize = 4096;
/// The largest of the small sections that is read.
const MAX_SECTION: u64 = 1024 * 1024;
/// The most symbol versions that are read.
const MAX_VERSIONS: usize = 4096;

/// The contents of the sections.
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
    let table = header
        .shnum(endian, data)
        .map_or(u64::MAX, |count| u64::from(count) * u64::from(header.e_shentsize(endian)));
    let headers = if table <= MAX_TABLE {
        header.section_headers(endian, data).unwrap_or_default()
    } else {
        &[]
    };
    let names = header.section_strings(endian, data, headers).unwrap_or_default();
    // Read only the first of each kind: a malicious file may have thousands.
    let typed = |kind| {
        headers.iter().find(|section| section.sh_type(endian) == kind && is_small(*section, endian))
    };
    if let Some(section) = typed(elf::SHT_GNU_VERNEED) {
        found.required_versions = required::<Elf, R>(endian, data, headers, section);
    }
    if let Some(section) = typed(elf::SHT_GNU_VERDEF) {
        found.provided_versions = provided::<Elf, R>(endian, data, headers, section);
    }
    let mut by_name: BTreeMap<&[u8], &Elf::SectionHeader> = BTreeMap::new();
    for section in headers.iter().take(MAX_NAMED) {
        if let Ok(name) = section.name(endian, names) {
            by_name.entry(name).or_insert(section);
        }
    }
    let content = |name: &[u8]| {
        by_name
            .get(name)
            .filter(|section| is_small(**section, endian))
            .and_then(|section| section.data(endian, data).ok())
    };
    found.arm_attributes = content(b".ARM.attributes");
    let version = content(b".comment").and_then(rust_version);
    let audit = by_name.contains_key(b".dep-v0".as_slice());
    found.rust = (audit || version.is_some()).then_some(RustBuild { version, audit });
    found.go = by_name.get(b".go.buildinfo".as_slice()).and_then(|section| {
        go::read::<Elf, R>(endian, data, segments, section.sh_offset(endian).into())
    });
    found
}

fn is_small<S: SectionHeader>(section: &S, endian: S::Endian) -> bool {
    section.sh_size(endian).into() <= MAX_SECTION
}

/// Finds `rustc version 1.95.0 (59807616e 2026-04-14)` among the NUL-terminated strings of
/// `.comment`.
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
    let Ok(Some((mut libraries, link))) = section.gnu_verneed(endian, data) else {
        return versions;
    };
    let Some(strings) = strings::<Elf, R>(endian, data, headers, link) else { return versions };
    // A malicious table may point back into itself, so the number of steps is bounded too.
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
    let Ok(Some((mut definitions, link))) = section.gnu_verdef(endian, data) else {
        return versions;
    };
    let Some(strings) = strings::<Elf, R>(endian, data, headers, link) else { return versions };
    for _ in 0..MAX_VERSIONS {
        let Ok(Some((_, mut names))) = definitions.next() else { break };
        // The first name is that of the version, the others are its parents'.
        if let Ok(Some(name)) = names.next()
            && let Ok(name) = name.name(endian, strings)
        {
            versions.push(text(name));
        }
    }
    versions
}
