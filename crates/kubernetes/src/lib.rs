//! Kubernetes as a platform: pods are containers behind the traits of `scratchdbg-backend`.
//!
//! The only home of `kube`: it makes the connections, with their credentials, TLS, proxies and WebSockets. Objects are
//! our own small structs (`model`), paths are fixed (`kind`), so no discovery and none of the API's thousands of types are
//! needed.
//!
//! * [`ConnectionRequest`] says how a user names a cluster, [`Cluster`] is the connection.
//! * [`TargetName`] is a pod or a workload on the command line.
//! * `call` is one request as a value; `client` sends it, with a deadline, and turns refusals into errors; `watch` hears of
//!   changes.
//! * `logs` reads the logs of pods.
//! * [`PodSessions`] runs debug sessions in them; `plan` decides how, without asking anything.
//! * `facts` says what the API tells of pods, for `why` and `ps`.
//! * [`role()`] is the least role that the commands need.
//! * `hint` says what a user can do about an error.

mod call;
mod client;
mod cluster;
mod config;
mod container_id;
mod error;
mod facts;
mod hint;
mod kind;
mod list;
mod logs;
mod model;
mod place;
mod plan;
mod pods;
mod role;
mod session;
mod target;
mod watch;

pub use self::cluster::{Cluster, ContainerChoice, Options};
pub use self::config::ConnectionRequest;
pub use self::logs::LogTargets;
pub use self::plan::session::SessionPlan;
pub use self::role::{Purpose, role};
pub use self::session::{
    Chosen, ClusterTools, Configured, FindTwin, PodKeeper, PodOutput, PodProbe, PodProcess, PodSessions, PodTarget,
    Twin,
};
pub use self::target::{InvalidTarget, TargetName};
