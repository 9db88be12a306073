//! One stage: the result of its instructions so far.

use std::collections::BTreeMap;

use scratchdbg_diagnose::rootfs::normalize;
use scratchdbg_image::{Entry, Node, Tree};

use super::source::Instruction;
use super::words::{self, Variables};
use super::{Context, Origins, accounts, array, health, ports};
use crate::config::DEFAULT_PATH;
use crate::{BuildSpec, links};

/// The state of a stage.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) spec: BuildSpec,
    /// The lines that the settings and files come from.
    pub(super) origins: Origins,
    /// The values of variables: each `ARG` and `ENV` so far. The last one with a name counts.
    scope: BTreeMap<String, String>,
    /// The index of each variable in the environment, which may be large.
    places: BTreeMap<String, usize>,
    /// Whether this stage has a `CMD`. If not, an `ENTRYPOINT` removes the inherited one.
    own_cmd: bool,
}

impl Default for Stage {
    fn default() -> Self {
        // BuildKit gives a stage from scratch a PATH and a working directory, and no user.
        let path = DEFAULT_PATH.to_owned();
        let env = vec![format!("PATH={path}")];
        let spec = BuildSpec {
            user: String::new(),
            env,
            workdir: Some("/".into()),
            ..BuildSpec::default()
        };
        let scope = BTreeMap::from([("PATH".to_owned(), path)]);
        let places = BTreeMap::from([("PATH".to_owned(), 0)]);
        Self { spec, origins: Origins::default(), scope, places, own_cmd: false }
    }
}

