//! Keepers that wait for their next session. They are found by their labels; their names contain
//! their process ids.

use bollard::models::ContainerSummary;
use jiff::{SignedDuration, Timestamp};

use crate::labels::{self, LABEL_LINGERS};
use crate::ours::{self, Role};
use crate::plan::KeeperRights;
use crate::user::NumericUser;
use crate::{ContainerName, Engine, Error, Target};

/// A keeper that waits for its next session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LingeringKeeper {
    /// The keeper's container.
    pub(super) container: ContainerName,
    /// The keeper's process id in the PID namespace of the target.
    pub(super) pid: u32,
    target_id: String,
    fits: String,
    image: String,
}

impl LingeringKeeper {
    /// Whether this keeper can serve a session of this user in this target. `tools` identifies the
    /// tools that the keeper must have been created with, and `rights` are those that a new keeper
    /// would have. A keeper whose rights do not allow lingering is refused: another process may
    /// have taken it over.
    pub(crate) fn serves(
        &self,
        target: &Target,
        user: NumericUser,
        tools: &str,
        rights: &KeeperRights,
    ) -> bool {
        rights.may_linger
            && self.target_id == target.id
            && self.fits == labels::fits(user, tools, rights)
    }

    /// Returns the toolkit image that the keeper was created from.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }
}

/// A keeper that ends sooner than this might end before a session has begun.
const TIME_TO_BEGIN: SignedDuration = SignedDuration::from_secs(2);

impl Engine {
    /// Returns all keepers, of all targets, that wait long enough for a session to begin.
    pub(crate) async fn lingering_keepers(&self) -> Result<Vec<LingeringKeeper>, Error> {
        let (list, now) = self.list_containers_dated(false, &[LABEL_LINGERS.to_owned()]).await?;
        Ok(keepers_that_wait(list, now))
    }
}

/// Selects the keepers that wait long enough for a session to begin. `now` is the time by the
/// engine's clock, which also determined the times of the keepers.
pub(crate) fn keepers_that_wait(
    list: Vec<ContainerSummary>,
    now: Option<Timestamp>,
) -> Vec<LingeringKeeper> {
    let keeper = |keeper: ContainerSummary| {
        let (pid, marks) = ours::is_lingering(&keeper)?;
        let (time, fits) = marks.lingers?;
        let expires_at = Timestamp::from_second(keeper.created?).ok()?.checked_add(time).ok()?;
        // If a keeper ends too early in spite of this, it is replaced.
        if now.is_some_and(|now| expires_at.duration_since(now) < TIME_TO_BEGIN) {
            return None;
        }
        Some(LingeringKeeper {
            container: keeper.id?.parse().ok()?,
            pid,
            target_id: marks.target,
            fits,
            image: keeper.image?,
        })
    };
    list.into_iter().filter_map(keeper).collect()
}

/// Returns the name of this session's keeper while it lingers.
pub(super) fn name(session: &str, pid: u32) -> String {
    Role::Keeper { pid: Some(pid) }.name(session)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    /// The clocks of the client that created the keeper and of the current one may be years off:
    /// only the engine's clock counts.
    #[test]
    fn its_time_is_by_the_engines_clock() {
        let session = "0123456789abcdef";
        let listed = json!([{
            "Id": "ef".repeat(32),
            "Names": [format!("/scratchdbg-{session}-pid77")],
            "Image": "scratchdbg/toolkit:0123456789ab",
            "Command": "/bin/scratchdbg-launcher keep 600",
            "Created": 1_000_000,
            "Labels": {
                "io.scratchdbg.session": session,
                "io.scratchdbg.target": "ab".repeat(32),
                "io.scratchdbg.created-at": "2048-01-01T00:00:00Z",
                "io.scratchdbg.expires-at": "2048-01-01T00:10:00Z",
                "io.scratchdbg.lingers": "0:0 tools",
                "io.scratchdbg.version": "1.0.0",
                "io.scratchdbg.mode": "exec",
            },
        }]);
        for (now, waits) in
            [(1_000_000, true), (1_000_597, true), (1_000_599, false), (2_000_000, false)]
        {
            let list = serde_json::from_value(listed.clone()).unwrap();
            let keepers = super::keepers_that_wait(list, Timestamp::from_second(now).ok());
            assert_eq!(keepers.len(), usize::from(waits), "{now}");
        }
        assert_eq!(
            super::keepers_that_wait(serde_json::from_value(listed).unwrap(), None).len(),
            1
        );
    }
}
