//! A lack of memory: by the engine's word, and by the kernel's where the engine missed it.

use super::evidence::{LastRun, bytes, exit_evidence};
use super::killed::KILLED;
use crate::code::Code;
use crate::container::{ContainerFacts, MemoryKill, MemoryLimit};
use crate::finding::{Finding, Severity};

/// `oom-killed` and `child-oom-killed`.
pub(super) fn out_of_memory(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let program_killed = facts.state.exit_code == KILLED;
    let engine = if facts.state.oom_killed {
        Some("OOMKilled: true")
    } else {
        (program_killed && run.has("oom")).then_some("event oom")
    };
    let kernel = kernels_word(facts);
    // A signal that went through the engine explains the end better than the lack of memory of a child.
    let kernel_alone = kernel.as_ref().filter(|_| run.signals().is_empty());
    let limit = kernel.as_ref().map(|word| &word.kill.limit);
    let killed = match &kernel {
        _ if !program_killed => Killed::Child,
        Some(word) if word.kill.is_oldest == Some(false) => Killed::ChildMostLikely,
        _ => Killed::Program,
    };
    let finding = finding(facts, limit, killed);
    let (finding, told) = match (engine, kernel_alone) {
        (Some(told), _) => (finding, told),
        (None, Some(word)) => (
            if word.certain { finding } else { finding.guessed() },
            "OOMKilled: false: the engine missed it, as it does right after a start",
        ),
        (None, None) => return None,
    };
    let kill = kernel.as_ref().map(|word| word.kill);
    Some(with_evidence(finding, Some(told), kill, facts).evidence(exit_evidence(facts)))
}

/// Whom the kernel killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Program,
    Child,
    /// The kernel's log names another than the oldest process, and the program ended as if it had been killed.
    ChildMostLikely,
}

/// Whose memory was used up, and what helps; that is known from the kernel only.
fn limit_in_words(limit: Option<&MemoryLimit>) -> (String, &'static str) {
    match limit {
        None | Some(MemoryLimit::Container) => (
            "the container was at its memory limit".to_owned(),
            "raise the limit (--memory), or make the program use less: GOMEMLIMIT for Go, -Xmx for Java",
        ),
        Some(MemoryLimit::Group(group)) => (
            format!("the group {group}, which the container is in, was at its memory limit"),
            "raise the limit of that group (of the pod, or of the slice), or make what is in it use less",
        ),
        Some(MemoryLimit::Machine) => (
            "the machine had no memory left".to_owned(),
            "see what takes the machine's memory, and limit it (--memory)",
        ),
    }
}

/// The finding without its evidence.
fn finding(facts: &ContainerFacts<'_>, limit: Option<&MemoryLimit>, killed: Killed) -> Finding {
    let (at_limit, fix) = limit_in_words(limit);
    let code = facts.state.exit_code;
    let finding = match killed {
        Killed::Program => {
            Finding::new(Code::OomKilled, Severity::Error, format!("the kernel killed the program because {at_limit}"))
        }
        Killed::Child => Finding::new(
            Code::ChildOomKilled,
            Severity::Error,
            format!(
                "the kernel killed a child of the program because {at_limit}; the program itself went on and ended with exit code {code}"
            ),
        ),
        Killed::ChildMostLikely => Finding::new(
            Code::ChildOomKilled,
            Severity::Error,
            format!("the kernel killed a child of the program because {at_limit}, and the program ended with exit code {code} itself"),
        )
        .guessed(),
    };
    finding.fix(fix)
}

/// A child of a program that runs on, which was killed in this run.
pub(super) fn child_of_a_running(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let started = facts.state.started_at?;
    let kill = kills(facts).iter().rev().find(|kill| kill.time >= started);
    let event = run.complete && run.has("oom");
    if kill.is_none() && !event {
        return None;
    }
    let (at_limit, fix) = limit_in_words(kill.map(|kill| &kill.limit));
    let finding = Finding::new(
        Code::ChildOomKilled,
        Severity::Warning,
        format!("the kernel killed a child of the program because {at_limit}; the program itself runs on"),
    )
    .fix(fix);
    Some(with_evidence(finding, event.then_some("event oom in this run"), kill, facts))
}

