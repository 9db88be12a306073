//! Builds a production image and its debug twin from static binaries.
//!
//! [`build`] turns a [`BuildSpec`] into a [`Pair`]: the production image, and a twin with the same
//! layers and exactly one more, which contains a static busybox. [`toolkit`] finds that busybox,
//! and makes the image that `attach` creates its debug containers from. This crate uses no engine
//! and no network; `scratchdbg-image` writes the images.

mod add;
mod binary;
mod config;
pub mod dockerfile;
mod error;
mod links;
mod pair;
mod program;
pub mod provision;
mod reserved;
#[cfg(test)]
mod samples;
mod settings;
mod spec;
pub mod toolkit;
pub mod verify;

pub use add::Addition;
pub use error::BuildError;
pub use pair::{Pair, build};
pub use spec::{BuildSpec, DEFAULT_USER, LayerStorage, Twin};
pub use toolkit::Toolkit;

/// The version of everything besides the inputs that determines the bytes of an image: paths and
/// order of entries, modes, the form of the JSON. It is recorded in each image. Increase it
/// whenever the same inputs give different bytes.
pub const LAYOUT_VERSION: u32 = 1;

/// Label keys in image configs. Users cannot set labels with the prefix [`label::PREFIX`].
pub mod label {
    /// The prefix of all our labels.
    pub const PREFIX: &str = "io.scratchdbg.";
    /// `prod`, `debug` or `toolkit`.
    pub const ROLE: &str = "io.scratchdbg.role";
    /// The digest of the production image's config, on the twin.
    pub const PROD: &str = "io.scratchdbg.prod";
    /// [`crate::LAYOUT_VERSION`].
    pub const LAYOUT: &str = "io.scratchdbg.layout";
}
