//! `pair verify`: accepts a pair, and reports the first difference of anything else.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use scratchdbg_image::Digest;
use scratchdbg_testkit::sample;
use serde_json::Value;

use crate::stage::Stage;

fn build(stage: &Stage, options: &[&str]) {
    stage.run(&[&["build", "app"], options].concat()).expect_code(0);
}

/// Returns the result of `pair verify` for two images as JSON, and its exit code.
fn verify(stage: &Stage, prod: &str, debug: &str) -> (Option<i32>, Value) {
    let finished = stage.run(&["pair", "verify", prod, debug, "--format", "json"]);
    (
        finished.status.code(),
        serde_json::from_slice(&finished.stdout).unwrap_or_else(|_| panic!("JSON from {finished}")),
    )
}

#[test]
fn a_pair_is_a_pair() {
    let stage = Stage::set();
    sample::write_app(stage.scratchdbg.home());
    let tag = format!("{}:1", stage.engine.name("verified"));
    build(&stage, &["-t", &tag, "-o", "engine", "-o", "oci:layout"]);
    for (prod, debug) in [
        (tag.clone(), format!("{tag}-debug")),
        ("oci:layout:1".to_owned(), "oci:layout:1-debug".to_owned()),
    ] {
        let (code, facts) = verify(&stage, &prod, &debug);
        assert_eq!(
            (code, &facts["ok"], &facts["differences"]),
            (Some(0), &true.into(), &Value::Array(Vec::new()))
        );
        assert_eq!(facts["shared_layers"].as_array().map(Vec::len), Some(1));
        assert!(facts["debug_layer"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
        let said = stage.run(&["pair", "verify", &prod, &debug]);
        assert!(said.expect_code(0).text().contains("one more"), "{said}");
    }
}

#[test]
fn anything_else_is_not() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    build(&stage, &["-t", "a/b:1", "-o", "oci:layout"]);
    build(&stage, &["-t", "a/b:other-env", "-e", "A=1", "-o", "oci:layout"]);
    sample::write_app(home);
    build(&stage, &["-t", "a/b:other-app", "-o", "oci:layout"]);
    for (prod, debug, subject) in [
        // The debug image pushed as production by mistake.
        ("1-debug", "1-debug", "role"),
        ("1", "1", "role"),
        ("1-debug", "1", "role"),
        ("1", "other-app-debug", "layers"),
        ("1", "other-env-debug", "config.Env"),
    ] {
        let (code, facts) =
            verify(&stage, &format!("oci:layout:{prod}"), &format!("oci:layout:{debug}"));
        assert_eq!((code, &facts["ok"]), (Some(1), &false.into()), "{prod} {debug}");
        let first = facts["differences"][0]["subject"].as_str().unwrap_or_default();
        assert!(first.contains(subject), "{prod} {debug}: {facts}");
        let finished = stage.run(&[
            "pair",
            "verify",
            &format!("oci:layout:{prod}"),
            &format!("oci:layout:{debug}"),
        ]);
        assert!(finished.expect_code(1).text().contains(subject), "{finished}");
    }
}

#[test]
fn a_production_image_with_a_shell_is_refused() {
    let stage = Stage::set();
    sample::write_app(stage.scratchdbg.home());
    build(&stage, &["-t", "a/b:1", "-o", "oci:layout", "--add", "/bin/busybox:/usr/bin/busybox"]);
    let (code, facts) = verify(&stage, "oci:layout:1", "oci:layout:1-debug");
    assert_eq!(code, Some(1));
    assert_eq!(facts["differences"][0]["subject"], "production-shell");
}

/// Adds the debug layer of the image with the tag `debug` to the image `production`, as `made`:
/// what `build` would make of it. `change` changes the config.
fn splice(root: &Path, [debug, production, made]: [&str; 3], change: impl FnOnce(&mut Value)) {
    let read = |path: &Path| -> Value {
        serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
    };
    let blob = |digest: &Digest| root.join("blobs/sha256").join(digest.hex());
    let named = |descriptor: &Value| -> Value {
        read(&blob(&descriptor["digest"].as_str().expect("a digest").parse().expect("a digest")))
    };
    let add = |descriptor: &mut Value, document: &Value| {
        let text = document.to_string();
        let digest = Digest::of(text.as_bytes());
        (descriptor["digest"], descriptor["size"]) = (digest.to_string().into(), text.len().into());
        fs::write(blob(&digest), text).expect("it can be written");
    };
    let mut index = read(&root.join("index.json"));
    let entries = index["manifests"].as_array_mut().expect("a list");
    let entry = |tag: &str| {
        let found = entries
            .iter()
            .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag);
        found.expect("an image").clone()
    };
    let (other, mut entry) = (named(&entry(debug)), entry(production));
    let mut manifest = named(&entry);
    let (other_config, mut config) = (named(&other["config"]), named(&manifest["config"]));
    let push = |list: &mut Value, from: &Value| {
        let last = from.as_array().and_then(|list| list.last()).expect("one").clone();
        list.as_array_mut().expect("a list").push(last);
    };
    push(&mut config["rootfs"]["diff_ids"], &other_config["rootfs"]["diff_ids"]);
    push(&mut config["history"], &other_config["history"]);
    for key in ["Env", "Labels"] {
        config["config"][key] = other_config["config"][key].clone();
    }
    config["config"]["Labels"]["io.scratchdbg.prod"] = manifest["config"]["digest"].clone();
    change(&mut config);
    push(&mut manifest["layers"], &other["layers"]);
    add(&mut manifest["config"], &config);
    add(&mut entry, &manifest);
    entry["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": made });
    entries.push(entry);
    fs::write(root.join("index.json"), index.to_string()).expect("it can be written");
}

