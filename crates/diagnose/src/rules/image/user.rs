//! `user-unknown`, `user-not-numeric`, `runs-as-root`.

use super::ImageFacts;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::identity::{self, Resolved};

/// A user that prevents the container from starting.
pub(super) fn unknown(image: ImageFacts<'_>) -> Option<Finding> {
    let user = image.config.user.as_str();
    let (what, name, file) = match identity::resolve(user, image.rootfs) {
        Resolved::UnknownUser(name) => ("user", name, "/etc/passwd"),
        Resolved::UnknownGroup(name) => ("group", name, "/etc/group"),
        Resolved::OutOfRange(what, number) => return Some(out_of_range(user, what, &number)),
        Resolved::Known(_) | Resolved::Open => return None,
    };
    let there = if image.rootfs.exists(file) == Some(true) {
        "does not know it"
    } else {
        "is not in the image"
    };
    Some(
        Finding::new(
            Code::UserUnknown,
            Severity::Error,
            format!("the image runs as the {what} \"{name}\", and {file} {there} (\"unable to find {what} {name}\")"),
        )
        .evidence(format!("User: {user}"))
        .evidence(format!("{file} {there}"))
        .fix(format!("use numbers: USER 65532:65532; or add {file} with an entry for {name}")),
    )
}

fn out_of_range(user: &str, what: &str, number: &str) -> Finding {
    Finding::new(
        Code::UserUnknown,
        Severity::Error,
        format!(
            "the image runs as the {what} {number}, and engines take numbers up to 2147483647 (\"uids and gids must be in range\")"
        ),
    )
    .evidence(format!("User: {user}"))
    .fix("use a smaller number: USER 65532:65532")
}

/// A user that Kubernetes or a careful operator rejects.
pub(super) fn check(image: ImageFacts<'_>) -> Option<Finding> {
    let user = image.config.user.as_str();
    let name = user.split(':').next().unwrap_or_default();
    let Resolved::Known(identity) = identity::resolve(user, image.rootfs) else { return None };
    if identity.uid == 0 {
        let written = if user.is_empty() {
            "the configuration names no user".to_owned()
        } else {
            format!("User: {user}")
        };
        return Some(
            Finding::new(
                Code::RunsAsRoot,
                Severity::Warning,
                "the program runs as root; Kubernetes refuses it under runAsNonRoot (\"image will run as root\")",
            )
            .evidence(written)
            .fix("name an unprivileged user: USER 65532:65532 in a Dockerfile, --user on the command line"),
        );
    }
    name.parse::<u32>().is_err().then(|| {
        Finding::new(
            Code::UserNotNumeric,
            Severity::Warning,
            format!(
                "the image names its user \"{name}\": Kubernetes cannot verify that it is not root (\"image has non-numeric \
                 user\") and refuses it under runAsNonRoot"
            ),
        )
        .evidence(format!("User: {user}"))
        .evidence(format!("/etc/passwd says that it is {}:{}", identity.uid, identity.gid))
        .fix(format!("write the numbers: USER {}:{}", identity.uid, identity.gid))
    })
}
