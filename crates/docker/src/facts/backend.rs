//! Implements [`FactsBackend`] and [`FilesBackend`] for Docker and Podman.

use std::collections::BTreeSet;

use scratchdbg_backend::{
    ContainerRecord, Error, FactsBackend, FilesBackend, Found, HostFacts, ListFilter,
};
use scratchdbg_diagnose::container::Event;
use scratchdbg_diagnose::rootfs::Want;

use crate::{ContainerName, Engine};

impl FactsBackend for Engine {
    async fn host_facts(&self) -> Result<HostFacts, Error> {
        Ok(Self::host_facts(self).await?)
    }

    async fn container_record(&self, container: &ContainerName) -> Result<ContainerRecord, Error> {
        match self.record_of(container.as_str()).await {
            Ok(record) => Ok(record),
            Err(error) => Err(self.explain_lookup(container, error).await.into()),
        }
    }

    async fn observe(&self, record: &mut ContainerRecord, host: &HostFacts) {
        self.observe_container(record, host).await;
    }

    async fn describe_mounts(&self, record: &mut ContainerRecord, host: &HostFacts) {
        self.describe_all_mounts(record, host).await;
    }

    async fn events_of(&self, container: &str, host: &HostFacts) -> Option<Vec<Event>> {
        Self::events_of(self, container, host).await
    }

    async fn list_records(
        &self,
        filter: &ListFilter,
        host: &HostFacts,
    ) -> Result<Vec<ContainerRecord>, Error> {
        Ok(self.records_of_list(filter, host).await?)
    }
}

impl FilesBackend for Engine {
    async fn look_up(
        &self,
        record: &ContainerRecord,
        wanted: &[Want],
    ) -> Result<Option<Vec<Found>>, Error> {
        Ok(self.look_up_paths(record, wanted).await?)
    }

    async fn scan_file(
        &self,
        record: &ContainerRecord,
        path: &str,
        visit: impl FnMut(&[u8]) -> bool + Send,
    ) -> Result<(), Error> {
        let container = record.id.parse::<ContainerName>().map_err(crate::Error::from)?;
        Ok(self.read_through(&container, path, visit).await?)
    }

    async fn hidden_paths(&self, record: &ContainerRecord) -> Option<BTreeSet<String>> {
        self.paths_covered(&record.id.parse().ok()?, &record.facts.mounts).await
    }
}
