//! Reading a Dockerfile whose last stage begins at `FROM scratch`, without running anything.
//!
//! `COPY` and `ADD` of local files and all settings are understood as `docker build` understands them. What would need a
//! shell, a network or another image is refused with the line, the reason and the way out. Files get the modes 0755 and
//! 0644 where `--chmod` says nothing, because those on disk depend on the umask of whoever checked them out, and everything
//! becomes one layer.

mod copy;
mod error;
mod pattern;
mod stage;
mod unseen;
mod words;

pub use error::DockerfileError;
pub use unseen::{Hidden, Place, Unseen};

use crate::BuildSpec;
use parse_dockerfile::{Dockerfile, Instruction};
use pattern::Ignore;
use stage::Stage;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The size in bytes up to which a Dockerfile, or a `.dockerignore`, is read.
pub const LARGEST: u64 = 1024 * 1024;

/// What stages are made from.
struct Context {
    /// The folder that sources lie in, without symbolic links.
    folder: PathBuf,
    ignore: Ignore,
    escape: char,
    /// Values for `ARG`s, from the command line.
    arguments: BTreeMap<String, String>,
    /// Values of `ARG`s before the first `FROM`.
    global: BTreeMap<String, String>,
}

/// Reads the Dockerfile `text`. Sources are looked for in the folder `context`, less what its `.dockerignore` names;
/// `arguments` are the values for `ARG`. The spec that comes back has the files and settings of the last stage; names, twin
/// and storage are the caller's to fill in.
pub fn read(text: &str, context: &Path, arguments: &BTreeMap<String, String>) -> Result<BuildSpec, DockerfileError> {
    read_last(text, context, arguments, None)
}

/// Reads the last stage as far as that goes without Docker, to look at and not to build: what needs another image, an
/// earlier stage that does, a shell or a network is passed over, and told. What no engine would build is an error here too.
pub fn inspect(
    text: &str,
    context: &Path,
    arguments: &BTreeMap<String, String>,
) -> Result<(BuildSpec, Vec<Unseen>), DockerfileError> {
    let mut unseen = Vec::new();
    let spec = read_last(text, context, arguments, Some(&mut unseen))?;
    Ok((spec, unseen))
}

/// Without a place for what is unseen, that is an error.
fn read_last(
    text: &str,
    context: &Path,
    arguments: &BTreeMap<String, String>,
    unseen: Option<&mut Vec<Unseen>>,
) -> Result<BuildSpec, DockerfileError> {
    let whole = |reason: String| DockerfileError { line: 1, instruction: String::new(), reason };
    if text.len() as u64 > LARGEST {
        return Err(whole("it is larger than 1 MiB".into()));
    }
    let dockerfile = parse_dockerfile::parse(text).map_err(|error| DockerfileError {
        line: error.line().max(1),
        instruction: String::new(),
        reason: error.to_string(),
    })?;
    let folder =
        context.canonicalize().map_err(|error| whole(format!("the context {}: {error}", context.display())))?;
    let ignore = match scratchdbg_files::read_text(&folder.join(".dockerignore"), LARGEST) {
        Ok(text) => Ignore::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ignore::default(),
        Err(error) => return Err(whole(format!("cannot read .dockerignore: {error}"))),
    };
    let escape = dockerfile.parser_directives.escape.as_ref().map_or('\\', |directive| directive.value.value);
    let mut context = Context { folder, ignore, escape, arguments: arguments.clone(), global: BTreeMap::new() };
    let reader = Reader { text, dockerfile: &dockerfile };
    reader.global_arguments(&mut context)?;
    let last = dockerfile.stages().len().checked_sub(1).ok_or_else(|| whole("it has no FROM".into()))?;
    Ok(reader.stage(last, &context, unseen)?.into_spec())
}

/// The parsed file, and where its lines are.
struct Reader<'a, 'text> {
    text: &'a str,
    dockerfile: &'a Dockerfile<'text>,
}

impl Reader<'_, '_> {
    fn global_arguments(&self, context: &mut Context) -> Result<(), DockerfileError> {
        for argument in self.dockerfile.global_args() {
            let mut stage = Stage::default();
            let declared = stage.argument(&argument.arguments.value, context);
            declared.map_err(|reason| self.error(argument.arg.span.start, reason))?;
            context.global.extend(stage.arguments);
        }
        Ok(())
    }

