//! Twins in a registry in memory, true and false ones.

use std::collections::BTreeMap;
use std::io;

use scratchdbg_backend::{self as backend, ErrorKind};
use scratchdbg_image::read::RemoteImage;
use scratchdbg_image::{
    ContainerConfig, Digest, Entry, FileData, History, Image, ImageConfig, Layer, Tree,
};
use scratchdbg_testkit::fake::FakeBackend;

use super::*;
use crate::RegistryImage;

const LAUNCHER: &[u8] = b"the launcher";
const NAME: &str = "registry.example/shop/app:1";
const TWIN: &str = "registry.example/shop/app:1-debug";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image whose layers all can be read, and which of them were.
#[derive(Debug)]
struct InMemory {
    name: String,
    root: Vec<u8>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    /// It must not be downloaded to prove a twin.
    production_layer: Option<Digest>,
}

impl RemoteImage for InMemory {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn root(&self) -> &[u8] {
        &self.root
    }

    fn manifest(&self, digest: Digest) -> io::Result<Vec<u8>> {
        self.blobs.get(&digest).cloned().ok_or_else(|| io::Error::other("there is no such blob"))
    }

    fn blob(&self, digest: Digest) -> io::Result<Box<dyn Read>> {
        assert_ne!(
            Some(digest),
            self.production_layer,
            "the production image's layer is downloaded"
        );
        Ok(Box::new(io::Cursor::new(self.manifest(digest)?)))
    }
}

/// A registry in memory.
#[derive(Default)]
struct Registry {
    platform: FakeBackend,
    images: BTreeMap<String, Image>,
    /// Names of images for several platforms.
    indexes: BTreeMap<String, Vec<Image>>,
    /// Whether the layers of the production image may be downloaded, too.
    is_free: bool,
}

impl Sources for Registry {
    type Platform = FakeBackend;

    async fn platform(&self) -> Result<&FakeBackend, backend::Error> {
        Ok(&self.platform)
    }

    async fn pull(&self, reference: &str) -> Result<RegistryImage, backend::Error> {
        let missing =
            || backend::Error::new(ErrorKind::Broken, format!("{reference}: no such image"));
        let one = self.images.get(reference).map(std::slice::from_ref);
        let several = self.indexes.get(reference).map(Vec::as_slice);
        let images = one.or(several).ok_or_else(missing)?;
        let mut blobs = BTreeMap::new();
        for image in images {
            for document in [image.manifest(), image.config_document()] {
                blobs.insert(document.digest(), document.bytes().to_vec());
            }
            for layer in image.layers() {
                let mut bytes = Vec::new();
                layer.write_to(&mut bytes).unwrap();
                blobs.insert(layer.digest(), bytes);
            }
        }
        let root = match one {
            Some(_) => images[0].manifest().bytes().to_vec(),
            None => index(images),
        };
        let production_layer = (!self.is_free).then(|| images[0].layers()[0].digest());
        let image = InMemory { name: reference.to_owned(), root, blobs, production_layer };
        Ok(RegistryImage {
            image: Arc::new(image),
            repository: "shop/app".to_owned(),
            failure: Box::new(|| None),
        })
    }
}

/// An index of images.
fn index(images: &[Image]) -> Vec<u8> {
    let entries = images.iter().map(|image| {
        let config = image.config();
        serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": image.manifest().digest().to_string(),
            "size": image.manifest().bytes().len(),
            "platform": {"os": config.os, "architecture": config.architecture},
        })
    });
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries.collect::<Vec<_>>(),
    });
    index.to_string().into_bytes()
}

fn layer(files: &[(&str, &[u8])]) -> Layer {
    let mut tree = Tree::default();
    for (path, bytes) in files {
        tree.insert(path, Entry::file(FileData::Bytes((*bytes).into()), 0o755)).unwrap();
    }
    Layer::from_tree(tree, 0).unwrap()
}

/// The layer of tools.
fn tools(launcher: &[u8]) -> Layer {
    layer(&[(".scratchdbg/bin/sh", b"busybox"), (".scratchdbg/bin/scratchdbg-launcher", launcher)])
}

