//! Tools that a user adds to a toolkit: files and folders of this machine, or files of an image.
//!
//! They run where no other file of theirs is, so programs must be static. Only names and contents
//! get into the toolkit: owners and modes are always the same. Who may write to a file chooses what
//! runs in sessions, so files that everybody may write to are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::iter;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scratchdbg_image::Digest;

use super::{ExtraFile, Toolkit, ToolkitError, static_platform};
use crate::binary;

/// The most bytes of all tools of a toolkit, which are in memory while it is made.
pub const LARGEST: u64 = 256 << 20;
/// The most files and folders that are looked at.
const MOST: usize = 4096;
/// The longest path of a tool.
const LONGEST: usize = 255;
/// The folder of the tools in the image.
const BIN: &str = "/bin";
/// The programs of every toolkit, which sessions depend on.
const RESERVED: [&str; 3] = ["busybox", "run-entrypoint", "scratchdbg-launcher"];

/// The content of a file, and its mode: what has the same is one file.
type File = (Digest, u32);

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The path below the folder of the tools.
    pub name: String,
    /// The content.
    pub bytes: Arc<[u8]>,
    /// Whether it is a program. Otherwise it is a file that a program reads.
    pub is_program: bool,
    /// Where it is from, for messages.
    pub origin: String,
    /// More names of the same file.
    pub links: Vec<String>,
}

/// Reads tools: each file by its own name, each folder with everything in it but hidden files.
///
/// # Errors
///
/// Fails if something cannot be read, is no regular file, is too large, or may be written to by
/// everybody, and if a link leads out of its folder.
pub fn read(sources: &[PathBuf]) -> Result<Vec<Tool>, ToolkitError> {
    let mut reader = Reader { tools: Vec::new(), left: LARGEST, seen: 0 };
    for source in sources {
        let metadata = fs::metadata(source).map_err(|error| unreadable(source, error))?;
        refuse_shared_above(source)?;
        if metadata.is_dir() {
            reader.folder(source)?;
        } else {
            let name = source.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| unfit(source, "its name is no text", RENAME))?;
            reader.file(source, name, |_| true)?;
        }
    }
    Ok(reader.tools)
}

struct Reader {
    tools: Vec<Tool>,
    /// How many bytes may still be read.
    left: u64,
    /// How many files and folders were looked at.
    seen: usize,
}

impl Reader {
    fn file(
        &mut self,
        path: &Path,
        name: &str,
        is_program: impl FnOnce(&Metadata) -> bool,
    ) -> Result<(), ToolkitError> {
        let failed = |error| unreadable(path, error);
        let (file, metadata) = scratchdbg_files::open(path).map_err(failed)?;
        refuse_shared(path, &metadata)?;
        let mut bytes = Vec::new();
        // The file may grow while it is read.
        if metadata.len() <= self.left {
            file.take(self.left.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        }
        let size = metadata.len().max(bytes.len() as u64);
        self.left = self.left.checked_sub(size).ok_or_else(|| {
            let limit = LARGEST >> 20;
            unfit(path, format!("with it, there are more than {limit} MiB of tools"), FEWER)
        })?;
        self.tools.push(Tool {
            name: name.to_owned(),
            bytes: bytes.into(),
            is_program: is_program(&metadata),
            origin: path.display().to_string(),
            links: Vec::new(),
        });
        Ok(())
    }

    /// Reads a folder: links last, because they lead to its files.
    fn folder(&mut self, root: &Path) -> Result<(), ToolkitError> {
        let first = self.tools.len();
        let (mut folders, mut links) = (vec![(root.to_owned(), String::new())], Vec::new());
        while let Some((folder, below)) = folders.pop() {
            let failed = |error| unreadable(&folder, error);
            refuse_shared(&folder, &fs::metadata(&folder).map_err(failed)?)?;
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                self.seen += 1;
                if self.seen > MOST {
                    return Err(unfit(root, format!("there are more than {MOST} files"), FEWER));
                }
                let name = path.file_name().and_then(|name| name.to_str());
                let name = name.ok_or_else(|| unfit(&path, "its name is no text", RENAME))?;
                if name.starts_with('.') {
                    continue;
                }
                let name = format!("{below}{name}");
                let metadata =
                    fs::symlink_metadata(&path).map_err(|error| unreadable(&path, error))?;
                if metadata.is_dir() {
                    folders.push((path, format!("{name}/")));
                } else if metadata.is_symlink() {
                    links.push((path, name));
                } else {
                    self.file(&path, &name, |metadata| metadata.permissions().mode() & 0o111 != 0)?;
                }
            }
        }
        let real = fs::canonicalize(root).map_err(|error| unreadable(root, error))?;
        for (path, name) in links {
            let leads_to = fs::canonicalize(&path).map_err(|error| unreadable(&path, error))?;
            let below = leads_to.strip_prefix(&real).ok().and_then(Path::to_str);
            let file = self.tools[first..].iter_mut().find(|tool| Some(&*tool.name) == below);
            let file = file.ok_or_else(|| {
                let reason =
                    format!("it leads to {}, which is no file of this folder", leads_to.display());
                unfit(&path, reason, "put the file itself there")
            })?;
            file.links.push(name);
        }
        if self.tools.len() == first {
            return Err(unfit(root, "the folder has no files", "name a folder with programs"));
        }
        Ok(())
    }
}

const RENAME: &str = "give it a name of letters, digits and any of . _ + - @ [";
const FEWER: &str = "name the programs that you need, and not their whole folder";
const NOT_STATIC: &str = "a tool runs among the target's files, without files of its own: give a static build of it \
    (Go: CGO_ENABLED=0, Rust: a musl target, C: -static), or an image that has it with its libraries: --toolkit IMAGE";

