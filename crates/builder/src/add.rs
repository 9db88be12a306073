//! `--add`: adds files of this machine to the image.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use scratchdbg_image::{Entry, FileData, HostFile, ImageError, Node, Tree};

use crate::BuildError;

/// A file or folder of this machine, and its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// A file, or a folder whose contents are added. A symbolic link here is followed.
    pub source: PathBuf,
    /// An absolute path in the image. With a trailing slash, the folder that a file is added to.
    pub destination: String,
    /// Permission bits of the files. `None` means 0755 for files that somebody may execute and 0644
    /// for others, because the exact mode of a source file depends on its creator's umask.
    pub mode: Option<u32>,
    /// User and group of all added files.
    pub owner: (u64, u64),
}

impl FromStr for Addition {
    type Err = BuildError;

    /// `SRC:DST[:MODE[:UID[:GID]]]`, with the mode in octal. The group defaults to the user's
    /// number.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid =
            |reason| BuildError::InvalidSetting { what: "--add", value: text.to_owned(), reason };
        let mut parts = text.split(':');
        let (source, destination) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if source.is_empty() || !destination.starts_with('/') {
            return Err(invalid(
                "expected SRC:DST[:MODE[:UID[:GID]]] with an absolute DST, as in ca.pem:/etc/ca.pem",
            ));
        }
        let mode =
            parts.next().filter(|mode| !mode.is_empty()).map(|mode| u32::from_str_radix(mode, 8));
        let mode = mode.transpose().ok().filter(|mode| mode.is_none_or(|mode| mode <= 0o7777));
        let mode =
            mode.ok_or_else(|| invalid("the mode is up to four octal digits, as in 0644"))?;
        let mut id = || {
            let Some(text) = parts.next() else { return Ok(None) };
            // As with users. The kernel takes the largest for "leave it as it is".
            let id = text.parse().ok().filter(|&id: &u32| id <= i32::MAX.unsigned_abs());
            id.map(Some).ok_or_else(|| {
                invalid("user and group are numbers of at most 2147483647, as in 65532:65532")
            })
        };
        let user = id()?.unwrap_or(0);
        let group = id()?.unwrap_or(user);
        if parts.next().is_some() {
            return Err(invalid("expected at most SRC:DST:MODE:UID:GID"));
        }
        let owner = (u64::from(user), u64::from(group));
        Ok(Self { source: source.into(), destination: destination.into(), mode, owner })
    }
}

/// Whether a path is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It is, unless a rule for something below says otherwise.
    Yes,
    /// It is not. If it is a directory, something below may be, and then it is too.
    OnlyWithContent,
    /// It is not, nor is anything below.
    No,
}

impl Wanted {
    /// Whether a path is copied that two kinds of rules are about.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::No, _) | (_, Self::No) => Self::No,
            _ => Self::OnlyWithContent,
        }
    }
}

impl Addition {
    /// Adds the files to `tree`. Two different entries for one path are an error.
    pub fn apply(&self, tree: &mut Tree) -> Result<(), BuildError> {
        self.apply_filtered(tree, &|_| Wanted::Yes)
    }

    /// Like [`Addition::apply`], with those paths below the source that are wanted.
    pub(crate) fn apply_filtered(
        &self,
        tree: &mut Tree,
        wanted: &dyn Fn(&str) -> Wanted,
    ) -> Result<(), BuildError> {
        let metadata =
            fs::metadata(&self.source).map_err(|source| unreadable(&self.source, source))?;
        if metadata.is_dir() {
            tree.insert(&self.destination, self.own(Entry::directory()))?;
            return self.folder(tree, &self.source, "", wanted);
        }
        let destination = match self.destination.strip_suffix('/') {
            Some(folder) => format!("{folder}/{}", utf8_name(&self.source)?),
            None => self.destination.clone(),
        };
        self.file(tree, &self.source, &metadata, &destination)
    }

    /// `below` is the path of `folder` below the source.
    fn folder(
        &self,
        tree: &mut Tree,
        folder: &Path,
        below: &str,
        wanted: &dyn Fn(&str) -> Wanted,
    ) -> Result<(), BuildError> {
        let failed = |source| unreadable(folder, source);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = utf8_name(&path)?;
            let below = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let wanted_here = wanted(&below);
            if wanted_here == Wanted::No {
                continue;
            }
            let metadata =
                fs::symlink_metadata(&path).map_err(|source| unreadable(&path, source))?;
            let target = format!("{}/{below}", self.destination.trim_end_matches('/'));
            if metadata.is_dir() && wanted_here == Wanted::OnlyWithContent {
                let mut content = Tree::default();
                self.folder(&mut content, &path, &below, wanted)?;
                if !content.is_empty() {
                    tree.insert(&target, self.own(Entry::directory()))?;
                    tree.overlay(content)?;
                }
            } else if metadata.is_dir() {
                tree.insert(&target, self.own(Entry::directory()))?;
                self.folder(tree, &path, &below, wanted)?;
            } else if wanted_here == Wanted::OnlyWithContent {
                // Only directories have content.
            } else if metadata.is_symlink() {
                self.symlink(tree, &path, &target)?;
            } else {
                self.file(tree, &path, &metadata, &target)?;
            }
        }
        Ok(())
    }

    fn file(
        &self,
        tree: &mut Tree,
        path: &Path,
        metadata: &Metadata,
        destination: &str,
    ) -> Result<(), BuildError> {
        let source_mode = metadata.permissions().mode();
        let file = HostFile::new(path)?;
        let entry = match self.mode {
            Some(mode) => Entry::file(FileData::Host(file), mode),
            None => {
                let mode = if source_mode & 0o111 != 0 { 0o755 } else { 0o644 };
                Entry::file(FileData::Host(file.with_source_mode(source_mode)), mode)
            }
        };
        Ok(tree.insert(destination, self.own(entry))?)
    }

    /// Adds a link unchanged. A link that leads out of the added folder would have another target
    /// in the image, so it is an error.
    fn symlink(&self, tree: &mut Tree, path: &Path, destination: &str) -> Result<(), BuildError> {
        let target = fs::read_link(path).map_err(|source| unreadable(path, source))?;
        let text =
            target.to_str().ok_or_else(|| BuildError::NameNotUtf8 { path: path.to_owned() })?;
        let root = self.destination.trim_matches('/');
        let inside =
            text.starts_with('/') || stays_within(root, destination.trim_matches('/'), text);
        if !inside {
            return Err(BuildError::LinkLeadsOut {
                path: path.to_owned(),
                target: text.to_owned(),
            });
        }
        let entry = Entry { node: Node::Symlink(text.to_owned()), mode: 0o777, uid: 0, gid: 0 };
        Ok(tree.insert(destination, self.own(entry))?)
    }

    fn own(&self, entry: Entry) -> Entry {
        Entry { uid: self.owner.0, gid: self.owner.1, ..entry }
    }
}

