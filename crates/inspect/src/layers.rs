//! The files of an image: its layers, applied in order.

mod unpacked;

use std::collections::BTreeMap;
use std::io::Read;

use scratchdbg_diagnose::Finding;
use scratchdbg_diagnose::mentions::Mentions;
use scratchdbg_diagnose::rootfs::{Entry, EntryKind};
use scratchdbg_diagnose::rules::image::layer;
use scratchdbg_image::read::{Member, MemberKind, ReadError};

use crate::contents;

pub(crate) use unpacked::Layer;

/// The limit of file content that is kept, in bytes. Rules read a few small lists.
const MOST_CONTENT: u64 = 16 * 1024 * 1024;
/// The limit of files with the program's name that are searched.
const MOST_SEARCHED: usize = 100;

/// The layers that have been applied.
#[derive(Default)]
pub(crate) struct Merged {
    /// The file name of the image's program.
    program: String,
    pub(crate) entries: BTreeMap<Box<str>, Entry>,
    /// The mentions of files with that name, by path.
    pub(crate) mentions: BTreeMap<String, Mentions>,
    /// Findings about single files of any layer: a file that a later layer hides can still be read
    /// in the image.
    pub(crate) findings: Vec<Finding>,
    /// The bytes of content that were kept.
    kept: u64,
}

impl Merged {
    /// Begins an image whose program has this file name.
    pub(crate) fn of(program: &str) -> Self {
        Self { program: program.to_owned(), ..Self::default() }
    }

    /// Adds an entry to a layer.
    pub(crate) fn member(
        &mut self,
        member: &Member,
        data: &mut dyn Read,
        layer: &mut Layer,
    ) -> Result<(), ReadError> {
        let path = layer.place(&member.path);
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        if name == ".wh..wh..opq" {
            // The root of a layer is opaque to nothing: overlayfs takes it as it is.
            if !folder.is_empty() {
                layer.emptied.push(folder.to_owned());
            }
            return Ok(());
        }
        match name.strip_prefix(".wh.") {
            Some("" | "." | "..") => {
                let reason = "a whiteout of a directory itself, which engines refuse".to_owned();
                return Err(ReadError::Invalid { what: path, reason });
            }
            Some(hidden) => {
                layer.removed.push(format!("{folder}/{hidden}"));
                return Ok(());
            }
            None => {}
        }
        let entry = match &member.kind {
            MemberKind::Directory => Entry::directory(member.mode),
            MemberKind::Symlink(target) => Entry::symlink(target.as_str()),
            MemberKind::Special => {
                Entry { kind: EntryKind::Special, ..Entry::file(member.mode, 0) }
            }
            MemberKind::HardLink(target) => self.hard_link(member, &path, target, layer),
            MemberKind::File => {
                let search = name == self.program
                    && layer.mentions.len() + self.mentions.len() < MOST_SEARCHED;
                let seen = contents::read(&path, member.mode, member.size, data, search).map_err(
                    |error| ReadError::Invalid { what: path.clone(), reason: error.to_string() },
                )?;
                layer.mentions.extend(seen.mentions.map(|mentions| (path.clone(), mentions)));
                self.findings.extend(layer::secret_content(&path, &seen.head));
                seen.entry
            }
        };
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        let mut entry = Entry {
            capabilities: member.capabilities.as_deref().map(Into::into),
            ..entry.owned_by(id(member.uid), id(member.gid))
        };
        self.keep(&mut entry);
        self.findings.extend(layer::setuid(&path, &entry));
        self.findings.extend(layer::secret_path(&path, &entry));
        layer.insert(path, entry);
        Ok(())
    }

    /// Returns the entry of the file that a hard link names, with the link's mode. The file must
    /// come before the link in the same layer, or the layer cannot be unpacked: engines unpack it
    /// alone.
    fn hard_link(&mut self, member: &Member, path: &str, target: &str, layer: &mut Layer) -> Entry {
        let target = layer.place(target);
        if layer.mentions.len() < MOST_SEARCHED
            && let Some(mentions) = layer.mentions.get(&target).cloned()
        {
            layer.mentions.insert(path.to_owned(), mentions);
        }
        let linked =
            layer.entries.get(target.as_str()).filter(|entry| !entry.is_directory()).cloned();
        if let Some(entry) = linked {
            layer.link(path, &target);
            return Entry { mode: member.mode, ..entry };
        }
        let is_below = self.entries.get(target.as_str()).is_some_and(|entry| !entry.is_directory());
        self.findings.push(if is_below && !layer.entries.contains_key(target.as_str()) {
            layer::hard_link_to_lower_layer(path, &target)
        } else {
            layer::hard_link(path, &target)
        });
        Entry::file(member.mode, 0)
    }

