//! The options of `sessions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, KubernetesArgs};

/// The commands of `sessions`.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List the sessions in the engine, or on the pods of a cluster
    #[command(after_help = super::examples::SESSIONS_LS)]
    Ls {
        /// Output format
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which pods, of which cluster.
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// End sessions
    #[command(after_help = super::examples::SESSIONS_RM)]
    Rm {
        /// Ids or id prefixes of sessions
        #[arg(required_unless_present = "all", value_name = "SESSION")]
        sessions: Vec<String>,
        /// End all sessions, including those of other users
        #[arg(long, conflicts_with = "sessions")]
        all: bool,
        /// Which pods, of which cluster.
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Remove what killed clients left behind
    Gc {
        /// Which pods, of which cluster.
        #[command(flatten)]
        cluster: ClusterArgs,
    },
}

impl SessionsCommand {
    /// The same, to be changed.
    pub fn cluster_mut(&mut self) -> &mut ClusterArgs {
        match self {
            Self::Ls { cluster, .. } | Self::Rm { cluster, .. } | Self::Gc { cluster } => cluster,
        }
    }

    /// The cluster that is meant, if one is.
    pub fn cluster(&self) -> &ClusterArgs {
        match self {
            Self::Ls { cluster, .. } | Self::Rm { cluster, .. } | Self::Gc { cluster } => cluster,
        }
    }
}

/// The pods whose sessions are meant. Any of these options stands for a cluster instead of the
/// engine.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Kubernetes, instead of the engine")]
pub struct ClusterArgs {
    /// The pods of this namespace
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The pods of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Use this context of the Kubernetes configuration
    #[arg(long, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// Read this Kubernetes configuration [default: KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The program is called by kubectl.
    #[arg(skip)]
    pub is_plugin: bool,
}

impl From<&ClusterArgs> for KubernetesArgs {
    fn from(cluster: &ClusterArgs) -> Self {
        Self {
            namespace: cluster.namespace.clone(),
            all_namespaces: cluster.all_namespaces,
            kube_context: cluster.kube_context.clone(),
            kubeconfig: cluster.kubeconfig.clone(),
            is_plugin: cluster.is_plugin,
            ..Self::default()
        }
    }
}
