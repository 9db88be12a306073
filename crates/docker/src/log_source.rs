//! Docker and Podman as a [`LogBackend`]: finds containers, reads their logs, and reports the ends of their runs.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use hyper::Method;
use jiff::Timestamp;
use scratchdbg_backend::{self as backend, LogBackend, LogRequest, LogSource, RunEnd, RunHistory, Selector};

use crate::files::percent_encode;
use crate::logs::{LogStream, wire_time};
use crate::transport::{Pieces, full};
use crate::{ContainerName, Engine, Error};

/// The label by which Compose marks the containers of a project.
const COMPOSE_PROJECT: &str = "com.docker.compose.project";

impl LogBackend for Engine {
    type Log = LogStream;

    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    async fn log_source(&self, container: &ContainerName) -> Result<LogSource, backend::Error> {
        match self.inspect_container(container.as_str()).await {
            Ok(answer) => Ok(self.describe_log(answer)),
            Err(error) => Err(self.explain_lookup(container, error).await.into()),
        }
    }

    async fn read_log(&self, id: &str, request: &LogRequest) -> Result<LogStream, backend::Error> {
        let container: ContainerName = id.parse().map_err(Error::from)?;
        self.logs(&container, request).await.map_err(unreadable)
    }

    async fn live_output(
        &self,
        container: &ContainerName,
    ) -> Result<BoxStream<'static, Result<Bytes, backend::Error>>, backend::Error> {
        Ok(self.live(container).await?.map(|piece| piece.map_err(Into::into)).boxed())
    }

    /// Docker keeps 256 events, of all containers, and forgets them when it is restarted.
    async fn run_history(&self, id: &str) -> Result<RunHistory, backend::Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["create", "die"], "container": [id] });
        // The engine's clock may be another: what comes in from now on does no harm, but the answer must end.
        let range = format!("&since=0.000000001&until={}", wire_time(self.soon()));
        let mut events = self.events(&filters, &range).await?;
        let mut history = RunHistory::default();
        while let Some(event) = events.next().await {
            let event = event?;
            if event.action == "create" {
                history.is_whole = true;
            } else {
                history.ends.extend(event.run_end());
            }
        }
        Ok(history)
    }

    async fn run_ends(&self, id: &str) -> Result<BoxStream<'static, Result<RunEnd, backend::Error>>, backend::Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["die"], "container": [id] });
        let events = self.events(&filters, "").await?;
        let ends = events.filter_map(async |event| event.map(|event| event.run_end()).transpose());
        Ok(ends.map(|end| end.map_err(Into::into)).boxed())
    }

    async fn select(&self, selector: &Selector) -> Result<Vec<String>, backend::Error> {
        let list = self.list_containers(true, &labels(selector)).await?;
        Ok(list.into_iter().filter_map(|each| each.id).collect())
    }

    async fn starts(
        &self,
        selector: &Selector,
    ) -> Result<BoxStream<'static, Result<String, backend::Error>>, backend::Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["start"], "label": labels(selector) });
        let events = self.events(&filters, "").await?;
        Ok(events.map(|event| event.map(|event| event.actor.id).map_err(Into::into)).boxed())
    }
}

/// The labels that a container must have.
fn labels(selector: &Selector) -> Vec<String> {
    let project = selector.project.iter().map(|project| format!("{COMPOSE_PROJECT}={project}"));
    selector.labels.iter().cloned().chain(project).collect()
}

/// Some log drivers cannot be read back.
fn unreadable(error: Error) -> backend::Error {
    let (unsupported, damaged) = match &error {
        Error::Api(answer) => (
            answer.status == 501
                || answer.message.contains("does not support reading")
                || answer.message.contains("cannot read logs"),
            answer.message.contains("unable to read log file"),
        ),
        _ => (false, false),
    };
    let mut error = backend::Error::from(error);
    if unsupported {
        error.kind = backend::ErrorKind::Unsupported;
    } else if damaged {
        error.kind = backend::ErrorKind::Damaged;
    }
    error
}

impl Engine {
    async fn events(
        &self,
        filters: &serde_json::Value,
        range: &str,
    ) -> Result<std::pin::Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>, Error> {
        let path = format!("/events?filters={}{range}", percent_encode(&filters.to_string()));
        let body = self.transport.stream(self.transport.request(Method::GET, &path, full(""))?).await?;
        let lines = JsonLines { body, buffer: Vec::new() };
        Ok(Box::pin(futures_util::stream::unfold(lines, JsonLines::next)))
    }
}

impl Event {
    fn run_end(&self) -> Option<RunEnd> {
        let exit_code = self.actor.attributes.get("exitCode").and_then(|code| code.parse().ok());
        Timestamp::from_nanosecond(self.time_nano.into()).ok().map(|at| RunEnd { at, exit_code })
    }
}

/// An event, as far as it matters here.
#[derive(Debug, serde::Deserialize)]
struct Event {
    #[serde(rename = "Action", default)]
    action: String,
    #[serde(rename = "timeNano", default)]
    time_nano: i64,
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Debug, serde::Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: HashMap<String, String>,
}

/// JSON documents, a line each.
struct JsonLines {
    body: Pieces,
    buffer: Vec<u8>,
}

impl JsonLines {
    /// No event is longer: labels are part of them.
    const MAX_LINE: usize = 1 << 20;

    async fn next(mut self) -> Option<(Result<Event, Error>, Self)> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let event =
                    serde_json::from_slice(&line).map_err(|error| Error::transport("the engine's events", error));
                return Some((event, self));
            }
            if self.buffer.len() > Self::MAX_LINE {
                self.buffer.clear();
            }
            match self.body.next().await? {
                Ok(piece) => self.buffer.extend_from_slice(&piece),
                Err(error) => return Some((Err(error), self)),
            }
        }
    }
}
