//! The numbers of signals, which are the same on every architecture.

/// `SIGHUP`.
pub(crate) const SIGHUP: i32 = 1;
/// `SIGINT`.
pub(crate) const SIGINT: i32 = 2;
/// `SIGKILL`.
pub(crate) const SIGKILL: i32 = 9;
/// `SIGQUIT`.
pub(crate) const SIGQUIT: i32 = 3;
/// `SIGTERM`.
pub(crate) const SIGTERM: i32 = 15;
/// The signal by which the keeper ends a launcher's session: a real-time signal that nothing else
/// here uses.
pub(crate) const END_SESSION: i32 = 50;
/// `SIGCHLD`.
pub(crate) const SIGCHLD: i32 = 17;
/// `SIGCONT`.
pub(crate) const SIGCONT: i32 = 18;
