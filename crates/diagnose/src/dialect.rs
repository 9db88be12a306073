//! Error texts: of container runtimes when a start fails, of engines around them, and of programs in their logs.
//!
//! One failure has many wordings: runc alone changed its own three times. Here each wording leads to one meaning, and each
//! meaning to one finding.

mod causes;
mod certificates;
mod client;
mod deaths;
mod engine;
mod exits;
mod explain;
mod general;
mod host;
mod languages;
mod logs;
mod passing;
mod platform;
mod prepare;
mod programs;
mod runtime;
mod servers;
mod weak;
mod whole;

use std::sync::{LazyLock, OnceLock};

use regex::bytes::{RegexSet, RegexSetBuilder};
use regex::{Captures, Regex};

use crate::code::Code;
use crate::finding::Finding;
use prepare::prepare;

/// What a text says went wrong. A name or path is as the text has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A name without a slash is in no directory of PATH.
    NotInPath(String),
    /// A path leads to nothing.
    NotFound(String),
    /// The file is there and the kernel says that it is not: loader or interpreter are missing.
    NotFoundByKernel(Option<String>),
    /// No permission to execute.
    Denied(Option<String>),
    /// No permission to get to the program.
    Unreachable(String),
    /// The program is a directory.
    Directory(String),
    /// The kernel does not know the format.
    Format(Option<String>),
    /// The kernel refuses it for another reason, by the name of an error.
    Refused(String, String),
    /// A shell may not execute it, or was denied what it redirects to or from.
    DeniedToShell(Option<String>),
    /// An argument or variable is too long.
    TooLong(Option<String>),
    /// Capabilities, or a mount that forbids execution.
    NotPermitted(Option<String>),
    /// A code whose sentence needs nothing but what was captured.
    Plain(Code, Option<String>),
    /// A code with a sentence of its own.
    Told(Told),
}

/// What a wording means, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) fix: &'static str,
    /// The text does not settle it.
    pub(crate) is_guess: bool,
    /// Nothing is wrong.
    pub(crate) is_success: bool,
}

/// A wording whose sentence is written beside it: `{p}` stands for what the group `p` captured.
macro_rules! says {
    ($code:ident, $pattern:expr, $message:literal, $fix:literal $(,)?) => {
        Wording { pattern: $pattern, meaning: |c| $crate::dialect::told(Code::$code, $message, $fix, false, c) }
    };
    (guess $code:ident, $pattern:expr, $message:literal, $fix:literal $(,)?) => {
        Wording { pattern: $pattern, meaning: |c| $crate::dialect::told(Code::$code, $message, $fix, true, c) }
    };
}
use says;

/// `[…]` in a message is left out where nothing was captured for the `{p}` in it.
fn told(code: Code, message: &str, fix: &'static str, is_guess: bool, captures: &Captures<'_>) -> Meaning {
    let subject = ["p", "q", "r", "s", "t"].into_iter().find_map(|name| named(captures, name));
    let mut text = String::with_capacity(message.len());
    for (index, part) in message.split(['[', ']']).enumerate() {
        match &subject {
            Some(subject) => text.push_str(&part.replace("{p}", subject)),
            // An alternative that captures nothing leaves no gap.
            None if index % 2 == 0 => {
                text.push_str(&part.replace(": {p}", "").replace(" {p}", "").replace("{p}", "it"));
            }
            None => {}
        }
    }
    Meaning::Told(Told { code, message: text, fix, is_guess, is_success: false })
}

/// Where a program was started from, as far as the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// The container's own program.
    Create,
    /// A further program in a running container.
    Exec,
    /// A health check or probe.
    Probe,
    /// By the program itself.
    Program,
}

/// From what a pattern captured to what it means.
type Reading = fn(&Captures<'_>) -> Meaning;

/// One wording.
#[derive(Clone, Copy)]
struct Wording {
    pattern: &'static str,
    meaning: Reading,
}

/// What a wording is to the others of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// Understands a whole line: nothing else of it is told.
    Whole,
    /// What a program writes, and an engine when a start fails.
    Strong,
    /// What engines, registries and clusters tell a user, and no program's log.
    Platform,
    /// Says little where the same line was understood better.
    Weak,
    /// How a program died, which is told after why.
    Death,
    /// Says nothing where anything else was understood. Of messages alone.
    General,
}

