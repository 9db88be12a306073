//! The options that name pods, and the cluster that has them.

use std::path::PathBuf;

use clap::Args;
use scratchdbg_console::suggest::ClusterOptions;

/// Which cluster, and which part of it. They make sense with targets such as pod/NAME, and are left
/// out of the short help.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Kubernetes")]
pub struct KubernetesArgs {
    /// The namespace of pods [default: that of the context]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub namespace: Option<String>,
    /// The container of the pod [default: as kubectl chooses it]
    #[arg(short, long, value_name = "NAME", hide_short_help = true)]
    pub container: Option<String>,
    /// All containers of each pod, init and ephemeral ones too
    #[arg(long, hide_short_help = true, conflicts_with = "container")]
    pub all_containers: bool,
    /// Pods with these labels: app=web,tier!=db
    #[arg(
        short = 'l',
        long = "selector",
        id = "pod_selector",
        value_name = "LABELS",
        hide_short_help = true
    )]
    pub selector: Option<String>,
    /// In all namespaces
    #[arg(long, hide_short_help = true, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Use this context of the Kubernetes configuration
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub kube_context: Option<String>,
    /// Read this Kubernetes configuration [default: KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The program is called by kubectl: what is meant is in a cluster.
    #[arg(skip)]
    pub is_plugin: bool,
}

impl KubernetesArgs {
    /// An option that only makes sense for pods, where one is given.
    pub fn given(&self) -> Option<&'static str> {
        let options = [
            (self.namespace.is_some(), "--namespace"),
            (self.container.is_some(), "--container"),
            (self.all_containers, "--all-containers"),
            (self.selector.is_some(), "--selector"),
            (self.all_namespaces, "--all-namespaces"),
            (self.kube_context.is_some(), "--kube-context"),
            (self.kubeconfig.is_some(), "--kubeconfig"),
            (self.is_plugin, "kubectl's plugin"),
        ];
        options.into_iter().find_map(|(is_given, name)| is_given.then_some(name))
    }

    /// Whether a target may stand for several containers: a workload, or a pod of which all
    /// containers are selected.
    pub fn may_be_several(&self, targets: &[String]) -> bool {
        let is_workload = |target: &String| {
            let kind = target.split('/').next().unwrap_or_default().to_ascii_lowercase();
            is_pod_reference(target) && !["pod", "pods", "po"].contains(&kind.as_str())
        };
        self.selector.is_some() || self.all_containers || targets.iter().any(is_workload)
    }
}

/// Whether a text is meant as a pod or a workload, valid or not.
pub fn is_pod_reference(text: &str) -> bool {
    text.find('/').is_some_and(|at| at > 0)
}

impl From<KubernetesArgs> for ClusterOptions {
    fn from(args: KubernetesArgs) -> Self {
        Self {
            namespace: args.namespace,
            all_namespaces: args.all_namespaces,
            context: args.kube_context,
            kubeconfig: args.kubeconfig,
        }
    }
}
