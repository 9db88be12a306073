//! A small static program to put into images.

use std::fs;
use std::path::{Path, PathBuf};

/// Writes the sample program to `directory/app` and returns that path. See `samples/app.rs` for what it does.
///
/// No two calls write the same bytes, so what a test builds of it shares no layer with what the engine has already.
pub fn write_app(directory: &Path) -> PathBuf {
    write_executable(&directory.join("app"), &unique_app())
}

/// Writes the same program, but dynamically linked, to `directory/app-dynamic`, and returns that path.
pub fn write_dynamic_app(directory: &Path) -> PathBuf {
    let bytes = fs::read(concat!(env!("OUT_DIR"), "/app-dynamic")).expect("the build script made it");
    write_executable(&directory.join("app-dynamic"), &bytes)
}

/// The bytes of the static sample program, made unlike those of any other call.
pub(crate) fn unique_app() -> Vec<u8> {
    let mut bytes = fs::read(concat!(env!("OUT_DIR"), "/app")).expect("the build script made it");
    // Loaders pass over what follows the segments of an ELF file.
    bytes.extend_from_slice(crate::unique().as_bytes());
    bytes
}

fn write_executable(path: &Path, bytes: &[u8]) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, bytes).expect("the sample program can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    path.to_owned()
}
