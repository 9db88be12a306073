//! Finds the images in a layout or archive.

mod found;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::found::Found;
use super::blob::Files;
use super::documents::{Descriptor, DockerImage, Listing};
use super::exact::{self, DOCKER_LISTING, MARK};
use super::image::{StoredImage, StoredLayer, layer_media_type};
use super::names::{self, full_name, tag};
use super::{ReadError, RemoteImage};
use crate::json::Document;
use crate::{Digest, ImageConfig};

/// The maximum nesting of indexes. Ours have two levels, and a cycle would have no end.
const DEEPEST: usize = 4;
/// The maximum number of layers. Engines have a limit of 127.
const MOST_LAYERS: usize = 1000;

/// An OCI layout, an OCI archive, a hybrid archive, or an archive of `docker save`.
#[derive(Debug)]
pub struct ImageSource {
    pub(super) files: Files,
    /// The layers need not be verified.
    pub(super) is_trusted: bool,
}

/// How engines find the images of an index.
#[derive(Clone, Copy)]
struct Level<'a> {
    /// The names of all images below it.
    names: &'a [String],
    /// Whether an image is chosen by its own name, as in the `index.json` of a layout, and not by
    /// its platform.
    by_name: bool,
    depth: usize,
}

impl ImageSource {
    /// Opens a layout folder.
    pub fn layout(folder: &Path) -> Result<Self, ReadError> {
        let files = Files::folder(folder);
        let not_an_image =
            |reason: &str| ReadError::NotAnImage { path: folder.to_owned(), reason: reason.into() };
        match folder.metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) => {
                let kind = scratchdbg_files::kind(&metadata).unwrap_or("a file");
                return Err(not_an_image(&format!("it is {kind}, not a folder")));
            }
            Err(error) => return Err(not_an_image(&error.to_string())),
        }
        for name in ["oci-layout", "index.json"] {
            let path = folder.join(name);
            match path.metadata() {
                Ok(metadata) if metadata.is_file() => {}
                // It may exist, but be inaccessible to this user.
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(ReadError::Io { path, source });
                }
                _ => return Err(not_an_image(&format!("it has no file {name}"))),
            }
        }
        let version: serde_json::Value =
            exact::parse("oci-layout", &files.document("oci-layout")?, &MARK).unwrap_or_default();
        if version["imageLayoutVersion"] != "1.0.0" {
            return Err(not_an_image("its file oci-layout does not say version 1.0.0"));
        }
        Ok(Self { files, is_trusted: false })
    }

    /// Opens an archive (hybrid, OCI, or of `docker save`) without unpacking it.
    pub fn archive(file: &Path) -> Result<Self, ReadError> {
        Self::of_archive(Files::archive(file)?)
    }

    /// Like [`ImageSource::archive`], for an open file, which may no longer have a name: `name`
    /// names it in errors.
    pub fn open_archive(file: File, name: &Path) -> Result<Self, ReadError> {
        Self::of_archive(Files::open_archive(file, name)?)
    }

    fn of_archive(files: Files) -> Result<Self, ReadError> {
        if files.size("index.json").is_none() && files.size("manifest.json").is_none() {
            let reason = "it has neither index.json nor manifest.json".into();
            return Err(ReadError::NotAnImage { path: files.path().to_owned(), reason });
        }
        // Without a manifest.json, Docker looks for images in its oldest form, and takes them.
        if files.size("manifest.json").is_none() && files.size("repositories").is_some() {
            let reason =
                "engines would not agree what it holds: a file repositories, and no manifest.json"
                    .into();
            return Err(ReadError::NotAnImage { path: files.path().to_owned(), reason });
        }
        Ok(Self { files, is_trusted: false })
    }

    /// Creates a source for an image elsewhere, which is fetched while it is read.
    pub fn remote(image: Arc<dyn RemoteImage>) -> Self {
        Self {
            files: Files::Remote { name: PathBuf::from(image.name()), image },
            is_trusted: false,
        }
    }

    /// Skips the verification of layers. For data that come directly from a trusted source, and not
    /// for data that are to be proved.
    #[must_use]
    pub fn trusted(self) -> Self {
        Self { is_trusted: true, ..self }
    }

    /// Returns all images with their documents, one for each platform of an index.
    pub fn images(&self) -> Result<Vec<StoredImage>, ReadError> {
        let mut found = Found::default();
        if let Files::Remote { image, .. } = &self.files {
            let name = image.name();
            let what = format!("the manifest of {name}");
            let level = Level { names: &[name], by_name: false, depth: 0 };
            self.walk(&what, image.root(), None, level, &mut found)?;
        } else if self.files.size("index.json").is_some() {
            let bytes = self.files.document("index.json")?;
            self.walk(
                "index.json",
                &bytes,
                None,
                Level { names: &[], by_name: true, depth: 0 },
                &mut found,
            )?;
            // Each engine reads one of the two.
            if matches!(self.files, Files::Archive { .. })
                && self.files.size("manifest.json").is_some()
            {
                let mut other = Found::default();
                self.docker(&mut other)?;
                names::expect_agreement(&found.images, &other.images)?;
            }
        } else {
            self.docker(&mut found)?;
        }
        Ok(found.images)
    }

    /// Returns the images with this name, which may be a full name, a familiar one, or a bare tag.
    /// Without a name, returns all images. Finding no image is an error.
    pub fn find(&self, name: Option<&str>) -> Result<Vec<StoredImage>, ReadError> {
        let images = self.images()?;
        let Some(wanted) = name else { return Ok(images) };
        let full =
            wanted.parse::<crate::TaggedReference>().ok().map(|reference| reference.to_string());
        // Podman takes a short name for one of these first.
        let local = format!("localhost/{wanted}");
        let is_wanted = |name: &String| {
            [wanted, &local].contains(&&**name)
                || Some(name) == full.as_ref()
                || tag(name) == Some(wanted)
        };
        let (found, others): (Vec<_>, Vec<_>) =
            images.into_iter().partition(|image| image.names.iter().any(is_wanted));
        if !found.is_empty() {
            return Ok(found);
        }
        let names: Vec<_> = others.into_iter().flat_map(|image| image.names).collect();
        let available = if names.is_empty() { "none with a name".into() } else { names.join(", ") };
        Err(ReadError::NoSuchImage {
            path: self.files.path().to_owned(),
            wanted: wanted.into(),
            available,
        })
    }

    /// Reads a manifest or an index, whose media type by its descriptor is `said`. Returns the
    /// positions of the images that it leads to.
    fn walk(
        &self,
        what: &str,
        bytes: &[u8],
        said: Option<&str>,
        level: Level<'_>,
        found: &mut Found,
    ) -> Result<BTreeSet<usize>, ReadError> {
        match Listing::read(what, bytes, said)? {
            Listing::Index(_) if level.depth >= DEEPEST => {
                Err(ReadError::invalid(what, "indexes within indexes: too deep, or a cycle"))
            }
            Listing::Index(entries) => self.index(what, &entries, level, found),
            Listing::Manifest { config, layers, annotations } => {
                found.count_bytes(what, config.size)?;
                let manifest = Document::stored(bytes.to_vec());
                let image = self.image(level.names, manifest, &config, layers, annotations)?;
                Ok(BTreeSet::from([found.push(what, image)?]))
            }
        }
    }

    fn index(
        &self,
        what: &str,
        entries: &[Descriptor],
        level: Level<'_>,
        found: &mut Found,
    ) -> Result<BTreeSet<usize>, ReadError> {
        if level.by_name {
            names::expect_one_entry_each(what, entries)?;
        }
        let (mut images, mut all_have_a_platform) = (BTreeSet::new(), true);
        for entry in entries {
            if entry.is_no_image(level.by_name)? {
                continue;
            }
            let below = self.entry(entry, level, found)?;
            match entry.platform() {
                Some(platform) => {
                    below.iter().try_for_each(|at| found.expect_platform(what, *at, platform))?;
                }
                None => all_have_a_platform = false,
            }
            images.extend(below);
        }
        if !level.by_name {
            if !all_have_a_platform && images.len() > 1 {
                return Err(ReadError::invalid(
                    what,
                    "it lists several images, and not the platform of each",
                ));
            }
            found.expect_one_for_each_platform(what, &images)?;
        }
        Ok(images)
    }

    fn entry(
        &self,
        entry: &Descriptor,
        level: Level<'_>,
        found: &mut Found,
    ) -> Result<BTreeSet<usize>, ReadError> {
        // Engines look for names at the top alone.
        let own = if level.by_name { entry.names() } else { Vec::new() };
        let names = if level.by_name { &own } else { level.names };
        let what = format!("manifest {}", entry.digest);
        found.count_entry(&what)?;
        // An image with several names is one image.
        if let Some(place) = found.places.get(&entry.digest).copied() {
            if let Some(image) = found.images.get_mut(place) {
                image.names.extend_from_slice(names);
            }
            return Ok(BTreeSet::from([place]));
        }
        found.count_bytes(&what, entry.size)?;
        let file = blob_file(entry.digest);
        let bytes =
            checked(&what, entry, self.files.manifest(&what, &file, entry.digest, entry.size)?)?;
        let level = Level { names, by_name: false, depth: level.depth + 1 };
        self.walk(&what, &bytes, Some(&entry.media_type), level, found)
    }

    fn image(
        &self,
        names: &[String],
        manifest: Document,
        config: &Descriptor,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Result<StoredImage, ReadError> {
        let what = format!("config {}", config.digest);
        let file = blob_file(config.digest);
        let bytes = self.files.small_blob(&what, &file, config.digest, config.size)?;
        let (config, config_document) = parse_config(&what, checked(&what, config, bytes)?)?;
        check_layers(&what, layers.len(), &config)?;
        let layers = layers.into_iter().zip(&config.rootfs.diff_ids).map(|(layer, diff_id)| {
            Ok(StoredLayer {
                file: blob_file(layer.digest),
                digest: Some(layer.digest),
                size: layer.size,
                media_type: Some(layer_media_type(&layer.media_type)?),
                diff_id: *diff_id,
            })
        });
        let layers = layers.collect::<Result<_, ReadError>>()?;
        Ok(StoredImage {
            names: names.to_vec(),
            config,
            config_document,
            manifest: Some(manifest),
            annotations,
            layers,
            listed_variant: None,
        })
    }

    fn docker(&self, found: &mut Found) -> Result<(), ReadError> {
        let what = "manifest.json";
        let listed: Vec<DockerImage> =
            exact::parse(what, &self.files.document(what)?, &DOCKER_LISTING)?;
        for image in listed {
            found.count_bytes(&image.config, self.files.size(&image.config).unwrap_or_default())?;
            let (config, config_document) =
                parse_config(&image.config, self.files.document(&image.config)?)?;
            check_layers(&image.config, image.layers.len(), &config)?;
            let layers =
                image.layers.into_iter().zip(&config.rootfs.diff_ids).map(|(file, diff_id)| {
                    let size = self
                        .files
                        .size(&file)
                        .ok_or_else(|| ReadError::Missing { what: file.clone() })?;
                    Ok(StoredLayer {
                        file,
                        digest: None,
                        size,
                        media_type: None,
                        diff_id: *diff_id,
                    })
                });
            let layers = layers.collect::<Result<_, ReadError>>()?;
            let names =
                image.repo_tags.unwrap_or_default().iter().map(|tag| full_name(tag)).collect();
            let image = StoredImage {
                names,
                config,
                config_document,
                manifest: None,
                annotations: BTreeMap::new(),
                layers,
                listed_variant: None,
            };
            found.push(what, image)?;
        }
        names::expect_one_image_each(what, &found.images)
    }
}

