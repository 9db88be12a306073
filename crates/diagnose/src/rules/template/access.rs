//! Users, and what they may do: `run-as-non-root-root-image`, `run-as-non-root-named-user`,
//! `read-only-filesystem`, `fs-group-missing`, `port-not-permitted`.

use std::path::Path;

use super::TemplateImage;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::identity::{self, Resolved};
use crate::mentions::Topic;
use crate::template::{ContainerTemplate, PodTemplate};

pub(super) fn check(
    pod: &PodTemplate,
    container: &ContainerTemplate,
    image: TemplateImage<'_>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = non_root(container, image).into_iter().collect();
    findings.extend(read_only(container, image));
    let uid = match identity::resolve(&image.config.user, image.rootfs) {
        Resolved::Known(identity) => Some(identity.uid),
        // A number needs no passwd entry.
        _ => image.config.user.split(':').next().and_then(|user| user.parse().ok()),
    };
    if let Some(uid) = uid.filter(|&uid| uid != 0) {
        findings.extend(claims(pod, container, uid));
        findings.extend(ports(pod, container, uid));
    }
    findings
}

/// The manifest asks for root and refuses it.
pub(super) fn root_is_asked_for(container: &ContainerTemplate) -> Option<Finding> {
    let user = container.run_as_user.as_ref().filter(|user| user.value == 0)?;
    let flag = container.run_as_non_root.as_ref().filter(|flag| flag.value)?;
    Some(
        Finding::new(
            Code::RunAsNonRootRootImage,
            Severity::Error,
            "the container must not run as root, and its runAsUser is 0 (\"container's runAsUser breaks non-root policy\")",
        )
        .evidence(format!("runAsNonRoot: true in line {}", flag.line))
        .fix("set runAsUser to another user, such as 65532")
        .at("", user.line),
    )
}

/// The image's user under `runAsNonRoot`, as the kubelet reads it: without the image's passwd file.
fn non_root(container: &ContainerTemplate, image: TemplateImage<'_>) -> Option<Finding> {
    let flag = container
        .run_as_non_root
        .as_ref()
        .filter(|flag| flag.value && container.run_as_user.is_none())?;
    let user = image.config.user.split(':').next().unwrap_or_default();
    let finding = match user.parse::<i64>() {
        Err(_) if !user.is_empty() => Finding::new(
            Code::RunAsNonRootNamedUser,
            Severity::Error,
            format!(
                "the container must not run as root, and its image names its user \"{user}\": the kubelet cannot tell that this \
                 is not root (\"image has non-numeric user\")"
            ),
        ),
        Ok(0) | Err(_) => Finding::new(
            Code::RunAsNonRootRootImage,
            Severity::Error,
            "the container must not run as root, and its image does (\"image will run as root\")",
        ),
        Ok(_) => return None,
    };
    let written = if image.config.user.is_empty() {
        "the image names no user".to_owned()
    } else {
        format!("USER {}", image.config.user)
    };
    let known = match identity::resolve(&image.config.user, image.rootfs) {
        Resolved::Known(identity) if identity.uid != 0 => identity.uid,
        _ => 65532,
    };
    Some(
        finding
            .evidence(written)
            .fix(format!("set runAsUser: {known}, or build the image with a numeric USER"))
            .at("", flag.line),
    )
}

/// A program that uses temporary files, where nothing can be written.
fn read_only(container: &ContainerTemplate, image: TemplateImage<'_>) -> Option<Finding> {
    let line = container.read_only_root?;
    let mention = image.mentions?.get(Topic::Tmp)?;
    let folder =
        image.config.variable("TMPDIR").filter(|folder| folder.starts_with('/')).unwrap_or("/tmp");
    let is_mounted = container
        .mounts
        .iter()
        .any(|mount| !mount.is_read_only && Path::new(folder).starts_with(&mount.path));
    (!is_mounted).then(|| {
        Finding::new(
            Code::ReadOnlyFilesystem,
            Severity::Warning,
            format!("the root filesystem is read-only, and the program may write to {folder}, which is no volume"),
        )
        .evidence(format!("the program mentions {mention}"))
        .fix(format!("mount a volume there: an emptyDir at {folder}"))
        .guessed()
        .at("", line)
    })
}

/// Volumes that belong to root, and a user that is not.
fn claims(pod: &PodTemplate, container: &ContainerTemplate, uid: u32) -> Option<Finding> {
    let mount = container.mounts.iter().find(|mount| mount.is_claim && !mount.is_read_only)?;
    (!pod.has_fs_group).then(|| {
        Finding::new(
            Code::FsGroupMissing,
            Severity::Warning,
            format!(
                "the program runs as user {uid}, and the volume at {} belongs to root on most kinds of storage: it may not write \
                 there (\"permission denied\")",
                mount.path
            ),
        )
        .evidence(format!("volume {} is a claim of storage", mount.volume))
        .evidence("the pod has no fsGroup")
        .fix(format!("set fsGroup under the pod's securityContext: fsGroup: {uid}"))
        .guessed()
        .at("", mount.line)
    })
}

/// Ports that not every user may listen on.
fn ports(pod: &PodTemplate, container: &ContainerTemplate, uid: u32) -> Option<Finding> {
    let port = container.ports.iter().find(|port| (1..1024).contains(&port.number))?;
    if pod.changes_unprivileged_ports {
        return None;
    }
    // containerd 2.0 and Docker let all users listen on all ports of a pod's own network.
    let severity = if pod.is_on_host_network { Severity::Warning } else { Severity::Info };
    Some(
        Finding::new(
            Code::PortNotPermitted,
            severity,
            format!(
                "the program runs as user {uid}, and may not listen on port {} everywhere",
                port.number
            ),
        )
        .evidence(if pod.is_on_host_network {
            "the pod has the network of its node"
        } else {
            "it may with containerd from 2.0 on, and not with older ones"
        })
        .fix("listen on a port from 1024 on; a Service has any port in front of it")
        .guessed()
        .at("", port.line),
    )
}
