//! Implements [`LogBackend`] for Docker and Podman: finds containers, reads their logs, and reports
//! the ends of their runs.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use scratchdbg_backend::{
    self as backend, LogBackend, LogRequest, LogSource, RunEnd, RunHistory, Selector,
};

use crate::logs::{LogStream, wire_time};
use crate::stand_in::COMPOSE_PROJECT;
use crate::{ContainerName, Engine, Error, LABEL_SESSION};

impl LogBackend for Engine {
    type Log = LogStream;

    fn word(&self) -> &'static str {
        "engine"
    }

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

    /// Docker keeps the last 256 events of all containers, and loses them when it restarts.
    async fn run_history(&self, id: &str) -> Result<RunHistory, backend::Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["create", "die"], "container": [id] });
        // The engine's clock may differ. Including events from now on is harmless, but the response
        // must end.
        let range = format!("&since=0.000000001&until={}", wire_time(self.soon()));
        let (events, mut own) =
            tokio::join!(self.events(&filters, &range), self.own_attributes(id));
        let mut events = events?;
        let mut history = RunHistory::default();
        while let Some(event) = events.next().await {
            let event = event?;
            if event.action == "create" {
                history.is_whole = true;
                own = own.without_labels_of(&event);
            } else {
                history.ends.extend(event.run_end(own));
            }
        }
        Ok(history)
    }

    async fn run_ends(
        &self,
        id: &str,
    ) -> Result<BoxStream<'static, Result<RunEnd, backend::Error>>, backend::Error> {
        let filters =
            serde_json::json!({ "type": ["container"], "event": ["die"], "container": [id] });
        let (events, own) = tokio::join!(self.events(&filters, ""), self.own_attributes(id));
        let ends = events?.filter_map(move |event| {
            std::future::ready(event.map(|event| event.run_end(own)).transpose())
        });
        Ok(ends.map(|end| end.map_err(Into::into)).boxed())
    }

    async fn select(&self, selector: &Selector) -> Result<Vec<String>, backend::Error> {
        let list = self.list_containers(true, &labels(selector)).await?;
        let wanted = list.into_iter().filter(|each| {
            let name =
                each.names.iter().flatten().next().map_or("", |name| name.trim_start_matches('/'));
            is_wanted(selector, name, each.labels.as_ref())
        });
        Ok(wanted.filter_map(|each| each.id).collect())
    }

    async fn starts(
        &self,
        selector: &Selector,
    ) -> Result<BoxStream<'static, Result<String, backend::Error>>, backend::Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["start"], "label": labels(selector) });
        let events = self.events(&filters, "").await?;
        let selector = selector.clone();
        let starts = events.filter_map(move |event| {
            let wanted = event.map(|event| {
                let name = event.attribute("name").map_or("", String::as_str);
                is_wanted(&selector, name, Some(event.attributes())).then_some(event.actor.id)
            });
            std::future::ready(wanted.map_err(Into::into).transpose())
        });
        Ok(starts.boxed())
    }
}

/// Returns the labels that a container must have.
fn labels(selector: &Selector) -> Vec<String> {
    let project = selector.project.iter().map(|project| format!("{COMPOSE_PROJECT}={project}"));
    selector.labels.iter().cloned().chain(project).collect()
}

/// Whether a container with the selector's labels is selected. If the selector has a pattern, the
/// name must match, and containers of scratchdbg's sessions are excluded.
fn is_wanted(selector: &Selector, name: &str, labels: Option<&HashMap<String, String>>) -> bool {
    let Some(pattern) = &selector.name else { return true };
    backend::matches(pattern, name)
        && !labels.is_some_and(|labels| labels.contains_key(LABEL_SESSION))
}

/// Converts the error of a log driver that does not support reading.
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
