//! Reads and follows the logs of containers: each line once, in order, over restarts, rotations, broken streams and an
//! engine that is gone for a while. Works on any [`LogBackend`](scratchdbg_backend::LogBackend).
//!
//! From the log to the caller:
//!
//! * [`Reader`] reads one container's log: what is stored (`stored`), then what follows (`follow`, which `step` tells what
//!   to do next), as the platform sends it (`stream`) or in its files (`files`);
//! * `completeness` checks that the platform sent all that it has;
//! * `pipeline` joins stack traces and filters lines;
//! * a [`Sink`] takes the lines, and the [`Notice`]s between them. The caller finds the words for notices;
//! * [`read_many`] reads several containers at once and merges them by time into a [`MergedSink`];
//! * [`show_beginnings`] shows lines before they end.

mod begin;
mod completeness;
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

pub use self::error::Error;
pub use self::live::show as show_beginnings;
pub use self::many::{MergedSink, read as read_many};
pub use self::notice::{Notice, Severity};
pub use self::reader::Reader;
pub use self::request::{Request, Run, Via};
pub use self::sink::Sink;
