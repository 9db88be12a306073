//! Error texts: of container runtimes when a start fails, of engines around them, and of programs in their logs.
//!
//! One failure has many wordings: runc alone changed its own three times. Here each wording leads to one meaning, and each
//! meaning to one finding.

mod engine;
mod explain;
mod logs;
mod runtime;

use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};

use crate::code::Code;
use crate::finding::Finding;

/// The bytes of a text that are looked at: its beginning and its end, half each.
const MAX_TEXT: usize = 256 * 1024;

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
    /// An argument or variable is too long.
    TooLong(Option<String>),
    /// Capabilities, or a mount that forbids execution.
    NotPermitted(Option<String>),
    /// A code whose sentence needs nothing but what was captured.
    Plain(Code, Option<String>),
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

/// All wordings, compiled. A pattern that does not compile would be left out; a test sees to it that none is.
struct Wordings {
    set: RegexSet,
    each: Vec<(Regex, Reading)>,
}

static WORDINGS: LazyLock<Wordings> = LazyLock::new(|| {
    let all = [runtime::WORDINGS, engine::WORDINGS, logs::WORDINGS].concat();
    let each: Vec<_> =
        all.iter().filter_map(|wording| Some((Regex::new(wording.pattern).ok()?, wording.meaning))).collect();
    Wordings {
        set: RegexSet::new(each.iter().map(|(regex, _)| regex.as_str())).unwrap_or_else(|_| RegexSet::empty()),
        each,
    }
});

/// A meaning with the line that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) meaning: Meaning,
    pub(crate) context: Context,
    pub(crate) line: String,
}

/// Explains an error text: of a runtime (runc of every age, crun, youki), an engine (Docker, containerd, Podman, the
/// kubelet), or a program. The likeliest cause comes first; a text that says nothing known gives nothing. No image is
/// looked at, so that what only the image could settle is marked as a guess.
pub fn explain_message(text: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for said in read(text) {
        let finding = explain::finding(&said);
        if !findings.iter().any(|other| other.code == finding.code) {
            findings.push(finding);
        }
    }
    findings
}

/// What a text says, each meaning once, in the order of the wordings: runtimes, engines, programs.
pub(crate) fn read(text: &str) -> Vec<Said> {
    let text = &prepare(text);
    let mut said: Vec<Said> = Vec::new();
    for index in WORDINGS.set.matches(text) {
        let Some((regex, meaning)) = WORDINGS.each.get(index) else { continue };
        let Some(captures) = regex.captures(text) else { continue };
        let range = captures.get(0).map_or(0..0, |found| found.range());
        let meaning = meaning(&captures);
        if said.iter().any(|other| other.meaning == meaning) {
            continue;
        }
        let line = line_around(text, range.start, range.end);
        // An engine that cannot pull lacks certificates of its own, not the image's.
        let of_registry = ["response from daemon", "failed to pull", "error pulling", "failed to do request"];
        if matches!(meaning, Meaning::Plain(Code::CaCertificatesMissing, _))
            && of_registry.iter().any(|words| line.contains(words))
        {
            continue;
        }
        said.push(Said { meaning, context: context(line), line: line.trim().to_owned() });
    }
    said
}

/// Quotes are escaped once for every layer of JSON or Go's `%q` that the text went through; backslashes say nothing here.
fn prepare(text: &str) -> String {
    let mut kept = String::new();
    if text.len() > MAX_TEXT {
        let head = text.floor_char_boundary(MAX_TEXT / 2);
        let tail = text.ceil_char_boundary(text.len() - MAX_TEXT / 2);
        kept.push_str(&text[..head]);
        kept.push('\n');
        kept.push_str(&text[tail..]);
    } else {
        kept.push_str(text);
    }
    // Backslashes are held back until it is known whether a quote follows them.
    let mut plain = String::with_capacity(kept.len());
    let mut backslashes = 0;
    for character in kept.chars() {
        match character {
            '\\' => {
                backslashes += 1;
                continue;
            }
            '"' => backslashes = 0,
            _ => {}
        }
        plain.extend(std::iter::repeat_n('\\', std::mem::take(&mut backslashes)));
        if character != '\r' {
            plain.push(character);
        }
    }
    plain
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
mod tests;
