//! Images in a layout, an archive or a registry.

use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::mentions::Mentions;
use scratchdbg_diagnose::rootfs::Rootfs;
use scratchdbg_diagnose::rules::image::{self, ImageFacts, layer};
use scratchdbg_diagnose::{Finding, Platform, elf};
use scratchdbg_image::read::{ImageSource, ReadError, StoredImage, spelled};

use crate::layers::{Layer, Merged};
use crate::open::OpenImage;
use crate::{Error, Report};

/// The machine that an image of the platform runs on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Host<'a> {
    pub(crate) platform: Option<&'a Platform>,
    pub(crate) cpu: Option<elf::IsaLevel>,
}

/// Returns a report for each image. With several images, the report's subject has the image's own
/// name and platform. Blocking.
pub(crate) fn check_all(
    subject: &str,
    opened: &OpenImage,
    host: Host<'_>,
) -> Result<Vec<Report>, Error> {
    let images = opened.images()?;
    let several = images.len() > 1;
    let report = |image: &StoredImage| {
        let findings = check(&opened.source, image, host).map_err(|error| opened.explain(error))?;
        let subject = match image.names.first() {
            Some(name) if several => format!("{subject}: {name} ({})", image.platform()),
            None if several => {
                format!("{subject}: {} ({})", image.config_document.digest(), image.platform())
            }
            _ => subject.to_owned(),
        };
        Ok(Report { subject, findings })
    };
    images.iter().map(report).collect()
}

/// What is in an image.
pub(crate) struct ImageContents {
    /// Its configuration, after the caller's changes.
    pub(crate) config: ConfigFacts,
    /// Its files.
    pub(crate) rootfs: Rootfs,
    /// What its program mentions.
    pub(crate) mentions: Option<Mentions>,
    /// Findings about single files.
    findings: Vec<Finding>,
}

/// Reads an image. `change` makes the configuration that counts of the image's own. Returns a
/// finding if no engine loads the image. Blocking.
pub(crate) fn read(
    source: &ImageSource,
    stored: &StoredImage,
    change: impl FnOnce(&ConfigFacts) -> ConfigFacts,
) -> Result<Result<ImageContents, Finding>, ReadError> {
    let invalid = |reason| ReadError::Invalid { what: "the config".to_owned(), reason };
    let document =
        spelled(stored.config_document.bytes()).map_err(|error| invalid(error.to_string()))?;
    let config = ConfigFacts::from_image(document).map_err(|error| invalid(error.to_string()))?;
    let config = change(&config);
    let program = config.arguments().first().map(ToString::to_string).unwrap_or_default();
    let mut merged = Merged::of(base_name(&program));
    for stored_layer in &stored.layers {
        let mut current = Layer::default();
        match source.visit_layer(stored_layer, &mut |member, data| {
            merged.member(member, data, &mut current)
        }) {
            Ok(()) => merged.apply(current),
            Err(ReadError::DuplicatePath { path, layer }) => {
                return Ok(Err(layer::duplicate_path(&layer, &path)));
            }
            Err(error) => return Err(error),
        }
    }
    let mentions = merged.mentions.into_values().next();
    Ok(Ok(ImageContents {
        config,
        rootfs: Rootfs::complete_with(merged.entries),
        mentions,
        findings: merged.findings,
    }))
}

fn check(
    source: &ImageSource,
    stored: &StoredImage,
    host: Host<'_>,
) -> Result<Vec<Finding>, ReadError> {
    let contents = match read(source, stored, ConfigFacts::clone)? {
        Ok(contents) => contents,
        // Other findings do not matter.
        Err(broken) => return Ok(vec![broken]),
    };
    let config = &contents.config;
    // An image for another machine is judged by the platform that it declares.
    let host_platform =
        host.platform.filter(|host| config.platform.as_ref().is_none_or(|own| host.runs(own)));
    let mut findings = image::check(ImageFacts {
        mentions: contents.mentions.as_ref(),
        host: host_platform,
        cpu: host_platform.and(host.cpu),
        ..ImageFacts::new(config, &contents.rootfs)
    });
    findings.extend(contents.findings);
    Finding::sort_worst_first(&mut findings);
    Ok(findings)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
