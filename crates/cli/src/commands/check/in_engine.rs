//! Images and containers of the engine.

use std::path::Path;

use scratchdbg_diagnose::mentions::MentionScanner;
use scratchdbg_diagnose::mounts::Mounts;
use scratchdbg_diagnose::rootfs::Rootfs;
use scratchdbg_diagnose::rules::image::{self, ImageFacts};
use scratchdbg_docker::{self as engine, ContainerName, ContainerRecord, Engine, HostFacts};
use scratchdbg_image::read::ImageSource;

use super::Report;
use super::stored::{self, Host};
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::CommandError;

/// An image of that name, or else a container.
pub(super) async fn check(name: &str, context: &Context) -> Result<Vec<Report>, CommandError> {
    let engine = context.engine().await?;
    let host = engine.host_facts().await?;
    if engine.has_image(name).await? {
        return image(engine, name, host).await;
    }
    let record = match name.parse::<ContainerName>() {
        Ok(container) => engine.container_record(&container).await,
        Err(error) => Err(error.into()),
    };
    match record {
        Ok(record) => Ok(vec![container(engine, &record, &host).await?]),
        Err(engine::Error::NoSuchContainer { .. } | engine::Error::InvalidName(_)) => Err(CommandError::new(format!(
            "nothing is called `{name}`: no file, no image and no container"
        ))
        .hint("`docker images` and `docker ps -a` list what there is; a layout is oci:DIR, an archive archive:FILE")),
        Err(error) => Err(error.into()),
    }
}

async fn image(engine: &Engine, name: &str, host: HostFacts) -> Result<Vec<Report>, CommandError> {
    let no_room = |error: std::io::Error| CommandError::new(format!("cannot keep a copy of the image: {error}"));
    // It has no name: whatever ends us ends it too.
    let mut copy = tempfile::tempfile().map_err(no_room)?;
    // The engine's pieces are large: nothing is gained by collecting them.
    engine.save_image(name, &mut copy).await?;
    let name = name.to_owned();
    blocking(move || {
        let source = ImageSource::open_archive(copy, Path::new(&name)).map_err(|error| stored::unreadable(&error))?;
        // The engine says what it will run.
        let source = source.trusted();
        stored::images(&name, &source, None, Host { platform: host.platform.as_ref(), cpu: host.cpu })
    })
    .await
}

/// With the container's own configuration and files, of which only those that rules ask for are read.
async fn container(engine: &Engine, record: &ContainerRecord, host: &HostFacts) -> Result<Report, CommandError> {
    let container: ContainerName = record.id.parse()?;
    let mentions = mentions(engine, &container, record).await;
    let mut record = record.clone();
    engine.look_at_mounts(&mut record, host).await;
    let record = &record;
    let mut rootfs = Rootfs::on_demand();
    let mut mounts = Mounts::new(record.facts.mounts.clone());
    loop {
        let findings = image::check(ImageFacts {
            mounts: Some(&mounts),
            mentions: mentions.as_ref(),
            host: host.platform.as_ref(),
            cpu: host.cpu,
            bounding_set: record.bounding_set,
            ..ImageFacts::new(&record.config, &rootfs)
        });
        let fetched = engine.fetch_wanted(record, &mut rootfs).await.map_err(|error| {
            CommandError::from(error)
                .hint("what cannot be looked at is not judged; its image may tell: scratchdbg check IMAGE")
        });
        if fetched? {
            continue;
        }
        let beneath = if mounts.is_asked() { engine.paths_beneath(&container, mounts.list()).await } else { None };
        if let Some(beneath) = beneath {
            mounts.tell(beneath);
        } else {
            return Ok(Report { subject: record.facts.name.clone(), findings });
        }
    }
}

/// What the container's program speaks of; unknown where it cannot be read.
async fn mentions(
    engine: &Engine,
    container: &ContainerName,
    record: &ContainerRecord,
) -> Option<scratchdbg_diagnose::mentions::Mentions> {
    let program = record.config.arguments().first().copied()?.to_owned();
    let mut scanner = MentionScanner::new();
    let read = engine.scan_file(container, &program, |bytes| scanner.push(bytes)).await;
    read.ok().map(|()| scanner.finish())
}
