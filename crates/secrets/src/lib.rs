//! Secrets, and the programs that hand them out.
//!
//! * [`Secret`] is a text that nothing shows by accident.
//! * [`answer`] runs a program such as Docker's credential helpers and kubectl's credential
//!   plugins: with limits of time and output, and ended when nobody waits for it any more. What the
//!   program says is never part of an error.

mod program;
mod secret;

pub use self::program::{Answer, Error, Limits, answer, ended};
pub use self::secret::Secret;
