//! Images that are fetched while they are read.

use std::fmt::Debug;
use std::io::{self, Read};

use crate::Digest;

/// An image in a registry, or in another store that addresses blobs by digest. The data are not
/// trusted: the reader verifies digests and sizes.
pub trait RemoteImage: Debug + Send + Sync {
    /// The name that the user gave.
    fn name(&self) -> String;

    /// The manifest or index that the name refers to.
    fn root(&self) -> &[u8];

    /// Fetches the manifest or index with this digest, up to a limited size.
    fn manifest(&self, digest: Digest) -> io::Result<Vec<u8>>;

    /// Opens the blob with this digest at its start.
    fn blob(&self, digest: Digest) -> io::Result<Box<dyn Read>>;
}
