//! The path to the tools: a folder with a name that exists only in the keeper's root.
//!
//! Other processes can see the keeper's command line and its mounts. They must not know the path of
//! the launcher before it is started. Otherwise a process that takes over the keeper's process id
//! could place a program there.

use std::os::unix::fs::{DirBuilderExt as _, symlink};
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

    fn path(&self) -> PathBuf {
        tools::base().join(FOLDER).join(&self.name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = fs::remove_file(self.path().join("bin")).and_then(|()| fs::remove_dir(self.path()));
    }
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::is_name;

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
