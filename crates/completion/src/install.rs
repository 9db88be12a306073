//! The place of a shell's script in a home directory.
//!
//! Only files that are ours are replaced or removed.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::Shell;
use crate::shell::{END, MARK};

/// The largest file that is looked at, to see whether it is ours.
const LARGEST: u64 = 1024 * 1024;

/// The directories in which shells look for scripts of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homes {
    /// `XDG_DATA_HOME`, or `.local/share` in the home directory.
    pub data: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, or `.config` in the home directory.
    pub config: Option<PathBuf>,
    /// `BASH_COMPLETION_USER_DIR`.
    pub bash: Option<PathBuf>,
}

/// A script that is, or will be, installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The path of the script.
    pub path: PathBuf,
    shell: Shell,
}

/// What became of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was written.
    Written,
    /// It was removed.
    Removed,
    /// Everything was as wanted.
    Unchanged,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Written => "installed",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
        })
    }
}

/// A script cannot be installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Something else has its place.
    #[error("{} is not from scratchdbg: it is left alone", .0.display())]
    NotOurs(PathBuf),
    /// The user has changed the script.
    #[error("{} has been changed since scratchdbg wrote it: it is left alone", .0.display())]
    Changed(PathBuf),
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

impl Installation {
    /// Returns where a shell looks for the script. `None` if there is no home directory.
    pub fn of(shell: Shell, homes: &Homes) -> Option<Self> {
        let path = match shell {
            Shell::Bash => {
                let data = homes.data.as_ref().map(|data| data.join("bash-completion"));
                homes.bash.clone().or(data)?.join("completions/scratchdbg")
            }
            Shell::Zsh => homes.data.as_ref()?.join("zsh/site-functions/_scratchdbg"),
            Shell::Fish => homes.config.as_ref()?.join("fish/completions/scratchdbg.fish"),
        };
        Some(Self { path, shell })
    }

    /// Writes the script. Makes its directory, if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if something else has its place, or if it cannot be written.
    pub fn install(&self) -> Result<Change, InstallError> {
        let script = self.shell.script();
        if self.present()?.is_some_and(|present| present == script.as_bytes()) {
            return Ok(Change::Unchanged);
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|source| failed("make", folder, source))?;
        // A shell that starts at this moment reads the old script or the new one.
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(script.as_bytes())?;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| failed("write", &self.path, source))?;
        Ok(Change::Written)
    }

    /// Removes the script.
    ///
    /// # Errors
    ///
    /// Fails if something else has its place, or if it cannot be removed.
    pub fn uninstall(&self) -> Result<Change, InstallError> {
        if self.present()?.is_none() {
            return Ok(Change::Unchanged);
        }
        fs::remove_file(&self.path).map_err(|source| failed("remove", &self.path, source))?;
        Ok(Change::Removed)
    }

    /// Returns the content of our script, if it is there.
    fn present(&self) -> Result<Option<Vec<u8>>, InstallError> {
        match scratchdbg_files::read(&self.path, LARGEST) {
            Ok(content) if is_ours(&content) && self.is_whole(&content) => Ok(Some(content)),
            Ok(content) if is_ours(&content) => Err(InstallError::Changed(self.path.clone())),
            Ok(_) => Err(InstallError::NotOurs(self.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed("read", &self.path, source)),
        }
    }

    /// Whether a file of ours has nothing of the user's behind it: it ends as our scripts do, or is
    /// a part of this one.
    fn is_whole(&self, content: &[u8]) -> bool {
        content.ends_with(END.as_bytes()) || self.shell.script().as_bytes().starts_with(content)
    }

    /// Returns what the user has to do for the shell to find the script.
    pub fn next_step(&self) -> String {
        match self.shell {
            Shell::Bash => {
                "new shells have it, where the package bash-completion is installed".to_owned()
            }
            Shell::Zsh => format!(
                "put `fpath+=({})` before `compinit` in ~/.zshrc",
                quoted(&self.path.parent().unwrap_or(&self.path).display().to_string())
            ),
            Shell::Fish => "new shells have it".to_owned(),
        }
    }
}

/// Returns a path as a word of a shell.
fn quoted(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if path.bytes().all(is_plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// Whether a file begins as our scripts do.
fn is_ours(content: &[u8]) -> bool {
    content.split(|&byte| byte == b'\n').take(2).any(|line| line.starts_with(MARK.as_bytes()))
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> InstallError {
    InstallError::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_installed_and_removed() {
        let home = tempfile::tempdir().unwrap();
        let homes = Homes {
            data: Some(home.path().join("data")),
            config: Some(home.path().join("config")),
            bash: None,
        };
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = Installation::of(shell, &homes).unwrap();
            assert_eq!(script.uninstall().unwrap(), Change::Unchanged);
            assert_eq!(script.install().unwrap(), Change::Written);
            assert_eq!(script.install().unwrap(), Change::Unchanged);
            assert_eq!(fs::read_to_string(&script.path).unwrap(), shell.script());
            fs::write(&script.path, format!("{MARK}, older\n{END}")).unwrap();
            assert_eq!(script.install().unwrap(), Change::Written);
            fs::write(&script.path, &shell.script()[..shell.script().len() / 2]).unwrap();
            assert_eq!(script.install().unwrap(), Change::Written);
            let changed = format!("{}alias s=scratchdbg\n", shell.script());
            fs::write(&script.path, &changed).unwrap();
            assert!(matches!(script.install(), Err(InstallError::Changed(_))));
            assert!(matches!(script.uninstall(), Err(InstallError::Changed(_))));
            assert_eq!(fs::read_to_string(&script.path).unwrap(), changed);
            fs::write(&script.path, shell.script()).unwrap();
            assert_eq!(script.uninstall().unwrap(), Change::Removed);
            assert!(!script.path.exists());
        }
        assert_eq!(Installation::of(Shell::Bash, &Homes::default()), None);
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let homes = Homes { bash: Some(home.path().to_owned()), ..Homes::default() };
        let script = Installation::of(Shell::Bash, &homes).unwrap();
        fs::create_dir_all(script.path.parent().unwrap()).unwrap();
        fs::write(&script.path, "complete -W 'a b' scratchdbg\n").unwrap();
        assert!(matches!(script.install(), Err(InstallError::NotOurs(_))));
        assert!(matches!(script.uninstall(), Err(InstallError::NotOurs(_))));
        assert_eq!(fs::read_to_string(&script.path).unwrap(), "complete -W 'a b' scratchdbg\n");
        fs::remove_file(&script.path).unwrap();
        fs::create_dir(&script.path).unwrap();
        assert!(matches!(script.install(), Err(InstallError::Io { .. })));
    }

    #[test]
    fn paths_are_words_of_a_shell() {
        assert_eq!(quoted("/home/me/.local/share"), "/home/me/.local/share");
        assert_eq!(quoted("/a b/$(x)"), "QQ/a b/$(x)QQ".replace("QQ", &char::from(39).to_string()));
    }
}
