//! The folder that this program was started from, with the tools beside it.
//!
//! The path to the folder leads through `/proc/KEEPER`. If the keeper ends and its process id is
//! reused, that path leads to another process. So the folder is opened once, checked against the
//! running program, and held open: lookups in it then always use the folder that was checked.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::system;
use crate::system::namespaces::{O_DIRECTORY, O_PATH};

/// The file name of this program.
pub(crate) const NAME: &str = "scratchdbg-launcher";

/// Numbers that no script uses for its own files, and one for a low limit on open files.
const NUMBERS: [i32; 3] = [100, 20, 3];

/// The folder, held open for this process and for all that it starts.
#[derive(Debug)]
pub(crate) struct Tools(OwnedFd);

impl Tools {
    /// Opens the folder of the program that was started as `program`. Fails if the program there is
    /// not this one.
    pub(crate) fn beside(program: &Path) -> Result<Self, String> {
        let folder = program.parent().ok_or("the launcher was not started by its path")?;
        let held = hold(folder)
            .map_err(|error| format!("cannot open the folder of the tools: {error}"))?;
        let tools = Self(held);
        // A link in the place of the program could lead back to `/proc/self/exe`.
        let own = identity(fs::metadata("/proc/self/exe"));
        if own.is_some() && identity(fs::symlink_metadata(tools.file(NAME))) == own {
            return Ok(tools);
        }
        Err("the folder of the tools is not that of this program: another process has taken the keeper's place"
            .to_owned())
    }

    /// Returns the path of a file in the folder, valid in this process and in those that it starts.
    pub(crate) fn file(&self, name: &str) -> String {
        format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd())
    }

    /// Adds the folder to the end, or to the beginning, of a search path.
    pub(crate) fn search_path(&self, own: &OsStr, tools_first: bool) -> OsString {
        let folder = OsString::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()));
        let colon = OsStr::new(":");
        match (own.is_empty(), tools_first) {
            (true, _) => folder,
            (false, true) => [&folder, colon, own].into_iter().collect(),
            (false, false) => [own, colon, &folder].into_iter().collect(),
        }
    }
}

fn hold(folder: &Path) -> io::Result<OwnedFd> {
    let opened = File::options().read(true).custom_flags(O_PATH | O_DIRECTORY).open(folder)?;
    let mut outcome = Err(io::ErrorKind::InvalidInput.into());
    for number in NUMBERS {
        outcome = system::inheritable(opened.as_fd(), number);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Returns the folder that contains the folder of this program: `/` in a toolkit image,
/// `/.scratchdbg` in a debug twin.
pub(crate) fn base() -> PathBuf {
    base_of(Path::new(&std::env::args_os().next().unwrap_or_default()))
}

fn base_of(program: &Path) -> PathBuf {
    program
        .ancestors()
        .nth(2)
        .filter(|base| base.is_absolute())
        .unwrap_or(Path::new("/"))
        .to_owned()
}

/// Whether two paths lead to the same file.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    identity(fs::metadata(one)).is_some_and(|one| identity(fs::metadata(other)) == Some(one))
}

/// Returns what no other file on this machine has.
fn identity(file: io::Result<Metadata>) -> Option<(u64, u64)> {
    file.map(|file| (file.dev(), file.ino())).ok()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::path::Path;

    use super::{NAME, Tools};

    #[test]
    fn a_folder_with_another_program_of_our_name_is_not_ours() {
        let own = fs::read_link("/proc/self/exe").unwrap();
        let folder = std::env::temp_dir().join(format!("scratchdbg-tools-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join(NAME);
        // A copy is a different file, even with the same content.
        fs::copy(&own, &program).unwrap();
        assert!(Tools::beside(&program).unwrap_err().contains("not that of this program"));
        fs::remove_file(&program).unwrap();
        assert!(Tools::beside(&program).is_err(), "none at all");
        // A link that leads to whoever follows it.
        std::os::unix::fs::symlink("/proc/self/exe", &program).unwrap();
        assert!(Tools::beside(&program).unwrap_err().contains("not that of this program"));
        fs::remove_file(&program).unwrap();
        // Another name of the same file is the same file.
        if fs::hard_link(&own, &program).is_ok() {
            let tools = Tools::beside(&program).unwrap();
            // The folder that is held open is not looked up again.
            fs::rename(&folder, folder.with_extension("moved")).unwrap();
            assert!(fs::metadata(tools.file(NAME)).is_ok());
            fs::rename(folder.with_extension("moved"), &folder).unwrap();
        }
        fs::remove_dir_all(&folder).unwrap();
        assert!(Tools::beside(Path::new("/")).is_err());
    }

    #[test]
    fn names_are_beside_the_folder_of_the_program() {
        for (program, base) in [
            ("/bin/scratchdbg-launcher", "/"),
            ("/.scratchdbg/bin/scratchdbg-launcher", "/.scratchdbg"),
            ("scratchdbg-launcher", "/"),
            ("bin/scratchdbg-launcher", "/"),
            ("/scratchdbg-launcher", "/"),
            ("", "/"),
        ] {
            assert_eq!(super::base_of(Path::new(program)), Path::new(base), "{program:?}");
        }
    }

    #[test]
    fn the_targets_own_programs_come_first_unless_told_otherwise() {
        let tools = Tools(std::fs::File::open("/").unwrap().into());
        let folder = tools.file("").trim_end_matches('/').to_owned();
        let path =
            |own: &str, first| tools.search_path(OsStr::new(own), first).into_string().unwrap();
        assert_eq!(path("/app:/bin", false), format!("/app:/bin:{folder}"));
        assert_eq!(path("/app:/bin", true), format!("{folder}:/app:/bin"));
        assert_eq!(path("", false), folder);
    }
}
