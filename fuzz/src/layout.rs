//! The documents of an OCI layout: indexes, manifests, configs.

use scratchdbg_image::Digest;
use scratchdbg_image::read::{ImageSource, validate};

/// The most documents in one input.
const MOST: usize = 8;

/// `data` is `index.json` and then blobs, separated by lines `---`. `@N` stands for the digest of
/// part N and `#N` for its size: otherwise readers would only see wrong digests.
pub fn run(data: &[u8]) {
    let mut documents: Vec<Vec<u8>> =
        super::parts::<MOST>(data).iter().map(|part| part.to_vec()).collect();
    let folder = super::folder();
    let blobs = folder.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    // A part refers to later parts.
    for index in (0..documents.len()).rev() {
        let (before, after) = documents.split_at_mut(index + 1);
        let text = String::from_utf8_lossy(&before[index]).into_owned();
        let text = after.iter().enumerate().fold(text, |text, (offset, blob)| {
            let number = index + 1 + offset;
            let text = text.replace(&format!("@{number}"), &Digest::of(blob).to_string());
            text.replace(&format!("#{number}"), &blob.len().to_string())
        });
        // A blob that is not text stays unchanged.
        if std::str::from_utf8(&before[index]).is_ok() {
            before[index] = text.into_bytes();
        }
        std::fs::write(blobs.join(Digest::of(&before[index]).hex()), &before[index]).unwrap();
    }
    std::fs::write(folder.path().join("index.json"), &documents[0]).unwrap();
    std::fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let source = ImageSource::layout(folder.path()).unwrap();
    let _absent = source.find(Some("app:1"));
    let Ok(images) = source.images() else { return };
    for image in &images {
        let _platform = image.platform().to_string();
        let _invalid = validate(&source, image);
    }
}
