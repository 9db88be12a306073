//! Finds the images in a layout or archive.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::blob::Files;
use super::image::{StoredImage, StoredLayer, layer_media_type};
use super::names::{self, full_name, tag};
use super::{ReadError, RemoteImage};
use crate::json::Document;
use crate::{Digest, ImageConfig, annotation};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// BuildKit lists attestations of an image beside the image: a manifest without a platform, whose
/// layers are not layers.
const ATTESTATION_TYPE: &str = "vnd.docker.reference.type";
/// The maximum nesting of indexes. Ours have two levels, and a cycle would have no end.
const DEEPEST: usize = 4;
/// The maximum number of images that are listed.
const MOST_IMAGES: usize = 10_000;
/// The maximum number of index entries that are read, as indexes may name the same things
/// repeatedly.
const MOST_LISTED: usize = 100_000;
/// The maximum length of a name, in bytes.
const LONGEST_NAME: usize = 1024;
/// The maximum size of all documents together, in bytes.
const LARGEST_DOCUMENTS: u64 = 64 * 1024 * 1024;
/// The maximum number of layers. Engines have a limit of 127.
const MOST_LAYERS: usize = 1000;

/// An OCI layout, an OCI archive, a hybrid archive, or an archive of `docker save`.
#[derive(Debug)]
pub struct ImageSource {
    pub(super) files: Files,
    /// The layers need not be verified.
    pub(super) is_trusted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// An index or a manifest, not yet known which.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    media_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    annotations: Option<BTreeMap<String, String>>,
}

/// An element of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The images found so far, and the counters for the limits.
#[derive(Default)]
struct Found {
    images: Vec<StoredImage>,
    /// The position of the image with this manifest digest.
    places: HashMap<Digest, usize>,
    listed: usize,
    read: u64,
}

impl Found {
    fn push(&mut self, what: &str, image: StoredImage) -> Result<(), ReadError> {
        if self.images.len() >= MOST_IMAGES {
            return Err(ReadError::invalid(what, "more than 10,000 images"));
        }
        if let Some(manifest) = &image.manifest {
            self.places.insert(manifest.digest(), self.images.len());
        }
        self.images.push(image);
        Ok(())
    }

    fn count_entry(&mut self, what: &str) -> Result<(), ReadError> {
        self.listed += 1;
        if self.listed > MOST_LISTED {
            return Err(ReadError::invalid(what, "indexes that list more than 100,000 images, counted each time"));
        }
        Ok(())
    }

    fn count_bytes(&mut self, what: &str, size: u64) -> Result<(), ReadError> {
        self.read = self.read.saturating_add(size);
        if self.read > LARGEST_DOCUMENTS {
            return Err(ReadError::invalid(what, "manifests and configs of more than 64 MiB in all"));
        }
        Ok(())
    }
}

