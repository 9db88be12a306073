//! Why reading a log ended early.

use std::io;

use scratchdbg_backend as backend;

/// Reading a log failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The platform failed or refused.
    #[error(transparent)]
    Backend(#[from] backend::Error),
    /// The logging driver cannot read the log back.
    #[error("{source}")]
    Unreadable {
        /// The container's name.
        name: String,
        /// The logging driver.
        driver: String,
        /// What the platform said.
        source: Box<backend::Error>,
    },
    /// The log's files were requested but cannot be read.
    #[error("the log files of `{name}` cannot be read: {reason}")]
    FilesUnreadable {
        /// The container's name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The log's files were requested but cannot be followed.
    #[error("the log files of `{name}` cannot be followed: {reason}")]
    FilesNotFollowed {
        /// The container's name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The platform does not know this run.
    #[error("the {platform} knows no run -{back} of `{name}` any more")]
    NoSuchRun {
        /// What the platform is called.
        platform: &'static str,
        /// The container's name.
        name: String,
        /// How many runs before the latest.
        back: usize,
    },
    /// No container matches.
    #[error("no container carries these labels")]
    NothingSelected,
    /// The output failed.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// A reader panicked.
    #[error("reading a log failed: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

impl Error {
    /// What the user can do.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Backend(error) => error.hints.clone(),
            Self::Unreadable { name, driver, source } => {
                let mut hints = source.hints.clone();
                hints.push(format!(
                    "`{name}` has the log driver `{driver}`, which keeps nothing that can be read back; json-file, local \
                     and journald do: run it with --log-driver local"
                ));
                hints
            }
            Self::FilesUnreadable { .. } => {
                vec!["--via auto reads it through the engine then".to_owned()]
            }
            Self::FilesNotFollowed { .. } => {
                vec!["--via auto follows it through the engine then".to_owned()]
            }
            Self::NoSuchRun { .. } => {
                vec![
                    "--run all shows all that was said, with the ends of those runs that are known"
                        .to_owned(),
                ]
            }
            _ => Vec::new(),
        }
    }
}
