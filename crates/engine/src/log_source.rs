//! Containers as sources of logs: which there are, how their logs are kept, and when their runs ended.

use std::collections::HashMap;

use bollard::models::ContainerInspectResponse;
use futures_util::{Stream, StreamExt as _};
use hyper::Method;
use jiff::Timestamp;

use crate::api_version::ApiVersion;
use crate::endpoint::Address;
use crate::files::percent_encode;
use crate::logs::wire_time;
use crate::transport::{Pieces, full};
use crate::{ContainerName, Engine, Error, State, Target};

/// A container whose logs are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// Full id.
    pub id: String,
    /// Name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// Its logs are raw.
    pub tty: bool,
    /// The logging driver, such as `json-file`.
    pub driver: String,
    /// The driver's options.
    pub driver_options: HashMap<String, String>,
    /// Where `json-file` or `local` writes, on the engine's machine. Empty with other drivers.
    pub log_path: String,
    /// When the last run began.
    pub started_at: Option<Timestamp>,
    /// When the last run that has ended did so.
    pub finished_at: Option<Timestamp>,
    /// How that run ended.
    pub exit_code: i64,
    /// How often its restart policy has started it again.
    pub restart_count: i64,
}

/// The end of one of a container's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnd {
    /// When the engine had taken note of it: all that the run said is older.
    pub at: Timestamp,
    /// The exit code, where the engine tells it.
    pub exit_code: Option<i64>,
}

/// The runs of a container that the engine still knows of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunHistory {
    /// Their ends, in order.
    pub ends: Vec<RunEnd>,
    /// It goes back to when the container was made: the first of these ends is that of the first run.
    pub is_whole: bool,
}

/// Which containers to take.
#[derive(Debug, Clone, Default)]
pub struct LabelFilter {
    /// `key` or `key=value`; all must hold.
    pub labels: Vec<String>,
}

impl LogSource {
    fn from_inspect(mut answer: ContainerInspectResponse) -> Self {
        let log = answer.host_config.as_mut().and_then(|config| config.log_config.take()).unwrap_or_default();
        let time = |text: Option<&String>| {
            let at: Timestamp = text?.parse().ok()?;
            // Never: 0001-01-01.
            (at > Timestamp::UNIX_EPOCH).then_some(at)
        };
        let state = answer.state.as_ref();
        let started_at = time(state.and_then(|state| state.started_at.as_ref()));
        let finished_at = time(state.and_then(|state| state.finished_at.as_ref()));
        let restart_count = answer.restart_count.unwrap_or_default();
        let log_path = answer.log_path.take().unwrap_or_default();
        // The engine does not name the files of `local`. They lie in the container's folder, as others do that it names
        // (moby `daemon/logger/local/local.go`).
        let folder = answer.resolv_conf_path.as_deref().and_then(|path| Some(path.rsplit_once('/')?.0.to_owned()));
        let Target { id, name, state, tty, exit_code, .. } = Target::from_inspect(answer);
        let driver = log.typ.unwrap_or_default();
        let log_path = match folder {
            Some(folder) if driver == "local" && log_path.is_empty() => format!("{folder}/local-logs/container.log"),
            _ => log_path,
        };
        let driver_options = log.config.unwrap_or_default();
        Self {
            id,
            name,
            state,
            tty,
            driver,
            driver_options,
            log_path,
            started_at,
            finished_at,
            exit_code,
            restart_count,
        }
    }

    /// The engine throws away lines that come faster than its driver takes them.
    pub fn may_drop(&self) -> bool {
        self.driver_options.get("mode").is_some_and(|mode| mode == "non-blocking")
    }

    /// The rotated files of its log are packed. Asked for the lines since a time, Docker leaves out whole files then, as if
    /// they were older (seen with 20.10, with both drivers).
    pub fn is_packed(&self) -> bool {
        let option = self.driver_options.get("compress").map(String::as_str);
        match self.driver.as_str() {
            "json-file" => option == Some("true"),
            "local" => option != Some("false"),
            _ => false,
        }
    }

    /// Old records of its log are thrown away as new ones come.
    pub fn rotates(&self) -> bool {
        match self.driver.as_str() {
            "json-file" => self.driver_options.get("max-size").is_some_and(|size| size != "-1"),
            "local" => true,
            _ => false,
        }
    }
}

impl Engine {
    /// Looks a container up, for its logs.
    pub async fn log_source(&self, container: &ContainerName) -> Result<LogSource, Error> {
        match self.inspect_container(container.as_str()).await {
            Ok(answer) => Ok(LogSource::from_inspect(answer)),
            Err(error) => Err(self.explain_lookup(container, error).await),
        }
    }

    /// The ids of the containers that carry these labels, stopped ones too.
    pub async fn select(&self, filter: &LabelFilter) -> Result<Vec<String>, Error> {
        let list = self.list_containers(true, &filter.labels).await?;
        Ok(list.into_iter().filter_map(|each| each.id).collect())
    }

    /// The ids of containers with these labels as they start, from now on.
    pub async fn starts(
        &self,
        filter: &LabelFilter,
    ) -> Result<impl Stream<Item = Result<String, Error>> + Send + use<>, Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["start"], "label": filter.labels });
        let events = self.events(&filters, "").await?;
        Ok(events.filter_map(async |event| event.map(|event| event.actor.id).map(Some).transpose()))
    }

    /// The ends of a container's runs that the engine still knows: it forgets them, with all its events, as others
    /// come (Docker keeps 256) and when it is restarted.
    pub async fn run_history(&self, id: &str) -> Result<RunHistory, Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["create", "die"], "container": [id] });
        // The engine's clock may be another: what comes in from now on does no harm, but the answer must end.
        let range = format!("&since=0.000000001&until={}", wire_time(self.soon()));
        let events = self.events(&filters, &range).await?;
        let mut events = std::pin::pin!(events);
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

    /// The ends of a container's runs as they come, from now on: what is heard is not forgotten.
    pub async fn coming_run_ends(
        &self,
        id: &str,
    ) -> Result<impl Stream<Item = Result<RunEnd, Error>> + Send + use<>, Error> {
        let filters = serde_json::json!({ "type": ["container"], "event": ["die"], "container": [id] });
        let events = self.events(&filters, "").await?;
        Ok(events.filter_map(async |event| event.map(|event| event.run_end()).transpose()))
    }

    /// Following a log that is rotated loses lines on this engine: Docker before 23.0.
    pub fn loses_lines_at_rotation(&self) -> bool {
        !self.transport.is_podman() && self.api_version() < ApiVersion::FOLLOWS_ROTATION
    }

    /// The engine may be on this machine, so that its files may be read: it listens on a Unix socket.
    pub fn may_be_local(&self) -> bool {
        matches!(self.endpoint().address, Address::Unix(_)) && !self.transport.is_podman()
    }

    async fn events(
        &self,
        filters: &serde_json::Value,
        range: &str,
    ) -> Result<impl Stream<Item = Result<Event, Error>> + Send + use<>, Error> {
        let path = format!("/events?filters={}{range}", percent_encode(&filters.to_string()));
        let body = self.transport.stream(self.transport.request(Method::GET, &path, full(""))?).await?;
        let lines = JsonLines { body, buffer: Vec::new() };
        Ok(futures_util::stream::unfold(lines, JsonLines::next))
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