/// All wordings in the order in which they convince.
const FAMILIES: &[(Rank, &[Wording])] = &[
    (Rank::Whole, whole::WORDINGS),
    (Rank::Platform, platform::FIRST),
    (Rank::Platform, host::JOURNAL),
    (Rank::Platform, client::WORDINGS),
    (Rank::Strong, runtime::WORDINGS),
    (Rank::Strong, engine::WORDINGS),
    (Rank::Platform, platform::WORDINGS),
    (Rank::Strong, certificates::WORDINGS),
    (Rank::Strong, servers::WORDINGS),
    (Rank::Strong, host::WORDINGS),
    (Rank::Strong, languages::WORDINGS),
    (Rank::Strong, causes::WORDINGS),
    (Rank::Strong, logs::WORDINGS),
    (Rank::Strong, programs::WORDINGS),
    (Rank::Weak, weak::WORDINGS),
    (Rank::Death, deaths::WORDINGS),
    (Rank::General, general::WORDINGS),
    (Rank::General, exits::WORDINGS),
];

/// All wordings. One set says at once which of them a text has; what each captures is compiled when it is first met. A test
/// sees to it that every pattern compiles.
struct Wordings {
    set: RegexSet,
    each: Vec<Compiled>,
}

struct Compiled {
    pattern: &'static str,
    regex: OnceLock<Option<Regex>>,
    meaning: Reading,
    rank: Rank,
}

/// How many places of one wording are looked at for one whose line is not understood as a whole.
const MOST_PLACES: usize = 16;
/// What the set may take when it is compiled, and what it may keep of what it has seen.
const SET_SIZE: usize = 64 << 20;
const SET_CACHE: usize = 64 << 20;

static WORDINGS: LazyLock<Wordings> = LazyLock::new(|| {
    let each: Vec<_> = FAMILIES
        .iter()
        .flat_map(|(rank, family)| family.iter().map(|wording| (*rank, wording)))
        .map(|(rank, wording)| Compiled {
            pattern: wording.pattern,
            regex: OnceLock::new(),
            meaning: wording.meaning,
            rank,
        })
        .collect();
    let set = RegexSetBuilder::new(each.iter().map(|each| bytes(each.pattern)))
        .size_limit(SET_SIZE)
        .dfa_size_limit(SET_CACHE)
        .build();
    Wordings { set: set.unwrap_or_else(|_| RegexSet::empty()), each }
});

/// The pattern as one of bytes where it can be: characters of more bytes than one make it many times as large.
fn bytes(pattern: &str) -> String {
    if pattern.is_ascii() { format!("(?-u){pattern}") } else { ascii(pattern) }
}

/// The pattern with classes and boundaries of ASCII alone: those of Unicode are large, and of a line that is not ASCII they
/// take a way that is a hundred times as slow.
fn ascii(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len() * 2);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('b') => plain.push_str(r"(?-u:\b)"),
            Some('d') => plain.push_str("[0-9]"),
            Some('w') => plain.push_str("[0-9A-Za-z_]"),
            Some('s') => plain.push_str(r"[\t\n\x0b\x0c\r ]"),
            Some('S') => plain.push_str(r"[^\t\n\x0b\x0c\r ]"),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

impl Compiled {
    fn captures<'t>(&self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        let regex = self.regex.get_or_init(|| Regex::new(&ascii(self.pattern)).ok()).as_ref();
        regex.into_iter().flat_map(move |regex| regex.captures_iter(text))
    }
}

/// A meaning with the line that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) meaning: Meaning,
    pub(crate) context: Context,
    pub(crate) line: String,
}

/// Explains an error text: of a runtime (runc of every age, crun, youki), an engine (Docker, containerd, Podman, the
/// kubelet), a registry, or a program. The likeliest cause comes first; a text that says nothing known gives nothing. No image
/// is looked at, so that what only the image could settle is marked as a guess.
pub fn explain_message(text: &str) -> Vec<Finding> {
    findings(&read(text))
}

