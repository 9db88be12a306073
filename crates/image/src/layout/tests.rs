use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::*;
use crate::image::tests::sample;
use crate::{Compression, Entry, FileData, Image, ImageConfig, Layer, Tree};

fn set(tag: &str, image: Image) -> ImageSet {
    ImageSet::new(vec![tag.parse().unwrap()], vec![image]).unwrap()
}

fn image_of(layer: Layer) -> Image {
    let config =
        ImageConfig { architecture: "amd64".into(), os: "linux".into(), ..ImageConfig::default() };
    Image::new(config, vec![layer], BTreeMap::new()).unwrap()
}

fn names(root: &Path) -> Vec<String> {
    let index: Value = serde_json::from_slice(&fs::read(root.join("index.json")).unwrap()).unwrap();
    let name = |entry: &Value| {
        entry["annotations"]["io.containerd.image.name"].as_str().unwrap_or("-").to_owned()
    };
    index["manifests"].as_array().unwrap().iter().map(name).collect()
}

/// Every file is in its place, and the content of every blob, reachable or not, matches its name.
fn assert_whole(root: &Path) {
    let listing = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = entries.collect();
        names.sort();
        names
    };
    assert_eq!(listing(root), ["blobs", "index.json", "oci-layout"]);
    assert_eq!(fs::read(root.join("oci-layout")).unwrap(), OCI_LAYOUT);
    let folder = root.join("blobs/sha256");
    for name in listing(&folder) {
        let path = folder.join(&name);
        assert_eq!(Digest::of(fs::read(&path).unwrap()).hex(), name);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o644);
    }
    let index: Value = serde_json::from_slice(&fs::read(root.join("index.json")).unwrap()).unwrap();
    for entry in index["manifests"].as_array().unwrap() {
        let manifest = blob(root, entry);
        for descriptor in
            [&manifest["config"]].into_iter().chain(manifest["layers"].as_array().unwrap())
        {
            let digest: Digest = descriptor["digest"].as_str().unwrap().parse().unwrap();
            assert_eq!(fs::metadata(folder.join(digest.hex())).unwrap().len(), descriptor["size"]);
        }
    }
}

fn blob(root: &Path, descriptor: &Value) -> Value {
    let digest: Digest = descriptor["digest"].as_str().unwrap().parse().unwrap();
    serde_json::from_slice(&fs::read(root.join("blobs/sha256").join(digest.hex())).unwrap())
        .unwrap()
}

#[test]
fn images_are_added_and_names_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let layout = Layout::open_or_create(&root).unwrap();
    layout
        .add(&[set("app:1", sample("amd64", "a")), set("app:1-debug", sample("amd64", "b"))])
        .unwrap();
    assert_whole(&root);
    Layout::open_or_create(&root).unwrap().add(&[set("app:2", sample("amd64", "c"))]).unwrap();
    assert_eq!(
        names(&root),
        ["docker.io/library/app:1", "docker.io/library/app:1-debug", "docker.io/library/app:2"]
    );
    let before = fs::read(root.join("index.json")).unwrap();
    layout.add(&[set("app:1", sample("amd64", "c"))]).unwrap();
    assert_eq!(names(&root).len(), 3);
    layout.add(&[set("app:1", sample("amd64", "a"))]).unwrap();
    assert_eq!(fs::read(root.join("index.json")).unwrap(), before, "the order stays");
    let error = layout.add(&[set("web:1", sample("amd64", "d"))]).unwrap_err().to_string();
    assert!(error.contains("already has a `1`, of docker.io/library/app:1"), "{error}");
    assert_whole(&root);
}

#[test]
fn what_others_put_into_the_index_stays() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("oci-layout"), OCI_LAYOUT).unwrap();
    let foreign = r#"{"schemaVersion":2,"x":1,"manifests":[{"digest":"sha256:00","platform":{"os.version":"10"}},{"annotations":{"org.opencontainers.image.ref.name":"1"}}]}"#;
    fs::write(root.join("index.json"), foreign).unwrap();
    let layout = Layout::open_or_create(root).unwrap();
    layout.add(&[set("app:1", sample("amd64", "a"))]).unwrap();
    let index: Value = serde_json::from_slice(&fs::read(root.join("index.json")).unwrap()).unwrap();
    assert_eq!(
        (&index["x"], &index["manifests"][0]["platform"]["os.version"]),
        (&1.into(), &"10".into())
    );
    assert_eq!(names(root), ["-", "docker.io/library/app:1"], "a bare tag is taken over");
}

