//! Removes what a killed client made and could not start: the engine removes by itself only what has run.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::{Engine, Error, LABEL_SESSION};

/// A container of ours that is older, and still not started, has nobody who would start it.
const ABANDONED_AFTER: Duration = Duration::from_secs(20);

impl Engine {
    /// Removes the containers of sessions that were never started, by label and age.
    pub(super) async fn sweep_abandoned(&self) -> Result<(), Error> {
        let filters = HashMap::from([
            ("label".to_owned(), vec![LABEL_SESSION.to_owned()]),
            ("status".to_owned(), vec!["created".to_owned()]),
        ]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let list = self.docker.list_containers(Some(options)).await;
        let list = list.map_err(|error| Error::bollard("list containers", error))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        for container in list {
            let created = u64::try_from(container.created.unwrap_or_default()).unwrap_or_default();
            if now.saturating_sub(Duration::from_secs(created)) > ABANDONED_AFTER
                && let Some(id) = container.id
            {
                self.remove(&id.parse()?).await?;
            }
        }
        Ok(())
    }
}
