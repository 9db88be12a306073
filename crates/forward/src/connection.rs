//! One connection: a socket of this machine, and frames.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use scratchdbg_relay::{Frame, Kind, LONGEST, WINDOW};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::Remote;
use crate::link::Table;

/// How long the target may take to make a connection. It is to its own address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the kernel asks whether the other end of a connection is still there. Without that, one
/// that its program has closed would wait for the target for ever: the kernel does not tell it from
/// one whose program sends no more.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Credit is given back in pieces of this size.
const CREDIT: u32 = WINDOW / 4;

/// The frames of one connection.
pub(crate) struct Connection {
    pub(crate) channel: u32,
    /// To the target.
    pub(crate) frames: mpsc::Sender<Frame>,
    /// From the target: at most a window of bytes.
    pub(crate) from_target: mpsc::UnboundedReceiver<Frame>,
    pub(crate) table: Table,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.table.remove(self.channel);
    }
}

/// Forwards one connection to its end. Returns why the target does not take it, if it does not.
pub(crate) async fn forward(
    mut connection: Connection,
    stream: TcpStream,
    remote: &Remote,
) -> Result<(), String> {
    // Unless both directions end, whoever connected learns that it broke, even if this process is
    // killed.
    let _cleanly = stream.set_zero_linger();
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    let _waits = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    let address = remote.address();
    let open = Frame::with(Kind::Open, connection.channel, address.as_bytes());
    if connection.frames.send(open).await.is_err() {
        return Ok(());
    }
    match tokio::time::timeout(CONNECT_TIMEOUT, connection.from_target.recv()).await {
        Ok(Some(Frame { kind: Kind::Opened, .. })) => {}
        Ok(Some(Frame { kind: Kind::Refused, payload, .. })) => {
            return Err(String::from_utf8_lossy(&payload).into_owned());
        }
        Ok(None) => return Ok(()),
        Ok(Some(_)) | Err(_) => {
            let abort = Frame::new(Kind::Abort, connection.channel);
            let _ended = connection.frames.send(abort).await;
            return Err("the target does not say whether it is connected".to_owned());
        }
    }
    // Small answers are not held back for more.
    let _slower = stream.set_nodelay(true);
    let (credit, sent) = (Semaphore::new(WINDOW as usize), Sent::default());
    let (channel, frames) = (connection.channel, connection.frames.clone());
    let up = async {
        send(channel, &stream, frames, &credit).await?;
        sent.is_over.store(true, Ordering::Release);
        sent.tell.notify_one();
        Ok(())
    };
    let down = receive(&mut connection, &stream, &credit, &sent);
    let both = async { tokio::try_join!(up, down) };
    let outcome = tokio::select! {
        outcome = both => outcome,
        () = broken(&stream) => Err(Ended::Here),
    };
    match outcome {
        Ok(_) => {
            let _breaks = SockRef::from(&stream).set_linger(None);
        }
        Err(Ended::Here) => {
            let abort = Frame::new(Kind::Abort, connection.channel);
            let _ended = connection.frames.send(abort).await;
        }
        Err(Ended::There) => {}
    }
    Ok(())
}

/// Where a connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// On this machine.
    Here,
    /// In the target, or with the session.
    There,
}

/// Whether everything of the socket of this machine was sent.
#[derive(Debug, Default)]
struct Sent {
    is_over: AtomicBool,
    tell: Notify,
}

/// Sends what the socket of this machine gives.
async fn send(
    channel: u32,
    stream: &TcpStream,
    frames: mpsc::Sender<Frame>,
    credit: &Semaphore,
) -> Result<(), Ended> {
    let mut buffer = vec![0; LONGEST];
    loop {
        let count = match read(stream, &mut buffer).await {
            Ok(0) => break,
            Ok(count) => count,
            Err(_) => return Err(Ended::Here),
        };
        let needed = u32::try_from(count).unwrap_or(u32::MAX);
        let permits = credit.acquire_many(needed).await.map_err(|_| Ended::There)?;
        permits.forget();
        let data = Frame::with(Kind::Data, channel, &buffer[..count]);
        frames.send(data).await.map_err(|_| Ended::There)?;
    }
    frames.send(Frame::new(Kind::End, channel)).await.map_err(|_| Ended::There)
}

/// Writes what the target sends to the socket of this machine.
async fn receive(
    connection: &mut Connection,
    stream: &TcpStream,
    credit: &Semaphore,
    sent: &Sent,
) -> Result<(), Ended> {
    let mut written = 0;
    let mut has_ended = false;
    // Until both directions have ended, there may be credit for the other one.
    while !(has_ended && sent.is_over.load(Ordering::Acquire)) {
        let frame = tokio::select! {
            frame = connection.from_target.recv() => frame.ok_or(Ended::There)?,
            () = sent.tell.notified(), if has_ended => continue,
        };
        match frame.kind {
            Kind::Data if !has_ended => {
                write(stream, &frame.payload).await.map_err(|_| Ended::Here)?;
                written += u32::try_from(frame.payload.len()).unwrap_or(0);
                if written >= CREDIT || connection.from_target.is_empty() {
                    connection.table.gave(connection.channel, written);
                    let given = Frame::credit(connection.channel, std::mem::take(&mut written));
                    connection.frames.send(given).await.map_err(|_| Ended::There)?;
                }
            }
            Kind::End if !has_ended => {
                has_ended = true;
                let ended = SockRef::from(stream).shutdown(Shutdown::Write);
                ended.map_err(|_| Ended::Here)?;
            }
            Kind::Credit => {
                // No more than a window is ever used, whatever is given.
                let given = frame.given().unwrap_or(0).min(WINDOW) as usize;
                let room = (WINDOW as usize).saturating_sub(credit.available_permits());
                credit.add_permits(given.min(room));
            }
            _ => return Err(Ended::There),
        }
    }
    Ok(())
}

async fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        match stream.try_read(buffer) {
            Err(error) if is_temporary(&error) => {}
            read => return read,
        }
    }
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Waits until a connection breaks, also one that has nothing to read or to write any more.
async fn broken(stream: &TcpStream) {
    match stream.ready(Interest::ERROR).await {
        Ok(ready) if !ready.is_error() => std::future::pending().await,
        _ => {}
    }
}
