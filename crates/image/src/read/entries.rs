//! The entries of an archive of images, before any of them is read.
//!
//! An engine unpacks an archive into a folder, and reads the files in it. Links, or two entries in
//! one place, would lead it to another file than a reader that looks for a name in the archive.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::io::{self, Read};

use super::tar::{Member, MemberKind};

/// The location of an entry's data in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) size: u64,
}

enum Entry {
    File(Place),
    Directory,
    /// Leads to the file at this path.
    Link(String),
}

/// The entries so far.
#[derive(Default)]
pub(super) struct Entries(BTreeMap<String, Entry>);

impl Entries {
    /// Adds an entry, whose data are at `offset`. The error tells why engines would not find in its
    /// place what is read there.
    pub(super) fn add(&mut self, member: &Member, offset: u64) -> Result<(), &'static str> {
        let entry = match &member.kind {
            MemberKind::File if member.path.is_empty() => {
                return Err("it is a file, and the root is a directory");
            }
            MemberKind::File => Entry::File(Place { offset, size: member.size }),
            MemberKind::Directory => Entry::Directory,
            MemberKind::Symlink(target) => match layer_link(&member.path, target) {
                Some(target) => Entry::Link(target),
                None => return Err("it is a symbolic link, which engines would follow"),
            },
            MemberKind::HardLink(_) => return Err("it is a hard link, which engines would follow"),
            MemberKind::Special => return Err("it is neither a file nor a directory"),
        };
        match (self.0.entry(member.path.clone()), entry) {
            (MapEntry::Vacant(vacant), entry) => drop(vacant.insert(entry)),
            (MapEntry::Occupied(there), Entry::Directory)
                if matches!(there.get(), Entry::Directory) => {}
            _ => return Err("it is there twice"),
        }
        Ok(())
    }

    /// Returns the files. The error names a path, and tells what is wrong with it.
    pub(super) fn files(self) -> Result<BTreeMap<String, Place>, (String, &'static str)> {
        for (path, entry) in &self.0 {
            let below = format!("{path}/");
            let next = self.0.range(below.clone()..).next();
            if !matches!(entry, Entry::Directory)
                && next.is_some_and(|(next, _)| next.starts_with(&below))
            {
                return Err((path.clone(), "it is no directory, and another entry is below it"));
            }
        }
        let place = |entry: &Entry| match entry {
            Entry::File(place) => Some(*place),
            Entry::Directory => None,
            // A link to nothing, or to another link, leads nowhere here.
            Entry::Link(target) => match self.0.get(target) {
                Some(Entry::File(place)) => Some(*place),
                _ => None,
            },
        };
        Ok(self.0.iter().filter_map(|(path, entry)| Some((path.clone(), place(entry)?))).collect())
    }
}

/// The path that a link leads to, if it is one that older versions of Docker, Podman and skopeo
/// write for a layer that is in the archive already: `ID/layer.tar`, which leads to
/// `../ID/layer.tar` or `../ID.tar`.
fn layer_link(path: &str, target: &str) -> Option<String> {
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let target = target.strip_prefix("../")?;
    let id = target.strip_suffix("/layer.tar").or_else(|| target.strip_suffix(".tar"))?;
    (is_id(path.strip_suffix("/layer.tar")?) && is_id(id)).then(|| target.to_owned())
}

