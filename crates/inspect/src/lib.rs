//! Looks at images and containers wherever they are, and has the rules of `scratchdbg-diagnose` judge them.
//!
//! * [`ImageLocation`]: what a word of a command line means: a file, a layout, an archive, a name of a registry or of a
//!   platform;
//! * [`Sources`]: where images come from that are not files of this machine;
//! * [`check`]: what is wrong with what is at a location;
//! * [`preflight`]: the same of an image that is being built;
//! * [`why`]: what a container died of, or what is wrong with it while it runs;
//! * [`shells`]: whether there is a shell in containers;
//! * [`verify`]: whether two images are a pair.
//!
//! Rules that need a container's files name them, and get them one by one: one loop does that for all (`evaluate`). No
//! platform is named here: containers and images are reached through the traits of `scratchdbg-backend`. Nothing is printed:
//! findings and [`Notice`]s are values.

mod blocking;
mod check;
mod contents;
mod dockerfile;
mod error;
mod evaluate;
mod layers;
mod lines;
mod location;
mod open;
mod preflight;
mod program;
mod report;
mod shells;
mod stored;
#[cfg(test)]
mod tests;
mod verify;
mod why;

pub use self::check::check;
pub use self::error::Error;
pub use self::location::{Disk, ImageLocation, LocationError, ThisMachine, Words};
pub use self::open::{Remote, Sources};
pub use self::preflight::{preflight, with_those_of_the_file};
pub use self::report::{Notice, Report};
pub use self::shells::shells;
pub use self::verify::verify;
pub use self::why::{Answer, Subject, why};

use scratchdbg_backend::{FactsBackend, FilesBackend, ImageBackend};

/// A platform whose containers and images can be looked at.
pub trait Platform: FactsBackend + FilesBackend + ImageBackend {}

impl<T: FactsBackend + FilesBackend + ImageBackend> Platform for T {}
