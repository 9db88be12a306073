//! Facts about all containers.

use futures_util::StreamExt as _;
use scratchdbg_backend::{ContainerRecord, HostFacts, ListFilter};
use serde_json::Value;

use super::events::facts;
use crate::event::Attributes;
use crate::{Engine, Error};

/// The number of concurrent inspections.
const AT_ONCE: usize = 8;

impl Engine {
    /// Inspects the listed containers, newest first, and adds the engine's events. Containers that
    /// are gone by then are left out.
    pub(super) async fn records_of_list(
        &self,
        filter: &ListFilter,
        host: &HostFacts,
    ) -> Result<Vec<ContainerRecord>, Error> {
        let filters = serde_json::to_string(&filter.filters)
            .map_err(|error| Error::transport("the filters", error))?;
        let filters = crate::files::percent_encode(&filters);
        let (all, limit) = match filter.last {
            Some(count) => (true, format!("&limit={count}")),
            None => (filter.all, String::new()),
        };
        let path = format!("/containers/json?all={}{limit}&filters={filters}", u8::from(all));
        let (list, events) = tokio::join!(self.get(&path), self.all_events(host));
        let list: Vec<Value> =
            serde_json::from_slice(&list?).map_err(|error| Error::transport(&path, error))?;
        let ids = list
            .into_iter()
            .filter_map(|each| Some(each["Id"].as_str()?.to_owned()))
            .collect::<Vec<_>>();
        let mut looks = Vec::new();
        for id in &ids {
            looks.push(self.record_of(id));
        }
        let answers: Vec<_> = futures_util::stream::iter(looks).buffered(AT_ONCE).collect().await;
        let mut records = Vec::new();
        for answer in answers {
            match answer {
                Ok(mut record) => {
                    let own = Attributes::beside(record.labels.keys(), self.is_podman());
                    record.facts.events = events.as_ref().map(|events| {
                        events.get(&record.id).map(|of| facts(of, own)).unwrap_or_default()
                    });
                    record.facts.engine_started_at = host.engine_started_at;
                    record.facts.now = host.clock;
                    super::mounts::describe_binds(&mut record, host);
                    records.push(record);
                }
                Err(error) if error.is_no_such_container() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }
}
