//! Writes a stream to a folder.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use crate::chain::{Chain, dress, make};
use crate::entry::leads_out;
use crate::folder::Folder;
use crate::pending::{PendingFile, replace};
use crate::place::Rest;
use crate::read::of_input;
use crate::{Count, Entry, Error, Kind, Note, Place, Reader};

/// How much of a file is in memory.
const BUFFER: usize = 128 << 10;

/// How a stream is written.
#[derive(Debug, Clone, Default)]
pub struct Unpacking {
    /// The stream is not one file or folder, but anything: its paths are those in the place, which
    /// is a folder.
    pub is_any: bool,
    /// The folder of the stream stands for the place, whatever it is called.
    pub is_contents: bool,
    /// What the stream is asked for has this name, whatever the stream calls it. Otherwise whoever
    /// makes the stream chooses what is replaced in a folder.
    pub name: Option<OsString>,
    /// Owner and group are those of the stream. Otherwise they are those of who writes.
    pub keeps_owner: bool,
}

/// Writes a stream to a place, file by file, each whole or not at all.
///
/// # Errors
///
/// Fails at the first file that cannot be written, and at everything in the stream that does not
/// belong to what was asked for. What was written until then stays.
pub fn unpack(
    stream: impl Read,
    place: Place,
    how: Unpacking,
    note: &mut dyn FnMut(Note),
) -> Result<Count, Error> {
    let mut reader = Reader::new(stream);
    let mut count = Count::default();
    let Some(first) = reader.next_entry()? else {
        return if how.is_any { Ok(count) } else { Err(Error::Cut) };
    };
    if how.is_any {
        if place.rest != Rest::Inside {
            let shown = place.shown.display();
            return Err(Error::Place(format!(
                "{shown} is not a folder, into which an archive goes"
            )));
        }
        let chain = Chain::new(place.folder, None, how.keeps_owner);
        return entries(first, Path::new(""), chain, &mut reader, &how, count, note);
    }
    let root = first.path.clone();
    if root.iter().count() > 1 {
        return Err(unasked(&root));
    }
    let is_folder = first.kind == Kind::Folder;
    if how.is_contents && !is_folder {
        return Err(unasked(&root));
    }
    let own_name = how.name.as_deref().or(root.file_name()).filter(|_| !how.is_contents);
    let (folder, name) = match (place.rest, own_name) {
        (Rest::Inside, None) => (place.folder, None),
        (Rest::Inside, Some(name)) => (place.folder, Some(name.to_owned())),
        (Rest::File(name), _) if !is_folder => (place.folder, Some(name)),
        (Rest::File(_), _) => {
            let shown = place.shown.display();
            return Err(Error::Place(format!("cannot copy a folder to {shown}, which is a file")));
        }
        (Rest::New { is_folder: true, .. }, _) if !is_folder => {
            let shown = place.shown.display();
            return Err(Error::Place(format!("the folder {shown} does not exist")));
        }
        (Rest::New { name, .. }, _) => (place.folder, Some(name)),
    };
    if is_folder {
        count.others += 1;
        let (root_folder, made_as) = match name {
            None => (folder, None),
            Some(name) => enter_or_make(&folder, &name, &first)?,
        };
        let chain = Chain::new(root_folder, made_as, how.keeps_owner);
        return match next(&mut reader, &root)? {
            Some(first) => entries(first, &root, chain, &mut reader, &how, count, note),
            None => chain.finish().map(|()| count),
        };
    }
    let Some(name) = name else { return Err(unasked(&root)) };
    if let Kind::Link(target) = &first.kind {
        // Whoever opens the copy opens what this leads to on the machine that the copy is on.
        note(Note::LeadsOut(PathBuf::from(&name), target.clone()));
    }
    let shown = if place.shown.is_dir() { place.shown.join(&name) } else { place.shown };
    write(&folder, &name, &shown, &first, None, &mut reader, &how, &mut count, note)?;
    match reader.next_entry()? {
        None => Ok(count),
        Some(further) => Err(unasked(&further.path)),
    }
}

/// Writes the entries of a folder, from the first one on.
fn entries<R: Read>(
    first: Entry,
    root: &Path,
    mut chain: Chain,
    reader: &mut Reader<R>,
    how: &Unpacking,
    mut count: Count,
    note: &mut dyn FnMut(Note),
) -> Result<Count, Error> {
    let mut entry = Some(first);
    while let Some(current) = entry.take() {
        match &current.kind {
            _ if current.path.as_os_str().is_empty() => {}
            Kind::Folder => {
                chain.folder(current)?;
                count.others += 1;
            }
            kind => {
                let (Some(name), Some(parent)) = (current.path.file_name(), current.path.parent())
                else {
                    return Err(unasked(&current.path));
                };
                if let Kind::Link(target) = kind
                    && leads_out(&current.path, target)
                {
                    note(Note::LeadsOut(current.path.clone(), target.clone()));
                }
                let same = match kind {
                    Kind::SameAs(path) => {
                        let path = below(path, root)?;
                        let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
                            return Err(unasked(&path));
                        };
                        Some(chain.go_to(parent)?.path(name)).filter(|path| is_file(path))
                    }
                    _ => None,
                };
                // The folder of the other name has to stay open: this path leads through it.
                let held = same.as_deref().map(hold).transpose();
                let held = held.map_err(Error::file("link to", &current.path))?;
                let folder = chain.go_to(parent)?;
                let shown = &current.path;
                write(folder, name, shown, &current, held.as_ref(), reader, how, &mut count, note)?;
            }
        }
        entry = next(reader, root)?;
    }
    chain.finish()?;
    Ok(count)
}

