//! Writes a file or a folder to a stream.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::folder::Folder;
use crate::{Count, Entry, Error, Kind, Note, Writer};

/// Files up to this size are read before they are announced. The kernel states no size, or a wrong
/// one, for files that it makes up as they are read, such as those in `/proc`.
const READ_FIRST: u64 = 1 << 20;

/// How much of a larger file is in memory.
const BUFFER: usize = 128 << 10;

/// How deep folders are copied. Each takes a file descriptor and a part of the stack.
const DEEPEST: usize = 512;

/// How a tree is read.
#[derive(Debug, Clone, Default)]
pub struct Packing {
    /// Copy what the source leads to, where it is a link.
    pub follow: bool,
    /// How the root of the stream is called.
    pub root: Root,
    /// Owner and group of everything, in the place of those that it has.
    pub owner: Option<(u32, u32)>,
    /// Leave the set-user-id and set-group-id bits out.
    pub drops_set_ids: bool,
    /// Folders that are left out, unless one is the source.
    pub without: Vec<PathBuf>,
}

/// How the file or folder is called that a stream is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Root {
    /// By its own name.
    #[default]
    Own,
    /// By this name.
    Named(OsString),
    /// The empty name. The source has to be a folder.
    Empty,
    /// Not at all: only what is in the folder is in the stream.
    Absent,
}

/// Writes a file, a folder or a link to a stream.
///
/// What cannot be read is left out with a note, as long as it is not the source itself.
///
/// # Errors
///
/// Fails if the source cannot be read, or the stream cannot be written.
pub fn pack(
    source: &Path,
    how: &Packing,
    out: impl Write,
    note: &mut dyn FnMut(Note),
) -> Result<Count, Error> {
    let failed = |error| Error::file("read", source)(error);
    let mut packer = Packer { writer: Writer::new(out), how, count: Count::default(), note };
    let is_contents = matches!(how.root, Root::Empty | Root::Absent);
    let facts =
        if how.follow || is_contents { fs::metadata(source) } else { fs::symlink_metadata(source) };
    let facts = facts.map_err(failed)?;
    if facts.is_dir() {
        let folder = Folder::open(source).map_err(failed)?;
        let path = if is_contents { PathBuf::new() } else { packer.root(source)?.into() };
        let real = fs::canonicalize(source).map_err(failed)?;
        packer.folder(&folder, &path, &facts, &real, true)?;
    } else if is_contents {
        return Err(Error::Place(format!("{} is not a folder", source.display())));
    } else {
        let real =
            if how.follow { fs::canonicalize(source).map_err(failed)? } else { source.to_owned() };
        let (name, real_name) = (packer.root(source)?, name_of(&real)?);
        let parent = real.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = Folder::open(parent.unwrap_or(Path::new("."))).map_err(failed)?;
        packer.leaf(&parent, &real_name, Path::new(&name), &facts, Some(source))?;
    }
    let Packer { writer, count, .. } = packer;
    writer.finish()?;
    Ok(count)
}

/// Returns the name that a source has in the stream. `..` has that of the folder that it means.
fn name_of(source: &Path) -> Result<OsString, Error> {
    if let Some(name) = source.file_name() {
        return Ok(name.to_owned());
    }
    let real = fs::canonicalize(source).map_err(Error::file("read", source))?;
    Ok(real.file_name().unwrap_or(OsStr::new("root")).to_owned())
}

struct Packer<'a, W> {
    writer: Writer<W>,
    how: &'a Packing,
    count: Count,
    note: &'a mut dyn FnMut(Note),
}