/// The finding with who told of it, and the limit.
fn with_evidence(
    mut finding: Finding,
    event: Option<&str>,
    kill: Option<&MemoryKill>,
    facts: &ContainerFacts<'_>,
) -> Finding {
    if let Some(event) = event {
        finding = finding.evidence(event);
    }
    if let Some(kill) = kill {
        finding = finding.evidence(word_of(kill));
    }
    finding.evidence(limit_evidence(facts))
}

/// What the kernel's log has of kills for memory, the oldest first.
fn kills<'a>(facts: &'a ContainerFacts<'_>) -> &'a [MemoryKill] {
    facts.kernel_log.as_ref().map(|log| log.memory_kills.as_slice()).unwrap_or_default()
}

/// The kernel's own word on a kill.
fn word_of(kill: &MemoryKill) -> String {
    format!("the kernel's log: process {} ({}) was killed for memory", kill.pid, kill.process)
}

/// How many of the latest runs are looked at.
const LATEST: usize = 3;
/// How far back, where it is not on record when they began.
const LATELY: i64 = 120_000_000_000;

/// A lack of memory that ended one of the latest runs of a program that is started again and again: the engine forgets its own
/// word at each start, and has it of some runs only.
pub(super) fn in_a_loop(facts: &ContainerFacts<'_>) -> Option<Finding> {
    let events = facts.events.as_deref().unwrap_or_default();
    let ends: Vec<_> = events.iter().filter(|event| event.action == "die").collect();
    let was_killed = ends.iter().rev().take(LATEST).any(|end| end.exit_code == Some(KILLED))
        || (ends.is_empty() && facts.state.exit_code == KILLED);
    if !was_killed {
        return None;
    }
    // The end before those runs, or the first that is known.
    let begin = match ends.len().checked_sub(LATEST + 1).and_then(|at| ends.get(at)) {
        Some(end) => end.time,
        None => events.first().map(|event| event.time).or(facts.state.finished_at)?.saturating_sub(LATELY),
    };
    let event = events.iter().any(|event| event.action == "oom" && event.time >= begin);
    let kill = kills(facts).iter().rev().find(|kill| kill.time.saturating_add(kill.uncertainty) >= begin);
    if !event && kill.is_none() {
        return None;
    }
    let (at_limit, fix) = limit_in_words(kill.map(|kill| &kill.limit));
    let finding = Finding::new(
        Code::OomKilled,
        Severity::Error,
        format!("the kernel killed the program in one of its latest runs because {at_limit}"),
    )
    .fix(fix);
    Some(with_evidence(finding, event.then_some("event oom in one of the latest runs"), kill, facts))
}

fn limit_evidence(facts: &ContainerFacts<'_>) -> String {
    match facts.limits.memory {
        Some(limit) => format!("memory limit: {}", bytes(limit)),
        None => {
            "the container has no memory limit of its own: the limit is its parent group's, or the host's".to_owned()
        }
    }
}

/// What the kernel's log tells of the last run.
struct KernelsWord<'a> {
    kill: &'a MemoryKill,
    /// It cannot have been in an earlier run, and explains the end of this one.
    certain: bool,
}

/// The last kill for memory that may have been in the last run.
fn kernels_word<'a>(facts: &'a ContainerFacts<'_>) -> Option<KernelsWord<'a>> {
    let kill = facts.kernel_log.as_ref()?.memory_kills.last()?;
    let started = facts.state.started_at?;
    let finished = facts.state.finished_at?;
    if facts.state.exit_code == KILLED {
        // What is too late by the clock may be of this run all the same: while a machine sleeps, the log's clock stands.
        let begun = kill.time.saturating_add(kill.uncertainty) >= started;
        let over = kill.time.saturating_sub(kill.uncertainty) > finished;
        begun.then_some(KernelsWord { kill, certain: !over })
    } else {
        // Nothing about the end itself hints at memory: the kill of an earlier run must not be taken for one of this.
        (started..=finished).contains(&kill.time).then_some(KernelsWord { kill, certain: false })
    }
}