#[test]
fn a_debug_layer_replaces_nothing_of_production() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    build(&stage, &["-t", "a/b:1", "-o", "oci:layout"]);
    for (tag, options, expected) in [
        ("plain", &[][..], None),
        ("file", &["--add", "app:/.scratchdbg/app"], Some("has /.scratchdbg/app in")),
        ("path", &["-e", "PATH=/.scratchdbg/bin:/"], Some("Env of the production image")),
        ("workdir", &["--workdir", "/.scratchdbg/x"], Some("has /.scratchdbg/x in")),
    ] {
        let name = format!("a/b:{tag}");
        if let Some(expected) = expected {
            let finished =
                stage.run(&[&["build", "app", "-t", &name, "-o", "oci:layout"], options].concat());
            finished.expect_clear_failure(1, &[expected, "--no-debug"]);
        }
        build(&stage, &[&["--no-debug", "-t", &name, "-o", "oci:layout"], options].concat());
        let made = format!("{tag}-made");
        splice(&home.join("layout"), ["1-debug", tag, &made], |_| {});
        let finished = stage.run(&[
            "pair",
            "verify",
            &format!("oci:layout:{tag}"),
            &format!("oci:layout:{made}"),
        ]);
        match expected {
            Some(expected) => {
                finished.expect_code(1);
                assert!(finished.text().contains(expected), "{finished}");
            }
            None => drop(finished.expect_code(0)),
        }
    }
    for (key, value) in [("type", "layers+base"), ("base_layer", "sha256:0")] {
        splice(&home.join("layout"), ["1-debug", "1", key], |config| {
            config["rootfs"][key] = value.into();
        });
        let (code, facts) = verify(&stage, "oci:layout:1", &format!("oci:layout:{key}"));
        assert_eq!(
            (code, &facts["differences"][0]["subject"]),
            (Some(1), &format!("rootfs.{key}").into()),
            "{facts}"
        );
    }
}

#[test]
fn images_that_are_not_there() {
    let stage = Stage::set();
    let missing = stage.engine.name("missing:1");
    stage.run(&["pair", "verify", &missing, &missing]).expect_clear_failure(1, &[&missing]);
    stage.run(&["pair", "verify", "", "x"]).expect_clear_failure(2, &["empty"]);
}

/// The files of an archive, and a link among them.
fn write_archive(
    path: &Path,
    files: &[(String, Vec<u8>)],
    link: Option<(&str, tar::EntryType, &str)>,
) {
    let mut archive = tar::Builder::new(fs::File::create(path).expect("it can be made"));
    let mut add = |name: &str, kind: tar::EntryType, data: &[u8], target: &str| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(data.len() as u64);
        if !target.is_empty() {
            header.set_link_name(target).expect("it is short");
        }
        archive.append_data(&mut header, name, data).expect("it can be written");
    };
    for (name, data) in files {
        add(name, tar::EntryType::Regular, data, "");
    }
    if let Some((name, kind, target)) = link {
        add(name, kind, &[], target);
    }
    archive.finish().expect("it can be written");
}