impl<W: Write> Packer<'_, W> {
    /// Writes a folder, and everything in it. `real` is its path, for what is left out.
    fn folder(
        &mut self,
        folder: &Folder,
        path: &Path,
        facts: &Metadata,
        real: &Path,
        is_source: bool,
    ) -> Result<(), Error> {
        let list = match folder.list() {
            Ok(list) => list,
            Err(error) if is_source => return Err(Error::file("read", real)(error)),
            Err(error) => {
                self.miss(path, &error);
                return Ok(());
            }
        };
        if self.how.root != Root::Absent || !is_source {
            self.entry(path, Kind::Folder, facts)?;
            self.count.others += 1;
        }
        for found in list {
            let name = match found {
                Ok(found) => found.file_name(),
                Err(error) => {
                    self.miss(path, &error);
                    break;
                }
            };
            let (inner, inner_real) = (path.join(&name), real.join(&name));
            let facts = match fs::symlink_metadata(folder.path(&name)) {
                Ok(facts) => facts,
                // It was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.miss(&inner, &error);
                    continue;
                }
            };
            if !facts.is_dir() {
                self.leaf(folder, &name, &inner, &facts, None)?;
            } else if inner.iter().count() > DEEPEST {
                let reason = format!("it is more than {DEEPEST} folders deep");
                (self.note)(Note::Missed(inner, reason));
            } else if self.how.without.contains(&inner_real) {
                (self.note)(Note::LeftOut(inner_real, "a filesystem of the kernel"));
            } else {
                match folder.enter(&name) {
                    Ok(entered) => self.folder(&entered, &inner, &facts, &inner_real, false)?,
                    Err(error) => self.miss(&inner, &error),
                }
            }
        }
        Ok(())
    }

    /// Writes what is no folder. Fails for a `source` that cannot be read.
    fn leaf(
        &mut self,
        folder: &Folder,
        name: &OsStr,
        path: &Path,
        facts: &Metadata,
        source: Option<&Path>,
    ) -> Result<(), Error> {
        let kind = facts.file_type();
        let outcome = if kind.is_symlink() {
            fs::read_link(folder.path(name)).map(Found::Link)
        } else if kind.is_file() {
            open(folder, name)
        } else {
            Ok(Found::Other)
        };
        match (outcome, source) {
            (Ok(Found::Link(target)), _) => {
                self.entry(path, Kind::Link(target), facts)?;
                self.count.others += 1;
                Ok(())
            }
            (Ok(Found::Small(bytes)), _) => {
                let size = bytes.len() as u64;
                self.entry(path, Kind::File(size), facts)?;
                self.writer.data(&bytes)?;
                self.counted(size);
                Ok(())
            }
            (Ok(Found::Large(file, size)), _) => {
                self.entry(path, Kind::File(size), facts)?;
                self.data(file, size, path)?;
                self.counted(size);
                Ok(())
            }
            (Ok(Found::Other), Some(source)) => Err(Error::Place(format!(
                "{} is neither a file nor a folder nor a link",
                source.display()
            ))),
            (Ok(Found::Other), None) => {
                (self.note)(Note::LeftOut(path.to_owned(), "a device, a pipe or a socket"));
                Ok(())
            }
            (Err(error), Some(source)) => Err(Error::file("read", source)(error)),
            (Err(error), None) => {
                self.miss(path, &error);
                Ok(())
            }
        }
    }

    fn root(&self, source: &Path) -> Result<OsString, Error> {
        match &self.how.root {
            Root::Named(name) => Ok(name.clone()),
            _ => name_of(source),
        }
    }

    fn entry(&mut self, path: &Path, kind: Kind, facts: &Metadata) -> Result<(), Error> {
        let (uid, gid) = self.how.owner.unwrap_or((facts.uid(), facts.gid()));
        self.writer.entry(&Entry {
            path: path.to_owned(),
            kind,
            mode: facts.mode() & if self.how.drops_set_ids { 0o1777 } else { 0o7777 },
            uid,
            gid,
            mtime: facts.mtime(),
        })
    }

    fn counted(&mut self, size: u64) {
        (self.count.files, self.count.bytes) = (self.count.files + 1, self.count.bytes + size);
    }

    /// Writes as many bytes as were announced. A file that has become shorter breaks the stream.
    fn data(&mut self, mut file: File, size: u64, path: &Path) -> Result<(), Error> {
        let mut buffer = vec![0; BUFFER];
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let count = match file.read(&mut buffer[..most]) {
                Ok(0) => {
                    let shown = path.display();
                    return Err(Error::Place(format!("{shown} became shorter while it was read")));
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::file("read", path)(error)),
            };
            self.writer.data(&buffer[..count])?;
            left -= count as u64;
        }
        Ok(())
    }

    fn miss(&mut self, path: &Path, error: &io::Error) {
        (self.note)(Note::Missed(path.to_owned(), crate::error::plain(error)));
    }
}

/// What is read of something that is no folder.
enum Found {
    Link(PathBuf),
    Small(Vec<u8>),
    Large(File, u64),
    Other,
}

fn open(folder: &Folder, name: &OsStr) -> io::Result<Found> {
    let file = folder.file(name)?;
    // Another file may have this name by now.
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Ok(Found::Other);
    }
    if facts.len() > READ_FIRST {
        return Ok(Found::Large(file, facts.len()));
    }
    let mut bytes = Vec::new();
    (&file).take(READ_FIRST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 <= READ_FIRST {
        return Ok(Found::Small(bytes));
    }
    // It grows. What it had when it was opened is what is copied, unless it is made up while it is
    // read.
    match facts.len() {
        0 => Err(io::Error::other("it has no end")),
        size => {
            bytes.truncate(usize::try_from(size).unwrap_or(0));
            Ok(Found::Small(bytes))
        }
    }
}
