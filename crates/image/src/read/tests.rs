use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

mod limits;
mod listed;
mod names;

use super::*;
use crate::image::tests::sample;
use crate::{
    Compression, Digest, Entry, FileData, Image, ImageConfig, ImageSet, Layer, Layout, Tree,
    save_hybrid,
};

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

struct Store(tempfile::TempDir);

impl Store {
    /// Creates a layout with one image, named `app:1`, of one layer.
    fn with(image: Image) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let set = ImageSet::new(vec!["app:1".parse().unwrap()], vec![image]).unwrap();
        Layout::open_or_create(folder.path()).unwrap().add(&[set]).unwrap();
        Self(folder)
    }

    fn sample() -> Self {
        Self::with(sample("amd64", "app"))
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn blob(&self, digest: &Value) -> PathBuf {
        let digest: Digest = digest.as_str().unwrap().parse().unwrap();
        self.root().join("blobs/sha256").join(digest.hex())
    }

    fn index(&self) -> Value {
        json_of(&self.root().join("index.json"))
    }

    fn manifest(&self) -> Value {
        json_of(&self.blob(&self.index()["manifests"][0]["digest"]))
    }

    /// The descriptor of the image that a store begins with.
    fn sample_descriptor(&self) -> Value {
        let manifest = sample("amd64", "app").descriptor().unwrap();
        assert!(self.blob(&json!(manifest.digest().to_string())).is_file());
        serde_json::to_value(manifest).unwrap()
    }

    fn put(&self, bytes: &[u8], media_type: &str) -> Value {
        let digest = json!(Digest::of(bytes));
        fs::write(self.blob(&digest), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    fn set_index(&self, index: &Value) {
        fs::write(self.root().join("index.json"), index.to_string()).unwrap();
    }

    /// Replaces the manifest, with a matching descriptor.
    fn set_manifest(&self, manifest: &Value) {
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let descriptor = self.put(manifest.to_string().as_bytes(), media_type);
        self.set_index(&json!({"schemaVersion": 2, "manifests": [descriptor]}));
    }

    /// Replaces the layer, with matching digests everywhere.
    fn set_layer(&self, blob: &[u8], content: &[u8], media_type: &str) {
        let mut manifest = self.manifest();
        let mut config = json_of(&self.blob(&manifest["config"]["digest"]));
        config["rootfs"]["diff_ids"][0] = json!(Digest::of(content));
        manifest["config"] =
            self.put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
        manifest["layers"][0] = self.put(blob, media_type);
        self.set_manifest(&manifest);
    }

    /// Returns the first error of reading everything.
    fn error(&self) -> String {
        check(&ImageSource::layout(self.root()).unwrap()).unwrap_err().to_string()
    }
}

fn check(source: &ImageSource) -> Result<Vec<StoredImage>, ReadError> {
    let images = source.images()?;
    images.iter().try_for_each(|image| validate(source, image))?;
    Ok(images)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

#[test]
fn what_we_write_is_valid_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::GZIP, Compression::ZSTD] {
        let mut tree = Tree::with_root();
        tree.insert("app", Entry::file(FileData::Bytes(vec![7; 2_000_000].into()), 0o755)).unwrap();
        let layer = Layer::spooled(&tree, 0, compression, folder.path()).unwrap();
        let config = ImageConfig {
            architecture: "amd64".into(),
            os: "linux".into(),
            ..ImageConfig::default()
        };
        let image = Image::new(config, vec![layer], BTreeMap::new()).unwrap();
        let tags = vec!["app:1".parse().unwrap(), "shop/app:2".parse().unwrap()];
        let set = ImageSet::new(tags, vec![image.clone(), sample("arm64", "x")]).unwrap();
        let archive = folder.path().join("archive.tar");
        save_hybrid(&[set], 0, &archive).unwrap();
        let layout = Store::with(image.clone());
        for source in
            [ImageSource::archive(&archive).unwrap(), ImageSource::layout(layout.root()).unwrap()]
        {
            let images = check(&source).unwrap();
            assert_eq!(images[0].config, *image.config());
            assert_eq!(images[0].manifest.as_ref().unwrap(), image.manifest());
            assert_eq!(images[0].layers[0].digest, Some(image.layers()[0].digest()));
        }
    }
}

#[test]
fn an_archive_that_ends_within_an_entry_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive.tar");
    let set = ImageSet::new(vec!["app:1".parse().unwrap()], vec![sample("amd64", "app")]).unwrap();
    save_hybrid(&[set], 0, &archive).unwrap();
    let whole = fs::read(&archive).unwrap();
    // Headers are at multiples of 512 bytes. Cutting elsewhere cuts within the data of an entry, or
    // within a header.
    for length in (1..whole.len() - 1024).step_by(100).filter(|length| length % 512 != 0) {
        fs::write(&archive, &whole[..length]).unwrap();
        let result = ImageSource::archive(&archive).and_then(|source| check(&source));
        assert!(result.is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn a_trusted_source_is_not_hashed() {
    let store = Store::with(sample("amd64", "unmistakable"));
    let blob = store.blob(&store.manifest()["layers"][0]["digest"]);
    let bytes = fs::read(&blob).unwrap();
    let at = bytes.windows(12).position(|bytes| bytes == b"unmistakable").unwrap();
    let changed = [&bytes[..at], b"unmistakably", &bytes[at + 12..]].concat();
    fs::write(&blob, changed).unwrap();
    let source = || ImageSource::layout(store.root()).unwrap();
    let visit = |source: &ImageSource| {
        let image = source.images().unwrap().remove(0);
        source.visit_layer(&image.layers[0], &mut |_, _| Ok(()))
    };
    assert!(matches!(visit(&source()), Err(ReadError::DigestMismatch { .. })));
    visit(&source().trusted()).unwrap();
    fs::write(&blob, &bytes[..bytes.len() - 512]).unwrap();
    assert!(visit(&source().trusted()).is_err(), "its size is looked at");
}

#[test]
fn images_are_found_by_any_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let set = |tags: &[&str], image| {
        ImageSet::new(tags.iter().map(|tag| tag.parse().unwrap()).collect(), vec![image])
    };
    let sets = [
        set(&["app:1", "shop/app:2"], sample("amd64", "a")).unwrap(),
        set(&["app:1-debug"], sample("amd64", "b")).unwrap(),
    ];
    let archive = folder.path().join("archive.tar");
    save_hybrid(&sets, 0, &archive).unwrap();
    let source = ImageSource::archive(&archive).unwrap();
    assert_eq!(source.images().unwrap().len(), 2, "an image with two names is one image");
    for name in ["app:1", "docker.io/library/app:1", "1", "shop/app:2", "2"] {
        assert_eq!(
            source.find(Some(name)).unwrap()[0].names[0],
            "docker.io/library/app:1",
            "{name}"
        );
    }
    assert_eq!(source.find(None).unwrap().len(), 2);
    let error = source.find(Some("app:3")).unwrap_err().to_string();
    assert!(error.contains("no image `app:3`; it has docker.io/library/app:1"), "{error}");
}

#[test]
fn archives_of_docker_save_are_read() {
    let image = sample("amd64", "app");
    let mut layer = Vec::new();
    image.layers()[0].write_to(&mut layer).unwrap();
    let manifest =
        json!([{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["l/layer.tar"]}]).to_string();
    let folder = tempfile::tempdir().unwrap();
    let write = |layer: &[u8]| {
        let path = folder.path().join("save.tar");
        let mut tree = Tree::default();
        let files = [
            ("c.json", image.config_document().bytes()),
            ("l/layer.tar", layer),
            ("manifest.json", manifest.as_bytes()),
        ];
        for (name, bytes) in files {
            tree.insert(name, Entry::file(FileData::Bytes(bytes.into()), 0o644)).unwrap();
        }
        let mut tar = Vec::new();
        crate::tar::write_tree(&tree, 0, &mut tar).unwrap();
        fs::write(&path, tar).unwrap();
        ImageSource::archive(&path).unwrap()
    };
    let images = check(&write(&layer)).unwrap();
    assert_eq!(
        (images[0].names[0].as_str(), &images[0].manifest),
        ("docker.io/library/app:1", &None)
    );
    check(&write(&gzip(&layer))).unwrap();
    layer[1024] ^= 1;
    assert!(check(&write(&layer)).unwrap_err().to_string().contains("sha256:"));
}

#[test]
fn blobs_that_are_not_what_they_claim_are_named() {
    let store = Store::sample();
    let layer = store.manifest()["layers"][0].clone();
    let path = store.blob(&layer["digest"]);
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[1024] ^= 1;
    fs::write(&path, &bad).unwrap();
    assert!(store.error().contains("the content of layer sha256:"), "{}", store.error());
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(store.error().contains("its descriptor says 2560"), "{}", store.error());
    fs::remove_file(&path).unwrap();
    assert!(store.error().contains("is missing"), "{}", store.error());
    fs::write(&path, good).unwrap();
    let config = store.blob(&store.manifest()["config"]["digest"]);
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("amd64", "arm64")).unwrap();
    let error = store.error();
    assert!(error.starts_with("config sha256:") && error.contains("has the digest"), "{error}");
}

#[test]
fn packed_layers_are_checked_to_their_end() {
    let store = Store::sample();
    let mut tar = Vec::new();
    sample("amd64", "app").layers()[0].write_to(&mut tar).unwrap();
    let packed = gzip(&tar);
    store.set_layer(&packed, &tar, TAR_GZIP);
    check(&ImageSource::layout(store.root()).unwrap()).unwrap();
    for (blob, media_type, part) in [
        (packed[..packed.len() - 9].to_vec(), TAR_GZIP, "layer sha256:"),
        ([&packed[..], b"trailing garbage"].concat(), TAR_GZIP, "layer sha256:"),
        (packed.clone(), TAR, "layer sha256:"),
        (tar.clone(), TAR_GZIP, "layer sha256:"),
        (
            packed.clone(),
            "application/vnd.oci.image.layer.v1.tar+xz",
            "is not the media type of a layer",
        ),
        ([&tar[..], &[0; 512]].concat(), TAR, "has the digest"),
    ] {
        store.set_layer(&blob, &tar, media_type);
        assert!(store.error().contains(part), "{part}: {}", store.error());
    }
}

#[test]
fn documents_that_readers_would_take_differently_are_refused() {
    let store = Store::sample();
    let manifest = store.manifest();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        store.set_manifest(&manifest);
        store.error()
    };
    for (change, part) in [
        (
            &(|m: &mut Value| m["manifests"] = json!([])) as &dyn Fn(&mut Value),
            "an index and a manifest at once",
        ),
        (
            &|m| m["mediaType"] = json!("application/vnd.oci.image.index.v1+json"),
            "its media type is not the one of its descriptor",
        ),
        (&|m| m["layers"] = json!([]), "it names 1 layers, the manifest 0"),
        (&|m| m["config"]["digest"] = json!("sha512:00"), "is not a digest"),
        (&|m| m["config"]["size"] = json!(5), "its descriptor says 5"),
        (&|m| m["config"] = Value::Null, "neither an index nor a manifest"),
    ] {
        let error = changed(change);
        assert!(error.contains(part), "{part}: {error}");
    }
    for (index, part) in [
        ("{", "index.json: EOF"),
        ("{}", "neither an index nor a manifest"),
        (r#"{"manifests":[{}]}"#, "missing field"),
    ] {
        fs::write(store.root().join("index.json"), index).unwrap();
        assert!(store.error().contains(part), "{part}: {}", store.error());
    }
    let large = vec![b' '; 5 << 20];
    fs::write(store.root().join("index.json"), large).unwrap();
    assert!(store.error().contains("a document has 4 MiB at most"), "{}", store.error());
}

#[test]
fn an_archive_is_read_without_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.tar");
    let set = ImageSet::new(vec!["app:1".parse().unwrap()], vec![sample("amd64", "app")]).unwrap();
    save_hybrid(&[set], 0, &path).unwrap();
    let file = fs::File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let source = ImageSource::open_archive(file, Path::new("gone")).unwrap();
    for image in source.images().unwrap() {
        validate(&source, &image).unwrap();
    }
}

