//! Deterministic tar: the bytes depend only on the arguments.
//!
//! Headers are ustar, with pax records only for values that do not fit. Owners are numeric, without
//! names. The end is exactly two blocks of zeros. Data are copied with a buffer of a fixed size, so
//! that memory usage does not grow with them.

use std::io::{self, Read as _, Write};

use tar::{EntryType, Header};

use crate::tree::{Entry, FileData, HostFile, Node, Tree};
use crate::{ImageError, Meter};

const BLOCK: usize = 512;
/// Large enough that the cost of system calls does not matter, small enough for the cache of one
/// core.
const COPY_BUFFER: usize = 256 * 1024;
/// The maximum value of an octal field of 12 bytes (`size`, `mtime`) and of 8 bytes (`uid`, `gid`).
const OCTAL_12_MAX: u64 = 0o77_777_777_777;
const OCTAL_8_MAX: u64 = 0o7_777_777;
/// The record in which engines store file capabilities in a layer.
const CAPABILITIES: &str = "SCHILY.xattr.security.capability";

/// Writes one tar stream.
pub(crate) struct TarWriter<'a> {
    out: &'a mut dyn Write,
    /// Modification time of every entry, in seconds since 1970.
    mtime: u64,
    buffer: Vec<u8>,
    meter: Meter,
}

/// The content of a header, except for the time.
struct Meta<'a> {
    path: &'a str,
    kind: EntryType,
    link: &'a str,
    mode: u32,
    uid: u64,
    gid: u64,
    size: u64,
    /// The value of `security.capability`.
    capabilities: Option<&'a [u8]>,
}

/// Writes `tree` as a layer.
pub(crate) fn write_tree(tree: &Tree, mtime: u64, out: &mut dyn Write) -> Result<(), ImageError> {
    let mut writer = TarWriter { meter: tree.meter().clone(), ..TarWriter::new(out, mtime) };
    for (path, entry) in tree.iter() {
        writer.entry(path, entry)?;
    }
    writer.finish()
}

