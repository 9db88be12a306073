//! Copies from platforms that lie or fail.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use scratchdbg_archive::{Entry, Kind, Writer};
use scratchdbg_backend::{ArchiveBackend, BoxError, ContainerName, Error, ErrorKind, PathFacts};

use crate::{Copy, Outcome, Streams, by_archive};

type Piece = Result<bytes::Bytes, Error>;

/// A folder, and what was written to it.
type Received = (String, Vec<u8>);

/// A platform that sends these pieces, whatever is asked.
#[derive(Clone)]
struct Lying {
    sends: Vec<Piece>,
    folders: &'static [&'static str],
    received: Arc<Mutex<Vec<Received>>>,
}

impl ArchiveBackend for Lying {
    type Archive = stream::Iter<std::vec::IntoIter<Piece>>;

    async fn path_facts(&self, _: &ContainerName, path: &str) -> Result<Option<PathFacts>, Error> {
        let link = path.starts_with("/loop").then(|| "/loop".to_owned());
        let is_folder = self.folders.contains(&path);
        Ok((link.is_some() || is_folder || path == "/file")
            .then_some(PathFacts { is_folder, link }))
    }

    async fn read_archive(&self, _: &ContainerName, _: &str) -> Result<Self::Archive, Error> {
        Ok(stream::iter(self.sends.clone()))
    }

    async fn write_archive<E: Into<BoxError>>(
        &self,
        _: &ContainerName,
        folder: &str,
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<(), Error> {
        let mut bytes = Vec::new();
        produce(&mut bytes)
            .map_err(|error| Error::new(ErrorKind::Local, error.into().to_string()))?;
        self.received.lock().unwrap().push((folder.to_owned(), bytes));
        Ok(())
    }

    async fn sharer(&self, _: &ContainerName, path: &str) -> Result<Option<String>, Error> {
        Ok((path == "/shared").then(|| "other".to_owned()))
    }
}

fn entry(path: &str, kind: Kind) -> Entry {
    Entry { path: path.into(), kind, mode: 0o644, uid: 1, gid: 2, mtime: 3 }
}

/// Makes a stream of a folder `data` with these entries, each file of four bytes.
fn archive(entries: &[(&str, Kind)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    writer.entry(&entry("data", Kind::Folder)).unwrap();
    for (path, kind) in entries {
        writer.entry(&entry(path, kind.clone())).unwrap();
        if *kind == Kind::File(4) {
            writer.data(b"text").unwrap();
        }
    }
    writer.finish().unwrap();
    out
}

fn platform(sends: Vec<Piece>) -> Lying {
    Lying {
        sends,
        folders: &["/", "/data", "/have", "/have/..", "/have/../shared", "/shared"],
        received: Arc::default(),
    }
}

async fn copied(platform: &Lying, from: &str, to: &str) -> Result<Outcome, Error> {
    let copy = Copy::parse(from, to).unwrap();
    let streams = Streams { input: Box::new(std::io::empty()), output: Box::new(std::io::sink()) };
    by_archive(platform, &"web".parse().unwrap(), &copy, streams).await
}

#[tokio::test]
async fn a_platform_that_lies_writes_nothing_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (outside, place) = (folder.path().join("outside"), folder.path().join("place"));
    fs::create_dir(&outside).unwrap();
    let out: std::path::PathBuf = outside.clone();
    for entries in [
        &[("data/../../outside/x", Kind::File(4))][..],
        &[("data/l", Kind::Link(out.clone())), ("data/l/x", Kind::File(4))],
        &[("other/x", Kind::File(4))],
        &[("data/h", Kind::SameAs("outside/x".into()))],
    ] {
        let sends = archive(entries).chunks(100).map(|piece| Ok(piece.to_vec().into())).collect();
        let error = copied(&platform(sends), "web:/data", place.to_str().unwrap()).await;
        assert!(
            error.unwrap_err().message.contains("refused") || entries.len() == 2,
            "{entries:?}"
        );
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{entries:?}");
        fs::remove_dir_all(&place).unwrap();
    }
}

#[tokio::test]
async fn a_platform_does_not_choose_the_name_of_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let sends = || vec![Ok(archive(&[("data/f", Kind::File(4))]).into())];
    copied(&platform(sends()), "web:/have", place).await.unwrap();
    assert_eq!(fs::read(folder.path().join("have/f")).unwrap(), b"text");
    assert!(!folder.path().join("data").exists());
    copied(&platform(sends()), "web:/have/.", place).await.unwrap();
    assert_eq!(fs::read(folder.path().join("f")).unwrap(), b"text");
}

