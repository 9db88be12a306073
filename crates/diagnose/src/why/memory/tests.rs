use super::*;
use crate::container::{Event, KernelLog, Limits, Phase, State};
use crate::finding::Confidence;
use crate::why;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_800_000_000 * SECOND;
const END: i64 = START + 60 * SECOND;

/// A run of a minute, of which the engine recorded only the end.
fn ended(exit_code: i64, kills: &[(i64, MemoryLimit)]) -> ContainerFacts<'static> {
    let kill = |(time, limit): &(i64, MemoryLimit)| MemoryKill {
        time: *time,
        uncertainty: 2 * SECOND,
        process: "app".to_owned(),
        pid: 4321,
        limit: limit.clone(),
        is_own: true,
        is_oldest: None,
    };
    let (started_at, finished_at) = (Some(START), Some(END));
    ContainerFacts {
        state: State {
            phase: Phase::Exited,
            exit_code,
            started_at,
            finished_at,
            ..State::default()
        },
        limits: Limits { memory: Some(16 << 20), ..Limits::default() },
        events: Some(vec![Event { time: START, action: "start".to_owned(), ..Event::default() }]),
        kernel_log: Some(KernelLog {
            reaches_back_to: Some(START - 3_600 * SECOND),
            memory_kills: kills.iter().map(kill).collect(),
            listed: Vec::new(),
        }),
        ..ContainerFacts::default()
    }
}

fn at(time: i64) -> Vec<(i64, MemoryLimit)> {
    vec![(time, MemoryLimit::Container)]
}

#[test]
fn the_kernel_knows_what_the_engine_missed() {
    use Confidence::{Certain, Guess};
    for (facts, code, confidence) in [
        (ended(137, &at(END - SECOND)), Code::OomKilled, Certain),
        // Both clocks are a little off.
        (ended(137, &at(END + SECOND)), Code::OomKilled, Certain),
        (ended(137, &at(END - 2 * SECOND)), Code::OomKilled, Certain),
        // What was killed long before the end was not the program.
        (ended(137, &at(START + 30 * SECOND)), Code::KilledFromOutside, Guess),
        (ended(137, &at(START - SECOND)), Code::KilledFromOutside, Guess),
        // The machine slept after that.
        (ended(137, &at(END + 3_600 * SECOND)), Code::OomKilled, Guess),
        // In an earlier run.
        (ended(137, &at(START - 3 * SECOND)), Code::KilledFromOutside, Guess),
        (ended(0, &at(END - SECOND)), Code::ChildOomKilled, Guess),
        (ended(0, &at(START - SECOND)), Code::AppExit, Certain),
        (ended(0, &at(END + SECOND)), Code::AppExit, Certain),
        (ended(137, &[]), Code::KilledFromOutside, Guess),
    ] {
        let finding = why(&facts).findings.remove(0);
        assert_eq!((finding.code, finding.confidence), (code, confidence), "{facts:?}");
    }
    let finding = why(&ended(137, &at(END))).findings.remove(0);
    assert_eq!(
        finding.evidence,
        [
            "OOMKilled: false: the engine missed it, as it does right after a start",
            "the kernel's log: process 4321 (app) was killed for memory",
            "memory limit: 16 MiB",
            "exit code 137: SIGKILL",
        ]
    );
}

#[test]
fn a_kill_near_the_start_may_be_of_the_run_before() {
    let event = |action: &str, time| Event { time, action: action.to_owned(), ..Event::default() };
    let verdict = |facts: &ContainerFacts<'_>| {
        let finding = why(facts).findings.remove(0);
        (finding.code, finding.confidence)
    };
    // A run of a second.
    let mut facts = ended(137, &at(START + SECOND));
    facts.state.finished_at = Some(START + SECOND);
    assert_eq!(verdict(&facts), (Code::OomKilled, Confidence::Guess), "earlier runs are forgotten");
    facts.events.as_mut().unwrap().insert(0, event("create", START - SECOND));
    assert_eq!(verdict(&facts), (Code::OomKilled, Confidence::Certain), "there was none");
    facts.events.as_mut().unwrap().insert(1, event("die", START - SECOND));
    assert_eq!(verdict(&facts), (Code::OomKilled, Confidence::Guess));
    // Others can make groups with such a name.
    let mut facts = ended(137, &at(END));
    facts.kernel_log.as_mut().unwrap().memory_kills[0].is_own = false;
    assert_eq!(verdict(&facts), (Code::OomKilled, Confidence::Guess));
    // In the run before; this one was killed a minute later.
    let mut facts = ended(137, &at(START - SECOND / 10));
    facts.restarts.count = 1;
    assert_eq!(verdict(&facts), (Code::KilledFromOutside, Confidence::Guess));
    facts.state.exit_code = 1;
    assert_eq!(verdict(&facts).0, Code::AppExit);
    facts.state.phase = Phase::Running;
    facts.kernel_log = ended(0, &at(START + SECOND)).kernel_log;
    assert_eq!(verdict(&facts).0, Code::Running);
}

