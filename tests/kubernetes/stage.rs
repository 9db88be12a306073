//! What every test here needs: the binary, a cluster, and a corner of it.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use scratchdbg_testkit::cluster::{Cluster, Namespace, Security};
use scratchdbg_testkit::program::{Finished, Program, Running};

/// Held by all tests that run, and by one alone that ends a program of the cluster.
static CLUSTER: RwLock<()> = RwLock::new(());

/// The binary under test, and a namespace for it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) namespace: Namespace,
    /// Led to the cluster as a user who may do everything, and to its registry.
    pub(crate) scratchdbg: Program,
    // The last to be dropped.
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

    /// The same while no other test runs: the cluster may be broken, and mended.
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

    /// The same, in the namespace.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Finished {
        self.scratchdbg.run(self.in_namespace(arguments))
    }

    /// The same, not waited for.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.scratchdbg.start(self.in_namespace(arguments))
    }

    /// The arguments, with the namespace after the name of the command.
    pub(crate) fn in_namespace<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let (command, rest) = arguments.split_first().expect("a command");
        [command, "--namespace", self.namespace.name()].into_iter().chain(rest.iter().copied()).collect()
    }
}

/// The binary as another user of the cluster.
pub(crate) fn as_user(kubeconfig: &Path) -> Program {
    Program::new(env!("CARGO_BIN_EXE_scratchdbg")).with_variable("KUBECONFIG", kubeconfig)
}
