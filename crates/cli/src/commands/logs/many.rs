//! Many containers in one output, by time.

use std::collections::{HashMap, HashSet};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use scratchdbg_engine::{ContainerName, Engine, Error, LabelFilter, LogSource};
use scratchdbg_logs::Line;
use scratchdbg_logs::merge::{Merger, SourceId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::output::{ContainerIndex, Output};
use super::reader::{Reader, until};
use super::request::Request;
use super::sink::{Note, Sink};
use crate::args::LogsArgs;
use crate::error::CommandError;

/// The longest that a line of a followed log waits for earlier ones of other containers.
const WINDOW: Duration = Duration::from_millis(250);

/// How many lines of a container wait for those of others.
const CAPACITY: usize = 128;

/// A batch is passed on when it holds so many bytes.
const BATCH: usize = 16 << 10;

/// What a container's reader passes on.
#[derive(Debug)]
enum Item {
    Line { line: Line<'static>, after_gap: bool },
    Note(Note),
}

type Receiver = mpsc::Receiver<Vec<Item>>;
/// The next batch of a source, with what it was received from.
type Received = Pin<Box<dyn Future<Output = (SourceId, Receiver, Option<Vec<Item>>)> + Send>>;
type Starts = Pin<Box<dyn Stream<Item = Result<String, Error>> + Send>>;

/// Reads all that was asked for. With labels and `--follow`, those that start later join, and it ends only when told.
pub(super) async fn read(
    engine: &Engine,
    request: &Request,
    args: &LogsArgs,
    names: &[ContainerName],
    output: &mut Output,
) -> Result<(), CommandError> {
    let filters = filters(args);
    // First listen, then look: nobody starts unseen in between.
    let mut starts: Vec<Starts> = Vec::new();
    if request.follow {
        for filter in &filters {
            starts.push(Box::pin(engine.starts(filter).await?));
        }
    }
    let mut starts = futures_util::stream::select_all(starts);
    let mut all = Many::new(engine.clone(), Arc::new(request.clone()));
    for name in names {
        let source = engine.log_source(name).await?;
        let lookup = super::lookup(name, &source)?;
        all.add(lookup, source, output);
    }
    for filter in &filters {
        for id in engine.select(filter).await? {
            all.join(&id, output).await?;
        }
    }
    if all.members.is_empty() && !request.follow {
        return Err(CommandError::new("no container carries these labels")
            .hint("`docker ps -a --format '{{.Names}} {{.Labels}}'` lists the labels"));
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
                    let error = CommandError::chain(&error);
                    output.note(&Note::Failure(format!("containers that start from now on are not shown: {error}")))?;
                    starts.clear();
                }
            },
            () = until(deadline) => {}
            else => return all.outcome(),
        }
    }
}

/// Labels of one container must all hold; a project is asked for beside them.
fn filters(args: &LogsArgs) -> Vec<LabelFilter> {
    let labels = (!args.label.is_empty()).then(|| LabelFilter { labels: args.label.clone() });
    let project = args.project.as_ref();
    let project = project.map(|project| LabelFilter { labels: vec![format!("com.docker.compose.project={project}")] });
    labels.into_iter().chain(project).collect()
}

/// The readers of all containers, and what they have passed on.
struct Many {
    engine: Engine,
    request: Arc<Request>,
    readers: JoinSet<Result<(), CommandError>>,
    merger: Merger<Item>,
    containers: HashMap<SourceId, ContainerIndex>,
    /// Ids of those that were taken.
    members: HashSet<String>,
    waiting: FuturesUnordered<Received>,
    /// Of those that have passed on as much as may wait.
    parked: Vec<(SourceId, Receiver)>,
}

impl Many {
    fn new(engine: Engine, request: Arc<Request>) -> Self {
        let window = request.follow.then_some(WINDOW);
        Self {
            engine,
            request,
            readers: JoinSet::new(),
            merger: Merger::new(window, CAPACITY),
            containers: HashMap::new(),
            members: HashSet::new(),
            waiting: FuturesUnordered::new(),
            parked: Vec::new(),
        }
    }

    /// Takes a container by its id, unless it was taken before or is gone already.
    async fn join(&mut self, id: &str, output: &mut Output) -> Result<(), CommandError> {
        if self.members.contains(id) {
            return Ok(());
        }
        let lookup: ContainerName = id.parse()?;
        match self.engine.log_source(&lookup).await {
            Ok(source) => self.add(lookup, source, output),
            Err(Error::NoSuchContainer { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn add(&mut self, lookup: ContainerName, source: LogSource, output: &mut Output) {
        if !self.members.insert(source.id.clone()) {
            return;
        }
        let id = self.merger.add();
        self.containers.insert(id, output.add(&source.name));
        let (sender, receiver) = mpsc::channel(1);
        let (engine, request) = (self.engine.clone(), Arc::clone(&self.request));
        let member = source.id.clone();
        self.readers.spawn(async move {
            let name = source.name.clone();
            let mut failure = Channel::new(sender.clone());
            let reader = Reader::new(&engine, &request, lookup, source, Channel::new(sender));
            let outcome = Box::pin(reader.read()).await;
            // One that fails does not end the others.
            if let Err(error) = outcome {
                let text = format!("{name}: {}", error.message);
                let hints = error.hints.join("; ");
                let text = if hints.is_empty() { text } else { format!("{text} ({hints})") };
                failure.note(Note::Failure(text))?;
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
                Item::Note(_) => None,
            };
            self.merger.push(id, at, item, now);
        }
        if self.merger.is_full(id) {
            self.parked.push((id, receiver));
        } else {
            self.receive_from(id, receiver);
        }
    }

    /// Prints all whose turn has come.
    fn print(&mut self, output: &mut Output) -> io::Result<()> {
        let now = Instant::now();
        while let Some((id, item)) = self.merger.pop(now) {
            let container = self.containers.get(&id).copied().unwrap_or_default();
            match item {
                Item::Line { line, after_gap } => output.line(container, &line, after_gap)?,
                Item::Note(note) => output.note(&note)?,
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

    /// Nothing can be printed before something comes in, or time passes.
    fn is_idle(&self) -> bool {
        self.request.follow && self.parked.is_empty()
    }

    fn outcome(mut self) -> Result<(), CommandError> {
        while let Some(ended) = self.readers.try_join_next() {
            match ended {
                Ok(outcome) => outcome?,
                Err(error) => return Err(CommandError::new(format!("reading a log failed: {error}"))),
            }
        }
        Ok(())
    }
}

/// Collects what a reader has, and passes it on in batches.
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

    fn note(&mut self, note: Note) -> io::Result<()> {
        self.batch.push(Item::Note(note));
        Ok(())
    }

    async fn settle(&mut self, idle: bool) -> io::Result<()> {
        if self.batch.is_empty() || (!idle && self.bytes < BATCH) {
            return Ok(());
        }
        self.bytes = 0;
        // The other side is gone when the whole command ends.
        let _ended = self.sender.send(std::mem::take(&mut self.batch)).await;
        Ok(())
    }
}