#[test]
fn what_was_killed_at_a_limit_within_the_container_was_not_its_program() {
    let within = || MemoryLimit::Within("/docker/a/docker/b".to_owned());
    for (exit_code, kills, code) in [
        (137, vec![(END, within())], Code::KilledFromOutside),
        (137, vec![(START + 9 * SECOND, within())], Code::KilledFromOutside),
        (1, vec![(END, within())], Code::ChildOomKilled),
        (137, vec![(END, MemoryLimit::Container), (END, within())], Code::OomKilled),
    ] {
        let finding = why(&ended(exit_code, &kills)).findings.remove(0);
        assert_eq!(finding.code, code, "{finding:?}");
        let is_of_container =
            finding.message.contains("because the container was at its memory limit");
        assert_eq!(is_of_container, code == Code::OomKilled, "{finding:?}");
    }
}

#[test]
fn a_child_that_was_killed_is_not_taken_for_the_program() {
    for (is_oldest, code, confidence) in [
        (Some(false), Code::ChildOomKilled, Confidence::Guess),
        (Some(true), Code::OomKilled, Confidence::Certain),
        (None, Code::OomKilled, Confidence::Certain),
    ] {
        let mut facts = ended(137, &at(END));
        facts.state.oom_killed = true;
        if let Some(log) = facts.kernel_log.as_mut() {
            log.memory_kills[0].is_oldest = is_oldest;
        }
        let finding = why(&facts).findings.remove(0);
        assert_eq!((finding.code, finding.confidence), (code, confidence), "{is_oldest:?}");
    }
}

/// Has just started, after runs that ended with these codes.
fn flapping(codes: &[i64]) -> ContainerFacts<'static> {
    let mut facts = ended(0, &[]);
    facts.state.phase = Phase::Running;
    facts.restarts =
        crate::container::Restarts { count: 5, policy: "always".to_owned(), at_most: None };
    let event = |action: &str, time, exit_code| Event {
        time,
        action: action.to_owned(),
        exit_code,
        ..Event::default()
    };
    let run = |(index, &code): (usize, &i64)| {
        let start = START + i64::try_from(index).unwrap() * 10 * SECOND;
        [event("start", start, None), event("die", start + SECOND, Some(code))]
    };
    facts.events = Some(codes.iter().enumerate().flat_map(run).collect());
    let last = START + i64::try_from(codes.len()).unwrap() * 10 * SECOND;
    facts.events.as_mut().unwrap().push(event("start", last, None));
    (facts.state.started_at, facts.state.finished_at) = (Some(last), Some(last - 9 * SECOND));
    facts.now = Some(last + SECOND);
    facts
}

#[test]
fn a_loop_for_want_of_memory_is_told_as_one_at_every_moment() {
    let codes = |facts: &ContainerFacts<'_>| {
        why(facts).findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let oom = |time| Event { time, action: "oom".to_owned(), ..Event::default() };
    // By the engine's event of one of the runs, both while it is up and between two runs.
    for status in [Phase::Running, Phase::Restarting] {
        let mut facts = flapping(&[137, 137, 137, 137]);
        facts.state.phase = status;
        facts.state.exit_code = if status == Phase::Running { 0 } else { 137 };
        facts.events.as_mut().unwrap().insert(5, oom(START + 20 * SECOND));
        assert_eq!(codes(&facts)[..2], [Code::OomKilled, Code::CrashLoop], "{status:?}");
        assert!(!codes(&facts).contains(&Code::KilledFromOutside));
    }
    // Too few restarts for a loop; or up for a long time.
    let mut facts = flapping(&[137]);
    facts.restarts.count = 1;
    facts.events.as_mut().unwrap().insert(1, oom(START + SECOND));
    assert_eq!(codes(&facts)[..2], [Code::OomKilled, Code::Running]);
    facts.now = facts.now.map(|now| now + 120 * SECOND);
    assert_eq!(codes(&facts)[0], Code::Running);
    // By the kernel's log.
    let mut facts = flapping(&[137, 137]);
    facts.kernel_log = ended(137, &at(START + 10 * SECOND)).kernel_log;
    assert_eq!(codes(&facts)[..2], [Code::OomKilled, Code::CrashLoop]);
    // Long ago, or in runs that ended otherwise.
    let mut facts = flapping(&[137, 137, 1, 1, 1]);
    facts.events.as_mut().unwrap().insert(1, oom(START));
    assert_eq!(codes(&facts)[0], Code::CrashLoop);
    let mut facts = flapping(&[137, 137, 137, 137, 137, 137]);
    facts.events.as_mut().unwrap().insert(1, oom(START));
    assert_eq!(codes(&facts)[0], Code::CrashLoop);
}

