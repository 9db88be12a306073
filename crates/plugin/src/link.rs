//! Installs a plugin: a symbolic link to the program, under the name that the client looks for.
//!
//! Only links that lead to a scratchdbg are replaced or removed.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{docker, kubectl};

/// The file name of this program, which all our links lead to.
const PROGRAM: &str = "scratchdbg";

/// A client that runs plugins. Its text is the name of its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// docker.
    Docker,
    /// kubectl.
    Kubectl,
}

impl Client {
    /// Returns the folder where the client looks for plugins of this user. `docker_config` is the
    /// folder of Docker's configuration. kubectl looks in `PATH`, where `program` usually is.
    pub fn folder(self, program: &Path, docker_config: Option<&Path>) -> Option<PathBuf> {
        match self {
            Self::Docker => docker_config.map(|folder| folder.join("cli-plugins")),
            Self::Kubectl => program.parent().map(Path::to_owned),
        }
    }

    /// Returns the links that make the plugin.
    pub fn links(self, folder: &Path) -> Vec<Link> {
        let names: &[&str] = match self {
            Self::Docker => &[docker::NAME],
            Self::Kubectl => &[kubectl::NAME, kubectl::COMPLETION_NAME],
        };
        names.iter().map(|name| Link { path: folder.join(name) }).collect()
    }
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Docker => "docker",
            Self::Kubectl => "kubectl",
        })
    }
}

/// A link that is, or will be, installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The path of the link.
    pub path: PathBuf,
}

/// What became of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    Made,
    /// It led to another scratchdbg, and was replaced.
    Replaced,
    /// It was removed.
    Removed,
    /// Everything was as wanted.
    Unchanged,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Made => "installed",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
        })
    }
}

/// A link cannot be installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Something else has its place.
    #[error("{} is not a link to scratchdbg: it is left alone", .0.display())]
    NotOurs(PathBuf),
    /// The file system refuses.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl LinkError {
    /// Returns what the user can do, in one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotOurs(_) => "remove it yourself, or name another directory: --dir DIR",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "name a directory of your own, or run it as root: --dir DIR"
            }
            Self::Io { .. } => "check the path, or name another directory: --dir DIR",
        }
    }
}

impl Link {
    /// Makes the link lead to `program`. Makes the folder, if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if something else has the link's place, or if the link cannot be made.
    pub fn install(&self, program: &Path) -> Result<Change, LinkError> {
        let target = self.target()?;
        if target.as_deref() == Some(program) {
            return Ok(Change::Unchanged);
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)
                .map_err(|source| failed("make the folder", folder, source))?;
        }
        if target.is_some() {
            fs::remove_file(&self.path).map_err(|source| failed("replace", &self.path, source))?;
        }
        symlink(program, &self.path).map_err(|source| failed("make", &self.path, source))?;
        Ok(if target.is_some() { Change::Replaced } else { Change::Made })
    }

    /// Removes the link.
    ///
    /// # Errors
    ///
    /// Fails if something else has the link's place, or if the link cannot be removed.
    pub fn uninstall(&self) -> Result<Change, LinkError> {
        if self.target()?.is_none() {
            return Ok(Change::Unchanged);
        }
        fs::remove_file(&self.path).map_err(|source| failed("remove", &self.path, source))?;
        Ok(Change::Removed)
    }

    /// Returns where our link leads, if there is one.
    fn target(&self) -> Result<Option<PathBuf>, LinkError> {
        match fs::read_link(&self.path) {
            Ok(target) if target.file_name() == Some(OsStr::new(PROGRAM)) => Ok(Some(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // A file that is no link is an invalid argument for readlink(2).
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                Err(failed("read", &self.path, error))
            }
            Ok(_) | Err(_) => Err(LinkError::NotOurs(self.path.clone())),
        }
    }
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> LinkError {
    LinkError::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link_in(folder: &Path) -> Link {
        Client::Docker.links(folder).remove(0)
    }

    #[test]
    fn each_client_has_its_folder_and_its_links() {
        let folder =
            |client: Client| client.folder(Path::new("/opt/bin/scratchdbg"), Some(Path::new("/c")));
        assert_eq!(folder(Client::Docker), Some("/c/cli-plugins".into()));
        assert_eq!(folder(Client::Kubectl), Some("/opt/bin".into()));
        assert_eq!(Client::Docker.folder(Path::new("/x"), None), None);
        assert_eq!(Client::Kubectl.links(Path::new("/b")).len(), 2);
    }

    #[test]
    fn links_are_made_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let link = link_in(&folder.path().join("cli-plugins"));
        let program = Path::new("/usr/bin/scratchdbg");
        assert_eq!(link.uninstall().unwrap(), Change::Unchanged);
        assert_eq!(link.install(program).unwrap(), Change::Made);
        assert_eq!(link.install(program).unwrap(), Change::Unchanged);
        assert_eq!(link.install(Path::new("/opt/scratchdbg")).unwrap(), Change::Replaced);
        assert_eq!(fs::read_link(&link.path).unwrap(), Path::new("/opt/scratchdbg"));
        assert_eq!(link.uninstall().unwrap(), Change::Removed);
        assert!(fs::symlink_metadata(&link.path).is_err());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let link = link_in(folder.path());
        let program = Path::new("/usr/bin/scratchdbg");
        let expect_refused = || {
            for outcome in [link.install(program), link.uninstall()] {
                assert!(matches!(outcome, Err(LinkError::NotOurs(_))), "{outcome:?}");
            }
        };
        fs::write(&link.path, "#!/bin/sh").unwrap();
        expect_refused();
        assert_eq!(fs::read(&link.path).unwrap(), b"#!/bin/sh");
        fs::remove_file(&link.path).unwrap();
        symlink("/usr/bin/other", &link.path).unwrap();
        expect_refused();
        fs::remove_file(&link.path).unwrap();
        fs::create_dir(&link.path).unwrap();
        expect_refused();
        // A file in the place of the folder.
        fs::write(folder.path().join("file"), "").unwrap();
        let below = link_in(&folder.path().join("file"));
        assert!(matches!(below.install(program), Err(LinkError::Io { .. })));
    }
}