impl ImageSource {
    /// Opens a layout folder.
    pub fn layout(folder: &Path) -> Result<Self, ReadError> {
        let files = Files::folder(folder);
        let not_an_image = |reason: &str| ReadError::NotAnImage { path: folder.to_owned(), reason: reason.into() };
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
                Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(ReadError::Io { path, source }),
                _ => return Err(not_an_image(&format!("it has no file {name}"))),
            }
        }
        let version: serde_json::Value = serde_json::from_slice(&files.document("oci-layout")?).unwrap_or_default();
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
        Ok(Self { files, is_trusted: false })
    }

    /// Creates a source for an image elsewhere, which is fetched while it is read.
    pub fn remote(image: Arc<dyn RemoteImage>) -> Self {
        Self { files: Files::Remote { name: PathBuf::from(image.name()), image }, is_trusted: false }
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
            self.walk(&format!("the manifest of {name}"), image.root(), &[name], 0, &mut found)?;
        } else if self.files.size("index.json").is_some() {
            let bytes = self.files.document("index.json")?;
            self.walk("index.json", &bytes, &[], 0, &mut found)?;
            names::expect_one_image_each("index.json", &found.images)?;
            // Each engine reads one of the two.
            if matches!(self.files, Files::Archive { .. }) && self.files.size("manifest.json").is_some() {
                let mut other = Found::default();
                self.docker(&mut other)?;
                names::expect_one_image_each("manifest.json", &other.images)?;
                names::expect_agreement(&found.images, &other.images)?;
            }
        } else {
            self.docker(&mut found)?;
            names::expect_one_image_each("manifest.json", &found.images)?;
        }
        Ok(found.images)
    }

    /// Returns the images with this name, which may be a full name, a familiar one, or a bare tag.
    /// Without a name, returns all images. Finding no image is an error.
    pub fn find(&self, name: Option<&str>) -> Result<Vec<StoredImage>, ReadError> {
        let images = self.images()?;
        let Some(wanted) = name else { return Ok(images) };
        let full = wanted.parse::<crate::TaggedReference>().ok().map(|reference| reference.to_string());
        let is_wanted = |name: &String| name == wanted || Some(name) == full.as_ref() || tag(name) == Some(wanted);
        let (found, others): (Vec<_>, Vec<_>) = images.into_iter().partition(|image| image.names.iter().any(is_wanted));
        if !found.is_empty() {
            return Ok(found);
        }
        let names: Vec<_> = others.into_iter().flat_map(|image| image.names).collect();
        let available = if names.is_empty() { "none with a name".into() } else { names.join(", ") };
        Err(ReadError::NoSuchImage { path: self.files.path().to_owned(), wanted: wanted.into(), available })
    }

    fn walk(
        &self,
        what: &str,
        bytes: &[u8],
        names: &[String],
        depth: usize,
        found: &mut Found,
    ) -> Result<(), ReadError> {
        let listing: Listing =
            serde_json::from_slice(bytes).map_err(|error| ReadError::invalid(what, error.to_string()))?;
        let invalid = |reason: &str| Err(ReadError::invalid(what, reason));
        match (listing.media_type.as_deref(), listing.manifests, listing.config, listing.layers) {
            (_, Some(_), Some(_), _) | (_, Some(_), _, Some(_)) => {
                invalid("it is an index and a manifest at once, and readers would not agree what it is")
            }
            (Some(MANIFEST | DOCKER_MANIFEST), Some(_), ..) => invalid("it says that it is a manifest and is an index"),
            (Some(INDEX | DOCKER_LIST), None, ..) => invalid("it says that it is an index and is none"),
            (_, Some(_), ..) if depth >= DEEPEST => invalid("indexes within indexes: too deep, or a cycle"),
            (_, Some(entries), ..) => {
                for entry in entries {
                    self.entry(&entry, names, depth, found)?;
                }
                Ok(())
            }
            (_, None, Some(config), Some(layers)) => {
                found.count_bytes(what, config.size)?;
                let manifest = Document::stored(bytes.to_vec());
                let annotations = listing.annotations.unwrap_or_default();
                found.push(what, self.image(names, manifest, &config, layers, annotations)?)
            }
            _ => invalid("it is neither an index nor a manifest"),
        }
    }

    fn entry(&self, entry: &Descriptor, names: &[String], depth: usize, found: &mut Found) -> Result<(), ReadError> {
        if !matches!(entry.media_type.as_str(), INDEX | MANIFEST | DOCKER_LIST | DOCKER_MANIFEST) {
            // Other kinds of artifacts, such as signatures, may be listed too.
            return Ok(());
        }
        let is_attestation = |annotations: &BTreeMap<String, String>| annotations.contains_key(ATTESTATION_TYPE);
        if entry.annotations.as_ref().is_some_and(is_attestation) {
            return Ok(());
        }
        let own = entry.annotations.as_ref().and_then(|annotations| {
            annotations.get(annotation::CONTAINERD_NAME).or_else(|| annotations.get(annotation::REF_NAME))
        });
        // All images below an index have its name.
        let own = own.filter(|name| name.len() <= LONGEST_NAME);
        let names = own.map_or_else(|| names.to_vec(), |name| vec![name.clone()]);
        let what = format!("manifest {}", entry.digest);
        found.count_entry(&what)?;
        // An image with several names is one image.
        if let Some(image) = found.places.get(&entry.digest).and_then(|place| found.images.get_mut(*place)) {
            image.names.extend(names);
            return Ok(());
        }
        found.count_bytes(&what, entry.size)?;
        let file = blob_file(entry.digest);
        let bytes = checked(&what, entry, self.files.manifest(&what, &file, entry.digest, entry.size)?)?;
        let listing: Listing =
            serde_json::from_slice(&bytes).map_err(|error| ReadError::invalid(&what, error.to_string()))?;
        if listing.media_type.as_ref().is_some_and(|media_type| *media_type != entry.media_type) {
            return Err(ReadError::invalid(what, "its media type is not the one of its descriptor"));
        }
        self.walk(&what, &bytes, &names, depth + 1, found)
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
        })
    }

    fn docker(&self, found: &mut Found) -> Result<(), ReadError> {
        let what = "manifest.json";
        let listed: Vec<DockerImage> = serde_json::from_slice(&self.files.document(what)?)
            .map_err(|error| ReadError::invalid(what, error.to_string()))?;
        for image in listed {
            found.count_bytes(&image.config, self.files.size(&image.config).unwrap_or_default())?;
            let (config, config_document) = parse_config(&image.config, self.files.document(&image.config)?)?;
            check_layers(&image.config, image.layers.len(), &config)?;
            let layers = image.layers.into_iter().zip(&config.rootfs.diff_ids).map(|(file, diff_id)| {
                let size = self.files.size(&file).ok_or_else(|| ReadError::Missing { what: file.clone() })?;
                Ok(StoredLayer { file, digest: None, size, media_type: None, diff_id: *diff_id })
            });
            let layers = layers.collect::<Result<_, ReadError>>()?;
            let names = image.repo_tags.unwrap_or_default().iter().map(|tag| full_name(tag)).collect();
            let annotations = BTreeMap::new();
            found.push(what, StoredImage { names, config, config_document, manifest: None, annotations, layers })?;
        }
        Ok(())
    }
}

/// Checks a document against its descriptor.
fn checked(what: &str, descriptor: &Descriptor, bytes: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    if bytes.len() as u64 != descriptor.size {
        let (expected, actual) = (descriptor.size, bytes.len() as u64);
        return Err(ReadError::SizeMismatch { what: what.into(), expected, actual });
    }
    let actual = Digest::of(&bytes);
    if actual == descriptor.digest { Ok(bytes) } else { Err(ReadError::DigestMismatch { what: what.into(), actual }) }
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
