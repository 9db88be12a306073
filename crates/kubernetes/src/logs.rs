//! Pods as a [`LogBackend`](scratchdbg_backend::LogBackend).
//!
//! A node keeps one log for each run of a container: for the current run, and usually for the
//! previous one. This module presents them as one log, as an engine has it, with the previous run
//! first. `parts` decides which logs are read, `stream` reads them one after the other, and
//! `framer` turns their lines into the frames that `scratchdbg-logs` reads. `missing_file` waits for
//! a log that the node has no file of yet. `runs` determines when runs began and ended, and `select` finds the containers of workloads and labels.

mod backend;
mod clean_ends;
mod framer;
mod missing_file;
mod newest_file;
mod parts;
mod runs;
mod select;
mod stream;

pub(crate) use self::clean_ends::CleanEnds;
pub(crate) use self::parts::{Facts as RunFacts, time};
pub use self::select::LogTargets;
