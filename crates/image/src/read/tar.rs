//! Reading tar streams that nobody vouches for.
//!
//! Every size is checked before it is believed, names and extended headers have limits, and what different readers would
//! understand differently (sparse files, data after a link, a name twice) is refused with the name of the entry.

use super::ReadError;
use std::io::{self, Read};
use tar::{EntryType, Header, PaxExtensions};

const BLOCK: usize = 512;
/// `PATH_MAX` of Linux: nothing longer can be a path.
const LONGEST_PATH: usize = 4096;
/// Extended headers hold paths and extended attributes; Linux allows 64 KiB of each attribute.
const LARGEST_EXTENSION: u64 = 1024 * 1024;
/// A layer with more entries is refused; the largest base images have some hundred thousand.
const MOST_ENTRIES: u64 = 1_000_000;
/// Bytes of all paths and links together: whoever reads a layer keeps them in memory.
const MOST_NAMES: u64 = 256 * 1024 * 1024;
/// `struct vfs_cap_data` has 24 bytes.
const LARGEST_CAPABILITIES: usize = 24;
/// Zeros after the end: writers fill a record, which has 10 KiB in most cases. A file that is all zeros is no archive.
const MOST_PADDING: u64 = 64 * 1024 * 1024;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// Another name for the file at this path.
    HardLink(String),
    /// A symbolic link with this text.
    Symlink(String),
    /// A device, FIFO or anything else.
    Special,
}

/// One entry of a tar stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Relative to the root, without `./` and final slash; the root is empty. Bytes that are not UTF-8 are replaced.
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of a regular file; 0 for the rest.
    pub size: u64,
    /// The extended attribute `security.capability`.
    pub capabilities: Option<Vec<u8>>,
}

/// Reads entry by entry. Between two entries, [`Read`] gives the data of the former.
pub(crate) struct TarReader<R> {
    input: R,
    what: String,
    data: u64,
    padding: u64,
    entries: u64,
    most_entries: u64,
    /// Bytes of paths and links so far.
    names: u64,
}

/// What extended headers say about the entry that follows them.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    capabilities: Option<Vec<u8>>,
}

/// What a tar is read from.
pub(crate) trait TarInput: Read {
    /// Passes over the next `count` bytes; how many there were.
    fn pass_over(&mut self, count: u64) -> io::Result<u64>
    where
        Self: Sized,
    {
        io::copy(&mut self.by_ref().take(count), &mut io::sink())
    }
}

impl TarInput for &[u8] {}
impl TarInput for &mut dyn Read {}

impl<R: TarInput> TarReader<R> {
    /// `what` names the stream in errors.
    pub(crate) fn new(input: R, what: impl Into<String>) -> Self {
        Self { input, what: what.into(), data: 0, padding: 0, entries: 0, most_entries: MOST_ENTRIES, names: 0 }
    }

