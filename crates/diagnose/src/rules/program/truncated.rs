//! `truncated-binary`: the file is shorter than its headers say.

use crate::code::Code;
use crate::elf::{ElfFacts, Part};
use crate::finding::{Finding, Severity};

pub(super) fn check(path: &str, elf: &ElfFacts) -> Option<Finding> {
    let cut = elf.truncated?;
    let (severity, consequence, part) = match cut.part {
        Part::ProgramHeaders => (
            Severity::Error,
            "the kernel refuses it (\"exec format error\")",
            "the program headers end",
        ),
        Part::Segment => (
            Severity::Error,
            "it dies with exit code 135 or 139 and without a word",
            "its last segment ends",
        ),
        Part::SectionHeaders => (
            Severity::Warning,
            "it may run, but it is not what the linker wrote",
            "the section headers end",
        ),
    };
    Some(
        Finding::new(
            Code::TruncatedBinary,
            severity,
            format!(
                "{path} is cut short: it has {} of at least {} bytes, so that {consequence}",
                elf.size, cut.end
            ),
        )
        .evidence(format!("{path}: {} bytes; {part} at byte {}", elf.size, cut.end))
        .fix("copy or download it again, and compare its checksum with that of the original"),
    )
    // A segment that is never accessed is never missed.
    .map(
        |finding| {
            if cut.part == Part::Segment && !cut.is_needed { finding.guessed() } else { finding }
        },
    )
}

/// A library with a missing part that is loaded.
pub(super) fn of_library(path: &str, library: &ElfFacts) -> Option<Finding> {
    let cut = library.truncated.filter(|cut| cut.part == Part::Segment)?;
    Some(
        Finding::new(
            Code::TruncatedBinary,
            Severity::Error,
            format!(
                "the library {path} is cut short: it has {} of at least {} bytes, so that the program dies with exit code 135 \
                 or 139 where the loader reads it",
                library.size, cut.end
            ),
        )
        .evidence(format!("{path}: {} bytes; its last segment ends at byte {}", library.size, cut.end))
        .fix("copy or download it again, and compare its checksum with that of the original")
        .guessed(),
    )
}
