//! A platform in memory: containers whose logs, runs, files and faults a test controls. No engine
//! is needed.

mod contents;
mod logs;

pub use self::contents::Request;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use scratchdbg_backend::{
    Completeness, Error, ErrorKind, LogRequest, LogSource, Phase, RunEnd, Storage,
};
use scratchdbg_logs::line::Joining;
use tokio::sync::mpsc;

/// A platform in memory. A clone is another handle to the same platform.
#[derive(Debug, Clone)]
pub struct FakeBackend(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    containers: Vec<Container>,
    /// The number of containers that were ever created.
    made: usize,
    /// The current time. It advances with each record and event, unless it is stopped.
    now: Timestamp,
    is_still: bool,
    is_gone: bool,
    /// The log requests, in order.
    requests: Vec<LogRequest>,
    starts: Vec<mpsc::UnboundedSender<Result<String, Error>>>,
    contents: contents::Contents,
}

#[derive(Debug)]
struct Container {
    source: LogSource,
    labels: Vec<String>,
    records: Vec<Record>,
    ends: Vec<RunEnd>,
    readers: Vec<Reader>,
    listeners: Vec<mpsc::UnboundedSender<Result<RunEnd, Error>>>,
    is_unreadable: bool,
    tests_each: bool,
}

#[derive(Debug, Clone)]
struct Record {
    at: Timestamp,
    text: String,
    /// Whether a stream over the whole log omits the record.
    is_hidden: bool,
}

/// A stream that follows a log.
#[derive(Debug)]
struct Reader {
    sender: mpsc::UnboundedSender<Result<Bytes, Error>>,
    timestamps: bool,
}

/// Returns storage in memory that does not rotate, and whose responses cannot be checked for
/// completeness.
pub fn storage() -> Storage {
    Storage {
        driver: "memory".to_owned(),
        may_drop: false,
        rotates: false,
        loses_lines_at_rotation: false,
        follow_ends_early: false,
        since_is_incomplete: false,
        completeness: Completeness::Unknown,
        files: Err("it is kept in memory".to_owned()),
        cannot_follow_files: Some("it is kept in memory".to_owned()),
    }
}

impl Default for FakeBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeBackend {
    /// Returns a platform without containers. Its clock starts at the real time, and advances by
    /// one millisecond with each record.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(World {
            containers: Vec::new(),
            made: 0,
            now: Timestamp::now(),
            is_still: false,
            is_gone: false,
            requests: Vec::new(),
            starts: Vec::new(),
            contents: contents::Contents::default(),
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a running container with these labels, and notifies the streams that wait for one.
    /// Returns its id.
    pub fn run(&self, name: &str, labels: &[&str]) -> String {
        let mut world = self.world();
        world.made += 1;
        let id = format!("{:012x}", world.made);
        let started_at = Some(world.tick());
        world.containers.push(Container {
            source: LogSource {
                id: id.clone(),
                name: name.to_owned(),
                is_found_by_name: false,
                waits_for: None,
                state: Phase::Running,
                tty: false,
                joining: Joining::Docker,
                storage: storage(),
                started_at,
                finished_at: None,
                restart_count: 0,
            },
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            records: Vec::new(),
            ends: Vec::new(),
            readers: Vec::new(),
            listeners: Vec::new(),
            is_unreadable: false,
            tests_each: false,
        });
        world.starts.retain(|starts| starts.send(Ok(id.clone())).is_ok());
        id
    }

    /// Writes a line to the container's standard output.
    pub fn write(&self, name: &str, text: &str) {
        let mut world = self.world();
        let at = world.tick();
        let record = Record { at, text: format!("{text}\n"), is_hidden: false };
        let container = world.container(name);
        container
            .readers
            .retain(|reader| reader.sender.send(Ok(frame(&record, reader.timestamps))).is_ok());
        container.records.push(record);
    }

    /// Makes streams over the whole log omit the container's last record, as after a damaged place.
    pub fn hide_last(&self, name: &str) {
        if let Some(record) = self.world().container(name).records.last_mut() {
            record.is_hidden = true;
        }
    }

    /// Removes all but the latest `kept` records.
    pub fn rotate(&self, name: &str, kept: usize) {
        let mut world = self.world();
        let records = &mut world.container(name).records;
        records.drain(..records.len().saturating_sub(kept));
    }

    /// Breaks the streams that follow the container's log.
    pub fn cut(&self, name: &str) {
        for reader in self.world().container(name).readers.drain(..) {
            let _nobody_reads =
                reader.sender.send(Err(Error::new(ErrorKind::Broken, "connection reset")));
        }
    }

    /// Ends the streams that follow the container's log, as if it were over.
    pub fn end_streams(&self, name: &str) {
        self.world().container(name).readers.clear();
    }

