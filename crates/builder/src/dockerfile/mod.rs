//! Reading a Dockerfile whose last stage begins at `FROM scratch`, without running anything.
//!
//! `COPY` and `ADD` of local files and all settings are understood as BuildKit understands them. What would need a
//! shell, a network or another image is refused with the line, the reason and the way out. Files get the modes 0755 and
//! 0644 where `--chmod` says nothing, because those on disk depend on the umask of whoever checked them out, and everything
//! becomes one layer.

mod accounts;
mod array;
mod budget;
mod copy;
mod error;
mod health;
mod origins;
mod pattern;
mod platform;
mod reader;
mod rules;
mod source;
mod stage;
mod stages;
mod substitute;
mod unseen;
mod words;

pub use error::DockerfileError;
pub use origins::Origins;
pub use platform::Arguments;
pub use unseen::{Hidden, Place, Unseen};

use crate::BuildSpec;
use budget::Budget;
use pattern::Ignore;
use reader::Reader;
use scratchdbg_diagnose::Finding;
use source::Instruction;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The size in bytes up to which a Dockerfile, or a `.dockerignore`, is read.
pub const LARGEST: u64 = 1024 * 1024;

/// More stages are refused: each may begin with the files of another.
const MOST_STAGES: usize = 1000;

/// All instructions that there are.
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

/// What a Dockerfile makes.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Files and settings of the last stage; names, twin and storage are the caller's to fill in.
    pub spec: BuildSpec,
    /// The lines that they come from.
    pub origins: Origins,
    /// What is wrong with the file itself, by line. Their locations have an empty path: it is the caller's to fill in.
    pub findings: Vec<Finding>,
}

/// What stages are made from.
struct Context {
    /// The folder that sources lie in, without symbolic links.
    folder: PathBuf,
    ignore: Ignore,
    escape: char,
    budget: Budget,
    arguments: Arguments,
    /// Values of `ARG`s before the first `FROM`, and the predefined ones.
    global: BTreeMap<String, String>,
}

/// Reads the Dockerfile `text`. Sources are looked for in the folder `context`, less what its `.dockerignore` names.
pub fn read(text: &str, context: &Path, arguments: &Arguments) -> Result<Recipe, DockerfileError> {
    read_last(text, context, arguments, None)
}

/// Reads the last stage as far as that goes without Docker, to look at and not to build: what needs another image, an
/// earlier stage that does, a shell or a network is passed over, and told. What no engine would build is an error here too.
pub fn inspect(text: &str, context: &Path, arguments: &Arguments) -> Result<(Recipe, Vec<Unseen>), DockerfileError> {
    let mut unseen = Vec::new();
    let recipe = read_last(text, context, arguments, Some(&mut unseen))?;
    Ok((recipe, unseen))
}

/// What is wrong with the file itself, also where it cannot be built. Nothing where it cannot even be taken apart.
pub fn findings(text: &str) -> Vec<Finding> {
    source::parse(text).map(|source| rules::findings(&source)).unwrap_or_default()
}

/// Without a place for what is unseen, that is an error.
fn read_last(
    text: &str,
    context: &Path,
    arguments: &Arguments,
    unseen: Option<&mut Vec<Unseen>>,
) -> Result<Recipe, DockerfileError> {
    let whole = |reason: String| source::error(1, "", reason);
    if text.len() as u64 > LARGEST {
        return Err(whole("it is larger than 1 MiB".into()));
    }
    let source = source::parse(text)?;
    let folder =
        context.canonicalize().map_err(|error| whole(format!("the context {}: {error}", context.display())))?;
    let ignore = match scratchdbg_files::read_text(&folder.join(".dockerignore"), LARGEST) {
        Ok(text) => Ignore::parse(&text).map_err(whole)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ignore::default(),
        Err(error) => return Err(whole(format!("cannot read .dockerignore: {error}"))),
    };
    let (global, parsed) = stages::stages(&source)?;
    if let Some(first) = parsed.get(MOST_STAGES) {
        return Err(error(first.from, format!("{} stages, and at most {MOST_STAGES} are read", parsed.len())));
    }
    let last = parsed.len().checked_sub(1).ok_or_else(|| whole("it has no FROM".into()))?;
    let target = parsed[last].name.clone().unwrap_or_else(|| "default".into());
    let mut context = Context {
        folder,
        ignore,
        escape: source.escape,
        budget: Budget::default(),
        arguments: arguments.clone(),
        global: arguments.predefined(&target),
    };
    context.global_arguments(global)?;
    let bases =
        parsed.iter().enumerate().map(|(number, stage)| stages::base(stage, &parsed[..number], &context)).collect();
    let reader = Reader { stages: parsed, bases, context };
    let mut stage = reader.last(last, unseen)?;
    stage.origins.stage = reader.stages[last].from.line;
    stage.spec.fallback_platform = Some(reader.context.arguments.target());
    Ok(Recipe { spec: stage.spec, origins: stage.origins, findings: rules::findings(&source) })
}

fn error(instruction: &Instruction, reason: String) -> DockerfileError {
    source::error(instruction.line, &instruction.beginning(), reason)
}

impl Context {
    fn global_arguments(&mut self, instructions: &[Instruction]) -> Result<(), DockerfileError> {
        for instruction in instructions {
            for word in words::raw_words(&instruction.arguments, self.escape) {
                let (name, default) =
                    word.split_once('=').map_or((word.as_str(), None), |(name, default)| (name, Some(default)));
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
        }
        Ok(())
    }
}

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod tests;
