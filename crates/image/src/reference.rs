//! Names of images.
//!
//! The grammar is that of the OCI distribution-spec and of Docker's `distribution/reference`. It is
//! parsed by hand, because the regular expression of `oci_spec::distribution::Reference` takes 18
//! MiB to compile, more than half of a command's memory limit. A test compares the two.

use std::fmt;
use std::str::FromStr;

use crate::ImageError;

/// The maximum length of a tag (OCI distribution-spec).
const TAG_MAX: usize = 128;
/// The maximum length of a repository (Docker's `NameTotalLengthMax`).
const REPOSITORY_MAX: usize = 255;
const DEFAULT_REGISTRY: &str = "docker.io";

/// A repository and a tag. As in Docker, missing parts are filled in with `docker.io/library/` and
/// `latest`, so that two spellings of one name are equal. The text form is the full name.
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

    /// The short name: without `docker.io/` and `library/`.
    pub fn familiar(&self) -> String {
        let repository = match self.registry.as_str() {
            "docker.io" => {
                self.repository.strip_prefix("library/").unwrap_or(&self.repository).to_owned()
            }
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
        parse(text).map_err(|reason| ImageError::InvalidReference { text: text.to_owned(), reason })
    }
}

fn parse(text: &str) -> Result<TaggedReference, String> {
    if text.contains('@') {
        return Err(
            "a digest cannot be given to an image that is yet to be built; use a tag".into()
        );
    }
    let last = text.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match text[last..].split_once(':') {
        Some((end, tag)) => (&text[..last + end.len()], tag),
        None => (text, "latest"),
    };
    let (registry, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
        _ => (DEFAULT_REGISTRY, name),
    };
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("the repository must be in lower case".into());
    }
    if tag.is_empty() {
        return Err("the tag after the colon is missing".into());
    }
    if tag.len() > TAG_MAX {
        return Err(format!("the tag has {} characters, at most {TAG_MAX} are allowed", tag.len()));
    }
    if !is_host(registry) || !path.split('/').all(is_component) || !is_tag(tag) {
        return Err("expected [HOST[:PORT]/]REPOSITORY[:TAG], as in shop/app:1".into());
    }
    let is_hub = matches!(registry, DEFAULT_REGISTRY | "index.docker.io");
    let repository =
        if is_hub && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
    if repository.len() > REPOSITORY_MAX {
        return Err(format!(
            "the repository has {} characters, at most {REPOSITORY_MAX} are allowed",
            repository.len()
        ));
    }
    let registry = if is_hub { DEFAULT_REGISTRY } else { registry };
    Ok(TaggedReference { registry: registry.into(), repository, tag: tag.into() })
}

/// Names of letters, digits and inner hyphens, joined by dots, with an optional port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Lower-case letters and digits, separated by one dot, one or two underscores, or any number of
/// hyphens.
fn is_component(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = text.split(|character: char| character.is_ascii() && is_word(character as u8));
    let is_separator =
        |part: &str| matches!(part, "" | "." | "_" | "__") || part.bytes().all(|byte| byte == b'-');
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.into_iter().all(|end| end.is_some_and(is_word)) && separators.into_iter().all(is_separator)
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().enumerate().all(|(at, byte)| is_word(byte) || (at > 0 && b".-".contains(&byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::distribution::Reference;
    use proptest::prelude::*;

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
            assert_eq!(
                (reference.to_string().as_str(), reference.familiar().as_str()),
                (full, familiar),
                "{text}"
            );
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

    proptest! {
        /// Except for upper case, which oci-spec accepts in a repository.
        #[test]
        fn oci_spec_reads_the_same(text in "[a-zA-B0./:_-]{1,20}|(localhost|a\\.b|docker\\.io)(:[0-9]{1,3})?/[a-z./_-]{1,9}(:[a-z._-]{1,4})?") {
            let theirs = text.parse::<Reference>().ok();
            let lower = theirs.as_ref().is_some_and(|r| !r.repository().bytes().any(|byte| byte.is_ascii_uppercase()));
            match text.parse::<TaggedReference>() {
                Ok(ours) => {
                    let theirs = theirs.unwrap();
                    prop_assert_eq!((ours.registry(), ours.repository(), Some(ours.tag())), (theirs.registry(), theirs.repository(), theirs.tag()));
                }
                Err(_) => prop_assert!(!lower, "{}", text),
            }
        }
    }
}
