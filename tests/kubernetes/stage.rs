//! What every test here needs: the binary, a cluster, and a corner of it.

use std::ffi::OsStr;

use scratchdbg_testkit::cluster::{Cluster, Namespace, Security};
use scratchdbg_testkit::program::{Finished, Program};

/// The binary under test, and a namespace for it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) namespace: Namespace,
    /// Led to the cluster as a user who may do everything, and to its registry.
    pub(crate) scratchdbg: Program,
}

impl Stage {
    pub(crate) fn set(security: Security) -> Self {
        let cluster = Cluster::required();
        let scratchdbg = Program::new(env!("CARGO_BIN_EXE_scratchdbg"))
            .with_variable("KUBECONFIG", cluster.kubeconfig())
            .with_variable("SSL_CERT_FILE", cluster.authority());
        Self { namespace: cluster.namespace(security), scratchdbg }
    }

    /// Runs scratchdbg to its end with empty standard input.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Finished {
        self.scratchdbg.run(arguments)
    }
}