    /// The next entry, or `None` at the end of the archive.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, ReadError> {
        let mut extension = Extension::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            self.entries += 1;
            if self.entries > self.most_entries {
                return Err(self.invalid(format!("it has more than {} entries", self.most_entries)));
            }
            let size = header.entry_size().map_err(|error| self.invalid(format!("an entry's size: {error}")))?;
            match header.entry_type() {
                EntryType::XHeader => {
                    let records = self.extension(size)?;
                    self.pax(&records, &mut extension)?;
                }
                EntryType::XGlobalHeader => drop(self.extension(size)?),
                EntryType::GNULongName => extension.path = Some(until_nul(self.extension(size)?)),
                EntryType::GNULongLink => extension.link = Some(until_nul(self.extension(size)?)),
                kind => return self.member(&header, kind, size, extension).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        header: &Header,
        kind: EntryType,
        size: u64,
        extension: Extension,
    ) -> Result<Member, ReadError> {
        let path = extension.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let path = self.normal(&path)?;
        let named = |reason: &str| ReadError::invalid(format!("/{path} in {}", self.what), reason);
        let link = extension.link.or_else(|| header.link_name_bytes().map(Into::into)).unwrap_or_default();
        if link.len() > LONGEST_PATH {
            return Err(named("its link is longer than 4096 bytes"));
        }
        self.names += (path.len() + link.len()) as u64;
        if self.names > MOST_NAMES {
            return Err(self.invalid("its paths come to more than 256 MiB"));
        }
        let size = extension.size.unwrap_or(size);
        let kind = match kind {
            EntryType::Regular | EntryType::Continuous => MemberKind::File,
            EntryType::Directory => MemberKind::Directory,
            EntryType::Link => MemberKind::HardLink(self.normal(&link)?),
            EntryType::Symlink => MemberKind::Symlink(String::from_utf8_lossy(&link).into_owned()),
            EntryType::GNUSparse => return Err(named("it is a sparse entry, which layers must not hold")),
            _ => MemberKind::Special,
        };
        if kind != MemberKind::File && size > 0 {
            return Err(named("only a regular file can have data"));
        }
        // Some writers leave the owner out, and engines take that for root.
        let owner = |field: &[u8], value: io::Result<u64>| match value {
            Err(_) if field.iter().all(|byte| matches!(byte, 0 | b' ')) => Ok(0),
            value => value.map_err(|error| named(&error.to_string())),
        };
        let fields = header.as_old();
        let member = Member {
            mode: header.mode().map_err(|error| named(&error.to_string()))? & 0o7777,
            uid: extension.uid.map_or_else(|| owner(&fields.uid, header.uid()), Ok)?,
            gid: extension.gid.map_or_else(|| owner(&fields.gid, header.gid()), Ok)?,
            size,
            capabilities: extension.capabilities,
            path,
            kind,
        };
        self.expect(size)?;
        Ok(member)
    }

    /// The next header, or `None` at two blocks of zeros or the end of the stream.
    fn header(&mut self) -> Result<Option<Header>, ReadError> {
        let mut header = Header::new_old();
        match self.block(header.as_mut_bytes())? {
            0 => return Ok(None),
            BLOCK => {}
            _ => return Err(self.invalid("it ends within a header")),
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            self.end()?;
            return Ok(None);
        }
        let sum: u32 =
            header.as_bytes()[..148].iter().chain(&header.as_bytes()[156..]).map(|byte| u32::from(*byte)).sum();
        // The checksum's own field counts as eight blanks.
        if header.cksum().ok() != Some(sum + 8 * u32::from(b' ')) {
            return Err(self.invalid("a header's checksum is wrong"));
        }
        Ok(Some(header))
    }

    /// After the end there may be zeros, which some writers pad with, and nothing else.
    fn end(&mut self) -> Result<(), ReadError> {
        let mut block = [0; BLOCK];
        let mut padding = 0;
        loop {
            let size = self.block(&mut block)?;
            padding += size as u64;
            if padding > MOST_PADDING {
                return Err(self.invalid("there are more than 64 MiB of zeros after its end"));
            }
            if block[..size].iter().any(|byte| *byte != 0) {
                return Err(self.invalid("there is something after its end"));
            }
            if size < BLOCK {
                return Ok(());
            }
        }
    }

