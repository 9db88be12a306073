//! The outputs of a build.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use scratchdbg_backend::{self as backend, FactsBackend, ImageBackend};
use scratchdbg_builder::Pair;
use scratchdbg_console::streams::WaitingStream;
use scratchdbg_image::{Image, ImageError, ImageSet, LayerMediaType, save_hybrid, write_hybrid};
use scratchdbg_registry::PushReport;

use super::explain::explain_image;
use super::storage::Storage;
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::CommandError;
use crate::registry;
use scratchdbg_args::Format;

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// The engine.
    Engine,
    /// A directory that is or becomes an OCI layout.
    Layout(PathBuf),
    /// A file for `docker load`, `podman load` and skopeo.
    Archive(PathBuf),
    /// An archive on standard output.
    Stdout,
    /// The registries in the images' names.
    Registry,
}

/// Returns all outputs of a command line, without duplicates.
pub(super) fn parse(texts: &[String], format: Format) -> Result<Vec<Output>, CommandError> {
    let mut outputs: Vec<Output> = Vec::new();
    for text in texts {
        let output: Output = text.parse()?;
        if output == Output::Stdout && format == Format::Json {
            return Err(CommandError::usage(
                "--output archive:- and --format json both want standard output",
            )
            .hint("write the archive to a file: archive:FILE"));
        }
        if outputs.contains(&output) {
            return Err(CommandError::usage(format!("--output {text}: it is there twice"))
                .hint("give each output once"));
        }
        outputs.push(output);
    }
    Ok(outputs)
}

impl FromStr for Output {
    type Err = CommandError;

    fn from_str(text: &str) -> Result<Self, CommandError> {
        match text.split_once(':') {
            None if text == "engine" => Ok(Self::Engine),
            None if text == "registry" => Ok(Self::Registry),
            Some(("oci", path)) if !path.is_empty() => Ok(Self::Layout(PathBuf::from(path))),
            Some(("archive", "-")) if io::stdout().is_terminal() => Err(CommandError::usage(
                "--output archive:-: an archive is not printed on a terminal",
            )
            .hint("redirect standard output, or give a file: archive:FILE")),
            Some(("archive", "-")) => Ok(Self::Stdout),
            Some(("archive", path)) if !path.is_empty() => Ok(Self::Archive(PathBuf::from(path))),
            _ => Err(CommandError::usage(format!("--output {text}: no such output")).hint(
                "outputs are `engine`, `registry`, `oci:DIR`, `archive:FILE` and `archive:-`",
            )),
        }
    }
}

impl Output {
    /// Describes the operation in one or two words.
    pub(super) fn doing(&self) -> &'static str {
        match self {
            Self::Engine => "loading",
            Self::Registry => "pushing",
            Self::Layout(_) | Self::Archive(_) | Self::Stdout => "writing",
        }
    }

    /// Writes both images of a pair. Returns what was pushed.
    pub(super) async fn write(
        &self,
        pair: &Pair,
        epoch: u64,
        storage: &Arc<Storage>,
        context: &Context,
    ) -> Result<Option<PushReport>, CommandError> {
        let sets = pair.sets();
        match self {
            Self::Registry => {
                let pushed = context.registry()?.push(&sets).await;
                return pushed.map(Some).map_err(|error| explain_push(&error));
            }
            Self::Engine => load(&sets, epoch, context.images().await?).await,
            Self::Layout(path) => {
                let (storage, path) = (Arc::clone(storage), path.clone());
                blocking(move || {
                    storage.add_to_layout(&path, &sets).map_err(|error| explain_image(&error))
                })
                .await
            }
            Self::Archive(path) => {
                let path = path.clone();
                blocking(move || {
                    save_hybrid(&sets, epoch, &path).map_err(|error| explain_image(&error))
                })
                .await
            }
            Self::Stdout => {
                blocking(move || {
                    let mut out =
                        BufWriter::with_capacity(1 << 20, WaitingStream(io::stdout().lock()));
                    match write_hybrid(&sets, epoch, &mut out)
                        .and_then(|()| out.flush().map_err(ImageError::Write))
                    {
                        // The reader of a text may stop early, but an archive is useless without
                        // its end.
                        Err(ImageError::Write(error)) => Err(CommandError::new(format!(
                            "cannot write the archive to standard output: {error}"
                        ))),
                        Err(error) => Err(explain_image(&error)),
                        Ok(()) => Ok(()),
                    }
                })
                .await
            }
        }?;
        Ok(None)
    }
}

