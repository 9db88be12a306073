//! Names of images, digests and platforms.

use scratchdbg_diagnose::Platform;
use scratchdbg_docker::ContainerName;
use scratchdbg_image::{Digest, TaggedReference};

/// `data` is the name. An accepted name is printed in a form that parses to the same name.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(reference) = text.parse::<TaggedReference>() {
        let written = reference.to_string();
        assert_eq!(written.parse::<TaggedReference>().unwrap().to_string(), written, "{text}");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse::<Platform>().unwrap(), platform, "{text}");
    }
    let _name = text.parse::<ContainerName>();
}
