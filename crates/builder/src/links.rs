//! Resolves links among the files of an image.

use scratchdbg_diagnose::rootfs::normalize;
use scratchdbg_image::{Entry, Node, Tree};

/// The maximum number of links that the kernel follows.
const MOST_LINKS: usize = 40;

/// Whether an absolute, normalized path passes through no link: it exists and is not a link, or its
/// folder does. The parents of a tree's entry are always folders.
pub(crate) fn is_plain(files: &Tree, path: &str) -> bool {
    let folder = || path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match files.get(path) {
        Some(entry) => !matches!(entry.node, Node::Symlink(_)),
        None => matches!(files.get(folder()), Some(Entry { node: Node::Directory, .. })),
    }
}

/// Resolves all links in a path, as far as they are in `files`.
pub(crate) fn real_path(files: &Tree, path: &str) -> Result<String, String> {
    let whole = normalize(path);
    if is_plain(files, &whole) {
        return Ok(whole);
    }
    let mut left: Vec<String> =
        whole.split('/').rev().filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let mut real = String::new();
    let mut links = 0;
    while let Some(part) = left.pop() {
        if part == ".." {
            real.truncate(real.rfind('/').unwrap_or(0));
            continue;
        }
        let next = format!("{real}/{part}");
        let Some(Entry { node: Node::Symlink(target), .. }) = files.get(&next) else {
            real = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(format!("the links at {path} lead in a circle"));
        }
        if target.starts_with('/') {
            real.clear();
        }
        left.extend(
            target
                .split('/')
                .rev()
                .filter(|part| !part.is_empty() && *part != ".")
                .map(str::to_owned),
        );
    }
    Ok(if real.is_empty() { "/".to_owned() } else { real })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_within_the_image() {
        let mut tree = Tree::with_root();
        for (path, target) in [
            ("lib", "usr/lib"),
            ("usr/lib64", "/lib/x/.."),
            ("a", "b"),
            ("b", "a"),
            ("up", "../../etc"),
        ] {
            let node = Node::Symlink(target.to_owned());
            tree.insert(path, Entry { node, ..Entry::directory() }).unwrap();
        }
        for (path, expected) in [
            ("/lib/y", "/usr/lib/y"),
            ("/usr/lib64", "/usr/lib"),
            ("/up/x", "/etc/x"),
            ("/", "/"),
            ("/none/../n", "/n"),
        ] {
            assert_eq!(real_path(&tree, path).unwrap(), expected, "{path}");
        }
        assert!(real_path(&tree, "/a").unwrap_err().contains("circle"));
    }
}