/// Whether the relative link `text` at `link` leads to `root` or below, judged by the text alone.
fn stays_within(root: &str, link: &str, text: &str) -> bool {
    let mut parts: Vec<_> = link.split('/').collect();
    parts.pop();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.is_empty() => return false,
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    root.is_empty()
        || parts
            .join("/")
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn utf8_name(path: &Path) -> Result<&str, BuildError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| BuildError::NameNotUtf8 { path: path.to_owned() })
}

fn unreadable(path: &Path, source: std::io::Error) -> BuildError {
    BuildError::Image(ImageError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn addition(source: &Path, rest: &str) -> Addition {
        format!("{}:{rest}", source.display()).parse().unwrap()
    }

    fn listing(tree: &Tree) -> Vec<String> {
        let line = |(path, entry): (&str, &Entry)| {
            let kind = match &entry.node {
                Node::Directory => "d".to_owned(),
                Node::File(_) => "f".to_owned(),
                Node::HardLink(target) | Node::Symlink(target) => format!("-> {target}"),
            };
            format!("{path} {:o} {}:{} {kind}", entry.mode, entry.uid, entry.gid)
        };
        tree.iter().map(line).collect()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/run"), "x").unwrap();
        fs::write(folder.path().join("conf"), "x").unwrap();
        fs::set_permissions(folder.path().join("sub/run"), fs::Permissions::from_mode(0o710))
            .unwrap();
        fs::set_permissions(folder.path().join("conf"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("../conf", folder.path().join("sub/link")).unwrap();
        folder
    }

    #[test]
    fn a_file_goes_to_a_name_or_into_a_folder() {
        let folder = folder();
        let mut tree = Tree::default();
        addition(&folder.path().join("conf"), "/etc/app.conf").apply(&mut tree).unwrap();
        addition(&folder.path().join("sub/run"), "/bin/:0500:1000").apply(&mut tree).unwrap();
        assert_eq!(
            listing(&tree),
            ["bin 755 0:0 d", "bin/run 500 1000:1000 f", "etc 755 0:0 d", "etc/app.conf 644 0:0 f"]
        );
    }

    #[test]
    fn a_folder_brings_all_that_is_in_it() {
        let folder = folder();
        let mut tree = Tree::with_root();
        addition(folder.path(), "/srv:0644:1:2").apply(&mut tree).unwrap();
        assert_eq!(
            listing(&tree),
            [
                " 755 0:0 d",
                "srv 755 1:2 d",
                "srv/conf 644 1:2 f",
                "srv/sub 755 1:2 d",
                "srv/sub/link 777 1:2 -> ../conf",
                "srv/sub/run 644 1:2 f",
            ]
        );
        let mut tree = Tree::default();
        addition(folder.path(), "/srv").apply(&mut tree).unwrap();
        assert_eq!(tree.get("srv/sub/run").unwrap().mode, 0o755, "what somebody may execute");
    }

    #[test]
    fn what_cannot_be_in_an_image_is_refused() {
        let folder = folder();
        for target in ["../../x", "../..", "../../sub2/../../x"] {
            let link = folder.path().join("sub/out");
            symlink(target, &link).unwrap();
            let error = addition(folder.path(), "/srv").apply(&mut Tree::default()).unwrap_err();
            assert!(matches!(error, BuildError::LinkLeadsOut { .. }), "{target}: {error}");
            fs::remove_file(link).unwrap();
        }
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let error =
            addition(folder.path(), "/srv").apply(&mut Tree::default()).unwrap_err().to_string();
        assert!(error.contains("is a socket"), "{error}");
        drop(socket);
        let error = addition(Path::new("/nonexistent"), "/x")
            .apply(&mut Tree::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot read /nonexistent"), "{error}");
    }

    #[test]
    fn text_form() {
        for text in [
            "",
            "a",
            "a:b",
            ":/b",
            "a:/b:9",
            "a:/b:77777",
            "a:/b:0644:x",
            "a:/b:0644:1:2:3",
            "a:/b:0644:-1",
        ] {
            assert!(text.parse::<Addition>().is_err(), "{text}");
        }
        let full: Addition = "a:/b:0640:1:2".parse().unwrap();
        assert_eq!((full.mode, full.owner), (Some(0o640), (1, 2)));
        let owner: Addition = "a:/b::5".parse().unwrap();
        assert_eq!((owner.mode, owner.owner), (None, (5, 5)));
        for id in ["4294967295", "2147483648", "-1", "", "root"] {
            let error = format!("a:/b::{id}:0").parse::<Addition>().unwrap_err();
            assert!(error.to_string().contains("at most 2147483647"), "{id}: {error}");
        }
    }
}
