//! Exit code 137 and stops: determines who ended the program.

use super::evidence::{LastRun, exit_evidence, in_words};
use super::memory::excluded_by_kernel;
use super::signaled::CHILD;
use crate::code::Code;
use crate::container::{ContainerFacts, Event};
use crate::exit_code::{self, KILL};
use crate::finding::{Finding, Severity};

/// The exit code of a process that SIGKILL ended.
pub(super) const KILLED: i64 = 137;

/// The other causes of 137: a stop that was not obeyed, `docker kill`, and kills unknown to the
/// engine.
pub(super) fn killed(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    if facts.state.exit_code != KILLED {
        return None;
    }
    let signals = run.signals();
    let stop = stop_signal(facts);
    let asked_before = |kill: usize| signals[..kill].contains(&stop);
    let first_kill = signals.iter().position(|&signal| signal == KILL);
    // Only a stop leaves an event of that name. Only a stop with SIGKILL as its signal begins with
    // one.
    if run.has("stop") && (stop == KILL || first_kill.is_some_and(|kill| !asked_before(kill))) {
        return Some(stopped_by_kill(facts));
    }
    if let Some(kill) = signals.iter().position(|&signal| signal == KILL) {
        return Some(match signals[..kill].iter().find(|&&signal| signal == stop) {
            Some(_) => at_once(facts, run, stop).unwrap_or_else(|| stop_ignored(facts, run, stop)),
            None if stop == KILL => Finding::new(
                Code::KilledFromOutside,
                Severity::Error,
                "the container was killed on request: by docker kill, or by docker stop, whose signal is SIGKILL here",
            )
            .evidence("event kill: signal 9")
            .evidence(exit_evidence(facts))
            .fix("a stop signal that a program can handle gives it time to end: --stop-signal SIGTERM, STOPSIGNAL")
            .guessed(),
            None => Finding::new(
                Code::KilledFromOutside,
                Severity::Error,
                "the container was killed on request (SIGKILL through the engine, without a stop signal before it)",
            )
            .evidence("event kill: signal 9")
            .evidence(exit_evidence(facts))
            .fix("whoever did it used docker kill, docker rm -f or an API client; docker stop gives the program time to end"),
        });
    }
    if signals.contains(&stop) || run.has("stop") {
        // Podman does not record the second signal, and Docker's record may lack the first.
        if let Some(finding) = ended_at_once(facts, run, stop) {
            return Some(finding);
        }
        return Some(stop_ignored(facts, run, stop).guessed());
    }
    Some(by_something_else(facts, run).guessed())
}

/// A stop by SIGKILL itself.
fn stopped_by_kill(facts: &ContainerFacts<'_>) -> Finding {
    Finding::new(
        Code::Stopped,
        Severity::Info,
        "the container was stopped on request, by SIGKILL: its program was given no time to end",
    )
    .evidence("event stop: it was docker stop or a restart, and no docker kill")
    .evidence(exit_evidence(facts))
    .fix("name a stop signal that the program handles: --stop-signal SIGTERM, STOPSIGNAL in the image")
}

/// Whether the container that owns the PID namespace may have ended at the same time, as far as the
/// engine tells.
fn ended_with_owner(facts: &ContainerFacts<'_>) -> bool {
    const ABOUT: i64 = 3_000_000_000;
    let Some(owner) = &facts.options.pid_owner else { return true };
    match (owner.finished_at, facts.state.finished_at) {
        (Some(owners), Some(own)) => (owners - own).abs() <= ABOUT,
        // It has never ended.
        (None, _) => !owner.phase.has_processes(),
        (_, None) => true,
    }
}

