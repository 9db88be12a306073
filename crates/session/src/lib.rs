//! Debug sessions on any platform.
//!
//! A session has a plan, a keeper, and a process whose streams are connected to the user.
//!
//! * [`run()`] plans a session, provides the tools, runs it, falls back to another mode, and
//!   follows restarts of the target. `attach` and `demo` call it.
//! * [`plan()`] only returns the plan.
//! * [`User`] is the caller's interface: streams, terminal, questions and notices.
//! * [`Piped`] is the user of a session whose command is a program of ours.
//! * [`Audit`] records sessions in a file.
//! * [`tools`] finds a static busybox, and makes the toolkit image of it and the launcher.
//!
//! Platforms are used through the traits of `scratchdbg-backend`. This crate knows none in
//! particular.

mod attempt;
mod audit;
mod control;
mod input;
mod keeper;
mod keys;
mod neighbors;
mod orders;
mod pass;
mod piped;
mod record;
mod run;
mod runs;
mod silence;
#[cfg(test)]
mod tests;
pub mod tools;
mod user;
mod window;

pub use self::attempt::{AFTER_SIGNAL, AttemptEnd};
pub use self::audit::Audit;
pub use self::piped::{Piped, PipedOptions, PipedStreams, Said};
pub use self::run::{Request, plan, run};
pub use self::user::{Consent, Notice, SessionEnd, Stage, Streams, User};

/// The launcher: a static program for the platform that this crate was compiled for. Empty if it
/// cannot be built for that platform.
///
/// A static, since each crate that names a constant gets a copy of it.
pub static LAUNCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scratchdbg-launcher"));
