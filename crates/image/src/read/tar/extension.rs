//! Extended headers: what they say about the entry that follows them.

use tar::PaxExtensions;

/// `struct vfs_cap_data` has 24 bytes.
const LARGEST_CAPABILITIES: usize = 24;

/// What extended headers say about the entry that follows them.
#[derive(Default)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) capabilities: Option<Vec<u8>>,
}

impl Extension {
    /// Takes the records of a pax header in; an error is what is wrong with them.
    pub(super) fn add(&mut self, records: &[u8]) -> Result<(), String> {
        for record in PaxExtensions::new(records) {
            let record = record.map_err(|error| format!("a pax header: {error}"))?;
            let number = || {
                let text = record.value().unwrap_or_default();
                text.parse::<u64>().map_err(|_| format!("a pax header has the number `{text}`"))
            };
            match record.key_bytes() {
                b"path" => self.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => self.link = Some(record.value_bytes().to_vec()),
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                // What is longer is none, and the kernel would not take it.
                b"SCHILY.xattr.security.capability" if record.value_bytes().len() <= LARGEST_CAPABILITIES => {
                    self.capabilities = Some(record.value_bytes().to_vec());
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err("it holds a sparse entry, which layers must not".into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A path in the manner of GNU tar.
    pub(super) fn long_path(&mut self, bytes: Vec<u8>) {
        self.path = Some(until_nul(bytes));
    }

    /// The text of a link in the manner of GNU tar.
    pub(super) fn long_link(&mut self, bytes: Vec<u8>) {
        self.link = Some(until_nul(bytes));
    }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}
