//! Names of existing images: by tag or by digest.

use std::fmt;
use std::str::FromStr;

use scratchdbg_image::{Digest, TaggedReference};

use crate::error::Error;

/// An image in a registry: `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`. A digest takes precedence
/// over the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    name: TaggedReference,
    digest: Option<Digest>,
}

impl Reference {
    /// Returns the registry's name.
    pub fn registry(&self) -> &str {
        self.name.registry()
    }

    /// Returns the repository without its registry.
    pub fn repository(&self) -> &str {
        self.name.repository()
    }

    /// Returns the digest that the manifest must have.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Returns the manifest's name in the registry's API.
    pub(crate) fn version(&self) -> String {
        self.digest.map_or_else(|| self.name.tag().to_owned(), |digest| digest.to_string())
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| Error::InvalidReference { text: text.to_owned(), reason };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest: Digest = digest
                    .parse()
                    .map_err(|error: scratchdbg_image::ImageError| invalid(error.to_string()))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let name = name.parse().map_err(|error| match error {
            scratchdbg_image::ImageError::InvalidReference { reason, .. } => invalid(reason),
            other => invalid(other.to_string()),
        })?;
        Ok(Self { name, digest })
    }
}

/// Formats the reference as users type it.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.digest {
            Some(digest) => {
                let name = self.name.familiar();
                let repository =
                    name.rsplit_once(':').map_or(name.as_str(), |(repository, _)| repository);
                write!(f, "{repository}@{digest}")
            }
            None => f.write_str(&self.name.familiar()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_digests() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, shown, version) in [
            ("app", "app:latest".to_owned(), "latest"),
            ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000/a/b:1".to_owned(), "1"),
            (&format!("r.example/a@{digest}"), format!("r.example/a@{digest}"), &digest),
            (&format!("r.example/a:1@{digest}"), format!("r.example/a@{digest}"), &digest),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(
                (reference.to_string(), reference.version()),
                (shown, version.to_owned()),
                "{text}"
            );
        }
        for bad in ["", "A", "a@sha256:1", "a@", "@x", "a b"] {
            assert!(
                matches!(bad.parse::<Reference>(), Err(Error::InvalidReference { .. })),
                "{bad}"
            );
        }
    }
}
