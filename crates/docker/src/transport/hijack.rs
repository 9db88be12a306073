//! Connections that the engine turns into a raw byte stream: attach, and the start of an exec.

use hyper::Request;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper_util::rt::TokioIo;
use tokio::io::{ReadHalf, WriteHalf};

use super::{Body, Transport};
use crate::error::Error;

/// An HTTP connection that became a byte stream.
pub(crate) type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// The two directions of a hijacked connection. Shutting down the writer is the end of standard
/// input. The engine's remaining output can be read after that.
pub(crate) struct Hijacked {
    pub(crate) reader: ReadHalf<Upgraded>,
    pub(crate) writer: WriteHalf<Upgraded>,
}

impl Transport {
    /// Sends a request that takes over the connection.
    pub(crate) async fn hijack(&self, mut request: Request<Body>) -> Result<Hijacked, Error> {
        let what = request.uri().path().to_owned();
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(UPGRADE, HeaderValue::from_static("tcp"));
        let answer = self.send(request).await?;
        let upgraded =
            hyper::upgrade::on(answer).await.map_err(|error| Error::transport(&what, error))?;
        let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
        Ok(Hijacked { reader, writer })
    }
}

impl std::fmt::Debug for Hijacked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hijacked").finish_non_exhaustive()
    }
}
