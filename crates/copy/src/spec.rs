//! The two sides of a copy, as the command line names them.

use std::path::PathBuf;

use scratchdbg_archive::Unpacking;

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The container, pod or workload.
    pub target: String,
    /// Into it, or out of it.
    pub direction: Direction,
    /// Copy what the source leads to, where it is a link.
    pub follow: bool,
    /// Keep owner and group.
    pub keeps_owner: bool,
}

/// The direction of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Direction {
    /// Out of the target.
    Out(TargetPath, Place),
    /// Into the target.
    In(Place, TargetPath),
}

/// A place on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file or folder.
    Path(PathBuf),
    /// A tar stream on standard input or output.
    Stream,
}

/// A path in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPath {
    /// The absolute path, without `/.` at the end.
    pub path: String,
    /// Only what is in the folder is meant: the path ended with `/.`.
    pub is_contents: bool,
}

/// A command line that is no copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Neither side is in a target.
    #[error("neither `{0}` nor `{1}` is in a container")]
    NoTarget(String, String),
    /// Both sides are in a target.
    #[error("`{0}` and `{1}` are both in containers")]
    TwoTargets(String, String),
    /// A path is missing.
    #[error("`{0}` has no path")]
    NoPath(String),
}

impl Invalid {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoTarget(..) => {
                "one side is TARGET:PATH, such as web:/etc/hosts or pod/web:/etc/hosts".to_owned()
            }
            Self::TwoTargets(source, destination) => {
                format!(
                    "`scratchdbg cp {source} - | scratchdbg cp - {destination}` copies by way of this machine"
                )
            }
            Self::NoPath(side) => format!("the root of the container is `{side}/`"),
        }
    }
}

enum Side {
    Here(Place),
    There(String, TargetPath),
}

impl Copy {
    /// Reads the two sides. A target and its path are divided by the first colon. As for `docker
    /// cp`, what begins with `/` or `.` is a path of this machine.
    ///
    /// # Errors
    ///
    /// Fails unless exactly one side is in a target.
    pub fn parse(source: &str, destination: &str) -> Result<Self, Invalid> {
        let (target, direction) = match (side(source)?, side(destination)?) {
            (Side::There(target, path), Side::Here(place)) => (target, Direction::Out(path, place)),
            (Side::Here(place), Side::There(target, path)) => (target, Direction::In(place, path)),
            (Side::Here(_), Side::Here(_)) => {
                return Err(Invalid::NoTarget(source.to_owned(), destination.to_owned()));
            }
            (Side::There(..), Side::There(..)) => {
                return Err(Invalid::TwoTargets(source.to_owned(), destination.to_owned()));
            }
        };
        Ok(Self { target, direction, follow: false, keeps_owner: false })
    }
}

fn side(text: &str) -> Result<Side, Invalid> {
    if text == "-" {
        return Ok(Side::Here(Place::Stream));
    }
    match text.split_once(':') {
        Some((target, path)) if !target.is_empty() && !text.starts_with(['/', '.']) => {
            if path.is_empty() {
                return Err(Invalid::NoPath(text.to_owned()));
            }
            Ok(Side::There(target.to_owned(), TargetPath::of(path)))
        }
        _ if text.is_empty() => Err(Invalid::NoPath(text.to_owned())),
        _ => Ok(Side::Here(Place::Path(PathBuf::from(text)))),
    }
}

impl TargetPath {
    /// Reads a path. A relative one is below the root, as for `docker cp`.
    fn of(path: &str) -> Self {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let (mut path, mut is_contents) = (path.as_str(), false);
        while let Some(shorter) = path.strip_suffix("/.") {
            (path, is_contents) = (shorter, true);
        }
        let is_root = path.bytes().all(|byte| byte == b'/');
        let path = if is_root { "/" } else { path };
        let mut this = Self { path: path.to_owned(), is_contents: is_contents || is_root };
        this.is_contents |= this.name().is_none();
        this
    }

    /// Returns the name that a copy has in a folder of this machine, if it has one: what the user
    /// wrote. What the target calls it proves nothing.
    fn name(&self) -> Option<&str> {
        names(&self.path).pop().filter(|_| !self.is_contents)
    }

    /// Returns how a copy of this is written.
    pub(crate) fn unpacking(&self, keeps_owner: bool) -> Unpacking {
        Unpacking {
            is_any: false,
            is_contents: self.is_contents,
            name: self.name().map(Into::into),
            keeps_owner,
        }
    }
}

/// Returns the names of an absolute path by its text: without `.`, and without what `..` takes back.
pub(crate) fn names(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(target: &str, path: &str, is_contents: bool, place: &str) -> Copy {
        let path = TargetPath { path: path.to_owned(), is_contents };
        let place = if place == "-" { Place::Stream } else { Place::Path(place.into()) };
        let direction = Direction::Out(path, place);
        Copy { target: target.to_owned(), direction, follow: false, keeps_owner: false }
    }

    #[test]
    fn one_side_is_in_a_target() {
        assert_eq!(Copy::parse("web:/a", "x").unwrap(), out("web", "/a", false, "x"));
        assert_eq!(Copy::parse("web:a/b", "-").unwrap(), out("web", "/a/b", false, "-"));
        assert_eq!(Copy::parse("web:/a/.", "x").unwrap(), out("web", "/a", true, "x"));
        assert_eq!(Copy::parse("web:/a/", "x").unwrap(), out("web", "/a/", false, "x"));
        assert_eq!(Copy::parse("web:/", "x").unwrap(), out("web", "/", true, "x"));
        assert_eq!(Copy::parse("web:.", "x").unwrap(), out("web", "/", true, "x"));
        assert_eq!(Copy::parse("web:/a/..", "x").unwrap(), out("web", "/a/..", true, "x"));
        assert_eq!(
            Copy::parse("pod/web/app:/a:b", "./x:y").unwrap(),
            out("pod/web/app", "/a:b", false, "./x:y")
        );
        let into = Copy::parse("-", "web:/a").unwrap();
        assert!(matches!(into.direction, Direction::In(Place::Stream, _)));
        assert!(matches!(Copy::parse("/a:b", "x"), Err(Invalid::NoTarget(..))));
        assert!(matches!(Copy::parse("a:/b", "c:/d"), Err(Invalid::TwoTargets(..))));
        assert!(matches!(Copy::parse("a:", "x"), Err(Invalid::NoPath(..))));
        assert!(matches!(Copy::parse("", "a:/x"), Err(Invalid::NoPath(..))));
        assert!(matches!(Copy::parse(":/x", "a"), Err(Invalid::NoTarget(..))));
    }

    #[test]
    fn a_copy_has_the_name_that_was_asked_for() {
        for (path, name) in [
            ("/a/b", Some("b")),
            ("a", Some("a")),
            ("/a/b/", Some("b")),
            ("/a/b/..", Some("a")),
            ("/a/./b//", Some("b")),
            ("/a/.", None),
            ("/a/../..", None),
            ("/", None),
        ] {
            assert_eq!(TargetPath::of(path).name(), name, "{path}");
        }
    }
}
