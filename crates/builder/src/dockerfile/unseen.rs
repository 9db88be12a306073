//! The parts of a stage that cannot be known without Docker, for inspecting a Dockerfile without
//! building it.

use scratchdbg_diagnose::Finding;
use scratchdbg_diagnose::rules::dockerfile;

use super::MOST_FINDINGS;
use super::copy::Copy;
use super::error::Refusal;
use super::reader::{Made, Reader};
use super::source::Instruction;
use super::stage::Stage;
use super::{error, health, pattern, rules, run};

/// An instruction with an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The line number, from 1.
    pub line: usize,
    /// The beginning of the line.
    pub instruction: String,
    /// What remains unknown.
    pub hidden: Hidden,
}

/// What remains unknown because of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// The files and the settings of the stage's base image.
    Base(String),
    /// The files that were copied to these places.
    At(Vec<Place>),
    /// Any file may be anywhere.
    Files,
    /// The line cannot be parsed: settings are unknown as well.
    Anything,
}

impl Hidden {
    /// Reports whether there may be an unknown file at the absolute `path`.
    pub fn may_have(&self, path: &str) -> bool {
        match self {
            Self::Base(_) | Self::Files | Self::Anything => true,
            Self::At(places) => places.iter().any(|place| place.may_have(path)),
        }
    }
}

impl Place {
    /// Reports whether there may be something at `path`: the copied file itself, the contents of a
    /// copied directory, or, if its contents were put into the enclosing directory, those.
    pub fn may_have(&self, path: &str) -> bool {
        let is_at_or_below = |root: &str| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || root == "/")
        };
        is_at_or_below(&self.path)
            || (self.into_folder && is_at_or_below(self.folder()) && path != self.folder())
    }

    /// Returns the enclosing directory.
    pub fn folder(&self) -> &str {
        match self.path.rsplit_once('/') {
            None | Some(("", _)) => "/",
            Some((folder, _)) => folder,
        }
    }
}

/// What an inspection reports besides the result.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) unseen: Vec<Unseen>,
    /// The problems, by line, with an empty path.
    pub(super) findings: Vec<Finding>,
    /// The number of findings that were too many.
    pub(super) left_out: usize,
    /// Whether a stage begins with unknown files, or contains some.
    pub(super) has_unknown_base: bool,
    /// Whether only findings are needed from a stage: copies over unknown files are not inspected.
    pub(super) is_for_findings: bool,
}

impl Notes {
    /// Adds a problem of a line, up to a limit.
    pub(super) fn find(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// Reports what remains unknown.
    pub(super) fn hide(&mut self, instruction: &Instruction, hidden: Hidden) {
        self.has_unknown_base |= matches!(hidden, Hidden::Base(_) | Hidden::Anything);
        self.unseen.push(Unseen {
            line: instruction.line,
            instruction: instruction.beginning(),
            hidden,
        });
    }
}

/// The destination of a copy of which only the name is known.
///
/// See [`Place::may_have`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The absolute path, if it is a file.
    pub path: String,
    /// Whether the destination is a directory: if a directory was copied, its contents are there,
    /// under unknown names.
    pub into_folder: bool,
}

/// The result of inspecting an instruction.
enum Look {
    /// It can be executed as in a build.
    Seen,
    /// It was executed, or does not matter for an inspection.
    Done,
    /// It cannot be executed.
    Hidden(Hidden),
}

