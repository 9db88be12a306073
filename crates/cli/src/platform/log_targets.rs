//! The containers whose logs are requested.

use scratchdbg_backend::{ContainerName, Error, Selector, is_pattern};
use scratchdbg_console::printer::Printer;

use super::{Platform, stand_in};
use crate::error::CommandError;
use scratchdbg_args::KubernetesArgs;

/// Containers by name, or by a selector.
#[derive(Debug, Default)]
pub(crate) struct LogTargets {
    pub(crate) names: Vec<ContainerName>,
    pub(crate) selectors: Vec<Selector>,
    /// The workloads, or the labels, of a cluster.
    pub(crate) workload: Option<String>,
}

impl LogTargets {
    /// Returns the error if no selected container has a log.
    pub(crate) fn nothing_selected(&self) -> CommandError {
        let Some(workload) = &self.workload else {
            return CommandError::new("no container is selected by these patterns or labels")
                .hint("`docker ps -a --format '{{.Names}} {{.Labels}}'` lists names and labels");
        };
        CommandError::new(format!("no pod of {workload} has started, so there is no log"))
            .hint(format!("`kubectl get pods -l '{}'` lists its pods", self.labels()))
    }

    fn labels(&self) -> String {
        self.selectors
            .iter()
            .flat_map(|selector| &selector.labels)
            .cloned()
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// Resolves the targets of `logs`.
pub(crate) async fn log_targets(
    platform: &Platform,
    targets: &[String],
    options: &KubernetesArgs,
    printer: Printer,
) -> Result<LogTargets, CommandError> {
    match platform {
        Platform::Docker(_) => {
            let mut names = Vec::new();
            for target in targets.iter().filter(|target| !is_pattern(target)) {
                let name: ContainerName = target.parse()?;
                names.push(
                    stand_in(platform, target, printer)
                        .await?
                        .map_or(Ok(name), |meant| meant.parse())?,
                );
            }
            Ok(LogTargets { names, ..LogTargets::default() })
        }
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(cluster) => {
            let workload = match &options.selector {
                Some(labels) => format!("`{labels}`"),
                None => targets
                    .iter()
                    .map(|target| format!("`{target}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            let targets =
                targets.iter().map(|target| target.parse()).collect::<Result<Vec<_>, _>>();
            let targets = targets.map_err(Error::from)?;
            let found = cluster.log_targets(&targets, options.selector.as_deref()).await?;
            Ok(LogTargets {
                names: found.names,
                selectors: found.selectors,
                workload: Some(workload),
            })
        }
    }
}
