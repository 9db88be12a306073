//! Keepers that wait for their next session: found by their labels, whose process id stands in their name.

use bollard::models::ContainerSummary;
use jiff::{SignedDuration, Timestamp};

use crate::labels::{self, LABEL_EXPIRES_AT, LABEL_LINGERS, LABEL_TARGET};
use crate::{ContainerName, Engine, Error, NumericUser, Target};

/// What stands between a lingering keeper's name and its process id: labels cannot be changed once a container is made.
const PID_MARK: &str = "-pid";

/// A keeper that waits for its next session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LingeringKeeper {
    /// Its container.
    pub(super) container: ContainerName,
    /// Its process id, as seen in the PID namespace of the target.
    pub(super) pid: u32,
    target_id: String,
    fits: String,
    image: String,
}

impl LingeringKeeper {
    /// Whether a session of this user in this target can be held by it. `tools` is what [`AttachRequest::tools`] was when
    /// it was made.
    ///
    /// [`AttachRequest::tools`]: crate::AttachRequest::tools
    pub fn serves(&self, target: &Target, user: NumericUser, tools: &str) -> bool {
        self.target_id == target.id && self.fits == labels::fits(user, tools)
    }

    /// The toolkit image that it was made from.
    pub fn image(&self) -> &str {
        &self.image
    }
}

/// A keeper that ends sooner than this might end before a session has begun.
const TIME_TO_BEGIN: SignedDuration = SignedDuration::from_secs(2);

impl Engine {
    /// All keepers that wait long enough for a session to begin, of all targets.
    pub async fn lingering_keepers(&self) -> Result<Vec<LingeringKeeper>, Error> {
        Ok(keepers_that_wait(self.list_containers(false, &[LABEL_LINGERS.to_owned()]).await?))
    }
}

/// The keepers of a list of containers that wait long enough for a session to begin.
pub(crate) fn keepers_that_wait(list: Vec<ContainerSummary>) -> Vec<LingeringKeeper> {
    let keeper = |keeper: ContainerSummary| {
        let name = keeper.names?.into_iter().next()?;
        let (_, pid) = name.rsplit_once(PID_MARK)?;
        let mut labels = keeper.labels?;
        let expires_at: Timestamp = labels.get(LABEL_EXPIRES_AT)?.parse().ok()?;
        if expires_at.duration_since(Timestamp::now()) < TIME_TO_BEGIN {
            return None;
        }
        Some(LingeringKeeper {
            container: keeper.id?.parse().ok()?,
            pid: pid.parse().ok()?,
            target_id: labels.remove(LABEL_TARGET)?,
            fits: labels.remove(LABEL_LINGERS)?,
            image: keeper.image?,
        })
    };
    list.into_iter().filter_map(keeper).collect()
}

/// The name by which the keeper of this session is found while it lingers.
pub(super) fn name(session: &str, pid: u32) -> String {
    format!("scratchdbg-{session}{PID_MARK}{pid}")
}
