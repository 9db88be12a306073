//! Archives that give one name to several images.

use super::*;

/// Engines take the last image of a name, or read another listing.
#[test]
fn a_name_for_two_images_is_refused() {
    let (app, other) = (sample("amd64", "app"), sample("amd64", "evil"));
    let folder = tempfile::tempdir().unwrap();
    let image =
        |image: &Image, name: &str| json!({"Config": blob(image), "RepoTags": [name], "Layers": [layer(image)]});
    let read = |listed: Vec<serde_json::Value>| {
        let path = folder.path().join("save.tar");
        let mut tree = Tree::default();
        let mut add = |name: &str, bytes: Vec<u8>| {
            tree.insert(name, Entry::file(FileData::Bytes(bytes.into()), 0o644)).unwrap();
        };
        for image in [&app, &other] {
            let mut bytes = Vec::new();
            image.layers()[0].write_to(&mut bytes).unwrap();
            add(&layer(image), bytes);
            add(&blob(image), image.config_document().bytes().to_vec());
        }
        add("manifest.json", json!(listed).to_string().into_bytes());
        let mut tar = Vec::new();
        crate::tar::write_tree(&tree, 0, &mut tar).unwrap();
        fs::write(&path, tar).unwrap();
        ImageSource::archive(&path).unwrap().images().map_err(|error| error.to_string())
    };
    assert_eq!(read(vec![image(&app, "app:1"), image(&other, "app:2")]).unwrap().len(), 2);
    for name in ["app:1", "docker.io/library/app:1", "docker.io/app:1"] {
        let error = read(vec![image(&app, "app:1"), image(&other, name)]).unwrap_err();
        assert!(error.contains("to two images for linux/amd64"), "{name}: {error}");
    }
    // Both listings in one archive, which do not agree.
    let archive = |sets: &[(&Image, &str)]| {
        let set = |(image, name): &(&Image, &str)| ImageSet::new(vec![name.parse().unwrap()], vec![(*image).clone()]);
        let path = folder.path().join("hybrid.tar");
        crate::save_hybrid(&sets.iter().map(|pair| set(pair).unwrap()).collect::<Vec<_>>(), 0, &path).unwrap();
        fs::read(path).unwrap()
    };
    let (good, evil) = (archive(&[(&app, "app:1")]), archive(&[(&other, "app:1")]));
    let path = folder.path().join("mixed.tar");
    fs::write(&path, mixed(&good, &evil)).unwrap();
    let error = ImageSource::archive(&path).unwrap().images().unwrap_err().to_string();
    assert!(error.contains("to another image than index.json"), "{error}");
    fs::write(&path, good).unwrap();
    assert_eq!(ImageSource::archive(&path).unwrap().images().unwrap().len(), 1);
}

/// The file of an image's configuration.
fn blob(image: &Image) -> String {
    format!("{}.json", image.config_document().digest().hex())
}

/// The file of its layer.
fn layer(image: &Image) -> String {
    format!("{}.tar", image.layers()[0].diff_id().hex())
}

/// The archive `good`, with the blobs and the `manifest.json` of `evil`.
fn mixed(good: &[u8], evil: &[u8]) -> Vec<u8> {
    let mut out = ::tar::Builder::new(Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    for (archive, takes_manifest) in [(good, false), (evil, true)] {
        for entry in ::tar::Archive::new(archive).entries().unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let is_manifest = name == "manifest.json";
            let is_wanted =
                if is_manifest { takes_manifest } else { !takes_manifest || name.starts_with("blobs/sha256/") };
            if is_wanted && seen.insert(name) {
                let header = entry.header().clone();
                out.append(&header, entry).unwrap();
            }
        }
    }
    out.into_inner().unwrap()
}
