//! Reads images and containers wherever they are, and runs the rules of `scratchdbg-diagnose` on
//! them.
//!
//! * [`ImageLocation`]: the meaning of a word of a command line: a file, a layout, an archive, or a
//!   name in a registry or on a platform;
//! * [`Sources`]: connects to platforms and registries, for images that are not files of this
//!   machine;
//! * [`check`]: the findings at a location;
//! * [`preflight`]: the findings of an image that is being built;
//! * [`why`]: why a container ended, or what is wrong with it while it runs;
//! * [`overview`]: what `ps` tells of containers;
//! * [`verify`]: whether two images are a pair;
//! * [`find_twin`]: the debug twin of a running image, in its registry.
//!
//! Rules name the files of a container that they need. One loop (`evaluate`) fetches these files
//! and runs the rules again until they ask for nothing new. Platforms are reached through the
//! traits of `scratchdbg-backend`. Nothing is printed: findings and [`Caveat`]s are values.

mod blocking;
mod check;
mod contents;
mod dockerfile;
mod error;
mod evaluate;
mod layers;
mod lines;
mod location;
mod lookups;
mod manifest;
mod open;
mod overview;
mod preflight;
mod program;
mod report;
mod room;
mod shells;
mod stored;
#[cfg(test)]
mod tests;
mod twin;
mod verify;
mod why;

pub use self::check::check;
pub use self::error::Error;
pub use self::location::{BareWords, Disk, ImageLocation, LocationError, ThisMachine};
pub use self::open::{RegistryImage, Sources};
pub use self::overview::{Details, Overview, Place, Row, Tools, overview, quick_overview};
pub use self::preflight::{preflight, with_those_of_the_file};
pub use self::report::{Caveat, Report};
pub use self::room::Refusal;
pub use self::twin::{NoTwin, ProvedTwin, RunningImage, find_twin, twin_name};
pub use self::verify::verify;
pub use self::why::{ContainerSummary, Diagnosis, Explanation, PodSummary, why, why_of_pod};

use scratchdbg_backend::{FactsBackend, FilesBackend, ImageBackend};

/// A platform whose containers and images can be inspected.
pub trait Platform: FactsBackend + FilesBackend + ImageBackend {}

impl<T: FactsBackend + FilesBackend + ImageBackend> Platform for T {}
