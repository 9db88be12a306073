//! Compiles the launcher (`crates/launcher`) as a static program, so that this crate can embed it.
//!
//! A normal dependency cannot be a static program: setting `crt-static` for the whole build would
//! break proc macros. The launcher has no dependencies, so one call of the compiler is enough. If
//! the target has no static C library of its own (any target but Linux), an empty file is embedded,
//! and `attach` reports that.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

#[expect(clippy::disallowed_methods, reason = "a build script's input is its environment")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = PathBuf::from("../launcher/src");
    println!("cargo:rerun-if-changed={}", source.display());
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("scratchdbg-launcher");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        fs::write(&out, [])?;
        return Ok(());
    }
    let mut compiler = Command::new(env::var("RUSTC")?);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.arg("-C").arg(format!("linker={linker}"));
    }
    let status = compiler
        .args([
            "--crate-name",
            "scratchdbg_launcher",
            "--edition",
            "2024",
            "--target",
            &env::var("TARGET")?,
        ])
        .args([
            "-C",
            "target-feature=+crt-static",
            "-C",
            "opt-level=s",
            "-C",
            "lto=fat",
            "-C",
            "codegen-units=1",
        ])
        // The launcher runs inside other people's containers: a panic must end it at once, and
        // symbols only add size.
        .args(["-C", "panic=abort", "-C", "strip=symbols", "--cap-lints", "allow"])
        .arg(source.join("main.rs"))
        .arg("-o")
        .arg(&out)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err("cannot compile the launcher statically: is the C library's static archive (libc6-dev on Debian) there?"
            .into())
    }
}
