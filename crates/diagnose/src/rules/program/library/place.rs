//! Determines how a loader treats the file that it finds at a library's path.

use super::super::access::{self, READ};
use super::Loader;
use crate::elf::{ElfFacts, Kind, Libc, Part};
use crate::program::{Format, Program};
use crate::rootfs::{EntryKind, Resolution};

/// The smallest file size that glibc does not reject as "too short".
const HEADER: u64 = 64;

/// The file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// None.
    Empty,
    /// A library, and its path as searched.
    Library(String),
    /// A file that the loader skips, and why.
    PassedOver(String, String),
    /// A file that makes the loader fail, and why.
    Fatal(String, String),
    /// Not known.
    Unknown,
}

/// Returns the file at `path`, for a program of the machine of `elf`.
pub(super) fn at(loader: &Loader<'_>, elf: &ElfFacts, path: &str) -> Place {
    let rootfs = loader.subject.rootfs;
    let (real, entry, parents) = match rootfs.resolve(path) {
        Resolution::Found { path, entry, parents } => (path, entry, parents),
        Resolution::Unknown => return Place::Unknown,
        _ => return Place::Empty,
    };
    let passed_over = |reason: &str| Place::PassedOver(real.clone(), reason.to_owned());
    let fatal = |reason: &str| Place::Fatal(real.clone(), reason.to_owned());
    match access::denied(loader.identity.as_ref(), &parents, entry, READ) {
        Some(access::Denied::Kind(kind)) => return fatal(kind),
        Some(denied) => return passed_over(denied.reason()),
        None => {}
    }
    let Some(EntryKind::File { size, .. }) = entry.map(|entry| &entry.kind) else {
        return Place::Unknown;
    };
    let is_short = *size < HEADER;
    match rootfs.program(&real) {
        Some((_, Program::Other(Format::Empty))) => fatal("is an empty file"),
        Some((_, Program::Other(format))) => {
            fatal(&format!("is {format}{}", if is_short { ", and too short" } else { "" }))
        }
        Some((_, Program::Script(_))) => fatal("is a script"),
        Some((_, Program::Elf(library))) => of_elf(loader, elf, library)
            .unwrap_or_else(|| Place::Library(path.to_owned()))
            .named(&real),
        None => Place::Library(path.to_owned()),
    }
}

impl Place {
    fn named(self, path: &str) -> Self {
        match self {
            Self::PassedOver(_, reason) => Self::PassedOver(path.to_owned(), reason),
            Self::Fatal(_, reason) => Self::Fatal(path.to_owned(), reason),
            other => other,
        }
    }
}

/// Returns why an ELF file cannot be loaded.
fn of_elf(loader: &Loader<'_>, elf: &ElfFacts, library: &ElfFacts) -> Option<Place> {
    let none = String::new;
    if library.machine != elf.machine || library.class != elf.class {
        let reason = format!("is built for {}", library.platform_name());
        // musl does not check this, and crashes.
        return Some(if loader.kind == Libc::Musl {
            Place::Fatal(none(), reason)
        } else {
            Place::PassedOver(none(), reason)
        });
    }
    if let Kind::Object | Kind::Core | Kind::Unknown(_) = library.kind {
        return Some(Place::Fatal(none(), format!("is no library: it is an ELF {}", library.kind)));
    }
    if library.kind == Kind::Static && loader.kind == Libc::Glibc {
        return Some(Place::Fatal(none(), "is a program and no library".to_owned()));
    }
    let cut = library.truncated.filter(|cut| cut.part == Part::ProgramHeaders)?;
    Some(Place::Fatal(
        none(),
        format!("is cut short: it has {} of at least {} bytes", library.size, cut.end),
    ))
}
