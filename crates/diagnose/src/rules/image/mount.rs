//! `hidden-by-mount` and `mount-noexec`: a mount hides the image's files and may forbid execution.

use super::ImageFacts;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::mounts::{Mount, MountKind, Mounts};
use crate::rootfs::Resolution;

/// Returns advice for a mount that hides a required file.
fn elsewhere(mount: &Mount) -> String {
    let advice = format!(
        "mount it elsewhere, or only the files that are meant to be replaced, instead of all of {}",
        mount.destination
    );
    match mount.kind {
        MountKind::Tmpfs | MountKind::Other => advice,
        MountKind::Bind => {
            format!("{advice}; or put what is missing into {} on the host", mount.source)
        }
        MountKind::Volume => format!(
            "{advice}; or make the volume {} anew: an empty one is filled from the image, an older one keeps what it has",
            mount.source
        ),
    }
}

fn place(mount: &Mount) -> String {
    let what = match mount.kind {
        MountKind::Bind => format!("{} of the host", mount.source),
        MountKind::Volume => format!("volume {}", mount.source),
        MountKind::Tmpfs => "tmpfs, empty at every start".to_owned(),
        MountKind::Other => "another filesystem".to_owned(),
    };
    format!("mounted at {}: {what}", mount.destination)
}

/// Reports that a mount certainly hides the image's `path`. `what` is the subject of the sentence,
/// such as `the program /x`.
pub(crate) fn hidden(mount: &Mount, what: &str, path: &str, severity: Severity) -> Finding {
    Finding::new(
        Code::HiddenByMount,
        severity,
        format!("{what} is in the image, and {} hides it", mount.describe()),
    )
    .evidence(format!("{path} is in the image"))
    .evidence(place(mount))
    .evidence(format!("{path} is not in what is mounted"))
    .fix(elsewhere(mount))
}

/// A program that was not found at these paths, and that a mount hides.
pub(super) fn hidden_program(
    image: ImageFacts<'_>,
    program: &str,
    tried: &[String],
) -> Option<Finding> {
    let mounts = image.mounts?;
    tried.iter().find_map(|path| {
        let place = way(image, path).find(|place| mounts.surely_hiding(place).is_some())?;
        let mount = mounts.surely_hiding(&place)?;
        Some(hidden(mount, program, &place, Severity::Error))
    })
}

/// A program with a path on a mount, where it does not exist. As far as is known, the image does
/// not have it either.
pub(super) fn not_on_mount(
    image: ImageFacts<'_>,
    program: &str,
    tried: &[String],
) -> Option<Finding> {
    let mounts = image.mounts?;
    let path = tried.first().filter(|_| program.contains('/'))?;
    if let Some(dangling) = leads_nowhere(image, mounts, program, path) {
        return Some(dangling);
    }
    let (mount, has) = way(image, path).find_map(|place| mounts.hiding(&place))?;
    let finding = match has {
        None => Finding::new(
            Code::HiddenByMount,
            Severity::Error,
            format!(
                "there is no {program} in {}, which stands before what the image has there",
                mount.describe()
            ),
        )
        .guessed()
        .evidence("what the image has beneath cannot be seen"),
        Some(_) => Finding::new(
            Code::EntrypointMissing,
            Severity::Error,
            format!("{program} is neither in {} nor in the image", mount.describe()),
        )
        .evidence(format!("{path} is not in the image")),
    };
    Some(finding.evidence(self::place(mount)).evidence(format!("{path} is not in what is mounted")).fix(
        match mount.kind {
            MountKind::Bind => {
                format!("put the program into {} on the engine's host, or name the path that it is at", mount.source)
            }
            MountKind::Volume => {
                format!("put the program into the volume {}, or name the path that it is at", mount.source)
            }
            _ => format!("a program cannot come from there: name one outside of {}", mount.destination),
        },
    ))
}

