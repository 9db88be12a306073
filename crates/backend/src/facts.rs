//! Facts about containers and their hosts, as the rules of `scratchdbg-diagnose` read them.

use std::collections::BTreeMap;

use scratchdbg_diagnose::Platform;
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::container::{ContainerFacts, Event};
use scratchdbg_diagnose::elf::IsaLevel;

use crate::{ContainerName, Error, ErrorKind};

/// A platform that describes its containers and the host that they run on.
///
/// A fact that the platform does not have stays `None`, and rules do without it. Only a container
/// that cannot be looked up is an error.
pub trait FactsBackend: Sync {
    /// Describes the host that containers run on.
    fn host_facts(&self) -> impl Future<Output = Result<HostFacts, Error>> + Send;

    /// Looks a container up, in one request.
    fn container_record(
        &self,
        container: &ContainerName,
    ) -> impl Future<Output = Result<ContainerRecord, Error>> + Send;

    /// Adds the facts that take more requests: events, the end of the log, resources in use,
    /// processes and mounts. A request that fails leaves its facts unknown.
    fn observe(
        &self,
        record: &mut ContainerRecord,
        host: &HostFacts,
    ) -> impl Future<Output = ()> + Send;

    /// Adds the facts about mounts that take more requests.
    fn describe_mounts(
        &self,
        record: &mut ContainerRecord,
        host: &HostFacts,
    ) -> impl Future<Output = ()> + Send;

    /// Returns the events of the container with this id or name, oldest first. The container may
    /// have been removed. `None` if the platform does not answer.
    fn events_of(
        &self,
        container: &str,
        host: &HostFacts,
    ) -> impl Future<Output = Option<Vec<Event>>> + Send;

    /// Looks up all containers that match, newest first, with their events. Leaves out containers
    /// that are removed meanwhile.
    fn list_records(
        &self,
        filter: &ListFilter,
        host: &HostFacts,
    ) -> impl Future<Output = Result<Vec<ContainerRecord>, Error>> + Send;
}

/// The host that containers run on.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// What its kernel executes.
    pub platform: Option<Platform>,
    /// The host is this machine: its files and its kernel log can be read.
    pub is_this_machine: bool,
    /// The instruction set level of its processor, if known.
    pub cpu: Option<IsaLevel>,
    /// When the platform was started, in nanoseconds since 1970.
    pub engine_started_at: Option<i64>,
    /// The platform's clock, in nanoseconds since 1970.
    pub clock: Option<i64>,
    /// Whether systemd makes the control groups of containers, if that is known.
    pub has_systemd_groups: Option<bool>,
    /// The platform's name and version, for people.
    pub version: Option<String>,
}

/// A container with the facts that one request gives.
#[derive(Debug, Clone, Default)]
pub struct ContainerRecord {
    /// The full id.
    pub id: String,
    /// The control group in which the platform makes that of the container, where it is not the
    /// platform's own.
    pub control_group_parent: String,
    /// The image as it was named when the container was made.
    pub image: String,
    /// The digest of the image's configuration.
    pub image_id: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// It has a terminal: its log has one stream, without frames.
    pub tty: bool,
    /// When it was made, in nanoseconds since 1970.
    pub created_at: Option<i64>,
    /// The configuration: the image's, with the settings given when the container was made.
    pub config: ConfigFacts,
    /// The ports: `80/tcp`, or `0.0.0.0:8080->80/tcp` if published.
    pub ports: Vec<String>,
    /// The capability bounding set of its processes.
    pub bounding_set: u64,
    /// The facts for rules. `image` is absent: the caller adds it with the files.
    pub facts: ContainerFacts<'static>,
}

/// Which containers are listed: `KEY=VALUE` filters in the platform's own words.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Include containers that do not run.
    pub all: bool,
    /// Values by key; see the platform's documentation for the keys.
    pub filters: BTreeMap<String, Vec<String>>,
    /// Only this many containers, those that were created last, running or not.
    pub last: Option<u32>,
}

impl ListFilter {
    /// Parses filters of the form `KEY=VALUE`.
    ///
    /// # Errors
    ///
    /// Fails if a text has no key or no value.
    pub fn parse(texts: &[String]) -> Result<Self, Error> {
        let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in texts {
            let pair =
                text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty());
            let (key, value) = pair.ok_or_else(|| {
                Error::new(ErrorKind::Invalid, format!("--filter {text}: not KEY=VALUE"))
                    .hint("such as --filter status=exited")
            })?;
            filters.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        Ok(Self { filters, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_pairs() {
        let filters =
            ListFilter::parse(&["status=exited".into(), "status=dead".into(), "label=a=b".into()]);
        let filters = filters.unwrap().filters;
        assert_eq!(filters["status"], ["exited", "dead"]);
        assert_eq!(filters["label"], ["a=b"]);
        for bad in ["status", "=x", "status="] {
            assert!(ListFilter::parse(&[bad.into()]).is_err(), "{bad}");
        }
    }
}