    /// Ends the container's run. With `restarts`, its restart policy will start it again.
    pub fn exit(&self, name: &str, code: i64, restarts: bool) {
        let mut world = self.world();
        let end = RunEnd { at: world.tick(), exit_code: Some(code) };
        let container = world.container(name);
        container.source.state = if restarts { Phase::Restarting } else { Phase::Exited };
        container.source.finished_at = Some(end.at);
        container.ends.push(end);
        container.listeners.retain(|listener| listener.send(Ok(end)).is_ok());
        container.readers.clear();
    }

    /// Starts the container again.
    pub fn start(&self, name: &str) {
        let mut world = self.world();
        let at = world.tick();
        let container = world.container(name);
        container.source.state = Phase::Running;
        container.source.started_at = Some(at);
        container.source.restart_count += 1;
    }

    /// Removes the container.
    pub fn remove(&self, name: &str) {
        self.world().containers.retain(|container| container.source.name != name);
    }

    /// Renames the container.
    pub fn rename(&self, name: &str, to: &str) {
        to.clone_into(&mut self.world().container(name).source.name);
    }

    /// Makes the platform unreachable (`true`), or reachable again.
    pub fn go_away(&self, is_gone: bool) {
        let mut world = self.world();
        world.is_gone = is_gone;
        for reader in world.containers.iter_mut().flat_map(|container| container.readers.drain(..))
        {
            let _nobody_reads = reader.sender.send(Err(unreachable()));
        }
    }

    /// Gives all later records the same time (`true`), or each record its own time again (`false`).
    pub fn stop_clock(&self, is_still: bool) {
        self.world().is_still = is_still;
    }

    /// Returns the time of the last record or event.
    pub fn clock(&self) -> Timestamp {
        self.world().now
    }

    /// Sets the clock forward, or back.
    pub fn step_clock(&self, by: SignedDuration) {
        self.world().now += by;
    }

    /// Applies the start of a requested range to each record, as Docker 20.10 does. Otherwise
    /// everything is sent from the first record in the range on, as later versions of Docker do.
    pub fn test_each_record(&self, name: &str) {
        self.world().container(name).tests_each = true;
    }

    /// Changes how the container's log is stored.
    pub fn store(&self, name: &str, change: impl FnOnce(&mut Storage)) {
        change(&mut self.world().container(name).source.storage);
    }

    /// Makes the container's log unreadable.
    pub fn make_unreadable(&self, name: &str) {
        self.world().container(name).is_unreadable = true;
    }

    /// Returns how many streams follow the container's log.
    pub fn followers(&self, name: &str) -> usize {
        let mut world = self.world();
        let readers = &mut world.container(name).readers;
        readers.retain(|reader| !reader.sender.is_closed());
        readers.len()
    }

    /// Returns the log requests, in order.
    pub fn requests(&self) -> Vec<LogRequest> {
        self.world().requests.clone()
    }
}

impl World {
    fn tick(&mut self) -> Timestamp {
        if !self.is_still {
            self.now += SignedDuration::from_millis(1);
        }
        self.now
    }

    fn container(&mut self, name: &str) -> &mut Container {
        let found = self.containers.iter_mut().find(|container| container.source.name == name);
        found.unwrap_or_else(|| panic!("the test made no container `{name}`"))
    }

    fn find(&mut self, lookup: &str) -> Result<&mut Container, Error> {
        if self.is_gone {
            return Err(unreachable());
        }
        let found = self
            .containers
            .iter_mut()
            .find(|each| each.source.name == lookup || each.source.id == lookup);
        let absent = ErrorKind::NotFound { similar: Vec::new() };
        found.ok_or_else(|| Error::new(absent, format!("no container `{lookup}`")))
    }
}

fn unreachable() -> Error {
    Error::new(ErrorKind::Unreachable, "cannot reach the platform")
}

/// Returns a record in Docker's framing.
fn frame(record: &Record, timestamps: bool) -> Bytes {
    let time = if timestamps { format!("{:.9} ", record.at) } else { String::new() };
    let text = format!("{time}{}", record.text);
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&[1, 0, 0, 0][..], &length.to_be_bytes(), text.as_bytes()].concat().into()
}

impl Container {
    /// Returns the stored records that a request selects, as a stream.
    fn stored(&self, request: &LogRequest) -> Vec<Result<Bytes, Error>> {
        let mut records: Vec<_> = self.records.iter().collect();
        match request.tail {
            // The last records are counted without being decoded.
            Some(tail) => {
                let kept = usize::try_from(tail).unwrap_or(usize::MAX);
                records.drain(..records.len().saturating_sub(kept));
            }
            None => records.retain(|record| !record.is_hidden),
        }
        let is_new = |record: &&Record| request.since.is_none_or(|since| record.at >= since);
        let first = records.iter().position(is_new).unwrap_or(records.len());
        records.drain(..first);
        if self.tests_each {
            records.retain(is_new);
        }
        // Docker stops at the first record that is too late.
        let until = |record: &&Record| request.until.is_none_or(|until| record.at <= until);
        records
            .into_iter()
            .take_while(until)
            .map(|record| Ok(frame(record, request.timestamps)))
            .collect()
    }
}
