//! Where a command's targets are, by their names and options.

use scratchdbg_args::{KubernetesArgs, is_pod_reference};

use crate::error::CommandError;

/// The location of a command's targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    /// The targets are containers of an engine.
    Engine,
    /// The targets are pods and workloads of a Kubernetes cluster.
    Cluster,
}

impl Location {
    /// Returns the name of the platform for messages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Cluster => "cluster",
        }
    }
}

/// Returns the location of a command's targets. A plain name always means a container of the
/// engine; pods and workloads are named with their kind.
pub(crate) fn location(
    targets: &[String],
    options: &KubernetesArgs,
) -> Result<Location, CommandError> {
    #[cfg(feature = "kubernetes")]
    for target in targets.iter().filter(|target| is_pod_reference(target)) {
        super::pod_target(target)?;
    }
    let (pods, containers): (Vec<&String>, Vec<&String>) =
        targets.iter().partition(|target| is_pod_reference(target));
    match (pods.first(), containers.first(), options.given()) {
        (Some(pod), Some(container), _) => Err(CommandError::usage(format!(
            "`{pod}` is in a Kubernetes cluster, and `{container}` is a container of an engine: one command reads one of them"
        ))
        .hint(format!("a pod is pod/{container}"))),
        (None, Some(container), Some(option)) => Err(CommandError::usage(format!(
            "{option} is for pods, and `{container}` names a container of the engine"
        ))
        .hint(format!("a pod is pod/{container}, a deployment deploy/{container}"))),
        (Some(_), None, _) | (None, None, Some(_)) => Ok(Location::Cluster),
        (None, _, None) => Ok(Location::Engine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_say_where_they_are() {
        let options = KubernetesArgs::default();
        let shop = KubernetesArgs { namespace: Some("shop".into()), ..KubernetesArgs::default() };
        let at = |targets: &[&str], options: &KubernetesArgs| {
            let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
            location(&targets, options).map_err(|error| error.message)
        };
        assert_eq!(at(&["web", "/db"], &options), Ok(Location::Engine));
        assert_eq!(at(&[], &options), Ok(Location::Engine));
        assert_eq!(at(&["pod/web", "deploy/db"], &options), Ok(Location::Cluster));
        assert_eq!(at(&["pod/web"], &shop), Ok(Location::Cluster));
        assert_eq!(at(&[], &shop), Ok(Location::Cluster));
        assert!(at(&["web", "pod/web"], &options).unwrap_err().contains("`pod/web`"));
        assert!(at(&["web"], &shop).unwrap_err().starts_with("--namespace is for pods"));
    }
}
