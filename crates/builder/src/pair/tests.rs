use std::fs;
use std::path::PathBuf;

use scratchdbg_image::{Digest, Layer, annotation, write_hybrid};

use super::*;
use crate::samples::{AARCH64, X86_64, busybox, elf, toolkit};
use crate::{Twin, label};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn spec(folder: &Folder) -> BuildSpec {
    BuildSpec {
        binaries: vec![folder.file("app", &elf(X86_64, None, b"app"))],
        tags: vec!["shop/app:1".parse().unwrap()],
        twin: Some(Twin { toolkits: vec![toolkit(X86_64)], tags: Vec::new() }),
        ..BuildSpec::default()
    }
}

fn entries(layer: &Layer) -> Vec<(String, u32, u64)> {
    let mut tar = Vec::new();
    layer.write_to(&mut tar).unwrap();
    let mut archive = tar::Archive::new(&tar[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let (path, header) = (entry.path().unwrap().display().to_string(), entry.header());
        (path, header.mode().unwrap(), header.uid().unwrap())
    });
    entries.collect()
}

#[test]
fn the_twin_is_the_production_image_and_one_layer() {
    let folder = Folder::new();
    let pair = build(&spec(&folder)).unwrap();
    let (prod, debug) = (&pair.prod.images()[0], &pair.debug.as_ref().unwrap().images()[0]);
    assert_eq!(entries(&prod.layers()[0]), [("./".into(), 0o755, 0), ("app".into(), 0o755, 0)]);
    assert_eq!(debug.layers().len(), 2);
    assert_eq!(debug.layers()[0].digest(), prod.layers()[0].digest());
    let added = entries(&debug.layers()[1]);
    assert!(added.iter().all(|(path, ..)| path.starts_with(".scratchdbg/")), "{added:?}");
    assert!(added.contains(&(".scratchdbg/bin/sh".into(), 0o755, 0)));

    let labels = debug.config().config.labels.as_ref().unwrap();
    assert_eq!(labels[label::PROD], prod.config_document().digest().to_string());
    let manifest: serde_json::Value = serde_json::from_slice(debug.manifest().bytes()).unwrap();
    assert_eq!(
        manifest["annotations"][annotation::BASE_DIGEST],
        prod.manifest().digest().to_string()
    );
    assert_eq!(manifest["annotations"][annotation::BASE_NAME], "docker.io/shop/app:1");
    let tags =
        |set: &ImageSet| set.tags().iter().map(TaggedReference::familiar).collect::<Vec<_>>();
    assert_eq!(tags(&pair.prod), ["shop/app:1"]);
    assert_eq!(tags(pair.debug.as_ref().unwrap()), ["shop/app:1-debug"]);
}

#[test]
fn the_production_image_is_the_same_without_its_twin() {
    let folder = Folder::new();
    let with = build(&spec(&folder)).unwrap();
    let without = build(&BuildSpec { twin: None, ..spec(&folder) }).unwrap();
    assert!(without.debug.is_none());
    assert_eq!(with.prod.images()[0].manifest(), without.prod.images()[0].manifest());
    assert_eq!(with.prod.images()[0].config_document(), without.prod.images()[0].config_document());
}

/// Change these only together with [`crate::LAYOUT_VERSION`].
#[test]
fn the_bytes_are_those_of_this_layout_version() {
    let folder = Folder::new();
    let pair = build(&BuildSpec { epoch: 1_700_000_000, env: vec!["A=1".into()], ..spec(&folder) })
        .unwrap();
    let mut archive = Vec::new();
    write_hybrid(&pair.sets(), 0, &mut archive).unwrap();
    let digests = [
        pair.prod.images()[0].manifest().digest(),
        pair.debug.unwrap().images()[0].manifest().digest(),
        Digest::of(&archive),
    ];
    let expected = ["c66b4cd77fad", "7184d8089885", "642757e829b8"];
    assert_eq!(digests.map(|digest| digest.short()), expected);
}

