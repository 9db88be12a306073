//! Reading a blob as it comes over the network, and going on where the connection broke.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_RANGE, HeaderValue, RANGE};
use hyper::{Method, Response, StatusCode};
use scratchdbg_image::Digest;

use crate::error::Error;
use crate::pull::Fetch;
use crate::session::Call;
use crate::transport::innermost;

/// A blob from its beginning to its end. Whether it is the right one, its reader finds out by its digest.
pub(crate) struct BlobReader {
    fetch: Fetch,
    digest: Digest,
    body: Incoming,
    chunk: Bytes,
    /// Bytes that were handed on.
    position: u64,
    /// Bytes to come that were handed on before.
    again: u64,
    failures: u32,
}

impl BlobReader {
    pub(crate) fn open(fetch: Fetch, digest: Digest) -> io::Result<Self> {
        let answer = fetch.block_on(ask(&fetch, digest, 0)).map_err(|error| fetch.fail(error))?;
        let body = answer.into_body();
        Ok(Self { fetch, digest, body, chunk: Bytes::new(), position: 0, again: 0, failures: 0 })
    }

    /// The next piece; empty at the end.
    async fn next(&mut self) -> Result<Bytes, Error> {
        loop {
            let silence = self.fetch.session().patience.silence;
            let (registry, what) = (self.fetch.session().registry.clone(), format!("blob {}", self.digest));
            let error = match tokio::time::timeout(silence, self.body.frame()).await {
                Ok(None) => return Ok(Bytes::new()),
                Ok(Some(Ok(frame))) => {
                    let Ok(mut chunk) = frame.into_data() else { continue };
                    let skipped = chunk.len().min(usize::try_from(self.again).unwrap_or(usize::MAX));
                    chunk.advance(skipped);
                    self.again -= skipped as u64;
                    if chunk.is_empty() {
                        continue;
                    }
                    return Ok(chunk);
                }
                Ok(Some(Err(error))) => Error::Broken { registry, what, reason: innermost(&error) },
                Err(_) => Error::Silent { registry, what, after: silence },
            };
            self.failures += 1;
            if self.failures >= self.fetch.session().patience.attempts {
                return Err(error);
            }
            self.fetch.session().rest(self.failures, None, "a blob").await;
            let answer = ask(&self.fetch, self.digest, self.position).await?;
            self.again = if goes_on(&answer, self.position) { 0 } else { self.position };
            self.body = answer.into_body();
        }
    }
}

async fn ask(fetch: &Fetch, digest: Digest, from: u64) -> Result<Response<Incoming>, Error> {
    let what = format!("blob {digest}");
    let uri = fetch.session().uri(&format!("{}/blobs/{digest}", fetch.repository())).await?;
    let scope = fetch.scope();
    let mut call = Call::new(Method::GET, uri, &scope, &what);
    if from > 0 {
        let range = HeaderValue::from_str(&format!("bytes={from}-"));
        call.headers.extend(range.ok().map(|range| (RANGE, range)));
    }
    fetch.session().send(&call).await
}

/// Whether an answer begins where it was asked to; many servers begin anew.
fn goes_on(answer: &Response<Incoming>, from: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    answer.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            let fetch = self.fetch.clone();
            self.chunk = fetch.block_on(self.next()).map_err(|error| fetch.fail(error))?;
        }
        let size = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..size]);
        self.position += size as u64;
        Ok(size)
    }
}
