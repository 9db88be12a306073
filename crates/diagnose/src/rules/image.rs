//! Rules for an image, or a container's configuration and files: problems that are visible before
//! it runs.

mod command;
mod environment;
mod healthcheck;
pub mod layer;
mod lookup;
pub(crate) mod mount;
mod needs;
mod permission;
mod runtime;
mod shell;
mod signal;
mod syntax;
mod user;
mod volume;
mod workdir;

use crate::capability;
use crate::code::Code;
use crate::config::ConfigFacts;
use crate::elf::IsaLevel;
use crate::finding::Finding;
use crate::mentions::Mentions;
use crate::mounts::{Mount, Mounts};
use crate::platform::Platform;
use crate::program::Program;
use crate::rootfs::{Resolution, Rootfs};
use crate::rules::program::{self, Subject};

/// An image, and the machine that it will run on.
#[derive(Clone, Copy, Debug)]
pub struct ImageFacts<'a> {
    /// Its configuration.
    pub config: &'a ConfigFacts,
    /// Its files.
    pub rootfs: &'a Rootfs,
    /// The names that its program mentions; `None` if it was not searched.
    pub mentions: Option<&'a Mentions>,
    /// The platform of the host, if known. Otherwise that of the configuration is used.
    pub host: Option<&'a Platform>,
    /// The level of the host's processor, if known.
    pub cpu: Option<IsaLevel>,
    /// The most capabilities that a process can have (`CapBnd`), one bit each. Docker's default is
    /// [`capability::DEFAULT`].
    pub bounding_set: u64,
    /// The mounts over its files, if it is a container.
    pub mounts: Option<&'a Mounts>,
}

impl<'a> ImageFacts<'a> {
    /// Returns an image that will run on its declared platform, with default options.
    pub fn new(config: &'a ConfigFacts, rootfs: &'a Rootfs) -> Self {
        Self {
            config,
            rootfs,
            mentions: None,
            host: None,
            cpu: None,
            bounding_set: capability::DEFAULT,
            mounts: None,
        }
    }
}

/// Returns all problems of the image, the most severe first: errors, then warnings, then notes,
/// each in the order in which a start encounters them.
pub fn check(image: ImageFacts<'_>) -> Vec<Finding> {
    let mut findings = check_start(image);
    findings.extend(volume::check(image));
    findings.extend(signal::check(image.config));
    findings.extend(user::check(image));
    findings.extend(healthcheck::check(image));
    findings.extend(syntax::check(image.config));
    findings.extend(needs::check(image));
    findings.extend(layer::secrets_in_environment(&image.config.env));
    Finding::sort_worst_first(&mut findings);
    findings
}

/// Returns the problems that prevent the image's program from starting, in the order in which an
/// engine encounters them.
pub(crate) fn check_start(image: ImageFacts<'_>) -> Vec<Finding> {
    let mut findings = environment::check(image.config);
    findings.extend(user::unknown(image));
    findings.extend(workdir::check(image));
    let arguments = image.config.arguments();
    match command::find(image, &arguments) {
        command::Command::Wrong(wrong) => findings.extend(wrong),
        command::Command::Open => {}
        command::Command::Found(path) => {
            findings.extend(command::shell_arguments(image.config));
            if let Some(hidden) = runtime::hidden(image, &path) {
                findings.push(hidden);
                return findings;
            }
            findings.extend(permission::check(image, &path));
            if let Some((real_path, program)) = image.rootfs.program(&path) {
                findings.extend(program::check(Subject {
                    platform: image.host.or(image.config.platform.as_ref()),
                    search_path: image.config.search_path(),
                    library_path: image.config.variable("LD_LIBRARY_PATH").unwrap_or_default(),
                    preload: image.config.variable("LD_PRELOAD").unwrap_or_default(),
                    working_directory: &image.config.working_directory,
                    user: Some(&image.config.user),
                    cpu: image.cpu,
                    mounts: image.mounts,
                    ..Subject::new(&real_path, program, image.rootfs)
                }));
            }
        }
    }
    findings
}

/// Returns the program, if it exists: its path without links, its mode, and the mount that contains
/// it.
pub(crate) fn program_file(image: ImageFacts<'_>) -> Option<(String, u32, Option<Mount>)> {
    let arguments = image.config.arguments();
    let command::Command::Found(path) = command::find(image, &arguments) else { return None };
    let Resolution::Found { path, entry: Some(entry), .. } = image.rootfs.resolve(&path) else {
        return None;
    };
    let mount = image.mounts.and_then(|mounts| mounts.over(&path)).cloned();
    Some((path, entry.mode, mount))
}

/// Returns the mode of a file of the image.
pub(crate) fn mode_of_file(image: ImageFacts<'_>, path: &str) -> Option<u32> {
    let Resolution::Found { entry: Some(entry), .. } = image.rootfs.resolve(path) else {
        return None;
    };
    Some(entry.mode)
}

/// Returns the interpreter of a script, or the loader of a dynamic program, if it is on a mount
/// with noexec.
pub(crate) fn interpreter_on_noexec(image: ImageFacts<'_>) -> Option<Finding> {
    let arguments = image.config.arguments();
    let command::Command::Found(path) = command::find(image, &arguments) else { return None };
    let (_, program) = image.rootfs.program(&path)?;
    let interpreter = match program {
        Program::Script(script) => &script.interpreter,
        Program::Elf(elf) => elf.interpreter.as_ref()?,
        Program::Other(_) => return None,
    };
    let Resolution::Found { path, entry: Some(entry), .. } = image.rootfs.resolve(interpreter)
    else {
        return None;
    };
    mount::no_exec(image, &path, entry.mode)
}

/// Returns what the image and the mounts prove about a library that the loader did not find: a
/// mount hides it, or it is in neither.
pub(crate) fn library_proven(image: ImageFacts<'_>, name: &str) -> Option<Finding> {
    let says = |finding: &Finding| {
        [' ', ','].iter().any(|end| finding.message.contains(&format!("library {name}{end}")))
    };
    let is_of_libraries =
        |code| matches!(code, Code::HiddenByMount | Code::LibraryMissing | Code::TruncatedBinary);
    check_start(image).into_iter().find(|finding| is_of_libraries(finding.code) && says(finding))
}

/// What is known of a program that is not the image's own.
pub(crate) enum Wanted {
    /// It is in the image, or not known yet.
    MayBeThere,
    /// It is at none of these paths.
    Missing(Vec<String>),
}

/// Looks for a program as a runtime does.
pub(crate) fn find_program(config: &ConfigFacts, rootfs: &Rootfs, name: &str) -> Wanted {
    match lookup::find(config, rootfs, name) {
        lookup::Found::Nowhere(tried) => Wanted::Missing(tried),
        lookup::Found::At(_) | lookup::Found::Relative(_) | lookup::Found::Open => {
            Wanted::MayBeThere
        }
    }
}

/// Formats an argument vector as an array of strings.
pub(crate) fn exec_form(words: &[impl AsRef<str>]) -> String {
    shell::exec_form(words)
}

/// Reports whether the image has a shell named `sh`; `None` if that is not known yet.
pub fn has_shell(config: &ConfigFacts, rootfs: &Rootfs) -> Option<bool> {
    match lookup::find(config, rootfs, "sh") {
        lookup::Found::At(_) => Some(true),
        lookup::Found::Nowhere(_) | lookup::Found::Relative(_) => Some(false),
        lookup::Found::Open => None,
    }
}

#[cfg(test)]
mod tests;