#[test]
fn each_platform_gets_its_image_and_its_toolkit() {
    let folder = Folder::new();
    let mut spec = spec(&folder);
    spec.binaries.push(folder.file("app-arm64", &elf(AARCH64, None, b"app")));
    let error = build(&spec).unwrap_err().to_string();
    assert!(
        error.contains("static busybox for linux/arm64, and the one found is for linux/amd64"),
        "{error}"
    );
    spec.twin.as_mut().unwrap().toolkits.push(toolkit(AARCH64));
    let pair = build(&spec).unwrap();
    let platforms = |set: &ImageSet| {
        set.images().iter().map(|image| image.platform().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(platforms(&pair.prod), ["linux/amd64", "linux/arm64"]);
    assert_eq!(platforms(pair.debug.as_ref().unwrap()), ["linux/amd64", "linux/arm64"]);
    assert_eq!(pair.prod.images()[1].config().config.entrypoint.as_ref().unwrap(), &["/app-arm64"]);

    spec.binaries.push(folder.file("app2", &elf(X86_64, None, b"other")));
    assert!(build(&spec).unwrap_err().to_string().contains("two images for linux/amd64"));
}

#[test]
fn what_could_not_run_is_refused_in_one_line() {
    let folder = Folder::new();
    let file = |name: &str, content: &[u8]| folder.file(name, content);
    for (path, part) in [
        (
            file("dynamic", &elf(X86_64, Some("/lib64/ld-linux-x86-64.so.2"), b"")),
            "needs /lib64/ld-linux-x86-64.so.2",
        ),
        (file("script", b"#!/bin/sh\n"), "a script"),
        (file("text", b"hello\n"), "a text file"),
        (file("empty", b""), "an empty file"),
        (file("cut", &busybox(X86_64)[..150]), "truncated"),
        (file("machine", &elf(0x7777, None, b"")), "cannot name"),
        (folder.0.path().join("absent"), "No such file"),
        (folder.0.path().to_owned(), "is a directory"),
        ("/dev/null".into(), "is a device"),
    ] {
        let error =
            build(&BuildSpec { binaries: vec![path], ..spec(&folder) }).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
    }
    let none = BuildSpec { binaries: vec![], ..spec(&folder) };
    assert!(matches!(build(&none), Err(BuildError::NoBinary)));
}

#[test]
fn the_twin_never_takes_the_production_images_name() {
    let folder = Folder::new();
    let mut spec = spec(&folder);
    spec.twin.as_mut().unwrap().tags = vec!["docker.io/shop/app:1".parse().unwrap()];
    assert!(matches!(build(&spec), Err(BuildError::SameTag { tag }) if tag == "shop/app:1"));
    spec.twin.as_mut().unwrap().tags = vec!["shop/app:dev".parse().unwrap()];
    assert_eq!(build(&spec).unwrap().debug.unwrap().tags()[0].familiar(), "shop/app:dev");
}

#[test]
fn files_settings_and_platform() {
    let folder = Folder::new();
    let mut spec = BuildSpec {
        workdir: Some("/srv".into()),
        expose: vec!["80".into()],
        stop_signal: Some("SIGINT".into()),
        platforms: vec!["linux/amd64".parse().unwrap()],
        ..spec(&folder)
    };
    let source = folder.file("ca.pem", b"pem");
    let addition: crate::Addition = format!("{}:/etc/ssl/", source.display()).parse().unwrap();
    addition.apply(&mut spec.files).unwrap();
    let pair = build(&spec).unwrap();
    let image = &pair.prod.images()[0];
    let paths: Vec<_> = entries(&image.layers()[0]).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths, ["./", "app", "etc/", "etc/ssl/", "etc/ssl/ca.pem", "srv/"]);
    let config = &image.config().config;
    assert_eq!(
        (config.working_dir.as_str(), config.stop_signal.as_deref()),
        ("/srv", Some("SIGINT"))
    );
    assert!(config.exposed_ports.as_ref().unwrap().contains_key("80/tcp"));

    spec.platforms = vec!["linux/arm64".parse().unwrap()];
    let error = build(&spec).unwrap_err().to_string();
    assert!(error.contains("is for linux/amd64, not for linux/arm64"), "{error}");
    spec.platforms = vec!["linux/amd64".parse().unwrap(), "linux/arm64".parse().unwrap()];
    assert!(build(&spec).unwrap_err().to_string().contains("none of the binaries"));

    let (binary, addition) = (spec.binaries.pop().unwrap(), "/bin/app");
    let addition: crate::Addition = format!("{}:{addition}", binary.display()).parse().unwrap();
    addition.apply(&mut spec.files).unwrap();
    (spec.platforms, spec.entrypoint) = (Vec::new(), Some(vec!["/bin/app".into()]));
    assert_eq!(build(&spec).unwrap().prod.images()[0].platform().to_string(), "linux/amd64");
    spec.entrypoint = None;
    assert!(matches!(build(&spec), Err(BuildError::UnknownPlatform)));
}

#[test]
fn every_storage_gives_the_same_image_but_for_its_packing() {
    let folder = Folder::new();
    let spool = |compression| {
        let layers = crate::LayerStorage::Spool { folder: folder.0.path().into(), compression };
        build(&BuildSpec { layers, ..spec(&folder) }).unwrap()
    };
    let plain = build(&spec(&folder)).unwrap();
    let image = |pair: &Pair| pair.debug.as_ref().unwrap().images()[0].clone();
    let (none, gzip) =
        (spool(scratchdbg_image::Compression::None), spool(scratchdbg_image::Compression::GZIP));
    assert_eq!(image(&plain).manifest(), image(&none).manifest());
    assert_eq!(image(&plain).config_document(), image(&gzip).config_document());
    assert_ne!(image(&plain).manifest(), image(&gzip).manifest());
}

#[test]
fn a_twin_replaces_nothing_of_its_production_image() {
    let folder = Folder::new();
    let mut files = Tree::with_root();
    files
        .insert(".scratchdbg/bin/sh", Entry::file(FileData::Bytes((*b"x").into()), 0o755))
        .unwrap();
    let link = Entry {
        node: scratchdbg_image::Node::Symlink("/.scratchdbg/bin".into()),
        ..Entry::directory()
    };
    let mut links = Tree::with_root();
    links.insert("tools", link).unwrap();
    for (spec, expected) in [
        (BuildSpec { files: files.clone(), ..spec(&folder) }, "has /.scratchdbg/bin in"),
        (
            BuildSpec { files: links, ..spec(&folder) },
            "the link /tools of the production image leads to",
        ),
        (
            BuildSpec { workdir: Some("/.scratchdbg".into()), ..spec(&folder) },
            "has /.scratchdbg, the folder",
        ),
        (
            BuildSpec { env: vec!["PATH=/.scratchdbg/bin:/".into()], ..spec(&folder) },
            "Env of the production image",
        ),
        (
            BuildSpec { volumes: vec!["/.scratchdbg".into()], ..spec(&folder) },
            "Volumes of the production image",
        ),
    ] {
        let error = build(&spec).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("--no-debug")));
    }
    build(&BuildSpec { files, twin: None, ..spec(&folder) }).unwrap();
}
