//! What a container is doing.

/// The state of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Created and never started, or its start failed.
    Created,
    /// Running.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Between two runs: its restart policy starts it again.
    Restarting,
    /// Being removed.
    Removing,
    /// It ran and ended.
    Exited,
    /// The platform failed to remove it.
    Dead,
}

impl State {
    /// Whether its log may grow: it runs, or its restart policy starts it again.
    pub fn is_writing(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Restarting)
    }

    /// Whether it has processes, and so its mounts are in place.
    pub fn has_processes(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// In one word, such as `running`.
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
