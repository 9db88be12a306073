//! Interprets error messages: of container runtimes when a start fails, of engines, and of programs
//! in their logs.
//!
//! One failure has many wordings: runc alone changed its own three times. Here each wording is
//! mapped to one meaning, and each meaning to one finding.

mod causes;
mod certificates;
mod client;
mod context;
mod deaths;
mod engine;
mod exits;
mod explain;
mod general;
mod host;
mod incidental;
mod kubernetes;
mod languages;
mod logs;
mod platform;
mod prepare;
mod programs;
mod runtime;
mod servers;
mod weak;
mod whole;

use std::sync::{LazyLock, OnceLock};

pub(crate) use context::Context;
use context::context;
pub(crate) use explain::not_found_by_kernel;
use prepare::prepare;
use regex::bytes::{RegexSet, RegexSetBuilder};
use regex::{Captures, Regex};

use crate::code::Code;
use crate::finding::Finding;

/// The problem that a text reports. Names and paths are as in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A name without a slash is in no directory of PATH.
    NotInPath(String),
    /// A path does not exist.
    NotFound(String),
    /// The file exists and the kernel reports that it does not: its loader or interpreter is
    /// missing.
    NotFoundByKernel(Option<String>),
    /// No execute permission.
    Denied(Option<String>),
    /// No permission to reach the program.
    Unreachable(String),
    /// The program is a directory.
    Directory(String),
    /// The kernel does not recognize the format.
    Format(Option<String>),
    /// The kernel refuses it for another reason, given by the name of an error.
    Refused(String, String),
    /// A shell may not execute it, or may not open a file that it redirects to or from.
    DeniedToShell(Option<String>),
    /// An argument or variable is too long.
    TooLong(Option<String>),
    /// A capability is missing, or a mount forbids execution.
    NotPermitted(Option<String>),
    /// A code whose sentence depends only on the captured text.
    Plain(Code, Option<String>),
    /// A code with a sentence of its own.
    Explanation(Explanation),
}

/// A complete meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) fix: &'static str,
    /// The text is not conclusive.
    pub(crate) is_guess: bool,
    /// The text reports no problem.
    pub(crate) is_success: bool,
}

/// A wording with its sentence: `{p}` is replaced by the text of the group `p`.
macro_rules! says {
    ($code:ident, $pattern:expr, $message:literal, $fix:literal $(,)?) => {
        Wording {
            pattern: $pattern,
            meaning: |c| $crate::dialect::explanation(Code::$code, $message, $fix, false, c),
        }
    };
    (guess $code:ident, $pattern:expr, $message:literal, $fix:literal $(,)?) => {
        Wording {
            pattern: $pattern,
            meaning: |c| $crate::dialect::explanation(Code::$code, $message, $fix, true, c),
        }
    };
}
use says;

/// Fills in a message. A part in `[…]` is left out if nothing was captured for its `{p}`.
fn explanation(
    code: Code,
    message: &str,
    fix: &'static str,
    is_guess: bool,
    captures: &Captures<'_>,
) -> Meaning {
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
    Meaning::Explanation(Explanation { code, message: text, fix, is_guess, is_success: false })
}

/// Maps the groups that a pattern captured to a meaning.
type Reading = fn(&Captures<'_>) -> Meaning;

/// One wording.
#[derive(Clone, Copy)]
struct Wording {
    pattern: &'static str,
    meaning: Reading,
}

/// How a wording relates to other wordings in the same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// Explains a complete line: other wordings in that line are ignored.
    Whole,
    /// Written by the parts of a cluster for a user: explains a complete line too, and is not found
    /// in a program's log.
    Cluster,
    /// Written by programs, and by engines when a start fails.
    Strong,
    /// Written by engines, registries and clusters for a user, and not found in a program's log.
    Platform,
    /// Ignored if another wording explains the same line better.
    Weak,
    /// How a program died, reported after the cause.
    Death,
    /// Ignored if anything else was recognized. For messages only, not for logs.
    General,
}

