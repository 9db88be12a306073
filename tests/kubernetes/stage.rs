//! The state that every test needs: the binary, a cluster, and a namespace.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use scratchdbg_testkit::cluster::{Cluster, Namespace, Security};
use scratchdbg_testkit::program::{Finished, Program, Running};

/// Locked for reading by each running test, and for writing by a test that ends a program of the
/// cluster.
static CLUSTER: RwLock<()> = RwLock::new(());

/// The binary under test, and a namespace for the test.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) namespace: Namespace,
    /// The binary, configured for the cluster with a user who has all permissions, and for its
    /// registry.
    pub(crate) scratchdbg: Program,
    // Dropped last.
    _turn: Turn,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Stage {
    pub(crate) fn set(security: Security) -> Self {
        Self::at(security, Turn::Shared(CLUSTER.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Creates a stage while no other test runs: the test may break the cluster and repair it.
    pub(crate) fn alone(security: Security) -> Self {
        Self::at(security, Turn::Alone(CLUSTER.write().unwrap_or_else(PoisonError::into_inner)))
    }

    fn at(security: Security, turn: Turn) -> Self {
        let cluster = Cluster::required();
        let scratchdbg = Program::new(env!("CARGO_BIN_EXE_scratchdbg"))
            .with_variable("KUBECONFIG", cluster.kubeconfig())
            .with_variable("SSL_CERT_FILE", cluster.authority());
        Self { namespace: cluster.namespace(security), scratchdbg, _turn: turn }
    }

    /// Runs scratchdbg to its end with empty standard input.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Finished {
        self.scratchdbg.run(arguments)
    }

    /// Runs scratchdbg to its end, in the namespace.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Finished {
        self.scratchdbg.run(self.in_namespace(arguments))
    }

    /// Starts scratchdbg in the namespace, without waiting for its end.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.scratchdbg.start(self.in_namespace(arguments))
    }

    /// Returns the arguments, with the namespace after the name of the command.
    pub(crate) fn in_namespace<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let (command, rest) = arguments.split_first().expect("a command");
        [command, "--namespace", self.namespace.name()]
            .into_iter()
            .chain(rest.iter().copied())
            .collect()
    }
}

/// Returns the binary, configured for another user of the cluster.
pub(crate) fn as_user(kubeconfig: &Path) -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg")).with_variable("KUBECONFIG", kubeconfig)
}
