//! Codes of pods: why a pod does not run, is not ready, or was ended.

use super::Entry;
use crate::code::Code;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::ImageNeverPull,
        shows: "`ErrImageNeverPull`: `Container image \"…\" is not present with pull policy of Never`.",
        fix: "Load the image into every node, or set `imagePullPolicy: IfNotPresent`.",
        reproduce: "kubectl run web --image nothere:1 --image-pull-policy Never; scratchdbg why pod/web",
    },
    Entry {
        code: Code::ImagePlatformMissing,
        shows: "`ErrImagePull`: `no match for platform in manifest`.",
        fix: "Build the image for that platform too, or choose nodes by the label `kubernetes.io/arch`.",
        reproduce: "kubectl run web --image amd64-only:1; scratchdbg why pod/web   # on a node of arm64",
    },
    Entry {
        code: Code::ImageAuth,
        shows: "`ErrImagePull`: `401 Unauthorized`, `403 Forbidden`, `no basic auth credentials`.",
        fix: "Name a secret of type `kubernetes.io/dockerconfigjson` in `imagePullSecrets`.",
        reproduce: "kubectl run web --image registry.example/private:1; scratchdbg why pod/web",
    },
    Entry {
        code: Code::ImageRegistryUnreachable,
        shows: "`ErrImagePull`: `dial tcp …: connect: connection refused`, `no such host`, `i/o timeout`, `x509: …`.",
        fix: "See that nodes reach the registry: its name and port, a firewall or proxy, and its certificate.",
        reproduce: "kubectl run web --image 192.0.2.1:5000/app:1; scratchdbg why pod/web",
    },
    Entry {
        code: Code::ConfigMapMissing,
        shows: "`CreateContainerConfigError`: `configmap \"x\" not found`; for a volume the event `FailedMount`.",
        fix: "Create it, correct its name in the pod, or mark it as `optional`.",
        reproduce: "scratchdbg why pod/web   # a pod with envFrom: [{configMapRef: {name: nothere}}]",
    },
    Entry {
        code: Code::SecretMissing,
        shows: "`CreateContainerConfigError`: `secret \"x\" not found`; for a volume the event `FailedMount`.",
        fix: "Create it, correct its name in the pod, or mark it as `optional`.",
        reproduce: "scratchdbg why pod/web   # a pod with envFrom: [{secretRef: {name: nothere}}]",
    },
    Entry {
        code: Code::ConfigKeyMissing,
        shows: "`CreateContainerConfigError`: `couldn't find key x in ConfigMap shop/settings`.",
        fix: "Add the key, correct it in the pod, or mark it as `optional`.",
        reproduce: "scratchdbg why pod/web   # a pod with configMapKeyRef: {name: settings, key: nothere}",
    },
    Entry {
        code: Code::RunAsNonRootRootImage,
        shows: "`CreateContainerConfigError`: `container has runAsNonRoot and image will run as root`.",
        fix: "Set `runAsUser`, or build the image with a numeric `USER`.",
        reproduce: "scratchdbg why pod/web   # a pod with runAsNonRoot: true and an image without USER",
    },
    Entry {
        code: Code::RunAsNonRootNamedUser,
        shows: "`CreateContainerConfigError`: `container has runAsNonRoot and image has non-numeric user`.",
        fix: "Set `runAsUser` to that user's id, or build the image with a numeric `USER`.",
        reproduce: "scratchdbg why pod/web   # a pod with runAsNonRoot: true and an image with USER app",
    },
    Entry {
        code: Code::UnschedulableResources,
        shows: "Condition `PodScheduled`: `0/2 nodes are available: 2 Insufficient cpu`.",
        fix: "Lower the requests, remove other pods, or add a node.",
        reproduce: "scratchdbg why pod/web   # a pod that requests 500 cpus",
    },
    Entry {
        code: Code::UnschedulableAffinity,
        shows: "Condition `PodScheduled`: `node(s) didn't match Pod's node affinity/selector`.",
        fix: "Compare `nodeSelector` and affinity with `kubectl get nodes --show-labels`.",
        reproduce: "scratchdbg why pod/web   # a pod with nodeSelector: {disk: nothere}",
    },
    Entry {
        code: Code::UnschedulableTaint,
        shows: "Condition `PodScheduled`: `node(s) had untolerated taint(s)`, `node(s) were unschedulable`.",
        fix: "Give the pod a toleration, remove the taint, or `kubectl uncordon` the node.",
        reproduce: "kubectl cordon NODE; scratchdbg why pod/web",
    },
    Entry {
        code: Code::PvcUnbound,
        shows: "Condition `PodScheduled`: `persistentvolumeclaim \"x\" not found`, `unbound immediate PersistentVolumeClaims`.",
        fix: "Create the claim, or a storage class that makes volumes.",
        reproduce: "scratchdbg why pod/web   # a pod with a persistentVolumeClaim that does not exist",
    },
    Entry {
        code: Code::VolumeMountFailed,
        shows: "The pod stays in `ContainerCreating`; event `FailedMount` or `FailedAttachVolume`.",
        fix: "The message tells which volume and why.",
        reproduce: "scratchdbg why pod/web   # a pod with hostPath: {path: /nothere, type: Directory}",
    },
    Entry {
        code: Code::SandboxFailed,
        shows: "The pod stays in `ContainerCreating`; event `FailedCreatePodSandBox`.",
        fix: "See the node's network plugin and container runtime.",
        reproduce: "scratchdbg why pod/web   # a pod with a runtimeClassName whose handler the node does not have",
    },
    Entry {
        code: Code::InitFailed,
        shows: "`Init:Error`, `Init:CrashLoopBackOff`.",
        fix: "The findings after it tell why; its log: `scratchdbg logs pod/web/INIT`.",
        reproduce: "scratchdbg why pod/web   # a pod whose init container ends with 1",
    },
    Entry {
        code: Code::LivenessKilled,
        shows: "Restarts, and the event `Killing`: `Container app failed liveness probe, will be restarted`.",
        fix: "The right port and path; a `startupProbe`, or a higher `failureThreshold`.",
        reproduce: "scratchdbg why pod/web   # a pod with a livenessProbe of a port that nobody listens on",
    },
    Entry {
        code: Code::StartupProbeTooTight,
        shows: "Restarts, and the event `Killing`: `Container app failed startup probe, will be restarted`.",
        fix: "A `failureThreshold` × `periodSeconds` that is as long as the program needs.",
        reproduce: "scratchdbg why pod/web   # a pod with startupProbe: {failureThreshold: 1, periodSeconds: 1, …}",
    },
    Entry {
        code: Code::ReadinessFailing,
        shows: "The container runs and is not ready; event `Unhealthy`: `Readiness probe failed`.",
        fix: "The right port and path; what the program waits for is in its log.",
        reproduce: "scratchdbg why pod/web   # a pod with a readinessProbe of a port that nobody listens on",
    },
    Entry {
        code: Code::ProbeNeedsShell,
        shows: "The container runs; event `Unhealthy`: `… probe errored …: exec: \"sh\": executable file not found in $PATH`.",
        fix: "`httpGet`, `tcpSocket` or `grpc`, or a program that is in the image.",
        reproduce: "scratchdbg why pod/web   # a pod without a shell, with livenessProbe: {exec: {command: [sh, -c, …]}}",
    },
    Entry {
        code: Code::SigkillAfterGrace,
        shows: "Exit code 137 at the end of the grace period of a pod that is being deleted. For a moment only, unless a finalizer keeps the pod.",
        fix: "Handle SIGTERM in the program, or raise `terminationGracePeriodSeconds`.",
        reproduce: "kubectl delete pod web --wait=false; scratchdbg why pod/web   # a pod with a finalizer, of a program that ignores SIGTERM",
    },
    Entry {
        code: Code::EvictedMemory,
        shows: "Phase `Failed`, reason `Evicted`: `The node was low on resource: memory`.",
        fix: "Set memory requests to what the pod needs.",
        reproduce: "scratchdbg why pod/web   # on a node that ran out of memory",
    },
    Entry {
        code: Code::EvictedDisk,
        shows: "Phase `Failed`, reason `Evicted`: `ephemeral local storage usage exceeds …`.",
        fix: "Write less, or to a volume; raise the limit of `ephemeral-storage`.",
        reproduce: "scratchdbg why pod/web   # a pod with limits: {ephemeral-storage: 10Mi} that writes 60 MiB",
    },
    Entry {
        code: Code::DeadlineExceeded,
        shows: "Phase `Failed`, reason `DeadlineExceeded`; of a job the condition `Failed`.",
        fix: "Raise `activeDeadlineSeconds`, or do less.",
        reproduce: "scratchdbg why pod/web   # a pod with activeDeadlineSeconds: 5",
    },
    Entry {
        code: Code::NodeLost,
        shows: "The node's condition `Ready` is `Unknown`, or the node is gone; the pod still says `Running`.",
        fix: "See the node. A workload replaces its pod after some minutes.",
        reproduce: "scratchdbg why pod/web   # a minute after its node was switched off",
    },
    Entry {
        code: Code::StatusUnknown,
        shows: "Terminated with reason `ContainerStatusUnknown`.",
        fix: "See the node's events: it was restarted, or its runtime lost its data.",
        reproduce: "scratchdbg why pod/web   # after its node lost the container",
    },
    Entry {
        code: Code::PodSecurityRefused,
        shows: "No pods; condition `ReplicaFailure`: `violates PodSecurity \"restricted:latest\"`.",
        fix: "Give the pod template the settings that the message names, or the namespace another profile.",
        reproduce: "scratchdbg why deploy/web   # in a namespace that enforces restricted, of a template that runs as root",
    },
    Entry {
        code: Code::QuotaExceeded,
        shows: "Too few pods; condition `ReplicaFailure` or event `FailedCreate`: `exceeded quota`.",
        fix: "Raise the quota, or request less.",
        reproduce: "kubectl create quota few --hard pods=0; scratchdbg why deploy/web",
    },
    Entry {
        code: Code::CompletedRestartLoop,
        shows: "`CrashLoopBackOff` of a program that ends with exit code 0, with `restartPolicy: Always`.",
        fix: "Make it a Job, or set `restartPolicy: OnFailure`; keep the program in the foreground.",
        reproduce: "kubectl run web --image busybox -- true; scratchdbg why pod/web",
    },
    Entry {
        code: Code::RolloutStuck,
        shows: "Condition `Progressing`: `ProgressDeadlineExceeded`.",
        fix: "Mend what keeps the pods from being ready, or `kubectl rollout undo`.",
        reproduce: "scratchdbg why deploy/web   # a deployment whose new pods do not become ready",
    },
];
