//! What a debugger needs of a platform that runs containers.
//!
//! The traits and types here name no platform. A crate for a platform (`scratchdbg-docker` for Docker and Podman)
//! implements the traits; crates that work on any platform (`scratchdbg-follow`, `scratchdbg-inspect`,
//! `scratchdbg-session`) are generic over them; tests implement them in memory (`scratchdbg-testkit`). Nothing in this
//! crate does I/O.
//!
//! * [`LogBackend`]: reads the logs of containers; [`LogSource`]: one container's log, and what its storage can do;
//! * [`FactsBackend`]: describes containers and their host, for the rules of `scratchdbg-diagnose`;
//! * [`FilesBackend`]: gives access to the files of containers;
//! * [`ImageBackend`]: stores images;
//! * [`SessionBackend`]: runs debug sessions; [`Plan`]: what one will be; [`launcher`]: how the program in it is called;
//! * [`ToolStore`]: holds the images that sessions are made with; [`SessionList`]: the sessions that there are;
//! * [`ContainerName`], [`Phase`]: which container, and what it does;
//! * [`Scope`], [`Interrupts`]: what a command does on a platform, and what ends it;
//! * [`Error`]: one error for all platforms.

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
mod user;

pub use self::error::{Error, ErrorKind, chain};
pub use self::facts::{ContainerRecord, FactsBackend, HostFacts, ListFilter};
pub use self::files::{FilesBackend, Found};
pub use self::images::{BoxError, ImageBackend, ImageRecord};
pub use self::interrupts::Interrupts;
pub use self::logs::{
    ByteStream, Completeness, LogBackend, LogRequest, LogSource, RunEnd, RunHistory, Selector, Storage, StoredFiles,
};
pub use self::name::{ContainerName, InvalidName};
pub use self::plan::{Copied, Exec, How, LeftOut, Mode, Plan, Reason, Sidecar};
pub use self::scope::Scope;
pub use self::session::{
    Duplex, KeeperHandle, Neighbour, Output, Part, PlanRequest, Probe, Process, ProcessEnd, Session, SessionBackend,
    SessionList, SessionState, SessionTarget, Start, TargetEnd, ToolSource, ToolStore, ToolsImage, Window, session_id,
};
pub use self::user::NumericUser;

pub use scratchdbg_diagnose::container::Phase;
