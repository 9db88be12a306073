//! Turns the command line into a build specification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scratchdbg_builder::dockerfile::{self, Arguments, Origins, Recipe};
use scratchdbg_builder::provision::With;
use scratchdbg_builder::{Addition, BuildSpec};
use scratchdbg_diagnose::Finding;
use scratchdbg_image::{Compression, Healthcheck, Platform, TaggedReference};

use super::explain::{explain, explain_dockerfile};
use crate::error::CommandError;
use scratchdbg_args::BuildArgs;
use scratchdbg_args::values::{health, set_variable, words};

/// Facts about an image's Dockerfile.
#[derive(Debug)]
pub(super) struct Source {
    /// The path, as the user named it.
    pub(super) path: String,
    /// The line that set each value.
    pub(super) origins: Origins,
    /// Findings about its lines.
    pub(super) findings: Vec<Finding>,
    /// The text of the Dockerfile.
    text: String,
}

impl Source {
    /// Reports whether the line that adds a file of the image sets the file's mode.
    pub(super) fn sets_mode(&self, path: &str) -> bool {
        let line = self
            .origins
            .files
            .get(path)
            .and_then(|line| self.text.lines().nth(line.checked_sub(1)?));
        line.is_some_and(|line| line.contains("--chmod"))
    }
}

/// Uses the Dockerfile of a directory that is named in place of a binary, as `docker build .` does.
pub(super) fn with_dockerfile_of_context(mut args: BuildArgs) -> Result<BuildArgs, CommandError> {
    if let (None, [context]) = (&args.file, &args.binaries[..])
        && context.is_dir()
    {
        let file = context.join("Dockerfile");
        if !file.is_file() {
            return Err(CommandError::new(format!(
                "{} is a directory without a Dockerfile",
                context.display()
            ))
            .hint("name a static binary, or the Dockerfile with --file"));
        }
        args.file = Some(file);
    }
    if args.file.is_none() && !args.arguments.is_empty() {
        return Err(CommandError::usage(
            "--build-arg sets an ARG of a Dockerfile, and none is named",
        )
        .hint("name the Dockerfile with --file, or the folder that has it"));
    }
    Ok(args)
}

/// Returns everything except for the twin and the storage, and the image's Dockerfile. `epoch` is
/// `SOURCE_DATE_EPOCH`.
pub(super) fn spec(
    args: &BuildArgs,
    epoch: Option<&str>,
) -> Result<(BuildSpec, Option<Source>), CommandError> {
    let tags = references("--tag", &args.tags)?;
    let platforms =
        args.platforms.iter().map(|text| platform(text)).collect::<Result<Vec<_>, _>>()?;
    let additions = args.additions.iter().map(|text| text.parse::<Addition>());
    let additions = additions.collect::<Result<Vec<_>, _>>().map_err(|error| explain(&error))?;
    let epoch = seconds(epoch)?;
    let (mut spec, mut source) = match &args.file {
        Some(file) => {
            let (recipe, text) =
                from_dockerfile(file, &args.binaries, &args.arguments, &platforms)?;
            let path = file.to_string_lossy().into_owned();
            let source = Source { path, origins: recipe.origins, findings: recipe.findings, text };
            (recipe.spec, Some(source))
        }
        None => (BuildSpec { binaries: args.binaries.clone(), ..BuildSpec::default() }, None),
    };
    if let Some(source) = &mut source {
        // Values from the command line have no line in the Dockerfile.
        let given = [
            (args.entrypoint.is_some(), &["ENTRYPOINT", "CMD"][..]),
            (args.cmd.is_some(), &["CMD"]),
            (args.user.is_some(), &["USER"]),
            (args.workdir.is_some(), &["WORKDIR"]),
            (args.healthcheck.is_some(), &["HEALTHCHECK"]),
        ];
        for keyword in
            given.into_iter().filter(|(is_given, _)| *is_given).flat_map(|(_, keywords)| keywords)
        {
            source.origins.forget(keyword);
        }
    }
    spec.tags = tags;
    spec.platforms = platforms;
    spec.epoch = epoch;
    for addition in additions {
        addition.apply(&mut spec.files).map_err(|error| explain(&error))?;
    }
    for variable in &args.env {
        set_variable(&mut spec.env, variable)?;
    }
    for label in &args.labels {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        spec.labels.insert(key.to_owned(), value.to_owned());
    }
    if let Some(entrypoint) = &args.entrypoint {
        // As in Docker: CMD was meant for the replaced entrypoint.
        spec.cmd = None;
        spec.entrypoint = Some(words("--entrypoint", entrypoint)?);
    }
    if let Some(cmd) = &args.cmd {
        spec.cmd =
            Some(if cmd.starts_with('[') { words("--cmd", cmd)? } else { vec![cmd.clone()] });
    }
    spec.expose.extend(args.expose.iter().cloned());
    if let Some(user) = &args.user {
        spec.user.clone_from(user);
    }
    spec.workdir = args.workdir.clone().or(spec.workdir);
    spec.stop_signal = args.stop_signal.clone().or(spec.stop_signal);
    if let Some(check) = &args.healthcheck {
        spec.healthcheck = Some(Healthcheck {
            test: Some(health(check)?),
            ..spec.healthcheck.unwrap_or_default()
        });
    }
    Ok((spec, source))
}