/// Whether the kernel's log can be read, goes back beyond the last run, and has no kill for memory in it.
pub(super) fn kernel_knows_of_none(facts: &ContainerFacts<'_>) -> bool {
    let Some((log, started)) = facts.kernel_log.as_ref().zip(facts.state.started_at) else { return false };
    log.reaches_back_to.is_some_and(|begin| begin < started) && kernels_word(facts).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::{Event, KernelLog, Limits, Phase, State};
    use crate::finding::Confidence;
    use crate::why;

    const SECOND: i64 = 1_000_000_000;
    const START: i64 = 1_800_000_000 * SECOND;
    const END: i64 = START + 60 * SECOND;

    /// A run of a minute, of which the engine saw no more than the end.
    fn ended(exit_code: i64, kills: &[(i64, MemoryLimit)]) -> ContainerFacts<'static> {
        let kill = |(time, limit): &(i64, MemoryLimit)| MemoryKill {
            time: *time,
            uncertainty: 2 * SECOND,
            process: "app".to_owned(),
            pid: 4321,
            limit: limit.clone(),
            is_oldest: None,
        };
        let (started_at, finished_at) = (Some(START), Some(END));
        ContainerFacts {
            state: State { phase: Phase::Exited, exit_code, started_at, finished_at, ..State::default() },
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
            (ended(137, &at(START - SECOND)), Code::OomKilled, Certain),
            (ended(137, &at(END + SECOND)), Code::OomKilled, Certain),
            // The machine slept since.
            (ended(137, &at(END + 3_600 * SECOND)), Code::OomKilled, Guess),
            // Of an earlier run.
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

    /// Up for a moment, after runs that ended with these codes.
    fn flapping(codes: &[i64]) -> ContainerFacts<'static> {
        let mut facts = ended(0, &[]);
        facts.state.phase = Phase::Running;
        facts.restarts = crate::container::Restarts { count: 5, policy: "always".to_owned(), at_most: None };
        let event =
            |action: &str, time, exit_code| Event { time, action: action.to_owned(), exit_code, ..Event::default() };
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
        let codes =
            |facts: &ContainerFacts<'_>| why(facts).findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
        let oom = |time| Event { time, action: "oom".to_owned(), ..Event::default() };
        // By the engine's event of one of the runs, while it is up and between two runs.
        for status in [Phase::Running, Phase::Restarting] {
            let mut facts = flapping(&[137, 137, 137, 137]);
            facts.state.phase = status;
            facts.state.exit_code = if status == Phase::Running { 0 } else { 137 };
            facts.events.as_mut().unwrap().insert(5, oom(START + 20 * SECOND));
            assert_eq!(codes(&facts)[..2], [Code::OomKilled, Code::CrashLoop], "{status:?}");
            assert!(!codes(&facts).contains(&Code::KilledFromOutside));
        }
        // Before there are enough restarts for a loop, and no more when it has been up for long.
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
        // Long ago, or of runs that ended otherwise.
        let mut facts = flapping(&[137, 137, 1, 1, 1]);
        facts.events.as_mut().unwrap().insert(1, oom(START));
        assert_eq!(codes(&facts)[0], Code::CrashLoop);
        let mut facts = flapping(&[137, 137, 137, 137, 137, 137]);
        facts.events.as_mut().unwrap().insert(1, oom(START));
        assert_eq!(codes(&facts)[0], Code::CrashLoop);
    }

    #[test]
    fn a_kill_through_the_engine_explains_the_end() {
        let mut facts = ended(137, &at(END - 30 * SECOND));
        let kill = Event { time: END, action: "kill".to_owned(), signal: Some("9".to_owned()), ..Event::default() };
        facts.events.as_mut().unwrap().push(kill);
        assert_eq!(why(&facts).code, Code::KilledFromOutside);
        facts.state.oom_killed = true;
        assert_eq!(why(&facts).code, Code::OomKilled);
    }

    #[test]
    fn whose_memory_was_used_up() {
        let group = MemoryLimit::Group("/kubepods/pod1".to_owned());
        for (limit, message, fix) in [
            (MemoryLimit::Container, "the container was at its memory limit", "(--memory)"),
            (group, "the group /kubepods/pod1, which the container is in, was at its memory limit", "that group"),
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
        facts.kernel_log = Some(KernelLog { reaches_back_to: Some(START + SECOND), ..KernelLog::default() });
        assert!(!told(&facts), "it has forgotten the start of the run");
        facts.kernel_log = Some(KernelLog::default());
        assert!(!told(&facts), "it is empty");
        facts.kernel_log = None;
        assert!(!told(&facts), "it was not read");
    }
}
