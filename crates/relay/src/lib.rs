//! Several connections over one pair of streams, for `forward`.
//!
//! The client sends [frames](Frame) to the launcher in a session, which makes connections in the
//! target and answers with frames. Each direction of each connection has a window: no more bytes
//! are on the way, or wait in memory, than the other side has given [credit](Kind::Credit) for.
//!
//! * [`Frame`] and [`Decoder`] are the protocol, for both sides.
//! * [`serve`] is the side of the target.
//!
//! This crate depends on the standard library alone.

mod channel;
mod frame;
mod serve;
mod socket;
#[cfg(test)]
mod tests;

pub use self::frame::{Decoder, Frame, Invalid, Kind, LONGEST};
pub use self::serve::serve;

/// The credit of each direction of a new connection, in bytes.
pub const WINDOW: u32 = 64 << 10;

/// The most connections at once.
pub const MOST_CHANNELS: usize = 128;
