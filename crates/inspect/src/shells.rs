//! Finds out whether containers have a shell, in one container of each image.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::time::Duration;

use scratchdbg_backend::{ContainerRecord, FilesBackend};
use scratchdbg_diagnose::container::Phase;
use scratchdbg_diagnose::rules::image::has_shell;

use crate::evaluate::{Evaluation, evaluate};
use crate::lookups;

/// The time limit for all images together.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Returns whether `sh` starts a shell, by the containers' image id. `None` means that it cannot be
/// seen; images that took too long are absent.
pub(crate) async fn shells(
    backend: &impl FilesBackend,
    records: &[ContainerRecord],
) -> HashMap<String, Option<bool>> {
    lookups::within(TIME_LIMIT, representatives(records), async |record: &ContainerRecord| {
        (record.image_id.clone(), shell(backend, record).await)
    })
    .await
}

/// Chooses one container of each image, if possible a running one: its files are mounted already.
fn representatives(records: &[ContainerRecord]) -> Vec<&ContainerRecord> {
    let mut chosen: BTreeMap<&str, &ContainerRecord> = BTreeMap::new();
    for record in records {
        let first = chosen.entry(&record.image_id).or_insert(record);
        if first.facts.state.phase != Phase::Running && record.facts.state.phase == Phase::Running {
            *first = record;
        }
    }
    let mut chosen: Vec<_> = chosen.into_values().collect();
    chosen.sort_by_key(|record| record.facts.state.phase != Phase::Running);
    chosen
}

async fn shell(backend: &impl FilesBackend, record: &ContainerRecord) -> Option<bool> {
    let evaluation =
        evaluate(backend, record, |rootfs, _| match has_shell(&record.config, rootfs) {
            None => ControlFlow::Continue(None),
            known => ControlFlow::Break(known),
        });
    let Evaluation { value, failure } = evaluation.await;
    value.filter(|_| failure.is_none())
}