/// How a file that begins like this is compressed, to an engine. It would unpack it first, and
/// perhaps find another archive.
pub(super) fn compression(mut file: impl Read) -> io::Result<Option<&'static str>> {
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head)?;
    Ok(match &head[..] {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("xz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, MemberKind)]) -> Result<Vec<String>, String> {
        let mut all = Entries::default();
        for (offset, (path, kind)) in entries.iter().enumerate() {
            let (mode, uid, gid, size, capabilities, is_plain) = (0o644, 0, 0, 1, None, true);
            let (path, kind) = ((*path).to_owned(), kind.clone());
            let member = Member { path, kind, mode, uid, gid, size, capabilities, is_plain };
            all.add(&member, offset as u64).map_err(str::to_owned)?;
        }
        let files = all.files().map_err(|(path, reason)| format!("{path}: {reason}"))?;
        Ok(files.into_iter().map(|(path, place)| format!("{path} at {}", place.offset)).collect())
    }

    #[test]
    fn entries_that_engines_would_find_elsewhere_are_refused() {
        use MemberKind::{Directory, File, HardLink, Special, Symlink};
        let link = |target: &str| Symlink(target.to_owned());
        for (entries, expected) in [
            (&[("manifest.json", File), ("manifest.json", File)][..], "there twice"),
            (&[("manifest.json", File), ("manifest.json", Directory)], "there twice"),
            (&[("manifest.json", Directory), ("manifest.json", File)], "there twice"),
            (&[("manifest.json", File), ("manifest.json", link("m2"))], "symbolic link"),
            (&[("manifest.json", File), ("manifest.json", HardLink("m2".to_owned()))], "hard link"),
            (&[("z", File), ("blobs/sha256/a", HardLink("z".to_owned()))], "hard link"),
            (&[("q", link(".")), ("q/manifest.json", File)], "symbolic link"),
            (&[("q/manifest.json", File), ("q", link("."))], "symbolic link"),
            (&[("manifest.json", Special)], "neither a file"),
            (&[("", File)], "the root"),
            (&[("q", File), ("q-", File), ("q/manifest.json", File)], "q: it is no directory"),
            (
                &[("aa/layer.tar", link("../bb.tar")), ("aa/layer.tar/x", File)],
                "aa/layer.tar: it is no directory",
            ),
            (&[("aa/layer.tar", link("../bb.tar")), ("aa/layer.tar", File)], "there twice"),
            // Links of other forms than those of layers.
            (&[("aa/layer.tar", link("/bb.tar"))], "symbolic link"),
            (&[("aa/layer.tar", link("../../bb.tar"))], "symbolic link"),
            (&[("aa/layer.tar", link("../bb/../cc.tar"))], "symbolic link"),
            (&[("aa/layer.tar", link("../.tar"))], "symbolic link"),
            (&[("aa/layer.tar", link("../bb/json"))], "symbolic link"),
            (&[("layer.tar", link("../bb.tar"))], "symbolic link"),
            (&[("blobs/sha256/layer.tar", link("../bb.tar"))], "symbolic link"),
        ] {
            let error = files(entries).unwrap_err();
            assert!(error.contains(expected), "{entries:?}: {error}");
        }
    }

    #[test]
    fn links_to_a_layer_that_is_there_already_are_followed() {
        use MemberKind::{Directory, File, Symlink};
        let link = |target: &str| Symlink(target.to_owned());
        let entries = [
            ("", Directory),
            ("aa", Directory),
            ("aa", Directory),
            ("aa/layer.tar", link("../bb/layer.tar")),
            ("bb/layer.tar", File),
            ("cc/layer.tar", link("../dd.tar")),
            ("dd.tar", File),
            ("ee/layer.tar", link("../aa/layer.tar")),
            ("ff/layer.tar", link("../0.tar")),
        ];
        let expected =
            ["aa/layer.tar at 4", "bb/layer.tar at 4", "cc/layer.tar at 6", "dd.tar at 6"];
        assert_eq!(files(&entries).unwrap(), expected);
    }

    #[test]
    fn what_engines_would_unpack_first_is_known() {
        for (head, expected) in [
            (&b"\x1f\x8b\x08\x04"[..], Some("gzip")),
            (b"BZh91AY", Some("bzip2")),
            (b"\xfd7zXZ\0", Some("xz")),
            (b"\x28\xb5\x2f\xfd", Some("zstd")),
            (b"\x5f\x2a\x4d\x18", Some("zstd")),
            (b"blobs/", None),
            (b"", None),
        ] {
            assert_eq!(compression(head).unwrap(), expected, "{head:?}");
        }
    }
}
