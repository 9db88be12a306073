//! What a platform knows of containers, as the facts that the rules of `diagnose` read.

use std::collections::BTreeMap;

use scratchdbg_diagnose::Platform;
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::container::{ContainerFacts, Event};
use scratchdbg_diagnose::elf::IsaLevel;

use crate::{ContainerName, Error};

/// A platform that tells what it knows of its containers, and of the machine that they run on.
///
/// Facts that a platform does not have stay `None`: rules do with less. Only a container that cannot be looked up at all is
/// an error.
pub trait FactsBackend: Sync {
    /// Describes the machine that containers run on.
    fn host_facts(&self) -> impl Future<Output = Result<HostFacts, Error>> + Send;

    /// Looks a container up: what one answer of the platform tells of it.
    fn container_record(
        &self,
        container: &ContainerName,
    ) -> impl Future<Output = Result<ContainerRecord, Error>> + Send;

    /// Adds what takes more questions: events, the end of the log, what a running container uses, what its processes look
    /// like, and what its mounts are like. What is not answered stays unknown.
    fn observe(&self, record: &mut ContainerRecord, host: &HostFacts) -> impl Future<Output = ()> + Send;

    /// Adds what its mounts are like, and nothing else.
    fn look_at_mounts(&self, record: &mut ContainerRecord, host: &HostFacts) -> impl Future<Output = ()> + Send;

    /// The events of the container with this id or name, oldest first. It may be gone already. `None` when the platform does
    /// not tell.
    fn events_of(&self, container: &str, host: &HostFacts) -> impl Future<Output = Option<Vec<Event>>> + Send;

    /// Looks up the containers that are listed, newest first, with the events of each. Those that are gone by the time they
    /// are looked at are left out.
    fn list_records(
        &self,
        filter: &ListFilter,
        host: &HostFacts,
    ) -> impl Future<Output = Result<Vec<ContainerRecord>, Error>> + Send;
}

/// The machine that containers run on.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// What its kernel executes.
    pub platform: Option<Platform>,
    /// It is this machine: its files and its kernel's log can be looked at.
    pub is_this_machine: bool,
    /// The level of its processor, where that can be seen.
    pub cpu: Option<IsaLevel>,
    /// When the platform was started, in nanoseconds since 1970.
    pub engine_started_at: Option<i64>,
    /// The platform's clock, in nanoseconds since 1970.
    pub clock: Option<i64>,
}

/// A container with everything that one look at it tells.
#[derive(Debug, Clone, Default)]
pub struct ContainerRecord {
    /// Full id.
    pub id: String,
    /// The image as it was named when the container was made.
    pub image: String,
    /// The digest of the image's configuration.
    pub image_id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It has a terminal: its log has one stream, without frames.
    pub tty: bool,
    /// When it was made, in nanoseconds since 1970.
    pub created_at: Option<i64>,
    /// Its configuration: the image's, with what was given when it was made.
    pub config: ConfigFacts,
    /// The capabilities that its processes can have at most.
    pub bounding_set: u64,
    /// What rules read. The image is left out: it is put in beside the files, which the caller keeps.
    pub facts: ContainerFacts<'static>,
}

/// Which containers are listed: `KEY=VALUE` filters in the platform's own words.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Those that do not run, too.
    pub all: bool,
    /// Values by key; see the platform's documentation for the keys.
    pub filters: BTreeMap<String, Vec<String>>,
}
