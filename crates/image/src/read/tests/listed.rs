//! Indexes, and the images that engines choose from them.

use std::io::{self, Read};
use std::sync::Arc;

use super::*;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A layout as a registry.
#[derive(Debug)]
struct Registry {
    root: Vec<u8>,
    folder: PathBuf,
}

impl RemoteImage for Registry {
    fn name(&self) -> String {
        "r.example/app:1".to_owned()
    }

    fn root(&self) -> &[u8] {
        &self.root
    }

    fn manifest(&self, digest: Digest) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join("blobs/sha256").join(digest.hex()))
    }

    fn blob(&self, digest: Digest) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(io::Cursor::new(self.manifest(digest)?)))
    }
}

impl Store {
    /// Adds an image whose config is changed, and returns its descriptor without a platform.
    fn image(&self, change: &dyn Fn(&mut Value)) -> Value {
        let mut manifest = self.sample_manifest();
        let mut config = json_of(&self.blob(&manifest["config"]["digest"]));
        change(&mut config);
        manifest["config"] =
            self.put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
        self.put(manifest.to_string().as_bytes(), MANIFEST)
    }

    fn sample_manifest(&self) -> Value {
        json_of(&self.blob(&self.sample_descriptor()["digest"]))
    }

    fn remote(&self, root: &str) -> ImageSource {
        let folder = self.root().to_owned();
        ImageSource::remote(Arc::new(Registry { root: root.as_bytes().to_vec(), folder }))
    }
}

fn outcome(source: &ImageSource) -> Result<usize, String> {
    source.images().map(|images| images.len()).map_err(|error| error.to_string())
}

fn is_as_expected(found: &Result<usize, String>, expected: &Result<usize, &str>) -> bool {
    match (found, expected) {
        (Ok(found), Ok(expected)) => found == expected,
        (Err(found), Err(expected)) => found.contains(expected),
        _ => false,
    }
}

fn with(descriptor: &Value, platform: &Value, more: &Value) -> Value {
    let mut descriptor = descriptor.clone();
    if !platform.is_null() {
        descriptor["platform"] = platform.clone();
    }
    for (key, value) in more.as_object().unwrap() {
        descriptor[key] = value.clone();
    }
    descriptor
}

