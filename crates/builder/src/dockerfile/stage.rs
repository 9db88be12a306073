//! One stage: what its instructions have set so far.

use super::source::Instruction;
use super::words::{self, Variables};
use super::{Context, Origins, accounts, array, health};
use crate::config::DEFAULT_PATH;
use crate::{BuildSpec, links};
use scratchdbg_image::{Entry, Healthcheck, Node};
use std::collections::BTreeMap;

/// The state of a stage.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) spec: BuildSpec,
    /// The lines that all this comes from.
    pub(super) origins: Origins,
    /// What variables stand for: each `ARG` and `ENV` so far, the last one of a name.
    scope: BTreeMap<String, String>,
    /// Where in the environment a variable is: there may be very many.
    places: BTreeMap<String, usize>,
    /// Whether `CMD` was in this stage: an `ENTRYPOINT` takes an inherited one away.
    own_cmd: bool,
}

impl Default for Stage {
    fn default() -> Self {
        // BuildKit gives a stage from scratch a PATH and a working directory, and no user.
        let path = DEFAULT_PATH.to_owned();
        let env = vec![format!("PATH={path}")];
        let spec = BuildSpec { user: String::new(), env, workdir: Some("/".into()), ..BuildSpec::default() };
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
    /// A stage that begins with an earlier one: its arguments are inherited as well.
    pub(super) fn continuing(earlier: &Self, context: &Context) -> Result<Self, String> {
        let values = earlier.scope.values().chain(earlier.spec.labels.values());
        context.budget.text(values.map(String::len).sum())?;
        context.budget.files(earlier.spec.files.len())?;
        Ok(Self { own_cmd: false, ..earlier.clone() })
    }

    /// Every instruction that is neither `COPY`, `ADD` nor `RUN`.
    pub(super) fn setting(&mut self, instruction: &Instruction, context: &Context) -> Result<(), String> {
        let arguments = instruction.arguments.as_str();
        let line = instruction.line;
        let keyword = instruction.keyword.as_str();
        if keyword != "HEALTHCHECK" {
            no_flags(instruction)?;
        }
        if arguments.is_empty() && !matches!(keyword, "CMD" | "ENTRYPOINT") {
            return Err(format!("{keyword} needs an argument"));
        }
        let expand = |stage: &Self| words::expand(arguments, context.escape, stage, &context.budget);
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
                self.working_directory(&path, line)?;
            }
            "EXPOSE" => {
                for word in arguments.split_ascii_whitespace() {
                    let ports = words::split(word, context.escape, self, &context.budget)?;
                    let ports = ports.iter().map(|port| exposed(port)).collect::<Result<Vec<_>, _>>()?;
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
            "STOPSIGNAL" => self.spec.stop_signal = Some(expand(self)?),
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
                    known if super::KEYWORDS.contains(&known) => self.spec.on_build.push(trigger_text(instruction)),
                    other => return Err(format!("{other} is no instruction")),
                }
            }
            "MAINTAINER" => self.spec.author = Some(expand(self)?),
            _ => return Err("scratchdbg does not know this instruction".into()),
        }
        Ok(())
    }

    /// What a health check in shell form is, for those who look and do not build.
    pub(super) fn shell_health(&mut self, instruction: &Instruction) -> bool {
        match health::shell_line(instruction) {
            Some(test) => {
                self.origins.note("HEALTHCHECK", instruction.line);
                self.spec.healthcheck = Some(Healthcheck { test: Some(test), ..Healthcheck::default() });
                true
            }
            None => false,
        }
    }

    /// `NAME`, `NAME=DEFAULT`, or several of them.
    pub(super) fn argument(&mut self, text: &str, context: &Context) -> Result<(), String> {
        for word in words::raw_words(text, context.escape) {
            let (name, default) =
                word.split_once('=').map_or((word.as_str(), None), |(name, default)| (name, Some(default)));
            if name.is_empty() {
                return Err(format!("`{word}` has no name: expected NAME or NAME=DEFAULT"));
            }
            let value = match (context.arguments.values.get(name), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(words::expand(default, context.escape, self, &context.budget)?),
                (None, None) => context.global.get(name).cloned(),
            };
            if let Some(value) = value {
                self.scope.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }

    /// Makes the directory: it and those above that are missing belong to the user so far, as BuildKit has it.
    fn working_directory(&mut self, path: &str, line: usize) -> Result<(), String> {
        let path = self.absolute(path);
        self.spec.workdir = Some(path.clone());
        let real = links::real_path(&self.spec.files, &path)?;
        let missing: Vec<&str> = ancestors(&real).filter(|folder| self.spec.files.get(folder).is_none()).collect();
        let (uid, gid) = match (missing.is_empty(), self.spec.user.as_str()) {
            (true, _) | (_, "") => (0, 0),
            (_, user) => accounts::resolve(&self.spec.files, user).map_err(|reason| {
                format!("{reason}: who would the directory belong to? Write USER as numbers, or WORKDIR before it")
            })?,
        };
        for folder in missing {
            let directory = Entry { uid, gid, ..Entry::directory() };
            self.spec.files.insert(folder, directory).map_err(|error| error.to_string())?;
            self.origins.files.insert(folder.trim_start_matches('/').to_owned(), line);
        }
        match self.spec.files.get(&real) {
            None | Some(Entry { node: Node::Directory, .. }) => Ok(()),
            Some(_) => Err(format!("{path} is a file in the image, and no directory")),
        }
    }

    /// A path of the image, seen from the working directory.
    pub(super) fn absolute(&self, path: &str) -> String {
        let workdir = self.spec.workdir.as_deref().unwrap_or("/");
        let joined = if path.starts_with('/') { path.to_owned() } else { format!("{workdir}/{path}") };
        links::clean(&joined)
    }

    /// The exec form as it is, the shell form as Docker writes it into the config.
    fn command(&self, instruction: &Instruction) -> Result<Vec<String>, String> {
        if let Some(words) = array::strict(instruction)? {
            return Ok(words);
        }
        let shell = self.spec.shell.clone().unwrap_or_else(|| vec!["/bin/sh".into(), "-c".into()]);
        Ok(shell.into_iter().chain([instruction.arguments.clone()]).collect())
    }

    /// `NAME=VALUE …`, or the old form `NAME VALUE`. All values are expanded with what was set before this instruction.
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
                    let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}`: expected NAME=VALUE"))?;
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

/// Each directory that leads to `path`, and `path` itself.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([path.len()]);
    ends.map(|end| &path[..end]).filter(|path| !path.trim_matches('/').is_empty())
}

pub(super) fn no_flags(instruction: &Instruction) -> Result<(), String> {
    match instruction.flags.first() {
        Some(flag) => Err(format!("{flag} is no option of {}", instruction.keyword)),
        None => Ok(()),
    }
}

/// The text of an `ONBUILD` as the config keeps it, with its here-documents.
fn trigger_text(instruction: &Instruction) -> String {
    let mut text = instruction.arguments.clone();
    for document in &instruction.documents {
        text.push('\n');
        text.push_str(&document.text);
        text.push_str(&document.name);
    }
    text
}

/// `[[IP:]HOST:]PORT[-PORT][/PROTOCOL]`: what counts is the container's port.
fn exposed(text: &str) -> Result<String, String> {
    let port = text.rsplit(':').next().unwrap_or(text);
    let (range, protocol) = port.split_once('/').unwrap_or((port, ""));
    let protocol = protocol.to_ascii_lowercase();
    let valid = range.split('-').all(|number| number.parse::<u16>().is_ok());
    if !valid || range.split('-').count() > 2 || !matches!(protocol.as_str(), "" | "tcp" | "udp" | "sctp") {
        return Err(format!("`{text}` is no port: expected PORT[-PORT][/tcp|udp|sctp], as in 8080 or 53/udp"));
    }
    Ok(if protocol.is_empty() { range.to_owned() } else { format!("{range}/{protocol}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_every_form_that_docker_takes() {
        for (text, expected) in [
            ("80", Some("80")),
            ("53/UDP", Some("53/udp")),
            ("8000-8010", Some("8000-8010")),
            ("127.0.0.1:8080:80/tcp", Some("80/tcp")),
            ("http", None),
            ("80/icmp", None),
            ("70000", None),
            ("1-2-3", None),
            ("", None),
        ] {
            assert_eq!(exposed(text).ok().as_deref(), expected, "{text}");
        }
    }
}
