//! Rules for the pod template of a manifest, alone and with the images that it names.
//!
//! A template and its image are checked as a kubelet puts them together: the image's configuration,
//! with the settings of the container over it (`settings`).

mod access;
mod actions;
mod settings;
#[cfg(test)]
mod tests;

use crate::code::Code;
use crate::config::ConfigFacts;
use crate::finding::{Finding, Severity};
use crate::mentions::Mentions;
use crate::rootfs::Rootfs;
use crate::rules::image::{self, ImageFacts};
use crate::template::{ContainerTemplate, PodTemplate};

pub(crate) use self::settings::in_words_of_manifests;
pub use self::settings::{applied, hide_mounts};

/// The image of a container.
#[derive(Clone, Copy, Debug)]
pub struct TemplateImage<'a> {
    /// Its configuration with the settings of the container: [`applied`].
    pub config: &'a ConfigFacts,
    /// Its files, with those that mounts hide left open: [`hide_mounts`].
    pub rootfs: &'a Rootfs,
    /// What its program mentions.
    pub mentions: Option<&'a Mentions>,
}

/// Returns what is wrong with a manifest itself, as the API would say when it is applied.
pub fn invalid(path: &str, line: usize, what: &str, fix: &str) -> Finding {
    Finding::new(Code::ManifestInvalid, Severity::Error, what).fix(fix).at(path, line)
}

/// Returns that an image cannot be looked into, so that only its manifest was checked.
pub fn image_not_read(path: &str, line: usize, image: &str, why: &str) -> Finding {
    Finding::new(
        Code::ImagePullFailed,
        Severity::Error,
        format!("image {image} cannot be looked into ({why}): what needs its files was not checked"),
    )
    .fix("name an image that the engine or its registry has, or log in to the registry: docker login")
    .guessed()
    .at(path, line)
}

/// Returns the problems of a container that its manifest alone proves.
pub fn check_settings(
    path: &str,
    pod: &PodTemplate,
    container: &ContainerTemplate,
) -> Vec<Finding> {
    let mut findings = actions::unknown_ports(container);
    findings.extend(access::root_is_asked_for(container));
    named(findings, path, pod, container)
}

/// Returns the problems of a container and its image.
pub fn check_image(
    path: &str,
    pod: &PodTemplate,
    container: &ContainerTemplate,
    image: TemplateImage<'_>,
) -> Vec<Finding> {
    let facts =
        ImageFacts { mentions: image.mentions, ..ImageFacts::new(image.config, image.rootfs) };
    let is_refused = container.run_as_non_root.as_ref().is_some_and(|flag| flag.value);
    let mut findings = access::check(pod, container, image);
    findings.extend(actions::missing_programs(container, image));
    for mut finding in image::check(facts) {
        match finding.code {
            // These warn of what `access` proves, or rules out.
            Code::RunsAsRoot | Code::UserNotNumeric if is_refused => continue,
            code if is_about_program(code)
                && settings::is_program_unknown(container, image.config) =>
            {
                continue;
            }
            _ => {}
        }
        let line = line_of(&finding, container);
        in_words_of_manifests(&mut finding, container);
        findings.push(if finding.location.is_none() { finding.at("", line) } else { finding });
    }
    named(findings, path, pod, container)
}

/// Whether a finding is about which program runs.
fn is_about_program(code: Code) -> bool {
    matches!(
        code,
        Code::EntrypointMissing
            | Code::EntrypointNotAbsolute
            | Code::EntrypointOneString
            | Code::ShellForm
    )
}

/// Returns the line that a finding about an image is about: the one of the setting that takes the
/// place of the image's, else that of the image.
fn line_of(finding: &Finding, container: &ContainerTemplate) -> usize {
    let image = container.image.as_ref().map_or(container.line, |image| image.line);
    let own = match finding.code {
        Code::UserUnknown | Code::RunsAsRoot | Code::UserNotNumeric => {
            container.run_as_user.as_ref().map(|user| user.line)
        }
        Code::WorkdirNotADirectory => {
            container.working_directory.as_ref().map(|folder| folder.line)
        }
        code if is_about_program(code) || code == Code::NoCommand => {
            let command = container.command.as_ref().or(container.args.as_ref());
            command.map(|command| command.line)
        }
        _ => None,
    };
    own.unwrap_or(image)
}

/// Says of each finding which container it is about, and where.
fn named(
    findings: Vec<Finding>,
    path: &str,
    pod: &PodTemplate,
    container: &ContainerTemplate,
) -> Vec<Finding> {
    let image = container
        .image
        .as_ref()
        .map(|image| format!(", image {}", image.value))
        .unwrap_or_default();
    let place = format!("container {} of {}{image}", container.name, pod.name);
    let located = findings.into_iter().map(|mut finding| {
        let line = finding.location.take().map_or(container.line, |location| location.line);
        finding.evidence(place.clone()).at(path, line)
    });
    located.collect()
}
