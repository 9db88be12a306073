//! Names of containers on the command line.

use std::fmt;
use std::str::FromStr;

/// The name or id of a container, or a prefix of an id, as the platform resolves it.
///
/// Names become part of request paths, where `..` or `?` would address something else. So only
/// valid names are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerName(String);

impl ContainerName {
    /// The name, safe to use in a request path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not a valid container name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` cannot be a container: names are letters, digits and `_.-`, and begin with a letter or digit"
)]
pub struct InvalidName {
    /// The text, escaped.
    pub name: String,
}

impl FromStr for ContainerName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        // Docker itself prints names with a leading slash.
        let name = text.strip_prefix('/').unwrap_or(text);
        let valid = name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "_.-".contains(character));
        if valid {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidName { name: text.escape_debug().to_string() })
        }
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
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
}