/// Returns the next entry, with its path below the root of the stream.
fn next<R: Read>(reader: &mut Reader<R>, root: &Path) -> Result<Option<Entry>, Error> {
    let Some(mut entry) = reader.next_entry()? else { return Ok(None) };
    entry.path = below(&entry.path, root)?;
    Ok(Some(entry))
}

pub(crate) fn below(path: &Path, root: &Path) -> Result<PathBuf, Error> {
    path.strip_prefix(root).map(Path::to_owned).map_err(|_| unasked(path))
}

pub(crate) fn unasked(path: &Path) -> Error {
    Error::Refused(format!("`{}` is in the stream, which nobody asked for", path.display()))
}

fn enter_or_make(
    parent: &Folder,
    name: &OsStr,
    entry: &Entry,
) -> Result<(Folder, Option<Entry>), Error> {
    match parent.enter(name) {
        Ok(folder) => Ok((folder, None)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = make(parent, name, true);
            let made = made.map_err(Error::file("make the folder", Path::new(name)))?;
            Ok((made, Some(entry.clone())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(Error::Place(format!(
            "cannot put a folder in the place of {}, which is none",
            name.display()
        ))),
        Err(error) => Err(Error::file("open the folder", Path::new(name))(error)),
    }
}

/// Whether a regular file is there, and not a link to one.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// A file that gets one more name: its folder, and the name in it.
struct Held {
    folder: Folder,
    name: OsString,
}

fn hold(path: &Path) -> io::Result<Held> {
    let (Some(name), Some(folder)) = (path.file_name(), path.parent()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // The path is one of `/proc/self/fd`: this opens the same folder once more.
    Ok(Held { folder: Folder::open(folder)?, name: name.to_owned() })
}

/// Writes a file or a link.
#[expect(clippy::too_many_arguments, reason = "two callers, and no state between the calls")]
fn write<R: Read>(
    folder: &Folder,
    name: &OsStr,
    shown: &Path,
    entry: &Entry,
    same: Option<&Held>,
    reader: &mut Reader<R>,
    how: &Unpacking,
    count: &mut Count,
    note: &mut dyn FnMut(Note),
) -> Result<(), Error> {
    let failed = |error| Error::file("write", shown)(error);
    match &entry.kind {
        Kind::File(size) => {
            let mut pending = PendingFile::new(folder, how.keeps_owner).map_err(failed)?;
            fill(&mut pending.file, *size, reader, shown)?;
            dress(&pending.file, entry, how.keeps_owner).map_err(failed)?;
            pending.finish(name).map_err(failed)?;
            (count.files, count.bytes) = (count.files + 1, count.bytes + size);
        }
        Kind::Link(target) => {
            let make = |temporary: &OsStr| {
                let path = folder.path(temporary);
                std::os::unix::fs::symlink(target, &path)?;
                if how.keeps_owner {
                    lchown(&path, Some(entry.uid), Some(entry.gid))?;
                }
                Ok(())
            };
            replace(folder, name, make).map_err(failed)?;
            count.others += 1;
        }
        Kind::SameAs(path) => {
            let Some(same) = same else {
                note(Note::Missed(
                    shown.to_owned(),
                    format!("{}, whose other name it is, is not there", path.display()),
                ));
                return Ok(());
            };
            let make = |temporary: &OsStr| {
                fs::hard_link(same.folder.path(&same.name), folder.path(temporary))
            };
            replace(folder, name, make).map_err(failed)?;
            count.others += 1;
        }
        Kind::Special => note(Note::LeftOut(shown.to_owned(), "a device, a pipe or a socket")),
        Kind::Folder => {}
    }
    Ok(())
}

fn fill<R: Read>(
    file: &mut fs::File,
    size: u64,
    reader: &mut Reader<R>,
    shown: &Path,
) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER.min(usize::try_from(size).unwrap_or(BUFFER))];
    let mut left = size;
    while left > 0 {
        match reader.read(&mut buffer) {
            Ok(count) => {
                file.write_all(&buffer[..count]).map_err(Error::file("write", shown))?;
                left -= count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(of_input(error)),
        }
    }
    Ok(())
}
