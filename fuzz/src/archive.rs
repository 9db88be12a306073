//! Image archives: the outer tar, its documents, its layers.

use scratchdbg_image::read::{ImageSource, validate};

/// `data` is the archive.
pub fn run(data: &[u8]) {
    let folder = super::folder();
    let path = folder.path().join("image.tar");
    std::fs::write(&path, data).unwrap();
    let Ok(source) = ImageSource::archive(&path) else { return };
    let Ok(images) = source.images() else { return };
    let _absent = source.find(Some("app:1"));
    for image in &images {
        let _invalid = validate(&source, image);
    }
}
