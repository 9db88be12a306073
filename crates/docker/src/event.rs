//! Events of containers in the form of both engines: a sequence of JSON documents.

use std::collections::HashMap;
use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use hyper::Method;
use jiff::Timestamp;
use scratchdbg_backend::RunEnd;
use scratchdbg_diagnose::container;
use serde::Deserialize;

use crate::files::percent_encode;
use crate::transport::{Pieces, full};
use crate::{Engine, Error};

/// An event, with the fields needed here.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "Action", default)]
    pub(crate) action: String,
    #[serde(rename = "timeNano", default)]
    time: i64,
    #[serde(rename = "Actor")]
    pub(crate) actor: Actor,
}

/// The object of an event.
#[derive(Debug, Deserialize)]
pub(crate) struct Actor {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    #[serde(rename = "Attributes", default)]
    attributes: HashMap<String, String>,
}

impl Event {
    pub(crate) fn attributes(&self) -> &HashMap<String, String> {
        &self.actor.attributes
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&String> {
        self.actor.attributes.get(name)
    }

    /// Returns the exit code of an end. Podman has another name for the attribute.
    fn exit_code(&self) -> Option<i64> {
        self.attribute("exitCode").or_else(|| self.attribute("containerExitCode"))?.parse().ok()
    }

    /// Returns the event as the end of a run.
    pub(crate) fn run_end(&self) -> Option<RunEnd> {
        let at = Timestamp::from_nanosecond(self.time.into()).ok()?;
        Some(RunEnd { at, exit_code: self.exit_code() })
    }

    /// Returns the event in the form that rules read.
    pub(crate) fn fact(&self) -> container::Event {
        // Replace Podman's names.
        let action = match self.action.as_str() {
            "died" => "die",
            "remove" => "destroy",
            action => action,
        };
        container::Event {
            time: self.time,
            action: action.to_owned(),
            signal: self.attribute("signal").cloned(),
            exit_code: self.exit_code(),
        }
    }
}

/// Parses a complete response. An invalid event ends the list.
pub(crate) fn read(answer: &[u8]) -> Vec<Event> {
    serde_json::Deserializer::from_slice(answer).into_iter().map_while(Result::ok).collect()
}

impl Engine {
    /// Streams matching events as they happen. If `range` has no end, neither has the stream.
    pub(crate) async fn events(
        &self,
        filters: &serde_json::Value,
        range: &str,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>, Error> {
        let path = format!("/events?filters={}{range}", percent_encode(&filters.to_string()));
        let body =
            self.transport.stream(self.transport.request(Method::GET, &path, full(""))?).await?;
        let lines = JsonLines { body, buffer: Vec::new() };
        Ok(Box::pin(futures_util::stream::unfold(lines, JsonLines::next)))
    }
}

/// Splits JSON documents, one per line.
struct JsonLines {
    body: Pieces,
    buffer: Vec<u8>,
}

impl JsonLines {
    /// The longest accepted event, including its labels.
    const MAX_LINE: usize = 1 << 20;

    async fn next(mut self) -> Option<(Result<Event, Error>, Self)> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let event = serde_json::from_slice(&line)
                    .map_err(|error| Error::transport("the engine's events", error));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_both_engines_are_read() {
        let answer = br#"{"status":"kill","id":"a1","Type":"container","Action":"kill","Actor":{"ID":"a1","Attributes":{"signal":"9"}},"time":1,"timeNano":1000000001}
{"Type":"container","Action":"died","Actor":{"ID":"b2","Attributes":{"containerExitCode":"137"}},"time":2,"timeNano":2}
{"Type":"container","Action":"die","Actor":{"ID":"c3","Attributes":{"exitCode":"3"}},"timeNano":3}
{"Action": 7}"#;
        let events = read(answer);
        assert_eq!(
            events.iter().map(|event| event.actor.id.as_str()).collect::<Vec<_>>(),
            ["a1", "b2", "c3"]
        );
        let facts: Vec<_> = events.iter().map(Event::fact).collect();
        assert_eq!((facts[0].signal.as_deref(), facts[0].time), (Some("9"), 1_000_000_001));
        assert_eq!((facts[1].action.as_str(), facts[1].exit_code), ("die", Some(137)));
        let ends: Vec<_> = events.iter().filter_map(|event| event.run_end()?.exit_code).collect();
        assert_eq!(ends, [137, 3]);
    }
}
