//! Merges the logs of several containers by time.

use std::collections::{HashMap, HashSet};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, FuturesUnordered};
use scratchdbg_backend::{self as backend, ContainerName, LogBackend, LogSource, Selector};
use scratchdbg_logs::Line;
use scratchdbg_logs::merge::{Merger, SourceId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::reader::until;
use crate::{Error, LogReader, Notice, Request, Sink};

/// The longest that a line of a followed log is held back to wait for earlier lines of other
/// containers.
const WINDOW: Duration = Duration::from_millis(250);

/// How many batches of a container are buffered.
const CAPACITY: usize = 128;

/// The size in bytes at which a batch is passed on.
const BATCH: usize = 16 << 10;

/// What a container's reader produces.
#[derive(Debug)]
enum Item {
    Line { line: Line<'static>, after_gap: bool },
    Notice(Notice),
}

/// Takes the merged lines of several containers.
pub trait MergedSink {
    /// Adds a container. Returns its index for the other calls.
    fn add(&mut self, name: &str) -> usize;

    /// Takes a line to be shown. With `after_gap`, lines before it were left out.
    fn line(&mut self, container: usize, line: &Line<'_>, after_gap: bool) -> io::Result<()>;

    /// Takes a notice that belongs between the lines. `container` is `None` if the notice is not
    /// about a particular one.
    fn notice(&mut self, container: Option<usize>, notice: Notice) -> io::Result<()>;

    /// Nothing more will arrive for now: make everything visible.
    fn flush(&mut self) -> io::Result<()>;
}

type Receiver = mpsc::Receiver<Vec<Item>>;
/// The next batch of a source, with the channel it was received from.
type Received = Pin<Box<dyn Future<Output = (SourceId, Receiver, Option<Vec<Item>>)> + Send>>;
type Starts = BoxStream<'static, Result<String, backend::Error>>;

/// Reads the logs of the containers with these names, and of those that any of the selectors
/// matches. With selectors and [`follow`](Request::follow), also reads containers that start later,
/// and never ends.
pub async fn read<B: LogBackend>(
    backend: &B,
    request: &Request,
    names: &[ContainerName],
    selectors: &[Selector],
    output: &mut impl MergedSink,
) -> Result<(), Error> {
    // Listen first, then list, so that no start is missed in between.
    let mut starts: Vec<Starts> = Vec::new();
    if request.follow {
        for selector in selectors {
            starts.push(backend.starts(selector).await?);
        }
    }
    let mut starts = futures_util::stream::select_all(starts);
    let mut all = Many::new(backend.clone(), Arc::new(request.clone()));
    for name in names {
        let source = backend.log_source(name).await?;
        let lookup = source.lookup(name);
        all.add(lookup, source, output);
    }
    for selector in selectors {
        for id in backend.select(selector).await? {
            all.join(&id, output).await?;
        }
    }
    if all.members.is_empty() && !request.follow {
        return Err(Error::NothingSelected);
    }
    loop {
        all.print(output)?;
        if all.is_done() {
            output.flush()?;
            if starts.is_empty() {
                return all.outcome();
            }
        }
        if all.is_idle() {
            output.flush()?;
        }
        let deadline = all.merger.deadline();
        tokio::select! {
            Some((id, receiver, batch)) = all.waiting.next() => all.receive(id, receiver, batch),
            Some(started) = starts.next() => match started {
                Ok(id) => all.join(&id, output).await?,
                Err(error) => {
                    output.notice(None, Notice::StartsLost { reason: error.message })?;
                    starts.clear();
                }
            },
            () = until(deadline) => {}
            else => return all.outcome(),
        }
    }
}

/// The readers of all containers, and their output.
struct Many<B> {
    backend: B,
    request: Arc<Request>,
    readers: JoinSet<Result<(), io::Error>>,
    merger: Merger<Item>,
    containers: HashMap<SourceId, usize>,
    /// The ids of the containers that were added.
    members: HashSet<String>,
    waiting: FuturesUnordered<Received>,
    /// The sources whose buffer is full.
    parked: Vec<(SourceId, Receiver)>,
}

impl<B: LogBackend> Many<B> {
    fn new(backend: B, request: Arc<Request>) -> Self {
        let window = request.follow.then_some(WINDOW);
        Self {
            backend,
            request,
            readers: JoinSet::new(),
            merger: Merger::new(window, CAPACITY),
            containers: HashMap::new(),
            members: HashSet::new(),
            waiting: FuturesUnordered::new(),
            parked: Vec::new(),
        }
    }

    /// Adds a container by its id, unless it was added before or is already removed.
    async fn join(&mut self, id: &str, output: &mut impl MergedSink) -> Result<(), Error> {
        if self.members.contains(id) {
            return Ok(());
        }
        // A malformed id belongs to no readable container.
        let Ok(lookup) = id.parse::<ContainerName>() else { return Ok(()) };
        match self.backend.log_source(&lookup).await {
            Ok(source) => self.add(lookup, source, output),
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn add(&mut self, lookup: ContainerName, source: LogSource, output: &mut impl MergedSink) {
        if !self.members.insert(source.id.clone()) {
            return;
        }
        let id = self.merger.add();
        self.containers.insert(id, output.add(&source.name));
        let (sender, receiver) = mpsc::channel(1);
        let (backend, request) = (self.backend.clone(), Arc::clone(&self.request));
        let member = source.id.clone();
        self.readers.spawn(async move {
            let mut failure = Channel::new(sender.clone());
            let reader = LogReader::new(&backend, &request, lookup, source, Channel::new(sender));
            let outcome = Box::pin(reader.read()).await;
            // A failed reader does not end the others.
            if let Err(error) = outcome {
                failure.notice(Notice::ReaderFailed(error))?;
                failure.settle(true).await?;
            }
            tracing::debug!(container = %member, "read to the end");
            Ok(())
        });
        self.receive_from(id, receiver);
    }

    fn receive_from(&mut self, id: SourceId, mut receiver: Receiver) {
        self.waiting.push(Box::pin(async move {
            let batch = receiver.recv().await;
            (id, receiver, batch)
        }));
    }

    fn receive(&mut self, id: SourceId, receiver: Receiver, batch: Option<Vec<Item>>) {
        let Some(batch) = batch else { return self.merger.close(id) };
        let now = Instant::now();
        for item in batch {
            let at = match &item {
                Item::Line { line, .. } => line.timestamp.and_then(|stamp| stamp.instant()),
                Item::Notice(_) => None,
            };
            self.merger.push(id, at, item, now);
        }
        if self.merger.is_full(id) {
            self.parked.push((id, receiver));
        } else {
            self.receive_from(id, receiver);
        }
    }

    /// Prints all lines that no earlier line can precede.
    fn print(&mut self, output: &mut impl MergedSink) -> io::Result<()> {
        let now = Instant::now();
        while let Some((id, item)) = self.merger.pop(now) {
            let container = self.containers.get(&id).copied().unwrap_or_default();
            match item {
                Item::Line { line, after_gap } => output.line(container, &line, after_gap)?,
                Item::Notice(notice) => output.notice(Some(container), notice)?,
            }
        }
        for (id, receiver) in std::mem::take(&mut self.parked) {
            if self.merger.is_full(id) {
                self.parked.push((id, receiver));
            } else {
                self.receive_from(id, receiver);
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.parked.is_empty()
    }

    /// Whether nothing can be printed until more arrives or time passes.
    fn is_idle(&self) -> bool {
        self.request.follow && self.parked.is_empty()
    }

    fn outcome(mut self) -> Result<(), Error> {
        while let Some(ended) = self.readers.try_join_next() {
            ended??;
        }
        Ok(())
    }
}

/// Collects a reader's output and passes it on in batches.
#[derive(Debug)]
struct Channel {
    sender: mpsc::Sender<Vec<Item>>,
    batch: Vec<Item>,
    bytes: usize,
}

impl Channel {
    fn new(sender: mpsc::Sender<Vec<Item>>) -> Self {
        Self { sender, batch: Vec::new(), bytes: 0 }
    }
}

impl Sink for Channel {
    fn line(&mut self, line: Line<'_>, after_gap: bool) -> io::Result<()> {
        self.bytes += line.text.len();
        self.batch.push(Item::Line { line: line.into_owned(), after_gap });
        Ok(())
    }

    fn notice(&mut self, notice: Notice) -> io::Result<()> {
        self.batch.push(Item::Notice(notice));
        Ok(())
    }

    async fn settle(&mut self, idle: bool) -> io::Result<()> {
        if self.batch.is_empty() || (!idle && self.bytes < BATCH) {
            return Ok(());
        }
        self.bytes = 0;
        // The receiver is dropped only when the whole command ends.
        let _ended = self.sender.send(std::mem::take(&mut self.batch)).await;
        Ok(())
    }
}
