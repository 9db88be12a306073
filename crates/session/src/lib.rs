//! Debug sessions, on any platform: a plan becomes a keeper, a process, and streams between it and the user.
//!
//! * [`run()`] is what `attach` and `demo` call: it plans, provides the tools, falls back, and follows restarts;
//! * [`plan()`] only says what would be done;
//! * [`User`] is the other side: the streams, the terminal and the words;
//! * [`tools`] finds a static busybox and makes the toolkit image of it and the launcher.
//!
//! The platform does the rest, by the traits of `scratchdbg-backend`. Nothing here knows which one it is.

mod attempt;
mod control;
mod keeper;
mod keys;
mod neighbours;
mod orders;
mod pass;
mod record;
mod run;
mod runs;
mod silence;
#[cfg(test)]
mod tests;
pub mod tools;
mod user;

pub use self::attempt::{AFTER_SIGNAL, Outcome};
pub use self::run::{Request, plan, run};
pub use self::user::{Consent, Ended, Notice, Stage, Streams, User};

/// The launcher: a static program for the platform that this crate was compiled for. Empty where none can be made.
pub const LAUNCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scratchdbg-launcher"));
