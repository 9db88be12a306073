//! Whether there is a shell: looked for in one container of each image.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::StreamExt as _;
use scratchdbg_backend::{ContainerRecord, FilesBackend};
use scratchdbg_diagnose::container::Phase;
use scratchdbg_diagnose::rules::image::has_shell;

use crate::evaluate::{Evaluation, evaluate};

/// How many images are looked into at once.
const AT_ONCE: usize = 8;
/// How long the whole list waits for this one column.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether a shell answers to `sh` in containers, by their image's id: `None` where that cannot be seen, absent where there was
/// no time to see.
pub async fn shells(backend: &impl FilesBackend, records: &[ContainerRecord]) -> HashMap<String, Option<bool>> {
    let mut found = HashMap::new();
    let mut looks = futures_util::stream::iter(representatives(records))
        .map(async |record| (record.image_id.clone(), shell(backend, record).await))
        .buffer_unordered(AT_ONCE);
    let all = async {
        while let Some((image, shell)) = looks.next().await {
            found.insert(image, shell);
        }
    };
    let _late = tokio::time::timeout(PATIENCE, all).await;
    drop(looks);
    found
}

/// One container of each image, a running one where there is one: the engine has its files at hand.
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
    let look = evaluate(backend, record, |rootfs, _| match has_shell(&record.config, rootfs) {
        None => ControlFlow::Continue(None),
        known => ControlFlow::Break(known),
    });
    let Evaluation { value, failure } = look.await;
    value.filter(|_| failure.is_none())
}
