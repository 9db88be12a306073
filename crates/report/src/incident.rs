//! The facts of a report.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use scratchdbg_diagnose::Finding;
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::container::ContainerFacts;

use crate::axis::Axis;
use crate::{History, Log};

/// The container that a report is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The facts about it.
    pub facts: &'a ContainerFacts<'a>,
    /// Its configuration.
    pub config: &'a ConfigFacts,
    /// Its full id; empty if only its name is known.
    pub id: &'a str,
    /// The image as it was named when the container was made.
    pub image: &'a str,
    /// The digest of the image's configuration.
    pub image_id: &'a str,
}

/// The most variables that are named.
const MAX_NAMES: usize = 100;

/// What a report tells of a container.
#[derive(Debug)]
pub struct Incident {
    /// The container's name.
    pub name: String,
    /// Its state in a few words.
    pub state: String,
    /// What is known of it: labels and values.
    pub about: Vec<(&'static str, String)>,
    /// The findings, the verdict first.
    pub findings: Vec<Finding>,
    /// Its runs.
    pub history: History,
    /// Its log, if that could be read.
    pub log: Option<Log>,
    /// What is not known, and why.
    pub gaps: Vec<String>,
    /// Programs and their versions.
    pub versions: Vec<(&'static str, String)>,
    /// The commands that tell the same, and more.
    pub commands: Vec<String>,
    /// When the facts were collected.
    pub now: Timestamp,
    /// The user's time zone.
    pub zone: TimeZone,
}

impl Incident {
    /// Returns a report of these facts, as yet without findings, log and versions.
    pub fn new(subject: Subject<'_>, history: History, now: Timestamp, zone: TimeZone) -> Self {
        let facts = subject.facts;
        Self {
            name: facts.name.clone(),
            state: state(facts, &history),
            about: about(subject),
            findings: Vec::new(),
            history,
            log: None,
            gaps: facts.gaps.clone(),
            versions: Vec::new(),
            commands: commands(facts),
            now,
            zone,
        }
    }

    /// Returns the axis of time, unless nothing is on record.
    pub(crate) fn axis(&self) -> Option<Axis> {
        let runs = self.history.runs.iter();
        let runs = runs.flat_map(|run| {
            let end = run.end.map_or(self.now, |end| end.at);
            [run.start, Some(end)].into_iter().flatten()
        });
        let log = self.log.iter().flat_map(|log| [log.report.first, log.report.last]);
        let marks = self.history.marks.iter().map(|mark| mark.at);
        Axis::new(runs.chain(log.flatten()).chain(marks), &self.zone)
    }
}

/// Returns the state in a few words: `exited, restarted 4 times`.
fn state(facts: &ContainerFacts<'_>, history: &History) -> String {
    let (phase, restarts) = match &facts.pod {
        Some(pod) => {
            let container = pod.container(&pod.container);
            let restarts = container.map_or(0, |container| container.restarts);
            let waiting = container.and_then(|container| container.waiting.as_ref());
            let phase = waiting.map_or(facts.state.phase.as_str(), |(reason, _)| reason);
            (phase.to_owned(), restarts)
        }
        None => (facts.state.phase.as_str().to_owned(), facts.restarts.count),
    };
    let last = history.runs.last().and_then(|run| run.end?.exit_code);
    let phase = last.map_or_else(|| phase.clone(), |code| format!("{phase} ({code})"));
    let mut words = vec![phase];
    if history.runs.last().is_some_and(|run| run.end.is_none())
        && let Some(health) = &facts.health
    {
        words.push(health.status.clone());
    }
    match restarts {
        0 => {}
        1 => words.push("restarted once".to_owned()),
        count => words.push(format!("restarted {count} times")),
    }
    words.join(", ")
}

fn about(subject: Subject<'_>) -> Vec<(&'static str, String)> {
    let Subject { facts, config, id, image, image_id } = subject;
    let mut about = Vec::new();
    let mut add = |label, value: String| {
        if !value.is_empty() {
            about.push((label, value));
        }
    };
    add("Image", image.to_owned());
    add("Image id", image_id.to_owned());
    if let Some(pod) = &facts.pod {
        add("Pod", pod.name.clone());
        add("Namespace", pod.namespace.clone());
        add("Node", pod.node.clone());
        add("Pod phase", pod.phase.clone());
        if let Some(container) = pod.container(&pod.container) {
            add("Container", container.name.clone());
            add("Restart policy", container.restart_policy.clone());
            add("Memory limit", container.memory_limit.map(bytes).unwrap_or_default());
        }
    } else {
        add("Id", id.to_owned());
        let policy = &facts.restarts;
        add(
            "Restart policy",
            match policy.at_most {
                Some(most) => format!("{}, at most {most} times", policy.policy),
                None => policy.policy.clone(),
            },
        );
        add("Memory limit", facts.limits.memory.map(bytes).unwrap_or_default());
        add("Log driver", facts.options.log_driver.clone());
        add("Network", facts.options.network_mode.clone());
    }
    if let Some(health) = &facts.health {
        let streak = match health.failing_streak {
            0 => String::new(),
            1 => ", 1 probe failed".to_owned(),
            count => format!(", {count} probes failed in a row"),
        };
        add("Health", format!("{}{streak}", health.status));
    }
    let command: Vec<_> =
        config.entrypoint.iter().chain(&config.command).map(|word| quoted(word)).collect();
    add("Command", command.join(" "));
    add("User", config.user.clone());
    add("Working directory", config.working_directory.clone());
    // The values may be secrets under any name.
    let mut names: Vec<_> =
        config.env.iter().map(|entry| entry.split('=').next().unwrap_or_default()).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    let names = names.join(", ");
    add("Variables", if more > 0 { format!("{names} and {more} more") } else { names });
    about
}

/// Returns the commands that tell the same, and more.
fn commands(facts: &ContainerFacts<'_>) -> Vec<String> {
    let (target, more) = match &facts.pod {
        Some(pod) => {
            let namespace = format!("--namespace {}", quoted(&pod.namespace));
            let name = quoted(&pod.name);
            let target =
                format!("{} {namespace}", quoted(&format!("pod/{}/{}", pod.name, pod.container)));
            (target, format!("kubectl describe pod {name} {namespace}"))
        }
        None => (quoted(&facts.name), format!("docker inspect {}", quoted(&facts.name))),
    };
    vec![
        format!("scratchdbg why {target}"),
        format!("scratchdbg why {target} --report report.html"),
        format!("scratchdbg logs {target} --run all --timestamps"),
        format!("scratchdbg logs {target} --patterns"),
        more,
    ]
}

fn bytes(count: u64) -> String {
    let mib = count >> 20;
    if mib > 0 && count == mib << 20 { format!("{mib} MiB") } else { format!("{count} bytes") }
}

/// Returns an argument as a word of a shell.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:=,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
