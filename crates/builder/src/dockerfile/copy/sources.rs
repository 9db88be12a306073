//! The sources of a `COPY`: patterns, here-documents, archives.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use scratchdbg_diagnose::rootfs::normalize;

use super::super::error::Refusal;
use super::super::ignore::Ignore;
use super::super::source::Instruction;
use super::super::stage::Stage;
use super::super::{Context, pattern, words};
use super::Copy;
use crate::add::Wanted;

/// A source that exists.
pub(in crate::dockerfile) struct Found {
    pub(super) path: PathBuf,
    /// Its path in the context.
    pub(super) relative: String,
    /// The part of the path that `--parents` keeps.
    pub(super) below: String,
}

impl Copy {
    /// Returns the sources, files of this machine inside the context, each with its path there.
    pub(in crate::dockerfile) fn resolve(&self, context: &Context) -> Result<Vec<Found>, Refusal> {
        let mut found = Vec::new();
        for source in &self.sources {
            if leads_out(source) {
                let reason =
                    format!("{source} lies outside of the context {}", context.folder.display());
                return Err(Refusal::Missing(reason));
            }
            let (pivot, pattern) = self.pivot(source);
            let pivot = normalize(pivot).trim_start_matches('/').to_owned();
            let trimmed =
                normalize(&format!("{pivot}/{pattern}")).trim_start_matches('/').to_owned();
            let is_pattern = pattern::is_pattern(&trimmed);
            if is_pattern {
                pattern::valid(&trimmed)?;
            }
            let candidates =
                if is_pattern { expand(&context.folder, &trimmed) } else { vec![trimmed] };
            let before = found.len();
            for relative in candidates {
                let path = context.folder.join(&relative);
                if !is_in_context(&path, &relative, &context.ignore) {
                    continue;
                }
                let Ok(real) = path.canonicalize() else { continue };
                if !real.starts_with(&context.folder) {
                    let place = context.folder.display();
                    let reason =
                        format!("{source} is a link that leads out of the context {place}");
                    return Err(Refusal::Missing(reason));
                }
                let below = relative
                    .strip_prefix(&pivot)
                    .unwrap_or(&relative)
                    .trim_start_matches('/')
                    .to_owned();
                found.push(Found { path, relative, below });
            }
            // As in BuildKit, a pattern may match nothing, so that optional files can be copied.
            if found.len() == before && !is_pattern {
                let place = context.folder.display();
                let reason =
                    format!("{source} is not in the context {place}, or .dockerignore names it");
                return Err(Refusal::Missing(reason));
            }
        }
        Ok(found)
    }
}

/// Whether `.dockerignore` leaves a path in the context, or something below it.
fn is_in_context(path: &Path, relative: &str, ignore: &Ignore) -> bool {
    if relative.is_empty() {
        return true;
    }
    match ignore.wants(relative) {
        Wanted::Yes => true,
        Wanted::No => false,
        Wanted::OnlyWithContent => {
            let entries = if path.is_symlink() { None } else { path.read_dir().ok() };
            entries.into_iter().flatten().filter_map(Result::ok).any(|entry| {
                let below = format!("{relative}/{}", entry.file_name().to_string_lossy());
                is_in_context(&entry.path(), &below, ignore)
            })
        }
    }
}

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
