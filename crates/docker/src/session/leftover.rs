//! What of ours has nobody any more: decided from what the engine says, by the engine's clock, and from whether the client
//! that made it is there.
//!
//! A client sets a session up in steps (create, attach, start), and on a busy machine each may take minutes. So what looks
//! idle is not left over: it is when its client is gone, when the keeper that everything else of its session rests upon is
//! gone, or when it is far older than any start.

use jiff::{SignedDuration, Timestamp};

use crate::Phase;
use crate::client::Client;
use crate::ours::Role;

/// A start of which nothing is known takes no longer.
const STARTS_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The engine removes what has ended by itself, and takes no longer.
const REMOVED_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// A container of ours, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) role: Role,
    pub(super) lingers: bool,
    pub(super) state: Phase,
    /// By the engine's clock.
    pub(super) created: Option<Timestamp>,
    /// By the engine's clock; nothing where it has not ended.
    pub(super) finished: Option<Timestamp>,
    pub(super) client: Client,
    /// Its session has a keeper: it is one, or there is one beside it.
    pub(super) has_keeper: bool,
}

/// Whether it is left over. `now` is the engine's clock; where that is not known, nothing is old.
pub(super) fn is_left(look: &Look, now: Option<Timestamp>) -> bool {
    let older_than = |time: Option<Timestamp>, limit: SignedDuration| {
        now.zip(time).is_some_and(|(now, time)| now.duration_since(time) > limit)
    };
    // A keeper that lingers is meant to outlive its client, and ends by itself.
    let is_alone = look.client == Client::Gone && !look.lingers;
    match look.state {
        Phase::Created => match look.client {
            Client::Gone => true,
            Client::Alive => false,
            // The keeper is made first, and goes last.
            Client::Unknown if look.role == Role::Shell && !look.has_keeper => true,
            Client::Unknown => older_than(look.created, STARTS_WITHIN),
        },
        Phase::Running | Phase::Paused => is_alone,
        Phase::Exited | Phase::Dead => older_than(look.finished.or(look.created), REMOVED_WITHIN),
        Phase::Restarting | Phase::Removing => false,
    }
}

/// Whether the image of a copy is left over: the keeper of its session is made before it. The keepers are looked for after
/// the images.
pub(super) fn is_image_left(has_keeper: bool, client: Client) -> bool {
    !has_keeper && client != Client::Alive
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPER: Role = Role::Keeper { pid: None };
    /// Seconds, by the engine's clock.
    const NOW: i64 = 1_000_000;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn nothing_is_left_over_that_may_be_another_clients() {
        use Client::{Alive, Gone, Unknown};
        use Phase::{Created, Dead, Exited, Paused, Removing, Running};
        for (role, state, age, client, has_keeper, expected) in [
            // A start under load took 27 seconds. Another may take longer.
            (KEEPER, Created, 27, Alive, true, false),
            (KEEPER, Created, 27, Unknown, true, false),
            (KEEPER, Created, 300, Unknown, true, false),
            (KEEPER, Created, 86_400, Alive, true, false),
            (KEEPER, Created, 0, Gone, true, true),
            (KEEPER, Created, 901, Unknown, true, true),
            // The clock of the engine was put back.
            (KEEPER, Created, -86_400, Unknown, true, false),
            (Role::Shell, Created, 27, Unknown, true, false),
            (Role::Shell, Created, 0, Unknown, false, true),
            (Role::Shell, Created, 0, Alive, false, false),
            (Role::Files, Created, 27, Unknown, false, false),
            (Role::Files, Created, 0, Gone, false, true),
            (Role::Files, Created, 901, Unknown, false, true),
            (KEEPER, Running, 86_400, Unknown, true, false),
            (KEEPER, Running, 86_400, Alive, true, false),
            (KEEPER, Running, 0, Gone, true, true),
            (KEEPER, Paused, 0, Gone, true, true),
            (Role::Shell, Running, 0, Gone, true, true),
            (KEEPER, Exited, 5, Gone, true, false),
            (KEEPER, Exited, 61, Unknown, true, true),
            (Role::Shell, Dead, 61, Alive, true, true),
            (KEEPER, Removing, 86_400, Gone, true, false),
        ] {
            let (created, finished) =
                (at(NOW - age), (state == Exited || state == Dead).then(|| at(NOW - age)).flatten());
            let look = Look { role, lingers: false, state, created, finished, client, has_keeper };
            assert_eq!(is_left(&look, at(NOW)), expected, "{look:?} {age}");
            // Without the engine's clock, nothing is old.
            let by_age = age > 60 && client == Unknown || matches!(state, Exited | Dead);
            assert_eq!(is_left(&look, None), expected && !by_age, "{look:?} without a clock");
        }
        let lingering = Look {
            role: Role::Keeper { pid: Some(7) },
            lingers: true,
            state: Running,
            created: at(NOW - 86_400),
            finished: None,
            client: Gone,
            has_keeper: true,
        };
        assert!(!is_left(&lingering, at(NOW)), "it is there for the next client");
        assert!(is_left(&Look { state: Created, ..lingering }, at(NOW)));
    }

    #[test]
    fn an_image_is_needed_as_long_as_its_session_has_a_keeper() {
        assert!(is_image_left(false, Client::Gone) && is_image_left(false, Client::Unknown));
        assert!(!is_image_left(true, Client::Gone) && !is_image_left(false, Client::Alive));
    }
}
