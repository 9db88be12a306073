//! The files and images of the platform in memory, and its facts about containers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use scratchdbg_backend::{
    BoxError, ContainerName, ContainerRecord, Error, ErrorKind, FactsBackend, FilesBackend, Found,
    HostFacts, ImageBackend, ImageRecord, ListFilter,
};
use scratchdbg_diagnose::container::Event;
use scratchdbg_diagnose::rootfs::{Detail, Entry, EntryKind, Want};

use super::FakeBackend;

/// Files by container, images by reference, and faults.
#[derive(Debug, Default)]
pub(super) struct Contents {
    records: BTreeMap<String, ContainerRecord>,
    files: BTreeMap<String, BTreeMap<String, File>>,
    /// The paths below mounts, by container.
    beneath: BTreeMap<String, BTreeSet<String>>,
    images: BTreeMap<String, Vec<u8>>,
    /// Archives that were loaded.
    loaded: Vec<Vec<u8>>,
    events: BTreeMap<String, Vec<Event>>,
    looked_up: Vec<Want>,
    refusal: Option<(Request, Error)>,
    looking_changes: bool,
}

#[derive(Debug)]
struct File {
    entry: Entry,
    /// The number of lookups after which the file disappears.
    looks: usize,
}

/// Requests that can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Any request.
    Any,
    /// Reading files of containers.
    Files,
    /// Saving an image.
    Save,
}

impl FakeBackend {
    /// Changes the facts about a running container. Initially these are its name and its state.
    pub fn describe(&self, name: &str, change: impl FnOnce(&mut ContainerRecord)) {
        let mut world = self.world();
        let container = world.container(name);
        let (id, phase) = (container.source.id.clone(), container.source.state);
        let record = world.contents.records.entry(name.to_owned()).or_insert_with(|| {
            let mut record = ContainerRecord {
                id,
                image_id: "sha256:0".to_owned(),
                ..ContainerRecord::default()
            };
            name.clone_into(&mut record.facts.name);
            record.facts.state.phase = phase;
            record
        });
        change(record);
    }

    /// Puts a file into a container.
    pub fn put(&self, name: &str, path: &str, entry: Entry) {
        self.put_for(name, path, entry, usize::MAX);
    }

    /// Puts a file into a container that disappears after this many lookups.
    pub fn put_for(&self, name: &str, path: &str, entry: Entry, looks: usize) {
        let mut world = self.world();
        let files = world.contents.files.entry(name.to_owned()).or_default();
        files.insert(path.to_owned(), File { entry, looks });
    }

    /// Sets the paths below a container's mounts. Otherwise they are unknown.
    pub fn put_below_mounts(&self, name: &str, paths: &[&str]) {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        self.world().contents.beneath.insert(name.to_owned(), paths);
    }

    /// Adds an image with the bytes of its archive.
    pub fn hold_image(&self, reference: &str, archive: Vec<u8>) {
        self.world().contents.images.insert(reference.to_owned(), archive);
    }

    /// Adds events of a container, which may be gone.
    pub fn remember(&self, name: &str, events: Vec<Event>) {
        self.world().contents.events.insert(name.to_owned(), events);
    }

    /// Refuses such requests from now on.
    pub fn refuse(&self, request: Request, error: Error) {
        self.world().contents.refusal = Some((request, error));
    }

    /// Reports that reading files would change something.
    pub fn forbid_looking(&self) {
        self.world().contents.looking_changes = true;
    }

    /// Returns the requested files, in order.
    pub fn looked_up(&self) -> Vec<Want> {
        self.world().contents.looked_up.clone()
    }

    /// Returns the loaded archives, in order.
    pub fn loaded(&self) -> Vec<Vec<u8>> {
        self.world().contents.loaded.clone()
    }

    /// Fails if such a request is refused, or the platform is unreachable.
    fn allow(&self, request: Request) -> Result<(), Error> {
        let world = self.world();
        if world.is_gone {
            return Err(super::unreachable());
        }
        match &world.contents.refusal {
            Some((refused, error)) if *refused == request || *refused == Request::Any => {
                Err(error.clone())
            }
            _ => Ok(()),
        }
    }
}

impl Contents {
    fn look_up(&mut self, container: &str, want: &Want) -> Found {
        self.looked_up.push(want.clone());
        let Some(files) = self.files.get_mut(container) else { return Found::Absent };
        if want.path == "/" && !files.is_empty() {
            return Found::Entry(Entry::directory(0o755));
        }
        if let Some(file) = files.get_mut(&want.path)
            && file.looks > 0
        {
            file.looks -= 1;
            return Found::Entry(in_detail(&file.entry, want.detail));
        }
        let folder = format!("{}/", want.path);
        let is_folder = files.keys().any(|path| path.starts_with(&folder));
        if is_folder { Found::Entry(Entry::directory(0o755)) } else { Found::Absent }
    }
}

