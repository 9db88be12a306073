//! Compiles the launcher (`crates/launcher`) as a static program, so that this crate can embed it.
//!
//! A normal dependency cannot be a static program: setting `crt-static` for the whole build would
//! break proc macros. The launcher's dependencies have none: a call of the compiler for each is enough. If
//! the target has no static C library of its own (any target but Linux), an empty file is embedded,
//! and `attach` reports that.

use std::path::{Path, PathBuf};
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
    let mut launcher = compile("scratchdbg_launcher", "bin", &source.join("main.rs"), &out)?;
    let mut is_compiled = true;
    for name in ["archive", "relay"] {
        let source = PathBuf::from(format!("../{name}/src"));
        println!("cargo:rerun-if-changed={}", source.display());
        let library = out.with_file_name(format!("libscratchdbg_{name}.rlib"));
        let crate_name = format!("scratchdbg_{name}");
        let mut compiler = compile(&crate_name, "rlib", &source.join("lib.rs"), &library)?;
        is_compiled &= compiler.status()?.success();
        launcher.arg("--extern").arg(format!("{crate_name}={}", library.display()));
    }
    if is_compiled && launcher.status()?.success() {
        Ok(())
    } else {
        Err("cannot compile the launcher statically: is the C library's static archive (libc6-dev on Debian) there?"
            .into())
    }
}

/// Returns a call of the compiler.
#[expect(clippy::disallowed_methods, reason = "a build script's input is its environment")]
fn compile(
    name: &str,
    kind: &str,
    source: &Path,
    out: &Path,
) -> Result<Command, Box<dyn std::error::Error>> {
    let mut compiler = Command::new(env::var("RUSTC")?);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.arg("-C").arg(format!("linker={linker}"));
    }
    compiler
        .args(["--crate-name", name, "--crate-type", kind, "--edition", "2024"])
        .args(["--target", &env::var("TARGET")?])
        .args(["-C", "target-feature=+crt-static", "-C", "opt-level=s", "-C", "codegen-units=1"])
        // The launcher runs inside other people's containers: a panic must end it at once, and
        // symbols only add size.
        .args(["-C", "panic=abort", "-C", "strip=symbols", "--cap-lints", "allow"])
        .arg(source)
        .arg("-o")
        .arg(out);
    if kind == "bin" {
        compiler.args(["-C", "lto=fat"]);
    }
    Ok(compiler)
}
