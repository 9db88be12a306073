//! What of a stage cannot be seen without Docker, for those who look at a Dockerfile and do not build it.

use super::MOST_FINDINGS;
use super::copy::Copy;
use super::error::Refusal;
use super::reader::{Made, Reader};
use super::source::Instruction;
use super::stage::Stage;
use super::{error, health, pattern, rules, run};
use scratchdbg_diagnose::Finding;
use scratchdbg_diagnose::rules::dockerfile;

/// An instruction whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The number of its line, from 1.
    pub line: usize,
    /// Its beginning.
    pub instruction: String,
    /// What it hides.
    pub hidden: Hidden,
}

/// What is not known because of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// The files and the settings of an image that the stage begins with.
    Base(String),
    /// What was copied to these places.
    At(Vec<Place>),
    /// Any file may be anywhere.
    Files,
    /// The line cannot be read: settings may be anything as well.
    Anything,
}

impl Hidden {
    /// Whether there may be something at `path`, an absolute path, that is not known.
    pub fn may_have(&self, path: &str) -> bool {
        match self {
            Self::Base(_) | Self::Files | Self::Anything => true,
            Self::At(places) => places.iter().any(|place| place.may_have(path)),
        }
    }
}

impl Place {
    /// Whether there may be something at `path`: itself, what a folder that was copied there holds, or, where its content went
    /// into the folder around, that.
    pub fn may_have(&self, path: &str) -> bool {
        let is_at_or_below = |root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || root == "/")
        };
        is_at_or_below(&self.path) || (self.into_folder && is_at_or_below(self.folder()) && path != self.folder())
    }

    /// The folder around.
    pub fn folder(&self) -> &str {
        match self.path.rsplit_once('/') {
            None | Some(("", _)) => "/",
            Some((folder, _)) => folder,
        }
    }
}

/// What somebody who looks at a file is told beside what it makes.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) unseen: Vec<Unseen>,
    /// What is wrong with it, by line, with an empty path.
    pub(super) findings: Vec<Finding>,
    /// The number of those that were too many.
    pub(super) left_out: usize,
    /// Whether a stage begins with files that are not known, or has some.
    pub(super) has_unknown_base: bool,
    /// Findings are all that is wanted of a stage: what it copies onto files that are not known is not looked at.
    pub(super) is_for_findings: bool,
}

impl Told {
    /// Adds what is wrong with a line. Each line may be wrong: there is a limit to what anybody reads.
    pub(super) fn find(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// Tells what is not seen.
    pub(super) fn hide(&mut self, instruction: &Instruction, hidden: Hidden) {
        self.has_unknown_base |= matches!(hidden, Hidden::Base(_) | Hidden::Anything);
        self.unseen.push(Unseen { line: instruction.line, instruction: instruction.beginning(), hidden });
    }
}

/// Where something was copied of which only its name is known.
///
/// See [`Place::may_have`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The absolute path, if it is a file.
    pub path: String,
    /// The destination is a folder: if a folder was copied, its content is there, under names that are not known.
    pub into_folder: bool,
}

/// What a look at an instruction gave.
enum Look {
    /// It can be followed as in a build.
    Seen,
    /// It was followed, or matters to nobody who looks.
    Done,
    /// It cannot be followed.
    Hidden(Hidden),
}

impl Reader<'_> {
    /// Follows an instruction of stage `number` as far as that goes.
    pub(super) fn follow(
        &self,
        instruction: &Instruction,
        number: usize,
        stage: &mut Stage,
        made: &Made,
        told: &mut Told,
    ) {
        if instruction.keyword.is_empty() {
            told.hide(instruction, Hidden::Anything);
            return;
        }
        if instruction.keyword == "RUN"
            && let Some(lack) = run::lack(instruction, stage, &told.unseen)
        {
            // The build ends with it: nobody knows what it was to make.
            told.find(rules::run_fails(instruction, &lack));
            told.hide(instruction, Hidden::Files);
            return;
        }
        if let Some(reason) = health::zero(instruction).filter(|_| instruction.keyword == "HEALTHCHECK") {
            told.find(rules::invalid(&error(instruction, reason)));
        }
        let followed = match self.hidden(instruction, number, stage, made, told) {
            Ok(Look::Seen) => self.instruction(instruction, number, stage, made),
            Ok(Look::Done) => Ok(()),
            Ok(Look::Hidden(hidden)) => {
                told.hide(instruction, hidden);
                Ok(())
            }
            Err(refusal) => Err(refusal),
        };
        let Err(refusal) = followed else { return };
        // What it would have changed is not known from here on.
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
            told.hide(instruction, hidden);
        }
        let (line, text) = (instruction.line, instruction.beginning());
        match refusal {
            Refusal::Invalid(reason) | Refusal::Account(reason) => {
                told.find(dockerfile::invalid(line, &text, &reason, None));
            }
            Refusal::Missing(reason) => told.find(dockerfile::source_missing(line, &text, &reason)),
            Refusal::Unsupported(_) => {}
        }
    }

    /// Looks at an instruction of stage `number`.
    fn hidden(
        &self,
        instruction: &Instruction,
        number: usize,
        stage: &mut Stage,
        made: &Made,
        told: &Told,
    ) -> Result<Look, Refusal> {
        let context = &self.context;
        let is_on_image = told.has_unknown_base;
        Ok(match instruction.keyword.as_str() {
            "RUN" => Look::Hidden(Hidden::Files),
            "USER" | "WORKDIR" | "SHELL" if is_on_image => match stage.setting(instruction, context) {
                // Names of users may be known to the image, and so may files that are links.
                Err(_) if instruction.keyword == "WORKDIR" => Look::Hidden(Hidden::Files),
                result => result.map(|()| Look::Done)?,
            },
            "ADD" => {
                let copy = Copy::new(instruction, stage, context);
                match copy.and_then(|copy| copy.refuse_what_add_would_unpack(context)) {
                    Err(Refusal::Unsupported(_)) => Look::Hidden(Hidden::Files),
                    Err(Refusal::Account(_)) if is_on_image => Look::Hidden(Hidden::Files),
                    // What else is wrong is told when it is copied.
                    _ => Look::Seen,
                }
            }
            "COPY" => {
                let copy = match Copy::new(instruction, stage, context) {
                    // Names of users may be known to the image.
                    Err(Refusal::Account(_)) if is_on_image => return Ok(Look::Hidden(Hidden::Files)),
                    copy => copy?,
                };
                let Some(from) = &copy.from else {
                    if told.is_for_findings && is_on_image {
                        copy.resolve(context)?;
                        return Ok(Look::Done);
                    }
                    return Ok(Look::Seen);
                };
                let is_number = from.parse::<i64>().is_ok();
                if self.earlier(from, number).is_none()
                    && (is_number || self.earlier(from, self.stages.len()) == Some(number))
                {
                    return Err(format!("--from={from}: there is no such stage before this one").into());
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
    /// Where each source goes; nothing where that cannot be told.
    fn destinations(&self) -> Option<Vec<Place>> {
        let place = |source: &String| {
            let name =
                source.trim_end_matches('/').rsplit('/').next().filter(|name| !matches!(*name, "" | "." | ".."))?;
            // The content of a folder would go there, and its name not.
            match self.destination().strip_suffix('/') {
                _ if pattern::is_pattern(source) || source.ends_with('/') => None,
                Some(folder) => Some(Place { path: format!("{folder}/{name}"), into_folder: true }),
                None => Some(Place { path: self.destination().to_owned(), into_folder: false }),
            }
        };
        self.sources().iter().map(place).collect()
    }
}
