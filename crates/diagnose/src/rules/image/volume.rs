//! `volume-not-mountable`, `volume-hides-program`.

use super::ImageFacts;
use super::lookup::{self, Found};
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::rootfs::{Resolution, normalize};

pub(super) fn check(image: ImageFacts<'_>) -> Vec<Finding> {
    let program = program(image);
    image
        .config
        .volumes
        .iter()
        .filter_map(|volume| one(image, volume, program.as_deref()))
        .collect()
}

fn one(image: ImageFacts<'_>, volume: &str, program: Option<&str>) -> Option<Finding> {
    let path = normalize(volume);
    let is_below = |path: &str, folder: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let in_the_way = if path == "/" {
        Some("it would take the place of the whole image".to_owned())
    } else if is_below(&path, "/proc") {
        Some("the kernel's own files are there, and runtimes mount nothing over them".to_owned())
    } else if path == "/dev" {
        Some("the runtime's own devices are there".to_owned())
    } else {
        match image.rootfs.resolve(&path) {
            Resolution::Found { path, entry: Some(entry), .. } if !entry.is_directory() => {
                Some(format!("{path} is a file of the image"))
            }
            Resolution::NotADirectory { at } => Some(format!("{at} is a file of the image")),
            _ => None,
        }
    };
    if let Some(in_the_way) = in_the_way {
        return Some(
            Finding::new(
                Code::VolumeNotMountable,
                Severity::Error,
                format!("no container starts with a volume at {volume}: {in_the_way}"),
            )
            .evidence(format!("Volumes: {volume}"))
            .fix("name a folder of the program's own: VOLUME /data"),
        );
    }
    let program = program.filter(|program| is_below(program, &path))?;
    Some(
        Finding::new(
            Code::VolumeHidesProgram,
            Severity::Warning,
            format!("the program {program} lies in the volume {volume}: one that is there already hides it, with an older program or none"),
        )
        .evidence(format!("Volumes: {volume}"))
        .fix("keep the program outside of its volumes: COPY it to another folder, or leave the VOLUME out"),
    )
}

/// Returns the actual path of the program.
fn program(image: ImageFacts<'_>) -> Option<String> {
    let name = image.config.arguments().first().copied().filter(|name| !name.is_empty())?;
    let Found::At(path) = lookup::find(image.config, image.rootfs, name) else { return None };
    match image.rootfs.resolve(&path) {
        Resolution::Found { path, .. } => Some(path),
        _ => None,
    }
}
