//! Opens connections to an engine: Unix socket, TCP, TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::tls;
use crate::endpoint::Address;
use crate::error::Error;

/// Opens connections to one address, whatever the URI of a request is.
#[derive(Clone)]
pub(crate) struct Connector {
    address: Arc<Address>,
    tls: Option<tls::Client>,
}

impl Connector {
    /// Reads the TLS files, if any.
    pub(crate) async fn new(address: &Address) -> Result<Self, Error> {
        let tls = match address {
            Address::Tcp { host, tls: Some(files), .. } => {
                let (host, files) = (host.clone(), files.clone());
                // The files may be on a file system that hangs.
                let read =
                    tokio::task::spawn_blocking(move || tls::Client::new(&host, &files)).await;
                Some(read.map_err(Error::tls)??)
            }
            Address::Tcp { .. } | Address::Unix(_) => None,
        };
        Ok(Self { address: Arc::new(address.clone()), tls })
    }

    async fn connect(self) -> io::Result<Box<dyn ByteStream>> {
        match (&*self.address, self.tls) {
            (Address::Unix(path), _) => Ok(Box::new(UnixStream::connect(path).await?)),
            (Address::Tcp { host, port, .. }, tls) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                keep_alive(&stream)?;
                match tls {
                    Some(tls) => Ok(Box::new(tls.connect(stream).await?)),
                    None => Ok(Box::new(stream)),
                }
            }
        }
    }
}

/// Enables keep-alive probes. Without them, a connection that only waits would never notice that
/// the engine's machine is gone.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    const SILENCE: Duration = Duration::from_secs(15);
    const BETWEEN: Duration = Duration::from_secs(5);
    const TRIES: u32 = 3;
    let keep_alive =
        TcpKeepalive::new().with_time(SILENCE).with_interval(BETWEEN).with_retries(TRIES);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").field("address", &self.address).finish_non_exhaustive()
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { Ok(Stream(TokioIo::new(connector.connect().await?))) })
    }
}

/// The traits that all kinds of connections implement.
trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// An open connection in the form that hyper needs.
pub(crate) struct Stream(TokioIo<Box<dyn ByteStream>>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_engine_is_asked_whether_it_is_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!SockRef::from(&stream).keepalive().unwrap());
        keep_alive(&stream).unwrap();
        assert!(SockRef::from(&stream).keepalive().unwrap());
        assert_eq!(SockRef::from(&stream).tcp_keepalive_time().unwrap(), Duration::from_secs(15));
    }
}
