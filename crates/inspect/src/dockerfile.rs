//! Checks a Dockerfile by the image that it would make.

use std::collections::BTreeSet;
use std::path::Path;

use scratchdbg_builder::BuildSpec;
use scratchdbg_builder::dockerfile::{self, Arguments, Hidden, Place, Unseen};
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::rootfs::{Entry, Rootfs};
use scratchdbg_diagnose::{Code, Finding};
use scratchdbg_image::ContainerConfig;

use crate::preflight::Modes;
use crate::{Caveat, Error, Report, preflight};

/// The limit of lines that are reported as not seen.
const MOST_NOTES: usize = 1000;

/// Checks a Dockerfile in the context of its folder. Reports what is not known without a build as
/// caveats.
pub(crate) fn check(subject: &str, path: &Path, tell: impl Fn(Caveat)) -> Result<Report, Error> {
    let text = scratchdbg_files::read_text(path, dockerfile::LARGEST)
        .map_err(|source| Error::File { path: path.to_owned(), source })?;
    let context =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (recipe, unseen) = dockerfile::inspect(&text, context, &Arguments::default())
        .map_err(|error| Error::Dockerfile { path: path.to_owned(), reason: error.reason })?;
    let spec = recipe.spec;
    let is_told = |finding: &&Finding| {
        matches!(
            finding.code,
            Code::DockerfileInvalid
                | Code::CopySourceMissing
                | Code::ShellForm
                | Code::EntrypointMissing
        )
    };
    let told = recipe.findings.iter().filter(is_told);
    let told: BTreeSet<_> =
        told.filter_map(|finding| Some(finding.location.as_ref()?.line)).collect();
    if recipe.left_out > 0 {
        tell(Caveat::LeftOut { path: path.to_owned(), count: recipe.left_out });
    }
    // A finding tells about a line that cannot be read.
    let is_new = |unseen: &&Unseen| !told.contains(&unseen.line);
    for unseen in unseen.iter().filter(is_new).take(MOST_NOTES) {
        if unseen.hidden != Hidden::Anything {
            tell(Caveat::NotSeen { path: path.to_owned(), unseen: unseen.clone() });
        }
    }
    let config = config(&spec)?;
    let mut findings =
        preflight::of_config(&spec, &config, known(&config, &unseen), Modes::OfTheSource)?;
    for finding in findings.iter_mut().filter(|finding| finding.code == Code::NotExecutableMode) {
        let is_other = |line: &String| {
            let (path, state) = line.split_once(": mode ").unwrap_or_default();
            let mode = spec.files.get(path).map(|entry| format!("{:04o},", entry.mode));
            mode.is_some_and(|mode| !state.starts_with(&mode))
        };
        if finding.evidence.iter().any(is_other) {
            finding.evidence.push(
                "that is the mode of the file here, which Docker keeps; scratchdbg build sets 0755"
                    .to_owned(),
            );
        }
    }
    if unseen.iter().any(|unseen| matches!(unseen.hidden, Hidden::Base(_) | Hidden::Anything)) {
        // A base image, or a line that cannot be read, may set what the Dockerfile does not.
        let inherited = |finding: &Finding| match finding.code {
            Code::RunsAsRoot => config.user.is_empty(),
            Code::NoCommand => true,
            _ => false,
        };
        findings.retain(|finding| !inherited(finding));
    }
    let findings =
        preflight::with_those_of_the_file(recipe.findings, findings, subject, &recipe.origins);
    Ok(Report { subject: subject.to_owned(), findings })
}

/// Returns what is known about files from other images: nothing, or that certain paths exist and no
/// others.
fn known(config: &ConfigFacts, unseen: &[Unseen]) -> Rootfs {
    let test = config.healthcheck.iter().flat_map(|check| check.test.iter().map(String::as_str));
    let words: Vec<&str> = config.arguments().into_iter().chain(test).collect();
    // The command line of a shell is one word; a program may be named without its folder.
    let parts: BTreeSet<&str> =
        words.iter().flat_map(|word| word.split_ascii_whitespace()).collect();
    let names: BTreeSet<&str> = parts.iter().filter_map(|part| part.rsplit('/').next()).collect();
    let folders = config.search_path().split(':').chain([config.working_directory.as_str()]);
    let folders: Vec<&str> = folders.collect();
    let mut rootfs = Rootfs::complete();
    for unseen in unseen {
        let Hidden::At(places) = &unseen.hidden else { return open(config) };
        for place in places {
            let Place { path, into_folder } = place;
            let is_below = |other: &str| {
                other.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            // A path with something named or searched below it is a folder.
            let is_folder = parts.iter().any(|part| is_below(part))
                || folders.iter().any(|folder| folder == path || is_below(folder));
            let is_named = path.rsplit('/').next().is_some_and(|name| names.contains(name));
            if is_named && !is_folder {
                rootfs.insert(path, Entry::file(0o755, 0));
            } else if !*into_folder {
                rootfs.insert_open(path);
            } else if place.folder() == "/" {
                return open(config);
            } else {
                rootfs.insert_open(place.folder());
            }
            if place.may_have("/etc/passwd") || place.may_have("/etc/group") {
                accounts(config, &mut rootfs);
            }
        }
    }
    rootfs
}

/// Returns files about which nothing is known.
fn open(config: &ConfigFacts) -> Rootfs {
    let mut rootfs = Rootfs::on_demand();
    accounts(config, &mut rootfs);
    rootfs
}

/// Adds accounts where they do not matter: a number needs none, and root is always 0.
fn accounts(config: &ConfigFacts, rootfs: &mut Rootfs) {
    if config.user.split(':').all(|part| part == "root") {
        rootfs.insert("/etc", Entry::directory(0o755));
        rootfs.insert("/etc/passwd", Entry::content(0o644, "root:x:0:0::/root:\n"));
        rootfs.insert("/etc/group", Entry::content(0o644, "root:x:0:\n"));
    } else if config.user.split(':').all(|part| part.parse::<u32>().is_ok()) {
        rootfs.insert("/etc", Entry::directory(0o755));
        rootfs.insert_absent("/etc/passwd");
        rootfs.insert_absent("/etc/group");
    }
}

/// Returns the configuration that the image will have. Nothing is built: the Dockerfile may be one
/// that cannot be.
fn config(spec: &BuildSpec) -> Result<ConfigFacts, Error> {
    let config = ContainerConfig {
        user: spec.user.clone(),
        env: Some(spec.env.clone()),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.cmd.clone(),
        working_dir: spec.workdir.clone().unwrap_or_default(),
        stop_signal: spec.stop_signal.clone(),
        healthcheck: spec.healthcheck.clone(),
        volumes: Some(
            spec.volumes.iter().map(|path| (path.clone(), serde_json::json!({}))).collect(),
        ),
        ..ContainerConfig::default()
    };
    let config = serde_json::to_value(config).and_then(serde_json::from_value);
    config.map_err(|error| Error::Config(error.to_string()))
}
