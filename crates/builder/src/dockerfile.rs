//! Reads a Dockerfile whose last stage begins with `FROM scratch`, without running anything.
//!
//! `COPY` and `ADD` of local files and all settings are interpreted like in BuildKit. An
//! instruction that needs a shell, a network or another image is refused with the line, the reason
//! and a remedy. Without `--chmod`, files get the modes 0755 and 0644, because modes on disk depend
//! on the umask of whoever checked the files out. All files become one layer.

mod accounts;
mod array;
mod budget;
mod copy;
mod error;
mod glob;
mod health;
mod ignore;
mod origins;
mod pattern;
mod platform;
mod ports;
mod reader;
mod rules;
mod run;
mod source;
mod stage;
mod stages;
mod substitute;
mod unknown;
mod unseen;
mod words;

pub use error::DockerfileError;
pub use origins::Origins;
pub use platform::Arguments;
pub use unseen::{Hidden, Place, Unseen};

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use budget::Budget;
use ignore::Ignore;
use reader::Reader;
use scratchdbg_diagnose::{Code, Finding, Severity};
use source::Instruction;
use stage::Stage;
use unseen::Notes;

use crate::BuildSpec;

/// The largest Dockerfile or `.dockerignore` in bytes that is read.
pub const LARGEST: u64 = 1024 * 1024;

/// The most stages of a file, because each may begin with the files of another.
const MOST_STAGES: usize = 1000;

/// The most findings that are reported for one file.
const MOST_FINDINGS: usize = 1000;

/// All instructions.
const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The result of reading a Dockerfile.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Files and settings of the last stage. The caller adds names, twin and storage.
    pub spec: BuildSpec,
    /// The lines that they come from.
    pub origins: Origins,
    /// The problems of the file itself, by line. Their locations have an empty path, which the
    /// caller sets.
    pub findings: Vec<Finding>,
    /// The number of findings that were left out because there were too many.
    pub left_out: usize,
}

/// The inputs of all stages.
struct Context {
    /// The directory of the sources, without symbolic links.
    folder: PathBuf,
    ignore: Ignore,
    escape: char,
    budget: Budget,
    arguments: Arguments,
    /// Values of `ARG`s before the first `FROM`, and the predefined ones.
    global: BTreeMap<String, String>,
}

/// Reads the Dockerfile `text`. Sources are in the directory `context`, except for those that its
/// `.dockerignore` excludes.
pub fn read(text: &str, context: &Path, arguments: &Arguments) -> Result<Recipe, DockerfileError> {
    read_last(text, context, arguments, None)
}

/// Reads the last stage as far as possible without Docker, to inspect and not to build it. An
/// instruction that needs another image, a stage that needs one, a shell or a network is skipped
/// and reported. Lines that no engine accepts are reported as findings, and the rest of the file is
/// read nevertheless. Only problems of the context are errors.
pub fn inspect(
    text: &str,
    context: &Path,
    arguments: &Arguments,
) -> Result<(Recipe, Vec<Unseen>), DockerfileError> {
    let mut notes = Notes::default();
    let recipe = read_last(text, context, arguments, Some(&mut notes))?;
    Ok((recipe, notes.unseen))
}

/// Reports whether a text with another name is a Dockerfile: it begins with `FROM` or `ARG`, and at
/// least half of its instructions are known, or all are.
pub fn reads_as_one(text: &str) -> bool {
    let instructions = source::parse(text).instructions;
    let known =
        instructions.iter().filter(|other| KEYWORDS.contains(&other.keyword.as_str())).count();
    let begins =
        instructions.first().is_some_and(|first| matches!(first.keyword.as_str(), "FROM" | "ARG"));
    !text.starts_with("#!")
        && ((begins && known * 2 >= instructions.len())
            || (known > 1 && known == instructions.len()))
}

