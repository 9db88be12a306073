//! Pure rules over ELF, image and container facts: facts in, findings out.
//!
//! This crate opens no file and no socket, and reads no environment variable. Callers pass bytes, a
//! `Read + Seek`, or plain structs, and get values back. No input makes it panic.

pub mod capability;
mod catalogue;
mod code;
pub mod config;
pub mod container;
mod dialect;
pub mod elf;
pub mod exit_code;
mod finding;
mod identity;
pub mod kernel_log;
pub mod mentions;
pub mod mounts;
#[cfg(test)]
mod mutations;
mod platform;
pub mod pod;
pub mod program;
pub mod rootfs;
pub mod rules;
mod sarif;
pub mod template;
mod why;

pub use catalogue::{codes_markdown, codes_of_pods, explain_code};
pub use code::{Code, CodeError};
pub use dialect::{explain_exit_code, explain_message};
pub use finding::{Confidence, Finding, Location, Severity};
pub use platform::{Platform, PlatformError};
pub use sarif::{sarif, sarif_of_all};
pub use why::{Verdict, is_told_by_image, removed, why, with_image_of_pod};
