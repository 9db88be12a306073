//! Images that are fetched as they are read.

use crate::Digest;
use std::fmt::Debug;
use std::io::{self, Read};

/// An image in a registry, or anywhere else where blobs are had by their digest. What comes from there is not trusted: it
/// is held against digests and sizes by whoever reads it.
pub trait RemoteImage: Debug + Send + Sync {
    /// How its user calls it.
    fn name(&self) -> String;

    /// The manifest or index that the name stands for.
    fn root(&self) -> &[u8];

    /// The manifest or index of this digest, which is of a limited size.
    fn manifest(&self, digest: Digest) -> io::Result<Vec<u8>>;

    /// The blob of this digest, from its beginning.
    fn blob(&self, digest: Digest) -> io::Result<Box<dyn Read>>;
}