/// A kill that neither a request nor a lack of memory explains.
fn by_something_else(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Finding {
    let finding = Finding::new(Code::KilledFromOutside, Severity::Error, "")
        .evidence(run.gap())
        .evidence(exit_evidence(facts));
    let owner = facts.options.pid_mode.strip_prefix("container:");
    if let Some(owner) = owner.filter(|_| ended_with_owner(facts)) {
        let message =
            "the container shares the PID namespace of another; when that one ended, the kernel killed this one"
                .to_owned();
        return Finding { message, ..finding }
            .evidence(format!("PidMode: container:{owner}"))
            .fix(format!("see why that container ended: scratchdbg why {owner}"));
    }
    let finding = match owner {
        Some(owner) => finding.evidence(format!(
            "PidMode: container:{owner}: that one did not end then, but its processes see this one's, and those of its user could have killed it"
        )),
        None => finding,
    };
    let excluded = excluded_by_kernel(facts);
    let no_lack = excluded.is_some();
    let finding = excluded.into_iter().fold(finding, Finding::evidence);
    let finding = match facts.limits.cpu_seconds {
        Some(limit) => finding.evidence(format!(
            "ulimit cpu={limit}: the kernel kills what runs for so many seconds"
        )),
        None => finding,
    };
    let finding = finding.evidence(CHILD);
    let message = match run.complete {
        true => format!(
            "the program ended as if killed with SIGKILL, which the engine was not asked for: {}",
            possible_killers(facts, no_lack)
        ),
        false if no_lack => {
            "the program was killed with SIGKILL; the engine does not remember whether on request".to_owned()
        }
        false => "the program was killed with SIGKILL; the engine remembers neither a request nor a lack of memory"
            .to_owned(),
    };
    let fix = if no_lack {
        "look at what kills processes on the host (a monitor, a script, a person), and at journalctl -u docker"
    } else {
        "look at the host: dmesg | grep -i 'killed process', journalctl -u docker"
    };
    Finding { message, ..finding }.fix(fix)
}

/// Lists what may have sent a SIGKILL that the engine did not, the most likely first.
fn possible_killers(facts: &ContainerFacts<'_>, no_lack: bool) -> String {
    let mut possible = Vec::new();
    if facts.limits.cpu_seconds.is_some() {
        possible.push("its limit of CPU time (ulimit cpu)");
    }
    possible.push("a process of the host");
    if facts.options.init {
        // As PID 1, a program gets no SIGKILL from inside.
        possible.push("a process in the container (an init process is PID 1)");
    }
    if !no_lack {
        possible.push("the kernel's memory killer where the engine did not see it");
    }
    possible.push("a child whose code it passed on");
    if facts.limits.cpu_seconds.is_none() {
        possible.push("a limit of CPU time");
    }
    possible.push("or the end of the runtime's shim");
    possible.join(", ")
}

/// Returns the signal that asks this container's program to end.
pub(super) fn stop_signal(facts: &ContainerFacts<'_>) -> u8 {
    facts
        .image
        .and_then(|image| exit_code::signal_number(&image.config.stop_signal))
        .unwrap_or(exit_code::TERM)
}

/// Returns how long before SIGKILL the stop signal was sent, if both are recorded.
fn time_to_end(run: &LastRun<'_>, stop: u8) -> Option<i64> {
    let asked = run.events.iter().find(|event| is_signal(event, stop))?.time;
    let killed = run.events.iter().rfind(|event| is_signal(event, KILL))?.time;
    Some(killed.saturating_sub(asked)).filter(|&time| time > 0)
}

/// Less nanoseconds than any grace period: they are given in seconds.
const NO_TIME: i64 = 900_000_000;

/// A stop without a grace period (`docker stop -t 0`): whether the program would have ended on its
/// own is unknown.
fn at_once(facts: &ContainerFacts<'_>, run: &LastRun<'_>, stop: u8) -> Option<Finding> {
    let time = time_to_end(run, stop).filter(|&time| time < NO_TIME)?;
    let name = exit_code::signal_name(stop);
    Some(
        Finding::new(
            Code::Stopped,
            Severity::Info,
            format!("the container was stopped on request, and its program killed as soon as it had got {name}"),
        )
        .evidence(format!("SIGKILL came {} after {name}", in_words(time)))
        .evidence(exit_evidence(facts))
        .fix("to let it end by itself, give it time: docker stop without -t 0 (Compose: stop_grace_period)"),
    )
}

/// A program that ended with the code of SIGKILL right after it was asked to end: no grace period
/// had passed.
fn ended_at_once(facts: &ContainerFacts<'_>, run: &LastRun<'_>, stop: u8) -> Option<Finding> {
    let asked = run.events.iter().find(|event| is_signal(event, stop))?.time;
    let ended = run.events.iter().rfind(|event| event.action == "die")?.time;
    let time = Some(ended.saturating_sub(asked)).filter(|&time| 0 < time && time < NO_TIME)?;
    let name = exit_code::signal_name(stop);
    Some(
        Finding::new(
            Code::Stopped,
            Severity::Info,
            format!(
                "the container was stopped on request, and its program ended with the code of SIGKILL as soon as it had got {name}"
            ),
        )
        .evidence(format!("it ended {} after {name}: no grace period had passed", in_words(time)))
        .evidence(exit_evidence(facts))
        .fix("if it ends children with SIGKILL, let it end with a code of its own; if it was docker stop -t 0, give it time")
        .guessed(),
    )
}

/// Whether an event is a signal that the engine sent.
fn is_signal(event: &Event, signal: u8) -> bool {
    event.action == "kill"
        && event.signal.as_deref().and_then(exit_code::signal_number) == Some(signal)
}

fn stop_ignored(facts: &ContainerFacts<'_>, run: &LastRun<'_>, signal: u8) -> Finding {
    let name = exit_code::signal_name(signal);
    let grace = match (time_to_end(run, signal), facts.options.stop_timeout) {
        (Some(time), _) => format!("it had {}", in_words(time)),
        (None, Some(seconds)) => format!("{seconds} s"),
        (None, None) => "10 s unless asked otherwise".to_owned(),
    };
    Finding::new(
        Code::StopSignalIgnored,
        Severity::Warning,
        format!("the container was stopped on request; the program did not react to {name} and was killed when the grace period ended"),
    )
    .evidence(format!("the engine recorded a stop by {name} before the end"))
    .evidence(exit_evidence(facts))
    .evidence(format!("grace period: {grace}"))
    .fix(format!(
        "handle {name} in the program: as PID 1 it has no default action; or let an init pass it on (--init), or name the \
         signal that it handles (STOPSIGNAL)"
    ))
}

/// Reports whether there was no program at the time of a stop, because the restart policy was
/// waiting.
fn ended_before_the_stop(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> bool {
    if matches!(facts.restarts.policy.as_str(), "" | "no") {
        return false;
    }
    let asked = run.events.iter().find(|event| matches!(event.action.as_str(), "kill" | "stop"));
    let died = run.events.iter().position(|event| event.action == "die");
    let asked_at =
        run.events.iter().position(|event| matches!(event.action.as_str(), "kill" | "stop"));
    let has_kill = run.has("kill");
    match (died, asked_at) {
        // The events of an obeyed stop are kill, die, stop.
        (Some(died), Some(asked)) if died < asked && !has_kill => true,
        _ => asked
            .is_some_and(|asked| facts.state.finished_at.is_some_and(|ended| ended < asked.time)),
    }
}

/// A stop that was obeyed: the exit code is the program's own, or that of the stop signal.
pub(super) fn stopped(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let stop = stop_signal(facts);
    let asked = run.signals().contains(&stop) || run.has("stop");
    let by_signal = exit_code::signal(facts.state.exit_code) == Some(stop);
    if !asked && !by_signal {
        return None;
    }
    let name = exit_code::signal_name(stop);
    let code = facts.state.exit_code;
    if asked && ended_before_the_stop(facts, run) {
        return Some(
            Finding::new(
                Code::Stopped,
                Severity::Info,
                format!("the container was stopped on request while it waited to be started again; its program had ended by itself with exit code {code}"),
            )
            .evidence("the stop came after the program's end")
            .evidence(exit_evidence(facts))
            .fix(format!("see why it ended before: scratchdbg logs --run all {}", facts.name)),
        );
    }
    let finding = if asked {
        Finding::new(
            Code::Stopped,
            Severity::Info,
            format!("the container was stopped on request: the program got {name} and ended with exit code {code}"),
        )
        .evidence(format!("event kill: signal {stop}"))
    } else {
        Finding::new(
            Code::Stopped,
            Severity::Info,
            format!("the program was ended by {name}, which is how one is asked to stop"),
        )
        .evidence(run.gap())
        .guessed()
    };
    let finding = finding.evidence(exit_evidence(facts));
    Some(if code == 0 || by_signal {
        finding
    } else {
        finding.fix("nothing, where that code is how the program reports a stop; else see its last log lines")
    })
}

/// How long a program may take to end after a signal that is not the stop signal.
const SHORTLY: i64 = 3_000_000_000;

/// Another signal than the stop signal, sent through the engine (`docker kill -s HUP`) just before
/// the end.
pub(super) fn signal_sent(facts: &ContainerFacts<'_>, run: &LastRun<'_>) -> Option<Finding> {
    let kill = run.events.iter().rev().find(|event| event.action == "kill")?;
    let signal = exit_code::signal_number(kill.signal.as_deref()?)?;
    let by_signal = exit_code::signal(facts.state.exit_code) == Some(signal);
    let waited = facts.state.finished_at?.saturating_sub(kill.time);
    // By default, these signals do not end a program: CHLD, CONT, URG, WINCH.
    let is_harmless = matches!(signal, 17 | 18 | 23 | 28);
    if !by_signal && (is_harmless || !(-SHORTLY / 3..=SHORTLY).contains(&waited)) {
        return None;
    }
    let name = exit_code::signal_name(signal);
    let code = facts.state.exit_code;
    // HUP, INT and QUIT are requests; others are meant to end it.
    let (code_of, severity) = match signal {
        1..=3 | exit_code::TERM => (Code::Stopped, Severity::Info),
        _ => (Code::KilledFromOutside, Severity::Error),
    };
    let finding = Finding::new(
        code_of,
        severity,
        format!("the program ended with exit code {code} after {name} was sent to it through the engine"),
    )
    .evidence(format!("event kill: signal {signal}"))
    .evidence(exit_evidence(facts))
    .fix("whoever sent it used docker kill -s or an API client; docker stop sends the image's own stop signal");
    Some(if by_signal { finding } else { finding.guessed() })
}