/// Checks a document against its descriptor.
fn checked(what: &str, descriptor: &Descriptor, bytes: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    if bytes.len() as u64 != descriptor.size {
        let (expected, actual) = (descriptor.size, bytes.len() as u64);
        return Err(ReadError::SizeMismatch { what: what.into(), expected, actual });
    }
    let actual = Digest::of(&bytes);
    if actual == descriptor.digest {
        Ok(bytes)
    } else {
        Err(ReadError::DigestMismatch { what: what.into(), actual })
    }
}

fn parse_config(what: &str, bytes: Vec<u8>) -> Result<(ImageConfig, Document), ReadError> {
    let config = super::spelled(&bytes).and_then(serde_json::from_value);
    let config = config.map_err(|error| ReadError::invalid(what, error.to_string()))?;
    Ok((config, Document::stored(bytes)))
}

fn check_layers(what: &str, layers: usize, config: &ImageConfig) -> Result<(), ReadError> {
    let diff_ids = config.rootfs.diff_ids.len();
    if layers > MOST_LAYERS {
        return Err(ReadError::invalid(what, format!("{layers} layers; engines take 127")));
    }
    if layers == diff_ids {
        return Ok(());
    }
    Err(ReadError::invalid(what, format!("it names {diff_ids} layers, the manifest {layers}")))
}

fn blob_file(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
