//! Platforms of images.

use std::fmt;
use std::str::FromStr;

use crate::ImageError;

/// An operating system, an architecture and optionally its variant, in Go's terms (`linux/amd64`,
/// `linux/arm/v7`), as in the image config.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// `GOOS`.
    pub os: String,
    /// `GOARCH`.
    pub architecture: String,
    /// CPU variant.
    pub variant: Option<String>,
}

impl Platform {
    /// Linux on the given `GOARCH`.
    pub fn linux(architecture: &str) -> Self {
        Self { os: "linux".into(), architecture: architecture.into(), variant: None }
    }

    /// The form that descriptors in an index use.
    pub(crate) fn descriptor_form(&self) -> oci_spec::image::Platform {
        let mut platform = oci_spec::image::Platform::default();
        platform.set_os(self.os.as_str().into());
        platform.set_architecture(self.architecture.as_str().into());
        platform.set_variant(self.variant.clone());
        platform
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.".contains(&b))
        };
        let parts: Vec<_> = text.split('/').collect();
        match parts[..] {
            [os, architecture] if word(os) && word(architecture) => {
                Ok(Self { os: os.into(), architecture: architecture.into(), variant: None })
            }
            [os, architecture, variant] if word(os) && word(architecture) && word(variant) => {
                Ok(Self {
                    os: os.into(),
                    architecture: architecture.into(),
                    variant: Some(variant.into()),
                })
            }
            _ => Err(ImageError::InvalidPlatform { text: text.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
        for text in
            ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "Linux/amd64", "linux/amd 64"]
        {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn descriptor_form_takes_nothing_from_the_host() {
        let platform: Platform = "linux/arm/v7".parse().unwrap();
        let json = serde_json::to_value(platform.descriptor_form()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"os": "linux", "architecture": "arm", "variant": "v7"})
        );
    }
}