impl<'a> TarWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, mtime: u64) -> Self {
        Self { out, mtime, buffer: Vec::new(), meter: Meter::default() }
    }

    /// Writes a directory of an archive: mode 0755, owned by root.
    pub(crate) fn directory(&mut self, path: &str) -> Result<(), ImageError> {
        self.entry(path, &Entry::directory())
    }

    /// Writes a file of an archive: mode 0644, owned by root. `write` writes its `size` bytes.
    pub(crate) fn file(
        &mut self,
        path: &str,
        size: u64,
        write: impl FnOnce(&mut dyn Write) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let kind = EntryType::Regular;
        self.header(&Meta {
            path,
            kind,
            link: "",
            mode: 0o644,
            uid: 0,
            gid: 0,
            size,
            capabilities: None,
        })?;
        write(self.out)?;
        self.pad(size)
    }

    /// Ends the archive.
    pub(crate) fn finish(self) -> Result<(), ImageError> {
        self.out.write_all(&[0; 2 * BLOCK]).map_err(ImageError::Write)
    }

    fn entry(&mut self, path: &str, entry: &Entry) -> Result<(), ImageError> {
        let directory_path;
        let (path, kind, link, size) = match &entry.node {
            Node::Directory => {
                directory_path = if path.is_empty() { "./".to_owned() } else { format!("{path}/") };
                (directory_path.as_str(), EntryType::Directory, "", 0)
            }
            Node::File(data) => (path, EntryType::Regular, "", data.size()),
            Node::HardLink(target) => (path, EntryType::Link, target.as_str(), 0),
            Node::Symlink(target) => (path, EntryType::Symlink, target.as_str(), 0),
        };
        let capabilities = match &entry.node {
            Node::File(FileData::Host(file)) => file.capabilities(),
            _ => None,
        };
        let Entry { mode, uid, gid, .. } = *entry;
        self.header(&Meta { path, kind, link, mode, uid, gid, size, capabilities })?;
        match &entry.node {
            Node::File(FileData::Bytes(bytes)) => {
                self.out.write_all(bytes).map_err(ImageError::Write)?;
            }
            Node::File(FileData::Host(file)) => self.copy(file)?,
            Node::Directory | Node::HardLink(_) | Node::Symlink(_) => {}
        }
        self.pad(size)
    }

    fn header(&mut self, meta: &Meta<'_>) -> Result<(), ImageError> {
        let mut header = Header::new_ustar();
        let mut pax = Vec::new();
        if let Some(ustar) = header.as_ustar_mut() {
            if !set_name(ustar, meta.path) {
                pax_record(&mut pax, "path", meta.path.as_bytes());
                set_truncated(&mut ustar.name, meta.path);
            }
            if meta.link.len() > ustar.linkname.len() || !meta.link.is_ascii() {
                pax_record(&mut pax, "linkpath", meta.link.as_bytes());
            }
            set_truncated(&mut ustar.linkname, meta.link);
        }
        let mut numeric = |key, value: u64, max| {
            if value <= max {
                return value;
            }
            pax_record(&mut pax, key, value.to_string().as_bytes());
            0
        };
        header.set_entry_type(meta.kind);
        header.set_mode(meta.mode);
        header.set_uid(numeric("uid", meta.uid, OCTAL_8_MAX));
        header.set_gid(numeric("gid", meta.gid, OCTAL_8_MAX));
        header.set_size(numeric("size", meta.size, OCTAL_12_MAX));
        header.set_mtime(numeric("mtime", self.mtime, OCTAL_12_MAX));
        header.set_cksum();
        if let Some(value) = meta.capabilities {
            pax_record(&mut pax, CAPABILITIES, value);
        }
        if !pax.is_empty() {
            self.pax_header(&pax)?;
        }
        self.out.write_all(header.as_bytes()).map_err(ImageError::Write)
    }

    fn pax_header(&mut self, records: &[u8]) -> Result<(), ImageError> {
        let mut header = Header::new_ustar();
        if let Some(ustar) = header.as_ustar_mut() {
            // A constant name: other writers put their process id here.
            set_truncated(&mut ustar.name, "././@PaxHeader");
        }
        header.set_entry_type(EntryType::XHeader);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(records.len() as u64);
        header.set_mtime(0);
        header.set_cksum();
        self.out.write_all(header.as_bytes()).map_err(ImageError::Write)?;
        self.out.write_all(records).map_err(ImageError::Write)?;
        self.pad(records.len() as u64)
    }

    /// Copies exactly the number of bytes that the header declares. If the file has grown, the
    /// layer's digest shows it.
    fn copy(&mut self, source: &HostFile) -> Result<(), ImageError> {
        let failed = |source_error| ImageError::Read {
            path: source.path().to_owned(),
            source: source_error,
        };
        let mut file = source.open().map_err(failed)?;
        self.buffer.resize(COPY_BUFFER, 0);
        let mut left = source.size();
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(COPY_BUFFER).min(COPY_BUFFER);
            let got = match file.read(&mut self.buffer[..want]) {
                Ok(0) => {
                    let (expected, path) = (source.size(), source.path().to_owned());
                    return Err(ImageError::SourceChanged {
                        path,
                        expected,
                        actual: expected - left,
                    });
                }
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            self.out.write_all(&self.buffer[..got]).map_err(ImageError::Write)?;
            self.meter.add(got);
            left -= got as u64;
        }
        source.expect_unchanged(&file).map_err(failed)
    }

    fn pad(&mut self, size: u64) -> Result<(), ImageError> {
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        let zeros = [0; BLOCK];
        self.out
            .write_all(&zeros[..usize::try_from(padding).unwrap_or(0)])
            .map_err(ImageError::Write)
    }
}

/// Sets name and prefix. Returns whether the path fits.
fn set_name(ustar: &mut tar::UstarHeader, path: &str) -> bool {
    if !path.is_ascii() {
        return false;
    }
    if path.len() <= ustar.name.len() {
        set_truncated(&mut ustar.name, path);
        return true;
    }
    // The slash between prefix and name is in neither field; the name must not be empty.
    let split = path.match_indices('/').map(|(index, _)| index).find(|&index| {
        (1..=ustar.prefix.len()).contains(&index)
            && (1..=ustar.name.len()).contains(&(path.len() - index - 1))
    });
    let Some(index) = split else { return false };
    set_truncated(&mut ustar.prefix, &path[..index]);
    set_truncated(&mut ustar.name, &path[index + 1..]);
    true
}

fn set_truncated(field: &mut [u8], text: &str) {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text.as_bytes()[..length]);
}

