//! Images in a layout or an archive.

use std::path::Path;

use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::rootfs::Rootfs;
use scratchdbg_diagnose::rules::image::{self, ImageFacts, layer};
use scratchdbg_diagnose::{Finding, Platform};
use scratchdbg_image::read::{ImageSource, ReadError, StoredImage};

use super::Report;
use super::layers::{Layer, Merged};
use crate::error::CommandError;

/// An image in the engine runs on that engine's machine.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Host<'a> {
    pub(super) platform: Option<&'a Platform>,
    pub(super) cpu: Option<scratchdbg_diagnose::elf::IsaLevel>,
}

pub(super) fn layout(subject: &str, folder: &Path, name: Option<&str>) -> Result<Vec<Report>, CommandError> {
    let source = ImageSource::layout(folder).map_err(|error| unreadable(&error))?;
    images(subject, &source, name, Host::default())
}

pub(super) fn archive(subject: &str, file: &Path, name: Option<&str>) -> Result<Vec<Report>, CommandError> {
    let source = ImageSource::archive(file).map_err(|error| unreadable(&error))?;
    images(subject, &source, name, Host::default())
}

/// A report for each image, named by its own name and platform where there are several.
pub(super) fn images(
    subject: &str,
    source: &ImageSource,
    name: Option<&str>,
    host: Host<'_>,
) -> Result<Vec<Report>, CommandError> {
    let images = source.find(name).map_err(|error| unreadable(&error))?;
    let several = images.len() > 1;
    let report = |image: &StoredImage| {
        let findings = check(source, image, host).map_err(|error| unreadable(&error))?;
        let subject = match image.names.first() {
            Some(name) if several => format!("{subject}: {name} ({})", image.platform()),
            None if several => format!("{subject}: {} ({})", image.config_document.digest(), image.platform()),
            _ => subject.to_owned(),
        };
        Ok(Report { subject, findings })
    };
    images.iter().map(report).collect()
}

/// What to do about an image that cannot be read.
pub(super) fn unreadable(error: &ReadError) -> CommandError {
    let hint = match error {
        ReadError::Io { source, .. } => scratchdbg_files::hint(source),
        ReadError::NotAnImage { .. } => "check the path: a layout is a folder, an archive a file",
        ReadError::NoSuchImage { .. } => "name one that is there",
        _ => "the image is damaged, or was tampered with: fetch or build it again",
    };
    CommandError::new(scratchdbg_backend::chain(error)).hint(hint)
}

fn check(source: &ImageSource, stored: &StoredImage, host: Host<'_>) -> Result<Vec<Finding>, ReadError> {
    let config = ConfigFacts::from_image_json(stored.config_document.bytes())
        .map_err(|error| ReadError::Invalid { what: "the config".to_owned(), reason: error.to_string() })?;
    let program = config.arguments().first().map(ToString::to_string).unwrap_or_default();
    let mut merged = Merged::of(base_name(&program));
    for stored_layer in &stored.layers {
        let mut current = Layer::default();
        match source.visit_layer(stored_layer, &mut |member, data| merged.member(member, data, &mut current)) {
            Ok(()) => merged.apply(current),
            // Nobody loads it: there is nothing more to say.
            Err(ReadError::DuplicatePath { path, layer }) => return Ok(vec![layer::duplicate_path(&layer, &path)]),
            Err(error) => return Err(error),
        }
    }
    let rootfs = Rootfs::complete_with(merged.entries);
    // An image that is not for this machine at all is judged by what it declares.
    let host_platform = host.platform.filter(|host| config.platform.as_ref().is_none_or(|own| host.runs(own)));
    let mut findings = image::check(ImageFacts {
        mentions: merged.mentions.values().next(),
        host: host_platform,
        cpu: host_platform.and(host.cpu),
        ..ImageFacts::new(&config, &rootfs)
    });
    findings.extend(merged.findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(findings)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
