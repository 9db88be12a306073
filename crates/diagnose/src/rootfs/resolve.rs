//! Resolves paths inside the image's root like a kernel does. Links never lead out of it.

use std::collections::VecDeque;

use super::{Entry, EntryKind, Lookup, Rootfs};

/// The number of links that Linux follows in one path (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// `PATH_MAX`.
const MAX_PATH: usize = 4096;

/// The result of resolving a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// The path leads to an entry.
    Found {
        /// The path without links.
        path: String,
        /// The entry; `None` for a directory that only the entries below it imply (owned by root,
        /// `0755`).
        entry: Option<&'a Entry>,
        /// The directories on the way, in order, if they are listed.
        parents: Vec<(String, &'a Entry)>,
    },
    /// The path does not exist.
    Missing {
        /// The first component that does not exist, without links.
        at: String,
        /// The last link that was followed, and its target as written.
        link: Option<(String, String)>,
        /// The directories on the way.
        parents: Vec<(String, &'a Entry)>,
    },
    /// A component on the way is a file.
    NotADirectory {
        /// That file.
        at: String,
    },
    /// More links than a kernel follows, or a path that is too long.
    Loop,
    /// A component on the way is not known yet.
    Unknown,
}

/// Returns `path` as an absolute path without `.`, `..`, or doubled slashes. Links are not
/// considered.
pub fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Returns the rest of a path through the root of a process, as the kernel follows it.
fn within_root(path: &str) -> &str {
    const ROOTS: [&str; 3] = ["/proc/self/root", "/proc/1/root", "/proc/thread-self/root"];
    let mut path = path;
    while let Some(rest) =
        ROOTS.iter().find_map(|root| path.strip_prefix(root).filter(|rest| rest.starts_with('/')))
    {
        path = rest;
    }
    path
}

impl Rootfs {
    /// Resolves `path` from the root, following links.
    pub fn resolve(&self, path: &str) -> Resolution<'_> {
        let path = within_root(path);
        let mut rest: VecDeque<String> = path.split('/').map(ToOwned::to_owned).collect();
        let mut here: Vec<String> = Vec::new();
        let mut parents = Vec::new();
        let mut link = None;
        let mut links = 0;
        let mut last = None;
        while let Some(part) = rest.pop_front() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    here.pop();
                    last = None;
                    continue;
                }
                _ => {}
            }
            here.push(part);
            let at = format!("/{}", here.join("/"));
            if at.len() > MAX_PATH {
                return Resolution::Loop;
            }
            let is_last = rest.iter().all(|part| part.is_empty() || part == ".");
            last = None;
            match self.lookup(&at) {
                Lookup::Unknown => return Resolution::Unknown,
                // Only the kernel knows the content of its file systems.
                Lookup::Absent if at.starts_with("/proc/") || (at == "/proc" && !is_last) => {
                    return Resolution::Unknown;
                }
                Lookup::Absent => return Resolution::Missing { at, link, parents },
                Lookup::Implied => {}
                Lookup::Present(Entry { kind: EntryKind::Symlink { target }, .. }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Resolution::Loop;
                    }
                    here.pop();
                    if target.starts_with('/') {
                        here.clear();
                    }
                    for part in target.rsplit('/') {
                        rest.push_front(part.to_owned());
                    }
                    link = Some((at, target.to_string()));
                }
                // A trailing slash requires a directory.
                Lookup::Present(entry) if is_last && (rest.is_empty() || entry.is_directory()) => {
                    last = Some(entry);
                }
                Lookup::Present(entry) if entry.is_directory() => parents.push((at, entry)),
                Lookup::Present(_) => return Resolution::NotADirectory { at },
            }
        }
        let path = format!("/{}", here.join("/"));
        let entry = last.or_else(|| match self.lookup(&path) {
            Lookup::Present(entry) => Some(entry),
            _ => None,
        });
        Resolution::Found { path, entry, parents }
    }

    /// Reports whether `path` leads to something; `None` if that is not known yet.
    pub(crate) fn exists(&self, path: &str) -> Option<bool> {
        match self.resolve(path) {
            Resolution::Found { .. } => Some(true),
            Resolution::Unknown => None,
            _ => Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rootfs: &Rootfs, path: &str) -> Option<String> {
        match rootfs.resolve(path) {
            Resolution::Found { path, .. } => Some(path),
            _ => None,
        }
    }

    #[test]
    fn links_stay_inside() {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/lib", Entry::symlink("usr/lib"));
        rootfs.insert("/usr/lib/libc.so.6", Entry::file(0o755, 1));
        rootfs.insert("/abs", Entry::symlink("/usr/lib"));
        rootfs.insert("/up", Entry::symlink("../../../usr"));
        rootfs.insert("/a", Entry::symlink("b"));
        rootfs.insert("/b", Entry::symlink("a"));
        rootfs.insert("/dangling", Entry::symlink("/nowhere/x"));
        for (path, target) in [
            ("/lib/libc.so.6", Some("/usr/lib/libc.so.6")),
            ("/abs/libc.so.6", Some("/usr/lib/libc.so.6")),
            ("/up/lib/libc.so.6", Some("/usr/lib/libc.so.6")),
            ("/usr/../lib/./libc.so.6", Some("/usr/lib/libc.so.6")),
            ("//lib", Some("/usr/lib")),
            ("/", Some("/")),
            ("/a", None),
            ("/lib/none", None),
        ] {
            assert_eq!(found(&rootfs, path).as_deref(), target, "{path}");
        }
        assert_eq!(rootfs.resolve("/a"), Resolution::Loop);
        assert_eq!(
            rootfs.resolve("/usr/lib/libc.so.6/x"),
            Resolution::NotADirectory { at: "/usr/lib/libc.so.6".to_owned() }
        );
        for path in ["/usr/lib/libc.so.6/", "/usr/lib/libc.so.6/.", "/lib/libc.so.6//"] {
            let at = "/usr/lib/libc.so.6".to_owned();
            assert_eq!(rootfs.resolve(path), Resolution::NotADirectory { at }, "{path}");
        }
        assert_eq!(found(&rootfs, "/lib/").as_deref(), Some("/usr/lib"));
        let Resolution::Missing { at, link, .. } = rootfs.resolve("/dangling") else { panic!() };
        assert_eq!(at, "/nowhere");
        assert_eq!(link, Some(("/dangling".to_owned(), "/nowhere/x".to_owned())));
    }

    #[test]
    fn growing_links_end() {
        let mut rootfs = Rootfs::complete();
        rootfs.insert("/x", Entry::symlink("x/x/x/x/x/x/x/x"));
        assert_eq!(rootfs.resolve("/x"), Resolution::Loop);
    }

    #[test]
    fn normalization() {
        for (path, normal) in
            [("", "/"), ("a/b", "/a/b"), ("./a", "/a"), ("/a/../../b/", "/b"), ("//a//b", "/a/b")]
        {
            assert_eq!(normalize(path), normal, "{path}");
        }
    }
}