    /// The stage with this number, and those that it begins with.
    fn stage(
        &self,
        number: usize,
        context: &Context,
        mut unseen: Option<&mut Vec<Unseen>>,
    ) -> Result<Stage, DockerfileError> {
        let Some(parsed) = self.dockerfile.stages().nth(number) else {
            return Err(self.error(0, "there is no such stage".into()));
        };
        let at = parsed.from.from.span.start;
        let image = words::expand(&parsed.from.image.value, context.escape, &context.global)
            .map_err(|reason| self.error(at, reason))?;
        let mut stage = match self.earlier(&image, number) {
            Some(earlier) => Stage::continuing(self.stage(earlier, context, unseen.as_deref_mut())?),
            None if image == "scratch" => Stage::default(),
            None => match &mut unseen {
                Some(unseen) => {
                    unseen.push(self.unseen(at, Hidden::Base(image)));
                    Stage::default()
                }
                None => {
                    let reason = format!(
                        "scratchdbg fetches no images, and {image} is one: build this stage with Docker, take the file that \
                         it makes out of it, and COPY that into a last stage that is FROM scratch"
                    );
                    return Err(self.error(at, reason));
                }
            },
        };
        for instruction in parsed.instructions {
            if let Some(unseen) = unseen.as_deref_mut() {
                let is_on_image = unseen.iter().any(|other| matches!(other.hidden, Hidden::Base(_)));
                let hidden = self.hidden(instruction, number, &mut stage, context, is_on_image);
                match hidden.map_err(|reason| self.error(start(instruction), reason))? {
                    unseen::Look::Seen => {}
                    unseen::Look::Done => continue,
                    unseen::Look::Hidden(hidden) => {
                        unseen.push(self.unseen(start(instruction), hidden));
                        continue;
                    }
                }
            }
            self.instruction(instruction, number, &mut stage, context)
                .map_err(|reason| self.error(start(instruction), reason))?;
        }
        Ok(stage)
    }

    fn instruction(
        &self,
        instruction: &Instruction<'_>,
        number: usize,
        stage: &mut Stage,
        context: &Context,
    ) -> Result<(), String> {
        match instruction {
            Instruction::Copy(copy) => {
                let copy = copy::Copy::new(&copy.options, &copy.src, &copy.dest, stage, context)?;
                match copy.from.clone() {
                    None => copy.local(stage, context),
                    Some(from) => match self.earlier(&from, number) {
                        Some(earlier) => {
                            let source = self.stage(earlier, context, None).map_err(|error| {
                                format!("the stage `{from}` cannot be made without Docker (line {}: {})", error.line, error.reason)
                            })?;
                            copy.stage_files(stage, &source.spec.files)
                        }
                        None => Err(format!(
                            "scratchdbg fetches no images, and {from} is one: take the file out of it with Docker, and COPY it"
                        )),
                    },
                }
            }
            Instruction::Add(add) => {
                let copy = copy::Copy::new(&add.options, &add.src, &add.dest, stage, context)?;
                copy.refuse_what_add_would_unpack(context)?;
                copy.local(stage, context)
            }
            Instruction::Run(_) => Err(
                "RUN needs a shell and an engine: do this in a stage that you build with Docker, or before, and COPY the result"
                    .into(),
            ),
            other => stage.setting(other, context),
        }
    }

    /// An earlier stage by its name or number.
    fn earlier(&self, name: &str, before: usize) -> Option<usize> {
        let named =
            self.dockerfile.stages().take(before).position(|stage| {
                stage.from.as_.as_ref().is_some_and(|(_, alias)| alias.value.eq_ignore_ascii_case(name))
            });
        named.or_else(|| name.parse().ok().filter(|number| *number < before))
    }

    fn error(&self, at: usize, reason: String) -> DockerfileError {
        let (line, instruction) = self.place(at);
        DockerfileError { line, instruction, reason }
    }

    /// The number of the line at this byte, and its beginning.
    fn place(&self, at: usize) -> (usize, String) {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        let instruction = self.text.lines().nth(line - 1).unwrap_or_default().trim().chars().take(80).collect();
        (line, instruction)
    }
}

/// Where an instruction begins.
fn start(instruction: &Instruction<'_>) -> usize {
    match instruction {
        Instruction::Add(i) => i.add.span.start,
        Instruction::Arg(i) => i.arg.span.start,
        Instruction::Cmd(i) => i.cmd.span.start,
        Instruction::Copy(i) => i.copy.span.start,
        Instruction::Entrypoint(i) => i.entrypoint.span.start,
        Instruction::Env(i) => i.env.span.start,
        Instruction::Expose(i) => i.expose.span.start,
        Instruction::From(i) => i.from.span.start,
        Instruction::Healthcheck(i) => i.healthcheck.span.start,
        Instruction::Label(i) => i.label.span.start,
        Instruction::Maintainer(i) => i.maintainer.span.start,
        Instruction::Onbuild(i) => i.onbuild.span.start,
        Instruction::Run(i) => i.run.span.start,
        Instruction::Shell(i) => i.shell.span.start,
        Instruction::Stopsignal(i) => i.stopsignal.span.start,
        Instruction::User(i) => i.user.span.start,
        Instruction::Volume(i) => i.volume.span.start,
        Instruction::Workdir(i) => i.workdir.span.start,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
