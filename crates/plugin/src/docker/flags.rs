//! The flags that docker takes before the name of a plugin, in the forms that its parser (pflag)
//! accepts.

use std::ffi::OsString;
use std::path::PathBuf;

/// Docker's global flags. Absent flags have their default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerFlags {
    /// `-H`, `--host`.
    pub host: Option<String>,
    /// `-c`, `--context`.
    pub context: Option<String>,
    /// `--config`: the folder of the configuration.
    pub config: Option<PathBuf>,
    /// `--tls`, or `--tlsverify`.
    pub tls: bool,
    /// `--tlsverify`: `None` if it was not given.
    pub tls_verify: Option<bool>,
    /// `--tlscacert`.
    pub tls_ca: Option<PathBuf>,
    /// `--tlscert`.
    pub tls_cert: Option<PathBuf>,
    /// `--tlskey`.
    pub tls_key: Option<PathBuf>,
    /// `-D`, `--debug`, or `--log-level debug`.
    pub debug: bool,
    /// `-v`, `--version`.
    pub version: bool,
    /// `-h`, `--help`.
    pub help: bool,
}

/// Docker's global flags cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// The flag is unknown.
    #[error("docker passed `{0}`, which is no global flag that is known here")]
    Unknown(String),
    /// The flag needs a value.
    #[error("docker's flag {0} needs a value")]
    Valueless(&'static str),
    /// The value of a flag that is on or off is neither.
    #[error("docker's flag {0} is true or false")]
    NotABoolean(&'static str),
}

/// Flags with a value, and the letters for them.
const VALUED: &[(&str, Option<char>)] = &[
    ("config", None),
    ("context", Some('c')),
    ("host", Some('H')),
    ("log-level", Some('l')),
    ("tlscacert", None),
    ("tlscert", None),
    ("tlskey", None),
];

/// Flags that are on or off.
const SWITCHES: &[(&str, Option<char>)] = &[
    ("debug", Some('D')),
    ("help", Some('h')),
    ("tls", None),
    ("tlsverify", None),
    ("version", Some('v')),
];

impl DockerFlags {
    /// Reads the flags at the beginning of a command line. Returns the position of the first word
    /// that is none.
    pub(super) fn read(&mut self, arguments: &[OsString]) -> Result<usize, FlagError> {
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            let text = argument.to_string_lossy();
            if text == "--" {
                return Ok(at + 1);
            }
            if !text.starts_with('-') || text == "-" {
                break;
            }
            at += 1;
            let next = arguments.get(at);
            let took_next = match text.strip_prefix("--") {
                Some(long) => self.read_long(long, next)?,
                None => self.read_letters(&text[1..], next)?,
            };
            at += usize::from(took_next);
        }
        Ok(at)
    }

    /// Reads `name`, or `name=value`. Returns whether the next word was the value.
    fn read_long(&mut self, text: &str, next: Option<&OsString>) -> Result<bool, FlagError> {
        let (name, value) =
            text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if let Some((name, _)) = SWITCHES.iter().find(|(known, _)| *known == name) {
            self.switch(name, value.unwrap_or("true"))?;
            return Ok(false);
        }
        let known = VALUED.iter().find(|(known, _)| *known == name);
        let (name, _) = known.ok_or_else(|| FlagError::Unknown(format!("--{name}")))?;
        self.value_or_next(name, value, next)
    }

    /// Reads letters: `D`, `Dl`, `H=value`, `Hvalue`. Returns whether the next word was the value.
    fn read_letters(&mut self, text: &str, next: Option<&OsString>) -> Result<bool, FlagError> {
        let mut rest = text.chars();
        while let Some(letter) = rest.next() {
            if let Some((name, _)) = VALUED.iter().find(|(_, known)| *known == Some(letter)) {
                let joined = rest.as_str();
                let value = joined.strip_prefix('=').unwrap_or(joined);
                return self.value_or_next(name, Some(value).filter(|_| !joined.is_empty()), next);
            }
            let known = SWITCHES.iter().find(|(_, known)| *known == Some(letter));
            let (name, _) = known.ok_or_else(|| FlagError::Unknown(format!("-{letter}")))?;
            if let Some(value) = rest.as_str().strip_prefix('=') {
                self.switch(name, value)?;
                return Ok(false);
            }
            self.switch(name, "true")?;
        }
        Ok(false)
    }

    fn value_or_next(
        &mut self,
        name: &'static str,
        value: Option<&str>,
        next: Option<&OsString>,
    ) -> Result<bool, FlagError> {
        match (value, next) {
            (Some(value), _) => self.set(name, value.into()),
            (None, Some(next)) => self.set(name, next.clone()),
            (None, None) => return Err(FlagError::Valueless(name)),
        }
        Ok(value.is_none())
    }

    fn set(&mut self, name: &str, value: OsString) {
        let text = |value: OsString| Some(value.to_string_lossy().into_owned());
        match name {
            "config" => self.config = Some(value.into()),
            "context" => self.context = text(value),
            "host" => self.host = text(value),
            "log-level" => self.debug |= value == "debug",
            "tlscacert" => self.tls_ca = Some(value.into()),
            "tlscert" => self.tls_cert = Some(value.into()),
            _ => self.tls_key = Some(value.into()),
        }
    }

    fn switch(&mut self, name: &'static str, value: &str) -> Result<(), FlagError> {
        // As Go reads a boolean.
        let is_on = match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => return Err(FlagError::NotABoolean(name)),
        };
        match name {
            "debug" => self.debug |= is_on,
            "help" => self.help = is_on,
            "tls" => self.tls |= is_on,
            "tlsverify" => {
                self.tls_verify = Some(is_on);
                self.tls |= is_on;
            }
            _ => self.version = is_on,
        }
        Ok(())
    }

    /// Returns the flags that we have too, for our own command line.
    pub fn as_ours(&self) -> Vec<OsString> {
        let mut ours: Vec<OsString> = Vec::new();
        for (name, value) in [("--host", &self.host), ("--context", &self.context)] {
            ours.extend(value.iter().flat_map(|value| [name.into(), value.into()]));
        }
        let switches = [(self.debug, "-vv"), (self.version, "--version"), (self.help, "--help")];
        ours.extend(switches.into_iter().filter(|(is_on, _)| *is_on).map(|(_, ours)| ours.into()));
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(DockerFlags, usize), FlagError> {
        let mut flags = DockerFlags::default();
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let at = flags.read(&words)?;
        Ok((flags, at))
    }

    #[test]
    fn flags_are_read_as_docker_reads_them() {
        let host = |line: &str| read(line).unwrap().0.host;
        for line in ["-H a x", "-Ha x", "-H=a x", "--host a x", "--host=a x", "-DH a x", "-DH=a x"]
        {
            assert_eq!(host(line).as_deref(), Some("a"), "{line}");
        }
        let (flags, at) =
            read("-D --tls --config=/c --tlscacert /ca --tlscert=/cert --tlskey /key -c prod x y")
                .unwrap();
        assert_eq!(
            flags,
            DockerFlags {
                context: Some("prod".into()),
                config: Some("/c".into()),
                tls: true,
                tls_ca: Some("/ca".into()),
                tls_cert: Some("/cert".into()),
                tls_key: Some("/key".into()),
                debug: true,
                ..DockerFlags::default()
            }
        );
        assert_eq!(at, 10);
        let (flags, _) = read("--tlsverify=false -l error -v x").unwrap();
        assert_eq!(
            (flags.tls_verify, flags.tls, flags.debug, flags.version),
            (Some(false), false, false, true)
        );
        let (flags, _) = read("--tlsverify -ldebug x").unwrap();
        assert_eq!((flags.tls_verify, flags.tls, flags.debug), (Some(true), true, true));
        assert_eq!(read("-- x").unwrap().1, 1);
        assert_eq!(read("x -D").unwrap().1, 0);
    }

    #[test]
    fn what_docker_would_not_take_is_refused() {
        for (line, expected) in [
            ("--nope x", FlagError::Unknown("--nope".into())),
            ("-x", FlagError::Unknown("-x".into())),
            ("-Dé", FlagError::Unknown("-é".into())),
            ("-H", FlagError::Valueless("host")),
            ("--config", FlagError::Valueless("config")),
            ("--tls=maybe x", FlagError::NotABoolean("tls")),
        ] {
            assert_eq!(read(line).unwrap_err(), expected, "{line}");
        }
    }

    #[test]
    fn flags_that_we_have_too_are_passed_on() {
        let (flags, _) = read("-D -H a -c b --version x").unwrap();
        assert_eq!(flags.as_ours(), ["--host", "a", "--context", "b", "-vv", "--version"]);
        assert!(DockerFlags::default().as_ours().is_empty());
    }
}