/// An engine chooses an entry by its platform, whatever else the index says of it.
#[test]
fn an_index_lists_one_image_for_each_platform() {
    let store = Store::sample();
    let good = store.image(&|_| {});
    let evil = store.image(&|config| config["config"]["Entrypoint"] = json!(["/evil"]));
    let arm64 = store.image(&|config| config["architecture"] = json!("arm64"));
    let v2 = store.image(&|config| config["variant"] = json!("v2"));
    let capitals = store.image(&|config| {
        config["os"] = json!("Linux");
        config["architecture"] = json!("x86_64");
    });
    let nameless = store.image(&|config| config["architecture"] = json!(""));
    let arm = store.image(&|config| config["architecture"] = json!("arm"));
    let other_arm = store.image(&|config| {
        config["architecture"] = json!("arm");
        config["created"] = json!("2001-01-01T00:00:00Z");
    });
    let windows = |version: &str| {
        store.image(&|config| {
            config["os"] = json!("windows");
            config["os.version"] = json!(version);
        })
    };
    let p = |text: &str| {
        let parts: Vec<_> = text.split('/').collect();
        let mut platform = json!({"os": parts[0], "architecture": parts[1]});
        if let Some(variant) = parts.get(2) {
            platform["variant"] = json!(variant);
        }
        platform
    };
    let (amd, unknown, none) = (p("linux/amd64"), p("unknown/unknown"), Value::Null);
    let attestation = json!({"annotations": {"vnd.docker.reference.type": "attestation-manifest"}});
    let strange = json!({"mediaType": "application/x"});
    let plain = json!({});
    let within = |entries: &[Value]| {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        store.put(index.to_string().as_bytes(), INDEX)
    };
    let named_within = json!({"annotations": {"org.opencontainers.image.ref.name": "zzz"}});
    let entries: Vec<(Vec<Value>, Result<usize, &str>)> = vec![
        (vec![with(&good, &amd, &plain)], Ok(1)),
        (vec![with(&good, &none, &plain)], Ok(1)),
        (vec![with(&good, &none, &plain), with(&evil, &unknown, &attestation)], Ok(1)),
        (vec![with(&evil, &unknown, &attestation), with(&good, &amd, &plain)], Ok(1)),
        (vec![with(&good, &amd, &plain), with(&arm64, &p("linux/arm64"), &plain)], Ok(2)),
        (vec![with(&good, &amd, &plain), with(&arm64, &p("linux/arm64/v8"), &plain)], Ok(2)),
        (vec![with(&good, &amd, &plain), with(&good, &amd, &plain)], Ok(1)),
        (vec![with(&good, &amd, &plain), with(&v2, &p("linux/amd64/v2"), &plain)], Ok(2)),
        (
            vec![
                with(&arm, &p("linux/arm/v6"), &plain),
                with(&other_arm, &p("linux/arm/v7"), &plain),
            ],
            Ok(2),
        ),
        (
            vec![
                with(&windows("1"), &p("windows/amd64"), &plain),
                with(&windows("2"), &p("windows/amd64"), &plain),
            ],
            Ok(2),
        ),
        (vec![with(&within(&[with(&good, &amd, &plain)]), &amd, &plain)], Ok(1)),
        // Two for one platform, however they are written.
        (
            vec![with(&good, &amd, &plain), with(&evil, &amd, &plain)],
            Err("two images for linux/amd64"),
        ),
        (
            vec![with(&evil, &amd, &attestation), with(&good, &amd, &plain)],
            Err("two images for linux/amd64"),
        ),
        (
            vec![with(&evil, &amd, &named_within), with(&good, &amd, &plain)],
            Err("two images for linux/amd64"),
        ),
        (
            vec![with(&evil, &amd, &json!({"artifactType": "x/y"})), with(&good, &amd, &plain)],
            Err("two images for linux/amd64"),
        ),
        (
            vec![
                with(
                    &evil,
                    &json!({"os": "linux", "architecture": "amd64", "os.version": "1"}),
                    &plain,
                ),
                with(&good, &amd, &plain),
            ],
            Err("two images for linux/amd64"),
        ),
        (
            vec![with(&evil, &p("linux/amd64/v1"), &plain), with(&good, &amd, &plain)],
            Err("two images for linux/amd64"),
        ),
        (
            vec![
                with(&within(&[with(&evil, &amd, &plain)]), &amd, &plain),
                with(&good, &amd, &plain),
            ],
            Err("two images for linux/amd64"),
        ),
        (
            vec![with(&arm, &p("linux/arm"), &plain), with(&other_arm, &p("linux/arm/v7"), &plain)],
            Err("two images for"),
        ),
        (
            vec![with(&capitals, &p("Linux/x86_64"), &plain), with(&good, &amd, &plain)],
            Err("two images for linux/amd64"),
        ),
        // A platform that is not the image's own.
        (
            vec![with(&good, &p("linux/s390x"), &plain), with(&evil, &amd, &plain)],
            Err("says that it is for"),
        ),
        (
            vec![with(&good, &p("linux/amd64/v4"), &plain), with(&evil, &amd, &plain)],
            Err("says that it is for"),
        ),
        (
            vec![with(&good, &unknown, &plain), with(&evil, &amd, &plain)],
            Err("says that it is for"),
        ),
        (
            vec![with(&good, &amd, &plain), with(&evil, &p("linux/arm64"), &plain)],
            Err("says that it is for"),
        ),
        (
            vec![with(&evil, &p("linux/x86_64"), &plain), with(&good, &amd, &plain)],
            Err("says that it is for"),
        ),
        (
            vec![with(&evil, &p("Linux/AMD64"), &plain), with(&good, &amd, &plain)],
            Err("says that it is for"),
        ),
        (vec![with(&v2, &amd, &plain)], Err("says that it is for linux/amd64/v2")),
        (vec![with(&nameless, &amd, &plain)], Err("says that it is for")),
        (
            vec![with(&within(&[with(&evil, &amd, &plain)]), &p("linux/arm64"), &plain)],
            Err("says that it is for"),
        ),
        // None, or one that may be any.
        (
            vec![with(&good, &none, &plain), with(&evil, &amd, &plain)],
            Err("not the platform of each"),
        ),
        (
            vec![with(&good, &amd, &plain), with(&arm64, &none, &plain)],
            Err("not the platform of each"),
        ),
        (
            vec![with(&good, &amd, &plain), with(&arm64, &none, &attestation)],
            Err("not the platform of each"),
        ),
        (
            vec![with(&good, &amd, &plain), with(&arm64, &json!({}), &plain)],
            Err("not the platform of each"),
        ),
        // What it is can be said in other words than engines look for.
        (
            vec![with(&evil, &amd, &strange), with(&good, &amd, &plain)],
            Err("may choose it by its platform"),
        ),
        (
            vec![with(&good, &amd, &plain), with(&evil, &none, &strange)],
            Err("may choose it by its platform"),
        ),
        (vec![with(&good, &amd, &plain), with(&evil, &unknown, &strange)], Ok(1)),
        (vec![with(&good, &amd, &json!({"mediaType": INDEX}))], Err("media type is not the one")),
    ];
    for (entries, expected) in entries {
        let index =
            json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
        let found = outcome(&store.remote(&index));
        assert!(
            is_as_expected(&found, &expected),
            "registry: {index}: {found:?}, expected {expected:?}"
        );
        // The same within the index of a layout, under one name.
        let nested = store.put(index.as_bytes(), INDEX);
        let name = json!({"annotations": {"org.opencontainers.image.ref.name": "1"}});
        store.set_index(&json!({"schemaVersion": 2, "manifests": [with(&nested, &none, &name)]}));
        let source = ImageSource::layout(store.root()).unwrap();
        let found = outcome(&source);
        assert!(
            is_as_expected(&found, &expected),
            "layout: {index}: {found:?}, expected {expected:?}"
        );
        if let Ok(count) = expected {
            assert_eq!(source.find(Some("1")).unwrap().len(), count, "all have the name: {index}");
        }
    }
}

