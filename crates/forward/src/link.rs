//! The client's side of the session's streams.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scratchdbg_backend::{Error, ErrorKind};
use scratchdbg_relay::{Decoder, Frame, Kind, MOST_CHANNELS, WINDOW};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::connection::{self, Connection};
use crate::{Listeners, News, Remote};

/// How many frames wait to be written.
const FRAMES: usize = 16;

/// How many connections wait to be taken.
const ACCEPTED: usize = 4;

/// The connections that exist, by their numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Arc<Mutex<HashMap<u32, Entry>>>);

#[derive(Debug)]
struct Entry {
    frames: mpsc::UnboundedSender<Frame>,
    /// The bytes that the target may still send.
    open: u32,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the target was given credit.
    pub(crate) fn gave(&self, channel: u32, bytes: u32) {
        if let Some(entry) = self.lock().get_mut(&channel) {
            entry.open = entry.open.saturating_add(bytes);
        }
    }

    pub(crate) fn remove(&self, channel: u32) {
        self.lock().remove(&channel);
    }

    /// Passes a frame on. Fails if the target sends more than it may.
    fn pass(&self, frame: Frame) -> Result<(), Error> {
        let mut table = self.lock();
        let Some(entry) = table.get_mut(&frame.channel) else { return Ok(()) };
        if frame.kind == Kind::Data {
            let size = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
            entry.open = entry.open.checked_sub(size).ok_or_else(invalid)?;
        }
        let _over = entry.frames.send(frame);
        Ok(())
    }
}

fn invalid() -> Error {
    let error = Error::new(ErrorKind::Broken, scratchdbg_relay::Invalid.to_string());
    error.hint("a process of the target may have taken part in it: do not trust the target")
}

/// Forwards connections over the streams of a session, until they end.
pub(crate) async fn serve(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    listeners: Listeners,
    tell: &(dyn Fn(News<'_>) + Sync),
) -> Result<(), Error> {
    let table = Table::default();
    let (frames, to_write) = mpsc::channel(FRAMES);
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let read = read(input, &table, ready);
    let write = write(output, to_write);
    let accept = accept(listeners.0, &table, frames, is_ready, tell);
    tokio::select! {
        outcome = read => outcome,
        // The session ends, and its end is read.
        () = write => Ok(()),
        () = accept => Ok(()),
    }
}

/// Reads frames, and passes each on to its connection.
async fn read(
    mut input: impl AsyncRead + Unpin,
    table: &Table,
    ready: tokio::sync::oneshot::Sender<()>,
) -> Result<(), Error> {
    let mut ready = Some(ready);
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 32 << 10];
    loop {
        match input.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(count) => decoder.add(&buffer[..count]),
        }
        while let Some(frame) = decoder.next_frame().map_err(|_| invalid())? {
            match frame.kind {
                Kind::Ready => {
                    if let Some(ready) = ready.take() {
                        let _ended = ready.send(());
                    }
                }
                Kind::Open => return Err(invalid()),
                // What one connection does not take, it has no credit for: nothing waits here.
                _ => table.pass(frame)?,
            }
        }
    }
}

/// Writes frames. Ends when the session reads no more.
async fn write(mut output: impl AsyncWrite + Unpin, mut frames: mpsc::Receiver<Frame>) {
    while let Some(frame) = frames.recv().await {
        let mut bytes = Vec::with_capacity(frame.payload.len() + 8);
        frame.write_to(&mut bytes);
        if output.write_all(&bytes).await.is_err() || output.flush().await.is_err() {
            // The reader sees the end too.
            break;
        }
    }
    std::future::pending::<()>().await;
}

/// Takes connections once the target is ready.
async fn accept(
    listeners: Vec<(TcpListener, Remote)>,
    table: &Table,
    frames: mpsc::Sender<Frame>,
    is_ready: tokio::sync::oneshot::Receiver<()>,
    tell: &(dyn Fn(News<'_>) + Sync),
) {
    if is_ready.await.is_err() {
        return std::future::pending().await;
    }
    let (sender, mut accepted) = mpsc::channel(ACCEPTED);
    let (refusals, mut refused) = mpsc::channel::<(Remote, String)>(ACCEPTED);
    // Ends, with all connections, when the session does.
    let mut tasks = JoinSet::new();
    for (listener, remote) in listeners {
        let address = listener.local_addr().map(|address| address.to_string());
        tell(News::Listening(&address.unwrap_or_default(), &remote));
        let sender = sender.clone();
        tasks.spawn(async move { take(&listener, &remote, &sender).await });
    }
    let room = Arc::new(Semaphore::new(MOST_CHANNELS));
    let (mut last, mut is_full) = (0_u32, false);
    loop {
        tokio::select! {
            // Connections that ended are forgotten.
            Some(_) = tasks.join_next() => {}
            Some((remote, why)) = refused.recv() => tell(News::Refused(&remote, &why)),
            Some((stream, remote)) = accepted.recv() => {
                // More connections wait in the kernel until there is room.
                let was_full = std::mem::replace(&mut is_full, room.available_permits() == 0);
                if is_full && !was_full {
                    tell(News::Full(MOST_CHANNELS));
                }
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                last = last.wrapping_add(1);
                let (to_connection, from_target) = mpsc::unbounded_channel();
                table.lock().insert(last, Entry { frames: to_connection, open: WINDOW });
                let connection = Connection {
                    channel: last,
                    frames: frames.clone(),
                    from_target,
                    table: table.clone(),
                };
                let refusals = refusals.clone();
                tasks.spawn(async move {
                    let outcome = connection::forward(connection, stream, &remote).await;
                    drop(permit);
                    if let Err(why) = outcome {
                        let _nobody = refusals.send((remote, why)).await;
                    }
                });
            }
        }
    }
}

async fn take(listener: &TcpListener, remote: &Remote, sender: &mpsc::Sender<(TcpStream, Remote)>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if sender.send((stream, remote.clone())).await.is_err() {
                    return;
                }
            }
            // This process has too many files open, or the connection is gone already.
            Err(error) => {
                tracing::debug!(%error, "cannot take a connection");
                if error.kind() != io::ErrorKind::ConnectionAborted {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}
