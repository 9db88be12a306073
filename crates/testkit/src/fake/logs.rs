//! The logs of a platform in memory, as a backend gives them.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use scratchdbg_backend::{
    ContainerName, Error, ErrorKind, LogBackend, LogRequest, LogSource, Phase, RunEnd, RunHistory,
    Selector,
};
use tokio::sync::mpsc;

use super::{Container, FakeBackend, Reader};

fn received<T: Send + 'static>(receiver: mpsc::UnboundedReceiver<T>) -> BoxStream<'static, T> {
    futures_util::stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|item| (item, receiver))
    })
    .boxed()
}

impl LogBackend for FakeBackend {
    type Log = BoxStream<'static, Result<Bytes, Error>>;

    fn word(&self) -> &'static str {
        "engine"
    }

    fn now(&self) -> Timestamp {
        Timestamp::now().max(self.world().now)
    }

    async fn log_source(&self, container: &ContainerName) -> Result<LogSource, Error> {
        Ok(self.world().find(container.as_str())?.source.clone())
    }

    async fn read_log(&self, id: &str, request: &LogRequest) -> Result<Self::Log, Error> {
        let mut world = self.world();
        world.requests.push(request.clone());
        let container = world.find(id)?;
        if container.is_unreadable {
            return Err(Error::new(ErrorKind::Unsupported, "the log cannot be read"));
        }
        let stored = futures_util::stream::iter(container.stored(request));
        if !request.follow || container.source.state != Phase::Running {
            return Ok(stored.boxed());
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        container.readers.push(Reader { sender, timestamps: request.timestamps });
        Ok(stored.chain(received(receiver)).boxed())
    }

    async fn live_output(
        &self,
        container: &ContainerName,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let mut world = self.world();
        let container = world.find(container.as_str())?;
        let (sender, receiver) = mpsc::unbounded_channel();
        container.readers.push(Reader { sender, timestamps: false });
        Ok(received(receiver))
    }

    async fn run_history(&self, id: &str) -> Result<RunHistory, Error> {
        Ok(RunHistory {
            ends: self.world().find(id)?.ends.clone(),
            is_whole: true,
            ..RunHistory::default()
        })
    }

    async fn run_ends(&self, id: &str) -> Result<BoxStream<'static, Result<RunEnd, Error>>, Error> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.world().find(id)?.listeners.push(sender);
        Ok(received(receiver))
    }

    async fn select(&self, selector: &Selector) -> Result<Vec<String>, Error> {
        let world = self.world();
        let wanted =
            |each: &&Container| selector.labels.iter().all(|label| each.labels.contains(label));
        Ok(world.containers.iter().filter(wanted).map(|each| each.source.id.clone()).collect())
    }

    async fn starts(
        &self,
        _: &Selector,
    ) -> Result<BoxStream<'static, Result<String, Error>>, Error> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.world().starts.push(sender);
        Ok(received(receiver))
    }
}
