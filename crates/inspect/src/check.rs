//! Checks a program, a Dockerfile, a manifest, an image or a container.

use std::ops::ControlFlow;

use scratchdbg_backend::{ContainerName, ContainerRecord, ErrorKind, HostFacts};
use scratchdbg_diagnose::mentions::{MentionScanner, Mentions};
use scratchdbg_diagnose::rules::image::{self, ImageFacts};

use crate::blocking::blocking;
use crate::contents;
use crate::evaluate::evaluate;
use crate::open::{open, open_of_platform};
use crate::stored::{self, Host};
use crate::{
    Caveat, Error, ImageLocation, Platform, Report, Sources, dockerfile, manifest, program,
};

/// Checks everything at a location, which the user calls `subject`. Returns a report for each
/// image. `tell` is called for each caveat, on a thread that may block.
pub async fn check(
    location: ImageLocation,
    subject: &str,
    sources: &impl Sources,
    tell: impl Fn(Caveat) + Send + 'static,
) -> Result<Vec<Report>, Error> {
    let subject = subject.to_owned();
    match location {
        ImageLocation::Program(path) => {
            blocking(move || Ok(vec![Report { subject, findings: program::check(&path)? }])).await
        }
        ImageLocation::Dockerfile(path) => {
            blocking(move || Ok(vec![dockerfile::check(&subject, &path, tell)?])).await
        }
        ImageLocation::Manifest(path) => Ok(vec![manifest::check(subject, &path, sources).await?]),
        ImageLocation::Platform(name) => check_named(&name, sources.platform().await?).await,
        location => {
            let opened = open(location, sources).await?;
            blocking(move || stored::check_all(&subject, &opened, Host::default())).await
        }
    }
}

/// Checks the image with this name, or else the container.
async fn check_named(name: &str, platform: &impl Platform) -> Result<Vec<Report>, Error> {
    let host = platform.host_facts().await?;
    match open_of_platform(name, platform).await {
        Err(Error::NoSuchImage { .. }) => {}
        opened => {
            // The platform runs these very layers: hashing them proves nothing.
            let opened = opened?.trusted();
            let name = name.to_owned();
            let check = move || {
                stored::check_all(
                    &name,
                    &opened,
                    Host { platform: host.platform.as_ref(), cpu: host.cpu },
                )
            };
            return blocking(check).await;
        }
    }
    let nothing = || Error::NothingNamed { name: name.to_owned() };
    let container: ContainerName = name.parse().map_err(|_| nothing())?;
    match platform.container_record(&container).await {
        Ok(record) => Ok(vec![check_container(record, &host, platform).await?]),
        Err(error) if matches!(error.kind, ErrorKind::NotFound { .. }) => Err(nothing()),
        Err(error) => Err(error.into()),
    }
}

/// Checks a container with its own configuration and files. Reads only the files that rules ask
/// for.
async fn check_container(
    mut record: ContainerRecord,
    host: &HostFacts,
    platform: &impl Platform,
) -> Result<Report, Error> {
    let mentions = mentions(&record, platform).await;
    platform.describe_mounts(&mut record, host).await;
    let evaluation = evaluate(platform, &record, |rootfs, mounts| {
        ControlFlow::Continue(image::check(ImageFacts {
            mounts: Some(mounts),
            mentions: mentions.as_ref(),
            host: host.platform.as_ref(),
            cpu: host.cpu,
            bounding_set: record.bounding_set,
            ..ImageFacts::new(&record.config, rootfs)
        }))
    })
    .await;
    match evaluation.failure {
        Some(error) => Err(Error::FilesNotShown(error)),
        None => Ok(Report { subject: record.facts.name.clone(), findings: evaluation.value }),
    }
}

/// Returns what the container's program mentions. `None` if the program cannot be read.
async fn mentions(record: &ContainerRecord, platform: &impl Platform) -> Option<Mentions> {
    let program = record.config.arguments().first().copied()?.to_owned();
    let mut scanner = MentionScanner::new();
    let mut left = contents::MOST_SEARCHED;
    let visit = |bytes: &[u8]| {
        scanner.push(bytes);
        left = left.saturating_sub(bytes.len() as u64);
        left > 0
    };
    platform.scan_file(record, &program, visit).await.ok()?;
    // What stands behind is not known: a container can make a file of any size from nothing.
    (left > 0).then(|| scanner.finish())
}
