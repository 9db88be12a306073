//! Reads single files for rules with the engine's archive API, which needs no shell and works on
//! stopped containers.

use std::io::{self, Read as _};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use hyper::Method;
use scratchdbg_backend::{ContainerRecord, Found};
use scratchdbg_diagnose::container::Phase;
use scratchdbg_diagnose::mounts::{self, MountKind};
use scratchdbg_diagnose::program;
use scratchdbg_diagnose::rootfs::{Detail, Entry, EntryKind, Want};

use crate::transport::full;
use crate::{ContainerName, Engine, Error};

/// Room for the headers before a file's data, including extended attributes.
const HEADERS: usize = 16 << 10;
/// How much of a program is read: enough to decide whether it starts.
const PROGRAM_HEAD: usize = 1 << 20;
/// How long the engine may take to send the beginning of a file.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The extended attribute with file capabilities, in the spelling of pax records.
const CAPABILITIES: &str = "SCHILY.xattr.security.capability";

impl Engine {
    /// Looks up the paths that rules ask for. Returns `None` where the lookup would create
    /// directories on this machine.
    pub(super) async fn look_up_paths(
        &self,
        record: &ContainerRecord,
        wanted: &[Want],
    ) -> Result<Option<Vec<Found>>, Error> {
        let container = &record.id.parse::<ContainerName>()?;
        let is_asked = |want: &Want| hidden(record, &want.path).is_none();
        if wanted.iter().any(is_asked) && self.reading_creates_folders(record).await {
            return Ok(None);
        }
        if wanted.iter().any(is_asked) {
            self.expect_no_blocking_file(container).await?;
        }
        let answers = wanted.iter().map(async |want| match hidden(record, &want.path) {
            Some(found) => Ok(found),
            None => Ok(self.entry(container, want).await?.map_or(Found::Absent, Found::Entry)),
        });
        join_all(answers).await.into_iter().collect::<Result<_, Error>>().map(Some)
    }