/// An engine takes the first entry with a name, or the last, and not all ask what it is.
#[test]
fn the_index_of_a_layout_gives_a_name_to_one_entry() {
    let store = Store::sample();
    let good = store.image(&|_| {});
    let evil = store.image(&|config| config["config"]["Entrypoint"] = json!(["/evil"]));
    let named = |descriptor: &Value, full: &str, tag: &str, more: &Value| {
        let mut descriptor = with(descriptor, &Value::Null, more);
        for (key, name) in
            [("io.containerd.image.name", full), ("org.opencontainers.image.ref.name", tag)]
        {
            if !name.is_empty() {
                descriptor["annotations"][key] = json!(name);
            }
        }
        descriptor
    };
    let (plain, strange) = (json!({}), json!({"mediaType": "application/x"}));
    let unknown = json!({"os": "unknown", "architecture": "unknown"});
    let attestation =
        json!({"platform": unknown, "annotations": {"vnd.docker.reference.type": "x"}});
    let claimed = json!({
        "platform": {"os": "linux", "architecture": "amd64"},
        "annotations": {"vnd.docker.reference.type": "x"},
    });
    let first = named(&good, "docker.io/library/app:1", "1", &plain);
    for (other, expected) in [
        (named(&evil, "docker.io/library/app:1", "2", &plain), Err("app:1 to two images")),
        (named(&evil, "app:1", "", &plain), Err("app:1 to two images")),
        (named(&evil, "", "app:1", &plain), Err("app:1 to two images")),
        (named(&evil, "", "1", &plain), Err("the name 1 to two images")),
        (named(&evil, "", "1", &claimed), Err("the name 1 to two images")),
        (named(&evil, "app:1", "", &claimed), Err("app:1 to two images")),
        (named(&evil, "app:1", "", &attestation), Err("app:1 to two images")),
        (named(&evil, "", "1", &attestation), Err("the name 1 to two images")),
        (named(&evil, "other:2", "1", &attestation), Err("the name 1 to two images")),
        (named(&evil, "", "1", &strange), Err("the name 1 to two images")),
        (named(&evil, "", "sbom", &strange), Ok(1)),
        (named(&evil, "", "", &strange), Ok(1)),
        (named(&evil, "", "", &attestation), Ok(1)),
        (named(&good, "docker.io/library/app:1", "1", &plain), Ok(1)),
        (named(&good, "docker.io/library/app:2", "2", &plain), Ok(1)),
        (named(&evil, "docker.io/shop/app:1", "1", &plain), Ok(2)),
        // Another annotation than the first one with a name in it.
        (named(&evil, "docker.io/library/other:2", "1", &plain), Ok(2)),
    ] {
        for entries in [[&first, &other], [&other, &first]] {
            store.set_index(&json!({"schemaVersion": 2, "manifests": entries}));
            let source = ImageSource::layout(store.root()).unwrap();
            let found = outcome(&source);
            assert!(
                is_as_expected(&found, &expected),
                "{entries:?}: {found:?}, expected {expected:?}"
            );
            if expected == Ok(2) {
                assert_eq!(
                    source.find(Some("1")).unwrap().len(),
                    2,
                    "either may be meant: {entries:?}"
                );
            }
        }
    }
}