/// A link on a mount, or to one, whose target does not exist. Whether the target is missing cannot
/// be said.
fn leads_nowhere(
    image: ImageFacts<'_>,
    mounts: &Mounts,
    program: &str,
    path: &str,
) -> Option<Finding> {
    let (link, leads, mount) = match image.rootfs.resolve(path) {
        Resolution::Missing { at, link: Some((link, target)), .. } => {
            let mount = mounts.over(&at).or_else(|| mounts.over(&link))?;
            (
                format!("{link} is a link to {target}"),
                format!("leads to {at}, which is not there"),
                mount,
            )
        }
        Resolution::Loop => (
            format!("the links at {path} lead in a circle"),
            "leads back to itself".to_owned(),
            mounts.over(path)?,
        ),
        _ => return None,
    };
    Some(
        Finding::new(Code::EntrypointMissing, Severity::Error, format!("{program} is a link that {leads}"))
            .evidence(link)
            .evidence(place(mount))
            .fix(match mount.kind {
                MountKind::Bind => format!(
                    "put the program there: a link in the container is followed in the container, not on the host, and sees of \
                     the host what is mounted ({})",
                    mount.describe()
                ),
                _ => format!("put the program there: the link meets {}", mount.describe()),
            }),
    )
}

/// Returns the path, and the targets of its links up to the first component that does not exist.
fn way<'a>(image: ImageFacts<'_>, path: &'a str) -> impl Iterator<Item = String> + 'a {
    let at = match image.rootfs.resolve(path) {
        Resolution::Missing { at, .. } | Resolution::NotADirectory { at } => Some(at),
        _ => None,
    };
    std::iter::once(path.to_owned()).chain(at)
}

/// Returns a finding for the first of these paths that a mount hides, in place of one that calls it
/// missing.
pub(super) fn hidden_need(
    image: ImageFacts<'_>,
    what: &str,
    paths: &[&str],
    severity: Severity,
) -> Option<Finding> {
    let mounts = image.mounts?;
    let path = paths.iter().find(|path| mounts.surely_hiding(path).is_some())?;
    Some(hidden(mounts.surely_hiding(path)?, what, path, severity))
}

/// A program on a mount that forbids execution.
pub(super) fn no_exec(image: ImageFacts<'_>, path: &str, mode: u32) -> Option<Finding> {
    let mount = image.mounts?.over(path).filter(|mount| mount.no_exec == Some(true))?;
    let fix = match mount.kind {
        MountKind::Tmpfs => {
            format!("--tmpfs {}:exec, or put the program outside of it", mount.destination)
        }
        _ => format!(
            "mount that filesystem with exec on the host (mount -o remount,exec; see /etc/fstab), take {} from another, or \
             leave the program in the image",
            mount.source
        ),
    };
    Some(
        Finding::new(
            Code::MountNoexec,
            Severity::Error,
            format!(
                "{path} lies on {}, which is noexec: nothing on it is executed (\"permission denied\")",
                mount.describe()
            ),
        )
        .evidence(place(mount))
        .evidence("mount option noexec")
        .evidence(if mode & 0o111 == 0 {
            format!("{path}: mode {:04o}, which lacks the execute bit too", mode & 0o7777)
        } else {
            format!("{path}: mode {:04o}, which does not matter there", mode & 0o7777)
        })
        .fix(fix),
    )
}

/// A directory in the program's place, because it is mounted there.
pub(super) fn mounted_directory(image: ImageFacts<'_>, path: &str) -> Option<Finding> {
    let mount = image.mounts?.over(path).filter(|mount| mount.destination == path)?;
    let finding = Finding::new(
        Code::NotExecutableMode,
        Severity::Error,
        format!("{path} is a directory and not a program: {} puts it there", mount.describe()),
    )
    .evidence(place(mount))
    .evidence(format!("{path}: directory"));
    Some(match mount.kind {
        MountKind::Bind => finding.fix(format!(
            "see that {} is a file on the engine's host: where it is missing, -v makes a directory of that name; --mount \
             type=bind refuses instead",
            mount.source
        )),
        _ => finding.fix("mount it elsewhere: a volume or tmpfs is a directory"),
    })
}
