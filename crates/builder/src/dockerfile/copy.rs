//! `COPY` and `ADD` of files that are at hand.

use super::stage::Stage;
use super::{Context, pattern, words};
use crate::Addition;
use parse_dockerfile::{Flag, Source, UnescapedString};
use scratchdbg_image::{Entry, FileData, Node, Tree};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// One instruction with its words expanded.
#[derive(Debug)]
pub(super) struct Copy {
    /// The stage or image of `--from`.
    pub(super) from: Option<String>,
    sources: Vec<String>,
    /// Files written in the Dockerfile itself, by name.
    documents: Vec<(String, String)>,
    /// Absolute; ends with a slash if it is a folder.
    destination: String,
    mode: Option<u32>,
    owner: (u64, u64),
}

impl Copy {
    pub(super) fn new(
        options: &[Flag<'_>],
        sources: &[Source<'_>],
        destination: &UnescapedString<'_>,
        stage: &Stage,
        context: &Context,
    ) -> Result<Self, String> {
        let expand = |text: &str| words::expand(text, context.escape, stage);
        let destination = expand(&destination.value)?;
        let is_folder =
            destination.ends_with('/') || matches!(destination.as_str(), "." | "..") || destination.ends_with("/.");
        let mut absolute = stage.absolute(&destination);
        let is_directory = matches!(stage.spec.files.get(&absolute), Some(Entry { node: Node::Directory, .. }));
        if (is_folder || is_directory) && absolute != "/" {
            absolute.push('/');
        }
        let mut copy = Self {
            from: None,
            sources: Vec::new(),
            documents: Vec::new(),
            destination: absolute,
            mode: None,
            owner: (0, 0),
        };
        for source in sources {
            match source {
                Source::Path(path) => copy.sources.push(expand(&path.value)?),
                Source::HereDoc(document) => {
                    let text = if document.expand {
                        expand_document(&document.value, stage, context)?
                    } else {
                        document.value.to_string()
                    };
                    copy.documents.push((String::new(), text));
                }
                _ => return Err("scratchdbg does not know this kind of source".into()),
            }
        }
        for option in options {
            let value = option.value.as_ref().map(|value| expand(&value.value)).transpose()?.unwrap_or_default();
            copy.option(&option.name.value, value)?;
        }
        if copy.sources.len() + copy.documents.len() > 1 && !copy.destination.ends_with('/') {
            return Err("with several sources the destination is a folder: end it with a slash".into());
        }
        if !copy.documents.is_empty() && copy.destination.ends_with('/') {
            return Err("a here-document needs the name of a file as its destination".into());
        }
        Ok(copy)
    }

    /// The paths or patterns to copy.
    pub(super) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Where they go; it ends with a slash if it is a folder.
    pub(super) fn destination(&self) -> &str {
        &self.destination
    }

    fn option(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "from" => self.from = Some(value),
            "chmod" => {
                let mode = u32::from_str_radix(&value, 8).ok().filter(|mode| *mode <= 0o7777);
                self.mode =
                    Some(mode.ok_or_else(|| format!("--chmod={value}: expected up to four octal digits, as in 0755"))?);
            }
            "chown" => {
                let number = |text: &str| text.parse::<u32>().ok().map(u64::from);
                let (user, group) = value.split_once(':').unwrap_or((&value, &value));
                let owner = number(user).zip(number(group));
                self.owner = owner.ok_or_else(|| {
                    format!(
                        "--chown={value}: expected numbers, as in 65532:65532; an image from scratch knows no names"
                    )
                })?;
            }
            // A layer of its own is no matter here: everything becomes one layer.
            "link" => {}
            other => return Err(format!("--{other} is not supported")),
        }
        Ok(())
    }

    /// From the folder of the build.
    pub(super) fn local(&self, stage: &mut Stage, context: &Context) -> Result<(), String> {
        for (_, text) in &self.documents {
            let mut tree = self.parents()?;
            let data = FileData::Bytes(text.as_bytes().into());
            let (uid, gid) = self.owner;
            let entry = Entry { uid, gid, ..Entry::file(data, self.mode.unwrap_or(0o644)) };
            tree.insert(&self.destination, entry).map_err(|error| error.to_string())?;
            stage.spec.files.overlay(tree).map_err(|error| error.to_string())?;
        }
        for (source, relative) in self.resolve(context)? {
            let addition =
                Addition { source, destination: self.destination.clone(), mode: self.mode, owner: self.owner };
            let mut tree = self.parents()?;
            let wanted = |below: &str| {
                context.ignore.wants(&if relative.is_empty() {
                    below.to_owned()
                } else {
                    format!("{relative}/{below}")
                })
            };
            addition.apply_filtered(&mut tree, &wanted).map_err(|error| error.to_string())?;
            stage.spec.files.overlay(tree).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The directories that lead to the destination: those that are missing belong to whom `--chown` names.
    fn parents(&self) -> Result<Tree, String> {
        let mut tree = Tree::default();
        let (uid, gid) = self.owner;
        for (at, _) in self.destination.match_indices('/').filter(|(at, _)| *at > 0) {
            let entry = Entry { uid, gid, ..Entry::directory() };
            tree.insert(&self.destination[..at], entry).map_err(|error| error.to_string())?;
        }
        Ok(tree)
    }

    /// From an earlier stage.
    pub(super) fn stage_files(&self, stage: &mut Stage, files: &Tree) -> Result<(), String> {
        for source in &self.sources {
            let Some(entry) = files.get(source.trim_end_matches('/')) else {
                return Err(format!("{source} is not in that stage"));
            };
            let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let is_folder = matches!(entry.node, Node::Directory);
            let to = match self.destination.strip_suffix('/') {
                Some(folder) if !is_folder => format!("{folder}/{name}"),
                _ => self.destination.clone(),
            };
            let copied = files.subtree(source, &to).map_err(|error| error.to_string())?;
            stage.spec.files.overlay(copied).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// `ADD` fetches and unpacks; we do neither.
    pub(super) fn refuse_what_add_would_unpack(&self, context: &Context) -> Result<(), String> {
        let is_remote = |source: &&String| source.contains("://") || source.starts_with("git@");
        if let Some(source) = self.sources.iter().find(is_remote) {
            return Err(format!("{source} is fetched from a network: fetch it yourself, check it, and COPY it"));
        }
        for (path, _) in self.resolve(context)? {
            if path.is_file() && is_archive(&path) {
                let reason =
                    "is an archive, which ADD unpacks: unpack it yourself and COPY the result, or COPY it as it is";
                return Err(format!("{} {reason}", path.display()));
            }
        }
        Ok(())
    }

    /// The sources as files of this machine, each with its path in the context. Nothing leads out of the context.
    fn resolve(&self, context: &Context) -> Result<Vec<(PathBuf, String)>, String> {
        let mut found = Vec::new();
        for source in &self.sources {
            let trimmed = source.trim_start_matches('/').trim_start_matches("./").trim_end_matches('/');
            let trimmed = if trimmed == "." { "" } else { trimmed };
            if trimmed.split('/').any(|part| part == "..") {
                return Err(format!("{source} lies outside of the context {}", context.folder.display()));
            }
            let candidates =
                if pattern::is_pattern(trimmed) { expand(&context.folder, trimmed) } else { vec![trimmed.to_owned()] };
            let before = found.len();
            for relative in candidates.into_iter().filter(|path| path.is_empty() || context.ignore.wants(path)) {
                let path = context.folder.join(&relative);
                let Ok(real) = path.canonicalize() else { continue };
                if !real.starts_with(&context.folder) {
                    return Err(format!(
                        "{source} is a link that leads out of the context {}",
                        context.folder.display()
                    ));
                }
                found.push((path, relative));
            }
            if found.len() == before {
                return Err(format!(
                    "{source} is not in the context {}, or .dockerignore names it",
                    context.folder.display()
                ));
            }
        }
        Ok(found)
    }
}

/// Here-documents know variables but no quotes.
fn expand_document(text: &str, stage: &Stage, context: &Context) -> Result<String, String> {
    let quoted = text.replace('"', "\u{0}");
    words::expand(&format!("\"{quoted}\""), context.escape, stage).map(|text| text.replace('\u{0}', "\""))
}

/// What matches a pattern below `folder`, sorted.
fn expand(folder: &Path, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for base in &found {
            let Ok(entries) = fs::read_dir(folder.join(base)) else { continue };
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let matching = names.filter(|name| pattern::part_matches(part.as_bytes(), name.as_bytes()));
            next.extend(matching.map(|name| if base.is_empty() { name } else { format!("{base}/{name}") }));
        }
        next.sort();
        found = next;
    }
    found
}

/// What Docker's `ADD` takes for an archive: tar, or gzip, bzip2, xz.
fn is_archive(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = scratchdbg_files::open(path).and_then(|(file, _)| file.take(512).read_to_end(&mut head));
    let magic: [&[u8]; 3] = [b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0"];
    read.is_ok() && (magic.iter().any(|magic| head.starts_with(magic)) || head.get(257..262) == Some(b"ustar"))
}
