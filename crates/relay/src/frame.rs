//! The frames of the protocol.

use std::fmt;

/// The most bytes of a frame's payload.
pub const LONGEST: usize = 16 << 10;

/// Kind, payload length and channel.
const HEADER: usize = 1 + 2 + 4;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// From the target: connections can be made.
    Ready,
    /// From the client: connect to the address in the payload, `tcp:PORT` or `unix:PATH`.
    Open,
    /// From the target: the connection is made.
    Opened,
    /// From the target: the connection cannot be made, for the reason in the payload.
    Refused,
    /// Bytes of the connection.
    Data,
    /// There are no more bytes in this direction.
    End,
    /// The connection is over in both directions.
    Abort,
    /// The other side may send as many more bytes as the payload says: four bytes, the highest
    /// first.
    Credit,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Ready,
        Self::Open,
        Self::Opened,
        Self::Refused,
        Self::Data,
        Self::End,
        Self::Abort,
        Self::Credit,
    ];
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it says.
    pub kind: Kind,
    /// The number of the connection, which the client chooses.
    pub channel: u32,
    /// The rest, at most [`LONGEST`] bytes.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Returns a frame without payload.
    pub fn new(kind: Kind, channel: u32) -> Self {
        Self { kind, channel, payload: Vec::new() }
    }

    /// Returns a frame with a payload, of which at most [`LONGEST`] bytes are taken.
    pub fn with(kind: Kind, channel: u32, payload: &[u8]) -> Self {
        Self { kind, channel, payload: payload[..payload.len().min(LONGEST)].to_vec() }
    }

    /// Returns a frame that gives credit.
    pub fn credit(channel: u32, bytes: u32) -> Self {
        Self { kind: Kind::Credit, channel, payload: bytes.to_be_bytes().to_vec() }
    }

    /// Returns the credit that the frame gives, if it does.
    pub fn given(&self) -> Option<u32> {
        let bytes = <[u8; 4]>::try_from(&self.payload[..]).ok()?;
        (self.kind == Kind::Credit).then(|| u32::from_be_bytes(bytes))
    }

    /// Appends the frame to a stream.
    pub fn write_to(&self, stream: &mut impl Extend<u8>) {
        let length = u16::try_from(self.payload.len()).unwrap_or(0);
        stream.extend([self.kind as u8]);
        stream.extend(length.to_be_bytes());
        stream.extend(self.channel.to_be_bytes());
        stream.extend(self.payload.iter().copied());
    }
}

/// Bytes that are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("what comes over the session is not what the launcher sends")
    }
}

impl std::error::Error for Invalid {}

/// Takes frames out of a stream. Holds at most one frame that is not whole.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Adds bytes of the stream.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.start));
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next frame that is whole.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are no frame. Nothing can be read after that.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Invalid> {
        let rest = &self.bytes[self.start..];
        let Some((header, rest)) = rest.split_at_checked(HEADER) else { return Ok(None) };
        let kind = *Kind::ALL.get(usize::from(header[0])).ok_or(Invalid)?;
        let length = usize::from(u16::from_be_bytes([header[1], header[2]]));
        if length > LONGEST {
            return Err(Invalid);
        }
        let channel = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let payload = payload.to_vec();
        self.start += HEADER + length;
        Ok(Some(Frame { kind, channel, payload }))
    }
}
