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

/// Which attributes of a container's events are the engine's own word.
///
/// Docker copies the container's labels, which the image can set, over the attributes of its
/// events: a container with the label `exitCode=0` always ends with code 0 there. Podman gives the
/// code a name of its own that no label replaces, and may give no signal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes {
    code: Option<&'static str>,
    has_signal: bool,
}

impl Attributes {
    const CODE: &'static str = "exitCode";
    const CODE_OF_PODMAN: &'static str = "containerExitCode";
    const SIGNAL: &'static str = "signal";

    /// Returns the attributes that no label replaces.
    pub(crate) fn beside<'a>(
        labels: impl IntoIterator<Item = &'a String>,
        is_podman: bool,
    ) -> Self {
        let code = if is_podman { Self::CODE_OF_PODMAN } else { Self::CODE };
        let mut own = Self { code: Some(code), has_signal: true };
        for label in labels {
            if !is_podman && label == Self::CODE {
                own.code = None;
            }
            own.has_signal &= label != Self::SIGNAL;
        }
        own
    }

    /// Without those that an event has which has none of its own: it is a label, of a container
    /// that may have been removed.
    pub(crate) fn without_labels_of(mut self, event: &Event) -> Self {
        let is_end = matches!(event.action.as_str(), "die" | "died");
        if !is_end && self.code == Some(Self::CODE) && event.attribute(Self::CODE).is_some() {
            self.code = None;
        }
        self.has_signal &= event.action == "kill" || event.attribute(Self::SIGNAL).is_none();
        self
    }
}

impl Event {
    pub(crate) fn attributes(&self) -> &HashMap<String, String> {
        &self.actor.attributes
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&String> {
        self.actor.attributes.get(name)
    }

    /// Returns the exit code of an end.
    fn exit_code(&self, own: Attributes) -> Option<i64> {
        self.attribute(own.code?)?.parse().ok()
    }

    /// Returns the event as the end of a run.
    pub(crate) fn run_end(&self, own: Attributes) -> Option<RunEnd> {
        let at = Timestamp::from_nanosecond(self.time.into()).ok()?;
        Some(RunEnd { at, exit_code: self.exit_code(own) })
    }

    /// Returns the event in the form that rules read.
    pub(crate) fn fact(&self, own: Attributes) -> container::Event {
        // Replace Podman's names.
        let action = match self.action.as_str() {
            "died" => "die",
            "remove" => "destroy",
            action => action,
        };
        container::Event {
            time: self.time,
            action: action.to_owned(),
            signal: self.attribute(Attributes::SIGNAL).filter(|_| own.has_signal).cloned(),
            exit_code: self.exit_code(own),
            container: self.actor.id.clone(),
        }
    }
}

/// Parses a complete response. An invalid event ends the list.
pub(crate) fn read(answer: &[u8]) -> Vec<Event> {
    serde_json::Deserializer::from_slice(answer).into_iter().map_while(Result::ok).collect()
}

impl Engine {
    /// Returns which attributes of the container's events are the engine's own. Nothing is known of
    /// the labels of a container that has been removed.
    pub(crate) async fn own_attributes(&self, container: &str) -> Attributes {
        let inspection = self.inspect_container(container).await;
        let labels = inspection.ok().and_then(|inspection| inspection.config?.labels);
        Attributes::beside(labels.unwrap_or_default().keys(), self.is_podman())
    }

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
        let docker = Attributes::beside([], false);
        let podman = Attributes::beside([], true);
        let kill = events[0].fact(docker);
        assert_eq!((kill.signal.as_deref(), kill.time), (Some("9"), 1_000_000_001));
        let end = events[1].fact(podman);
        assert_eq!((end.action.as_str(), end.exit_code), ("die", Some(137)));
        assert_eq!(events[2].run_end(docker).unwrap().exit_code, Some(3));
    }

    #[test]
    fn what_a_label_may_have_replaced_is_not_known() {
        let labeled = r#""exitCode":"0","containerExitCode":"7","signal":"15""#;
        let event = |action: &str| {
            let json = format!(
                r#"{{"Action":"{action}","Actor":{{"ID":"a","Attributes":{{{labeled}}}}},"timeNano":1}}"#
            );
            read(json.as_bytes()).remove(0)
        };
        let code = |own| event("die").fact(own).exit_code;
        let signal = |own| event("kill").fact(own).signal;
        let labels = ["exitCode", "signal", "containerExitCode"].map(str::to_owned);
        let of = |is_podman, labels: &[String]| Attributes::beside(labels, is_podman);
        assert_eq!((code(of(false, &[])), code(of(false, &labels))), (Some(0), None));
        assert_eq!((code(of(true, &[])), code(of(true, &labels))), (Some(7), Some(7)));
        for is_podman in [false, true] {
            assert_eq!(signal(of(is_podman, &[])).as_deref(), Some("15"));
            assert_eq!(signal(of(is_podman, &labels)), None);
            // A removed container: its other events have its labels too.
            let removed = of(is_podman, &[]).without_labels_of(&event("create"));
            assert_eq!(code(removed), is_podman.then_some(7));
            assert_eq!(signal(removed), None);
        }
        let own = of(false, &[]).without_labels_of(&event("die"));
        assert_eq!(code(own), Some(0), "a `die` has a code of its own");
    }
}
