//! Images wherever they are, whole and damaged.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scratchdbg_backend::{self as backend, ErrorKind};
use scratchdbg_image::read::{ReadError, RemoteImage};
use scratchdbg_image::{
    ContainerConfig, Digest, Entry, FileData, Image, ImageConfig, ImageSet, Layer, Layout, Tree,
};
use scratchdbg_image::{save_hybrid, write_hybrid};
use scratchdbg_testkit::fake::Request;

use super::{Places, codes, denied};
use crate::{Error, ImageLocation, verify};

/// An image of one script whose interpreter is missing.
fn image(architecture: &str) -> Image {
    image_with(architecture, &[])
}

fn image_with(architecture: &str, arguments: &[&str]) -> Image {
    let mut tree = Tree::with_root();
    tree.insert("app", Entry::file(FileData::Bytes(b"#!/opt/sh\n"[..].into()), 0o755)).unwrap();
    let container = ContainerConfig {
        entrypoint: Some(vec!["/app".to_owned()]),
        cmd: Some(arguments.iter().map(|&argument| argument.to_owned()).collect()),
        user: "1000".to_owned(),
        ..ContainerConfig::default()
    };
    let config = ImageConfig {
        architecture: architecture.into(),
        os: "linux".into(),
        config: container,
        ..ImageConfig::default()
    };
    Image::new(config, vec![Layer::from_tree(tree, 0).unwrap()], BTreeMap::new()).unwrap()
}

fn set(tag: &str, architectures: &[&str]) -> ImageSet {
    ImageSet::new(
        vec![tag.parse().unwrap()],
        architectures.iter().map(|name| image(name)).collect(),
    )
    .unwrap()
}

fn layout(folder: &Path, sets: &[ImageSet]) -> ImageLocation {
    Layout::open_or_create(folder).unwrap().add(sets).unwrap();
    ImageLocation::Layout { folder: folder.to_owned(), name: None }
}

fn blob(folder: &Path, digest: Digest) -> PathBuf {
    folder.join("blobs/sha256").join(digest.hex())
}

/// An image whose blobs a test can damage.
#[derive(Debug)]
struct InMemory {
    root: Vec<u8>,
    blobs: BTreeMap<Digest, Vec<u8>>,
}

impl InMemory {
    fn of(image: &Image) -> Self {
        let layer = &image.layers()[0];
        let mut bytes = Vec::new();
        layer.write_to(&mut bytes).unwrap();
        let config = image.config_document();
        let blobs =
            BTreeMap::from([(layer.digest(), bytes), (config.digest(), config.bytes().to_vec())]);
        Self { root: image.manifest().bytes().to_vec(), blobs }
    }
}

impl RemoteImage for InMemory {
    fn name(&self) -> String {
        "shop/app:1".to_owned()
    }

    fn root(&self) -> &[u8] {
        &self.root
    }

    fn manifest(&self, digest: Digest) -> io::Result<Vec<u8>> {
        self.blobs.get(&digest).cloned().ok_or_else(|| io::Error::other("the connection broke"))
    }

    fn blob(&self, digest: Digest) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(io::Cursor::new(self.manifest(digest)?)))
    }
}

#[tokio::test]
async fn an_image_is_the_same_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.tar");
    let sets = [set("shop/app:1", &["amd64"])];
    let places =
        Places { remote: Some(Arc::new(InMemory::of(&image("amd64")))), ..Places::default() };
    let mut archive = Vec::new();
    write_hybrid(&sets, 0, &mut archive).unwrap();
    places.platform.hold_image("it", archive);
    save_hybrid(&sets, 0, &file).unwrap();
    for location in [
        layout(&folder.path().join("layout"), &sets),
        ImageLocation::Archive { file, name: Some("shop/app:1".to_owned()) },
        ImageLocation::Registry("shop/app:1".to_owned()),
        ImageLocation::Platform("it".to_owned()),
    ] {
        let reports = places.check(location.clone()).await.unwrap();
        assert_eq!((reports.len(), reports[0].subject.as_str()), (1, "it"), "{location:?}");
        assert_eq!(codes(&reports[0].findings), ["interpreter-missing"], "{location:?}");
    }
    assert_eq!(*places.pulled.lock().unwrap(), ["shop/app:1"]);
}

#[tokio::test]
async fn of_several_images_each_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let location = layout(folder.path(), &[set("shop/app:1", &["amd64", "arm64"])]);
    let subjects = Places::default().check(location).await.unwrap();
    let subjects: Vec<_> = subjects.iter().map(|report| report.subject.as_str()).collect();
    assert_eq!(subjects.len(), 2);
    assert!(
        subjects[0].starts_with("it: ") && subjects[0].ends_with("(linux/amd64)"),
        "{subjects:?}"
    );
}

/// How a blob is damaged.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path));

