//! The terminal, the standard streams and the signals of this process, and all output to them.
//!
//! * [`streams`] reads and writes standard streams, even if they do not block.
//! * [`terminal`] sets raw mode, restores it on every path, and reports the window's size.
//! * [`signals`] receives the signals that end a command.
//! * [`printer`] prints messages: errors, hints, notes. [`suggest`] completes the commands in
//!   hints.
//! * [`picker`] lets the user choose from a list.
//! * [`progress`] shows the progress of a long operation.
//! * [`log`] prints the logs of containers. [`lines`] prints lines on one standard stream.
//! * [`long_text`] reads a text from standard input.
//! * [`usage`] is what the parser of the command line says.
//! * [`zone`] is the user's time zone.
//! * [`closed`] reports whether a standard stream was closed when the process started.

pub mod closed;
mod fatal;
mod input;
pub mod lines;
pub mod log;
pub mod long_text;
pub mod picker;
pub mod printer;
pub mod progress;
mod raw_mode;
pub mod signals;
pub mod streams;
pub mod suggest;
pub mod terminal;
pub mod usage;
pub mod zone;
