//! Evaluates rules over the files of a container: runs them, fetches the files that they ask for,
//! and runs them again.

use std::ops::ControlFlow;

use scratchdbg_backend::{self as backend, ContainerRecord, ErrorKind, FilesBackend, Found};
use scratchdbg_diagnose::mounts::Mounts;
use scratchdbg_diagnose::rootfs::{Detail, Rootfs, Want};

/// The limit of rounds. Each round answers at least one question about a path; real rules need
/// fewer than a hundred rounds.
const MOST_ROUNDS: usize = 10_000;

/// The result of rules.
#[derive(Debug)]
pub(crate) struct Evaluation<T> {
    /// What the rules returned in the last round.
    pub(crate) value: T,
    /// Why the last files that the rules asked for were not fetched.
    pub(crate) failure: Option<backend::Error>,
}

/// Runs rules over the files of a container until they ask for nothing new, or return
/// [`ControlFlow::Break`]. Fetches the files and facts that they ask for between the rounds, each
/// once.
pub(crate) async fn evaluate<T>(
    backend: &impl FilesBackend,
    record: &ContainerRecord,
    mut rules: impl FnMut(&Rootfs, &Mounts) -> ControlFlow<T, T>,
) -> Evaluation<T> {
    let mut rootfs = Rootfs::on_demand();
    let mut mounts = Mounts::new(record.facts.mounts.clone());
    let mut rounds = 0;
    loop {
        rounds += 1;
        let (ControlFlow::Break(value) | ControlFlow::Continue(value)) =
            match rules(&rootfs, &mounts) {
                ControlFlow::Break(value) => return Evaluation { value, failure: None },
                said @ ControlFlow::Continue(_) => said,
            };
        if rounds == MOST_ROUNDS {
            return Evaluation { value, failure: None };
        }
        match fetch_wanted(backend, record, &mut rootfs).await {
            Ok(true) => {}
            Ok(false) if mounts.is_asked() => match backend.hidden_paths(record).await {
                Some(beneath) => mounts.tell(beneath),
                None => return Evaluation { value, failure: None },
            },
            Ok(false) => return Evaluation { value, failure: None },
            Err(failure) => return Evaluation { value, failure: Some(failure) },
        }
    }
}

/// Fetches the files that rules asked for. Returns whether the rules must run again. Fails too if
/// the platform shows nothing of the container, not even `/`: then no file is known to be absent.
async fn fetch_wanted(
    backend: &impl FilesBackend,
    record: &ContainerRecord,
    rootfs: &mut Rootfs,
) -> Result<bool, backend::Error> {
    let wanted = rootfs.take_wanted();
    if wanted.is_empty() {
        return Ok(false);
    }
    let Some(answers) = backend.look_up(record, &wanted).await? else { return Ok(false) };
    let is_any_there = answers.iter().any(|found| matches!(found, Found::Entry(_)));
    if answers.contains(&Found::Absent) && !is_any_there && !rootfs.has_any() {
        expect_root(backend, record).await?;
    }
    for (want, found) in wanted.iter().zip(answers) {
        match found {
            Found::Entry(entry) => rootfs.insert(&want.path, entry),
            Found::Absent => rootfs.insert_absent(&want.path),
            Found::Unknown => {}
        }
    }
    Ok(true)
}

/// Fails if the platform says that there is no root directory.
async fn expect_root(
    backend: &impl FilesBackend,
    record: &ContainerRecord,
) -> Result<(), backend::Error> {
    let root = [Want { path: "/".to_owned(), detail: Detail::Entry }];
    match backend.look_up(record, &root).await? {
        Some(answers) if answers.contains(&Found::Absent) => Err(backend::Error::new(
            ErrorKind::Broken,
            "looking at the container's files: the engine finds nothing in it, not even the directory /",
        )),
        _ => Ok(()),
    }
}