#[tokio::test]
async fn an_image_whose_blobs_are_damaged_is_not_judged() {
    let sample = image("amd64");
    let layer = sample.layers()[0].digest();
    let change = |path: &Path, change: fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    let flip_last = |path: &Path| {
        change(path, |bytes| {
            let last = bytes.iter().rposition(|&byte| byte != 0).unwrap();
            bytes[last] ^= 1;
        });
    };
    let damages: [Damage<'_>; 4] = [
        ("gone", &|path| fs::remove_file(path).unwrap()),
        ("empty", &|path| change(path, Vec::clear)),
        ("cut", &|path| change(path, |bytes| bytes.truncate(bytes.len() / 2))),
        ("changed", &flip_last),
    ];
    for (how, damage) in damages {
        for digest in [layer, sample.config_document().digest(), sample.manifest().digest()] {
            let folder = tempfile::tempdir().unwrap();
            let location = layout(folder.path(), &[set("shop/app:1", &["amd64"])]);
            damage(&blob(folder.path(), digest));
            let error = Places::default().check(location).await.unwrap_err();
            let Error::Image { source, .. } = &error else { panic!("{how}: {error:?}") };
            assert!(
                !matches!(source, ReadError::NotAnImage { .. } | ReadError::NoSuchImage { .. }),
                "{how}: {source:?}"
            );
            assert_eq!(error.hints().len(), 1, "{how}: {error:?}");
        }
    }
}

#[tokio::test]
async fn an_archive_of_the_platform_that_is_cut_is_not_judged() {
    let places = Places::default();
    let mut archive = Vec::new();
    write_hybrid(&[set("shop/app:1", &["amd64"])], 0, &mut archive).unwrap();
    for length in [0, 1, 512, archive.len() / 2] {
        places.platform.hold_image("it", archive[..length].to_vec());
        let error = places.check(ImageLocation::Platform("it".to_owned())).await.unwrap_err();
        assert!(matches!(error, Error::Image { .. }), "{length}: {error:?}");
    }
}

#[tokio::test]
async fn a_platform_that_does_not_hand_an_image_out() {
    let places = Places::default();
    places.platform.hold_image("it", Vec::new());
    places.platform.refuse(Request::Save, denied());
    let error = places.check(ImageLocation::Platform("it".to_owned())).await.unwrap_err();
    assert!(matches!(&error, Error::Backend(error) if *error == denied()), "{error:?}");
}

/// Nothing is kept: the stream may have no end.
#[tokio::test]
async fn what_is_no_archive_is_not_copied() {
    let places = Places::default();
    places.platform.hold_image("it", b"[\"aaaaaaaa".repeat(1000));
    let error = places.check(ImageLocation::Platform("it".to_owned())).await.unwrap_err();
    assert!(matches!(error, Error::NotCopied { .. }), "{error:?}");
    assert_eq!(error.to_string(), "cannot copy it to a temporary file: what is sent is no archive");
    assert!(!error.hints().is_empty());
}

/// The network's error takes precedence over the resulting error of the image.
#[tokio::test]
async fn a_network_that_fails_is_the_error() {
    let mut remote = InMemory::of(&image("amd64"));
    let first = *remote.blobs.keys().next().unwrap();
    remote.blobs.remove(&first);
    let remote: Arc<dyn RemoteImage> = Arc::new(remote);
    let failure = backend::Error::new(ErrorKind::Broken, "the registry went away");
    let location = ImageLocation::Registry("shop/app:1".to_owned());
    let places = Places {
        remote: Some(Arc::clone(&remote)),
        failure: Some(failure.clone()),
        ..Places::default()
    };
    let error = places.check(location.clone()).await.unwrap_err();
    assert!(matches!(&error, Error::Backend(error) if *error == failure), "{error:?}");

    let places = Places { remote: Some(remote), ..Places::default() };
    let error = places.check(location.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Image { .. }), "{error:?}");

    let error = Places::default().check(location).await.unwrap_err();
    assert_eq!(error.to_string(), "no access");
}

#[tokio::test]
async fn what_cannot_be_compared() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let one = layout(&at("one"), &[set("shop/app:1", &["amd64"])]);
    let two = layout(&at("two"), &[set("shop/app:1", &["amd64", "arm64"])]);
    let other =
        ImageSet::new(vec!["shop/app:2".parse().unwrap()], vec![image_with("amd64", &["serve"])])
            .unwrap();
    let mixed = layout(&at("mixed"), &[set("shop/app:1", &["amd64"]), other]);
    let named = ImageLocation::Layout { folder: at("mixed"), name: Some("shop/app:2".to_owned()) };
    let places = Places::default();
    let compare =
        async |production: &ImageLocation, debug: &ImageLocation, platform: Option<&str>| {
            let platform = platform.map(|platform| platform.parse().unwrap());
            verify(production.clone(), debug.clone(), platform, &places).await
        };
    for (production, debug, platform, expected, is_mistake) in [
        (&one, &two, None, "is for linux/arm64 too", false),
        (&two, &one, None, "is for linux/amd64, not for linux/arm64", false),
        (&one, &one, Some("linux/riscv64"), "not for linux/riscv64", false),
        (&mixed, &one, None, "has several images: ", true),
        (&one, &ImageLocation::Program(at("one")), None, "is a file, not an image", true),
        (
            &one,
            &ImageLocation::Platform("none".into()),
            None,
            "the engine has no image none",
            false,
        ),
    ] {
        let error = compare(production, debug, platform).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert_eq!(error.is_mistake(), is_mistake, "{error}");
    }
    // An image is not its own debug image.
    for (production, debug, platform) in [
        (&one, &one, None),
        (&two, &two, None),
        (&two, &one, Some("linux/amd64")),
        (&one, &named, None),
    ] {
        let results = compare(production, debug, platform).await.unwrap();
        assert!(results.iter().all(|(_, result)| !result.ok), "{results:?}");
    }
}