    fn pax(&self, records: &[u8], extension: &mut Extension) -> Result<(), ReadError> {
        for record in PaxExtensions::new(records) {
            let record = record.map_err(|error| self.invalid(format!("a pax header: {error}")))?;
            let number = || {
                let text = record.value().unwrap_or_default();
                text.parse::<u64>().map_err(|_| self.invalid(format!("a pax header has the number `{text}`")))
            };
            match record.key_bytes() {
                b"path" => extension.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => extension.link = Some(record.value_bytes().to_vec()),
                b"size" => extension.size = Some(number()?),
                b"uid" => extension.uid = Some(number()?),
                b"gid" => extension.gid = Some(number()?),
                // What is longer is none, and the kernel would not take it.
                b"SCHILY.xattr.security.capability" if record.value_bytes().len() <= LARGEST_CAPABILITIES => {
                    extension.capabilities = Some(record.value_bytes().to_vec());
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(self.invalid("it holds a sparse entry, which layers must not"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, ReadError> {
        if size > LARGEST_EXTENSION {
            return Err(self.invalid(format!("an extended header of {size} bytes; at most 1 MiB is read")));
        }
        self.expect(size)?;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(|error| self.failed(&error))?;
        Ok(bytes)
    }

    /// The path in normal form. One that leads out of the image, or is not a path, is refused.
    fn normal(&self, path: &[u8]) -> Result<String, ReadError> {
        let text = String::from_utf8_lossy(path);
        let shown: String = text.chars().take(200).collect();
        let refuse = |reason| Err(ReadError::invalid(format!("`{shown}` in {}", self.what), reason));
        if path.len() > LONGEST_PATH {
            return refuse("a path longer than 4096 bytes");
        }
        if text.starts_with('/') {
            return refuse("an absolute path");
        }
        if text.contains('\0') {
            return refuse("a path with a NUL in it");
        }
        let mut parts = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => return refuse("a path that leads out of the image"),
                name => parts.push(name),
            }
        }
        Ok(parts.join("/"))
    }

    fn expect(&mut self, size: u64) -> Result<(), ReadError> {
        let padded = size.checked_next_multiple_of(BLOCK as u64);
        let padded = padded.ok_or_else(|| self.invalid(format!("an entry claims {size} bytes")))?;
        (self.data, self.padding) = (size, padded - size);
        Ok(())
    }

    /// Skips what is left of the current entry.
    fn skip(&mut self) -> Result<(), ReadError> {
        let left = self.data + self.padding;
        if left > 0 && self.input.pass_over(left).map_err(|error| self.failed(&error))? < left {
            return Err(self.invalid("it ends within an entry"));
        }
        (self.data, self.padding) = (0, 0);
        Ok(())
    }

    /// Fills `block` as far as the stream goes.
    fn block(&mut self, block: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < block.len() {
            match self.input.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(size) => filled += size,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(filled)
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.input
    }

    fn failed(&self, error: &io::Error) -> ReadError {
        self.invalid(error.to_string())
    }

    fn invalid(&self, reason: impl Into<String>) -> ReadError {
        ReadError::invalid(self.what.clone(), reason)
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.data).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        match self.input.read(&mut buffer[..want])? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends within an entry")),
            size => {
                self.data -= size as u64;
                Ok(size)
            }
        }
    }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::write_tree;
    use crate::{Entry, FileData, Tree};
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, ReadError> {
        let mut reader = TarReader::new(bytes, "the layer");
        let mut members = Vec::new();
        while let Some(member) = reader.next()? {
            let mut data = Vec::new();
            reader.read_to_end(&mut data).map_err(|error| reader.failed(&error))?;
            members.push((member, data));
        }
        Ok(members)
    }

    /// A header with these fields and the right checksum.
    fn header(path: &[u8], kind: EntryType, size: u64) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(size);
        header.set_cksum();
        header.as_bytes().to_vec()
    }

    fn pax(records: &[u8]) -> Vec<u8> {
        let mut bytes = header(b"pax", EntryType::XHeader, records.len() as u64);
        bytes.extend(records);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    #[test]
    fn what_we_write_is_read_again() {
        let mut tree = Tree::with_root();
        let long = format!("{}/{}", "d".repeat(200), "f".repeat(200));
        tree.insert(&long, Entry { uid: 1 << 33, ..Entry::file(FileData::Bytes((*b"data").into()), 0o4755) }).unwrap();
        let mut bytes = Vec::new();
        write_tree(&tree, 5, &mut bytes).unwrap();
        bytes.extend([0; 8 * BLOCK]);
        let members = all(&bytes).unwrap();
        let (last, data) = members.last().unwrap();
        assert_eq!((last.path.as_str(), last.mode, last.uid, last.size), (long.as_str(), 0o4755, 1 << 33, 4));
        assert_eq!((members.len(), data.as_slice()), (3, &b"data"[..]));
        assert_eq!(members[0].0.path, "");
    }

    #[test]
    fn hostile_entries_are_refused_and_named() {
        let zero = vec![0; 2 * BLOCK];
        let mut negative = Header::new_ustar();
        negative.set_mode(0);
        negative.set_uid(0);
        negative.set_gid(0);
        negative.as_old_mut().size = [0xff; 12];
        negative.set_cksum();
        let negative = negative.as_bytes().to_vec();
        let mut checksum = header(b"x", EntryType::Regular, 0);
        checksum[0] = b'y';
        let with = |first: Vec<u8>| [first, header(b"x", EntryType::Regular, 0)].concat();
        for (bytes, part) in [
            (header(b"../../etc/x", EntryType::Regular, 0), "`../../etc/x` in the layer: a path that leads out"),
            (header(b"/etc/x", EntryType::Regular, 0), "`/etc/x` in the layer: an absolute path"),
            (header(b"link", EntryType::Link, 9), "/link in the layer: only a regular file can have data"),
            (header(b"dir/", EntryType::Directory, 9), "/dir in the layer: only a regular file can have data"),
            (header(b"s", EntryType::GNUSparse, 0), "sparse"),
            (header(b"big", EntryType::GNULongName, 1 << 40), "an extended header of"),
            (header(b"big", EntryType::XHeader, 1 << 40), "an extended header of"),
            (header(b"big", EntryType::Regular, 1 << 40), "it ends within an entry"),
            (negative, "claims"),
            (checksum, "checksum"),
            (with(pax(b"22 GNU.sparse.major=1\n")), "sparse"),
            (with(pax(b"12 size=-12\n")), "the number `-12`"),
            (with(pax(b"29 size=18446744073709551615\n")), "an entry claims 18446744073709551615 bytes"),
            (with(pax(b"99 path=x\n")), "a pax header"),
            (with(pax(b"15 path=a/../b\n")), "leads out"),
            (with([header(b"", EntryType::GNULongName, 65536), vec![b'a'; 65536]].concat()), "longer than 4096"),
            ([zero.clone(), b"garbage".to_vec()].concat(), "something after its end"),
            (b"short".to_vec(), "within a header"),
        ] {
            let error = all(&bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{part}: {error}");
        }
        assert_eq!(all(&zero).unwrap(), []);
        assert_eq!(all(b"").unwrap(), []);
    }

    #[test]
    fn an_owner_that_is_left_out_is_root() {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[0] = b'x';
        header.set_mode(0o755);
        header.set_size(0);
        header.set_cksum();
        let (member, _) = &all(header.as_bytes()).unwrap()[0];
        assert_eq!((member.uid, member.gid), (0, 0));
    }

    #[test]
    fn too_many_entries_are_refused() {
        let entries = header(b"x", EntryType::Regular, 0).repeat(4);
        let count = |most_entries| {
            let mut reader = TarReader { most_entries, ..TarReader::new(&entries[..], "the layer") };
            std::iter::from_fn(|| reader.next().transpose()).collect::<Result<Vec<_>, _>>().map(|members| members.len())
        };
        assert_eq!(count(4).unwrap(), 4);
        assert!(count(3).unwrap_err().to_string().contains("more than 3 entries"));
    }

    #[test]
    fn paths_without_end_are_refused() {
        let entries = header(b"a/b/c", EntryType::Regular, 0).repeat(3);
        let count = |names| {
            let mut reader = TarReader { names: MOST_NAMES - names, ..TarReader::new(&entries[..], "the layer") };
            std::iter::from_fn(|| reader.next().transpose()).collect::<Result<Vec<_>, _>>().map(|members| members.len())
        };
        assert_eq!(count(15).unwrap(), 3);
        assert!(count(14).unwrap_err().to_string().contains("more than 256 MiB"));
        let capabilities = |value: &str| {
            let record = format!("SCHILY.xattr.security.capability={value}\n");
            let length = record.len() + 3;
            let bytes = [pax(format!("{length} {record}").as_bytes()), header(b"x", EntryType::Regular, 0)].concat();
            all(&bytes).unwrap()[0].0.capabilities.clone()
        };
        assert_eq!(capabilities(&"c".repeat(24)), Some(vec![b'c'; 24]));
        assert_eq!(capabilities(&"c".repeat(25)), None, "no capabilities");
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_result(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            drop(all(&bytes));
        }

        #[test]
        fn any_change_to_a_good_archive_ends_in_a_result(at in 0usize..2048, to in any::<u8>()) {
            let mut bytes = [pax(b"9 path=y\n"), header(b"x", EntryType::Regular, 3), vec![b'd'; 512], vec![0; 1024]].concat();
            let at = at % bytes.len();
            bytes[at] = to;
            drop(all(&bytes));
        }
    }
}
