//! A program by itself, as if it were all that an image holds.

use std::io::{self, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use scratchdbg_builder::DEFAULT_USER;
use scratchdbg_diagnose::Finding;
use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::program;
use scratchdbg_diagnose::rootfs::{Entry, Rootfs};
use scratchdbg_diagnose::rules::image::{self, ImageFacts};

use super::files;
use crate::error::CommandError;

pub(super) fn check(path: &Path) -> Result<Vec<Finding>, CommandError> {
    let unreadable = |error: io::Error| CommandError::unreadable(path, &error);
    let (mut file, metadata) = scratchdbg_files::open(path).map_err(unreadable)?;
    let program = program::inspect(&mut file).map_err(|error| unreadable(io::Error::other(error)))?;
    file.rewind().map_err(unreadable)?;
    let mentions = files::scan(&[], &mut file).map_err(unreadable)?;

    let name = path.file_name().map_or_else(|| "app".into(), |name| name.to_string_lossy());
    let place = format!("/{name}");
    let mut rootfs = Rootfs::complete();
    rootfs.insert(&place, Entry::program(metadata.mode() & 0o7777, metadata.len(), program));
    let config = ConfigFacts { entrypoint: vec![place], user: DEFAULT_USER.to_owned(), ..ConfigFacts::default() };
    Ok(image::check(ImageFacts { mentions: Some(&mentions), ..ImageFacts::new(&config, &rootfs) }))
}
