//! The keeper of a session, from the launcher's point of view.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::denial;
use crate::process::Process;
use crate::system::SIGKILL;

/// A keeper does not stop by itself. After this time, a stopped keeper can no longer be relied on
/// to notice that the client is gone.
const STOPPED_LIMIT: Duration = Duration::from_secs(4);

/// The error if the keeper has ended.
pub(super) const GONE: &str = "the keeper of this session is gone";

/// The keeper of this session, watched for its end.
pub(super) struct Keeper {
    process: Process,
    /// Since when the keeper is stopped.
    stopped: Option<Instant>,
}

impl Keeper {
    /// Fails if the keeper has already ended, or is not visible.
    pub(super) fn watch(pid: i32) -> Result<Self, String> {
        let process = match Process::of(pid) {
            Ok(process) => process,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let why = denial::by_module().unwrap_or_else(|| error.to_string());
                return Err(format!("cannot see the keeper of this session: {why}"));
            }
            Err(_) => return Err(GONE.to_owned()),
        };
        let keeper = Self { process, stopped: None };
        if keeper.is_gone() { Err(GONE.to_owned()) } else { Ok(keeper) }
    }

    /// A descriptor that becomes readable when the keeper ends, where there are such.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.process.descriptor()
    }

    pub(super) fn is_gone(&self) -> bool {
        self.process.state().is_none()
    }

    /// Whether the keeper has ended, or is stopped or frozen. A stopped keeper is killed: the client may be
    /// gone, and then nobody else would do it.
    pub(super) fn is_lost(&mut self) -> bool {
        let Some(state) = self.process.state() else { return true };
        if !state.is_stopped() && !state.is_frozen() {
            self.stopped = None;
            return false;
        }
        if self.stopped.get_or_insert_with(Instant::now).elapsed() <= STOPPED_LIMIT {
            return false;
        }
        self.process.signal(SIGKILL);
        true
    }
}
