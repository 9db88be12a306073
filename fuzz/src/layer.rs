//! The tar of a layer, in an otherwise correct archive.

use scratchdbg_image::Digest;
use scratchdbg_image::read::{ImageSource, MemberKind, validate};
use serde_json::json;

/// `data` is the layer as stored: compressed or not.
pub fn run(data: &[u8]) {
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(data).to_string()]},
    });
    let manifest =
        json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["layer.tar"]}]);
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("config.json", config.to_string().as_bytes()),
        ("layer.tar", data),
        ("manifest.json", manifest.to_string().as_bytes()),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).unwrap();
    }
    let folder = super::folder();
    let path = folder.path().join("image.tar");
    std::fs::write(&path, archive.into_inner().unwrap()).unwrap();
    let source = ImageSource::archive(&path).unwrap();
    for image in source.images().unwrap() {
        let _invalid = validate(&source, &image);
        for layer in &image.layers {
            let _invalid = source.visit_layer(layer, &mut |member, data| {
                // No path leads out of the root, and no size exceeds the data.
                assert!(!member.path.starts_with('/'), "{member:?}");
                assert!(member.path.split('/').all(|part| part != ".."), "{member:?}");
                if matches!(member.kind, MemberKind::File) {
                    let read = std::io::copy(data, &mut std::io::sink());
                    assert!(
                        read.is_err() || read.is_ok_and(|size| size == member.size),
                        "{member:?}"
                    );
                }
                Ok(())
            });
        }
    }
}
