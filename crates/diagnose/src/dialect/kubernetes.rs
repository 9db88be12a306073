//! Messages of the kubelet, the scheduler and the controllers of Kubernetes, as events and
//! `kubectl describe` show them. They have the codes that `why pod/NAME` gives.

use regex::Captures;

use super::{Explanation, Meaning, Wording, named, says};
use crate::code::Code;
use crate::why::{image_pull, schedule};

fn explanation(code: Code, message: impl Into<String>, fix: &'static str) -> Meaning {
    Meaning::Explanation(Explanation {
        code,
        message: message.into(),
        fix,
        is_guess: false,
        is_success: false,
    })
}

fn pull(captures: &Captures<'_>) -> Meaning {
    let image = named(captures, "p").unwrap_or_default();
    let code = named(captures, "q").and_then(|words| image_pull::code(&image, &words));
    let message = format!("image {image} {}", image_pull::sentence(code));
    explanation(code.unwrap_or(Code::ImagePullFailed), message, image_pull::advice(code))
}

fn unscheduled(captures: &Captures<'_>) -> Meaning {
    let code =
        named(captures, "p").and_then(|message| schedule::code(&message)).map(|(code, _)| code);
    explanation(
        code.unwrap_or(Code::NeverStarted),
        schedule::sentence(code, "the pod"),
        schedule::advice(code),
    )
}

