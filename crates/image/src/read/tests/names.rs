//! Archives that give one name to several images.

use super::*;

/// Engines take the last image of a name, or read another listing.
#[test]
fn a_name_for_two_images_is_refused() {
    let (app, other) = (sample("amd64", "app"), sample("amd64", "evil"));
    let arm = sample("arm64", "evil");
    let folder = tempfile::tempdir().unwrap();
    let image = |image: &Image, name: &str| json!({"Config": blob(image), "RepoTags": [name], "Layers": [layer(image)]});
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
        add(&blob(&arm), arm.config_document().bytes().to_vec());
        add("manifest.json", json!(listed).to_string().into_bytes());
        let mut tar = Vec::new();
        crate::tar::write_tree(&tree, 0, &mut tar).unwrap();
        fs::write(&path, tar).unwrap();
        ImageSource::archive(&path).unwrap().images().map_err(|error| error.to_string())
    };
    assert_eq!(read(vec![image(&app, "app:1"), image(&other, "app:2")]).unwrap().len(), 2);
    // Podman takes `app:1` for the second.
    let local = [image(&app, "app:1"), image(&other, "localhost/app:1")];
    assert_eq!(read(local.to_vec()).unwrap().len(), 2);
    let source = ImageSource::archive(&folder.path().join("save.tar")).unwrap();
    assert_eq!(source.find(Some("app:1")).unwrap().len(), 2, "either may be meant");
    assert_eq!(source.find(Some("docker.io/library/app:1")).unwrap().len(), 1);
    for name in ["app:1", "docker.io/library/app:1", "docker.io/app:1"] {
        let error = read(vec![image(&app, "app:1"), image(&other, name)]).unwrap_err();
        assert!(error.contains("to two images for linux/amd64"), "{name}: {error}");
    }
    // The listing has no platforms.
    let mut of_arm = image(&other, "app:1");
    of_arm["Config"] = json!(blob(&arm));
    let error = read(vec![image(&app, "app:1"), of_arm]).unwrap_err();
    assert!(error.contains("to two images for linux/amd64 and for linux/arm64"), "{error}");
    // Both listings in one archive, which do not agree.
    let archive = |sets: &[(&Image, &str)]| {
        let set = |(image, name): &(&Image, &str)| {
            ImageSet::new(vec![name.parse().unwrap()], vec![(*image).clone()])
        };
        let path = folder.path().join("hybrid.tar");
        crate::save_hybrid(
            &sets.iter().map(|pair| set(pair).unwrap()).collect::<Vec<_>>(),
            0,
            &path,
        )
        .unwrap();
        fs::read(path).unwrap()
    };
    let (good, evil) = (archive(&[(&app, "app:1")]), archive(&[(&other, "app:1")]));
    let path = folder.path().join("mixed.tar");
    fs::write(&path, mixed(&good, &evil)).unwrap();
    let error = ImageSource::archive(&path).unwrap().images().unwrap_err().to_string();
    assert!(error.contains("to another image than index.json"), "{error}");
    // An image that one of them has without a name.
    let nameless = archive_of(&folder.path().join("nameless.tar"), &app, &[]);
    for (name, expected) in
        [(&[][..], "has an image sha256:"), (&["app:2"], "to another image than index.json")]
    {
        let evil = archive_of(&folder.path().join("evil.tar"), &other, name);
        fs::write(&path, mixed(&nameless, &evil)).unwrap();
        let error = ImageSource::archive(&path).unwrap().images().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    fs::write(&path, good).unwrap();
    assert_eq!(ImageSource::archive(&path).unwrap().images().unwrap().len(), 1);
}

fn archive_of(path: &Path, image: &Image, names: &[&str]) -> Vec<u8> {
    let names = names.iter().map(|name| name.parse().unwrap()).collect();
    crate::save_hybrid(&[ImageSet::new(names, vec![image.clone()]).unwrap()], 0, path).unwrap();
    fs::read(path).unwrap()
}

/// An engine that finds no `manifest.json` reads another file, which readers of layouts do not.
#[test]
fn archives_that_engines_would_unpack_or_read_otherwise_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.tar");
    let good = archive_of(&path, &sample("amd64", "app"), &["app:1"]);
    let error = |change: Change<'_>| {
        fs::write(&path, rewritten(&good, change)).unwrap();
        ImageSource::archive(&path).unwrap_err().to_string()
    };
    let file = ::tar::EntryType::Regular;
    let renamed = error(&|name| {
        Some((if name == "manifest.json" { "repositories" } else { name }, file, ""))
    });
    assert!(renamed.contains("no manifest.json"), "{renamed}");
    for (kind, expected) in [
        (::tar::EntryType::Symlink, "manifest.json in "),
        (::tar::EntryType::Link, "it is a hard link"),
        (::tar::EntryType::Fifo, "neither a file nor a directory"),
    ] {
        let error = error(&|name| {
            Some((name, if name == "manifest.json" { kind } else { file }, "index.json"))
        });
        assert!(error.contains(expected), "{error}");
    }
    fs::write(&path, [&b"\x1f\x8b\x08\x04"[..], &good[4..]].concat()).unwrap();
    let error = ImageSource::archive(&path).unwrap_err().to_string();
    assert!(error.contains("compressed with gzip"), "{error}");
    fs::write(
        &path,
        rewritten(&good, &|name| (name != "manifest.json").then_some((name, file, ""))),
    )
    .unwrap();
    assert_eq!(
        ImageSource::archive(&path).unwrap().images().unwrap().len(),
        1,
        "an archive of OCI alone"
    );
}

/// The name, the kind and the link of an entry, by its old name; `None` leaves it out.
type Change<'a> =
    &'a dyn for<'name> Fn(&'name str) -> Option<(&'name str, ::tar::EntryType, &'a str)>;

/// An archive whose entries are other ones, with the same data if they are files.
fn rewritten(archive: &[u8], change: Change<'_>) -> Vec<u8> {
    let mut out = ::tar::Builder::new(Vec::new());
    for entry in ::tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        if name.ends_with('/') {
            continue;
        }
        let Some((name, kind, target)) = change(&name) else { continue };
        let mut data = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut data).unwrap();
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        if !kind.is_file() {
            data.clear();
            header.set_link_name(target).unwrap();
        }
        header.set_size(data.len() as u64);
        out.append_data(&mut header, name, &data[..]).unwrap();
    }
    out.into_inner().unwrap()
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
            let is_wanted = if is_manifest {
                takes_manifest
            } else {
                !takes_manifest || name.starts_with("blobs/sha256/")
            };
            if is_wanted && seen.insert(name) {
                let header = entry.header().clone();
                out.append(&header, entry).unwrap();
            }
        }
    }
    out.into_inner().unwrap()
}
