//! OCI images as values: layers, digests, canonical JSON, layouts and archives.
//!
//! A [`Tree`] of entries becomes a [`Layer`] (a deterministic tar with its digests). Layers and an
//! [`ImageConfig`] become an [`Image`]. Images with names form an [`ImageSet`], which
//! [`write_hybrid`] writes as one stream and [`Layout`] stores in a folder. This crate uses no
//! network and no engine. All hashed documents are serialized by [`json`], so that the same input
//! always gives the same bytes.
//!
//! Specifications followed: OCI image-spec 1.1.1, docker-image-spec 1.3 (health checks), POSIX
//! ustar and pax.

pub mod annotation;
mod archive;
mod blobs;
mod compression;
mod config;
mod digest;
mod durable;
mod error;
mod image;
pub mod json;
mod layer;
mod layout;
mod meter;
mod platform;
pub mod read;
mod reference;
mod tar;
mod tree;

pub use archive::{save_hybrid, write_hybrid};
pub use compression::Compression;
pub use config::{ContainerConfig, Healthcheck, History, ImageConfig, RootFs};
pub use digest::Digest;
pub use error::ImageError;
pub use image::{Image, ImageSet};
pub use layer::{Layer, LayerMediaType};
pub use layout::Layout;
pub use meter::Meter;
pub use platform::Platform;
pub use reference::TaggedReference;
pub use tree::{Entry, FileData, HostFile, Node, Tree};
