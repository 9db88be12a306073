//! The hybrid archive: one tar that is both an OCI layout and an archive as `docker save` writes
//! it.
//!
//! containerd, Docker's containerd store, Podman and skopeo read `oci-layout` and `index.json`.
//! Every other Docker reads `manifest.json` and ignores the rest. Both name the same blobs.
//! Directories have entries of their own because scanners and the OCI validators look for them.

use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::blobs::{Blob, Blobs, OCI_LAYOUT};
use crate::image::index;
use crate::json::Document;
use crate::tar::TarWriter;
use crate::{Digest, ImageError, ImageSet, durable};

/// Writes `sets` as one archive that `docker load`, `podman load`, `ctr import` and `skopeo` all
/// accept.
///
/// The archive is streamed: nothing is written twice or kept in memory, whatever the size of a
/// layer. A layer that several images share is stored once. Every entry has the modification time
/// `mtime`, in seconds since 1970. The same sets give the same bytes.
///
/// Errors: [`ImageError::Write`] if writing to `out` fails; [`ImageError::BlobChanged`],
/// [`ImageError::SourceChanged`] or [`ImageError::Read`] if a source file has changed. What was
/// written until then is not an archive.
pub fn write_hybrid(sets: &[ImageSet], mtime: u64, out: &mut dyn Write) -> Result<(), ImageError> {
    let blobs = Blobs::of(sets)?;
    let index = Document::of(&index(blobs.roots)?, "index.json")?;
    let manifest = Document::of(&docker_manifest(sets), "manifest.json")?;
    let mut tar = TarWriter::new(out, mtime);
    tar.directory("blobs")?;
    tar.directory("blobs/sha256")?;
    for (digest, blob) in &blobs.by_digest {
        match blob {
            Blob::Document(document) => {
                small_file(&mut tar, &blob_path(*digest), document.bytes())?;
            }
            Blob::Layer(layer) => {
                tar.file(&blob_path(*digest), layer.size(), |out| layer.write_to(out))?;
            }
        }
    }
    small_file(&mut tar, "index.json", index.bytes())?;
    small_file(&mut tar, "manifest.json", manifest.bytes())?;
    small_file(&mut tar, "oci-layout", OCI_LAYOUT)?;
    tar.finish()
}

/// Writes the archive of [`write_hybrid`] to a file: first under a temporary name, and under `path`
/// only when all of it is on the disk. So a reader, a crash or a full disk never leads to an
/// incomplete file. An existing file is replaced; a pipe or device is written to directly.
pub fn save_hybrid(sets: &[ImageSet], mtime: u64, path: &Path) -> Result<(), ImageError> {
    durable::write_file(path, |out| {
        write_hybrid(sets, mtime, &mut BufWriter::with_capacity(1 << 18, out))
    })
}

fn small_file(tar: &mut TarWriter<'_>, path: &str, bytes: &[u8]) -> Result<(), ImageError> {
    tar.file(path, bytes.len() as u64, |out| out.write_all(bytes).map_err(ImageError::Write))
}

