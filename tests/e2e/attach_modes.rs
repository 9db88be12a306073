//! `attach` beside a target and in a copy of it, its sessions, and its failures.

mod copy;
mod faults;
mod sessions;
mod sidecar;
mod terminal;
