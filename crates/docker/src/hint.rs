//! Hints for an engine's errors, and their conversion to the errors of [`scratchdbg_backend`].

use scratchdbg_backend::{self as backend, ErrorKind};

use crate::endpoint::{Address, ContextError, EndpointError, Origin};
use crate::error::Error;
use crate::plan::Refusal;
use crate::user::UserError;

impl Error {
    /// Returns what the user can do about the error, in one line.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Endpoint(error) => match &**error {
                EndpointError::HostAndContext => "give one of them".to_owned(),
                EndpointError::UnsupportedScheme { scheme, .. } if scheme == "ssh" => {
                    "forward the socket: `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST &`, then \
                     `--host unix:///tmp/engine.sock`"
                        .to_owned()
                }
                EndpointError::Context { source: ContextError::NotFound { .. }, .. } => {
                    "`docker context ls` lists the contexts".to_owned()
                }
                EndpointError::Context { source: ContextError::Read { source, .. }, .. } => scratchdbg_files::hint(source).to_owned(),
                EndpointError::Context { source: ContextError::Parse { .. }, .. } => {
                    "fix the file, or name the engine: --host or DOCKER_HOST".to_owned()
                }
                EndpointError::Context { source: ContextError::NoDockerEndpoint { .. }, .. } => {
                    "`docker context inspect` shows what it has; another engine: --host, or DOCKER_HOST".to_owned()
                }
                _ => "an address is unix:///path/to/socket or tcp://host:port".to_owned(),
            },
            Self::Unreachable(unreachable) => match (&unreachable.endpoint.origin, &unreachable.endpoint.address) {
                (Origin::Default, Address::Unix(path)) => format!(
                    "is Docker running, and may you use {}? Another engine: --host, --context or DOCKER_HOST",
                    path.display()
                ),
                (Origin::HostFlag, _) => "check the address, and that the engine is running".to_owned(),
                (origin, _) => format!("the address is {origin}: check it, and that the engine is running"),
            },
            Self::NoSuchContainer { similar, .. } if similar.is_empty() => {
                "`docker ps -a` lists the containers".to_owned()
            }
            Self::NoSuchContainer { similar, .. } => format!("did you mean {}?", alternatives(similar)),
            Self::NoSuchImage { .. } => "`docker images` lists the images; no registry is asked".to_owned(),
            Self::User(UserError::ChangedGroups { .. }) => {
                "give groups in numbers when the container is created: --group-add GID".to_owned()
            }
            Self::User(_) => "give the user in numbers: -u UID:GID".to_owned(),
            Self::Refused(refusal) => return of_refusal(refusal),
            Self::Ambiguous { matches, .. } => format!("give more of the id, or the name: {}", alternatives(matches)),
            Self::SeveralOfService { service, containers, .. } => format!(
                "give one of them: {}; `scratchdbg logs --label com.docker.compose.service={service}` reads the logs of all",
                alternatives(containers)
            ),
            Self::TlsFile { .. } => {
                "DOCKER_CERT_PATH, or the context, names the folder of ca.pem, cert.pem and key.pem".to_owned()
            }
            Self::EngineTooOld { .. } => "use Docker 19.03 or later, or Podman 4 or later".to_owned(),
            Self::Unending { .. } => {
                "another process probably holds its output or its start; the engine goes on when that process ends".to_owned()
            }
            Self::UnknownNeighbor { neighbor, .. } => format!(
                "--trust-neighbors starts the session without asking about other containers; the engine answers again when what \
                 holds `{neighbor}` ends"
            ),
            Self::ImageInUse { image } => format!("`docker ps -a --filter ancestor={image}` lists what needs it"),
            Self::SessionStillRuns { target, is_paused: true, .. } => {
                format!("it is paused: they end as soon as it goes on (`docker unpause {target}`)")
            }
            Self::SessionStillRuns { target, .. } => {
                format!("what is stopped, or hangs in the kernel, cannot end: `docker top {target}` shows it")
            }
            Self::BlockingFile { path, .. } => format!(
                "a process of the container put it there: remove it; until then, --mode sidecar asks the engine for nothing in \
                 the container (docker exec and docker cp would wait for {path} too)"
            ),
            Self::ExecRefused { message, .. } if message.contains("resource temporarily unavailable") => {
                "its uid has reached its limit of processes, over all containers: raise `--ulimit nproc`, or find what leaves \
                 processes behind"
                    .to_owned()
            }
            Self::ExecRefused { message, .. } if is_working_directory(message) => {
                "the working directory is the target's, which may have changed or removed it: -w / starts the session at the root"
                    .to_owned()
            }
            Self::ExecRefused { message, .. } if is_terminal(message) => {
                "the target has no usable /dev/ptmx, from which the terminal is made: --no-tty does without"
                    .to_owned()
            }
            Self::ExecRefused { .. } => {
                "the keeper must have the uid and gid of the target's process, and the target needs its /proc".to_owned()
            }
            Self::Api(answer) if answer.status == 409 && answer.message.contains(" is paused") => {
                "it was paused meanwhile: --mode sidecar runs beside it; `docker unpause` resumes it".to_owned()
            }
            Self::Silent(_) => "`docker info` shows whether it answers; its log shows what it does".to_owned(),
            _ => return None,
        })
    }

    fn kind(&self) -> ErrorKind {
        match self {
            // A context that is missing on this machine is a failure; an invalid address is a usage
            // error.
            Self::Endpoint(error) if !matches!(**error, EndpointError::Context { .. }) => {
                ErrorKind::Invalid
            }
            Self::InvalidName(_) => ErrorKind::Invalid,
            Self::NoSuchContainer { similar, .. } => {
                ErrorKind::NotFound { similar: similar.clone() }
            }
            Self::Ambiguous { matches, .. } => ErrorKind::Ambiguous { matches: matches.clone() },
            Self::SeveralOfService { containers, .. } => {
                ErrorKind::Ambiguous { matches: containers.clone() }
            }
            Self::Api(answer) => match answer.status {
                404 => ErrorKind::Gone,
                409 if answer.message.contains("marked for removal") => ErrorKind::Gone,
                401 | 403 => ErrorKind::Denied,
                501 => ErrorKind::Unsupported,
                _ => ErrorKind::Refused,
            },
            Self::NoSuchImage { .. } => ErrorKind::NotFound { similar: Vec::new() },
            Self::User(_) | Self::Refused(_) | Self::BlockingFile { .. } => ErrorKind::Unsupported,
            // The target's own doing, and no reason for another mode with more rights.
            Self::ExecRefused { message, .. }
                if is_working_directory(message) || is_terminal(message) =>
            {
                ErrorKind::Refused
            }
            Self::ExecRefused { .. } => ErrorKind::NotStarted,
            Self::MountSourceGone { path } => ErrorKind::SourceGone { path: path.clone() },
            Self::Canceled { .. } => ErrorKind::Interrupted,
            Self::Unreachable(_) | Self::Silent(_) | Self::Slow(_) => ErrorKind::Unreachable,
            _ => ErrorKind::Broken,
        }
    }
}

