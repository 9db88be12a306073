//! Messages about images that cannot be pulled.

use super::{error, events};
use crate::code::Code;
use crate::finding::Finding;
use crate::pod::{PodContainer, PodFacts};

/// Words of container runtimes, in lower case, by code. The first code that applies is named.
const WORDS: &[(Code, &[&str])] = &[
    (
        Code::ImagePlatformMissing,
        &[
            "no match for platform",
            "no matching manifest",
            "no image found in image index",
            "no image found in manifest list",
        ],
    ),
    (Code::RegistryRateLimited, &["429 too many requests", "toomanyrequests", "pull rate limit"]),
    (
        Code::ImageAuth,
        &[
            "401 unauthorized",
            "403 forbidden",
            "no basic auth credentials",
            "authentication required",
            "unauthorized:",
            "unable to retrieve auth token",
            "requested access to the resource is denied",
            "incorrect username or password",
        ],
    ),
    (
        Code::ImageRegistryUnreachable,
        &[
            "dial tcp",
            "no such host",
            "connection refused",
            "no route to host",
            "i/o timeout",
            "tls handshake timeout",
            "x509:",
            "tls:",
            "server gave http response to https client",
            "connection reset by peer",
            "network is unreachable",
            "context deadline exceeded",
            "failed to do request",
        ],
    ),
    (
        Code::ImageNotFound,
        &[
            "manifest unknown",
            "name unknown",
            "repository does not exist",
            "insufficient_scope",
            "pull access denied",
        ],
    ),
];

/// Returns the code of a runtime's message about this image. Words that are part of the image's
/// name do not count.
pub(crate) fn code(image: &str, message: &str) -> Option<Code> {
    let repository = repository(image);
    let is_name =
        |word: &&str| word.contains("://") || (!repository.is_empty() && word.contains(repository));
    let words: Vec<&str> = message.split_whitespace().filter(|word| !is_name(word)).collect();
    let text = words.join(" ").to_ascii_lowercase();
    let known = WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| text.contains(word)))
        .map(|(code, _)| *code);
    known.or_else(|| {
        (text.contains("failed to resolve") && text.ends_with("not found"))
            .then_some(Code::ImageNotFound)
    })
}

/// The image's name without tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let path = image.rfind('/').map_or(0, |at| at + 1);
    match image[path..].find(':') {
        Some(tag) => &image[..path + tag],
        None => image,
    }
}

/// Returns what is wrong with the image, in words that follow its name.
pub(crate) fn sentence(code: Option<Code>) -> &'static str {
    match code {
        Some(Code::ImagePlatformMissing) => "does not exist for the platform of the node",
        Some(Code::RegistryRateLimited) => {
            "cannot be pulled now: the registry's rate limit is reached"
        }
        Some(Code::ImageAuth) => "cannot be pulled: the registry wants other credentials",
        Some(Code::ImageRegistryUnreachable) => {
            "cannot be pulled: the node does not get through to its registry"
        }
        Some(Code::ImageNotFound) => "is not in its registry, or not shown to the node",
        _ => "cannot be pulled",
    }
}

/// Returns what to do about it.
pub(crate) fn advice(code: Option<Code>) -> &'static str {
    match code {
        Some(Code::ImagePlatformMissing) => {
            "build it for that platform too, or choose nodes by the label kubernetes.io/arch"
        }
        Some(Code::RegistryRateLimited) => {
            "pull with credentials (imagePullSecrets), or from a mirror"
        }
        Some(Code::ImageAuth) => {
            "name a secret of type kubernetes.io/dockerconfigjson in imagePullSecrets; some registries answer so for images that do not exist"
        }
        Some(Code::ImageRegistryUnreachable) => {
            "see that nodes reach the registry: its name and port, a firewall or proxy, and its certificate"
        }
        Some(Code::ImageNotFound) => {
            "check name and tag, and whether the image was pushed; a private one needs imagePullSecrets"
        }
        _ => "the message tells why",
    }
}

/// An image that its container waits for.
pub(super) fn failed(pod: &PodFacts, container: &PodContainer, message: &str) -> Finding {
    // Between two attempts, older kubelets tell of the last one in an event only.
    let event = events::latest(pod, &container.name, "Failed", None, |text| {
        text.starts_with("Failed to pull image ")
    });
    let by_status = code(&container.image, message);
    let by_event = || event.and_then(|event| code(&container.image, event.text()));
    let code = by_status.or_else(by_event);
    let finding = error(
        code.unwrap_or(Code::ImagePullFailed),
        format!("image {} of container {} {}", container.image, container.name, sentence(code)),
    )
    .fix(advice(code));
    match event.filter(|_| by_status.is_none()) {
        Some(event) => finding.evidence(events::sentence(event)),
        None => finding,
    }
}