/// Returns the requested detail of an entry, and no more.
fn in_detail(entry: &Entry, detail: Detail) -> Entry {
    let mut entry = entry.clone();
    if let EntryKind::File { content, program, .. } = &mut entry.kind {
        if detail != Detail::Content {
            *content = None;
        }
        if detail != Detail::Program {
            *program = None;
        }
    }
    entry
}

impl FactsBackend for FakeBackend {
    async fn host_facts(&self) -> Result<HostFacts, Error> {
        self.allow(Request::Any)?;
        Ok(HostFacts::default())
    }

    async fn container_record(&self, container: &ContainerName) -> Result<ContainerRecord, Error> {
        self.allow(Request::Any)?;
        let name = self.world().find(container.as_str())?.source.name.clone();
        self.describe(&name, |_| {});
        let record = self.world().contents.records.get(&name).cloned();
        record.ok_or_else(|| Error::new(ErrorKind::Gone, format!("`{name}` was removed")))
    }

    async fn observe(&self, record: &mut ContainerRecord, _: &HostFacts) {
        record.facts.events = self.world().contents.events.get(&record.facts.name).cloned();
    }

    async fn describe_mounts(&self, _: &mut ContainerRecord, _: &HostFacts) {}

    async fn events_of(&self, container: &str, _: &HostFacts) -> Option<Vec<Event>> {
        self.world().contents.events.get(container).cloned()
    }

    async fn list_records(
        &self,
        filter: &ListFilter,
        _: &HostFacts,
    ) -> Result<Vec<ContainerRecord>, Error> {
        self.allow(Request::Any)?;
        let wanted =
            |record: &&ContainerRecord| filter.all || record.facts.state.phase.has_processes();
        Ok(self.world().contents.records.values().filter(wanted).cloned().collect())
    }
}

impl FilesBackend for FakeBackend {
    async fn look_up(
        &self,
        record: &ContainerRecord,
        wanted: &[Want],
    ) -> Result<Option<Vec<Found>>, Error> {
        self.allow(Request::Files)?;
        let contents = &mut self.world().contents;
        if contents.looking_changes {
            return Ok(None);
        }
        Ok(Some(wanted.iter().map(|want| contents.look_up(&record.facts.name, want)).collect()))
    }

    async fn scan_file(
        &self,
        record: &ContainerRecord,
        path: &str,
        mut visit: impl FnMut(&[u8]) -> bool + Send,
    ) -> Result<(), Error> {
        self.allow(Request::Files)?;
        let world = self.world();
        let file = world.contents.files.get(&record.facts.name).and_then(|files| files.get(path));
        if let Some(File {
            entry: Entry { kind: EntryKind::File { content: Some(content), .. }, .. },
            ..
        }) = file
        {
            let _wants_more = visit(content);
        }
        Ok(())
    }

    async fn hidden_paths(&self, record: &ContainerRecord) -> Option<BTreeSet<String>> {
        self.world().contents.beneath.get(&record.facts.name).cloned()
    }
}

impl ImageBackend for FakeBackend {
    async fn image_record(&self, reference: &str) -> Result<Option<ImageRecord>, Error> {
        self.allow(Request::Any)?;
        Ok(self.world().contents.images.get(reference).map(|_| ImageRecord::default()))
    }

    async fn save_image(
        &self,
        reference: &str,
        sink: &mut (dyn Write + Send),
    ) -> Result<(), Error> {
        self.allow(Request::Save)?;
        let archive = self.world().contents.images.get(reference).cloned().unwrap_or_default();
        sink.write_all(&archive).map_err(|error| Error::new(ErrorKind::Broken, error.to_string()))
    }

    async fn load_image<E: Into<BoxError>>(
        &self,
        produce: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<(), Error> {
        self.allow(Request::Any)?;
        let mut archive = Vec::new();
        produce(&mut archive)
            .map_err(|error| Error::new(ErrorKind::Broken, error.into().to_string()))?;
        self.world().contents.loaded.push(archive);
        Ok(())
    }

    async fn with_twins(
        &self,
        _: &[&str],
        _: impl Future<Output = Option<String>>,
    ) -> Result<BTreeSet<String>, Error> {
        self.allow(Request::Any)?;
        Ok(BTreeSet::new())
    }
}
