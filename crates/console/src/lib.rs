//! The terminal, the standard streams and the signals of this process.
//!
//! * [`streams`] reads and writes standard streams, even if they do not block.
//! * [`terminal`] sets raw mode, restores it on every path, and reports the window's size.
//! * [`signals`] receives the signals that end a command.
//! * [`lines`] prints log lines on a standard stream.
//! * [`zone`] is the user's time zone.
//! * [`closed`] reports whether a standard stream was closed when the process started.

pub mod closed;
mod fatal;
mod input;
pub mod lines;
mod raw_mode;
pub mod signals;
pub mod streams;
pub mod terminal;
pub mod zone;
