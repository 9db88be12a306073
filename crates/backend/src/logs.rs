//! The logs of containers.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use scratchdbg_logs::file::FileFormat;
use scratchdbg_logs::line::Joining;

use crate::{ContainerName, Error, Phase};

/// A stream of bytes, in pieces of any size.
pub trait ByteStream: futures_util::Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static {}

impl<S: futures_util::Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static> ByteStream for S {}

/// A platform whose containers have logs. Cloning it is cheap.
pub trait LogBackend: Clone + Send + Sync + 'static {
    /// A log as the platform sends it.
    type Log: ByteStream;

    /// The time by the platform's clock, which dates the records.
    fn now(&self) -> Timestamp;

    /// Finds a container and describes its log.
    fn log_source(&self, container: &ContainerName) -> impl Future<Output = Result<LogSource, Error>> + Send;

    /// Opens the log of the container with this id. Fails with [`Unsupported`](crate::ErrorKind::Unsupported) if the log
    /// is stored where nobody can read it back.
    fn read_log(&self, id: &str, request: &LogRequest) -> impl Future<Output = Result<Self::Log, Error>> + Send;

    /// Opens what the running container writes from now on, before it is stored: the beginnings of lines too.
    fn live_output(
        &self,
        container: &ContainerName,
    ) -> impl Future<Output = Result<BoxStream<'static, Result<Bytes, Error>>, Error>> + Send;

    /// Lists the ends of the container's runs that the platform still knows. It may forget the oldest.
    fn run_history(&self, id: &str) -> impl Future<Output = Result<RunHistory, Error>> + Send;

    /// Reports the ends of the container's runs as they happen.
    fn run_ends(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<BoxStream<'static, Result<RunEnd, Error>>, Error>> + Send;

    /// Lists the ids of the containers that match, stopped ones included.
    fn select(&self, selector: &Selector) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Reports the ids of matching containers as they start.
    fn starts(
        &self,
        selector: &Selector,
    ) -> impl Future<Output = Result<BoxStream<'static, Result<String, Error>>, Error>> + Send;
}

/// Which part of a log to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Keep the stream open and send new records as they come.
    pub follow: bool,
    /// Only records from this time on, inclusive.
    pub since: Option<Timestamp>,
    /// Only records up to this time, inclusive.
    pub until: Option<Timestamp>,
    /// Only the last **records** (a long line is several), counted over both streams, before `since` is applied.
    pub tail: Option<u64>,
    /// Put the platform's time in front of each record.
    pub timestamps: bool,
}

/// One container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// The container's full id.
    pub id: String,
    /// The container's name.
    pub name: String,
    /// What the container is doing.
    pub state: Phase,
    /// The container has a terminal: its log has one stream, without frames.
    pub tty: bool,
    /// How the platform cuts long lines into records.
    pub joining: Joining,
    /// How the log is stored.
    pub storage: Storage,
    /// When the latest run began.
    pub started_at: Option<Timestamp>,
    /// When the latest run that has ended did so.
    pub finished_at: Option<Timestamp>,
    /// How often the restart policy has started the container again.
    pub restart_count: i64,
}

impl LogSource {
    /// What finds the container again: its name if that was asked for, so that a container that is created under it later
    /// is found too; else its id.
    pub fn lookup(&self, asked: &ContainerName) -> ContainerName {
        if asked.as_str() == self.name {
            return asked.clone();
        }
        self.id.parse().unwrap_or_else(|_| asked.clone())
    }
}

/// How a log is stored, and what that means for reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Storage {
    /// What stores it, in the platform's words, such as `json-file`.
    pub driver: String,
    /// The platform drops lines that come too fast, without a word.
    pub may_drop: bool,
    /// The oldest records are deleted as new ones come.
    pub rotates: bool,
    /// A stream that follows the log loses lines when it is rotated.
    pub loses_lines_at_rotation: bool,
    /// If asked for the records since a time, the platform leaves out newer ones too: ask for the whole log.
    pub since_is_incomplete: bool,
    /// How to find out whether an answer has all stored records.
    pub completeness: Completeness,
    /// The files that hold the log, where they may be on this machine, or why they cannot be read.
    pub files: Result<StoredFiles, String>,
    /// Why the files cannot be followed, although they can be read.
    pub cannot_follow_files: Option<String>,
}

/// How to find out whether an answer has all records that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// There is no way.
    Unknown,
    /// Asked for the last N records, the platform counts them without decoding them: the answer must begin with the same
    /// record as one of N records did.
    ByCount,
    /// Asked for the last records, the platform fails with [`Damaged`](crate::ErrorKind::Damaged) at a damaged place.
    FromTheEnd,
}

/// The files that hold a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFiles {
    /// The file that is written. Rotated ones have `.1`, `.2`, … behind the name, and `.gz` if compressed.
    pub path: PathBuf,
    /// What is in them.
    pub format: FileFormat,
}

/// The end of one of a container's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd {
    /// When the platform noted the end: every record of the run is older.
    pub at: Timestamp,
    /// The exit code, if the platform tells it.
    pub exit_code: Option<i64>,
}

/// The runs of a container that the platform still knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunHistory {
    /// Their ends, in order.
    pub ends: Vec<RunEnd>,
    /// It reaches back to the creation of the container: the first end is that of the first run.
    pub is_whole: bool,
}

/// Which containers to take: all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// `key` or `key=value`.
    pub labels: Vec<String>,
    /// Member of this project, as the platform's tools for several containers mark it.
    pub project: Option<String>,
}
