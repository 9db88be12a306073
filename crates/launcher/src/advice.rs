//! What a user can do about a failure. Pods have no sidecars, and no engine whose commands help.

use std::ffi::OsString;
use std::sync::OnceLock;

/// The platform of this session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Platform {
    #[default]
    Engine,
    Kubernetes,
}

static PLATFORM: OnceLock<Platform> = OnceLock::new();

/// Learns the platform from the arguments of `run`.
pub(crate) fn learn(arguments: &[OsString]) {
    let _earlier = PLATFORM.set(Platform::of(arguments));
}

/// Returns the platform, as far as it was learned.
pub(crate) fn platform() -> Platform {
    PLATFORM.get().copied().unwrap_or_default()
}

impl Platform {
    /// Only for pods, a client says more than the arguments.
    fn of(arguments: &[OsString]) -> Self {
        /// The place of the option that tells so, behind the keeper and the session.
        const AT: usize = 2;
        match arguments.get(AT) {
            Some(option) if option == "--preamble" => Self::Kubernetes,
            _ => Self::Engine,
        }
    }

    /// For a target in which no session can be trusted.
    pub(crate) fn other_mode(self) -> &'static str {
        match self {
            Self::Engine => "use --mode sidecar or --mode copy",
            Self::Kubernetes => "use --mode copy",
        }
    }

    /// For a command that neither the target nor the toolkit has.
    pub(crate) fn more_tools(self) -> &'static str {
        match self {
            Self::Engine => {
                "--with-tools PATH brings a static program along, --toolkit IMAGE the tools of an image"
            }
            Self::Kubernetes => {
                "--toolkit IMAGE brings the tools of an image that `scratchdbg toolkit build` pushed"
            }
        }
    }

    /// For a target that has no room for one more process.
    pub(crate) fn no_processes(self) -> &'static str {
        match self {
            Self::Engine => {
                "the target's limit on processes is used up; --mode sidecar needs none of them"
            }
            Self::Kubernetes => {
                "the pod's limit on processes is used up; --mode copy has a limit of its own"
            }
        }
    }

    /// For a copy that has no room for one more process.
    pub(crate) fn no_processes_in_copy(self) -> &'static str {
        match self {
            Self::Engine => {
                "the limit on processes is used up, which the copy has from its original; `docker update --pids-limit` raises it"
            }
            Self::Kubernetes => {
                "the limit on processes is used up, which the node sets for each pod"
            }
        }
    }

    /// For a session that a security module confines. `option` is the engine's for none of it.
    pub(crate) fn unconfined(self, option: &str) -> String {
        match self {
            Self::Engine => {
                format!("--mode sidecar --security-opt {option} is not confined by it")
            }
            Self::Kubernetes => "the pod's own settings choose it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_given_no_advice_about_engines() {
        let of = |arguments: &str| {
            let arguments: Vec<OsString> = arguments.split(' ').map(OsString::from).collect();
            Platform::of(&arguments)
        };
        let pod = of("7 s1 --preamble --no-input true");
        assert_eq!(pod, Platform::Kubernetes);
        let words = [pod.other_mode(), pod.no_processes(), pod.no_processes_in_copy()].join("\n");
        assert!(!pod.more_tools().contains("--with-tools"));
        for other in ["sidecar", "docker"] {
            assert!(!words.contains(other) && !pod.unconfined("x").contains(other), "{words}");
        }
        for engine in ["7", "7 s1 ls", "7 s1 ls --preamble"] {
            assert_eq!(of(engine), Platform::Engine, "{engine}");
        }
        assert!(Platform::Engine.other_mode().contains("--mode sidecar or --mode copy"));
    }
}