impl Toolkit {
    /// Adds tools to the toolkit images that are made with it, beside busybox, and in the place of
    /// its applets of the same names. Neither the order nor what is a link matters: a content that
    /// has several names is one file.
    ///
    /// # Errors
    ///
    /// Fails if a program is not static or of another platform than busybox, and if a name cannot
    /// be, or is that of another tool.
    pub fn with_tools(self, tools: Vec<Tool>) -> Result<Self, ToolkitError> {
        let mut contents: BTreeMap<File, Arc<[u8]>> = BTreeMap::new();
        let mut owners: BTreeMap<String, File> = BTreeMap::new();
        for there in &*self.tools {
            let file = (Digest::of(&there.bytes), there.mode);
            owners.extend(
                iter::once(&there.path).chain(&there.links).map(|path| (path.clone(), file)),
            );
            contents.insert(file, Arc::clone(&there.bytes));
        }
        for tool in tools {
            self.check(&tool)?;
            let file = (Digest::of(&tool.bytes), if tool.is_program { 0o755 } else { 0o644 });
            for name in iter::once(&tool.name).chain(&tool.links) {
                if *owners.entry(format!("{BIN}/{name}")).or_insert(file) != file {
                    let reason = format!("there is another tool of the name {name}");
                    return Err(unfit(&tool.origin, reason, "name one of them"));
                }
            }
            contents.insert(file, tool.bytes);
        }
        let mut names: BTreeMap<File, Vec<String>> = BTreeMap::new();
        for (name, file) in owners {
            names.entry(file).or_default().push(name);
        }
        let grouped = names.into_iter().filter_map(|(file, mut links)| {
            let (path, bytes) = (links.remove(0), contents.remove(&file)?);
            Some(ExtraFile { path, mode: file.1, bytes, links })
        });
        let mut tools: Vec<_> = grouped.collect();
        tools.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { tools: tools.into(), ..self })
    }

    /// Returns the toolkit without the tools that were added.
    #[must_use]
    pub fn without_tools(self) -> Self {
        Self { tools: Arc::from([]), ..self }
    }

    /// The names of the tools that were added, sorted.
    pub fn tool_names(&self) -> BTreeSet<&str> {
        let names = self.tools.iter().flat_map(|file| iter::once(&file.path).chain(&file.links));
        names.map(|path| path.trim_start_matches("/bin/")).collect()
    }

    fn check(&self, tool: &Tool) -> Result<(), ToolkitError> {
        for name in iter::once(&tool.name).chain(&tool.links) {
            if RESERVED.contains(&&**name) {
                let reason = format!("every toolkit has a `{name}` of its own");
                return Err(unfit(&tool.origin, reason, "--toolkit PATH uses another busybox"));
            }
            if !is_name(name) {
                let reason = format!("`{}` cannot be the name of a tool", name.escape_debug());
                return Err(unfit(&tool.origin, reason, RENAME));
            }
        }
        if !tool.is_program {
            return Ok(());
        }
        let platform = static_platform(&tool.bytes)
            .map_err(|reason| unfit(&tool.origin, reason, NOT_STATIC))?;
        if !binary::runs(&self.platform, &platform) {
            let reason = format!("it is for {platform}, and busybox for {}", self.platform);
            let hint =
                "give a program for the platform of busybox; --toolkit PATH names another busybox";
            return Err(unfit(&tool.origin, reason, hint));
        }
        Ok(())
    }
}

/// Whether a path below the folder of the tools means the same to everybody: to tar, a shell and
/// the user.
fn is_name(path: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| {
            first.is_ascii_alphanumeric() || first == '_' || first == '['
        }) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-@[".contains(&byte))
    };
    path.len() <= LONGEST && path.split('/').all(is_part)
}

/// Refuses what everybody on this machine may write to.
fn refuse_shared(path: &Path, metadata: &Metadata) -> Result<(), ToolkitError> {
    if metadata.permissions().mode() & 0o002 == 0 {
        return Ok(());
    }
    let hint = "`chmod o-w` on it changes that, or make a copy in a folder of your own";
    Err(unfit(path, "everybody may write to it, and so choose what runs in your sessions", hint))
}

/// Refuses a path below a folder in which everybody may put something else in its place: what is
/// named, and where it leads. In a folder with the sticky bit, that is true for the entries of
/// other users.
fn refuse_shared_above(source: &Path) -> Result<(), ToolkitError> {
    let failed = |error| unreadable(source, error);
    let own = fs::metadata("/proc/self").map_err(failed)?.uid();
    for path in [std::path::absolute(source), fs::canonicalize(source)] {
        let path = path.map_err(failed)?;
        for (entry, folder) in path.ancestors().zip(path.ancestors().skip(1)) {
            let facts = fs::metadata(folder).map_err(failed)?;
            let owner = fs::symlink_metadata(entry).map_err(failed)?.uid();
            let is_sticky = facts.mode() & 0o1000 != 0;
            if !is_sticky || ![0, own].contains(&owner) {
                refuse_shared(folder, &facts)?;
            }
        }
    }
    Ok(())
}

fn unreadable(path: &Path, source: io::Error) -> ToolkitError {
    ToolkitError::Read { path: path.to_owned(), source }
}

fn unfit(origin: impl AsRef<Path>, reason: impl Into<String>, hint: &'static str) -> ToolkitError {
    let origin = origin.as_ref().display().to_string();
    ToolkitError::NoTool { origin, reason: reason.into(), hint }
}

#[cfg(test)]
mod tests;