/// Reads the last stage. Without `notes`, everything that would be reported is an error.
fn read_last(
    text: &str,
    context: &Path,
    arguments: &Arguments,
    mut notes: Option<&mut Notes>,
) -> Result<Recipe, DockerfileError> {
    let whole = |reason: String| source::error(1, "", reason);
    if text.len() as u64 > LARGEST {
        return Err(whole("it is larger than 1 MiB".into()));
    }
    let mut source = source::parse(text);
    unknown::settle(&mut source);
    let mut errors = std::mem::take(&mut source.errors);
    let (global, parsed) = stages::stages(&source, &mut errors);
    if let Some(first) = parsed.get(MOST_STAGES) {
        errors.push(error(
            first.from,
            format!("{} stages, and at most {MOST_STAGES} are read", parsed.len()),
        ));
    }
    errors.sort_by_key(|error| error.line);
    match &mut notes {
        Some(notes) => {
            for finding in errors.iter().map(rules::invalid).chain(stages::named_twice(&parsed)) {
                notes.find(finding);
            }
        }
        None => errors.into_iter().next().map_or(Ok(()), Err)?,
    }
    let folder = context
        .canonicalize()
        .map_err(|error| whole(format!("the context {}: {error}", context.display())))?;
    let ignore = match scratchdbg_files::read_text(&folder.join(".dockerignore"), LARGEST) {
        Ok(text) => match (ignore::invalid_rule(&text), &mut notes) {
            (None, _) => Ignore::parse(&text).map_err(whole)?,
            (Some(reason), None) => return Err(whole(reason)),
            (Some(reason), Some(notes)) => {
                notes.find(scratchdbg_diagnose::rules::dockerfile::ignore_invalid(&reason));
                Ignore::default()
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ignore::default(),
        Err(error) => return Err(whole(format!("cannot read .dockerignore: {error}"))),
    };
    let Some(last) = parsed.len().checked_sub(1).filter(|last| *last < MOST_STAGES) else {
        return Ok(nothing_read(&source, notes));
    };
    let target = parsed[last].name.clone().unwrap_or_else(|| "default".into());
    let mut context = Context {
        folder,
        ignore,
        escape: source.escape,
        budget: Budget::default(),
        arguments: arguments.clone(),
        global: arguments.predefined(&target),
    };
    for instruction in global {
        match (context.global_argument(instruction), &mut notes) {
            (Ok(()), _) => {}
            (Err(error), Some(notes)) => notes.find(rules::invalid(&error)),
            (Err(error), None) => return Err(error),
        }
    }
    let bases = parsed
        .iter()
        .enumerate()
        .map(|(number, stage)| stages::base(stage, &parsed[..number], &context))
        .collect();
    let reader = Reader { stages: parsed, bases, context };
    let mut stage = reader.last(last, notes.as_deref_mut())?;
    stage.origins.stage = reader.stages[last].from.line;
    stage.spec.fallback_platform = Some(reader.context.arguments.target());
    let (findings, left_out) = all_findings(&source, notes);
    Ok(Recipe { spec: stage.spec, origins: stage.origins, findings, left_out })
}

/// The result for a file without a readable stage.
fn nothing_read(source: &source::Source, mut notes: Option<&mut Notes>) -> Recipe {
    if let Some(notes) = &mut notes {
        notes.hide(&Instruction::lost(1), Hidden::Anything);
    }
    let Stage { spec, origins, .. } = Stage::default();
    let (findings, left_out) = all_findings(source, notes);
    Recipe { spec, origins, findings, left_out }
}

/// Returns the problems found while reading and those found by rules. A line is reported as invalid
/// once, and not at all if a rule explains it. The second value is the number of findings that were
/// too many.
fn all_findings(source: &source::Source, notes: Option<&mut Notes>) -> (Vec<Finding>, usize) {
    let by_rules = rules::findings(source);
    let line = |finding: &Finding| finding.location.as_ref().map(|location| location.line);
    let is_reason = |finding: &&Finding| {
        finding.code == Code::ExecFormInvalid && finding.severity == Severity::Error
    };
    let explained = by_rules.iter().filter(is_reason);
    let mut said: BTreeSet<_> = explained.map(line).collect();
    let (mut findings, mut left_out) = notes
        .map(|notes| (std::mem::take(&mut notes.findings), notes.left_out))
        .unwrap_or_default();
    findings.sort_by_key(line);
    findings.retain(|finding| said.insert(line(finding)));
    findings.extend(by_rules);
    left_out += findings.len().saturating_sub(MOST_FINDINGS);
    findings.truncate(MOST_FINDINGS);
    (findings, left_out)
}

fn error(instruction: &Instruction, reason: String) -> DockerfileError {
    source::error(instruction.line, &instruction.beginning(), reason)
}

impl Context {
    /// Handles an `ARG` before the first stage.
    fn global_argument(&mut self, instruction: &Instruction) -> Result<(), DockerfileError> {
        for word in words::raw_words(&instruction.arguments, self.escape) {
            let (name, default) = word
                .split_once('=')
                .map_or((word.as_str(), None), |(name, default)| (name, Some(default)));
            let value = match (self.arguments.values.get(name), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(
                    words::expand(default, self.escape, &self.global, &self.budget)
                        .map_err(|reason| error(instruction, reason))?,
                ),
                (None, None) => None,
            };
            if let Some(value) = value {
                self.global.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod tests;