pub(super) const WORDINGS: &[Wording] = &[
    // The scheduler.
    Wording { pattern: r"(?P<p>\d+/\d+ nodes are available: [^\n]+)", meaning: unscheduled },
    says!(
        PvcUnbound,
        r#"pod has unbound immediate PersistentVolumeClaims|persistentvolumeclaim "(?P<p>[\w.-]+)" not found"#,
        "the pod waits for a volume claim that does not exist or is not bound[: {p}]",
        "see what is missing, the claim or a class that makes volumes: kubectl get pvc,storageclass"
    ),
    // Images.
    Wording {
        pattern: r#"\b[Ff]ailed to pull image "(?P<p>[^"\n]+)": (?P<q>[^\n]+)"#,
        meaning: pull,
    },
    Wording { pattern: r#"Back-off pulling image "(?P<p>[^"\n]+)": (?P<q>[^\n]+)"#, meaning: pull },
    says!(
        ImageNeverPull,
        r#"\bErrImageNeverPull\b|Container image "(?P<p>[^"\n]+)" is not present with pull policy of Never"#,
        "the image[ {p}] is not on the node, and imagePullPolicy Never forbids pulling it",
        "load the image into every node, or set imagePullPolicy: IfNotPresent"
    ),
    // Volumes. What they lack comes before that they cannot be mounted.
    says!(
        ConfigKeyMissing,
        r"couldn't find key (?P<p>\S+) in (?:Secret|ConfigMap)|references non-existent (?:secret|config) key: (?P<q>\S+)",
        "the pod takes the key {p}, which its ConfigMap or Secret does not have",
        "add the key to the ConfigMap or Secret, correct it in the pod, or mark it as optional"
    ),
    says!(
        ConfigMapMissing,
        r#"\bconfigmap "(?P<p>[\w.-]+)" not found"#,
        "the pod needs the ConfigMap {p}, which does not exist",
        "create it in the pod's namespace, correct its name in the pod, or mark it as optional"
    ),
    says!(
        SecretMissing,
        r#"\bsecret "(?P<p>[\w.-]+)" not found"#,
        "the pod needs the Secret {p}, which does not exist",
        "create it in the pod's namespace, correct its name in the pod, or mark it as optional"
    ),
    says!(
        VolumeMountFailed,
        r#"MountVolume\.\w+ failed for volume "(?P<p>[^"\n]+)"|AttachVolume\.\w+ failed for volume "(?P<q>[^"\n]+)"|Unable to attach or mount volumes|Multi-Attach error for volume "(?P<r>[^"\n]+)""#,
        "a volume of the pod cannot be mounted[: {p}]",
        "the message tells what is wrong with it; a volume that is attached to another node must be given up there first"
    ),
    says!(
        SandboxFailed,
        r"\bFailedCreatePodSandBox\b|Failed to create pod sandbox",
        "the node cannot make the sandbox of the pod: its namespaces and its network",
        "the message is the node's: see its network plugin and its container runtime"
    ),
    // Users.
    says!(
        RunAsNonRootRootImage,
        r"container has runAsNonRoot and image will run as root|container's runAsUser breaks non-root policy",
        "the container must not run as root, and its image or its runAsUser says root",
        "set runAsUser to an id other than 0, or build the image with a numeric USER"
    ),
    says!(
        RunAsNonRootNamedUser,
        r"container has runAsNonRoot and image has non-numeric user \((?P<p>[^)\n]+)\)",
        "the container must not run as root, and its image names its user in letters[ ({p})], which proves nothing",
        "set runAsUser to the id of that user, or build the image with a numeric USER"
    ),
    // Probes. What a probe wrote follows, and is not searched.
    says!(
        LivenessKilled,
        r"Container (?P<p>[\w.-]+) failed liveness probe",
        "the kubelet kills container {p} because its liveness probe fails",
        "see whether the probe asks the right port and path; give the program time: a startupProbe, or a higher failureThreshold"
    ),
    says!(
        guess StartupProbeTooTight,
        r"Container (?P<p>[\w.-]+) failed startup probe",
        "the kubelet kills container {p} because its startup probe does not succeed in time",
        "raise failureThreshold × periodSeconds of the startupProbe to the time that the program needs"
    ),
    says!(
        ProbeNeedsShell,
        r#"(?:Liveness|Readiness|Startup) probe errored[^\n]*exec: \\?"(?P<p>[^"\\\n]+)\\?": (?:executable file not found|stat [^\n]*no such file)|(?:Liveness|Readiness|Startup) probe failed: OCI runtime exec failed: [^\n]*exec: \\?"(?P<q>[^"\\\n]+)\\?": (?:executable file not found|stat [^\n]*no such file)"#,
        "a probe runs {p}, which is not in the image",
        "use httpGet, tcpSocket or grpc, or a program that is in the image"
    ),
    says!(
        ReadinessFailing,
        r"Readiness probe failed: (?P<p>[^\n]+)",
        "the container runs, but its readiness probe fails: services send nothing to it",
        "see whether the probe asks the right port and path, and what the program waits for"
    ),
    // The ends of pods.
    says!(
        EvictedMemory,
        r"node was low on resource: memory",
        "the pod was evicted because its node ran low on memory",
        "set memory requests to what the pod needs; see what else uses the node's memory: kubectl describe node"
    ),
    says!(
        EvictedDisk,
        r#"node was low on resource: (?P<p>ephemeral-storage|inodes|nodefs[\w.]*|imagefs[\w.]*)|ephemeral local storage usage exceeds|exceeded its local ephemeral storage limit|Usage of EmptyDir volume "(?P<q>[^"\n]+)" exceeds"#,
        "the pod was evicted because of the disk that it used, or because its node ran low on it",
        "write less, or to a volume; raise the ephemeral-storage limit, or the sizeLimit of the emptyDir"
    ),
    says!(
        DeadlineExceeded,
        r"Pod was active on the node longer than the specified deadline|Job was active longer than specified deadline",
        "it ran longer than its activeDeadlineSeconds allow, and was ended",
        "raise activeDeadlineSeconds, or find out what takes so long"
    ),
    says!(
        NodeLost,
        r"[Kk]ubelet stopped posting node status|\bNodeStatusUnknown\b",
        "the node does not report: what its pods do is unknown",
        "see the node: kubectl describe node; a workload replaces its pods after some minutes"
    ),
    says!(
        StatusUnknown,
        r"\bContainerStatusUnknown\b|The container could not be located when the pod was (?:deleted|terminated)",
        "the node has lost the container: its exit code is made up",
        "see the node's events: it was restarted, or its runtime lost its data"
    ),
    says!(
        InitFailed,
        r"\bInit:(?:Error|CrashLoopBackOff|ExitCode:\d+)\b",
        "an init container fails, so the containers after it are not started",
        "see why: scratchdbg why pod/NAME"
    ),
    // Controllers.
    says!(
        PodSecurityRefused,
        r"violates PodSecurity (?P<p>[^\n]+)",
        "the pod security profile of the namespace forbids the pod: {p}",
        "give the pod the settings that the message names, or label the namespace with another profile"
    ),
    says!(
        QuotaExceeded,
        r"is forbidden: (?:exceeded|failed) quota: (?P<p>[^\n]+)",
        "the quota of the namespace does not allow it: {p}",
        "raise the quota, request less, or remove what is not needed; see it: kubectl describe quota"
    ),
    says!(
        RolloutStuck,
        r"\bProgressDeadlineExceeded\b|has timed out progressing|exceeded its progress deadline",
        "a rollout does not finish: its pods do not become ready in time",
        "mend what keeps its pods from being ready (scratchdbg why deploy/NAME), or go back: kubectl rollout undo"
    ),
];
