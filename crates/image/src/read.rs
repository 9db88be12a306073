//! Reads images that are stored in a folder or a file, without trusting them.
//!
//! Every blob is verified against its descriptor while it is read. Every size, count and depth has
//! a limit.

mod blob;
mod documents;
mod entries;
mod error;
pub(crate) mod exact;
mod image;
mod layer;
mod names;
mod ordered;
mod remote;
mod source;
mod spelling;
mod tar;
mod validate;

pub use error::ReadError;
pub use image::{StoredImage, StoredLayer};
pub use remote::RemoteImage;
pub use source::ImageSource;
pub use spelling::spelled;
pub use tar::{Member, MemberKind};
pub use validate::validate;

#[cfg(test)]
mod tests;
