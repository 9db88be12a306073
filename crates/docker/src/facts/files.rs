//! Reads single files for rules with the engine's archive API, which needs no shell and works on
//! stopped containers.

use std::io::{self, Read as _};
use std::ops::Range;
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
/// How much of a program is passed over to get at its dynamic section.
const MOST_PASSED: u64 = 512 << 20;
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

    /// Passes the bytes of a container's file to `visit` as they arrive, as long as it wants more.
    pub(super) async fn read_through(
        &self,
        container: &ContainerName,
        path: &str,
        mut visit: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Error> {
        self.expect_no_blocking_file(container).await?;
        let query =
            format!("/containers/{container}/archive?path={}", crate::files::percent_encode(path));
        let mut pieces =
            self.transport.stream(self.transport.request(Method::GET, &query, full(""))?).await?;
        while let Some(piece) = pieces.next().await {
            if !visit(&piece?) {
                break;
            }
        }
        Ok(())
    }

    async fn entry(&self, container: &ContainerName, want: &Want) -> Result<Option<Entry>, Error> {
        if want.path == "/" {
            return self.root(container).await;
        }
        let query = format!(
            "/containers/{container}/archive?path={}",
            crate::files::percent_encode(&want.path)
        );
        let stream =
            self.transport.stream(self.transport.request(Method::GET, &query, full(""))?);
        // The container may replace a file with a pipe at any moment.
        let stream = tokio::time::timeout(MAX_WAIT, stream).await;
        let mut pieces = match stream
            .unwrap_or_else(|_| Err(Error::transport(&query, "the engine does not read it")))
        {
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
        let mut part = (0, Vec::new());
        if let Some((place, range)) = missing_part(&archive, want.detail) {
            let (from, to) = (place + range.start, place + range.end);
            let mut position = archive.len() as u64;
            part = (range.start, tail(&archive, from, 0).to_vec());
            while position < to {
                let Some(piece) = pieces.next().await else { break };
                let piece = piece?;
                part.1.extend_from_slice(tail(&piece, from, position));
                position += piece.len() as u64;
            }
        }
        first_entry(&archive, want.detail, (part.0, &part.1))
            .map_err(|error| Error::transport(&query, error))
    }
}

/// Returns where the data of the archive's first entry begin, and which part of a program is needed
/// besides those that have arrived.
fn missing_part(archive: &[u8], detail: Detail) -> Option<(u64, Range<u64>)> {
    let mut tar = tar::Archive::new(archive);
    let entry = tar.entries().ok()?.next()?.ok()?;
    if detail != Detail::Program || !entry.header().entry_type().is_file() {
        return None;
    }
    let place = entry.raw_file_position();
    let head = archive.get(usize::try_from(place).ok()?..)?;
    let head = &head[..head.len().min(PROGRAM_HEAD)];
    let range = program::dynamic_part(head, entry.size())?;
    (range.start <= MOST_PASSED).then_some((place, range))
}

/// Returns the bytes from the offset `from` on, of bytes that begin at the offset `position`.
fn tail(bytes: &[u8], from: u64, position: u64) -> &[u8] {
    let start = usize::try_from(from.saturating_sub(position)).unwrap_or(usize::MAX);
    bytes.get(start..).unwrap_or_default()
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
/// `part` is a part of its data, with its offset.
fn first_entry(archive: &[u8], detail: Detail, part: (u64, &[u8])) -> io::Result<Option<Entry>> {
    let mut archive = tar::Archive::new(archive);
    let Some(entry) = archive.entries()?.next() else { return Ok(None) };
    let mut entry = entry?;
    let header = entry.header();
    let number = |value: io::Result<u64>| {
        value.ok().and_then(|value| u32::try_from(value).ok()).unwrap_or_default()
    };
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
        Entry::symlink(
            entry
                .link_name()?
                .map(|target| target.to_string_lossy().into_owned())
                .unwrap_or_default(),
        )
    } else if kind.is_file() || kind.is_hard_link() {
        file(&mut entry, mode, detail, part)?
    } else {
        Entry { kind: EntryKind::Special, ..Entry::file(mode, 0) }
    };
    Ok(Some(Entry {
        capabilities: capabilities.map(Vec::into_boxed_slice),
        ..result.owned_by(uid, gid)
    }))
}

fn file(
    entry: &mut tar::Entry<'_, &[u8]>,
    mode: u32,
    detail: Detail,
    part: (u64, &[u8]),
) -> io::Result<Entry> {
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
            Entry::program(mode, size, program::inspect_parts(&head, part, size))
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
        let read = |kind, size, data: &[u8], detail| {
            first_entry(&archive(kind, size, data), detail, (0, &[])).unwrap().unwrap()
        };
        let whole = read(tar::EntryType::Regular, 3, b"a:b", Detail::Content);
        assert_eq!((whole.uid, whole.gid, whole.mode), (7, 8, 0o4750));
        assert_eq!(
            whole.kind,
            EntryKind::File { size: 3, content: Some((*b"a:b").into()), program: None }
        );
        // Cut after the beginning: the entry still reports its full size.
        let cut = read(tar::EntryType::Regular, 5 << 20, b"#!/bin/sh\n", Detail::Program);
        let EntryKind::File { size, program: Some(Program::Script(_)), .. } = cut.kind else {
            panic!("{cut:?}")
        };
        assert_eq!(size, 5 << 20);
        assert!(read(tar::EntryType::Directory, 0, b"", Detail::Entry).is_directory());
        let link = read(tar::EntryType::Symlink, 0, b"", Detail::Entry);
        assert_eq!(link.kind, EntryKind::Symlink { target: "../x".into() });
        assert_eq!(first_entry(b"", Detail::Entry, (0, &[])).unwrap(), None);
    }

    /// The dynamic section of a large program is read too, wherever the pieces of the stream end.
    #[test]
    fn the_dynamic_section_of_a_large_program_is_wanted() {
        const SIZE: usize = 3 << 20;
        const DYNAMIC: u64 = 2 << 20;
        let word = |number: u64| number.to_le_bytes();
        let mut program =
            [&b"\x7fELF\x02\x01\x01"[..], &[0; 25], &word(64), &[0; 14], &[56, 0, 1, 0]].concat();
        program.resize(64, 0);
        program
            .extend([&[2, 0, 0, 0, 0, 0, 0, 0][..], &word(DYNAMIC), &[0; 16], &word(512)].concat());
        program.resize(SIZE, 0);
        let bytes = archive(tar::EntryType::Regular, SIZE as u64, &program);
        let arrived = &bytes[..PROGRAM_HEAD + HEADERS];
        let (place, range) = missing_part(arrived, Detail::Program).unwrap();
        assert_eq!(place, 512);
        assert!(range.start < DYNAMIC && range.end > DYNAMIC + 512, "{range:?}");
        assert_eq!(missing_part(arrived, Detail::Content), None);
        assert_eq!(
            missing_part(&bytes, Detail::Program),
            Some((place, range.clone())),
            "the head alone counts"
        );
        assert_eq!(missing_part(b"", Detail::Program), None);
        for (from, position, expected) in
            [(0, 0, "abc"), (1, 0, "bc"), (5, 4, "bc"), (4, 5, "abc"), (9, 0, "")]
        {
            assert_eq!(tail(b"abc", from, position), expected.as_bytes());
        }
    }
}
