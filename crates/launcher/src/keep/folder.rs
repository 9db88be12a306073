//! The path to the tools: a folder with a name that exists only in the keeper's root.
//!
//! Other processes can see the keeper's command line and its mounts. They must not know the path of
//! the launcher before it is started. Otherwise a process that takes over the keeper's process id,
//! or that may write in the folder of names, could place a program there. The runtime would start
//! it with the session's groups, which the launcher checks first of all.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink};
use std::path::PathBuf;
use std::{fs, io};

use crate::{system, tools};

/// The folder of names, beside the folder of this program: `/session` in a toolkit image. Everybody
/// may create entries there, and nobody may list them.
pub(crate) const FOLDER: &str = "session";

/// The link from a name to the tools of the image. It is relative, so that the kernel resolves it
/// in the keeper's root.
const TOOLS: &str = "../../bin";

/// An entry in the folder of names, removed on drop.
#[derive(Debug)]
pub(super) struct Folder {
    name: String,
}

impl Folder {
    /// Creates the entry with this name, or with 128 random bits in hexadecimal.
    pub(super) fn make(name: Option<&str>) -> io::Result<Self> {
        let name = match name {
            Some(name) if is_name(name) => name.to_owned(),
            Some(_) => return Err(io::ErrorKind::InvalidInput.into()),
            None => format!("{:032x}", u128::from_ne_bytes(system::random_bytes()?)),
        };
        let folder = Self { name };
        fs::DirBuilder::new().mode(0o700).create(folder.path())?;
        symlink(TOOLS, folder.path().join("bin"))?;
        Ok(folder)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its identity.
    pub(super) fn identity(&self) -> Option<Identity> {
        Identity::of(&self.name)
    }

    fn path(&self) -> PathBuf {
        path(&self.name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left =
            fs::remove_file(self.path().join("bin")).and_then(|()| fs::remove_dir(self.path()));
    }
}

/// The identity of an entry, which does not show its name: device and inode. Whoever can name the
/// entry knows it, because nobody may list the folder of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity([u64; 2]);

impl Identity {
    fn of(name: &str) -> Option<Self> {
        let entry = fs::symlink_metadata(path(name)).ok()?;
        Some(Self([entry.dev(), entry.ino()]))
    }

    /// Writes it for [`read`](Self::read).
    pub(super) fn write(self, mut out: impl io::Write) -> io::Result<()> {
        self.0.iter().try_for_each(|number| out.write_all(&number.to_ne_bytes()))
    }

    pub(super) fn read(mut input: impl io::Read) -> io::Result<Self> {
        let mut numbers = [[0; size_of::<u64>()]; 2];
        numbers.iter_mut().try_for_each(|number| input.read_exact(number))?;
        Ok(Self(numbers.map(u64::from_ne_bytes)))
    }
}

/// How to recognize the name of a session's entry.
#[derive(Debug)]
pub(super) enum Name {
    /// This is the name.
    Known(String),
    /// The keeper does not know the name, so that nobody can read it in its memory. The name leads
    /// to this entry.
    Hidden(Identity),
}

impl Name {
    /// Whether a name is the one of the session's entry.
    pub(super) fn is(&self, name: &str) -> bool {
        match self {
            Self::Known(own) => own == name,
            Self::Hidden(entry) => is_name(name) && Identity::of(name).as_ref() == Some(entry),
        }
    }
}

fn path(name: &str) -> PathBuf {
    tools::base().join(FOLDER).join(name)
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::{Identity, is_name};

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        Identity([7, u64::MAX]).write(&mut bytes).unwrap();
        assert_eq!(Identity::read(&bytes[..]).unwrap(), Identity([7, u64::MAX]));
        assert!(Identity::read(&bytes[1..]).is_err());
    }

    #[test]
    fn names_are_128_bits() {
        assert!(is_name("0123456789abcdef0123456789abcdef"));
        for bad in [
            "",
            "..",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdeF",
            "/123456789abcdef0123456789abcdef",
        ] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
