//! Notices: what happens to a log besides its lines.

use std::path::PathBuf;
use std::time::Duration;

use scratchdbg_backend::RunEnd;
use scratchdbg_logs::Timestamp;

use crate::Error;

/// A notice that a reader reports between the lines of a container's log. The caller words it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The platform drops lines of this log that arrive too fast.
    MayDrop,
    /// The container has not started yet, for this reason. The reader waits for it.
    NotStarted {
        /// What the platform says.
        reason: String,
    },
    /// The container has never started, so it has no log.
    NeverStarted,
    /// A run ended.
    RunEnded(RunEnd),
    /// The container was removed, and another one was created under its name.
    Recreated,
    /// The container was renamed while it was followed. It is followed on, by its id.
    Renamed {
        /// Its new name.
        name: String,
        /// Whether another container has its old name now. That one's log follows after the end of
        /// this one's.
        is_taken: bool,
    },
    /// The platform does not answer. The reader waits for it.
    EngineGone {
        /// What failed.
        reason: String,
        /// How long the reader waits.
        timeout: Duration,
    },
    /// The platform answers again.
    EngineBack,
    /// Lines may be lost: the platform deleted a part of the log, and whether that was read is not
    /// known.
    Gap {
        /// The time of the last line before the gap.
        since: Timestamp,
        /// The time of the first line after it.
        until: Option<Timestamp>,
    },
    /// The platform silently left out records that it has stored.
    LeftOut {
        /// The log's files are readable and contain the missing records.
        files_have_more: bool,
    },
    /// It could not be checked whether the platform sent all stored records.
    NotChecked {
        /// The reason, or `None` if the log grows too fast.
        reason: Option<String>,
        /// Whether this counts as a failure.
        is_failure: bool,
    },
    /// A part of the log is damaged.
    Damaged {
        /// The time of the last line before it.
        after: Option<Timestamp>,
        /// The file, and the offset of the first damaged byte.
        place: Option<(PathBuf, u64)>,
        /// The number of damaged bytes.
        bytes: u64,
    },
    /// The rest of a compressed log file cannot be read.
    FileDamaged {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The log file was truncated while it was followed.
    Emptied,
    /// The stream broke and is not resumed.
    Broken {
        /// The reason.
        reason: String,
    },
    /// The engine reported an error within the log.
    EngineError {
        /// The engine's message.
        message: String,
    },
    /// The requested last lines exceed the memory limit. Only the last `limit` bytes are shown.
    TailTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The lines around a match exceed the memory limit. Only `limit` bytes of them are shown.
    ContextTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The end of the log could not be read: the container was removed, and the stream of the
    /// platform may have ended before the log.
    EndNotRead,
    /// This many lines have no level, and a level was requested.
    WithoutLevel(u64),
    /// So many lines are too long to be judged as a whole: they were judged by what is kept of
    /// them.
    JudgedInPart(u64),
    /// So many stack traces are longer than is held: their further lines were judged one by one.
    TracesSplit {
        /// How many.
        count: u64,
        /// Lines were left out, or may have been.
        is_filtered: bool,
    },
    /// Reading one of several logs failed.
    ReaderFailed(Error),
    /// Containers that start from now on are missed.
    StartsLost {
        /// What failed.
        reason: String,
    },
    /// The log is read from its files. This variant and the following ones are reported only if
    /// explanations were requested.
    ReadFromFiles {
        /// The current file.
        path: PathBuf,
        /// The number of files.
        count: usize,
    },
    /// The log is read through the engine.
    ReadThroughEngine {
        /// Why the files are not used.
        reason: String,
    },
    /// The rest of the log is read through the engine.
    RestThroughEngine {
        /// Why the files are no longer used.
        reason: String,
        /// Whether the log is followed.
        follows: bool,
    },
    /// The log is being followed.
    Followed {
        /// From its files; otherwise through the engine.
        in_files: bool,
    },
}

/// How a notice affects the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Informational.
    Info,
    /// The log is incomplete, so the command must fail.
    Failure,
}

impl Notice {
    /// Returns how the notice affects the exit code.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Gap { .. }
            | Self::LeftOut { .. }
            | Self::NotChecked { is_failure: true, .. }
            | Self::Damaged { .. }
            | Self::FileDamaged { .. }
            | Self::Emptied
            | Self::Broken { .. }
            | Self::EngineError { .. }
            | Self::TailTooLong { .. }
            | Self::ContextTooLong { .. }
            | Self::EndNotRead
            | Self::JudgedInPart(_)
            | Self::TracesSplit { is_filtered: true, .. }
            | Self::ReaderFailed(_)
            | Self::StartsLost { .. } => Severity::Failure,
            Self::MayDrop
            | Self::NotStarted { .. }
            | Self::NeverStarted
            | Self::RunEnded(_)
            | Self::Recreated
            | Self::Renamed { .. }
            | Self::EngineGone { .. }
            | Self::EngineBack
            | Self::NotChecked { is_failure: false, .. }
            | Self::WithoutLevel(_)
            | Self::TracesSplit { is_filtered: false, .. }
            | Self::ReadFromFiles { .. }
            | Self::ReadThroughEngine { .. }
            | Self::RestThroughEngine { .. }
            | Self::Followed { .. } => Severity::Info,
        }
    }
}
