//! Builds stages in the order of the file.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Refusal;
use super::source::Instruction;
use super::stage::Stage;
use super::stages::{Base, Parsed};
use super::unseen::{Hidden, Notes};
use super::{Context, DockerfileError, array, copy, error, health, rules, source};
use crate::links;

/// The parsed file, and the inputs of its stages.
pub(super) struct Reader<'a> {
    pub(super) stages: Vec<Parsed<'a>>,
    pub(super) bases: Vec<Result<Base, DockerfileError>>,
    pub(super) context: Context,
}

/// Stages that were built, or their errors, by number.
pub(super) type Made = BTreeMap<usize, Result<Stage, DockerfileError>>;

impl Reader<'_> {
    /// Builds the last stage, and before it all stages that it needs, in the order of the file. No
    /// stage is built twice, and a long chain of stages needs no deep recursion.
    pub(super) fn last(
        &self,
        last: usize,
        notes: Option<&mut Notes>,
    ) -> Result<Stage, DockerfileError> {
        let mut made = Made::new();
        let Some(notes) = notes else {
            for number in self.needed(BTreeSet::from([last])) {
                let stage = self.stage(number, &made);
                made.insert(number, stage);
            }
            let made = made
                .remove(&last)
                .unwrap_or_else(|| Err(source::error(1, "", "there is no such stage".into())));
            let stage = made?;
            shell_is_there(&self.stages[last], &stage)?;
            return Ok(stage);
        };
        let mut chain = vec![last];
        while let Some(Ok(Base::Stage(number))) =
            chain.last().and_then(|number| self.bases.get(*number))
        {
            chain.push(*number);
        }
        // Engines build every stage, or those that are needed.
        for number in 0..last {
            let mut own = Notes { is_for_findings: true, ..Notes::default() };
            let base = match self.bases[number] {
                Ok(Base::Stage(base)) => made.get(&base).and_then(|stage| stage.as_ref().ok()),
                _ => None,
            };
            let stage = self.look(number, base, &made, &mut own);
            let is_whole = own.unseen.is_empty() && own.findings.is_empty();
            for finding in own.findings {
                notes.find(finding);
            }
            notes.left_out += own.left_out;
            let unknown =
                || Err(error(self.stages[number].from, "not all of it can be seen".into()));
            made.insert(number, if is_whole { Ok(stage) } else { unknown() });
        }
        let mut stage = Stage::default();
        for (index, number) in chain.into_iter().rev().enumerate() {
            let base = if index == 0 { None } else { Some(&stage) };
            stage = self.look(number, base, &made, notes);
        }
        Ok(stage)
    }

    /// Returns these stages and all stages that they depend on.
    fn needed(&self, start: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut left: Vec<usize> = start.into_iter().collect();
        while let Some(number) = left.pop() {
            if needed.insert(number) {
                left.extend(self.sources(number));
                if let Ok(Base::Stage(base)) = self.bases[number] {
                    left.push(base);
                }
            }
        }
        needed
    }

    /// Returns the earlier stages that a stage copies from.
    fn sources(&self, number: usize) -> Vec<usize> {
        let instructions = self.stages[number].instructions.iter();
        let flags = instructions
            .filter(|instruction| matches!(instruction.keyword.as_str(), "COPY" | "ONBUILD"));
        let words = flags.flat_map(|instruction| {
            let trigger = instruction.trigger(self.context.escape);
            instruction.flags.iter().cloned().chain(trigger.flags).collect::<Vec<_>>()
        });
        words.filter_map(|flag| self.earlier(flag.strip_prefix("--from=")?, number)).collect()
    }

    /// Builds a stage.
    fn stage(&self, number: usize, made: &Made) -> Result<Stage, DockerfileError> {
        let parsed = &self.stages[number];
        let mut stage = match self.bases[number].clone()? {
            Base::Scratch => Stage::default(),
            Base::Stage(base) => match made.get(&base) {
                Some(Ok(base)) => Stage::continuing(base, &self.context)
                    .map_err(|reason| error(parsed.from, reason))?,
                Some(Err(error)) => return Err(error.clone()),
                None => return Err(error(parsed.from, "the stage before it was not made".into())),
            },
            Base::Image(image) => {
                let reason = format!(
                    "scratchdbg fetches no images, and {image} is one: build this stage with Docker, take the file that \
                     it makes out of it, and COPY that into a last stage that is FROM scratch"
                );
                return Err(error(parsed.from, reason));
            }
            Base::Unknown => {
                return Err(error(parsed.from, "what it begins with cannot be read".into()));
            }
        };
        for instruction in triggers(parsed, &mut stage).iter().chain(parsed.instructions) {
            let made = self.instruction(instruction, number, &mut stage, made);
            made.map_err(|refusal| error(instruction, refusal.reason()))?;
        }
        Ok(stage)
    }

    /// Inspects a stage: anything that cannot be known is skipped and reported.
    fn look(&self, number: usize, base: Option<&Stage>, made: &Made, notes: &mut Notes) -> Stage {
        let parsed = &self.stages[number];
        let mut stage = Stage::default();
        let mut hidden = None;
        match (&self.bases[number], base) {
            (Ok(Base::Stage(_)), Some(base)) => match Stage::continuing(base, &self.context) {
                Ok(continuing) => stage = continuing,
                Err(reason) => notes.find(rules::invalid(&error(parsed.from, reason))),
            },
            (Ok(Base::Image(image)), _) => hidden = Some(Hidden::Base(image.clone())),
            // The base is a stage that could not be built.
            (Ok(Base::Unknown), _) | (Ok(Base::Stage(_)), None) => hidden = Some(Hidden::Anything),
            (Ok(Base::Scratch), _) => {}
            (Err(error), _) => {
                notes.find(rules::invalid(error));
                hidden = Some(Hidden::Anything);
            }
        }
        if let Some(hidden) = hidden {
            notes.hide(parsed.from, hidden);
        }
        for instruction in triggers(parsed, &mut stage).iter().chain(parsed.instructions) {
            self.follow(instruction, number, &mut stage, made, notes);
        }
        stage
    }

    pub(super) fn instruction(
        &self,
        instruction: &Instruction,
        number: usize,
        stage: &mut Stage,
        made: &Made,
    ) -> Result<(), Refusal> {
        let context = &self.context;
        match instruction.keyword.as_str() {
            "COPY" => {
                let copy = copy::Copy::new(instruction, stage, context)?;
                match copy.from.clone() {
                    None => copy.local(stage, context),
                    Some(from) => match self.earlier(&from, number).and_then(|earlier| made.get(&earlier)) {
                        Some(Ok(source)) => copy.stage_files(stage, &source.spec.files, context),
                        Some(Err(error)) => Err(format!(
                            "the stage `{from}` cannot be made without Docker (line {}: {})",
                            error.line, error.reason
                        )
                        .into()),
                        None => Err(self.no_stage(&from).into()),
                    },
                }
            }
            "ADD" => {
                let copy = copy::Copy::new(instruction, stage, context)?;
                copy.refuse_what_add_would_unpack(context)?;
                copy.local(stage, context)
            }
            "RUN" => Err(
                "RUN needs a shell and an engine: do this in a stage that you build with Docker, or before, and COPY the result"
                    .into(),
            ),
            _ => Ok(stage.setting(instruction, context)?),
        }
    }

    fn no_stage(&self, from: &str) -> String {
        let is_later = self.earlier(from, self.stages.len()).is_some();
        if is_later || from.bytes().all(|byte| byte.is_ascii_digit()) {
            return format!("--from={from}: there is no such stage before this one");
        }
        format!(
            "scratchdbg fetches no images, and {from} is one: take the file out of it with Docker, and COPY it"
        )
    }

    /// Returns an earlier stage by its name or number.
    pub(super) fn earlier(&self, name: &str, before: usize) -> Option<usize> {
        let named = |stage: &Parsed<'_>| {
            stage.name.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(name))
        };
        let number = || name.parse().ok().filter(|number| *number < before);
        self.stages[..before].iter().rposition(named).or_else(number)
    }
}

