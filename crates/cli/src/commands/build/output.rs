//! Where images go.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use scratchdbg_builder::Pair;
use scratchdbg_image::{ImageError, save_hybrid, write_hybrid};

use crate::context::Context;
use crate::error::CommandError;

/// One place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// The engine.
    Engine,
    /// A file that `docker load`, `podman load` and skopeo read.
    Archive(PathBuf),
    /// The same on standard output.
    Stdout,
}

impl FromStr for Output {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Self, CommandError> {
        match text.split_once(':') {
            None if text == "engine" => Ok(Self::Engine),
            Some(("archive", "-")) if io::stdout().is_terminal() => {
                Err(CommandError::usage("--output archive:-: an archive is not printed on a terminal")
                    .hint("redirect standard output, or give a file: archive:FILE"))
            }
            Some(("archive", "-")) => Ok(Self::Stdout),
            Some(("archive", path)) if !path.is_empty() => Ok(Self::Archive(PathBuf::from(path))),
            _ => Err(CommandError::usage(format!("--output {text}: no such output"))
                .hint("outputs are `engine`, `archive:FILE` and `archive:-`")),
        }
    }
}

impl Output {
    /// Writes both images of a pair.
    pub(super) async fn write(&self, pair: &Pair, epoch: u64, context: &Context) -> Result<(), CommandError> {
        let sets = pair.sets();
        match self {
            Self::Engine => {
                let engine = context.engine().await?;
                Ok(engine.load(move |out| write_hybrid(&sets, epoch, out)).await.map_err(explain_load)?)
            }
            Self::Archive(path) => {
                let path = path.clone();
                blocking(move || save_hybrid(&sets, epoch, &path).map_err(explain_file)).await
            }
            Self::Stdout => {
                blocking(move || {
                    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
                    match write_hybrid(&sets, epoch, &mut out).and_then(|()| out.flush().map_err(ImageError::Write)) {
                        Err(ImageError::Write(error)) => Err(error.into()),
                        Err(error) => Err(CommandError::new(CommandError::chain(&error))),
                        Ok(()) => Ok(()),
                    }
                })
                .await
            }
        }
    }
}

async fn blocking(work: impl FnOnce() -> Result<(), CommandError> + Send + 'static) -> Result<(), CommandError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CommandError::new(error.to_string()))?
}

fn explain_file(error: ImageError) -> CommandError {
    let result = CommandError::new(CommandError::chain(&error));
    match &error {
        ImageError::Store { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            result.hint("the folder must be there: make it first")
        }
        _ => result,
    }
}

fn explain_load(error: scratchdbg_engine::Error) -> CommandError {
    let result = CommandError::from(error);
    if result.message.contains("no space left on device") {
        return result.hint("the engine's disk is full: `docker system df` shows what uses it");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_named() {
        assert_eq!("engine".parse::<Output>().unwrap(), Output::Engine);
        assert_eq!("archive:a:b.tar".parse::<Output>().unwrap(), Output::Archive(PathBuf::from("a:b.tar")));
        for bad in ["", "docker", "archive", "archive:", "engine:x"] {
            assert_eq!(bad.parse::<Output>().unwrap_err().code, crate::error::USAGE, "{bad}");
        }
    }
}
