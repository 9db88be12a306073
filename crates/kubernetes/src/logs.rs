//! Pods as a [`LogBackend`](scratchdbg_backend::LogBackend).
//!
//! A node keeps one log for each run of a container, of the current run and, as a rule, of the one before it. Here they are one
//! log, as an engine has it: the run before first. `parts` decides which of them are read, `stream` reads them one after the
//! other, `framer` turns their lines into the frames that `scratchdbg-logs` reads. `runs` says when runs began and ended,
//! `select` finds the containers of workloads and labels.

mod backend;
mod framer;
mod newest_file;
mod parts;
mod runs;
mod select;
mod stream;

pub(crate) use self::parts::{Facts as RunFacts, time};
pub use self::select::LogTargets;
pub(crate) use self::stream::CleanEnds;
