//! Makes the production image and its debug twin from static binaries.
//!
//! [`build`] turns a [`BuildSpec`] into a [`Pair`]: the production image, and the same image, layer for layer, with
//! exactly one more layer that holds a static busybox. The [`toolkit`] says where that busybox comes from, and makes the
//! image from which `attach` starts its debug containers. Nothing here knows an engine or a network; what is built is
//! written by `scratchdbg-image`.

mod add;
mod binary;
mod config;
pub mod dockerfile;
mod error;
mod links;
mod pair;
mod program;
pub mod provision;
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

/// Version of all that decides the bytes of an image besides its inputs: the paths and order of entries, their modes, the
/// shape of the JSON. It is recorded in each image, and raised whenever the same inputs begin to give other bytes.
pub const LAYOUT_VERSION: u32 = 1;

/// Label keys in image configs. Users cannot set labels that begin with [`label::PREFIX`].
pub mod label {
    /// What all of our labels begin with.
    pub const PREFIX: &str = "io.scratchdbg.";
    /// `prod`, `debug` or `toolkit`.
    pub const ROLE: &str = "io.scratchdbg.role";
    /// On the twin: the digest of the production image's config.
    pub const PROD: &str = "io.scratchdbg.prod";
    /// [`crate::LAYOUT_VERSION`].
    pub const LAYOUT: &str = "io.scratchdbg.layout";
}
