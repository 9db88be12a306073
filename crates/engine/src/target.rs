//! What the engine says of a container, as far as it matters here.

use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, ImageInspect};

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
    /// That image's id.
    pub image_id: String,
    /// Its entrypoint and command.
    pub command_line: Vec<String>,
    /// `HostConfig.CapAdd`.
    pub added_capabilities: Vec<String>,
    /// `HostConfig.CapDrop`.
    pub dropped_capabilities: Vec<String>,
    /// `HostConfig.Privileged`.
    pub privileged: bool,
    /// When it was last started, as the engine writes it.
    pub started_at: String,
    /// How its last run ended; meaningful when it has ended.
    pub exit_code: i64,
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
        let exit_code = answer.state.as_ref().and_then(|state| state.exit_code).unwrap_or_default();
        let started_at = answer.state.as_ref().and_then(|state| state.started_at.clone()).unwrap_or_default();
        let command_line = config.entrypoint.into_iter().chain(config.cmd).flatten().collect();
        let host_config = answer.host_config.unwrap_or_default();
        Self {
            id: answer.id.unwrap_or_default(),
            name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            state: answer.state.and_then(|state| state.status).map_or(State::Created, state),
            tty: config.tty.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            image: config.image.unwrap_or_default(),
            image_id: answer.image.unwrap_or_default(),
            command_line,
            added_capabilities: host_config.cap_add.unwrap_or_default(),
            dropped_capabilities: host_config.cap_drop.unwrap_or_default(),
            privileged: host_config.privileged.unwrap_or_default(),
            started_at,
            exit_code,
        }
    }
}

impl Target {
    /// What a container made from an image would be.
    pub(crate) fn from_image(reference: &str, answer: ImageInspect) -> Self {
        let config = answer.config.unwrap_or_default();
        Self {
            id: String::new(),
            name: reference.to_owned(),
            state: State::Created,
            tty: false,
            user: config.user.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            image: reference.to_owned(),
            image_id: answer.id.unwrap_or_default(),
            command_line: config.entrypoint.into_iter().chain(config.cmd).flatten().collect(),
            added_capabilities: Vec::new(),
            dropped_capabilities: Vec::new(),
            privileged: false,
            started_at: String::new(),
            exit_code: 0,
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

#[cfg(test)]
pub(crate) mod tests {
    use super::{State, Target};

    /// A running target.
    pub(crate) fn target() -> Target {
        Target {
            id: "0123".to_owned(),
            name: "web".to_owned(),
            state: State::Running,
            tty: false,
            user: "65532:65532".to_owned(),
            env: vec!["A=b".to_owned()],
            image: "shop/app:1".to_owned(),
            image_id: "sha256:0".to_owned(),
            command_line: vec!["/app".to_owned()],
            added_capabilities: Vec::new(),
            dropped_capabilities: Vec::new(),
            privileged: false,
            started_at: String::new(),
            exit_code: 0,
        }
    }
}
