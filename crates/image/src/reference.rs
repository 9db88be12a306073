//! Names of images.

use crate::ImageError;
use oci_spec::distribution::{ParseError, Reference};
use std::fmt;
use std::str::FromStr;

/// A tag cannot be longer (OCI distribution-spec).
const TAG_MAX: usize = 128;

/// A repository and a tag. `docker.io/library/` and `latest` are filled in where they are left out, as Docker does, so
/// that two spellings of one name are equal. Its text form is the full one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedReference {
    registry: String,
    repository: String,
    tag: String,
}

impl TaggedReference {
    /// The registry's host, with its port if it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository without its registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The name as users type it: without `docker.io/` and `library/`.
    pub fn familiar(&self) -> String {
        let repository = match self.registry.as_str() {
            "docker.io" => self.repository.strip_prefix("library/").unwrap_or(&self.repository).to_owned(),
            registry => format!("{registry}/{}", self.repository),
        };
        format!("{repository}:{}", self.tag)
    }

    /// The same repository with `suffix` appended to the tag.
    pub fn with_tag_suffix(&self, suffix: &str) -> Result<Self, ImageError> {
        format!("{self}{suffix}").parse()
    }
}

impl fmt::Display for TaggedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}

impl FromStr for TaggedReference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: String| ImageError::InvalidReference { text: text.to_owned(), reason };
        let reference: Reference = text.parse().map_err(|error| invalid(reason(text, &error)))?;
        // oci-spec takes `Shop/app` for a host without a dot and moves it into the repository unchecked.
        if reference.repository().bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid(reason(text, &ParseError::NameContainsUppercase)));
        }
        if reference.digest().is_some() {
            return Err(invalid("a digest cannot be given to an image that is yet to be built; use a tag".into()));
        }
        Ok(Self {
            registry: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
            tag: reference.tag().unwrap_or("latest").to_owned(),
        })
    }
}

fn reason(text: &str, error: &ParseError) -> String {
    let after_path = text.rsplit('/').next().unwrap_or(text);
    match (error, after_path.split_once(':')) {
        (ParseError::NameContainsUppercase, _) => "the repository must be in lower case".into(),
        (_, Some((_, tag))) if tag.len() > TAG_MAX => {
            format!("the tag has {} characters, at most {TAG_MAX} are allowed", tag.len())
        }
        (_, Some((_, ""))) => "the tag after the colon is missing".into(),
        _ => "expected [HOST[:PORT]/]REPOSITORY[:TAG], as in shop/app:1".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_shortened() {
        for (text, full, familiar) in [
            ("app", "docker.io/library/app:latest", "app:latest"),
            ("app:1", "docker.io/library/app:1", "app:1"),
            ("shop/app:1", "docker.io/shop/app:1", "shop/app:1"),
            ("docker.io/library/app:1", "docker.io/library/app:1", "app:1"),
            ("localhost/app:1", "localhost/app:1", "localhost/app:1"),
            (
                "localhost:5000/shop/app:v1.2_3-rc",
                "localhost:5000/shop/app:v1.2_3-rc",
                "localhost:5000/shop/app:v1.2_3-rc",
            ),
        ] {
            let reference: TaggedReference = text.parse().unwrap();
            assert_eq!((reference.to_string().as_str(), reference.familiar().as_str()), (full, familiar), "{text}");
            assert_eq!(reference.familiar().parse::<TaggedReference>().unwrap(), reference);
        }
    }

    #[test]
    fn bad_names_are_refused_with_the_reason() {
        let long = format!("app:{}", "x".repeat(129));
        let digest = format!("app@sha256:{}", "0".repeat(64));
        for (text, part) in [
            ("Shop/app:1", "lower case"),
            ("app:", "after the colon"),
            (&long, "129 characters"),
            (&digest, "digest"),
            ("", "expected"),
            ("a b:1", "expected"),
            ("app:-1", "expected"),
            ("app:1:2", "expected"),
        ] {
            let error = text.parse::<TaggedReference>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_twins_tag() {
        let reference: TaggedReference = "app:1".parse().unwrap();
        assert_eq!(reference.with_tag_suffix("-debug").unwrap().familiar(), "app:1-debug");
        let long: TaggedReference = format!("app:{}", "x".repeat(128)).parse().unwrap();
        assert!(long.with_tag_suffix("-debug").unwrap_err().to_string().contains("134 characters"));
    }
}
