//! The sources of a `COPY`: patterns, here-documents, archives.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::super::source::Instruction;
use super::super::stage::Stage;
use super::super::{Context, pattern, words};

/// Reports whether a source has more `..` than directories before them. As in engines, links are
/// not considered.
pub(super) fn leads_out(source: &str) -> bool {
    let mut depth = 0_usize;
    source.split('/').any(|part| match part {
        "" | "." => false,
        ".." => {
            let is_out = depth == 0;
            depth = depth.saturating_sub(1);
            is_out
        }
        _ => {
            depth += 1;
            false
        }
    })
}

/// Returns the text of a here-document by its name, with variables replaced unless its word was
/// quoted.
pub(super) fn document(
    instruction: &Instruction,
    name: &str,
    stage: &Stage,
    context: &Context,
) -> Result<String, String> {
    let document = instruction.documents.iter().rfind(|document| document.name == name);
    let document = document.ok_or_else(|| format!("the here-document {name} is not there"))?;
    if !document.expand {
        return Ok(document.text.clone());
    }
    words::expand_document(&document.text, stage, &context.budget)
}

/// Returns the paths below `folder` that match a pattern, sorted.
pub(super) fn expand(folder: &Path, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for base in &found {
            let Ok(entries) = fs::read_dir(folder.join(base)) else { continue };
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let matching =
                names.filter(|name| pattern::part_matches(part.as_bytes(), name.as_bytes()));
            next.extend(
                matching.map(|name| if base.is_empty() { name } else { format!("{base}/{name}") }),
            );
        }
        next.sort();
        found = next;
    }
    found
}

/// Reports whether Docker's `ADD` would unpack the file: tar, or gzip, bzip2, xz.
pub(super) fn is_archive(path: &Path) -> bool {
    let mut head = Vec::new();
    let read =
        scratchdbg_files::open(path).and_then(|(file, _)| file.take(512).read_to_end(&mut head));
    let magic: [&[u8]; 3] = [b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0"];
    read.is_ok()
        && (magic.iter().any(|magic| head.starts_with(magic))
            || head.get(257..262) == Some(b"ustar"))
}
