//! Container logs as values: bytes in, records out. This crate does no I/O, is not async and does
//! not depend on Docker types.
//!
//! From the engine to the terminal:
//!
//! * [`frame`]: splits the engine's multiplexed stream into pieces of stdin, stdout and stderr;
//! * [`mod@line`]: joins pieces into complete [`Line`]s, each with one [`Timestamp`];
//! * [`decode`]: does both in one step, for log streams;
//! * [`when`]: parses `--since` and `--until`;
//! * [`fields`], [`level`]: read fields and the severity of a line;
//! * [`mod@file`]: reads lines from the engine's own log files, where they are accessible;
//! * [`trace`]: joins stack traces into one record;
//! * [`query`], [`context`]: select lines, and the lines around them;
//! * [`tail`], [`merge`], [`resume`]: keep the last lines, merge containers by time, resume a
//!   broken stream;
//! * [`stats`]: counts, rate, silences and patterns;
//! * [`render`]: writes text, raw bytes, JSON lines or templates;
//! * [`escape`]: makes text that a container controls safe for a terminal.

pub mod context;
pub mod decode;
pub mod escape;
pub mod fields;
pub mod file;
pub mod frame;
pub mod level;
pub mod line;
pub mod merge;
pub mod query;
pub mod render;
pub mod resume;
pub mod search;
pub mod stats;
pub mod tail;
pub mod timestamp;
pub mod trace;
pub mod when;

pub use decode::{Event, LogDecoder};
pub use frame::{FrameDecoder, FrameError, Framing, Stream};
pub use level::Level;
pub use line::{Ending, Line, LineOptions};
pub use timestamp::Timestamp;
