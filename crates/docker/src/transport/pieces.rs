//! Reads the body of a response in chunks. A response that stalls, or is too slow to ever finish,
//! is given up.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use hyper::body::{Body as _, Incoming};
use scratchdbg_pace::{Pace, TooSlow};
use tokio::time::Instant;

use super::{Kind, Progress, Transport};
use crate::error::{Error, Silent, Slow};

/// The total time limit for a small response, once this engine has exceeded the usual one.
const REDUCED_TOTAL_LIMIT: Duration = Duration::from_secs(10);

/// The chunks of a response's body.
pub(crate) struct Pieces {
    transport: Transport,
    kind: Kind,
    what: String,
    body: Incoming,
    /// The least speed, if it is limited.
    pace: Option<Pace>,
    /// The total time limit, if the response is read completely.
    whole: Option<Duration>,
    wait: Option<Wait>,
}

/// A wait for the next chunk.
struct Wait {
    since: Instant,
    /// Resolves when the wait ends without a chunk: to the error, or to `None` if the speed must be
    /// checked.
    over: Pin<Box<dyn Future<Output = Option<Error>> + Send>>,
}

impl Wait {
    fn begin(transport: &Transport, kind: Kind, left: Option<Duration>) -> Self {
        let transport = transport.clone();
        let over = async move {
            let progress = Progress::default();
            let given_up = transport.given_up(kind, &progress);
            match left {
                // If nothing arrived in all that time, report silence, not slowness.
                Some(left) => tokio::time::timeout(left, given_up).await.ok(),
                None => Some(given_up.await),
            }
        };
        Self { since: Instant::now(), over: Box::pin(over) }
    }
}

impl Pieces {
    pub(super) fn new(transport: Transport, kind: Kind, what: String, body: Incoming) -> Self {
        let pace = kind.window().map(Pace::new);
        Self { transport, kind, what, body, pace, whole: kind.total_limit(), wait: None }
    }

    /// Returns the complete body, of at most `limit` bytes.
    pub(crate) async fn collect(&mut self, limit: usize) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        let Some(whole) = self.whole else {
            self.append_to(&mut all, limit).await?;
            return Ok(all.freeze());
        };
        let again = self.transport.is_slow.load(Ordering::Relaxed).then_some(REDUCED_TOTAL_LIMIT);
        let within = again.map_or(whole, |again| again.min(whole));
        match tokio::time::timeout(within, self.append_to(&mut all, limit)).await {
            Ok(read) => read.map(|()| all.freeze()),
            Err(_) => Err(self.too_slow(TooSlow { waited: within, came: all.len() as u64 })),
        }
    }

    async fn append_to(&mut self, all: &mut BytesMut, limit: usize) -> Result<(), Error> {
        while let Some(piece) = self.next().await {
            all.extend_from_slice(&piece?);
            if all.len() > limit {
                return Err(Error::transport(
                    &self.what,
                    format!("the answer is longer than {limit} bytes"),
                ));
            }
        }
        Ok(())
    }

    /// Records that `came` bytes arrived after waiting for `time`.
    fn waited(&mut self, time: Duration, came: usize) -> Result<(), Error> {
        match self.pace.as_mut().map(|pace| pace.waited(time, came)) {
            Some(Err(slow)) => Err(self.too_slow(slow)),
            _ => Ok(()),
        }
    }

    fn too_slow(&self, TooSlow { waited, came }: TooSlow) -> Error {
        self.transport.is_slow.store(true, Ordering::Relaxed);
        let (endpoint, what) = (Box::new((*self.transport.endpoint).clone()), self.kind.words());
        match came {
            0 => Silent { endpoint, waited, what }.into(),
            came => Slow { endpoint, waited, what, came }.into(),
        }
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
                    let time = this.wait.take().map_or(Duration::ZERO, |wait| wait.since.elapsed());
                    // Trailers are not part of the body.
                    let data = frame.into_data().unwrap_or_default();
                    if let Err(error) = this.waited(time, data.len()) {
                        return Poll::Ready(Some(Err(error)));
                    }
                    if !data.is_empty() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                    continue;
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(Error::transport(&this.what, error))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            let left = this.pace.as_ref().map(Pace::left);
            let wait =
                this.wait.get_or_insert_with(|| Wait::begin(&this.transport, this.kind, left));
            let Poll::Ready(over) = wait.over.as_mut().poll(context) else { return Poll::Pending };
            let time = this.wait.take().map_or(Duration::ZERO, |wait| wait.since.elapsed());
            if let Some(error) = over {
                return Poll::Ready(Some(Err(error)));
            }
            if let Err(error) = this.waited(time, 0) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;

    use hyper::Method;

    use super::*;
    use crate::endpoint::{Address, Endpoint, Origin};
    use crate::transport::{Handshake, full};

    /// Starts an engine that responds with a byte every 20 ms, forever.
    async fn dripping(folder: &std::path::Path) -> Transport {
        let path = folder.join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut head = [0; 4096];
                    let count = stream.read(&mut head).unwrap();
                    if head[..count].starts_with(b"GET /_ping") {
                        stream
                            .write_all(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK")
                            .unwrap();
                        let _next = stream.read(&mut head);
                    }
                    let mut sent =
                        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    while sent.is_ok() {
                        std::thread::sleep(Duration::from_millis(20));
                        sent = stream.write_all(b"1\r\n \r\n");
                    }
                });
            }
        });
        let endpoint = Endpoint { address: Address::Unix(path), origin: Origin::HostFlag };
        Handshake::open(&endpoint).await.unwrap().ping().await.unwrap()
    }

    async fn pieces(transport: &Transport, path: &str) -> Pieces {
        transport.stream(transport.request(Method::GET, path, full("")).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_that_drips_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let transport = dripping(folder.path()).await;
        // A small response is limited in total.
        let mut whole = pieces(&transport, "/containers/x/json").await;
        assert_eq!(whole.whole, Some(Duration::from_mins(2)));
        (whole.whole, whole.pace) = (Some(Duration::from_secs(1)), None);
        let error = Pieces::collect(&mut whole, 1 << 20).await.unwrap_err();
        assert!(
            matches!(&error, Error::Slow(Slow { what: "answer a question", came: 1.., .. })),
            "{error}"
        );
        // On a busy machine, some seconds may be measured.
        let text = error.to_string();
        assert!(text.contains("is too slow (waited "), "{text}");
        assert!(text.contains(" s for it to answer a question, in which"), "{text}");
        assert!(transport.is_slow.load(Ordering::Relaxed), "the next is waited for less patiently");
        // A stream has a least speed.
        for path in
            ["/containers/x/logs?follow=0", "/images/x/get", "/containers/x/archive?path=/a"]
        {
            let mut stream = pieces(&transport, path).await;
            stream.pace = Some(Pace::new(Duration::from_millis(300)));
            let error = loop {
                if let Err(error) = stream.next().await.unwrap() {
                    break error;
                }
            };
            assert!(matches!(&error, Error::Slow(_)), "{path}: {error}");
        }
        // A response without an end may be slow.
        assert!(pieces(&transport, "/containers/x/logs?follow=1").await.pace.is_none());
    }
}
