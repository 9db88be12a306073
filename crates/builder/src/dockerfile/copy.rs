//! `COPY` and `ADD` of available files.

mod sources;

use std::collections::BTreeSet;

use scratchdbg_diagnose::rootfs::normalize;
use scratchdbg_image::{Entry, FileData, Node, Tree};

use self::sources::{Found, document, is_archive};
use super::error::Refusal;
use super::ignore::Ignore;
use super::pattern;
use super::source::{self, Instruction};
use super::stage::{Stage, missing};
use super::{Context, accounts, array, words};
use crate::add::Wanted;
use crate::{Addition, links};

/// One instruction with expanded words.
#[derive(Debug)]
pub(super) struct Copy {
    /// The stage or image of `--from`.
    pub(super) from: Option<String>,
    sources: Vec<String>,
    /// Files written in the Dockerfile itself: name and text.
    documents: Vec<(String, String)>,
    /// Absolute; ends with a slash if it is a directory.
    destination: String,
    mode: Option<u32>,
    /// The owner of the copies. `None` keeps the owner, which is root for files of this machine.
    owner: Option<(u64, u64)>,
    /// `--parents`: the directories of a source are created below the destination.
    parents: bool,
    /// `--exclude`.
    exclude: Ignore,
    /// `ADD --unpack=false`.
    keep_packed: bool,
    line: usize,
}

impl Copy {
    pub(super) fn new(
        instruction: &Instruction,
        stage: &Stage,
        context: &Context,
    ) -> Result<Self, Refusal> {
        let expand = |text: &str| words::expand(text, context.escape, stage, &context.budget);
        let mut words = match array::strict(instruction)? {
            Some(words) => words,
            None if instruction.arguments.starts_with('[')
                && array::advice(instruction).is_some() =>
            {
                return Err(array::advice(instruction).unwrap_or_default().into());
            }
            None => instruction.arguments.split_ascii_whitespace().map(str::to_owned).collect(),
        };
        let destination = words.pop().filter(|_| !words.is_empty());
        let destination = destination.ok_or("it needs a source and a destination")?;
        if source::document_name(&destination).is_some() {
            return Err("a here-document cannot be the destination: end the line with the place that it goes to".into());
        }
        let destination = expand(&destination)?;
        let is_folder = destination.ends_with('/')
            || matches!(destination.as_str(), "." | "..")
            || destination.ends_with("/.");
        let written = stage.absolute(&destination);
        context.budget.path(&stage.spec.files, &written)?;
        let mut absolute = links::real_path(&stage.spec.files, &written)?;
        context.budget.path(&stage.spec.files, &absolute)?;
        let is_directory =
            matches!(stage.spec.files.get(&absolute), Some(Entry { node: Node::Directory, .. }));
        if (is_folder || is_directory) && absolute != "/" {
            absolute.push('/');
        }
        let mut copy = Self {
            from: None,
            sources: Vec::new(),
            documents: Vec::new(),
            destination: absolute,
            mode: None,
            owner: None,
            parents: false,
            exclude: Ignore::default(),
            keep_packed: false,
            line: instruction.line,
        };
        for word in &words {
            match source::document_name(word) {
                Some(name) => copy
                    .documents
                    .push((name.clone(), document(instruction, &name, stage, context)?)),
                None => copy.sources.push(expand(word)?),
            }
        }
        instruction.flags_once(&["--exclude"])?;
        let mut excluded = String::new();
        for flag in &instruction.flags {
            let (name, value) = flag
                .split_once('=')
                .map_or((flag.as_str(), None), |(name, value)| (name, Some(value)));
            if name == "--exclude" {
                let pattern = expand(value.ok_or("--exclude has no value")?)?;
                excluded.push_str(&pattern);
                excluded.push('\n');
            } else {
                copy.option(instruction.keyword.as_str(), name, value, stage, context)?;
            }
        }
        copy.exclude = Ignore::parse(&excluded)?;
        if copy.sources.len() + copy.documents.len() > 1 && !copy.destination.ends_with('/') {
            return Err(
                "with several sources the destination is a folder: end it with a slash".into()
            );
        }
        Ok(copy)
    }

    /// Returns the paths or patterns to copy.
    pub(super) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Returns the destination, which ends with a slash if it is a directory.
    pub(super) fn destination(&self) -> &str {
        &self.destination
    }