#[tokio::test]
async fn a_stream_that_breaks_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let whole = archive(&[("data/a", Kind::File(4)), ("data/b", Kind::File(4))]);
    let broken = || Error::new(ErrorKind::Broken, "the connection broke");
    for length in [0, 100, 512, 1600, 2100, whole.len() - 1024] {
        for breaks in [false, true] {
            let place = folder.path().join("place");
            let mut sends: Vec<Piece> = vec![Ok(whole[..length].to_vec().into())];
            sends.extend(breaks.then(|| Err(broken())));
            let outcome = copied(&platform(sends), "web:/data", place.to_str().unwrap()).await;
            let error = outcome.unwrap_err();
            let words = if breaks { "the connection broke" } else { "ended early" };
            assert!(error.message.contains(words), "{length}: {error}");
            for name in ["a", "b"] {
                let read = fs::read(place.join(name)).unwrap_or(b"text".to_vec());
                assert_eq!(read, b"text", "{length}");
            }
            if let Ok(list) = fs::read_dir(&place) {
                assert!(list.flatten().all(|found| found.file_name().len() == 1), "{length}");
                fs::remove_dir_all(&place).unwrap();
            }
        }
    }
    let place = folder.path().join("place");
    let sends = vec![Ok(whole.into())];
    let outcome = copied(&platform(sends), "web:/data", place.to_str().unwrap()).await.unwrap();
    assert_eq!((outcome.code, outcome.count.unwrap().files), (0, 2));
}

#[tokio::test]
async fn links_that_lead_to_each_other_end() {
    let error = copied(&platform(Vec::new()), "web:/loop/", "place").await.unwrap_err();
    assert!(error.message.contains("too many"), "{error}");
}

#[tokio::test]
async fn what_is_sent_has_its_name_and_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("inner"), "text").unwrap();
    let text = source.to_str().unwrap();
    for (from, to, place, names) in [
        (text.to_owned(), "web:/have", "/have", &["source", "source/inner"][..]),
        (text.to_owned(), "web:/have/new", "/have", &["new", "new/inner"]),
        (format!("{text}/."), "web:/have", "/have", &["inner"]),
        (format!("{text}/inner"), "web:/have", "/have", &["inner"]),
        (format!("{text}/inner"), "web:/file", "/", &["file"]),
        (format!("{text}/inner"), "web:/new", "/", &["new"]),
    ] {
        let platform = platform(Vec::new());
        copied(&platform, &from, to).await.unwrap();
        let received = platform.received.lock().unwrap();
        let (folder, bytes) = &received[0];
        let mut reader = scratchdbg_archive::Reader::new(&bytes[..]);
        let mut found = Vec::new();
        while let Some(entry) = reader.next_entry().unwrap() {
            assert_eq!((entry.uid, entry.gid), (0, 0));
            found.push(entry.path);
        }
        assert_eq!(folder, place, "{from} to {to}");
        assert_eq!(found, names.iter().map(Path::new).collect::<Vec<_>>(), "{from} to {to}");
    }
    // A stream whose links the platform would follow.
    let links = archive(&[("data/l", Kind::Link("/etc".into())), ("data/l/x", Kind::File(4))]);
    let copy = Copy::parse("-", "web:/have").unwrap();
    let input = Box::new(std::io::Cursor::new(links));
    let streams = Streams { input, output: Box::new(std::io::sink()) };
    let lying = platform(Vec::new());
    let error = by_archive(&lying, &"web".parse().unwrap(), &copy, streams).await.unwrap_err();
    assert!(error.message.contains("leads through a link"), "{error}");
    // And one whose folder may be a link there.
    let mut bare = Vec::new();
    let mut writer = Writer::new(&mut bare);
    writer.entry(&entry("conf/passwd", Kind::File(4))).unwrap();
    writer.data(b"text").unwrap();
    writer.finish().unwrap();
    let input = Box::new(std::io::Cursor::new(bare));
    let streams = Streams { input, output: Box::new(std::io::sink()) };
    let error = by_archive(&lying, &"web".parse().unwrap(), &copy, streams).await.unwrap_err();
    assert!(error.message.contains("is not in the stream"), "{error}");
    for (from, to, words) in [
        (text.to_owned(), "web:/file", "which is a file"),
        (format!("{text}/inner"), "web:/new/", "no folder"),
        (format!("{text}/inner"), "web:/none/x", "no `/none`"),
        ("-".to_owned(), "web:/file", "no folder"),
        (format!("{text}/inner"), "web:/loop", "`/loop` in `web` is a link to `/loop`"),
        (format!("{text}/inner"), "web:/loop/x", "`/loop` in `web` is a link"),
        (format!("{text}/inner"), "web:/shared", "is shared with `other`, which runs"),
        (format!("{text}/inner"), "web:/shared/x", "is shared with `other`, which runs"),
        (format!("{text}/inner"), "web:/have/../shared/", "is shared with `other`, which runs"),
        (format!("{text}/inner"), "web:/loop/x/", "is a link"),
        (format!("{text}/none"), "web:/have", "none"),
    ] {
        let error = copied(&platform(Vec::new()), &from, to).await.unwrap_err();
        assert!(error.message.contains(words), "{from} to {to}: {error}");
    }
}
