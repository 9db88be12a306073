//! Reads a blob from the network, and resumes after the connection broke.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_RANGE, HeaderValue, RANGE};
use hyper::{Method, Response, StatusCode};
use scratchdbg_image::Digest;
use scratchdbg_pace::{Pace, TooSlow};
use tokio::time::Instant;

use crate::error::Error;
use crate::pull::Fetch;
use crate::session::Call;
use crate::transport::innermost;

/// A blob from beginning to end. The reader must verify its digest.
pub(crate) struct BlobReader {
    fetch: Fetch,
    digest: Digest,
    body: Incoming,
    chunk: Bytes,
    /// How many bytes were returned.
    position: u64,
    /// How many of the next bytes were already returned.
    again: u64,
    failures: u32,
    pace: Pace,
}

impl BlobReader {
    pub(crate) fn open(fetch: Fetch, digest: Digest) -> io::Result<Self> {
        let answer = fetch.block_on(ask(&fetch, digest, 0)).map_err(|error| fetch.fail(error))?;
        let body = answer.into_body();
        let pace = Pace::new(fetch.session().policy.silence);
        Ok(Self {
            fetch,
            digest,
            body,
            chunk: Bytes::new(),
            position: 0,
            again: 0,
            failures: 0,
            pace,
        })
    }

    /// Returns the next chunk, which is empty at the end.
    async fn next(&mut self) -> Result<Bytes, Error> {
        loop {
            let (registry, what) =
                (self.fetch.session().registry.clone(), format!("blob {}", self.digest));
            let since = Instant::now();
            let frame = tokio::time::timeout(self.pace.left(), self.body.frame()).await;
            let came = match &frame {
                Ok(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            // If the response is too slow, retrying would not help.
            let error = match (frame, self.pace.waited(since.elapsed(), came)) {
                (Ok(None), _) => return Ok(Bytes::new()),
                (Ok(Some(Err(error))), _) => {
                    Error::Broken { registry, what, reason: innermost(&error) }
                }
                (_, Err(slow @ TooSlow { came: 1.., .. })) => {
                    return Err(self.fetch.session().too_slow(slow, &what));
                }
                (_, Err(silence)) => self.fetch.session().too_slow(silence, &what),
                (Err(_), Ok(())) => continue,
                (Ok(Some(Ok(frame))), Ok(())) => {
                    let Ok(mut chunk) = frame.into_data() else { continue };
                    let skipped =
                        chunk.len().min(usize::try_from(self.again).unwrap_or(usize::MAX));
                    chunk.advance(skipped);
                    self.again -= skipped as u64;
                    if chunk.is_empty() {
                        continue;
                    }
                    return Ok(chunk);
                }
            };
            self.failures += 1;
            if self.failures >= self.fetch.session().policy.attempts {
                return Err(error);
            }
            self.fetch.session().back_off(self.failures, None, "a blob").await;
            let answer = ask(&self.fetch, self.digest, self.position).await?;
            self.again = if is_resumed(&answer, self.position) { 0 } else { self.position };
            self.body = answer.into_body();
            self.pace = Pace::new(self.fetch.session().policy.silence);
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

/// Reports whether a response starts at the requested position. Many servers start from the
/// beginning.
fn is_resumed(answer: &Response<Incoming>, from: u64) -> bool {
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
