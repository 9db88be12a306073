//! The table of `attach` on pods: the test `attach_matrix` goes by it, and `docs/attach-matrix.md`
//! shows it.

/// A container of a pod that `attach` works on, and the user that a session in it has.
pub(crate) struct PodRow {
    pub(crate) target: &'static str,
    /// The pod security profile of the namespace.
    pub(crate) profile: &'static str,
    /// The user of the image.
    pub(crate) image_user: &'static str,
    /// Settings of the pod, as JSON. All rows have those of *restricted* unless they say otherwise.
    pub(crate) pod: &'static str,
    /// Settings of the container, as JSON.
    pub(crate) container: &'static str,
    /// `uid:gid` and the supplementary groups, as in `/proc/self/status`.
    pub(crate) user: &'static str,
}

const STRICT: PodRow = PodRow {
    target: "",
    profile: "restricted",
    image_user: "65532:65532",
    pod: "{}",
    container: "{}",
    user: "65532:0",
};
const ROOT: PodRow = PodRow {
    profile: "baseline",
    image_user: "",
    pod: r#"{"securityContext": {"runAsNonRoot": false}}"#,
    user: "0:0",
    ..STRICT
};
const FREE: PodRow = PodRow { profile: "privileged", ..ROOT };

pub(crate) const POD_ROWS: &[PodRow] = &[
    PodRow { target: "user of the image, of which the kubelet takes the uid alone", ..STRICT },
    PodRow {
        target: "`runAsUser` alone",
        pod: r#"{"securityContext": {"runAsUser": 1000}}"#,
        user: "1000:0",
        ..STRICT
    },
    PodRow {
        target: "user and group apart",
        container: r#"{"securityContext": {"runAsUser": 1000, "runAsGroup": 2000}}"#,
        user: "1000:2000",
        ..STRICT
    },
    PodRow {
        target: "`fsGroup` and supplementary groups",
        pod: r#"{"securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 2000, "supplementalGroups": [3000]}}"#,
        user: "1000:1000 2000 3000",
        ..STRICT
    },
    PodRow {
        target: "writable root",
        container: r#"{"securityContext": {"readOnlyRootFilesystem": false}}"#,
        ..STRICT
    },
    PodRow { target: "shared PID namespace", pod: r#"{"shareProcessNamespace": true}"#, ..STRICT },
    PodRow { target: "user namespace", pod: r#"{"hostUsers": false}"#, ..STRICT },
    PodRow {
        target: "root in a user namespace",
        pod: r#"{"hostUsers": false, "securityContext": {"runAsNonRoot": false}}"#,
        container: r#"{"securityContext": {"capabilities": {"drop": null}}}"#,
        ..ROOT
    },
    PodRow {
        target: "the container has a terminal",
        container: r#"{"stdin": true, "tty": true}"#,
        ..STRICT
    },
    PodRow { target: "root without capabilities", ..ROOT },
    PodRow {
        target: "root with the runtime's capabilities",
        container: r#"{"securityContext": {"capabilities": {"drop": null}}}"#,
        ..ROOT
    },
    PodRow {
        target: "root with two capabilities",
        container: r#"{"securityContext": {"capabilities": {"add": ["CHOWN", "NET_BIND_SERVICE"]}}}"#,
        ..ROOT
    },
    PodRow {
        target: "root with `NET_ADMIN`",
        container: r#"{"securityContext": {"capabilities": {"drop": null, "add": ["NET_ADMIN"]}}}"#,
        ..FREE
    },
    PodRow {
        target: "privileged",
        container: r#"{"securityContext": {"privileged": true, "allowPrivilegeEscalation": null, "capabilities": null}}"#,
        ..FREE
    },
    PodRow {
        target: "no seccomp profile",
        pod: r#"{"securityContext": {"runAsNonRoot": false, "seccompProfile": {"type": "Unconfined"}}}"#,
        ..FREE
    },
    PodRow {
        target: "PID namespace of the node",
        pod: r#"{"hostPID": true}"#,
        profile: "privileged",
        ..STRICT
    },
    PodRow {
        target: "network of the node",
        pod: r#"{"hostNetwork": true}"#,
        profile: "privileged",
        ..STRICT
    },
];