impl Variables for BTreeMap<String, String> {
    fn value(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl Variables for Stage {
    fn value(&self, name: &str) -> Option<String> {
        self.scope.get(name).cloned()
    }
}

impl Stage {
    /// Returns a stage that begins with an earlier one. Its arguments are inherited as well.
    pub(super) fn continuing(earlier: &Self, context: &Context) -> Result<Self, String> {
        let values = earlier.scope.values().chain(earlier.spec.labels.values());
        context.budget.text(values.map(String::len).sum())?;
        context.budget.files(&earlier.spec.files)?;
        Ok(Self { own_cmd: false, ..earlier.clone() })
    }

    /// Executes an instruction other than `COPY`, `ADD` and `RUN`.
    pub(super) fn setting(
        &mut self,
        instruction: &Instruction,
        context: &Context,
    ) -> Result<(), String> {
        let arguments = instruction.arguments.as_str();
        let line = instruction.line;
        let keyword = instruction.keyword.as_str();
        if keyword != "HEALTHCHECK" {
            no_flags(instruction)?;
        }
        if arguments.is_empty() && !matches!(keyword, "CMD" | "ENTRYPOINT") {
            return Err(format!("{keyword} needs an argument"));
        }
        let expand =
            |stage: &Self| words::expand(arguments, context.escape, stage, &context.budget);
        self.origins.note(keyword, line);
        match keyword {
            "ARG" => self.argument(arguments, context)?,
            "ENV" => {
                for (name, value) in self.pairs(arguments, context)? {
                    self.origins.env.insert(name.clone(), line);
                    self.scope.insert(name.clone(), value.clone());
                    let variable = format!("{name}={value}");
                    match self.places.get(&name) {
                        Some(&place) => self.spec.env[place] = variable,
                        None => {
                            self.places.insert(name, self.spec.env.len());
                            self.spec.env.push(variable);
                        }
                    }
                }
            }
            "LABEL" => {
                let pairs = self.pairs(arguments, context)?;
                self.spec.labels.extend(pairs);
            }
            "USER" => self.spec.user = expand(self)?,
            "WORKDIR" => {
                let path = expand(self)?;
                if path.is_empty() {
                    return Err(format!("WORKDIR needs a path, and {arguments} is empty here"));
                }
                self.working_directory(&path, line, context)?;
            }
            "EXPOSE" => {
                for word in arguments.split_ascii_whitespace() {
                    let ports = words::expand(word, context.escape, self, &context.budget)?;
                    // A variable may contain several ports, or none.
                    let ports = ports
                        .split_ascii_whitespace()
                        .map(ports::exposed)
                        .collect::<Result<Vec<_>, _>>()?;
                    self.spec.expose.extend(ports);
                }
            }
            "VOLUME" => {
                let paths = match array::strict(instruction)? {
                    Some(paths) => paths,
                    None => arguments.split_ascii_whitespace().map(str::to_owned).collect(),
                };
                for path in paths {
                    let path = words::expand(path.trim(), context.escape, self, &context.budget)?;
                    if path.is_empty() {
                        return Err("a volume needs a path".into());
                    }
                    self.spec.volumes.push(path);
                }
            }
            "STOPSIGNAL" => {
                let signal = expand(self)?;
                if signal.is_empty() {
                    return Err(format!(
                        "STOPSIGNAL needs a signal, and {arguments} is empty here"
                    ));
                }
                self.spec.stop_signal = Some(signal);
            }
            "ENTRYPOINT" => {
                let command = self.command(instruction)?;
                self.spec.entrypoint = (!command.is_empty()).then_some(command);
                if !self.own_cmd {
                    self.spec.cmd = None;
                    self.origins.forget("CMD");
                }
            }
            "CMD" => {
                self.spec.cmd = Some(self.command(instruction)?);
                self.own_cmd = true;
            }
            "HEALTHCHECK" => self.spec.healthcheck = Some(health::read(instruction)?),
            "SHELL" => match array::strict(instruction)? {
                Some(words) if !words.is_empty() => self.spec.shell = Some(words),
                _ => {
                    let reason = "SHELL takes a JSON array, as in [\"/bin/bash\", \"-c\"]";
                    return Err(array::advice(instruction).unwrap_or_else(|| reason.to_owned()));
                }
            },
            "ONBUILD" => {
                let trigger = instruction.trigger(context.escape);
                match trigger.keyword.as_str() {
                    "ONBUILD" | "FROM" | "MAINTAINER" => {
                        return Err(format!("{} cannot be a trigger of ONBUILD", trigger.keyword));
                    }
                    known if super::KEYWORDS.contains(&known) => {
                        self.spec.on_build.push(trigger_text(instruction));
                    }
                    other => return Err(format!("{other} is no instruction")),
                }
            }
            "MAINTAINER" => self.spec.author = Some(expand(self)?),
            _ => return Err("scratchdbg does not know this instruction".into()),
        }
        Ok(())
    }

    /// Handles `NAME`, `NAME=DEFAULT`, or several of them.
    pub(super) fn argument(&mut self, text: &str, context: &Context) -> Result<(), String> {
        for word in words::raw_words(text, context.escape) {
            let (name, default) = word
                .split_once('=')
                .map_or((word.as_str(), None), |(name, default)| (name, Some(default)));
            if name.is_empty() {
                return Err(format!("`{word}` has no name: expected NAME or NAME=DEFAULT"));
            }
            let value = match (context.arguments.values.get(name), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => {
                    Some(words::expand(default, context.escape, self, &context.budget)?)
                }
                (None, None) => context.global.get(name).cloned(),
            };
            // A variable of ENV keeps its value, whatever a later ARG with its name says.
            if let Some(value) = value.filter(|_| !self.places.contains_key(name)) {
                self.scope.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }

    /// Creates the working directory. As in BuildKit, it and its missing parents belong to the
    /// current user.
    fn working_directory(
        &mut self,
        path: &str,
        line: usize,
        context: &Context,
    ) -> Result<(), String> {
        let path = self.absolute(path);
        context.budget.path(&self.spec.files, &path)?;
        let real = links::real_path(&self.spec.files, &path)?;
        context.budget.path(&self.spec.files, &real)?;
        self.spec.workdir = Some(path.clone());
        let missing = missing(&self.spec.files, &real);
        context.budget.folders(&missing)?;
        let (uid, gid) = match (missing.is_empty(), self.spec.user.as_str()) {
            (true, _) | (_, "") => (0, 0),
            (_, user) => accounts::resolve(&self.spec.files, user).map_err(|reason| {
                format!("{reason}: who would the directory belong to? Write USER as numbers, or WORKDIR before it")
            })?,
        };
        for folder in missing {
            let directory = Entry { uid, gid, ..Entry::directory() };
            self.spec.files.insert(folder, directory).map_err(|error| error.to_string())?;
            self.origins.files.insert(folder.to_owned(), line);
        }
        match self.spec.files.get(&real) {
            None | Some(Entry { node: Node::Directory, .. }) => Ok(()),
            Some(_) => Err(format!("{path} is a file in the image, and no directory")),
        }
    }

    /// Returns a path relative to the working directory as an absolute path.
    pub(super) fn absolute(&self, path: &str) -> String {
        let workdir = self.spec.workdir.as_deref().unwrap_or("/");
        let joined =
            if path.starts_with('/') { path.to_owned() } else { format!("{workdir}/{path}") };
        normalize(&joined)
    }

    /// Returns the search path for programs.
    pub(super) fn search_path(&self) -> &str {
        self.scope.get("PATH").map_or(DEFAULT_PATH, String::as_str)
    }

    /// Returns the exec form unchanged, and the shell form as Docker writes it into the
    /// configuration.
    fn command(&self, instruction: &Instruction) -> Result<Vec<String>, String> {
        if let Some(words) = array::strict(instruction)? {
            return Ok(words);
        }
        let shell = self.spec.shell.clone().unwrap_or_else(|| vec!["/bin/sh".into(), "-c".into()]);
        Ok(shell.into_iter().chain([instruction.arguments.clone()]).collect())
    }

    /// Parses `NAME=VALUE …`, or the old form `NAME VALUE`. All values are expanded with the
    /// variables before this instruction.
    fn pairs(&self, text: &str, context: &Context) -> Result<Vec<(String, String)>, String> {
        let words = words::raw_words(text, context.escape);
        let expand = |text: &str| words::expand(text, context.escape, self, &context.budget);
        let pairs = match &words[..] {
            [name, ..] if !name.contains('=') => {
                let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
                if value.trim().is_empty() {
                    return Err("expected NAME=VALUE".into());
                }
                vec![(expand(name)?, expand(value.trim_start())?)]
            }
            words => {
                let pair = |word: &String| {
                    let (name, value) = word
                        .split_once('=')
                        .ok_or_else(|| format!("`{word}`: expected NAME=VALUE"))?;
                    Ok((expand(name)?, expand(value)?))
                };
                words.iter().map(pair).collect::<Result<_, String>>()?
            }
        };
        match pairs.iter().find(|(name, _)| name.is_empty()) {
            Some((_, value)) => Err(format!("`={value}` has no name: expected NAME=VALUE")),
            None => Ok(pairs),
        }
    }
}

/// Returns the missing directories of `path` and its parents, the outermost first.
pub(super) fn missing<'a>(files: &Tree, path: &'a str) -> Vec<&'a str> {
    let mut missing = Vec::new();
    let mut at = path.trim_matches('/');
    // If a directory exists, so do its parents.
    while !at.is_empty() && files.get(at).is_none() {
        missing.push(at);
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
    }
    missing.reverse();
    missing
}

pub(super) fn no_flags(instruction: &Instruction) -> Result<(), String> {
    match instruction.flags.first() {
        Some(flag) => Err(format!("{flag} is no option of {}", instruction.keyword)),
        None => Ok(()),
    }
}

/// Returns the text of an `ONBUILD` in the form of the configuration, with its here-documents.
fn trigger_text(instruction: &Instruction) -> String {
    let mut text = instruction.arguments.clone();
    for document in &instruction.documents {
        text.push('\n');
        text.push_str(&document.text);
        text.push_str(&document.name);
    }
    text
}
