use scratchdbg_diagnose::container::{Event, Restarts, State};
use scratchdbg_diagnose::pod::{PodContainer, PodContainerEnd, PodEvent, PodFacts};

use super::*;

const SECOND: i64 = 1_000_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn event(second: i64, action: &str) -> Event {
    Event { time: second * SECOND, action: action.to_owned(), ..Event::default() }
}

fn died(second: i64, exit_code: i64) -> Event {
    Event { exit_code: Some(exit_code), ..event(second, "die") }
}

fn killed(second: i64, signal: &str) -> Event {
    Event { signal: Some(signal.to_owned()), ..event(second, "kill") }
}

fn exited(started: i64, finished: i64, exit_code: i64) -> State {
    State {
        phase: Phase::Exited,
        exit_code,
        started_at: Some(started * SECOND),
        finished_at: Some(finished * SECOND),
        ..State::default()
    }
}

#[test]
fn runs_of_events() {
    let facts = ContainerFacts {
        state: exited(40, 50, 143),
        events: Some(vec![
            event(9, "create"),
            event(10, "start"),
            died(20, 0),
            event(21, "start"),
            event(25, "health_status: healthy"),
            event(26, "health_status: healthy"),
            event(27, "health_status: unhealthy"),
            event(29, "oom"),
            died(30, 137),
            event(40, "start"),
            killed(49, "15"),
            killed(49, "SIGTERM"),
            died(50, 143),
        ]),
        ..ContainerFacts::default()
    };
    let history = History::new(&facts, &[]);
    let outcomes: Vec<_> = history.runs.iter().map(Run::outcome).collect();
    assert_eq!(outcomes, [Outcome::Succeeded, Outcome::OutOfMemory, Outcome::Stopped]);
    assert_eq!(history.earlier, 0);
    assert_eq!(history.runs[2].in_words(), "exit code 143: SIGTERM, after SIGTERM on request");
    assert_eq!(history.runs[2].length(at(99)), Some(jiff::SignedDuration::from_secs(10)));
    let marks: Vec<_> = history.marks.iter().map(|mark| (&*mark.what, mark.is_bad)).collect();
    assert_eq!(
        marks,
        [("health: healthy", false), ("health: unhealthy", true), ("out of memory", true)]
    );
    assert_eq!([0, 1, 2].map(|index| history.name(index)), ["-2", "-1", "last"]);
}

#[test]
fn the_state_tells_what_events_have_forgotten() {
    let facts = |state, events: Option<Vec<Event>>, count| ContainerFacts {
        state,
        events,
        restarts: Restarts { count, ..Restarts::default() },
        ..ContainerFacts::default()
    };
    let of = |facts: &ContainerFacts<'_>| {
        let history = History::new(facts, &[]);
        let runs: Vec<_> = history
            .runs
            .iter()
            .map(|run| {
                let end = run.end.map(|end| (end.at.as_second(), end.exit_code));
                (run.start.map(Timestamp::as_second), end)
            })
            .collect();
        (runs, history.earlier)
    };
    let last = (Some(10), Some((20, Some(3))));
    assert_eq!(of(&facts(exited(10, 20, 3), None, 4)), (vec![last], 4));
    assert_eq!(
        of(&facts(exited(10, 20, 3), Some(vec![died(20, 3)]), 4)).0,
        [(None, Some((20, Some(3))))]
    );
    // An engine that was restarted since.
    let earlier = vec![event(1, "start"), died(2, 1)];
    assert_eq!(
        of(&facts(exited(10, 20, 3), Some(earlier.clone()), 1)),
        (vec![(Some(1), Some((2, Some(1)))), last], 0)
    );
    let running = State {
        phase: Phase::Running,
        started_at: Some(10 * SECOND),
        finished_at: Some(2 * SECOND),
        ..State::default()
    };
    assert_eq!(
        of(&facts(running.clone(), Some(earlier), 1)).0,
        [(Some(1), Some((2, Some(1)))), (Some(10), None)]
    );
    assert_eq!(
        of(&facts(running.clone(), Some(vec![event(10, "start")]), 0)).0,
        [(Some(10), None)]
    );
    assert_eq!(of(&facts(running, None, 0)).0, [(Some(10), None)]);
    assert_eq!(of(&facts(State::default(), None, 0)).0, []);
    let memory = State { oom_killed: true, ..exited(10, 20, 137) };
    let history = History::new(&facts(memory, None, 0), &[]);
    assert_eq!(history.runs[0].outcome(), Outcome::OutOfMemory);
}

#[test]
fn runs_of_a_pod() {
    let end = |started: i64, finished: i64, reason: &str| {
        Some(PodContainerEnd {
            exit_code: 137,
            reason: reason.to_owned(),
            started_at: Some(started * SECOND),
            finished_at: Some(finished * SECOND),
            ..PodContainerEnd::default()
        })
    };
    let container = PodContainer {
        name: "app".to_owned(),
        is_running: true,
        running_since: Some(30 * SECOND),
        ended: end(20, 25, "OOMKilled"),
        ended_before: end(10, 15, "Error"),
        restarts: 7,
        ..PodContainer::default()
    };
    let of = |container: &str, reason: &str| PodEvent {
        reason: reason.to_owned(),
        message: "x".to_owned(),
        container: Some(container.to_owned()),
        time: Some(26 * SECOND),
        count: 3,
    };
    let pod = PodFacts {
        containers: vec![container],
        container: "app".to_owned(),
        events: Some(vec![of("app", "BackOff"), of("other", "BackOff"), of("app", "Pulled")]),
        ..PodFacts::default()
    };
    let facts = ContainerFacts { pod: Some(pod), ..ContainerFacts::default() };
    let exact = Timestamp::from_millisecond(25_500).unwrap();
    let history = History::new(&facts, &[at(15), exact]);
    let outcomes: Vec<_> = history.runs.iter().map(Run::outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::OutOfMemory, Outcome::Lasts]);
    assert_eq!(history.runs[1].end.unwrap().at, exact);
    assert_eq!(history.earlier, 5);
    let marks: Vec<_> = history.marks.iter().map(|mark| (&*mark.what, mark.is_bad)).collect();
    assert_eq!(marks, [("BackOff: x (3 times)", true), ("Pulled: x (3 times)", false)]);
}

#[test]
fn only_the_latest_runs_and_marks_are_kept() {
    let events = (0..3_000)
        .flat_map(|run| [event(2 * run, "start"), event(2 * run, "pause"), died(2 * run + 1, 1)]);
    let facts = ContainerFacts { events: Some(events.collect()), ..ContainerFacts::default() };
    let history = History::new(&facts, &[]);
    assert_eq!((history.runs.len(), history.earlier), (MAX_RUNS, 2_000));
    assert_eq!(history.marks.len(), MAX_MARKS);
    assert_eq!(history.runs[0].start, Some(at(4_000)));
}
