//! Versions of the Docker API.

use std::fmt;
use std::str::FromStr;

/// A version such as 1.41.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

impl ApiVersion {
    /// The newest supported version: that of bollard's types.
    pub const NEWEST_KNOWN: Self = Self { major: 1, minor: 53 };
    /// The oldest supported version: that of Docker 20.10, and of Podman 4.
    pub const OLDEST_SUPPORTED: Self = Self { major: 1, minor: 40 };
    /// Since this version (Docker 23.0), a followed log continues across rotations.
    pub const FOLLOWS_ROTATION: Self = Self { major: 1, minor: 42 };
}

/// The text does not have the form `1.41`.
#[derive(Debug, thiserror::Error)]
#[error("not an API version")]
pub struct NotAVersion;

impl FromStr for ApiVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let (major, minor) = text.split_once('.').ok_or(NotAVersion)?;
        let number = |text: &str| text.parse().map_err(|_| NotAVersion);
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        let version = |text: &str| text.parse::<ApiVersion>().unwrap();
        assert!(version("1.9") < version("1.41"));
        assert_eq!(version("1.41").to_string(), "1.41");
        for bad in ["", "1", "1.", "1.x", "v1.41"] {
            assert!(bad.parse::<ApiVersion>().is_err(), "{bad}");
        }
    }
}