    fn option(
        &mut self,
        keyword: &str,
        name: &str,
        value: Option<&str>,
        stage: &Stage,
        context: &Context,
    ) -> Result<(), Refusal> {
        let text = || {
            value.filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} has no value"))
        };
        let yes = || match value.map(str::to_ascii_lowercase).as_deref() {
            None | Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(format!("{name}={other}: expected true or false")),
        };
        match name {
            "--from" if keyword == "COPY" => {
                let from = text()?;
                if from.contains('$') {
                    let reason = "--from takes no variables: name a stage by FROM with the variable, and copy from that";
                    return Err(reason.into());
                }
                self.from = Some(from.to_owned());
            }
            "--chmod" => {
                let value = words::expand(text()?, context.escape, stage, &context.budget)?;
                let mode = u32::from_str_radix(&value, 8).ok().filter(|mode| *mode <= 0o7777);
                let refuse = || {
                    let reason =
                        format!("--chmod={value}: expected up to four octal digits, as in 0755");
                    // Since version 0.18, BuildKit also accepts the symbolic modes of chmod(1).
                    let is_in_words = value.contains(['+', '-', '=']);
                    if is_in_words {
                        Refusal::Unsupported(reason)
                    } else {
                        Refusal::Invalid(reason)
                    }
                };
                self.mode = Some(mode.ok_or_else(refuse)?);
            }
            "--chown" => {
                let value = words::expand(text()?, context.escape, stage, &context.budget)?;
                let owner = accounts::resolve(&stage.spec.files, &value);
                self.owner =
                    Some(owner.map_err(|reason| {
                        Refusal::Account(format!("--chown={value}: {reason}"))
                    })?);
            }
            // Separate layers do not matter here: everything becomes one layer.
            "--link" => drop(yes()?),
            "--parents" if keyword == "COPY" => self.parents = yes()?,
            "--unpack" if keyword == "ADD" => self.keep_packed = !yes()?,
            // These options concern network sources, which are refused anyway.
            "--checksum" | "--keep-git-dir" if keyword == "ADD" => {}
            other => return Err(format!("{other} is not supported").into()),
        }
        Ok(())
    }

    /// Copies from the context.
    pub(super) fn local(&self, stage: &mut Stage, context: &Context) -> Result<(), Refusal> {
        for (name, text) in &self.documents {
            let mut tree = Tree::default();
            let data = FileData::Bytes(text.as_bytes().into());
            let path = match self.destination.strip_suffix('/') {
                Some(folder) => format!("{folder}/{name}"),
                None => self.destination.clone(),
            };
            let entry = self.own(Entry::file(data, self.mode.unwrap_or(0o644)));
            tree.insert(&path, entry).map_err(|error| error.to_string())?;
            self.merge(stage, tree, &path, context)?;
        }
        for Found { path: source, relative, below } in self.resolve(context)? {
            let is_folder = source.is_dir();
            let destination = if self.parents {
                self.below_parents(&below, is_folder)
            } else {
                self.destination.clone()
            };
            let (mode, owner) = (self.mode, self.owner.unwrap_or_default());
            let addition = Addition { source, destination: destination.clone(), mode, owner };
            let mut tree = Tree::default();
            let wanted = |inner: &str| {
                let in_context = if relative.is_empty() {
                    inner.to_owned()
                } else {
                    format!("{relative}/{inner}")
                };
                context.ignore.wants(&in_context).and(self.exclude.wants(inner))
            };
            let name = addition
                .source
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let applied = addition.apply_filtered(&mut tree, &wanted);
            applied.map_err(|error| Refusal::Unsupported(error.to_string()))?;
            context.ignore.check()?;
            self.exclude.check()?;
            let is_into = !is_folder && destination.ends_with('/');
            let root = if is_into { format!("{destination}{name}") } else { destination };
            self.merge(stage, tree, &root, context)?;
        }
        Ok(())
    }

    /// Copies from an earlier stage.
    pub(super) fn stage_files(
        &self,
        stage: &mut Stage,
        files: &Tree,
        context: &Context,
    ) -> Result<(), Refusal> {
        for source in &self.sources {
            let (pivot, pattern) = self.pivot(source);
            let whole = normalize(&format!("{pivot}/{pattern}"));
            let matching: Vec<String> = if pattern::is_pattern(&whole) {
                let paths = files.iter().map(|(path, _)| path);
                paths
                    .filter(|path| pattern::matches(whole.trim_start_matches('/'), path))
                    .map(str::to_owned)
                    .collect()
            } else {
                vec![whole.trim_start_matches('/').to_owned()]
            };
            for path in matching {
                let real = links::real_path(files, &path)?;
                let Some(entry) = files.get(real.trim_start_matches('/')) else {
                    return Err(format!("{source} is not in that stage").into());
                };
                let name = path.rsplit('/').next().unwrap_or_default();
                let is_folder = matches!(entry.node, Node::Directory);
                let to = match self.destination.strip_suffix('/') {
                    _ if self.parents => {
                        let below = path
                            .strip_prefix(normalize(pivot).trim_start_matches('/'))
                            .unwrap_or(&path);
                        let to = self.below_parents(below, is_folder);
                        if is_folder { to } else { format!("{to}{name}") }
                    }
                    Some(folder) if !is_folder => format!("{folder}/{name}"),
                    _ => self.destination.clone(),
                };
                let copied = files.subtree(&real, &to).map_err(|error| error.to_string())?;
                let mut tree = Tree::default();
                let root = to.trim_matches('/');
                let inner = |at: &str| {
                    at.strip_prefix(root).unwrap_or_default().trim_start_matches('/').to_owned()
                };
                let is_wanted = |at: &str| self.exclude.wants(&inner(at)) == Wanted::Yes;
                let wanted: BTreeSet<&str> =
                    copied.iter().map(|(at, _)| at).filter(|at| is_wanted(at)).collect();
                for (at, entry) in copied.iter() {
                    let has_content = || {
                        let below = format!("{at}/");
                        wanted.range(&*below..).next().is_some_and(|path| path.starts_with(&below))
                    };
                    let is_root = inner(at).is_empty();
                    if (is_root && at != root)
                        || (!is_root && !wanted.contains(at) && !has_content())
                    {
                        continue;
                    }
                    let entry = self.own(entry.clone());
                    let mode = self.mode.filter(|_| !matches!(entry.node, Node::Symlink(_)));
                    let entry = mode.map_or(entry.clone(), |mode| entry.with_mode(mode));
                    tree.insert(at, entry).map_err(|error| error.to_string())?;
                }
                self.merge(stage, tree, &to, context)?;
            }
        }
        Ok(())
    }

    /// Adds the copied files at `root` to the stage. Missing directories get the owner in
    /// `--chown`. A directory at `root` stays unchanged; those below it are replaced by the copied
    /// ones.
    fn merge(
        &self,
        stage: &mut Stage,
        tree: Tree,
        root: &str,
        context: &Context,
    ) -> Result<(), String> {
        context.budget.files(&tree)?;
        let root = root.trim_matches('/');
        let files = &mut stage.spec.files;
        let failed = |error: scratchdbg_image::ImageError| error.to_string();
        let above = root.rsplit_once('/').map_or("", |(above, _)| above);
        for folder in missing(files, above) {
            files.insert(folder, self.own(Entry::directory())).map_err(failed)?;
            stage.origins.files.insert(folder.to_owned(), self.line);
        }
        let below = |path: &str| match path.strip_prefix(root) {
            Some(inner) => (root.is_empty() && !inner.is_empty()) || inner.starts_with('/'),
            None => false,
        };
        let mut folders = Vec::new();
        let mut copied = Tree::default();
        for (path, entry) in tree.iter() {
            if path != root && !below(path) {
                continue;
            }
            let mode =
                self.mode.filter(|_| matches!(entry.node, Node::Directory)).unwrap_or(entry.mode);
            let entry = Entry { mode, ..entry.clone() };
            if matches!(entry.node, Node::Directory) && path != root && files.get(path).is_some() {
                folders.push((path.to_owned(), entry.clone()));
            }
            if matches!(entry.node, Node::Directory) && path == root && files.get(path).is_some() {
                continue;
            }
            stage.origins.files.insert(path.to_owned(), self.line);
            copied.insert(path, entry).map_err(failed)?;
        }
        files.overlay(copied).map_err(failed)?;
        for (path, entry) in folders {
            files.insert(&path, entry).map_err(failed)?;
        }
        Ok(())
    }

    fn own(&self, entry: Entry) -> Entry {
        match self.owner {
            Some((uid, gid)) => Entry { uid, gid, ..entry },
            None => entry,
        }
    }

    /// Refuses sources that `ADD` would download or unpack.
    pub(super) fn refuse_what_add_would_unpack(&self, context: &Context) -> Result<(), Refusal> {
        let is_remote = |source: &&String| source.contains("://") || source.starts_with("git@");
        if let Some(source) = self.sources.iter().find(is_remote) {
            let reason = format!(
                "{source} is fetched from a network: fetch it yourself, check it, and COPY it"
            );
            return Err(Refusal::Unsupported(reason));
        }
        for Found { path, .. } in self.resolve(context)? {
            if !self.keep_packed && path.is_file() && is_archive(&path) {
                let reason = "is an archive, which ADD unpacks: unpack it yourself and COPY the result, or COPY it as it is";
                return Err(Refusal::Unsupported(format!("{} {reason}", path.display())));
            }
        }
        Ok(())
    }

    /// With `--parents`, the part of a source before `/./` is not created below the destination.
    fn pivot<'a>(&self, source: &'a str) -> (&'a str, &'a str) {
        if self.parents { source.split_once("/./").unwrap_or(("", source)) } else { ("", source) }
    }

    /// Returns the destination of a source whose directories are kept; for a file, a directory.
    fn below_parents(&self, below: &str, is_folder: bool) -> String {
        let base = self.destination.trim_end_matches('/');
        let below = below.trim_matches('/');
        let kept = if is_folder {
            below
        } else {
            below.rsplit_once('/').map_or("", |(folders, _)| folders)
        };
        normalize(&format!("{base}/{kept}")).trim_end_matches('/').to_owned() + "/"
    }
}
