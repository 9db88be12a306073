//! The way to the tools: a folder with a name that only the keeper's root has.
//!
//! Processes beside the keeper can see its command line and its mounts. They must not know the path of the launcher before it is
//! started: whoever takes the keeper's process id could have a program there.

use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::PathBuf;
use std::{fs, io};

use crate::system;

/// Where the names are, in the keeper's root. Everybody may make one there, and nobody may list them.
const FOLDER: &str = "/session";

/// From below a name to the tools of the image. Relative: the kernel resolves it in the keeper's root.
const TOOLS: &str = "../../bin";

/// A folder of our own there, until this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    name: String,
}

impl Folder {
    /// With this name, or one of its own: 128 random bits in hexadecimal.
    pub(super) fn make(name: Option<&str>) -> io::Result<Self> {
        let name = match name {
            Some(name) if is_name(name) => name.to_owned(),
            Some(_) => return Err(io::ErrorKind::InvalidInput.into()),
            None => format!("{:032x}", u128::from_ne_bytes(system::random_bytes()?)),
        };
        fs::DirBuilder::new().mode(0o700).create(PathBuf::from(FOLDER).join(&name))?;
        let folder = Self { name };
        symlink(TOOLS, folder.path().join("bin"))?;
        Ok(folder)
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(FOLDER).join(&self.name)
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
