//! Facts about pods and workloads, for `why` and `ps`.
//!
//! `convert` turns API objects into the facts that `scratchdbg-diagnose` reads. `blame` selects the
//! pod and the container that a question is about. Both are pure. `explain` requests the data for
//! `why`, `backend` lists containers for `ps`, `optional` requests data that a verdict does not
//! depend on, and `last_lines` reads the end of a log.

mod backend;
mod blame;
mod convert;
mod explain;
mod last_lines;
mod optional;
mod quantity;
mod settings;
#[cfg(test)]
mod tests;

pub use self::explain::Explained;
