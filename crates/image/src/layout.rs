//! OCI layouts: folders of blobs that images are added to without ever leaving a partial state (OCI
//! image-spec, image-layout).
//!
//! A blob is written under a temporary name while it is hashed, then flushed, checked and renamed;
//! then the folder is flushed. `index.json` is changed last, under a lock, starting from its
//! current content. A run that is killed, or a full disk, leaves the layout unchanged except for
//! unreferenced blobs. The next run removes the temporary files of dead runs: a living run holds a
//! shared lock on the folder as long as it has any.

mod index;
mod lock;

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::blobs::{Blob, Blobs, OCI_LAYOUT};
use crate::digest::HashingWriter;
use crate::layer::{TEMPORARY_PREFIX, temporary_file};
use crate::{Digest, ImageError, ImageSet, durable};

/// How long to wait for another process that is changing the index, which normally takes
/// milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);
const BUFFER: usize = 256 * 1024;
/// The maximum size of the file `oci-layout`, which contains only a version.
const LARGEST_MARK: u64 = 64 * 1024;

/// A folder that is an OCI layout, or becomes one with the first image.
#[derive(Debug)]
pub struct Layout {
    root: PathBuf,
    /// Shows other runs that our temporary files are in use.
    _presence: File,
}

impl Layout {
    /// Opens a layout to add images, and creates the folder if it does not exist. Fails if the
    /// folder is not a layout.
    pub fn open_or_create(root: &Path) -> Result<Self, ImageError> {
        fs::create_dir_all(root).map_err(|source| store(root, source))?;
        let presence = File::open(root).map_err(|source| store(root, source))?;
        if lock::try_exclusive(&presence).map_err(|source| store(root, source))? {
            remove_temporary_files(root)?;
        }
        lock::shared(&presence).map_err(|source| store(root, source))?;
        check(root)?;
        Ok(Self { root: root.to_owned(), _presence: presence })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Creates a folder for spooled layers on the layout's file system. It is removed on drop or,
    /// if this run is killed, by the next run.
    pub fn spool_folder(&self) -> Result<TempDir, ImageError> {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .permissions(private)
            .tempdir_in(&self.root);
        folder.map_err(|source| store(&self.root, source))
    }

    /// Adds images. An image takes over the names that it shares with existing ones. Everything
    /// else stays.
    pub fn add(&self, sets: &[ImageSet]) -> Result<(), ImageError> {
        let blobs = Blobs::of(sets)?;
        let folder = self.root.join("blobs/sha256");
        fs::create_dir_all(&folder).map_err(|source| store(&folder, source))?;
        for (digest, blob) in &blobs.by_digest {
            self.add_blob(&folder, *digest, blob)?;
        }
        durable::sync_folder(&folder)?;
        durable::sync_folder(&self.root.join("blobs"))?;
        let _lock = lock::exclusive(&self.root.join("blobs"), &self.root, LOCK_TIMEOUT)?;
        let index = index::with(&self.root, blobs.roots)?;
        self.write("index.json", index.bytes())?;
        // Write this file last: without it the folder is not a layout.
        if !self.root.join("oci-layout").exists() {
            self.write("oci-layout", OCI_LAYOUT)?;
        }
        durable::sync_folder(&self.root)
    }

    fn add_blob(&self, folder: &Path, digest: Digest, blob: &Blob) -> Result<(), ImageError> {
        let path = folder.join(digest.hex());
        let size = match blob {
            Blob::Document(document) => document.size(),
            Blob::Layer(layer) => layer.size(),
        };
        if is_there(&path, digest, size) {
            return Ok(());
        }
        match blob {
            Blob::Document(document) => {
                self.write(&format!("blobs/sha256/{}", digest.hex()), document.bytes())
            }
            Blob::Layer(layer) => {
                if let Some(spool) = layer.spool()
                    && self.link(spool, &path)?
                {
                    return Ok(());
                }
                let file = temporary_file(&self.root)?;
                let mut out = BufWriter::with_capacity(BUFFER, file.as_file());
                layer.write_to(&mut out)?;
                out.flush().map_err(|source| store(&path, source))?;
                drop(out);
                durable::persist(file, &path)
            }
        }
    }

    /// Links a spooled layer, which was hashed when it was written, into the layout. Returns
    /// `false` if it is on another file system.
    fn link(&self, spool: &Path, path: &Path) -> Result<bool, ImageError> {
        let failed = |source| store(path, source);
        // The link must also replace a blob of the wrong size, so it needs a temporary name.
        let name = temporary_file(&self.root)?.into_temp_path();
        fs::remove_file(&name).map_err(failed)?;
        if fs::hard_link(spool, &name).is_err() {
            return Ok(false);
        }
        File::open(&name).and_then(|file| file.sync_all()).map_err(failed)?;
        name.persist(path).map_err(|error| failed(error.error))?;
        Ok(true)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ImageError> {
        let path = self.root.join(name);
        let mut file = temporary_file(&self.root)?;
        file.write_all(bytes).map_err(|source| store(&path, source))?;
        durable::persist(file, &path)
    }
}

/// Refuses folders that are not a layout, or a layout of another version.
fn check(root: &Path) -> Result<(), ImageError> {
    let refuse = |reason: String| Err(ImageError::NotALayout { path: root.to_owned(), reason });
    match scratchdbg_files::read(&root.join("oci-layout"), LARGEST_MARK) {
        Ok(bytes) => {
            let version = serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default();
            match version["imageLayoutVersion"].as_str() {
                Some("1.0.0") => Ok(()),
                Some(version) => refuse(format!("its version is {version}, and 1.0.0 is known")),
                None => refuse("its file oci-layout names no version".into()),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            for entry in fs::read_dir(root).map_err(|source| store(root, source))? {
                let name = entry.map_err(|source| store(root, source))?.file_name();
                // Left behind by a run that was killed before it added its first image.
                let ours = name == "blobs" || name == "index.json" || is_temporary(&name);
                if !ours {
                    return refuse(format!("it holds {}", name.display()));
                }
            }
            Ok(())
        }
        Err(source) => Err(ImageError::Read { path: root.join("oci-layout"), source }),
    }
}

fn remove_temporary_files(root: &Path) -> Result<(), ImageError> {
    for entry in fs::read_dir(root).map_err(|source| store(root, source))? {
        let entry = entry.map_err(|source| store(root, source))?;
        if is_temporary(&entry.file_name()) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_folder {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed.map_err(|source| store(&entry.path(), source))?;
        }
    }
    Ok(())
}

fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(TEMPORARY_PREFIX))
}

/// Whether a blob is stored whole. A power cut leaves files of the right size full of zeros, so it
/// is read.
fn is_there(path: &Path, digest: Digest, size: u64) -> bool {
    if !fs::symlink_metadata(path).is_ok_and(|there| there.is_file() && there.len() == size) {
        return false;
    }
    let mut hashed = HashingWriter::new(io::sink());
    let copied = File::open(path).and_then(|mut file| io::copy(&mut file, &mut hashed));
    copied.is_ok() && hashed.finish() == (digest, size)
}

fn store(path: &Path, source: io::Error) -> ImageError {
    ImageError::Store { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
