//! Plans sessions on pods: pure functions from a pod and the user's request to a keeper, or to the
//! reason why there can be none.
//!
//! * [`target`] finds the container, and refuses what cannot work before anything is created.
//! * [`ids`] finds the user and group of the container's processes.
//! * [`keeper`] is the ephemeral container, with the rights of the container and nothing else.
//! * [`copy`] is a new pod for a container that does not run.
//! * [`session`] puts these together.
//! * [`waiting`] interprets what becomes of the ephemeral container.
//! * [`access`] are the permissions that all of this takes.

pub(crate) mod access;
pub(crate) mod copy;
pub(crate) mod ids;
pub(crate) mod keeper;
pub(crate) mod session;
pub(crate) mod target;
#[cfg(test)]
mod tests;
pub(crate) mod waiting;
