//! What names a container on the command line.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The name or id of a container, or the beginning of an id, as the engine resolves it.
///
/// Only what can be a name is accepted. Names become part of request paths, and `..` or `?` in one would address
/// something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerName(String);

impl ContainerName {
    /// The name, fit to stand in a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContainerName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The engine itself writes names with a slash in front.
        let name = text.strip_prefix('/').unwrap_or(text);
        let valid = name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.chars().all(|character| character.is_ascii_alphanumeric() || "_.-".contains(character));
        if valid {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::InvalidName { name: text.escape_debug().to_string() })
        }
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which of the names a user may have meant: those that contain what was typed or are contained in it, and those that
/// differ in at most two letters.
pub(crate) fn similar<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    const MOST: usize = 3;
    let typed = typed.to_lowercase();
    let alike = |name: &str| {
        let name = name.to_lowercase();
        name.contains(&typed) || typed.contains(&name) || distance(&typed, &name) <= 2.min(typed.len() / 2)
    };
    names.filter(|name| alike(name)).take(MOST).map(str::to_owned).collect()
}

/// The edit distance (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, &right) in right.iter().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_address_something_else_are_refused() {
        for good in ["web", "/web", "shop_web-1", "0123abc", "a.b"] {
            assert!(good.parse::<ContainerName>().is_ok(), "{good}");
        }
        for bad in ["", "/", "../images/x", "a/b", "a?b", "a b", "-a", ".a", "a\u{1b}[2J", "ä"] {
            assert!(bad.parse::<ContainerName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn likely_names_are_offered() {
        let names = ["shop-web-1", "db", "wep", "queue"];
        assert_eq!(similar("web", names.into_iter()), ["shop-web-1", "wep"]);
        assert_eq!(similar("databse", ["database"].into_iter()), ["database"]);
        assert!(similar("x", ["db"].into_iter()).is_empty());
    }
}
