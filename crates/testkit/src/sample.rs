//! A small static program to put into images.

use std::fs;
use std::path::{Path, PathBuf};

/// Writes the sample program to `directory/app` and returns that path. `samples/app.rs` describes
/// the program.
///
/// Each call writes different bytes, so that an image built from the program shares no layer with
/// others in the engine.
pub fn write_app(directory: &Path) -> PathBuf {
    write_executable(&directory.join("app"), &unique_app())
}

/// Writes the same program, dynamically linked, to `directory/app-dynamic` and returns that path.
pub fn write_dynamic_app(directory: &Path) -> PathBuf {
    let bytes =
        fs::read(concat!(env!("OUT_DIR"), "/app-dynamic")).expect("the build script made it");
    write_executable(&directory.join("app-dynamic"), &bytes)
}

/// Writes the static sample program to `directory/NAME` with the ELF machine `machine` in its
/// header: a program for another architecture, to every tool that does not run it.
pub fn write_foreign_app(directory: &Path, name: &str, machine: u16) -> PathBuf {
    write_executable(&directory.join(name), &claim_machine(unique_app(), machine))
}

/// Writes this machine's busybox to `directory/NAME`, changed in the same way.
pub fn write_foreign_busybox(directory: &Path, name: &str, machine: u16) -> PathBuf {
    let bytes = fs::read("/bin/busybox")
        .expect("this test needs busybox-static: run ./scripts/ensure-engine");
    write_executable(&directory.join(name), &claim_machine(bytes, machine))
}

fn claim_machine(mut bytes: Vec<u8>, machine: u16) -> Vec<u8> {
    // `e_machine` of a little-endian ELF header.
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes
}

/// Returns the static sample program with unique bytes.
pub(crate) fn unique_app() -> Vec<u8> {
    let mut bytes = fs::read(concat!(env!("OUT_DIR"), "/app")).expect("the build script made it");
    // Loaders ignore bytes after the segments of an ELF file.
    bytes.extend_from_slice(crate::unique().as_bytes());
    bytes
}

/// Returns the hostile sample program, see `samples/hostile.rs`.
pub fn hostile() -> Vec<u8> {
    fs::read(concat!(env!("OUT_DIR"), "/hostile")).expect("the build script made it")
}

/// Returns the sample program that covers `/proc`, see `samples/cover.rs`.
pub fn cover() -> Vec<u8> {
    fs::read(concat!(env!("OUT_DIR"), "/cover")).expect("the build script made it")
}

fn write_executable(path: &Path, bytes: &[u8]) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, bytes).expect("the sample program can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    path.to_owned()
}