#[test]
fn other_folders_are_refused() {
    for (name, content, part) in [
        ("notes.txt", "x", "it holds notes.txt"),
        ("oci-layout", r#"{"imageLayoutVersion":"2.0"}"#, "its version is 2.0"),
        ("oci-layout", "x", "names no version"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let error = Layout::open_or_create(folder.path()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    for index in ["x", "{}", "[]", r#"{"manifests":1}"#] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("oci-layout"), OCI_LAYOUT).unwrap();
        fs::write(folder.path().join("index.json"), index).unwrap();
        let layout = Layout::open_or_create(folder.path()).unwrap();
        let error = layout.add(&[set("app:1", sample("amd64", "a"))]).unwrap_err();
        assert!(matches!(error, ImageError::NotALayout { .. }), "{index}: {error}");
        assert_eq!(fs::read_to_string(folder.path().join("index.json")).unwrap(), index);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(Layout::open_or_create(file.path()).is_err());
}

#[test]
fn a_spooled_layer_becomes_a_blob_wherever_it_was_spooled() {
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::open_or_create(folder.path()).unwrap();
    for (spool, content) in [(layout.folder(), "a"), (elsewhere.path(), "b")] {
        let mut tree = Tree::with_root();
        tree.insert("app", Entry::file(FileData::Bytes(content.as_bytes().into()), 0o755)).unwrap();
        let layer = Layer::spooled(&tree, 0, Compression::GZIP, spool).unwrap();
        layout.add(&[set(&format!("app:{content}"), image_of(layer))]).unwrap();
    }
    drop(layout);
    assert_whole(folder.path());
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn a_torn_blob_is_written_again_and_stale_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let image = sample("amd64", "a");
    fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    fs::write(root.join("blobs/sha256").join(image.layers()[0].digest().hex()), b"torn").unwrap();
    fs::write(root.join(".scratchdbg-x.tmp"), b"stale").unwrap();
    Layout::open_or_create(root).unwrap().add(&[set("app:1", image)]).unwrap();
    assert_whole(root);
}

#[test]
fn a_damaged_blob_of_the_right_size_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let add = || {
        Layout::open_or_create(root).unwrap().add(&[set("app:1", sample("amd64", "1"))]).unwrap();
    };
    add();
    for blob in fs::read_dir(root.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let size = fs::metadata(&path).unwrap().len();
        fs::write(&path, vec![0; usize::try_from(size).unwrap()]).unwrap();
    }
    add();
    assert_whole(root);
}

#[test]
fn temporary_files_of_a_living_run_stay() {
    let folder = tempfile::tempdir().unwrap();
    let first = Layout::open_or_create(folder.path()).unwrap();
    let spool = temporary_file(first.folder()).unwrap();
    drop(Layout::open_or_create(folder.path()).unwrap());
    assert!(spool.path().exists());
}

#[test]
fn builders_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let root = folder.path();
            scope.spawn(move || {
                let layout = Layout::open_or_create(root).unwrap();
                layout
                    .add(&[set(&format!("app:{number}"), sample("amd64", &number.to_string()))])
                    .unwrap();
            });
        }
    });
    assert_whole(folder.path());
    assert_eq!(names(folder.path()).len(), 8);
}

const CHILD: &str = "SCRATCHDBG_TEST_LAYOUT";

/// Not a test by itself: this is the process that
/// [`a_killed_builder_leaves_the_old_state_or_the_new`] kills.
#[test]
#[ignore = "run by another test, in a process of its own"]
#[expect(
    clippy::disallowed_methods,
    reason = "the folder can only be handed to a test by the environment"
)]
fn child_that_adds_for_ever() {
    let Some(root) = std::env::var_os(CHILD) else { return };
    for number in 0.. {
        let layout = Layout::open_or_create(Path::new(&root)).unwrap();
        let mut tree = Tree::with_root();
        let content = vec![u8::try_from(number % 251).unwrap(); 3_000_000];
        tree.insert("app", Entry::file(FileData::Bytes(content.into()), 0o755)).unwrap();
        let layer = Layer::spooled(&tree, 0, Compression::None, layout.folder()).unwrap();
        layout
            .add(&[
                set("app:1", image_of(layer)),
                set("app:2", sample("amd64", &number.to_string())),
            ])
            .unwrap();
    }
}

#[test]
fn a_killed_builder_leaves_the_old_state_or_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    Layout::open_or_create(root).unwrap().add(&[set("app:0", sample("amd64", "first"))]).unwrap();
    let mut interrupted = 0;
    for kill in 0..200u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "layout::tests::child_that_adds_for_ever", "--ignored", "--quiet"])
            .env(CHILD, root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before its first step to well into its second round, at a different point each time.
        std::thread::sleep(Duration::from_micros(2_000 + (kill * 7_919) % 23_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let left = fs::read_dir(root)
            .unwrap()
            .filter(|entry| is_temporary(&entry.as_ref().unwrap().file_name()))
            .count();
        interrupted += usize::from(left > 0);
        drop(Layout::open_or_create(root).unwrap());
        assert_whole(root);
        assert_eq!(names(root)[0], "docker.io/library/app:0");
        assert!(matches!(names(root).len(), 1 | 3), "both images or neither");
    }
    assert!(interrupted > 0, "no kill struck while something was being written");
}
