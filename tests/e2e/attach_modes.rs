//! `attach` beside a target and in a copy of it, its sessions, and what can go wrong.

mod copy;
mod faults;
mod sessions;
mod sidecar;
mod terminal;
