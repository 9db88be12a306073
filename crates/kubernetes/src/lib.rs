//! Kubernetes as a platform: pods are containers behind the traits of `scratchdbg-backend`.
//!
//! Only this crate uses `kube`, which makes the connections, with TLS, proxies and WebSockets. API objects are small structs of this crate (`model`) and API paths are fixed
//! (`kind`), so neither discovery nor the thousands of types of the API are needed.
//!
//! * [`ConnectionRequest`] is the cluster that a user names. [`Cluster`] is the connection.
//! * [`TargetName`] is a pod or a workload on the command line.
//! * `call` is one request as a value. `client` sends requests, with a deadline, and turns refusals
//!   into errors. `watch` receives changes of objects. `link` notices that the API server is out of
//!   reach, `transport` is the HTTP client.
//! * `config` reads configurations, and `credentials` what logs in: both within limits, and so that no
//!   error quotes a secret.
//! * `logs` reads the logs of pods.
//! * [`PodSessions`] runs debug sessions in pods. `plan` decides how, without any request.
//! * `facts` collects facts about pods, for `why` and `ps`.
//! * [`role()`] is the least role that the commands need.
//! * `hint` suggests what a user can do about an error.

mod call;
mod client;
mod cluster;
mod config;
mod container_id;
mod credentials;
mod error;
mod facts;
mod hint;
mod kind;
mod link;
mod list;
mod logs;
mod model;
mod names;
mod place;
mod plan;
mod pods;
mod role;
mod session;
mod target;
mod transport;
mod watch;

pub use self::cluster::{Cluster, ContainerChoice, Options};
pub use self::config::ConnectionRequest;
pub use self::credentials::Dialog;
pub use self::facts::Explained;
pub use self::logs::LogTargets;
pub use self::plan::session::SessionPlan;
pub use self::role::{Purpose, role};
pub use self::session::{
    Chosen, ClusterTools, Configured, FindTwin, PodKeeper, PodOutput, PodProbe, PodProcess,
    PodSessions, PodTarget, Twin,
};
pub use self::target::{InvalidTarget, TargetName};
