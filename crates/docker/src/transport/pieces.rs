//! The body of an answer, piece by piece, watched: an engine that falls silent within it is given up.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use hyper::body::{Body as _, Incoming};

use super::{Kind, Progress, Transport};
use crate::error::Error;

/// The pieces of an answer's body.
pub(crate) struct Pieces {
    transport: Transport,
    kind: Kind,
    what: String,
    body: Incoming,
    /// Waits until the engine is to be given up. Made anew for each wait.
    given_up: Option<Pin<Box<dyn Future<Output = Error> + Send>>>,
}

impl Pieces {
    pub(super) fn new(transport: Transport, kind: Kind, what: String, body: Incoming) -> Self {
        Self { transport, kind, what, body, given_up: None }
    }

    /// All that comes; at most so many bytes.
    pub(crate) async fn collect(&mut self, limit: usize) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await {
            all.extend_from_slice(&piece?);
            if all.len() > limit {
                return Err(Error::transport(&self.what, format!("the answer is longer than {limit} bytes")));
            }
        }
        Ok(all.freeze())
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pieces").field("what", &self.what).finish_non_exhaustive()
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.given_up = None;
                    match frame.into_data() {
                        Ok(data) => return Poll::Ready(Some(Ok(data))),
                        // Trailers: nothing of the answer.
                        Err(_) => continue,
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Error::transport(&this.what, error)))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            let (transport, kind) = (&this.transport, this.kind);
            let given_up = this.given_up.get_or_insert_with(|| {
                let transport = transport.clone();
                Box::pin(async move { transport.given_up(kind, &Progress::default()).await })
            });
            return given_up.as_mut().poll(context).map(|error| Some(Err(error)));
        }
    }
}