impl Reader<'_> {
    /// Executes an instruction of stage `number` as far as possible.
    pub(super) fn follow(
        &self,
        instruction: &Instruction,
        number: usize,
        stage: &mut Stage,
        made: &Made,
        notes: &mut Notes,
    ) {
        if instruction.keyword.is_empty() {
            notes.hide(instruction, Hidden::Anything);
            return;
        }
        if instruction.keyword == "RUN"
            && let Some(lack) = run::lack(instruction, stage, &notes.unseen)
        {
            // The build fails here: nobody knows what it was supposed to create.
            notes.find(rules::run_fails(instruction, &lack));
            notes.hide(instruction, Hidden::Files);
            return;
        }
        if let Some(reason) =
            health::zero(instruction).filter(|_| instruction.keyword == "HEALTHCHECK")
        {
            notes.find(rules::invalid(&error(instruction, reason)));
        }
        let followed = match self.hidden(instruction, number, stage, made, notes) {
            Ok(Look::Seen) => self.instruction(instruction, number, stage, made),
            Ok(Look::Done) => Ok(()),
            Ok(Look::Hidden(hidden)) => {
                notes.hide(instruction, hidden);
                Ok(())
            }
            Err(refusal) => Err(refusal),
        };
        let Err(refusal) = followed else { return };
        // What it would have changed is unknown from here on.
        let hidden = match instruction.keyword.as_str() {
            "COPY" | "ADD" => {
                let copy = Copy::new(instruction, stage, &self.context).ok();
                Some(copy.and_then(|copy| copy.destinations()).map_or(Hidden::Files, Hidden::At))
            }
            "ARG" | "CMD" | "ENTRYPOINT" | "ENV" | "USER" | "WORKDIR" => Some(Hidden::Anything),
            _ => None,
        };
        match instruction.keyword.as_str() {
            "CMD" => stage.spec.cmd = None,
            "ENTRYPOINT" => (stage.spec.entrypoint, stage.spec.cmd) = (None, None),
            "USER" => stage.spec.user.clear(),
            "WORKDIR" => stage.spec.workdir = Some("/".into()),
            _ => {}
        }
        if let Some(hidden) = hidden {
            notes.hide(instruction, hidden);
        }
        let (line, text) = (instruction.line, instruction.beginning());
        match refusal {
            Refusal::Invalid(reason) | Refusal::Account(reason) => {
                notes.find(dockerfile::invalid(line, &text, &reason, None));
            }
            Refusal::Missing(reason) => {
                notes.find(dockerfile::source_missing(line, &text, &reason));
            }
            Refusal::Unsupported(_) => {}
        }
    }

    /// Inspects an instruction of stage `number`.
    fn hidden(
        &self,
        instruction: &Instruction,
        number: usize,
        stage: &mut Stage,
        made: &Made,
        notes: &Notes,
    ) -> Result<Look, Refusal> {
        let context = &self.context;
        let is_on_image = notes.has_unknown_base;
        Ok(match instruction.keyword.as_str() {
            "RUN" => Look::Hidden(Hidden::Files),
            "USER" | "WORKDIR" | "SHELL" if is_on_image => {
                match stage.setting(instruction, context) {
                    // The image may know names of users, and so may files that are links.
                    Err(_) if instruction.keyword == "WORKDIR" => Look::Hidden(Hidden::Files),
                    result => result.map(|()| Look::Done)?,
                }
            }
            "ADD" => {
                let copy = Copy::new(instruction, stage, context);
                match copy.and_then(|copy| copy.refuse_what_add_would_unpack(context)) {
                    Err(Refusal::Unsupported(_)) => Look::Hidden(Hidden::Files),
                    Err(Refusal::Account(_)) if is_on_image => Look::Hidden(Hidden::Files),
                    // Other problems are reported when it is copied.
                    _ => Look::Seen,
                }
            }
            "COPY" => {
                let copy = match Copy::new(instruction, stage, context) {
                    // The image may know names of users.
                    Err(Refusal::Account(_)) if is_on_image => {
                        return Ok(Look::Hidden(Hidden::Files));
                    }
                    copy => copy?,
                };
                let Some(from) = &copy.from else {
                    if notes.is_for_findings && is_on_image {
                        copy.resolve(context)?;
                        return Ok(Look::Done);
                    }
                    return Ok(Look::Seen);
                };
                let is_number = from.parse::<i64>().is_ok();
                if self.earlier(from, number).is_none()
                    && (is_number || self.earlier(from, self.stages.len()) == Some(number))
                {
                    return Err(
                        format!("--from={from}: there is no such stage before this one").into()
                    );
                }
                match self.earlier(from, number).and_then(|earlier| made.get(&earlier)) {
                    Some(Ok(_)) => Look::Seen,
                    _ => Look::Hidden(copy.destinations().map_or(Hidden::Files, Hidden::At)),
                }
            }
            _ => Look::Seen,
        })
    }
}

impl Copy {
    /// Returns the destination of each source, or `None` if one cannot be determined.
    fn destinations(&self) -> Option<Vec<Place>> {
        let place = |source: &String| {
            let name = source
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .filter(|name| !matches!(*name, "" | "." | ".."))?;
            // For a directory, its contents and not its name would be at the destination.
            match self.destination().strip_suffix('/') {
                _ if pattern::is_pattern(source) || source.ends_with('/') => None,
                Some(folder) => Some(Place { path: format!("{folder}/{name}"), into_folder: true }),
                None => Some(Place { path: self.destination().to_owned(), into_folder: false }),
            }
        };
        self.sources().iter().map(place).collect()
    }
}