fn blob_path(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// One element of `manifest.json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// `manifest.json` does not support platforms. If a set has several images, the first one gets the
/// names.
fn docker_manifest(sets: &[ImageSet]) -> Vec<DockerImage> {
    let images = sets.iter().flat_map(|set| {
        set.images().iter().enumerate().map(|(position, image)| DockerImage {
            config: blob_path(image.config_document().digest()),
            repo_tags: (position == 0 && !set.tags().is_empty())
                .then(|| set.tags().iter().map(ToString::to_string).collect()),
            layers: image.layers().iter().map(|layer| blob_path(layer.digest())).collect(),
        })
    });
    images.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::sample;
    use crate::{Entry, FileData, Image, Layer, Tree, annotation};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;
    use std::io::{self, Read as _};

    fn bytes_of(sets: &[ImageSet]) -> Vec<u8> {
        let mut out = Vec::new();
        write_hybrid(sets, 0, &mut out).unwrap();
        out
    }

    fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = tar::Archive::new(archive);
        let files = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), data)
        });
        files.collect()
    }

    fn set(tags: &[&str], images: Vec<Image>) -> ImageSet {
        ImageSet::new(tags.iter().map(|tag| tag.parse().unwrap()).collect(), images).unwrap()
    }

    /// An image, and another with the same layer and one more.
    fn pair() -> (Image, Image) {
        let prod = sample("amd64", "app");
        let mut tree = Tree::default();
        tree.insert("sh", Entry::file(FileData::Bytes((*b"sh").into()), 0o755)).unwrap();
        let layers = vec![prod.layers()[0].clone(), Layer::from_tree(tree, 0).unwrap()];
        let debug = Image::new(prod.config().clone(), layers, BTreeMap::new()).unwrap();
        (prod, debug)
    }

    #[test]
    fn every_blob_is_there_once_under_its_digest() {
        let (prod, debug) = pair();
        let archive =
            bytes_of(&[set(&["app:1", "app:2"], vec![prod]), set(&["app:1-debug"], vec![debug])]);
        let files = files(&archive);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted, "sorted, and nothing twice");
        assert_eq!(names[..2], ["blobs/", "blobs/sha256/"]);
        let blobs: Vec<_> = files
            .iter()
            .filter(|(name, _)| name.starts_with("blobs/sha256/") && name.len() > 13)
            .collect();
        assert_eq!(blobs.len(), 6, "two layers, two configs, two manifests");
        for (name, data) in blobs {
            assert_eq!(*name, blob_path(Digest::of(data)));
        }
    }

    #[test]
    fn both_descriptions_name_the_same() {
        let (prod, debug) = pair();
        let config = blob_path(prod.config_document().digest());
        let layers: Vec<_> = debug.layers().iter().map(|layer| blob_path(layer.digest())).collect();
        let manifest_digest = prod.manifest().digest().to_string();
        let archive = bytes_of(&[set(&["app:1", "shop/app:2"], vec![prod]), set(&[], vec![debug])]);
        let files: BTreeMap<_, _> = files(&archive).into_iter().collect();
        let docker: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(docker[0]["Config"], config);
        assert_eq!(
            docker[0]["RepoTags"],
            json!(["docker.io/library/app:1", "docker.io/shop/app:2"])
        );
        assert_eq!(docker[1]["RepoTags"], Value::Null);
        assert_eq!(docker[1]["Layers"], json!(layers));
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let manifests = index["manifests"].as_array().unwrap();
        assert_eq!(manifests.len(), 3);
        assert_eq!(manifests[0]["digest"], manifest_digest);
        assert_eq!(manifests[1]["digest"], manifest_digest);
        assert_eq!(
            manifests[1]["annotations"][annotation::CONTAINERD_NAME],
            "docker.io/shop/app:2"
        );
        assert_eq!(manifests[1]["annotations"][annotation::REF_NAME], "2");
        assert_eq!(manifests[1]["platform"], json!({"os": "linux", "architecture": "amd64"}));
        assert_eq!(manifests[2].get("annotations"), None);
        assert_eq!(files["oci-layout"], OCI_LAYOUT);
    }

    #[test]
    fn several_platforms_are_one_index() {
        let archive =
            bytes_of(&[set(&["app:1"], vec![sample("amd64", "a"), sample("arm64", "b")])]);
        let files: BTreeMap<_, _> = files(&archive).into_iter().collect();
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let root = &index["manifests"][0];
        assert_eq!(root["mediaType"], "application/vnd.oci.image.index.v1+json");
        let digest: Digest = root["digest"].as_str().unwrap().parse().unwrap();
        let nested: Value = serde_json::from_slice(&files[&blob_path(digest)]).unwrap();
        assert_eq!(nested["manifests"][1]["platform"]["architecture"], "arm64");
    }

    #[test]
    fn the_same_sets_give_the_same_bytes() {
        let make = || {
            let (prod, debug) = pair();
            bytes_of(&[set(&["app:1"], vec![prod]), set(&["app:1-debug"], vec![debug])])
        };
        let first = make();
        assert!((0..20).all(|_| make() == first));
    }

    /// Fails after `left` bytes, like a full disk.
    struct Full {
        left: usize,
    }

    impl Write for Full {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            self.left = self.left.checked_sub(buffer.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_an_error_wherever_it_strikes() {
        let sets = [set(&["app:1"], vec![sample("amd64", "a")])];
        let size = bytes_of(&sets).len();
        for left in (0..size).step_by(256) {
            let error = write_hybrid(&sets, 0, &mut Full { left }).unwrap_err();
            assert!(
                matches!(&error, ImageError::Write(e) if e.kind() == io::ErrorKind::StorageFull),
                "{left}: {error}"
            );
        }
        write_hybrid(&sets, 0, &mut Full { left: size }).unwrap();
    }
}
