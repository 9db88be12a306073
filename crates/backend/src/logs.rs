//! The logs of containers.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use scratchdbg_logs::file::FileFormat;
use scratchdbg_logs::line::Joining;

use crate::{ContainerName, Error, Phase};

/// A stream of bytes, in chunks of any size.
pub trait ByteStream:
    futures_util::Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static
{
}

impl<S: futures_util::Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static> ByteStream
    for S
{
}

/// A platform whose containers have logs. Cheap to clone.
pub trait LogBackend: Clone + Send + Sync + 'static {
    /// A log as the platform sends it.
    type Log: ByteStream;

    /// What messages call the platform: `engine`, `cluster`.
    fn word(&self) -> &'static str;

    /// Returns the current time by the clock that timestamps the records.
    fn now(&self) -> Timestamp;

    /// Finds a container and describes its log.
    fn log_source(
        &self,
        container: &ContainerName,
    ) -> impl Future<Output = Result<LogSource, Error>> + Send;

    /// Opens the log of the container with this id. Fails with
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the logging driver cannot read back.
    fn read_log(
        &self,
        id: &str,
        request: &LogRequest,
    ) -> impl Future<Output = Result<Self::Log, Error>> + Send;

    /// Attaches to the output that the running container writes from now on. Unlike the log, it
    /// includes incomplete lines.
    fn live_output(
        &self,
        container: &ContainerName,
    ) -> impl Future<Output = Result<BoxStream<'static, Result<Bytes, Error>>, Error>> + Send;

    /// Lists the ends of the container's runs that the platform still remembers. It may have
    /// forgotten the oldest.
    fn run_history(&self, id: &str) -> impl Future<Output = Result<RunHistory, Error>> + Send;

    /// Reports the ends of the container's runs as they happen.
    fn run_ends(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<BoxStream<'static, Result<RunEnd, Error>>, Error>> + Send;

    /// Lists the ids of the containers that match, stopped ones included.
    fn select(
        &self,
        selector: &Selector,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Reports the ids of matching containers as they start.
    fn starts(
        &self,
        selector: &Selector,
    ) -> impl Future<Output = Result<BoxStream<'static, Result<String, Error>>, Error>> + Send;
}

/// Which part of a log to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Keep the stream open and send new records as they are written.
    pub follow: bool,
    /// Only records from this time on, inclusive.
    pub since: Option<Timestamp>,
    /// Only records up to this time, inclusive.
    pub until: Option<Timestamp>,
    /// Only the last **records** (a long line is several), counted over both streams, before
    /// `since` is applied.
    pub tail: Option<u64>,
    /// Prefix each record with the platform's timestamp.
    pub timestamps: bool,
}

/// One container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// The container's full id.
    pub id: String,
    /// The container's name.
    pub name: String,
    /// The container is found again by the name that it was asked by, also where that is not its
    /// [`name`](Self::name).
    pub is_found_by_name: bool,
    /// The container's phase.
    pub state: Phase,
    /// Why the container has not started yet, if the platform is about to start it.
    pub waits_for: Option<String>,
    /// The container has a terminal: its log is one stream without frames.
    pub tty: bool,
    /// How the platform splits long lines into records.
    pub joining: Joining,
    /// How the log is stored.
    pub storage: Storage,
    /// The start of the latest run.
    pub started_at: Option<Timestamp>,
    /// The end of the latest run that has ended.
    pub finished_at: Option<Timestamp>,
    /// How many times the restart policy has restarted the container.
    pub restart_count: i64,
}

impl LogSource {
    /// Returns the name or id to look the container up by later. A container that was requested by
    /// name is found again by name, even after it was recreated; otherwise it is found by id.
    pub fn lookup(&self, asked: &ContainerName) -> ContainerName {
        if self.is_found_by_name || asked.as_str() == self.name {
            return asked.clone();
        }
        self.id.parse().unwrap_or_else(|_| asked.clone())
    }
}

/// How a log is stored, and how that affects reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Storage {
    /// The logging driver, in the platform's terms, such as `json-file`.
    pub driver: String,
    /// The platform silently drops lines that arrive too fast.
    pub may_drop: bool,
    /// The oldest records are deleted as new ones are written.
    pub rotates: bool,
    /// A stream that follows the log loses lines when the log is rotated.
    pub loses_lines_at_rotation: bool,
    /// A stream that follows the log can end before the log: while the platform still writes what
    /// the container has printed last.
    pub follow_ends_early: bool,
    /// A request for the records since a time also misses newer ones: request the whole log
    /// instead.
    pub since_is_incomplete: bool,
    /// How to check that an answer contains all stored records.
    pub completeness: Completeness,
    /// The files of the log, if they may be on this machine; otherwise the reason why they cannot
    /// be read.
    pub files: Result<StoredFiles, String>,
    /// Why the files cannot be followed, although they can be read.
    pub cannot_follow_files: Option<String>,
}

/// How to check that an answer contains all stored records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// It cannot be checked.
    Unknown,
    /// The platform finds the last N records without decoding them. So an answer of N records is
    /// complete if it begins with the same record as the answer to a request for the last N.
    ByCount,
    /// A request for the last records fails with [`Damaged`](crate::ErrorKind::Damaged) at damaged
    /// data.
    FromTheEnd,
}

/// The files that hold a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFiles {
    /// The current file. Rotated files have the suffixes `.1`, `.2`, …, and `.gz` if compressed.
    pub path: PathBuf,
    /// The format of the files.
    pub format: FileFormat,
}

/// The end of a run of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd {
    /// When the platform noted the end. Every record of the run is older.
    pub at: Timestamp,
    /// The exit code, if the platform reports it.
    pub exit_code: Option<i64>,
}

/// The runs of a container that the platform still remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunHistory {
    /// Their ends, in order.
    pub ends: Vec<RunEnd>,
    /// The history is complete: the first end is that of the first run.
    pub is_whole: bool,
    /// The log has nothing of the runs before the first of these.
    pub begins_the_log: bool,
}

/// Selects containers. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// A pattern of names, in which `*` stands for any text and `?` for any character.
    pub name: Option<String>,
    /// `key` or `key=value`.
    pub labels: Vec<String>,
    /// The project that the container belongs to, as tools for several containers (such as Compose)
    /// label it.
    pub project: Option<String>,
    /// The container of each object, on platforms whose objects have several. The platform chooses
    /// where none is named.
    pub container: Option<String>,
}

/// Whether a text is a pattern of names: no name has these characters.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a name matches a pattern, in which `*` stands for any text and `?` for any character.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut position) = (0, 0);
    // Where to go on after the last `*`, with one character more of the name.
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, position));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[position] => {
                (at, position) = (at + 1, position + 1);
            }
            _ => match &mut star {
                Some((after, taken)) => {
                    *taken += 1;
                    (at, position) = (*after, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("web-*", "web-1", true),
            ("web-*", "web-", true),
            ("web-*", "my-web-1", false),
            ("*", "", true),
            ("*-web-?", "shop-web-1", true),
            ("*-web-?", "shop-web-12", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
            ("??", "é1", true),
            ("web", "web", true),
            ("web", "web1", false),
            ("**a", "bba", true),
        ] {
            assert_eq!(super::matches(pattern, name), expected, "{pattern} {name}");
        }
        let long = "a".repeat(10_000);
        assert!(
            !super::matches(&format!("{}b", "*a".repeat(50)), &long),
            "it takes no exponential time"
        );
    }
}