/// Parses `--with`. A Dockerfile lists its image's files itself, so nothing is added to it by
/// default.
pub(super) fn with(args: &BuildArgs) -> Result<With, CommandError> {
    match (&args.with, &args.file) {
        (Some(text), _) => text.parse().map_err(|error| explain(&error)),
        (None, Some(_)) => Ok(With::Only([].into())),
        (None, None) => Ok(With::Auto),
    }
}

/// Parses the value of `--compress`.
pub(super) fn compression(text: Option<&str>) -> Result<Option<Compression>, CommandError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error: scratchdbg_image::ImageError| {
        CommandError::usage(format!("--compress: {}", scratchdbg_backend::chain(&error)))
            .hint("layers for an engine need no compression; registries usually have gzip")
    })
}

/// Parses the values of a flag with image names.
pub(super) fn references(
    flag: &str,
    texts: &[String],
) -> Result<Vec<TaggedReference>, CommandError> {
    let parse = |text: &String| {
        let reference = text.parse::<TaggedReference>();
        reference.map_err(|error| {
            CommandError::usage(format!("{flag} {text}: {}", scratchdbg_backend::chain(&error)))
                .hint("an image's name is [HOST/]NAME[:TAG] in lower case, such as shop/app:1")
        })
    };
    texts.iter().map(parse).collect()
}

fn platform(text: &str) -> Result<Platform, CommandError> {
    text.parse().map_err(|error: scratchdbg_image::ImageError| {
        CommandError::usage(format!("--platform: {}", scratchdbg_backend::chain(&error)))
            .hint("leave it out: the platform is taken from the binary")
    })
}

/// Returns `SOURCE_DATE_EPOCH`, or 1970.
fn seconds(epoch: Option<&str>) -> Result<u64, CommandError> {
    let Some(text) = epoch else { return Ok(0) };
    text.parse().map_err(|_| {
        CommandError::usage(format!("SOURCE_DATE_EPOCH={text}: not a number of seconds"))
            .hint("it is seconds since 1970, such as `git log -1 --format=%ct` prints")
    })
}

/// Returns files and settings of a Dockerfile. Its sources are in the named directory, or in its
/// own.
fn from_dockerfile(
    file: &Path,
    named: &[PathBuf],
    arguments: &[String],
    platforms: &[Platform],
) -> Result<(Recipe, String), CommandError> {
    if platforms.len() > 1 {
        return Err(CommandError::usage("--platform: with --file, one at most can be named")
            .hint("build one image for each platform, with a tag of its own"));
    }
    let context = match named {
        [] => {
            file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
        }
        [folder] => folder,
        _ => {
            return Err(CommandError::usage("with --file, one folder at most can be named")
                .hint("it is the folder that the Dockerfile's sources lie in; the Dockerfile names the binaries"));
        }
    };
    if !context.is_dir() {
        return Err(CommandError::usage(format!("{} is not a folder", context.display())).hint(
            "with --file, name the folder that the Dockerfile's sources lie in; the Dockerfile names the binaries",
        ));
    }
    let mut values = BTreeMap::new();
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or_else(|| {
            CommandError::usage(format!("--build-arg {argument}: no value"))
                .hint("it is NAME=VALUE")
        })?;
        values.insert(name.to_owned(), value.to_owned());
    }
    let text = scratchdbg_files::read_text(file, dockerfile::LARGEST).map_err(|error| {
        CommandError::unreadable(file, &error).hint("--file takes the path of a Dockerfile")
    })?;
    let arguments = Arguments { values, target: platforms.first().cloned() };
    let recipe = dockerfile::read(&text, context, &arguments)
        .map_err(|error| explain_dockerfile(file, &error))?;
    Ok((recipe, text))
}
