//! Images of the sample program, created without the builder under test.

use std::fs;
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::sample;

/// The contents of an image of the sample program.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImageSpec<'a> {
    /// The user, as in a Dockerfile. Empty for root.
    pub user: &'a str,
    /// Files beside `/app`: path without the leading slash, mode, contents.
    pub files: &'a [(&'a str, u32, &'a [u8])],
}

/// Writes an archive in the format of `docker save`, of an image with this name. No two images
/// share a layer.
pub(super) fn write_archive(path: &Path, name: &str, spec: ImageSpec<'_>) {
    let app = sample::unique_app();
    let files: Vec<_> =
        std::iter::once(("app", 0o755, &app[..])).chain(spec.files.iter().copied()).collect();
    let layer = archive(&files);
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": ["/app"], "User": spec.user},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hexadecimal(&Sha256::digest(&layer)))]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    let whole = archive(&[
        ("manifest.json", 0o644, manifest.to_string().as_bytes()),
        ("config.json", 0o644, config.to_string().as_bytes()),
        ("layer.tar", 0o644, &layer),
    ]);
    fs::write(path, whole).expect("the archive can be written");
}

fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, contents) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        header.set_mode(*mode);
        archive.append_data(&mut header, path, *contents).expect("writing to memory works");
    }
    archive.into_inner().expect("writing to memory works")
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory works");
        text
    })
}

/// Returns this machine's architecture, as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