/// Keys that Go takes for others, and documents of the first schema version.
#[test]
fn documents_mean_the_same_to_engines() {
    let store = Store::sample();
    let manifest = store.sample_manifest();
    let evil = store.put(b"{}", "application/vnd.oci.image.config.v1+json");
    let text = manifest.to_string();
    let more = |member: &str| format!("{},{member}}}", text.strip_suffix('}').unwrap());
    for (document, expected) in [
        (text.clone(), Ok(1)),
        (more(r#""artifactType":"x/y""#), Ok(1)),
        (more(&format!(r#""Config":{evil}"#)), Err("engines take for `config`")),
        (more(&format!(r#""con\u0066ig":{evil}"#)), Err("the key `config` twice")),
        (more(r#""Layers":[]"#), Err("engines take for `layers`")),
        (more("\"layer\u{17f}\":[]"), Err("engines take for `layers`")),
        (more(r#""manifests":[]"#), Err("an index and a manifest at once")),
        (more(r#""fsLayers":[{"blobSum":"sha256:00"}]"#), Err("schema version 2")),
        (text.replace(r#""schemaVersion":2"#, r#""schemaVersion":1"#), Err("schema version 2")),
        (text.replace(MANIFEST, "application/x"), Err("that of no image")),
        (text.replace(MANIFEST, INDEX), Err("says that it is an index")),
        (text.clone() + "{}", Err("trailing")),
        (format!("\u{feff}{text}"), Err("expected value")),
        (String::new(), Err("EOF")),
    ] {
        let found = outcome(&store.remote(&document));
        assert!(is_as_expected(&found, &expected), "{document}: {found:?}, expected {expected:?}");
    }
    // A config is read as engines read it, and proves nothing.
    let image = |config: &str| {
        let mut manifest = manifest.clone();
        manifest["config"] =
            store.put(config.as_bytes(), "application/vnd.oci.image.config.v1+json");
        store.remote(&manifest.to_string()).images().unwrap().remove(0)
    };
    let config = json_of(&store.blob(&manifest["config"]["digest"])).to_string();
    assert!(image(&config).exact_config().is_ok());
    let other = image(&config.replace(r#""config":{}"#, r#""config":{"entrypoint":["/evil"]}"#));
    assert_eq!(other.config.config.entrypoint.as_ref().unwrap().len(), 1);
    assert!(
        other.exact_config().unwrap_err().to_string().contains("engines take for `Entrypoint`")
    );
}
