//! Determines how a Linux kernel treats a file that is executed.

mod format;
mod part;
mod script;
mod source;

use std::io::{self, Read, Seek, SeekFrom};

use crate::elf::{self, ElfFacts};

pub use format::Format;
pub use part::dynamic_part;
pub use script::ScriptFacts;
use source::{Head, Tracked};

/// How many bytes of a file's beginning distinguish scripts and foreign formats.
const HEAD: u64 = 512;

/// A file as the kernel sees it when executing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// An ELF file with a header that a kernel accepts.
    Elf(Box<ElfFacts>),
    /// A script: a text that begins with `#!`.
    Script(Box<ScriptFacts>),
    /// A file that no kernel executes.
    Other(Format),
}

/// The file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the program failed: {0}")]
pub struct ReadError(#[from] io::Error);

/// Inspects a file of any size: reads its headers, dynamic section, notes and a few small sections,
/// and never the whole file. A damaged file or a file that is not a program is a result, not an
/// error.
///
/// # Errors
/// [`ReadError`] if the reader fails.
pub fn inspect<R: Read + Seek>(reader: R) -> Result<Program, ReadError> {
    let mut reader = Tracked::new(reader);
    reader.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    match reader.by_ref().take(HEAD).read_to_end(&mut head) {
        // `head` keeps what was read before the gap.
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

/// Inspects the first bytes of a file of `size` bytes, for a caller that has a stream and does not
/// want to read all of it. Facts in the rest of the file are missing, and [`ElfFacts::partial`]
/// reports that. One MiB contains everything that decides whether a program starts.
pub fn inspect_head(head: &[u8], size: u64) -> Program {
    let bytes = usize::try_from(size).map_or(head, |size| &head[..head.len().min(size)]);
    inspect_parts(bytes, (0, &[]), size)
}

/// Like [`inspect_head`], with another part of the file, which begins at this offset; see
/// [`dynamic_part`].
pub fn inspect_parts(head: &[u8], part: (u64, &[u8]), size: u64) -> Program {
    match inspect(Head { bytes: head, part, size, position: 0 }) {
        Ok(program) => program,
        // Reading bytes in memory does not fail.
        Err(_) => Program::Other(Format::of(head)),
    }
}
