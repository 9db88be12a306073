//! Decides which objects of scratchdbg are left over, from the engine's facts, by the engine's
//! clock, and from whether the client that created them is running.
//!
//! A client sets a session up in steps (create, attach, start), and on a busy machine each step may
//! take minutes. Therefore an idle object is not necessarily left over. An object is left over if
//! its client is gone, if the keeper that the rest of its session depends on is gone, or if the
//! object is far older than any start takes.

use jiff::{SignedDuration, Timestamp};

use crate::Phase;
use crate::client::Client;
use crate::ours::Role;

/// The longest start of a session whose client is unknown.
const MAX_START: SignedDuration = SignedDuration::from_mins(15);

/// The engine removes an ended container by itself within this time.
const REMOVAL_TIMEOUT: SignedDuration = SignedDuration::from_mins(1);

/// The facts about a container that matter here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) role: Role,
    pub(super) lingers: bool,
    pub(super) state: Phase,
    /// The creation time, by the engine's clock.
    pub(super) created: Option<Timestamp>,
    /// The end, by the engine's clock. `None` if the container has not ended.
    pub(super) finished: Option<Timestamp>,
    pub(super) client: Client,
    /// Whether the container is a keeper, or its session has one.
    pub(super) has_keeper: bool,
    /// Whether the container is a lingering keeper that should have ended by itself, and serves no
    /// session.
    pub(super) is_overdue: bool,
}

/// How long after its time a lingering keeper may take to end. A session that began in time may
/// still be starting.
const OVERTIME: SignedDuration = SignedDuration::from_secs(10);

/// Whether the time of a lingering keeper is over. `now` is the time by the engine's clock, which
/// also determined when the keeper was created.
pub(super) fn is_over_time(
    time: SignedDuration,
    created: Option<Timestamp>,
    now: Option<Timestamp>,
) -> bool {
    let limit = time.saturating_add(OVERTIME);
    created.zip(now).is_some_and(|(created, now)| now.duration_since(created) > limit)
}

/// Whether an object is left over. `now` is the time by the engine's clock. If it is unknown,
/// nothing is old.
pub(super) fn is_left(candidate: &Candidate, now: Option<Timestamp>) -> bool {
    let older_than = |time: Option<Timestamp>, limit: SignedDuration| {
        now.zip(time).is_some_and(|(now, time)| now.duration_since(time) > limit)
    };
    // A lingering keeper is meant to outlive its client, and ends by itself, unless another process
    // stops it.
    let is_alone = candidate.client == Client::Gone && !candidate.lingers;
    match candidate.state {
        Phase::Created => match candidate.client {
            Client::Gone => true,
            Client::Alive => false,
            // The keeper is created first, and removed last.
            Client::Unknown if candidate.role == Role::Shell && !candidate.has_keeper => true,
            Client::Unknown => older_than(candidate.created, MAX_START),
        },
        Phase::Running | Phase::Paused => is_alone || candidate.is_overdue,
        Phase::Exited | Phase::Dead => {
            older_than(candidate.finished.or(candidate.created), REMOVAL_TIMEOUT)
        }
        Phase::Restarting | Phase::Removing => false,
    }
}

/// Whether the image of a copy is left over: the keeper of its session is created before it.
/// Keepers are listed after images.
pub(super) fn is_image_left(has_keeper: bool, client: Client) -> bool {
    !has_keeper && client != Client::Alive
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPER: Role = Role::Keeper { pid: None };
    /// The current time in seconds, by the engine's clock.
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
            // The engine's clock was set back.
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
            let (created, finished) = (
                at(NOW - age),
                (state == Exited || state == Dead).then(|| at(NOW - age)).flatten(),
            );
            let is_overdue = false;
            let candidate = Candidate {
                role,
                lingers: false,
                state,
                created,
                finished,
                client,
                has_keeper,
                is_overdue,
            };
            assert_eq!(is_left(&candidate, at(NOW)), expected, "{candidate:?} {age}");
            // Without the engine's clock, nothing is old.
            let by_age = age > 60 && client == Unknown || matches!(state, Exited | Dead);
            assert_eq!(
                is_left(&candidate, None),
                expected && !by_age,
                "{candidate:?} without a clock"
            );
        }
        let lingering = Candidate {
            role: Role::Keeper { pid: Some(7) },
            lingers: true,
            state: Running,
            created: at(NOW - 86_400),
            finished: None,
            client: Gone,
            has_keeper: true,
            is_overdue: false,
        };
        assert!(!is_left(&lingering, at(NOW)), "it is there for the next client");
        assert!(is_left(&Candidate { state: Created, ..lingering }, at(NOW)));
        for client in [Alive, Gone, Unknown] {
            assert!(
                is_left(&Candidate { client, is_overdue: true, ..lingering }, None),
                "it should have ended"
            );
        }
    }

    #[test]
    fn a_lingering_keeper_has_a_while_after_its_time() {
        let minute = SignedDuration::from_mins(1);
        for (time, age, expected) in [
            (minute, 0, false),
            (minute, 60, false),
            (minute, 70, false),
            (minute, 71, true),
            (SignedDuration::ZERO, 11, true),
            (SignedDuration::MAX, 86_400, false),
            // The engine's clock was set back.
            (minute, -86_400, false),
        ] {
            assert_eq!(is_over_time(time, at(NOW - age), at(NOW)), expected, "{time} {age}");
            assert!(!is_over_time(time, at(NOW - age), None) && !is_over_time(time, None, at(NOW)));
        }
    }

    #[test]
    fn an_image_is_needed_as_long_as_its_session_has_a_keeper() {
        assert!(is_image_left(false, Client::Gone) && is_image_left(false, Client::Unknown));
        assert!(!is_image_left(true, Client::Gone) && !is_image_left(false, Client::Alive));
    }
}
