//! Container logs as values: bytes in, records out. No I/O, no async, no Docker types.
//!
//! From the wire to the screen:
//!
//! * [`frame`]: the engine's multiplexed stream, cut into pieces of stdin, stdout and stderr;
//! * [`mod@line`]: pieces joined into whole [`Line`]s, each with its one [`Timestamp`];
//! * [`decode`]: both of the above as one step, for log streams;
//! * [`when`]: the forms of `--since` and `--until`;
//! * [`fields`], [`level`]: what structured lines hold;
//! * [`mod@file`]: lines out of the engine's own log files, where they can be read;
//! * [`trace`]: stack traces as one record;
//! * [`query`], [`context`]: which lines are wanted, and those around them;
//! * [`tail`], [`merge`], [`resume`]: the last lines, many containers by time, a broken stream taken up again;
//! * [`stats`]: counts, rate, silences and patterns;
//! * [`render`]: text, raw bytes, JSON lines, templates;
//! * [`escape`]: text that a container controls, made safe for a terminal.

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