/// All wordings, the most convincing first.
const FAMILIES: &[(Rank, &[Wording])] = &[
    (Rank::Whole, whole::WORDINGS),
    (Rank::Cluster, kubernetes::WORDINGS),
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

/// All wordings. A single regex set determines which of them occur in a text. The regex that
/// captures the details is compiled when its wording first occurs. A test ensures that every
/// pattern compiles.
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

/// How many matches of one wording are checked for one whose line is not explained as a whole.
const MOST_PLACES: usize = 16;
/// The size limits of the compiled set and of its cache.
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

/// Returns the pattern as a bytes pattern if possible: multi-byte characters make it many times
/// larger.
fn bytes(pattern: &str) -> String {
    if pattern.is_ascii() { format!("(?-u){pattern}") } else { ascii(pattern) }
}

/// Returns the pattern with ASCII classes and boundaries: Unicode classes are large, and a hundred
/// times slower on a line that is not ASCII.
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

/// A meaning and the line that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) meaning: Meaning,
    pub(crate) context: Context,
    pub(crate) line: String,
}

/// Explains an error message of a runtime (any version of runc, crun, youki), an engine (Docker,
/// containerd, Podman, the kubelet), a registry, or a program. The likeliest cause comes first.
/// Unknown texts yield no findings. No image is consulted, so a finding that only the image could
/// confirm is marked as a guess.
pub fn explain_message(text: &str) -> Vec<Finding> {
    findings(&read(text))
}

/// Explains an exit code of which nothing else is known.
pub fn explain_exit_code(code: u8) -> Vec<Finding> {
    let mut findings = explain_message(&format!("exited with code {code}"));
    // The text is ours, and proves nothing.
    for finding in &mut findings {
        finding.evidence.clear();
    }
    findings
}

/// Like [`explain_message`], for a program's log. Messages of engines, registries and clusters are
/// ignored.
pub(crate) fn explain_log(text: &str) -> Vec<Finding> {
    findings(&read_log(text))
}

fn findings(said: &[Said]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for said in said {
        let mut finding = explain::finding(said);
        if incidental::is_incidental(finding.code, &said.line) {
            finding = finding.guessed();
        }
        if !findings.iter().any(|other| other.code == finding.code) {
            findings.push(finding);
        }
    }
    without_echoes_of_a_panic(&mut findings);
    findings
}

/// Go's runtime turns a fault into a panic: it names the signal, but ends by itself.
pub(crate) fn without_echoes_of_a_panic(findings: &mut Vec<Finding>) {
    if findings.iter().any(|finding| finding.code == Code::GoPanic) {
        findings.retain(|finding| {
            !matches!(
                finding.code,
                Code::SegfaultOrAbort | Code::KilledBySignal | Code::IllegalInstruction
            )
        });
    }
}

/// Returns the meanings of a text, each once, the most convincing first.
pub(crate) fn read(text: &str) -> Vec<Said> {
    read_ranks(text, |_| true)
}

/// Like [`read`], for a program's log.
pub(crate) fn read_log(text: &str) -> Vec<Said> {
    read_ranks(text, |rank| !matches!(rank, Rank::Cluster | Rank::Platform | Rank::General))
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
        let Some((line, captures)) =
            lines.take(MOST_PLACES).find(|(line, _)| !understood.contains(line))
        else {
            continue;
        };
        if matches!(rank, Rank::Whole | Rank::Cluster) {
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

/// Returns the text of a named group.
fn named(captures: &Captures<'_>, name: &str) -> Option<String> {
    captures.name(name).map(|text| text.as_str().trim().to_owned()).filter(|text| !text.is_empty())
}

/// Returns the text of the group `p`, the program or path.
fn path(captures: &Captures<'_>) -> String {
    named(captures, "p").unwrap_or_default()
}

#[cfg(test)]
mod apart_tests;
#[cfg(test)]
mod tests;
