//! Finds the user and group of a container's processes.
//!
//! The kubelet reports them from containerd 2.0 on. With older runtimes they follow from the pod
//! and the image: with an image user `65532:65532` and no `runAsGroup`, a process has the group
//! that the image's `/etc/passwd` assigns to the user, or else 0. Ids that are not known are
//! guessed, and the keeper compares the guess with the target's process before anything is
//! executed.

use scratchdbg_backend::NumericUser;

use crate::model::{Container, ContainerStatus, Pod};

/// The user of the toolkit image where root is not allowed.
const NOT_ROOT: u32 = 65532;

/// The ids, and their source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) user: NumericUser,
    pub(crate) source: Source,
}

/// The source of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The kubelet reports the ids.
    Status,
    /// The pod sets both ids.
    Spec,
    /// The ids are a guess.
    Guess,
}

impl Source {
    /// Returns why the session has these ids.
    pub(crate) fn because(self) -> &'static str {
        match self {
            Self::Status => "the target's own user, as the kubelet tells it",
            Self::Spec => "the target's own user: runAsUser and runAsGroup",
            Self::Guess => {
                "the kubelet does not tell the target's user: the keeper looks at its first process"
            }
        }
    }
}

/// Returns the ids of a container.
pub(crate) fn of(pod: &Pod, container: &Container, status: Option<&ContainerStatus>) -> Ids {
    if let Some(linux) = status.and_then(|status| status.user.as_ref()?.linux) {
        return Ids {
            user: NumericUser { uid: linux.uid, gid: linux.gid },
            source: Source::Status,
        };
    }
    let (own, of_pod) = (&container.security_context, &pod.spec.security_context);
    let number = |id: Option<i64>| id.and_then(|id| u32::try_from(id).ok());
    let uid = number(own.run_as_user.or(of_pod.run_as_user));
    let gid = number(own.run_as_group.or(of_pod.run_as_group));
    let no_root = own.run_as_non_root.or(of_pod.run_as_non_root).unwrap_or(false);
    match (uid, gid) {
        (Some(uid), Some(gid)) => Ids { user: NumericUser { uid, gid }, source: Source::Spec },
        (uid, gid) => {
            let uid = uid.unwrap_or(if no_root { NOT_ROOT } else { 0 });
            Ids { user: NumericUser { uid, gid: gid.unwrap_or(0) }, source: Source::Guess }
        }
    }
}
