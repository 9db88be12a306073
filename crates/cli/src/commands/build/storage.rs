//! Stores layers until they are written. Each layer is read, hashed and packed once, whatever the
//! number of outputs.

use std::path::{Path, PathBuf};

use scratchdbg_builder::LayerStorage;
use scratchdbg_image::{Compression, ImageError, ImageSet, Layout};
use tempfile::TempDir;

use super::explain::explain_image;
use super::output::Output;
use crate::error::CommandError;

/// The directories of a build.
#[derive(Debug)]
pub(super) struct Storage {
    layers: LayerStorage,
    /// Removed when the build ends in any way. Dropped before the layouts, because it may be inside
    /// one.
    _spool: Option<TempDir>,
    layouts: Vec<OpenLayout>,
}

#[derive(Debug)]
struct OpenLayout {
    path: PathBuf,
    layout: Layout,
    /// Whether its directory was created for it.
    is_new: bool,
}

impl Storage {
    /// Opens the layouts among the outputs, and decides where layers are stored. Without a
    /// `compression`, layers for a layout or a registry are packed as registries and most tools
    /// expect, and streams are not packed.
    pub(super) fn prepare(
        outputs: &[Output],
        compression: Option<Compression>,
    ) -> Result<Self, CommandError> {
        let layouts = outputs.iter().filter_map(|output| match output {
            Output::Layout(path) => Some(OpenLayout::open(path)),
            _ => None,
        });
        let layouts =
            layouts.collect::<Result<Vec<_>, _>>().map_err(|error| explain_image(&error))?;
        let first = layouts.first();
        let is_stored_packed = first.is_some() || outputs.contains(&Output::Registry);
        let compression = compression.unwrap_or(if is_stored_packed {
            Compression::GZIP
        } else {
            Compression::None
        });
        let spool = match first {
            // On the file system of the layout, a layer becomes a blob without being copied.
            Some(open) => Some(open.layout.spool_folder().map_err(|error| explain_image(&error))?),
            None => None,
        };
        let layers = match &spool {
            Some(spool) => LayerStorage::Spool { folder: spool.path().to_owned(), compression },
            None if outputs.len() > 1 || compression != Compression::None => {
                LayerStorage::Unnamed { compression }
            }
            None => LayerStorage::Stream,
        };
        Ok(Self { layers, _spool: spool, layouts })
    }

    pub(super) fn layers(&self) -> LayerStorage {
        self.layers.clone()
    }

    /// Adds images to a layout that was among the outputs.
    pub(super) fn add_to_layout(&self, folder: &Path, sets: &[ImageSet]) -> Result<(), ImageError> {
        self.layouts
            .iter()
            .filter(|open| open.path == folder)
            .try_for_each(|open| open.layout.add(sets))
    }
}

impl Drop for OpenLayout {
    /// Removes a directory that was created for a failed build, unless it is not empty.
    fn drop(&mut self) {
        if self.is_new {
            let _not_empty = std::fs::remove_dir(&self.path);
        }
    }
}

impl OpenLayout {
    fn open(path: &Path) -> Result<Self, ImageError> {
        let is_new = !path.exists();
        Ok(Self { path: path.to_owned(), layout: Layout::open_or_create(path)?, is_new })
    }
}
