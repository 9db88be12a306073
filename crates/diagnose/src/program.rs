//! What a file is to a Linux kernel that is asked to execute it.

mod format;
mod script;
mod source;

use std::io::{self, Read, Seek, SeekFrom};

use crate::elf::{self, ElfFacts};

pub use format::Format;
pub use script::ScriptFacts;
use source::{Head, Tracked};

/// How much of a file's beginning tells scripts and foreign formats apart.
const HEAD: u64 = 512;

/// A file, as far as executing it is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// An ELF file with a header that a kernel reads.
    Elf(Box<ElfFacts>),
    /// A script: a text that begins with `#!`.
    Script(Box<ScriptFacts>),
    /// Something that no kernel executes.
    Other(Format),
}

/// The file could not be read: nothing is known about it.
#[derive(Debug, thiserror::Error)]
#[error("reading the program failed: {0}")]
pub struct ReadError(#[from] io::Error);

/// Looks at a file of any size: reads its headers, dynamic section, notes and a few small sections, and never the whole.
/// A file that is damaged or is no program is an answer, not an error.
///
/// # Errors
/// [`ReadError`] when the reader fails.
pub fn inspect<R: Read + Seek>(reader: R) -> Result<Program, ReadError> {
    let mut reader = Tracked::new(reader);
    reader.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    match reader.by_ref().take(HEAD).read_to_end(&mut head) {
        // What was read before the gap stays in `head`.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
        _ => {}
    }
    if head.starts_with(b"\x7fELF") {
        let (facts, reader) = elf::parse(reader);
        if let Some(error) = reader.error {
            return Err(error.into());
        }
        return Ok(match facts {
            Some(mut facts) => {
                facts.partial = reader.hit_gap;
                Program::Elf(Box::new(facts))
            }
            None => Program::Other(Format::InvalidElf),
        });
    }
    Ok(match ScriptFacts::parse(&head) {
        Some(script) => Program::Script(Box::new(script)),
        None => Program::Other(Format::of(&head)),
    })
}

/// Looks at the first bytes of a file of `size` bytes, for a caller that has a stream and does not want to read all of it.
/// What the rest would have told is missing from the answer, and [`ElfFacts::partial`] says so. One MiB holds everything
/// that decides whether a program starts.
pub fn inspect_head(head: &[u8], size: u64) -> Program {
    let bytes = usize::try_from(size).map_or(head, |size| &head[..head.len().min(size)]);
    match inspect(Head { bytes, size, position: 0 }) {
        Ok(program) => program,
        // The bytes are in memory: reading them does not fail.
        Err(_) => Program::Other(Format::of(bytes)),
    }
}
