//! The interface between a debugger and a platform that runs containers.
//!
//! The traits and types here do not depend on any platform. A platform's crate (`scratchdbg-docker`
//! for Docker and Podman) implements the traits. Crates that work on any platform
//! (`scratchdbg-follow`, `scratchdbg-inspect`, `scratchdbg-session`) are generic over them. Tests
//! use an implementation in memory (`scratchdbg-testkit`). Nothing in this crate does I/O.
//!
//! * [`LogBackend`] reads the logs of containers; [`LogSource`] describes one log and its storage.
//! * [`FactsBackend`] reports facts about containers for the rules of `diagnose`.
//! * [`FilesBackend`] reads files of containers.
//! * [`ArchiveBackend`] copies files of containers, in and out.
//! * [`ImageBackend`] finds, saves and loads images.
//! * [`SessionBackend`] runs debug sessions; [`Plan`] describes one; [`launcher`] is the protocol
//!   of the program inside.
//! * [`ToolStore`] stores toolkit images; [`SessionList`] lists and removes sessions.
//! * [`ContainerName`] and [`Phase`] name a container and its state.
//! * [`Scope`] tracks what a command creates; [`Interrupts`] are the signals that cancel it.
//! * [`asked`] checks the settings that a user asks for a session.
//! * [`Error`] is the one error type for all platforms.

mod archive;
pub mod asked;
mod error;
mod facts;
mod files;
mod images;
mod interrupts;
pub mod launcher;
mod logs;
mod name;
pub mod plan;
mod scope;
mod session;
mod similar;
mod user;

pub use self::archive::{ArchiveBackend, PathFacts};
pub use self::error::{Error, ErrorKind, chain};
pub use self::facts::{ContainerRecord, FactsBackend, HostFacts, ListFilter};
pub use self::files::{FilesBackend, Found};
pub use self::images::{BoxError, ImageBackend, ImageRecord};
pub use self::interrupts::{Interrupts, sleep_until};
pub use self::logs::{
    ByteStream, Completeness, LogBackend, LogRequest, LogSource, RunEnd, RunHistory, Selector,
    Storage, StoredFiles, is_pattern, matches,
};
pub use self::name::{ContainerName, InvalidName};
pub use self::plan::{Copied, Exec, How, LeftOut, Mode, Plan, Reason, Sidecar};
pub use self::scope::Scope;
pub use self::session::{
    Duplex, ImageTool, KeeperHandle, Neighbor, Output, Part, PlanRequest, Probe, Process,
    ProcessEnd, Session, SessionBackend, SessionList, SessionState, SessionTarget, Start,
    TargetEnd, ToolSource, ToolStore, ToolsImage, Window, session_id,
};
pub use self::similar::similar;
pub use self::user::NumericUser;

pub use scratchdbg_diagnose::container::Phase;