/// The same of what a program wrote: what an engine, a registry or a cluster says to its user is none of it.
pub(crate) fn explain_log(text: &str) -> Vec<Finding> {
    findings(&read_log(text))
}

fn findings(said: &[Said]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for said in said {
        let mut finding = explain::finding(said);
        if passing::is_in_passing(finding.code, &said.line) {
            finding = finding.guessed();
        }
        if !findings.iter().any(|other| other.code == finding.code) {
            findings.push(finding);
        }
    }
    without_echoes_of_a_panic(&mut findings);
    findings
}

/// Go's runtime catches a fault and panics: it names the signal, and ends by itself.
pub(crate) fn without_echoes_of_a_panic(findings: &mut Vec<Finding>) {
    if findings.iter().any(|finding| finding.code == Code::GoPanic) {
        findings.retain(|finding| {
            !matches!(finding.code, Code::SegfaultOrAbort | Code::KilledBySignal | Code::IllegalInstruction)
        });
    }
}

/// What a text says, each meaning once, in the order in which the wordings convince.
pub(crate) fn read(text: &str) -> Vec<Said> {
    read_ranks(text, |_| true)
}

/// The same of a program's log.
pub(crate) fn read_log(text: &str) -> Vec<Said> {
    read_ranks(text, |rank| !matches!(rank, Rank::Platform | Rank::General))
}

fn read_ranks(text: &str, wanted: fn(Rank) -> bool) -> Vec<Said> {
    let text = &prepare(text);
    let mut said: Vec<Said> = Vec::new();
    let mut understood: Vec<&str> = Vec::new();
    for index in WORDINGS.set.matches(text.as_bytes()) {
        let Some(wording) = WORDINGS.each.get(index) else { continue };
        let rank = wording.rank;
        if !wanted(rank) || (rank == Rank::General && !said.is_empty()) {
            continue;
        }
        let lines = wording.captures(text).filter_map(|captures| {
            let range = captures.get(0)?.range();
            Some((line_around(text, range.start, range.end).trim(), captures))
        });
        let Some((line, captures)) = lines.take(MOST_PLACES).find(|(line, _)| !understood.contains(line)) else {
            continue;
        };
        if rank == Rank::Whole {
            understood.push(line);
        }
        if rank == Rank::Weak && said.iter().any(|other| other.line == line) {
            continue;
        }
        let meaning = (wording.meaning)(&captures);
        if said.iter().any(|other| other.meaning == meaning) {
            continue;
        }
        said.push(Said { meaning, context: context(line), line: line.to_owned() });
    }
    said
}

fn line_around(text: &str, start: usize, end: usize) -> &str {
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let to = text[end..].find('\n').map_or(text.len(), |at| end + at);
    text[from..to].trim_start_matches('\n')
}

fn context(line: &str) -> Context {
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if has(&["probe failed", "probe errored", "Health check", "healthcheck"]) {
        Context::Probe
    } else if has(&[
        "exec failed",
        "OCI runtime exec",
        "failed to exec in container",
        "error executing command",
        "PreStopHook",
        "PostStartHook",
        "exec session",
        "tenant",
    ]) {
        Context::Exec
    } else if has(&[
        "create failed",
        "container process",
        "create containerd task",
        "container_linux.go",
        "exec user process",
        "container create",
        "ontainer failed",
        "OCI runtime",
        "crun",
        "youki",
        "OCI permission denied",
        "runtime_error",
    ]) || line.contains('`')
        || line.contains("executable '")
    {
        Context::Create
    } else {
        Context::Program
    }
}

/// The text of a named group.
fn named(captures: &Captures<'_>, name: &str) -> Option<String> {
    captures.name(name).map(|text| text.as_str().trim().to_owned()).filter(|text| !text.is_empty())
}

/// The text of the group `p`, the program or path.
fn path(captures: &Captures<'_>) -> String {
    named(captures, "p").unwrap_or_default()
}

#[cfg(test)]
mod apart_tests;
#[cfg(test)]
mod tests;