/// Appends `<length> <key>=<value>\n`. The length includes its own digits.
fn pax_record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes_of(tree: &Tree, mtime: u64) -> Vec<u8> {
        let mut out = Vec::new();
        write_tree(tree, mtime, &mut out).unwrap();
        out
    }

    fn file(content: &[u8]) -> Entry {
        Entry::file(FileData::Bytes(content.into()), 0o755)
    }

    type Read = (String, EntryType, u32, u64, u64, u64, String, Vec<u8>);

    /// What another reader finds.
    fn read(bytes: &[u8]) -> Vec<Read> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let link = entry
                .link_name_bytes()
                .map(|l| String::from_utf8(l.into_owned()).unwrap())
                .unwrap_or_default();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            let h = entry.header();
            assert_eq!((h.username_bytes(), h.groupname_bytes()), (Some(&b""[..]), Some(&b""[..])));
            let (uid, gid) = (h.uid().unwrap(), h.gid().unwrap());
            (path, h.entry_type(), h.mode().unwrap(), uid, gid, h.mtime().unwrap(), link, data)
        });
        entries.collect()
    }

    #[test]
    fn a_layer_of_one_binary() {
        let mut tree = Tree::with_root();
        tree.insert("/app", file(b"ELF")).unwrap();
        let bytes = bytes_of(&tree, 7);
        // Root, app, its data, two blocks of zeros: no padding to a tape record.
        assert_eq!(bytes.len(), 5 * BLOCK);
        assert!(bytes[3 * BLOCK..].iter().all(|b| *b == 0));
        assert_eq!(
            read(&bytes),
            [
                ("./".into(), EntryType::Directory, 0o755, 0, 0, 7, String::new(), vec![]),
                ("app".into(), EntryType::Regular, 0o755, 0, 0, 7, String::new(), b"ELF".to_vec()),
            ]
        );
    }

    #[test]
    fn links_and_special_modes() {
        let mut tree = Tree::default();
        tree.insert("bin/busybox", file(b"b")).unwrap();
        tree.insert("bin/[", Entry { node: Node::HardLink("bin/busybox".into()), ..file(b"") })
            .unwrap();
        let link = Entry {
            node: Node::Symlink("busybox".into()),
            mode: 0o777,
            uid: 65532,
            gid: 3_000_000,
        };
        tree.insert("bin/sh", link).unwrap();
        tree.insert("tmp", Entry { mode: 0o1777, ..Entry::directory() }).unwrap();
        let read: Vec<_> =
            read(&bytes_of(&tree, 0)).into_iter().map(|r| (r.0, r.1, r.2, r.6)).collect();
        assert_eq!(
            read,
            [
                ("bin/".into(), EntryType::Directory, 0o755, String::new()),
                ("bin/busybox".into(), EntryType::Regular, 0o755, String::new()),
                ("bin/sh".into(), EntryType::Symlink, 0o777, "busybox".into()),
                ("tmp/".into(), EntryType::Directory, 0o1777, String::new()),
                ("bin/[".into(), EntryType::Link, 0o755, "bin/busybox".into()),
            ]
        );
    }

    #[test]
    fn pax_records_count_themselves() {
        for (length, expected) in
            [(1, "9 path=x\n"), (86, "95 path="), (90, "99 path="), (91, "101 path=")]
        {
            let mut records = Vec::new();
            pax_record(&mut records, "path", "x".repeat(length).as_bytes());
            let text = String::from_utf8(records).unwrap();
            assert!(text.starts_with(expected), "{text}");
            assert_eq!(text.len().to_string(), text.split(' ').next().unwrap());
        }
    }

    #[test]
    fn a_file_that_became_shorter_or_a_pipe_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app");
        std::fs::write(&path, [1; 1000]).unwrap();
        let mut tree = Tree::default();
        tree.insert("app", Entry::file(FileData::Host(HostFile::new(&path).unwrap()), 0o755))
            .unwrap();
        assert_eq!(bytes_of(&tree, 0).len(), 5 * BLOCK);

        std::fs::write(&path, [1; 999]).unwrap();
        let error = write_tree(&tree, 0, &mut io::sink()).unwrap_err();
        let ImageError::Read { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("changed while it was read"), "{source}");

        std::fs::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from(0o600)).unwrap();
        assert!(matches!(write_tree(&tree, 0, &mut io::sink()), Err(ImageError::Read { .. })));
    }

    proptest! {
        /// For paths of any length and letters, another reader finds the same path, and writing
        /// again gives the same bytes.
        #[test]
        fn every_path_survives(parts in prop::collection::vec("[a-zé~ ]{1,120}", 1..6), uid in any::<u64>()) {
            prop_assume!(parts.iter().all(|part| !part.starts_with(".wh.")));
            let path = parts.join("/");
            let mut tree = Tree::default();
            tree.insert(&path, Entry { uid, ..file(b"data") }).unwrap();
            let bytes = bytes_of(&tree, 0);
            prop_assert_eq!(bytes.len() % BLOCK, 0);
            let last = read(&bytes).pop().unwrap();
            prop_assert_eq!(last.0, path);
            prop_assert_eq!(last.7, b"data");
            prop_assert_eq!(bytes, bytes_of(&tree.clone(), 0));
        }
    }
}
