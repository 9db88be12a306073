//! Extended headers: attributes of the entry that follows them.

use tar::PaxExtensions;

/// `struct vfs_cap_data` has 24 bytes.
const LARGEST_CAPABILITIES: usize = 24;

/// The attributes that extended headers give the entry that follows them.
#[derive(Default)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) capabilities: Option<Vec<u8>>,
    /// A pax header was there.
    has_records: bool,
    /// A long name or link of GNU tar was there.
    has_long: bool,
}

/// Readers disagree on which of two headers counts.
const TWICE: &str = "an entry has several extended headers for the same thing";

/// Readers disagree on whether the header's own name counts then.
const EMPTY: &str = "an entry has an extended header with an empty name";

/// Checks that a global header has comments alone, as that of `git archive`. Go's reader, which is
/// the engines', ignores the others; most other readers apply them to all entries that follow.
pub(super) fn check_global(records: &[u8]) -> Result<(), String> {
    for record in PaxExtensions::new(records) {
        let record = record.map_err(|error| format!("a pax header: {error}"))?;
        if record.key_bytes() != b"comment" {
            return Err(
                "a global header has more than comments, and not all readers apply it".into()
            );
        }
    }
    Ok(())
}

impl Extension {
    /// Whether there was none.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_records && !self.has_long
    }

    /// Adds the records of a pax header. The error tells what is wrong with them.
    pub(super) fn add(&mut self, records: &[u8]) -> Result<(), String> {
        if self.has_records {
            return Err(TWICE.into());
        }
        let had = (self.path.is_some(), self.link.is_some());
        self.has_records = true;
        for record in PaxExtensions::new(records) {
            let record = record.map_err(|error| format!("a pax header: {error}"))?;
            let number = || {
                let text = record.value().unwrap_or_default();
                text.parse::<u64>().map_err(|_| format!("a pax header has the number `{text}`"))
            };
            match record.key_bytes() {
                // POSIX: it takes the value back, and what the header itself has counts.
                b"path" | b"linkpath" if record.value_bytes().is_empty() => {
                    return Err(EMPTY.into());
                }
                b"path" => self.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => self.link = Some(record.value_bytes().to_vec()),
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                // The kernel would not accept a longer value.
                b"SCHILY.xattr.security.capability"
                    if record.value_bytes().len() <= LARGEST_CAPABILITIES =>
                {
                    self.capabilities = Some(record.value_bytes().to_vec());
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err("it holds a sparse entry, which layers must not".into());
                }
                _ => {}
            }
            let again = |had: bool, key: &[u8]| had && record.key_bytes() == key;
            if again(had.0, b"path") || again(had.1, b"linkpath") {
                return Err(TWICE.into());
            }
        }
        Ok(())
    }

    /// Sets a path as GNU tar stores it.
    pub(super) fn long_path(&mut self, bytes: Vec<u8>) -> Result<(), &'static str> {
        self.has_long = true;
        set_once(&mut self.path, bytes)
    }

    /// Sets a link target as GNU tar stores it.
    pub(super) fn long_link(&mut self, bytes: Vec<u8>) -> Result<(), &'static str> {
        self.has_long = true;
        set_once(&mut self.link, bytes)
    }
}

fn set_once(field: &mut Option<Vec<u8>>, bytes: Vec<u8>) -> Result<(), &'static str> {
    let text = until_nul(bytes);
    if text.is_empty() {
        return Err(EMPTY);
    }
    match field.replace(text) {
        Some(_) => Err(TWICE),
        None => Ok(()),
    }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}