fn labels(words: &[(&str, &str)]) -> BTreeMap<String, String> {
    words.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn history(steps: usize) -> Vec<History> {
    (0..steps)
        .map(|_| History { created_by: Some("build".to_owned()), ..History::default() })
        .collect()
}

fn production() -> Image {
    production_for("amd64")
}

fn production_for(architecture: &str) -> Image {
    let container = ContainerConfig {
        user: "65532".to_owned(),
        entrypoint: Some(vec!["/app".to_owned()]),
        env: Some(vec!["A=1".to_owned()]),
        labels: Some(labels(&[("io.scratchdbg.role", "prod")])),
        ..ContainerConfig::default()
    };
    let config = ImageConfig {
        architecture: architecture.into(),
        os: "linux".into(),
        config: container,
        history: history(1),
        ..ImageConfig::default()
    };
    let app = format!("an app for {architecture}");
    Image::new(config, vec![layer(&[("app", app.as_bytes())])], BTreeMap::new()).unwrap()
}

/// The twin, changed.
fn twin(tools: Layer, change: impl Fn(&mut ImageConfig)) -> Image {
    twin_for("amd64", tools, change)
}

fn twin_for(architecture: &str, tools: Layer, change: impl Fn(&mut ImageConfig)) -> Image {
    let production = production_for(architecture);
    let mut config = production.config().clone();
    config.config.env.get_or_insert_default().push(format!("{PATH}:/.scratchdbg/bin"));
    let id = production.config_document().digest().to_string();
    config.config.labels =
        Some(labels(&[("io.scratchdbg.role", "debug"), ("io.scratchdbg.prod", &id)]));
    config.history = history(2);
    change(&mut config);
    let layers = [production.layers().to_vec(), vec![tools]].concat();
    Image::new(config, layers, BTreeMap::new()).unwrap()
}

/// What is found if the registry has this as the twin, and the platform tells this id.
async fn found(twin: Option<Image>, id: &str) -> Result<ProvedTwin, NoTwin> {
    let production = production();
    let mut images = BTreeMap::from([
        (NAME.to_owned(), production.clone()),
        (format!("{NAME}@{}", production.manifest().digest()), production),
    ]);
    images.extend(twin.map(|twin| (TWIN.to_owned(), twin)));
    let registry = Registry { images, ..Registry::default() };
    let running = RunningImage { name: NAME.to_owned(), id: id.to_owned() };
    find_twin(&running, &Platform::linux("amd64"), LAUNCHER, &registry).await
}

fn by_manifest() -> String {
    format!("mirror.example/app@{}", production().manifest().digest())
}

#[tokio::test]
async fn a_twin_is_proved_by_what_the_platform_runs() {
    let true_twin = twin(tools(LAUNCHER), |_| {});
    let expected = format!("registry.example/shop/app@{}", true_twin.manifest().digest());
    let config = production().config_document().digest().to_string();
    for id in [by_manifest(), config, format!("docker-pullable://{}", by_manifest())] {
        let proved = found(Some(true_twin.clone()), &id).await.unwrap();
        assert_eq!((proved.reference, proved.name.as_str()), (expected.clone(), TWIN), "{id}");
    }
}

#[tokio::test]
async fn what_is_not_proved_is_not_a_twin() {
    let id = by_manifest();
    let other_layer = {
        let config = twin(tools(LAUNCHER), |_| {}).config().clone();
        Image::new(config, vec![layer(&[("app", b"another")]), tools(LAUNCHER)], BTreeMap::new())
            .unwrap()
    };
    let outside = layer(&[
        (".scratchdbg/bin/sh", b"busybox"),
        (".scratchdbg/bin/scratchdbg-launcher", LAUNCHER),
        ("etc/passwd", b"evil"),
    ]);
    for (twin, id, words) in [
        (None, &*id, "no such image"),
        (Some(production()), &id, "not the image's and one more"),
        (Some(other_layer), &id, "not the image's and one more"),
        (Some(twin(outside, |_| {})), &id, "outside of /.scratchdbg"),
        (Some(twin(tools(LAUNCHER), |config| config.config.user = "0".to_owned())), &id, "User"),
        (
            Some(twin(tools(LAUNCHER), |config| {
                config.config.entrypoint = Some(vec!["/x".to_owned()]);
            })),
            &id,
            "Entrypoint",
        ),
        (
            Some(twin(tools(LAUNCHER), |config| config.architecture = "arm64".into())),
            &id,
            "other platforms",
        ),
        (Some(twin(tools(b"another launcher"), |_| {})), &id, "is not this one's"),
        (Some(twin(tools(b"the launcher and more"), |_| {})), &id, "is not this one's"),
        (Some(twin(layer(&[(".scratchdbg/bin/sh", b"busybox")]), |_| {})), &id, "is missing"),
        (Some(twin(tools(LAUNCHER), |_| {})), "sha256:0000", "is another image"),
        (Some(twin(tools(LAUNCHER), |_| {})), "", "is another image"),
    ] {
        let error = found(twin, id).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

/// Images for several platforms: an index names those of the twin, and another those of production.
#[tokio::test]
async fn of_an_index_the_twin_for_the_platform_is_used() {
    const OTHER: &[u8] = b"the launcher for arm64";
    let digest = format!("sha256:{}", "1".repeat(64));
    let twins = [
        twin(tools(LAUNCHER), |_| {}),
        twin_for("arm64", tools(OTHER), |_| {}),
        // As built where there was no launcher for it.
        twin_for("riscv64", layer(&[(".scratchdbg/bin/sh", b"busybox")]), |_| {}),
    ];
    let productions = ["amd64", "arm64", "riscv64", "s390x"].map(production_for);
    let indexes = BTreeMap::from([
        (format!("{NAME}@{digest}"), productions.to_vec()),
        (TWIN.to_owned(), twins.to_vec()),
    ]);
    let registry = Registry { indexes, is_free: true, ..Registry::default() };
    let running =
        RunningImage { name: NAME.to_owned(), id: format!("registry.example/shop/app@{digest}") };
    for (architecture, launcher, expected) in [
        ("amd64", LAUNCHER, Ok(&twins[0])),
        ("arm64", OTHER, Ok(&twins[1])),
        ("arm64", LAUNCHER, Err("its launcher is not this one's")),
        ("riscv64", LAUNCHER, Err("its launcher is missing")),
        ("s390x", LAUNCHER, Err("app:1-debug is for other platforms than linux/s390x")),
        ("ppc64le", LAUNCHER, Err("app:1 is for other platforms than linux/ppc64le")),
    ] {
        let found = find_twin(&running, &Platform::linux(architecture), launcher, &registry).await;
        match (found, expected) {
            (Ok(found), Ok(twin)) => {
                let digest = twin.manifest().digest();
                assert_eq!(found.reference, format!("registry.example/shop/app@{digest}"));
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, _) => panic!("{architecture}: {found:?}"),
        }
    }
}

#[test]
fn a_twin_has_the_tag_of_its_image_and_more() {
    for (image, twin) in [
        ("shop/app:1", Some("shop/app:1-debug")),
        ("app", Some("app:latest-debug")),
        ("registry.example:5000/app", Some("registry.example:5000/app:latest-debug")),
        ("registry.example:5000/app:1@sha256:00", Some("registry.example:5000/app:1-debug")),
        ("registry.example:5000/app@sha256:00", None),
        ("Not A Name", None),
    ] {
        assert_eq!(twin_name(image).as_deref(), twin, "{image}");
    }
}

#[tokio::test]
async fn a_list_of_containers_tells_shells_and_twins_by_the_registry() {
    use crate::overview::registry::{Seen, Tools, look};

    let shell = {
        let config = production().config().clone();
        let files = [("app", &b"an app"[..]), ("bin/sh", b"a shell")];
        Image::new(config, vec![layer(&files)], BTreeMap::new()).unwrap()
    };
    let (with, without) = ("registry.example/shop/sh:1", "registry.example/shop/gone:1");
    let images = BTreeMap::from([
        (format!("{NAME}@{}", production().manifest().digest()), production()),
        (TWIN.to_owned(), twin(tools(LAUNCHER), |_| {})),
        (format!("{with}@{}", shell.manifest().digest()), shell.clone()),
    ]);
    let registry = Registry { images, is_free: true, ..Registry::default() };
    let record = |image: &str, id: String| backend::ContainerRecord {
        image: image.to_owned(),
        image_id: id,
        ..backend::ContainerRecord::default()
    };
    let records = [
        record(NAME, by_manifest()),
        record(with, format!("{with}@{}", shell.manifest().digest())),
        record(without, by_manifest()),
    ];
    let tools = Tools { platform: Platform::linux("amd64"), launcher: LAUNCHER };
    let seen = look(&records, &registry, &tools).await;
    let of = |index: usize| seen[&(&*records[index].image, &*records[index].image_id)];
    assert_eq!(of(0), Seen { shell: Some(false), twin: Some(true) });
    assert_eq!(of(1), Seen { shell: Some(true), twin: Some(false) });
    assert_eq!(of(2), Seen::default(), "its registry does not answer");
}
