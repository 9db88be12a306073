//! Containers that their kubelet cannot start. The reasons and messages are the kubelet's and the
//! runtime's own.

use super::{error, image_pull, quoted, with_message};
use crate::code::Code;
use crate::dialect;
use crate::finding::Finding;
use crate::pod::{PodContainer, PodFacts};
use crate::why::start::START_CODES;

/// Codes of a start that a runtime refused, beside those of [`START_CODES`]. Its message may
/// contain words with another meaning elsewhere.
const RUNTIME_CODES: &[Code] = &[
    Code::ShellMissing,
    Code::NoCommand,
    Code::EnvironmentInvalid,
    Code::WorkdirNotADirectory,
    Code::WorkdirMissing,
    Code::UserUnknown,
    Code::MountFailed,
    Code::DeviceMissing,
    Code::LimitRefused,
    Code::SecurityProfileMissing,
    Code::NameInUse,
    Code::OomKilled,
    Code::NoSpace,
    Code::FileBusy,
];

fn is_of_start(code: Code) -> bool {
    START_CODES.contains(&code) || RUNTIME_CODES.contains(&code)
}

/// Returns why a container is not started; `None` if it only waits for its turn or for its next
/// run.
pub(super) fn refused(
    pod: &PodFacts,
    container: &PodContainer,
    reason: &str,
    message: &str,
) -> Option<Finding> {
    let image = &container.image;
    let name = &container.name;
    let finding = match reason {
        "ErrImageNeverPull" => error(
            Code::ImageNeverPull,
            format!(
                "image {image} of container {name} is not on the node, and imagePullPolicy Never forbids pulling it"
            ),
        )
        .fix("load the image into every node, or set imagePullPolicy: IfNotPresent"),
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" | "ImageInspectError" => {
            image_pull::failed(pod, container, message)
        }
        "InvalidImageName" => {
            error(Code::ImageNameInvalid, format!("image {image} of container {name} is not a valid name of an image"))
                .fix("correct it in the pod: NAME[:TAG] in lower case, without spaces")
        }
        "CreateContainerConfigError" => configuration(container, message),
        "RunContainerError" | "CreateContainerError" => start(container, message),
        "PostStartHookError" | "PreStartHookError" => error(
            Code::StartFailed,
            format!("container {name} is ended right after its start: its postStart hook fails"),
        )
        .fix("the message tells how the hook ended; without a shell in the image it must name a program that is there"),
        _ => return None,
    };
    Some(finding.evidence(format!("container {name}: {}", with_message(reason, message))))
}

/// A configuration that the kubelet cannot give to the container.
fn configuration(container: &PodContainer, message: &str) -> Finding {
    let name = &container.name;
    if message.starts_with("couldn't find key ") {
        return error(
            Code::ConfigKeyMissing,
            format!("container {name} takes a variable from a key that does not exist"),
        )
        .fix(
            "add the key to the ConfigMap or Secret, correct it in the pod, or mark it as optional",
        );
    }
    if let Some(finding) = missing_object(message, &format!("container {name}")) {
        return finding;
    }
    if message.starts_with("container has runAsNonRoot and image will run as root") {
        return error(
            Code::RunAsNonRootRootImage,
            format!("container {name} must not run as root, and its image does"),
        )
        .fix("set runAsUser to an id other than 0, or build the image with a numeric USER");
    }
    if message.starts_with("container's runAsUser breaks non-root policy") {
        return error(
            Code::RunAsNonRootRootImage,
            format!("container {name} must not run as root, and its runAsUser is 0"),
        )
        .fix("set runAsUser to an id other than 0, or leave runAsNonRoot out");
    }
    if message.starts_with("container has runAsNonRoot and image has non-numeric user") {
        return error(
            Code::RunAsNonRootNamedUser,
            format!(
                "container {name} must not run as root, and its image names its user in letters, which proves nothing"
            ),
        )
        .fix("set runAsUser to the id of that user, or build the image with a numeric USER");
    }
    error(Code::StartFailed, format!("container {name} cannot be given its configuration"))
        .fix("the message tells why")
}

/// A `ConfigMap` or Secret that does not exist.
pub(super) fn missing_object(message: &str, who: &str) -> Option<Finding> {
    let named = |kind: &str| {
        quoted(message, kind)
            .filter(|_| message.starts_with(kind) && message.contains("\" not found"))
    };
    let advice =
        "create it in the pod's namespace, correct its name in the pod, or mark it as optional";
    if let Some(name) = named("configmap ") {
        return Some(
            error(
                Code::ConfigMapMissing,
                format!("{who} needs the ConfigMap {name}, which does not exist"),
            )
            .fix(advice),
        );
    }
    let name = named("secret ")?;
    Some(
        error(Code::SecretMissing, format!("{who} needs the Secret {name}, which does not exist"))
            .fix(advice),
    )
}

/// A program that the runtime did not start, in the words that engines use too.
pub(super) fn start(container: &PodContainer, message: &str) -> Finding {
    let known =
        dialect::explain_message(message).into_iter().find(|finding| is_of_start(finding.code));
    match known {
        Some(mut finding) => {
            finding.message =
                format!("container {} cannot be started: {}", container.name, finding.message);
            finding.evidence.clear();
            finding
        }
        None => error(
            Code::StartFailed,
            format!("the program of container {} was not started", container.name),
        )
        .fix("the runtime's words tell why"),
    }
}
