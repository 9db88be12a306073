//! Plans sessions on pods: pure functions from a pod and the user's request to a keeper, or to the
//! reason why there can be none.
//!
//! * [`target`] finds the container, and refuses what cannot work before anything is created.
//! * [`ids`] finds the user and group of the container's processes.
//! * [`keeper`] is the ephemeral container, which has exactly the rights of the target's container.
//! * [`copy`] is a new pod for a container that does not run.
//! * [`session`] combines these to a plan.
//! * [`waiting`] interprets the state of the ephemeral container.
//! * [`access`] lists the permissions that a session needs.

pub(crate) mod access;
pub(crate) mod copy;
pub(crate) mod ids;
pub(crate) mod keeper;
pub(crate) mod session;
pub(crate) mod target;
#[cfg(test)]
mod tests;
pub(crate) mod waiting;
