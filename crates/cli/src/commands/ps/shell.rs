//! Whether there is a shell: looked for in one container of each image.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures_util::StreamExt as _;
use scratchdbg_diagnose::container::Status;
use scratchdbg_diagnose::rootfs::Rootfs;
use scratchdbg_diagnose::rules::image::has_shell;
use scratchdbg_docker::{ContainerRecord, Engine};

/// How many images are looked into at once.
const AT_ONCE: usize = 8;
/// How long the whole list waits for this one column.
const PATIENCE: Duration = Duration::from_secs(3);

/// By the image's id; absent where there was no time to see.
pub(super) async fn look_for(engine: &Engine, records: &[ContainerRecord]) -> HashMap<String, Option<bool>> {
    let mut found = HashMap::new();
    let mut looks = futures_util::stream::iter(representatives(records))
        .map(async |record| (record.image_id.clone(), shell(engine, record).await))
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
        if first.facts.state.status != Status::Running && record.facts.state.status == Status::Running {
            *first = record;
        }
    }
    let mut chosen: Vec<_> = chosen.into_values().collect();
    chosen.sort_by_key(|record| record.facts.state.status != Status::Running);
    chosen
}

async fn shell(engine: &Engine, record: &ContainerRecord) -> Option<bool> {
    let mut rootfs = Rootfs::on_demand();
    loop {
        let known = has_shell(&record.config, &rootfs);
        if known.is_some() || !engine.fetch_wanted(record, &mut rootfs).await.ok()? {
            return known;
        }
    }
}
