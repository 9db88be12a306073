//! One stage: what its instructions have set so far.

use super::Context;
use super::words::{self, Variables};
use crate::BuildSpec;
use crate::config::DEFAULT_PATH;
use parse_dockerfile::{Command, Flag, HealthcheckArguments, Instruction, JsonOrStringArray};
use scratchdbg_image::Healthcheck;
use std::collections::BTreeMap;

/// The state of a stage.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) spec: BuildSpec,
    /// `ARG`s that are in force.
    pub(super) arguments: BTreeMap<String, String>,
    /// Whether `CMD` was in this stage: an `ENTRYPOINT` takes an inherited one away.
    own_cmd: bool,
}

impl Default for Stage {
    fn default() -> Self {
        // Docker gives a stage from scratch a PATH, and no user.
        let env = vec![format!("PATH={DEFAULT_PATH}")];
        let spec = BuildSpec { user: String::new(), env, ..BuildSpec::default() };
        Self { spec, arguments: BTreeMap::new(), own_cmd: false }
    }
}

impl Variables for BTreeMap<String, String> {
    fn value(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl Variables for Stage {
    /// `ENV` goes before `ARG`.
    fn value(&self, name: &str) -> Option<String> {
        let env = self.spec.env.iter().find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='));
        env.map(str::to_owned).or_else(|| self.arguments.get(name).cloned())
    }
}

impl Stage {
    /// A stage that begins with an earlier one: arguments are not inherited.
    pub(super) fn continuing(earlier: Self) -> Self {
        Self { spec: earlier.spec, ..Self::default() }
    }

    pub(super) fn into_spec(self) -> BuildSpec {
        self.spec
    }

    /// Every instruction that is neither `COPY`, `ADD` nor `RUN`.
    pub(super) fn setting(&mut self, instruction: &Instruction<'_>, context: &Context) -> Result<(), String> {
        let expand = |stage: &Self, text: &str| words::expand(text, context.escape, stage);
        match instruction {
            Instruction::Arg(arg) => self.argument(&arg.arguments.value, context)?,
            Instruction::Env(env) => {
                for (name, value) in self.pairs(&env.arguments.value, context)? {
                    let variable = format!("{name}={value}");
                    let there = self.spec.env.iter_mut().find(|old| old.split('=').next() == Some(&name));
                    match there {
                        Some(old) => *old = variable,
                        None => self.spec.env.push(variable),
                    }
                }
            }
            Instruction::Label(label) => {
                let pairs = self.pairs(&label.arguments.value, context)?;
                self.spec.labels.extend(pairs);
            }
            Instruction::User(user) => self.spec.user = expand(self, &user.arguments.value)?,
            Instruction::Workdir(workdir) => {
                let path = expand(self, &workdir.arguments.value)?;
                self.spec.workdir = Some(self.absolute(&path));
            }
            Instruction::Expose(expose) => {
                for port in &expose.arguments {
                    let words = words::split(&port.value, context.escape, self)?;
                    self.spec.expose.extend(words);
                }
            }
            Instruction::Volume(volume) => {
                let paths = match &volume.arguments {
                    JsonOrStringArray::Json(paths) => &paths.value[..],
                    JsonOrStringArray::String(paths) => &paths[..],
                };
                for path in paths {
                    let path = expand(self, &path.value)?;
                    self.spec.volumes.push(path);
                }
            }
            Instruction::Stopsignal(signal) => self.spec.stop_signal = Some(expand(self, &signal.arguments.value)?),
            Instruction::Entrypoint(entrypoint) => {
                self.spec.entrypoint = Some(command(&entrypoint.arguments)?);
                if !self.own_cmd {
                    self.spec.cmd = None;
                }
            }
            Instruction::Cmd(cmd) => {
                self.spec.cmd = Some(command(&cmd.arguments)?);
                self.own_cmd = true;
            }
            Instruction::Healthcheck(check) => {
                self.spec.healthcheck = Some(healthcheck(&check.options, &check.arguments)?);
            }
            Instruction::Shell(_) => {
                return Err("an image from scratch has no shell: use the exec form, [\"program\", \"argument\"]".into());
            }
            Instruction::Onbuild(_) => {
                return Err("ONBUILD is for images that others build upon: put the instruction there".into());
            }
            Instruction::Maintainer(_) => {
                return Err("MAINTAINER is deprecated: use LABEL org.opencontainers.image.authors=…".into());
            }
            _ => return Err("scratchdbg does not know this instruction".into()),
        }
        Ok(())
    }

    /// `NAME`, `NAME=DEFAULT`, or several of them.
    pub(super) fn argument(&mut self, text: &str, context: &Context) -> Result<(), String> {
        for word in words::raw_words(text, context.escape) {
            let (name, default) =
                word.split_once('=').map_or((word.as_str(), None), |(name, default)| (name, Some(default)));
            let value = match (context.arguments.get(name), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(words::expand(default, context.escape, self)?),
                (None, None) => context.global.get(name).cloned(),
            };
            if let Some(value) = value {
                self.arguments.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }

    /// A path of the image, seen from the working directory.
    pub(super) fn absolute(&self, path: &str) -> String {
        let workdir = self.spec.workdir.as_deref().unwrap_or("/");
        let joined = if path.starts_with('/') { path.to_owned() } else { format!("{workdir}/{path}") };
        let mut parts = Vec::new();
        for part in joined.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    }

    /// `NAME=VALUE …`, or the old form `NAME VALUE`. All values are expanded with what was set before this instruction.
    fn pairs(&self, text: &str, context: &Context) -> Result<Vec<(String, String)>, String> {
        let words = words::raw_words(text, context.escape);
        let expand = |text: &str| words::expand(text, context.escape, self);
        match &words[..] {
            [name, ..] if !name.contains('=') => {
                let value = text.trim_start().strip_prefix(name.as_str()).unwrap_or_default().trim();
                if value.is_empty() {
                    Err("expected NAME=VALUE".into())
                } else {
                    Ok(vec![(expand(name)?, expand(value)?)])
                }
            }
            words => {
                let pair = |word: &String| {
                    let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}`: expected NAME=VALUE"))?;
                    Ok((expand(name)?, expand(value)?))
                };
                words.iter().map(pair).collect()
            }
        }
    }
}

/// The exec form as it is, the shell form as Docker writes it into the config.
fn command(command: &Command<'_>) -> Result<Vec<String>, String> {
    Ok(match command {
        Command::Exec(words) => words.value.iter().map(|word| word.value.clone().into_owned()).collect(),
        Command::Shell(line) => vec!["/bin/sh".into(), "-c".into(), line.value.to_owned()],
        _ => return Err("scratchdbg does not know this form of a command".into()),
    })
}

fn healthcheck(options: &[Flag<'_>], arguments: &HealthcheckArguments<'_>) -> Result<Healthcheck, String> {
    let mut check = Healthcheck::default();
    for option in options {
        let value = option.value.as_ref().map(|value| value.value.as_ref()).unwrap_or_default();
        let duration = || {
            let duration: jiff::SignedDuration =
                value.parse().map_err(|_| format!("`{value}` is not a duration, as in 30s"))?;
            i64::try_from(duration.as_nanos()).map(Some).map_err(|_| format!("`{value}` is too long"))
        };
        match option.name.value.as_ref() {
            "interval" => check.interval = duration()?,
            "timeout" => check.timeout = duration()?,
            "start-period" => check.start_period = duration()?,
            "start-interval" => check.start_interval = duration()?,
            "retries" => {
                check.retries = Some(value.parse().map_err(|_| format!("`{value}` is not a number of retries"))?);
            }
            other => return Err(format!("--{other} is no option of HEALTHCHECK")),
        }
    }
    check.test = Some(match arguments {
        HealthcheckArguments::None { .. } => vec!["NONE".into()],
        HealthcheckArguments::Cmd { arguments: Command::Exec(words), .. } => {
            let words = words.value.iter().map(|word| word.value.clone().into_owned());
            std::iter::once("CMD".to_owned()).chain(words).collect()
        }
        HealthcheckArguments::Cmd { arguments: Command::Shell(_), .. } => {
            return Err(
                "the shell form needs /bin/sh, which the image does not have: write CMD [\"/program\", \"argument\"]"
                    .into(),
            );
        }
        _ => return Err("scratchdbg does not know this form".into()),
    });
    Ok(check)
}
