//! Compiles the sample program twice: statically linked, for images, and dynamically linked, as a
//! program that does not belong in an image. Also compiles hostile programs, statically linked.

use std::path::Path;
use std::process::Command;

const SOURCE: &str = "samples/app.rs";
const HOSTILE: &str = "samples/hostile.rs";
const COVER: &str = "samples/cover.rs";

fn main() {
    for source in [SOURCE, HOSTILE, COVER] {
        println!("cargo::rerun-if-changed={source}");
    }
    compile(SOURCE, "app", &["-C", "target-feature=+crt-static"]);
    compile(HOSTILE, "hostile", &["-C", "target-feature=+crt-static"]);
    compile(COVER, "cover", &["-C", "target-feature=+crt-static"]);
    compile(SOURCE, "app-dynamic", &["-C", "target-feature=-crt-static"]);
}

/// Compiles a source to `OUT_DIR/name`, optimized for size.
fn compile(source: &str, name: &str, options: &[&str]) {
    let output = Path::new(&variable("OUT_DIR")).join(name);
    let status = Command::new(variable("RUSTC"))
        .args([
            "--edition",
            "2024",
            "--target",
            &variable("TARGET"),
            "-C",
            "opt-level=z",
            "-C",
            "panic=abort",
        ])
        .args(["-C", "strip=symbols", "-D", "warnings"])
        .args(options)
        .arg("-o")
        .arg(&output)
        .arg(source)
        .status()
        .expect("rustc could not be started");
    assert!(status.success(), "rustc failed on {source} ({name}): {status}");
}

/// Returns a variable that cargo sets for every build script.
#[expect(
    clippy::disallowed_methods,
    reason = "a build script is told everything by its environment"
)]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
