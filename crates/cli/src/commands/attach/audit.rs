//! `--audit`: one line of JSON for each session. Sessions leave nothing in the engine: the line is what remains.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scratchdbg_engine::Plan;
use serde_json::json;

use super::Ended;
use crate::error::CommandError;

/// The file that sessions are recorded in.
#[derive(Debug)]
pub(super) struct Audit {
    path: PathBuf,
    file: File,
}

impl Audit {
    /// Opens the file, to append to it.
    pub(super) fn open(path: &Path) -> Result<Self, CommandError> {
        let file = File::options().append(true).create(true).open(path);
        let file = file.map_err(|error| CommandError::new(format!("cannot write {}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Records a session.
    pub(super) fn write(
        &mut self,
        plan: &Plan,
        started: Timestamp,
        ended: &Result<Ended, CommandError>,
    ) -> Result<(), CommandError> {
        let (end, exit_code) = match ended {
            Ok(Ended::Code(code)) => ("exited".to_owned(), Some(*code)),
            Ok(Ended::OutOfMemory) => ("out of memory".to_owned(), Some(super::KILLED)),
            Ok(Ended::Detached) => ("detached".to_owned(), Some(0)),
            Ok(Ended::Refused(error)) => (format!("refused: {}", error.message), None),
            Ok(Ended::WithTarget(end)) => (format!("target {}", end.state.as_str()), Some(super::KILLED)),
            Err(error) => (format!("failed: {}", error.message), None),
        };
        let line = json!({
            "started_at": started.to_string(),
            "ended_at": Timestamp::now().to_string(),
            "target": { "id": plan.target_id, "name": plan.target_name },
            "mode": plan.mode,
            "user": plan.user.to_string(),
            "capabilities": plan.capabilities,
            "security_options": plan.security_options,
            "command": plan.command,
            "end": end,
            "exit_code": exit_code,
        });
        // One write: lines of sessions that end together do not mix.
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| CommandError::new(format!("cannot write {}: {error}", self.path.display())))
    }
}
