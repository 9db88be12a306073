//! Data that a verdict does not depend on: events, the node, quotas. If the user may not read some
//! of them, the answer states so, with the rule that grants the access.

use std::time::Duration;

use scratchdbg_backend as backend;
use scratchdbg_diagnose::pod::{NodeState, PodEvent};

use super::convert;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::kind::Kind;
use crate::model::{Event, Node, Quota};

/// How long each request may take.
pub(super) const OPTIONAL_TIMEOUT: Duration = Duration::from_secs(8);

/// The most pages of events that are read.
const PAGES: usize = 4;

/// Events, and a sentence if some are missing.
pub(super) struct Events {
    pub(super) events: Option<Vec<PodEvent>>,
    pub(super) gap: Option<String>,
}

impl Cluster {
    /// Returns the events about the object with this `uid`. Another object of the same name has its
    /// own events.
    pub(super) async fn events_about(&self, namespace: &str, uid: &str) -> Events {
        let call = Call::list(Kind::Event, Some(namespace))
            .with("fieldSelector", format!("involvedObject.uid={uid}"));
        match within(self.client.list_begin::<Event>(&call, PAGES)).await {
            Ok((events, has_more)) => Events {
                events: Some(convert::pod_events(&events)),
                gap: has_more.then(|| {
                    format!("there are more than {} events; the others were not read", events.len())
                }),
            },
            Err(error) => Events { events: None, gap: Some(gap("the events were", error)) },
        }
    }

    /// Returns the events of the pods of a namespace, or of all namespaces, by the `uid` of the
    /// pods.
    pub(super) async fn events_of_pods(&self) -> Result<(Vec<Event>, bool), String> {
        let call = Call::list(Kind::Event, self.namespaces())
            .with("fieldSelector", "involvedObject.kind=Pod");
        within(self.client.list_begin::<Event>(&call, PAGES))
            .await
            .map_err(|error| gap("the events were", error))
    }

    /// Returns the state of a node, or why the state is not known.
    pub(super) async fn state_of_node(&self, name: &str) -> Result<NodeState, String> {
        match within(self.client.get::<Node>(&Call::get(Kind::Node, "", name))).await {
            Ok(node) => Ok(convert::node_state(&node)),
            Err(Missed::Error(error)) if error.status() == Some(404) => Ok(NodeState::Gone),
            Err(error) => Err(gap(&format!("node {name} was"), error)),
        }
    }

    /// Returns the quotas of a namespace, formatted.
    pub(super) async fn quotas(&self, namespace: &str) -> Vec<String> {
        let call = Call::list(Kind::ResourceQuota, Some(namespace));
        match within(self.client.list_begin::<Quota>(&call, 1)).await {
            Ok((quotas, _)) => quotas.iter().map(convert::quota).collect(),
            Err(error) => vec![gap("the quotas were", error)],
        }
    }
}

/// Why there is no answer.
pub(super) enum Missed {
    Error(Error),
    Late,
}

/// Waits for an answer until a short time limit.
pub(super) async fn within<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Missed> {
    match tokio::time::timeout(OPTIONAL_TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(Missed::Error),
        Err(_) => Err(Missed::Late),
    }
}

/// Returns the sentence that states that something is not known.
fn gap(what: &str, missed: Missed) -> String {
    format!("{what} not read: {}", reason(missed))
}

/// Returns why something is not known, and how to change that.
pub(super) fn reason(missed: Missed) -> String {
    match missed {
        Missed::Late => format!("no answer within {} s", OPTIONAL_TIMEOUT.as_secs()),
        Missed::Error(error) => {
            let error = backend::Error::from(error);
            let rule = error.hints.iter().find(|hint| hint.starts_with("a role that allows it"));
            let rule = rule.map(|rule| format!("; {rule}")).unwrap_or_default();
            convert::sentence(&format!("{}{rule}", error.message))
        }
    }
}
