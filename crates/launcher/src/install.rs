//! Copies the tools from a toolkit image to a volume, for a container of another image.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::keep::FOLDER;
use crate::tools;

/// The mode of the folder of names: everybody may create entries there, and nobody may list them.
const NAMES_MODE: u32 = 0o1733;

/// `install FOLDER`: makes FOLDER a copy of the folder that contains the folder of this program.
/// Files with several names stay one file.
pub(crate) fn install(arguments: &[OsString]) -> Result<u8, String> {
    let [folder] = arguments else { return Err("install takes a folder".to_owned()) };
    let folder = PathBuf::from(folder);
    let failed =
        |error: io::Error| format!("cannot copy the tools to {}: {error}", folder.display());
    copy(&tools::base().join("bin"), &folder.join("bin")).map_err(failed)?;
    make(&folder.join(FOLDER), NAMES_MODE).map_err(failed)?;
    Ok(0)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    make(to, 0o755)?;
    let mut copied: HashMap<u64, PathBuf> = HashMap::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if !metadata.is_file() {
            continue;
        }
        let name = to.join(entry.file_name());
        match copied.get(&metadata.ino()) {
            Some(first) => fs::hard_link(first, name)?,
            None => {
                fs::copy(entry.path(), &name)?;
                copied.insert(metadata.ino(), name);
            }
        }
    }
    Ok(())
}

/// Creates a folder with this mode, whatever the mask of the process.
fn make(folder: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    #[test]
    fn files_with_several_names_stay_one_file() {
        let folder =
            std::env::temp_dir().join(format!("scratchdbg-install-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(from.join("folder")).unwrap();
        fs::write(from.join("busybox"), "tools").unwrap();
        fs::set_permissions(from.join("busybox"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::hard_link(from.join("busybox"), from.join("sh")).unwrap();
        fs::write(from.join("other"), "another").unwrap();
        super::copy(&from, &to).unwrap();
        let inode = |name: &str| fs::metadata(to.join(name)).unwrap().ino();
        assert_eq!(inode("busybox"), inode("sh"));
        assert_ne!(inode("busybox"), inode("other"));
        assert_eq!(fs::read(to.join("sh")).unwrap(), b"tools");
        assert_eq!(fs::metadata(to.join("sh")).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(!to.join("folder").exists());
        assert!(super::copy(&from, &to).is_err(), "nothing is overwritten");
        fs::remove_dir_all(&folder).unwrap();
    }
}