/// Loads a pair into the engine. An engine without an image store for several platforms gives the
/// names to the first image, so that must be the one it can run.
async fn load(
    sets: &[ImageSet],
    epoch: u64,
    engine: &(impl FactsBackend + ImageBackend),
) -> Result<(), CommandError> {
    let mut sorted = sets.to_vec();
    if sets.iter().any(|set| set.images().len() > 1) {
        let platform = engine.host_facts().await?.platform;
        let architecture = platform.map(|platform| platform.architecture).unwrap_or_default();
        sorted = sets
            .iter()
            .map(|set| with_first(set, &architecture))
            .collect::<Result<_, _>>()
            .map_err(|error| explain_image(&error))?;
    }
    let packed_with_zstd = sets
        .iter()
        .flat_map(ImageSet::images)
        .flat_map(Image::layers)
        .any(|layer| layer.media_type() == LayerMediaType::TarZstd);
    engine
        .load_image(move |out| write_hybrid(&sorted, epoch, out))
        .await
        .map_err(|error| explain_load(error, packed_with_zstd))?;
    for set in sets {
        for tag in set.tags() {
            check_loaded(engine, set, &tag.familiar()).await?;
        }
    }
    Ok(())
}

/// Checks that the engine has what it reported as loaded.
async fn check_loaded(
    engine: &impl ImageBackend,
    set: &ImageSet,
    tag: &str,
) -> Result<(), CommandError> {
    let found = engine.image_record(tag).await?.map(|image| image.layers);
    let is_ours = |layers: &Vec<String>| {
        let layers_of = |image: &Image| {
            image.layers().iter().map(|layer| layer.diff_id().to_string()).collect()
        };
        set.images().iter().map(layers_of).any(|ours: Vec<String>| ours == *layers)
    };
    match found {
        // For several platforms, the engine may describe an image that it does not have.
        Some(layers) if set.images().len() > 1 && layers.is_empty() => Ok(()),
        Some(layers) if is_ours(&layers) => Ok(()),
        Some(_) => Err(CommandError::new(format!(
            "the engine took the images, and has another one as {tag}"
        ))
        .hint("something else may have given the name away meanwhile: build again")),
        None => Err(CommandError::new(format!(
            "the engine said that it took the images, and has no {tag}"
        ))
        .hint("its log may say why; `docker images` lists what it has")),
    }
}

fn with_first(set: &ImageSet, architecture: &str) -> Result<ImageSet, ImageError> {
    let (first, others): (Vec<Image>, Vec<Image>) = set
        .images()
        .iter()
        .cloned()
        .partition(|image| image.platform().architecture == architecture);
    ImageSet::new(set.tags().to_vec(), first.into_iter().chain(others).collect())
}

fn explain_push(error: &scratchdbg_registry::Error) -> CommandError {
    match error {
        scratchdbg_registry::Error::Image(error) => explain_image(error),
        error => registry::explain(error),
    }
}

fn explain_load(error: backend::Error, packed_with_zstd: bool) -> CommandError {
    let result = CommandError::from(error);
    if result.message.contains("no space left on device") {
        return result.hint("the engine's disk is full: `docker system df` shows what uses it");
    }
    if packed_with_zstd && result.message.contains("invalid tar header") {
        return result
            .hint("its layers are packed with zstd, which Docker reads from 23.0 on: `--compress gzip`, or none");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_named() {
        assert_eq!("engine".parse::<Output>().unwrap(), Output::Engine);
        assert_eq!("registry".parse::<Output>().unwrap(), Output::Registry);
        assert_eq!(
            "archive:a:b.tar".parse::<Output>().unwrap(),
            Output::Archive(PathBuf::from("a:b.tar"))
        );
        assert_eq!("oci:a:b".parse::<Output>().unwrap(), Output::Layout(PathBuf::from("a:b")));
        for bad in ["", "oci", "oci:", "docker", "archive", "archive:", "engine:x", "registry:x"] {
            assert_eq!(bad.parse::<Output>().unwrap_err().code, crate::error::USAGE, "{bad}");
        }
    }
}
