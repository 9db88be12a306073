//! The labels of all objects that scratchdbg creates in an engine. Labels find candidates and prove
//! nothing: an image can set the same labels, and a container inherits its image's. [`crate::ours`]
//! decides which objects scratchdbg created.

use std::collections::HashMap;

use jiff::{Timestamp, Unit};
use scratchdbg_backend::NumericUser;

use crate::plan::{KeeperRights, ModePlan};

/// The session's id.
pub const LABEL_SESSION: &str = "io.scratchdbg.session";
/// The full id of the target.
pub const LABEL_TARGET: &str = "io.scratchdbg.target";
/// The creation time, in RFC 3339, by the engine's clock as far as the client knew it.
pub(crate) const LABEL_CREATED_AT: &str = "io.scratchdbg.created-at";
/// The time until which a keeper waits for its next session, in RFC 3339, by the same clock.
pub(crate) const LABEL_EXPIRES_AT: &str = "io.scratchdbg.expires-at";
/// The user, tools and rights of a lingering keeper.
pub(crate) const LABEL_LINGERS: &str = "io.scratchdbg.lingers";
/// The client that created the object: a mark of [`crate::client`].
pub(crate) const LABEL_CLIENT: &str = "io.scratchdbg.client";
pub(crate) const LABEL_VERSION: &str = "io.scratchdbg.version";
/// The mode of the session.
pub(crate) const LABEL_MODE: &str = "io.scratchdbg.mode";

/// Returns the labels of a session's containers and image. `now` is
/// [`Engine::now`](crate::Engine::now).
pub(crate) fn session_labels(
    session: &str,
    plan: &crate::SessionPlan,
    now: Timestamp,
) -> HashMap<String, String> {
    labels(session, &plan.view.target_id, plan.view.mode().as_str(), now)
}

/// Returns the labels of an object created for the target; an empty target means an image.
pub(crate) fn labels(
    session: &str,
    target: &str,
    mode: &str,
    now: Timestamp,
) -> HashMap<String, String> {
    let now = now.round(Unit::Millisecond).unwrap_or(now);
    [
        (LABEL_SESSION, session.to_owned()),
        (LABEL_TARGET, target.to_owned()),
        (LABEL_CREATED_AT, now.to_string()),
        (LABEL_VERSION, env!("CARGO_PKG_VERSION").to_owned()),
        (LABEL_MODE, mode.to_owned()),
    ]
    .into_iter()
    .chain(crate::client::own_mark().map(|mark| (LABEL_CLIENT, mark)))
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Returns the labels of a keeper.
pub(crate) fn keeper_labels(
    session: &str,
    plan: &crate::SessionPlan,
    now: Timestamp,
) -> HashMap<String, String> {
    let mut labels = session_labels(session, plan, now);
    if let (Some(time), ModePlan::Exec { tools, .. }) = (plan.linger(), &plan.mode_plan) {
        labels.insert(LABEL_LINGERS.to_owned(), fits(plan.view.user, tools, &plan.keeper_rights));
        // The time is too far in the future to represent: use the latest time.
        let expires = now.checked_add(time).unwrap_or(Timestamp::MAX);
        labels.insert(
            LABEL_EXPIRES_AT.to_owned(),
            expires.round(Unit::Second).unwrap_or(expires).to_string(),
        );
    }
    labels
}

/// Describes what a session and a lingering keeper must have in common, besides the target.
pub(crate) fn fits(user: NumericUser, tools: &str, rights: &KeeperRights) -> String {
    format!("{user} {tools} {}", rights.mark())
}