/// Returns the instructions that the base stage left by `ONBUILD`, with the line of the `FROM`.
fn triggers(parsed: &Parsed<'_>, stage: &mut Stage) -> Vec<Instruction> {
    let left = std::mem::take(&mut stage.spec.on_build);
    let read = |text: String| {
        let source = Some(source::parse(&text)).filter(|source| source.errors.is_empty())?;
        let first = source.instructions.into_iter().next()?;
        Some(Instruction { line: parsed.from.line, ..first })
    };
    left.into_iter().filter_map(read).collect()
}

/// Checks that the image has the shell for a health check in shell form or a `SHELL`.
fn shell_is_there(parsed: &Parsed<'_>, stage: &Stage) -> Result<(), DockerfileError> {
    let shell = stage
        .spec
        .shell
        .as_ref()
        .and_then(|words| words.first().map(String::as_str))
        .unwrap_or("/bin/sh");
    let has_shell = links::real_path(&stage.spec.files, shell)
        .is_ok_and(|path| stage.spec.files.get(&path).is_some());
    let line_of = |keyword: &str| {
        let line = stage.origins.setting(keyword);
        parsed.instructions.iter().find(|instruction| Some(instruction.line) == line)
    };
    if has_shell {
        return Ok(());
    }
    if let Some(instruction) = line_of("SHELL") {
        let reason =
            "an image from scratch has no shell: use the exec form, [\"program\", \"argument\"]";
        return Err(error(instruction, reason.into()));
    }
    let test = stage.spec.healthcheck.as_ref().and_then(|check| check.test.as_ref());
    match line_of("HEALTHCHECK") {
        Some(instruction) if test.is_some_and(|test| test[0] == "CMD-SHELL") => {
            let reason = array::advice(&health::command(instruction)).unwrap_or_else(|| {
                "the shell form needs /bin/sh, which the image does not have: write CMD [\"/program\", \"argument\"]"
                    .into()
            });
            Err(error(instruction, reason))
        }
        _ => Ok(()),
    }
}