    /// Keeps the content of a file up to the limit.
    fn keep(&mut self, entry: &mut Entry) {
        let EntryKind::File { content, .. } = &mut entry.kind else { return };
        let size = content.as_ref().map_or(0, |content| content.len()) as u64;
        if self.kept + size > MOST_CONTENT {
            *content = None;
        } else {
            self.kept += size;
        }
    }

    /// Applies a layer: first its whiteouts, which concern the layers below, then its entries.
    pub(crate) fn apply(&mut self, layer: Layer) {
        let layer = layer.finish();
        for path in &layer.removed {
            self.entries.remove(path.as_str());
            self.mentions.remove(path);
            self.empty(path);
        }
        for folder in &layer.emptied {
            self.empty(folder);
        }
        if self.entries.is_empty() {
            // Move the first layer: it may have a million entries.
            self.entries = layer.entries;
            self.mentions = layer.mentions;
            return;
        }
        for path in layer.removed.iter().chain(&layer.emptied) {
            self.imply_parents(path, &layer.entries);
        }
        // Neighbors have the same parent.
        let mut last = String::new();
        for path in layer.entries.keys() {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if parent != last {
                parent.clone_into(&mut last);
                self.imply_parents(path, &layer.entries);
            }
        }
        for (path, entry) in layer.entries {
            if !entry.is_directory() {
                self.mentions.remove(&*path);
                self.empty(&path);
            }
            self.entries.insert(path, entry);
        }
        self.mentions.extend(layer.mentions);
    }

    /// A layer is unpacked alone: a parent that it does not list is a new directory there, and
    /// hides a file or a link of a lower layer.
    fn imply_parents(&mut self, path: &str, listed: &BTreeMap<Box<str>, Entry>) {
        for (end, _) in path.match_indices('/').skip(1) {
            let parent = &path[..end];
            if !listed.contains_key(parent)
                && self.entries.get(parent).is_some_and(|entry| !entry.is_directory())
            {
                self.entries.remove(parent);
                self.mentions.remove(parent);
            }
        }
    }

    fn empty(&mut self, folder: &str) {
        remove_below(&mut self.entries, folder);
        remove_below(&mut self.mentions, folder);
    }
}

