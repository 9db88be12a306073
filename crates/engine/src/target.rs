//! What the engine says of a container, as far as it matters here.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};

/// A container that is looked at or attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Full id.
    pub id: String,
    /// Name, without the slash that the engine puts in front.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// It has a terminal: its logs and its attach stream are raw.
    pub tty: bool,
    /// `Config.User`: empty, or `user[:group]` with names or numbers.
    pub user: String,
    /// `Config.Env`: `KEY=value` each.
    pub env: Vec<String>,
    /// Which image it was made from, as the user wrote it.
    pub image: String,
    /// `HostConfig.PidMode`: empty, `host`, or `container:<id>`.
    pub pid_mode: String,
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Made, and never started, or its start failed.
    Created,
    /// Running.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Between two runs, by its restart policy.
    Restarting,
    /// Being removed.
    Removing,
    /// It ran, and ended.
    Exited,
    /// The engine failed to remove it.
    Dead,
}

impl State {
    /// As the engine writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Removing => "removing",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }
}

impl Target {
    pub(crate) fn from_inspect(answer: ContainerInspectResponse) -> Self {
        let config = answer.config.unwrap_or_default();
        let host_config = answer.host_config.unwrap_or_default();
        Self {
            id: answer.id.unwrap_or_default(),
            name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            state: answer.state.and_then(|state| state.status).map_or(State::Created, state),
            tty: config.tty.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            image: config.image.unwrap_or_default(),
            pid_mode: host_config.pid_mode.unwrap_or_default(),
        }
    }
}

fn state(status: ContainerStateStatusEnum) -> State {
    match status {
        // The client of a stop request sees this while the processes still run.
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING => State::Running,
        ContainerStateStatusEnum::PAUSED => State::Paused,
        ContainerStateStatusEnum::RESTARTING => State::Restarting,
        ContainerStateStatusEnum::REMOVING => State::Removing,
        ContainerStateStatusEnum::EXITED => State::Exited,
        ContainerStateStatusEnum::DEAD => State::Dead,
        ContainerStateStatusEnum::CREATED | ContainerStateStatusEnum::EMPTY => State::Created,
    }
}