fn files_of(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(fs::File::open(path).expect("an archive"));
    let entries = archive.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).expect("its data");
        (name, data)
    });
    entries.filter(|(name, _)| !name.ends_with('/')).collect()
}

/// What Docker and skopeo would take for another image: seen with Docker 20.10 and skopeo 1.9.
#[test]
fn what_engines_read_otherwise_is_no_proof() {
    let stage = Stage::set();
    let home = stage.scratchdbg.home();
    sample::write_app(home);
    build(&stage, &["-t", "a/b:1", "-o", "archive:pair.tar", "-o", "oci:layout"]);
    // As Docker 20.10 reads it, which knows manifest.json alone.
    let is_docker = |name: &str| name == "manifest.json" || name.starts_with("blobs/");
    let files: Vec<_> =
        files_of(&home.join("pair.tar")).into_iter().filter(|(name, _)| is_docker(name)).collect();
    let at = files.iter().position(|(name, _)| name == "manifest.json").expect("a manifest.json");
    let listing: Value = serde_json::from_slice(&files[at].1).expect("JSON");
    let config = listing[1]["Config"].as_str().expect("a path").to_owned();
    let changed = |change: &dyn Fn(&str) -> String| {
        let mut files = files.clone();
        files[at].1 = change(&listing.to_string()).into_bytes();
        files
    };
    let other = |text: &str| text.replacen(&config, "other", 1);
    let with = |name: &str, data: String| {
        let mut files = files.clone();
        files.push((name.to_owned(), data.into_bytes()));
        files
    };
    let second = |key: &str| {
        let member = format!(r#""Config":"{config}""#);
        changed(&|text| text.replace(&member, &format!(r#"{member},"{key}":"other""#)))
    };
    let symlink = |target| Some(("manifest.json", tar::EntryType::Symlink, target));
    for (files, link, expected) in [
        (files.clone(), None, ""),
        (second("config"), None, "`config`"),
        (second("CONFIG"), None, "`CONFIG`"),
        (second("Config"), None, "twice"),
        (with("manifest.json", other(&listing.to_string())), None, "twice"),
        (with("m2", other(&listing.to_string())), symlink("m2"), "symbolic link"),
        (
            with("m2", other(&listing.to_string())),
            Some(("manifest.json", tar::EntryType::Link, "m2")),
            "hard link",
        ),
        (
            with("q/manifest.json", other(&listing.to_string())),
            Some(("q", tar::EntryType::Symlink, ".")),
            "link",
        ),
        (with("z", "{}".to_owned()), Some((&*config, tar::EntryType::Link, "z")), "hard link"),
    ] {
        write_archive(&home.join("other.tar"), &files, link);
        let finished = stage.run(&[
            "pair",
            "verify",
            "archive:other.tar:a/b:1",
            "archive:other.tar:a/b:1-debug",
        ]);
        if expected.is_empty() {
            finished.expect_code(0);
        } else {
            finished.expect_clear_failure(1, &[expected]);
        }
    }
    let path = home.join("layout/index.json");
    let index: Value = serde_json::from_slice(&fs::read(&path).expect("an index")).expect("JSON");
    let text = index.to_string();
    let second = |change: &dyn Fn(&mut Value)| {
        let (mut index, mut entry) = (index.clone(), index["manifests"][0].clone());
        entry["annotations"] = index["manifests"][1]["annotations"].clone();
        change(&mut entry);
        index["manifests"].as_array_mut().expect("a list").insert(0, entry);
        index.to_string()
    };
    let attestation = |entry: &mut Value| {
        entry["annotations"]["vnd.docker.reference.type"] = "attestation-manifest".into();
        entry["platform"] = serde_json::json!({"os": "unknown", "architecture": "unknown"});
    };
    for (index, expected) in [
        (text.clone(), ""),
        (text.replacen(r#""manifests":"#, r#""Manifests":[],"manifests":"#, 1), "`Manifests`"),
        (text.replacen(r#""digest":"#, r#""Digest":"sha256:00","digest":"#, 1), "`Digest`"),
        (second(&|_| {}), "to two images"),
        (second(&attestation), "to two images"),
        (second(&|entry| entry["mediaType"] = "application/x".into()), "platform"),
    ] {
        fs::write(&path, index).expect("it can be written");
        let finished = stage.run(&["pair", "verify", "oci:layout:1", "oci:layout:1-debug"]);
        if expected.is_empty() {
            finished.expect_code(0);
        } else {
            finished.expect_clear_failure(1, &[expected]);
        }
    }
}
