//! What scratchdbg does on Kubernetes, by the built binary on a real cluster, as a user sees it.
//!
//! One binary with a module for each behavior. kubectl is the referee. Every test has its own namespace, so they run side
//! by side; without a cluster they fail. `./scripts/test --kubernetes` makes one.

mod attach;
mod copy;
mod hostile;
mod images;
mod logs;
mod ps;
mod role;
mod sessions;
mod stage;
mod toolkit;
mod why;
