//! Errors as users see them: one line that says what and why, hints that say what to do, and an exit code.

use std::io;
use std::path::Path;

use scratchdbg_engine as engine;

/// Something went wrong.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// `attach`: scratchdbg or the engine failed, not the command.
pub(crate) const ATTACH_FAILED: u8 = 125;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// What went wrong, and why.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
    /// The exit code.
    pub(crate) code: u8,
    /// The reader of standard output is gone: nothing is said, and the code is 0.
    pub(crate) broken_pipe: bool,
}

/// What a command returns: an exit code, or what went wrong.
pub(crate) type Outcome = Result<u8, CommandError>;

impl CommandError {
    /// A failure.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new(), code: FAILED, broken_pipe: false }
    }

    /// A mistake on the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    /// A file of this machine that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(format!("cannot read {}: {error}", path.display())).hint(what_to_do(error))
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The error with all its causes, in one line.
    pub(crate) fn chain(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // Many errors repeat their cause in their own text.
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        text
    }
}

impl From<std::io::Error> for CommandError {
    /// The only I/O that is not explained where it happens is that of standard output.
    fn from(error: std::io::Error) -> Self {
        let broken_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::new(format!("cannot write to standard output: {error}")) }
    }
}

impl From<engine::Error> for CommandError {
    fn from(error: engine::Error) -> Self {
        let mut result = Self::new(Self::chain(&error));
        result.hints = hints(&error);
        // A context that is missing on this machine is a failure; an address that is no address is a mistake.
        if let engine::Error::Endpoint(error) = &error
            && !matches!(**error, engine::EndpointError::Context { .. })
        {
            result.code = USAGE;
        }
        result
    }
}

impl From<engine::Refusal> for CommandError {
    fn from(refusal: engine::Refusal) -> Self {
        let hint = match &refusal {
            engine::Refusal::NotRunning { name, .. } => {
                format!("without --mode, a copy of it is looked into; `scratchdbg logs {name}` shows what it said")
            }
            engine::Refusal::Paused { name } => {
                format!("--mode sidecar looks at it from beside; `docker unpause {name}` lets it run on")
            }
            engine::Refusal::PausedInPodman { name } => {
                format!("`podman unpause {name}` lets it run on; --mode copy looks at its files in a copy")
            }
            engine::Refusal::NeedsSidecar { .. } => {
                "leave --mode out, or use --mode sidecar on a running container".to_owned()
            }
            _ => return Self::new(refusal.to_string()),
        };
        Self::new(refusal.to_string()).hint(hint)
    }
}

/// What to do about a file that cannot be read.
pub(crate) fn what_to_do(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path: it is looked for from the current folder",
        io::ErrorKind::PermissionDenied => "you may not read it: `ls -l` shows whose it is",
        io::ErrorKind::FileTooLarge => "no such file is as large: check the path",
        io::ErrorKind::InvalidData => "check the path, and what is in the file",
        _ => "give a regular file",
    }
}

/// What to do about an engine's error.
fn hints(error: &engine::Error) -> Vec<String> {
    use engine::{Address, ContextError, EndpointError, Error, Origin};
    let hint = match error {
        Error::Endpoint(error) => match &**error {
            EndpointError::HostAndContext => "give one of them".to_owned(),
            EndpointError::UnsupportedScheme { scheme, .. } if scheme == "ssh" => {
                "forward the socket: `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST &`, then \
                 `--host unix:///tmp/engine.sock`"
                    .to_owned()
            }
            EndpointError::Context { source: ContextError::NotFound { .. }, .. } => {
                "`docker context ls` lists the contexts".to_owned()
            }
            EndpointError::Context { source: ContextError::Read { source, .. }, .. } => what_to_do(source).to_owned(),
            EndpointError::Context { source: ContextError::Parse { .. }, .. } => {
                "mend the file, or name the engine yourself: --host, or DOCKER_HOST".to_owned()
            }
            EndpointError::Context { source: ContextError::NoDockerEndpoint { .. }, .. } => {
                "`docker context inspect` shows what it has; another engine: --host, or DOCKER_HOST".to_owned()
            }
            _ => "an address is unix:///path/to/socket or tcp://host:port".to_owned(),
        },
        Error::Unreachable(unreachable) => match (&unreachable.endpoint.origin, &unreachable.endpoint.address) {
            (Origin::Default, Address::Unix(path)) => format!(
                "is Docker running, and may you use {}? Another engine: --host, --context or DOCKER_HOST",
                path.display()
            ),
            (Origin::HostFlag, _) => "check the address, and that the engine is running".to_owned(),
            (origin, _) => format!("the address is {origin}: check it, and that the engine is running"),
        },
        Error::NoSuchContainer { similar, .. } if similar.is_empty() => {
            "`docker ps -a` lists the containers".to_owned()
        }
        Error::NoSuchContainer { similar, .. } => format!("did you mean {}?", alternatives(similar)),
        Error::Ambiguous { matches, .. } => format!("give more of the id, or the name: {}", alternatives(matches)),
        Error::TlsFile { .. } => {
            "DOCKER_CERT_PATH, or the context, names the folder of ca.pem, cert.pem and key.pem".to_owned()
        }
        Error::EngineTooOld { .. } => "Docker 19.03 and later, and Podman 4 and later, are new enough".to_owned(),
        Error::ExecRefused { message, .. } if message.contains("resource temporarily unavailable") => {
            "its user has as many processes as it may, in all containers of that uid together: raise its `--ulimit nproc`, or \
             see what leaves so many behind"
                .to_owned()
        }
        Error::ExecRefused { .. } => {
            "the keeper must have the uid and gid of the target's process, and the target needs its /proc".to_owned()
        }
        _ => return Vec::new(),
    };
    vec![hint]
}

fn alternatives(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
