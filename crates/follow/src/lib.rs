//! Reads and follows the logs of containers: each line once, in order, across restarts, rotations,
//! broken streams and outages of the engine. Works on any
//! [`LogBackend`](scratchdbg_backend::LogBackend).
//!
//! From the log to the caller:
//!
//! * [`LogReader`] reads one container's log: first what is stored (`stored`), then what is written
//!   later (`follow`, with the decisions in `step`). It reads from the platform (`stream`) or from
//!   the log's files (`files`).
//! * `completeness` checks that the platform sent all stored records.
//! * `pipeline` joins stack traces and filters lines.
//! * A [`Sink`] takes the lines and the [`Notice`]s between them. The caller words the notices.
//! * [`read_many`] reads several containers at once and merges them by time into a [`MergedSink`].
//! * [`each`] hands all that is stored to a function.
//! * [`show_beginnings`] shows incomplete lines.

mod begin;
mod completeness;
mod each;
mod ends;
mod error;
mod files;
mod follow;
mod live;
mod many;
mod notice;
mod pipeline;
mod reader;
mod request;
mod runs;
mod sink;
mod step;
mod stored;
mod stream;
#[cfg(test)]
mod tests;

pub use self::each::{Item, each};
pub use self::error::Error;
pub use self::live::show as show_beginnings;
pub use self::many::{MergedSink, read as read_many};
pub use self::notice::{Notice, Severity};
pub use self::reader::LogReader;
pub use self::request::{Request, Run, Via};
pub use self::sink::Sink;
