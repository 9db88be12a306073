//! What happens to a log besides its lines.

use std::path::PathBuf;
use std::time::Duration;

use scratchdbg_backend::RunEnd;
use scratchdbg_logs::Timestamp;

use crate::Error;

/// Something that a reader reports between the lines of a container's log. The caller finds the words.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The platform drops lines of this log that come too fast.
    MayDrop,
    /// A run ended.
    RunEnded(RunEnd),
    /// The container was removed, and another one was created under its name.
    Recreated,
    /// The platform does not answer. The reader waits for it, at most so long.
    EngineGone {
        /// What failed.
        reason: String,
        /// How long the reader waits.
        patience: Duration,
    },
    /// The platform answers again.
    EngineBack,
    /// Lines are lost: the platform deleted them before they could be read.
    Gap {
        /// The time of the last line before the gap.
        since: Timestamp,
        /// The time of the first line after it.
        until: Option<Timestamp>,
    },
    /// The platform left out records that it has, and did not say so.
    LeftOut {
        /// The log's files, where they can be read, have more.
        files_have_more: bool,
    },
    /// Whether the platform sent all that it has could not be checked.
    NotChecked {
        /// Why not. Nothing where the log grows too fast.
        reason: Option<String>,
        /// It counts as a failure.
        is_failure: bool,
    },
    /// A part of the log is damaged.
    Damaged {
        /// The time of the last line before it.
        after: Option<Timestamp>,
        /// The file, and the first damaged byte in it.
        place: Option<(PathBuf, u64)>,
        /// How many bytes are damaged.
        bytes: u64,
    },
    /// The rest of a compressed log file cannot be read.
    FileDamaged {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The log file was emptied while it was followed.
    Emptied,
    /// The stream broke, and is not taken up again.
    Broken {
        /// What happened.
        reason: String,
    },
    /// The engine reported an error within the log.
    EngineError {
        /// Its words.
        message: String,
    },
    /// The last lines that were asked for need more memory than there may be: only so many bytes of them are shown.
    TailTooLong {
        /// The most that is kept, in bytes.
        limit: usize,
    },
    /// So many lines tell no level, and a level was asked for.
    WithoutLevel(u64),
    /// So many lines are too long to be judged as a whole: they were judged by what is kept of them.
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
    /// Containers that start from now on are not noticed.
    StartsLost {
        /// What failed.
        reason: String,
    },
    /// The log is read from its files. Only where explanations were asked for, as are all that follow.
    ReadFromFiles {
        /// The file that is written.
        path: PathBuf,
        /// How many files there are.
        count: usize,
    },
    /// The log is read through the engine.
    ReadThroughEngine {
        /// Why not from its files.
        reason: String,
    },
    /// The rest of the log is read through the engine.
    RestThroughEngine {
        /// Why not from its files.
        reason: String,
        /// The log is followed.
        follows: bool,
    },
    /// The log is followed.
    Followed {
        /// In its files; else through the engine.
        in_files: bool,
    },
}

/// What a notice means for the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// The log is not complete: the exit code must say so too.
    Failure,
}

impl Notice {
    /// What it means for the outcome.
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
            | Self::JudgedInPart(_)
            | Self::TracesSplit { is_filtered: true, .. }
            | Self::ReaderFailed(_)
            | Self::StartsLost { .. } => Severity::Failure,
            Self::MayDrop
            | Self::RunEnded(_)
            | Self::Recreated
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