/// Reports whether a runtime could not change to the working directory.
fn is_working_directory(message: &str) -> bool {
    message.contains("chdir to cwd")
        || message.contains("cannot chdir")
        || message.contains("mkdir cwd")
}

/// Reports whether a runtime could not make the terminal.
fn is_terminal(message: &str) -> bool {
    ["ptmx", "inappropriate ioctl", "console"].iter().any(|part| message.contains(part))
}

impl From<Error> for backend::Error {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind(),
            message: backend::chain(&error),
            hints: error.hint().into_iter().collect(),
        }
    }
}

fn of_refusal(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        Refusal::NotRunning { name, .. } => {
            format!("leave out --mode to look into a copy; `scratchdbg logs {name}` shows its output")
        }
        Refusal::Paused { name } => {
            format!("--mode sidecar runs beside it; `docker unpause {name}` resumes it")
        }
        Refusal::PausedInPodman { name } => {
            format!("`podman unpause {name}` resumes it; --mode copy shows its files in a copy")
        }
        Refusal::MayNotLinger { .. } => "leave out --linger, or leave out -u".to_owned(),
        Refusal::TakesPlace { .. } => "--mode sidecar runs beside it".to_owned(),
        Refusal::UserNamespace { .. } => {
            "while it runs, a session inside has it: leave out --mode".to_owned()
        }
        Refusal::InPod { .. } => {
            "`attach --image IMAGE` shows its image; `podman logs` and `why` need no copy".to_owned()
        }
        Refusal::ChoosesGroups { .. } => {
            "leave out --linger; it is possible where the container's root is read-only (`docker run --read-only`)"
                .to_owned()
        }
        Refusal::NeedsSidecar { .. } => "leave out --mode, or use --mode sidecar on a running container".to_owned(),
        Refusal::Removing { .. } => return None,
    })
}

fn alternatives(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
