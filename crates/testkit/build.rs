//! Compiles the sample program twice: statically linked, as it goes into images, and dynamically linked, as a program
//! that does not belong into one.

use std::path::Path;
use std::process::Command;

const SOURCE: &str = "samples/app.rs";

fn main() {
    println!("cargo::rerun-if-changed={SOURCE}");
    compile("app", &["-C", "target-feature=+crt-static"]);
    compile("app-dynamic", &["-C", "target-feature=-crt-static"]);
}

/// Compiles [`SOURCE`] to `OUT_DIR/name`, small.
fn compile(name: &str, options: &[&str]) {
    let output = Path::new(&variable("OUT_DIR")).join(name);
    let status = Command::new(variable("RUSTC"))
        .args(["--edition", "2024", "--target", &variable("TARGET"), "-C", "opt-level=z", "-C", "panic=abort"])
        .args(["-C", "strip=symbols", "-D", "warnings"])
        .args(options)
        .arg("-o")
        .arg(&output)
        .arg(SOURCE)
        .status()
        .expect("rustc could not be started");
    assert!(status.success(), "rustc failed on {SOURCE} ({name}): {status}");
}

/// A variable that cargo sets for every build script.
#[expect(clippy::disallowed_methods, reason = "a build script is told everything by its environment")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
