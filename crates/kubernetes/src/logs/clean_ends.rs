//! Remembers which logs were read to their end.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::container_id::ContainerId;

/// The containers whose log ended in the regular way when it was last followed.
#[derive(Debug, Default)]
pub(crate) struct CleanEnds(Mutex<HashSet<ContainerId>>);

impl CleanEnds {
    pub(super) fn note(&self, id: &ContainerId) {
        self.lock().insert(id.clone());
    }

    pub(super) fn forget(&self, id: &ContainerId) {
        self.lock().remove(id);
    }

    pub(super) fn has(&self, id: &ContainerId) -> bool {
        self.lock().contains(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<ContainerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
