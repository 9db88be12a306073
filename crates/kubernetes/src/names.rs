//! Names that a user may mean, for the completion of command lines.

use scratchdbg_backend as backend;

use crate::call::Call;
use crate::cluster::Cluster;
use crate::config::ConnectionRequest;
use crate::kind::Kind;
use crate::model::Workload;
use crate::target::kind_of;

/// How many pages of a list are read. Who has more types a part of the name.
const PAGES: usize = 2;

impl Cluster {
    /// Returns the targets that a text such as `deploy/sh` may become, in the namespace of the
    /// connection. A text without a slash is the beginning of a pod's name.
    pub async fn target_names(&self, typed: &str) -> Result<Vec<String>, backend::Error> {
        let (kind, prefix) = match typed.split_once('/') {
            None => (Some(Kind::Pod), String::new()),
            Some((word, _)) => (kind_of(word), format!("{word}/")),
        };
        let Some(kind) = kind else { return Ok(Vec::new()) };
        let names = self.names_of(kind).await?;
        Ok(names.into_iter().map(|name| format!("{prefix}{name}")).collect())
    }

    /// Returns the names of the cluster's namespaces.
    pub async fn namespace_names(&self) -> Result<Vec<String>, backend::Error> {
        self.names_of(Kind::Namespace).await
    }

    async fn names_of(&self, kind: Kind) -> Result<Vec<String>, backend::Error> {
        let call = Call::list(kind, Some(self.namespace()));
        let (objects, _) = self.client.list_begin::<Workload>(&call, PAGES).await?;
        Ok(objects.into_iter().map(|object| object.metadata.name).collect())
    }
}

impl ConnectionRequest {
    /// Returns the contexts of the Kubernetes configuration. One that cannot be read has none.
    pub fn context_names(&self) -> Vec<String> {
        let read = self.kubeconfig().ok().flatten();
        let contexts = read.into_iter().flat_map(|(kubeconfig, _)| kubeconfig.contexts);
        contexts.map(|context| context.name).collect()
    }
}