    /// Checks that the root directory exists, and reads no more of it.
    async fn root(&self, container: &ContainerName) -> Result<Option<Entry>, Error> {
        let query = format!("/containers/{container}/archive?path=/");
        match self.transport.send(self.transport.request(Method::GET, &query, full(""))?).await {
            // The rest is the whole file system: do not read it.
            Ok(_) => Ok(Some(Entry::directory(0o755))),
            Err(error) if error.is_status(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Passes the bytes of a container's file to `visit` as they arrive, without the archive's
    /// headers.
    pub(super) async fn read_through(
        &self,
        container: &ContainerName,
        path: &str,
        mut visit: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        self.expect_no_blocking_file(container).await?;
        let query = format!("/containers/{container}/archive?path={}", crate::files::percent_encode(path));
        let mut pieces = self.transport.stream(self.transport.request(Method::GET, &query, full(""))?).await?;
        while let Some(piece) = pieces.next().await {
            visit(&piece?);
        }
        Ok(())
    }

    async fn entry(&self, container: &ContainerName, want: &Want) -> Result<Option<Entry>, Error> {
        if want.path == "/" {
            return self.root(container).await;
        }
        let query = format!("/containers/{container}/archive?path={}", crate::files::percent_encode(&want.path));
        let stream = self.transport.stream(self.transport.request(Method::GET, &query, full(""))?);
        // The container may replace a file with a pipe at any moment.
        let stream = tokio::time::timeout(MAX_WAIT, stream).await;
        let mut pieces = match stream.unwrap_or_else(|_| Err(Error::transport(&query, "the engine does not read it"))) {
            Ok(pieces) => pieces,
            Err(error) if error.is_status(404) => return Ok(None),
            // "not a directory": a parent is a file.
            Err(Error::Api(error)) if error.message.contains("not a directory") => return Ok(None),
            Err(error) => return Err(error),
        };
        let enough = HEADERS
            + match want.detail {
                Detail::Entry => 0,
                Detail::Content => usize::try_from(Want::MAX_CONTENT).unwrap_or(PROGRAM_HEAD),
                Detail::Program => PROGRAM_HEAD,
            };
        let mut archive = Vec::new();
        // The engine sends a directory with everything in it. Stop once enough bytes have arrived.
        while archive.len() < enough {
            match pieces.next().await {
                Some(piece) => archive.extend_from_slice(&piece?),
                None => break,
            }
        }
        first_entry(&archive, want.detail).map_err(|error| Error::transport(&query, error))
    }
}

/// Returns what is known of a path without a request: the engine's archive API does not see the
/// content of a tmpfs.
fn hidden(record: &ContainerRecord, path: &str) -> Option<Found> {
    let mount = mounts::over(&record.facts.mounts, path)?;
    if mount.kind != MountKind::Tmpfs || mount.copies_up {
        return None;
    }
    Some(if !mount.is_above(path) {
        Found::Entry(Entry::directory(0o1777))
    } else if record.facts.state.phase == Phase::Running {
        // The program may have created it.
        Found::Unknown
    } else {
        Found::Absent
    })
}

/// Returns the first entry of an archive that may be cut after it.
fn first_entry(archive: &[u8], detail: Detail) -> io::Result<Option<Entry>> {
    let mut archive = tar::Archive::new(archive);
    let Some(entry) = archive.entries()?.next() else { return Ok(None) };
    let mut entry = entry?;
    let header = entry.header();
    let number = |value: io::Result<u64>| value.ok().and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let (mode, uid, gid) = (header.mode()? & 0o7777, number(header.uid()), number(header.gid()));
    let kind = header.entry_type();
    let mut capabilities = None;
    if let Some(extensions) = entry.pax_extensions()? {
        let found = extensions.flatten().find(|extension| extension.key() == Ok(CAPABILITIES));
        capabilities = found.map(|extension| extension.value_bytes().to_vec());
    }
    let result = if kind.is_dir() {
        Entry::directory(mode)
    } else if kind.is_symlink() {
        Entry::symlink(entry.link_name()?.map(|target| target.to_string_lossy().into_owned()).unwrap_or_default())
    } else if kind.is_file() || kind.is_hard_link() {
        file(&mut entry, mode, detail)?
    } else {
        Entry { kind: EntryKind::Special, ..Entry::file(mode, 0) }
    };
    Ok(Some(Entry { capabilities: capabilities.map(Vec::into_boxed_slice), ..result.owned_by(uid, gid) }))
}

fn file(entry: &mut tar::Entry<'_, &[u8]>, mode: u32, detail: Detail) -> io::Result<Entry> {
    let size = entry.size();
    Ok(match detail {
        Detail::Content if size <= Want::MAX_CONTENT => {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            Entry::content(mode, content)
        }
        Detail::Program => {
            let mut head = Vec::new();
            entry.take(PROGRAM_HEAD as u64).read_to_end(&mut head)?;
            Entry::program(mode, size, program::inspect_head(&head, size))
        }
        Detail::Content | Detail::Entry => Entry::file(mode, size),
    })
}

#[cfg(test)]
mod tests {
    use scratchdbg_diagnose::program::Program;

    use super::*;

    fn archive(kind: tar::EntryType, size: u64, data: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.set_path("app").unwrap();
        header.set_entry_type(kind);
        header.set_mode(0o4750);
        header.set_uid(7);
        header.set_gid(8);
        header.set_size(size);
        if kind.is_symlink() {
            header.set_link_name("../x").unwrap();
        }
        header.set_cksum();
        [header.as_bytes(), data].concat()
    }

    #[test]
    fn the_first_entry_is_enough() {
        let read = |kind, size, data: &[u8], detail| first_entry(&archive(kind, size, data), detail).unwrap().unwrap();
        let whole = read(tar::EntryType::Regular, 3, b"a:b", Detail::Content);
        assert_eq!((whole.uid, whole.gid, whole.mode), (7, 8, 0o4750));
        assert_eq!(whole.kind, EntryKind::File { size: 3, content: Some((*b"a:b").into()), program: None });
        // Cut after the beginning: the entry still reports its full size.
        let cut = read(tar::EntryType::Regular, 5 << 20, b"#!/bin/sh\n", Detail::Program);
        let EntryKind::File { size, program: Some(Program::Script(_)), .. } = cut.kind else { panic!("{cut:?}") };
        assert_eq!(size, 5 << 20);
        assert!(read(tar::EntryType::Directory, 0, b"", Detail::Entry).is_directory());
        let link = read(tar::EntryType::Symlink, 0, b"", Detail::Entry);
        assert_eq!(link.kind, EntryKind::Symlink { target: "../x".into() });
        assert_eq!(first_entry(b"", Detail::Entry).unwrap(), None);
    }
}