#[test]
fn entries_that_engines_refuse_are_named() {
    let store = Store::sample();
    let mut tree = Tree::default();
    tree.insert("aa", Entry::file(FileData::Bytes((*b"x").into()), 0o644)).unwrap();
    tree.insert("ab", Entry::file(FileData::Bytes((*b"y").into()), 0o644)).unwrap();
    let mut tar = Vec::new();
    crate::tar::write_tree(&tree, 0, &mut tar).unwrap();
    // The second header names the first file.
    tar[1024 + 1] = b'a';
    let sum = tar[1024 + 148..1024 + 156].to_vec();
    let value =
        u32::from_str_radix(std::str::from_utf8(&sum).unwrap().trim_matches(['\0', ' ']), 8)
            .unwrap()
            - 1;
    tar[1024 + 148..1024 + 155].copy_from_slice(format!("{value:07o}").as_bytes());
    store.set_layer(&tar, &tar, TAR);
    assert!(store.error().contains(" contains /aa twice"), "{}", store.error());
}

#[test]
fn what_is_no_image_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let error = |result: Result<ImageSource, ReadError>| result.unwrap_err().to_string();
    assert!(error(ImageSource::layout(folder.path())).contains("it has no file oci-layout"));
    assert!(
        error(ImageSource::layout(Path::new("/nonexistent"))).contains("neither an OCI layout")
    );
    // A file that cannot be read is not missing.
    let mark = folder.path().join("oci-layout");
    std::os::unix::fs::symlink("oci-layout", &mark).unwrap();
    let looped = error(ImageSource::layout(folder.path()));
    assert!(looped.contains("cannot read") && looped.contains("symbolic links"), "{looped}");
    assert!(error(ImageSource::archive(folder.path())).contains("not a regular file"));
    let file = folder.path().join("x.tar");
    fs::write(&file, b"hello").unwrap();
    assert!(error(ImageSource::archive(&file)).contains("ends within a header"));
    fs::write(&file, [0; 1024]).unwrap();
    assert!(error(ImageSource::archive(&file)).contains("neither index.json nor manifest.json"));
}
