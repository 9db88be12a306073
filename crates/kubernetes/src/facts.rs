//! Facts about pods and workloads, for `why` and `ps`.
//!
//! `convert` turns objects of the API into the facts that `scratchdbg-diagnose` reads; `blame` decides which pod and which
//! container a question is about. Both are pure. `explain` asks for what `why` needs, `backend` lists what `ps` shows, `optional`
//! asks for what a verdict can do without, and `last_lines` reads the end of a log.

mod backend;
mod blame;
mod convert;
mod explain;
mod last_lines;
mod optional;
mod quantity;
#[cfg(test)]
mod tests;
