//! The runs of a container: when each began and ended, and how.

mod of_engine;
mod of_pod;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use scratchdbg_diagnose::container::{ContainerFacts, Phase};
use scratchdbg_diagnose::exit_code;

/// The most runs that are kept, the latest ones.
const MAX_RUNS: usize = 1_000;

/// An exit code that says nothing but that it is the program's own.
const OWN: i64 = 42;

/// The most marks that are kept, the latest ones.
const MAX_MARKS: usize = 200;

/// What is on record of a container's runs, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The runs. The last one may last.
    pub runs: Vec<Run>,
    /// What happened besides starts and ends.
    pub marks: Vec<Mark>,
    /// How many runs there have been before these, as far as they were counted.
    pub earlier: u64,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Its start; `None` if that is not on record.
    pub start: Option<Timestamp>,
    /// Its end; `None` if it lasts.
    pub end: Option<End>,
    /// The signals that were sent to it on request, each once.
    pub signals: Vec<u8>,
    /// The kernel killed one of its processes for lack of memory.
    pub out_of_memory: bool,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// The exit code, if it is known.
    pub exit_code: Option<i64>,
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What, in a few words. A platform may quote what a program wrote.
    pub what: String,
    /// Whether it is bad news.
    pub is_bad: bool,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It lasts.
    Lasts,
    /// It ended with code 0.
    Succeeded,
    /// It ended, and the exit code is not known.
    Unknown,
    /// It ended on request, by a signal.
    Stopped,
    /// It ended with another code.
    Failed,
    /// It ended, and the kernel had killed for lack of memory.
    OutOfMemory,
}

impl Run {
    /// Returns how the run ended.
    pub fn outcome(&self) -> Outcome {
        let Some(end) = self.end else { return Outcome::Lasts };
        match end.exit_code {
            _ if self.out_of_memory => Outcome::OutOfMemory,
            Some(0) => Outcome::Succeeded,
            None => Outcome::Unknown,
            Some(code) => match exit_code::signal(code) {
                Some(signal) if self.signals.contains(&signal) => Outcome::Stopped,
                _ => Outcome::Failed,
            },
        }
    }

    /// Returns how the run ended, in words.
    pub fn in_words(&self) -> String {
        let Some(end) = self.end else { return "still runs".to_owned() };
        let mut words = match end.exit_code {
            None => "exit code not known".to_owned(),
            Some(0) => "exit code 0".to_owned(),
            Some(code) => match exit_code::describe(code) {
                meaning if meaning == exit_code::describe(OWN) => format!("exit code {code}"),
                meaning => format!("exit code {code}: {meaning}"),
            },
        };
        if self.out_of_memory {
            words.push_str(", out of memory");
        }
        if !self.signals.is_empty() {
            let names: Vec<_> =
                self.signals.iter().map(|signal| exit_code::signal_name(*signal)).collect();
            return format!("{words}, after {} on request", names.join(" and "));
        }
        words
    }

    /// Returns how long it lasted, until `now` if it lasts.
    pub(crate) fn length(&self, now: Timestamp) -> Option<jiff::SignedDuration> {
        let length = self.end.map_or(now, |end| end.at).duration_since(self.start?);
        (!length.is_negative()).then_some(length)
    }
}

impl History {
    /// Returns the runs of a container. `ends` are those that the platform remembers, where it
    /// tells them apart from the other facts, and more exactly.
    pub fn new(facts: &ContainerFacts<'_>, ends: &[Timestamp]) -> Self {
        let mut history = match &facts.pod {
            Some(pod) => of_pod::history(pod, ends),
            None => of_engine::history(facts),
        };
        let too_many = history.runs.len().saturating_sub(MAX_RUNS);
        history.runs.drain(..too_many);
        history.earlier += too_many as u64;
        history.marks.sort_by_key(|mark| mark.at);
        history.marks.drain(..history.marks.len().saturating_sub(MAX_MARKS));
        history
    }

    /// Returns the name of a run as `logs --run` takes it: `last`, `-1` for the one before.
    pub fn name(&self, index: usize) -> String {
        match self.runs.len().saturating_sub(index + 1) {
            0 => "last".to_owned(),
            back => format!("-{back}"),
        }
    }
}

/// Returns the time of a fact.
fn time(nanoseconds: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds.into()).ok()
}

/// Whether a container in this phase has a run that lasts.
fn lasts(phase: Phase) -> bool {
    matches!(phase, Phase::Running | Phase::Paused)
}