/// Removes the entries below a folder, without a scan of the others: an image may have a million
/// entries and whiteouts.
fn remove_below<K: Ord + From<String>, T>(map: &mut BTreeMap<K, T>, folder: &str) {
    let folder = folder.trim_end_matches('/');
    // The byte after the slash.
    map.extract_if(K::from(format!("{folder}/"))..K::from(format!("{folder}0")), |_, _| true)
        .for_each(drop);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(path: &str, kind: MemberKind) -> Member {
        Member {
            path: path.to_owned(),
            kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            size: 0,
            capabilities: None,
            is_plain: true,
        }
    }

    /// Each entry is a file; one that ends with a slash a directory, one with an arrow a hard link,
    /// and one with a double arrow a symbolic link.
    fn merged(layers: &[&[&str]]) -> Merged {
        let mut merged = Merged::of("app");
        for entries in layers {
            let mut layer = Layer::default();
            for entry in *entries {
                let member = match (entry.strip_suffix('/'), entry.split_once(" -> ")) {
                    _ if entry.contains(" => ") => {
                        let (path, target) = entry.split_once(" => ").unwrap();
                        member(path, MemberKind::Symlink(target.to_owned()))
                    }
                    (Some(path), _) => member(path, MemberKind::Directory),
                    (_, Some((path, target))) => {
                        member(path, MemberKind::HardLink(target.to_owned()))
                    }
                    _ => member(entry, MemberKind::File),
                };
                merged.member(&member, &mut &b""[..], &mut layer).unwrap();
            }
            merged.apply(layer);
        }
        merged
    }

    #[test]
    fn layers_are_applied_one_on_the_other() {
        for (layers, expected) in [
            (&[&["a/", "a/b", "a.b", "a0"][..], &["a"]][..], "/a /a.b /a0"),
            (&[&["a/", "a/b", "a/c/d"], &["a/"]], "/a /a/b /a/c/d"),
            (&[&["a/", "a/b", "ab"], &[".wh.a"]], "/ab"),
            (&[&["a/", "a/b"], &["a/.wh.b", "a/c"]], "/a /a/c"),
            (&[&["a/", "a/b", "x"], &["a/.wh..wh..opq", "a/c"]], "/a /a/c /x"),
            (&[&["d/a", "b"], &["d/.wh..wh..opq", "c"]], "/b /c"),
            // At the root it hides nothing.
            (&[&["a", "b"], &[".wh..wh..opq", "c"]], "/a /b /c"),
            (&[&["a", "b"], &[".wh.c"]], "/a /b"),
            (&[&["a/b"], &["a/b/c"]], "/a/b/c"),
            (&[&["a/b"], &["a/b/.wh.c"]], ""),
            // Through links of the same layer, and of a lower one.
            (&[&["d/", "l => d", "l/a"]], "/d /d/a /l"),
            (&[&["d/", "l => /../d", "l/a"]], "/d /d/a /l"),
            (&[&["d/", "x/y => ../d", "x/y/a"]], "/d /d/a /x/y"),
            (&[&["d/", "l => d"], &["l/a"]], "/d /l/a"),
            (&[&["d/", "d/a", "l => d"], &["l/.wh.a"]], "/d /d/a"),
            (&[&["d/", "d/a"], &["d/", "l => d", "l/.wh..wh..opq"]], "/d /l"),
            (&[&["d/", "l => d"], &["l/", "l/a"]], "/d /l /l/a"),
            (&[&["l => l", "l/a"]], "/l /l/a"),
        ] {
            let merged = merged(layers);
            let paths: Vec<_> = merged.entries.keys().map(|path| &**path).collect();
            assert_eq!(paths.join(" "), expected, "{layers:?}");
        }
    }

    #[test]
    fn hard_links_to_nothing_are_found() {
        for (layers, found) in [
            (&[&["a", "b -> a"][..]][..], 0),
            // Engines unpack a layer alone.
            (&[&["a"], &["b -> a"]], 1),
            (&[&["a"], &["a", "b -> a"]], 0),
            (&[&["a/", "b -> a"]], 1),
            (&[&["d/a", "l => d", "b -> l/a"]], 0),
            (&[&["a -> a"]], 1),
            (&[&["a -> b", "b -> a"]], 1),
            (&[&["b -> a", "a"]], 1),
            (&[&["a -> none"]], 1),
        ] {
            assert_eq!(merged(layers).findings.len(), found, "{layers:?}");
        }
    }

    /// All names of a file have one mode and owner: those of the last entry, as engines set them.
    #[test]
    fn a_hard_link_sets_mode_and_owner_of_its_file() {
        let mut merged = Merged::of("app");
        let mut layer = Layer::default();
        let link = |target: &str| MemberKind::HardLink(target.to_owned());
        for (path, kind, mode, uid) in [
            ("a", MemberKind::File, 0o644, 0),
            ("b", link("a"), 0o600, 1),
            ("c", link("b"), 0o755, 5),
            ("x", MemberKind::File, 0o755, 7),
        ] {
            let member = Member { mode, uid, ..member(path, kind) };
            merged.member(&member, &mut &b""[..], &mut layer).unwrap();
        }
        merged.apply(layer);
        let seen: Vec<_> = merged.entries.values().map(|entry| (entry.mode, entry.uid)).collect();
        assert_eq!(seen, [(0o755, 5), (0o755, 5), (0o755, 5), (0o755, 7)]);
    }

    #[test]
    fn a_whiteout_of_a_directory_itself_is_refused() {
        for path in [".wh.", "d/.wh.", "d/.wh..", "d/.wh..."] {
            let refused = Merged::of("app").member(
                &member(path, MemberKind::File),
                &mut &b""[..],
                &mut Layer::default(),
            );
            assert!(refused.is_err(), "{path}");
        }
    }

    #[test]
    fn content_has_a_limit() {
        let mut merged = Merged::of("app");
        let mut layer = Layer::default();
        let content = vec![b'x'; 1 << 20];
        for number in 0..20 {
            let member =
                Member { size: 1 << 20, ..member(&format!("{number}/passwd"), MemberKind::File) };
            merged.member(&member, &mut &content[..], &mut layer).unwrap();
        }
        let has_content =
            |entry: &&Entry| matches!(entry.kind, EntryKind::File { content: Some(_), .. });
        assert_eq!(layer.entries.values().filter(has_content).count(), 16);
    }
}
