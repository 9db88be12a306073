//! Pulling: reads an image directly from a registry. Nothing is stored. Each blob is fetched when
//! it is read, and its reader verifies the digest.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::Method;
use hyper::header::{ACCEPT, HeaderValue};
use scratchdbg_image::Digest;
use scratchdbg_image::read::RemoteImage;
use tokio::runtime::Handle;

use crate::Registry;
use crate::document;
use crate::error::Error;
use crate::push::digest_header;
use crate::reader::BlobReader;
use crate::reference::Reference;
use crate::session::{Call, Session};

/// The largest accepted manifest or index, as in registries.
pub(crate) const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// An image in a registry, for one platform or several. Read it on a thread that may block, not on
/// one of the runtime.
#[derive(Debug)]
pub struct PulledImage {
    reference: Reference,
    root: Bytes,
    fetch: Fetch,
}

/// Fetches objects of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    session: Arc<Session>,
    repository: String,
    runtime: Handle,
    /// The first error. Readers of the image pass on I/O errors only, so the original error is kept
    /// here.
    failure: Arc<Mutex<Option<Error>>>,
}

impl Registry {
    /// Finds an image. Fetches only its manifest or index.
    pub async fn pull(&self, reference: &Reference) -> Result<PulledImage, Error> {
        let fetch = Fetch {
            session: self.session(reference.registry()),
            repository: reference.repository().to_owned(),
            runtime: Handle::current(),
            failure: Arc::default(),
        };
        let what = format!("image {reference}");
        let root = fetch.manifest(&reference.version(), reference.digest(), &what).await?;
        Ok(PulledImage { reference: reference.clone(), root, fetch })
    }
}

impl PulledImage {
    /// Reports whether another image is in the same repository.
    pub fn is_beside(&self, other: &Self) -> bool {
        let place = |image: &Self| {
            (image.reference.registry().to_owned(), image.reference.repository().to_owned())
        };
        place(self) == place(other)
    }

    /// Returns the error of the registry or the network that ended reading, if any.
    pub fn failure(&self) -> Option<Error> {
        self.fetch.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl RemoteImage for PulledImage {
    fn name(&self) -> String {
        self.reference.to_string()
    }

    fn root(&self) -> &[u8] {
        &self.root
    }

    fn manifest(&self, digest: Digest) -> io::Result<Vec<u8>> {
        let what = format!("manifest {digest}");
        let fetched = self.fetch.runtime.block_on(self.fetch.manifest(
            &digest.to_string(),
            Some(digest),
            &what,
        ));
        fetched.map(|bytes| bytes.to_vec()).map_err(|error| self.fetch.fail(error))
    }

    fn blob(&self, digest: Digest) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(BlobReader::open(self.fetch.clone(), digest)?))
    }
}

impl Fetch {
    async fn manifest(
        &self,
        version: &str,
        expected: Option<Digest>,
        what: &str,
    ) -> Result<Bytes, Error> {
        let session = &self.session;
        let uri = session.uri(&format!("{}/manifests/{version}", self.repository)).await?;
        let scope = self.scope();
        let call = Call {
            headers: vec![(ACCEPT, HeaderValue::from_static(ACCEPTED))],
            ..Call::new(Method::GET, uri, &scope, what)
        };
        let mut failures = 0;
        let (said, bytes) = loop {
            let answer = session.send(&call).await?;
            let said = digest_header(&answer);
            match document::read(session, answer, LARGEST_MANIFEST, what).await {
                Ok(bytes) => break (said, bytes),
                Err(error @ (Error::Broken { .. } | Error::Silent { .. })) => {
                    failures += 1;
                    if failures >= session.policy.attempts {
                        return Err(error);
                    }
                    session.back_off(failures, None, what).await;
                }
                Err(error) => return Err(error),
            }
        };
        let actual = Digest::of(&bytes);
        let mismatch = |expected, actual| Error::DigestMismatch {
            registry: session.registry.clone(),
            what: what.to_owned(),
            expected,
            actual,
        };
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(mismatch(expected, actual.to_string()));
        }
        // Compare the media type in the header with that in the document.
        match said {
            Some(said) if said != actual.to_string() => {
                Err(mismatch(actual, crate::text::cut(&said)))
            }
            _ => Ok(bytes),
        }
    }

    pub(crate) fn scope(&self) -> String {
        format!("repository:{}:pull", self.repository)
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    /// Waits for the network on a thread that may block.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Keeps an error, and returns it in the form that readers expect.
    pub(crate) fn fail(&self, error: Error) -> io::Error {
        let text = error.to_string();
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        io::Error::other(text)
    }
}