#[test]
fn a_kill_through_the_engine_explains_the_end() {
    let codes = |facts: &ContainerFacts<'_>| {
        why(facts).findings.iter().map(|found| found.code).collect::<Vec<_>>()
    };
    let mut facts = ended(137, &at(END - 30 * SECOND));
    let kill = Event {
        time: END,
        action: "kill".to_owned(),
        signal: Some("9".to_owned()),
        ..Event::default()
    };
    facts.events.as_mut().unwrap().push(kill);
    assert_eq!(why(&facts).code, Code::KilledFromOutside);
    // The engine's mark may be of a child.
    facts.state.oom_killed = true;
    assert_eq!(codes(&facts), [Code::KilledFromOutside, Code::ChildOomKilled]);
    facts.events.as_mut().unwrap().pop();
    let killed = why(&facts).findings;
    assert_eq!(codes(&facts), [Code::KilledFromOutside, Code::ChildOomKilled], "{killed:?}");
    assert!(killed[0].evidence.iter().any(|line| line.contains("not at the end")), "{killed:?}");
    facts.kernel_log.as_mut().unwrap().memory_kills[0].time = END;
    assert_eq!(codes(&facts), [Code::OomKilled]);
    // A stop that was obeyed.
    let mut facts = ended(0, &at(END - 30 * SECOND));
    facts.state.oom_killed = true;
    let kill = Event {
        time: END,
        action: "kill".to_owned(),
        signal: Some("15".to_owned()),
        ..Event::default()
    };
    facts.events.as_mut().unwrap().push(kill);
    assert_eq!(codes(&facts), [Code::Stopped, Code::ChildOomKilled]);
}

#[test]
fn whose_memory_was_used_up() {
    let group = MemoryLimit::Group("/kubepods/pod1".to_owned());
    for (limit, message, fix) in [
        (MemoryLimit::Container, "the container was at its memory limit", "(--memory)"),
        (
            group,
            "the group /kubepods/pod1, which the container is in, was at its memory limit",
            "that group",
        ),
        (MemoryLimit::Machine, "the machine had no memory left", "the machine's memory"),
    ] {
        for exit_code in [137, 1] {
            for oom_killed in [true, false] {
                let mut facts = ended(exit_code, &[(END, limit.clone())]);
                facts.state.oom_killed = oom_killed;
                let finding = why(&facts).findings.remove(0);
                assert!(finding.message.contains(&format!("because {message}")), "{finding:?}");
                assert!(finding.fix.as_ref().is_some_and(|text| text.contains(fix)), "{finding:?}");
            }
        }
    }
}

#[test]
fn that_the_kernel_knows_of_none_is_evidence_too() {
    let told = |facts: &ContainerFacts<'_>| {
        let finding = why(facts).findings.remove(0);
        assert_eq!(finding.code, Code::KilledFromOutside);
        let said = finding.evidence.iter().any(|line| line.contains("no lack of memory"));
        assert_eq!(said, !finding.message.contains("memory killer"), "{finding:?}");
        said
    };
    let mut facts = ended(137, &[]);
    assert!(told(&facts));
    facts.events = None;
    assert!(told(&facts));
    assert!(!why(&facts).findings[0].message.contains("outside"), "a request may be forgotten");
    facts = ended(137, &[]);
    facts.kernel_log =
        Some(KernelLog { reaches_back_to: Some(START + SECOND), ..KernelLog::default() });
    assert!(!told(&facts), "it has forgotten the start of the run");
    facts.kernel_log = Some(KernelLog::default());
    assert!(!told(&facts), "it is empty");
    facts.kernel_log = None;
    assert!(!told(&facts), "it was not read");
}
