//! Tests of the built binary on a Kubernetes cluster, as a user runs it.
//!
//! There is one test binary with a module for each behavior. Assertions query the cluster with
//! kubectl. Every test has its own namespace, so tests run concurrently. Without a cluster they
//! fail: `./scripts/test --kubernetes` creates one.

mod attach;
mod attach_matrix;
mod attach_matrix_rows;
mod copy;
mod files;
mod forward;
mod hostile;
mod images;
mod logs;
mod plugin;
mod proxy;
mod ps;
mod role;
mod sessions;
mod stage;
mod streams;
mod toolkit;
mod why;
