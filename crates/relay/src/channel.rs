//! One connection in the target.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use crate::socket::{Address, Polled, READABLE, WRITABLE, breaks_at_close, end_output, outcome};
use crate::{Frame, Kind, LONGEST, WINDOW};

/// Credit is given back in pieces of this size.
const CREDIT: u32 = WINDOW / 4;

/// A connection, and what is on its way.
#[derive(Debug)]
pub(crate) struct Channel {
    id: u32,
    socket: File,
    /// Where to connect to if the current attempt fails. `None` once it is connected.
    others: Option<Vec<Address>>,
    /// Bytes for the socket: at most a window.
    pending: VecDeque<u8>,
    /// How many bytes the client still takes.
    credit: u32,
    /// How many bytes were written, for which the client has no credit yet.
    written: u32,
    /// The client sends no more.
    client_ended: bool,
    /// The socket was told so.
    is_shut: bool,
    /// The socket gives no more.
    socket_ended: bool,
}

impl Channel {
    /// Begins to connect to the first address that takes it.
    pub(crate) fn open(id: u32, addresses: Vec<Address>) -> io::Result<Self> {
        let (socket, others) = begin(addresses, io::ErrorKind::AddrNotAvailable.into())?;
        Ok(Self {
            id,
            socket,
            others: Some(others),
            pending: VecDeque::new(),
            credit: WINDOW,
            written: 0,
            client_ended: false,
            is_shut: false,
            socket_ended: false,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Both directions have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.is_shut && self.socket_ended
    }

    /// Returns what to wait for. `may_read` says that there is room for what comes.
    pub(crate) fn polled(&self, may_read: bool) -> Polled {
        let mut events = 0;
        if self.others.is_some() || !self.pending.is_empty() {
            events |= WRITABLE;
        }
        if self.others.is_none() && may_read && self.credit > 0 && !self.socket_ended {
            events |= READABLE;
        }
        Polled::new(self.socket.as_raw_fd(), events)
    }

    /// Takes a frame of the client. Fails if the connection has to end.
    pub(crate) fn take(&mut self, frame: &Frame) -> io::Result<()> {
        match frame.kind {
            Kind::Data => {
                let size = self.pending.len() + frame.payload.len();
                // More than it had credit for, or after its own end.
                if self.client_ended || size > WINDOW as usize {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.pending.extend(&frame.payload);
                Ok(())
            }
            Kind::End => {
                self.client_ended = true;
                if self.others.is_none() { self.shut() } else { Ok(()) }
            }
            Kind::Credit => {
                let given = frame.given().ok_or(io::ErrorKind::InvalidData)?;
                self.credit = self.credit.saturating_add(given).min(WINDOW);
                Ok(())
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Does what the socket is ready for. Appends frames to `out`. Fails if the connection has to
    /// end.
    pub(crate) fn work(&mut self, polled: Polled, out: &mut Vec<Frame>) -> io::Result<()> {
        if let Some(others) = self.others.take() {
            if !polled.has(WRITABLE) {
                self.others = Some(others);
                return Ok(());
            }
            if let Err(error) = outcome(&self.socket) {
                // It is not connected, whatever comes of the next attempt.
                self.others = Some(Vec::new());
                let (socket, others) = begin(others, error)?;
                (self.socket, self.others) = (socket, Some(others));
                return Ok(());
            }
            out.push(Frame::new(Kind::Opened, self.id));
        }
        if polled.has(WRITABLE) {
            self.write(out)?;
        }
        if self.client_ended {
            self.shut()?;
        }
        if polled.has(READABLE) {
            self.read(out)?;
        }
        // Nothing breaks when the socket is closed now.
        if self.is_over() { breaks_at_close(&self.socket, false) } else { Ok(()) }
    }

    /// Whether it is connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.others.is_none()
    }

    fn write(&mut self, out: &mut Vec<Frame>) -> io::Result<()> {
        while !self.pending.is_empty() {
            let (front, _) = self.pending.as_slices();
            match self.socket.write(front) {
                Ok(count) => {
                    self.pending.drain(..count);
                    self.written += u32::try_from(count).unwrap_or(0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.written >= CREDIT || (self.pending.is_empty() && self.written > 0) {
            out.push(Frame::credit(self.id, std::mem::take(&mut self.written)));
        }
        Ok(())
    }

    fn read(&mut self, out: &mut Vec<Frame>) -> io::Result<()> {
        let mut buffer = [0; LONGEST];
        let most = buffer.len().min(self.credit as usize);
        match self.socket.read(&mut buffer[..most]) {
            Ok(0) => {
                self.socket_ended = true;
                out.push(Frame::new(Kind::End, self.id));
            }
            Ok(count) => {
                self.credit -= u32::try_from(count).unwrap_or(0);
                out.push(Frame::with(Kind::Data, self.id, &buffer[..count]));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Passes the client's end on, once everything before it is written.
    fn shut(&mut self) -> io::Result<()> {
        if self.pending.is_empty() && !self.is_shut {
            end_output(&self.socket)?;
            self.is_shut = true;
        }
        Ok(())
    }
}

/// Begins to connect to the first of the addresses that does not fail at once.
fn begin(mut addresses: Vec<Address>, mut error: io::Error) -> io::Result<(File, Vec<Address>)> {
    while !addresses.is_empty() {
        match addresses.remove(0).begin() {
            Ok(socket) => return Ok((socket, addresses)),
            // The first reason says more: a kernel may lack the other protocol.
            Err(failed) if error.kind() == io::ErrorKind::AddrNotAvailable => error = failed,
            Err(_) => {}
        }
    }
    Err(error)
}
