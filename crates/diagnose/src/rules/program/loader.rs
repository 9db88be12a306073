//! `loader-missing`: a dynamic program in an image without its loader.

use super::Subject;
use super::access::{self, Denied, EXECUTE};
use crate::code::Code;
use crate::elf::{ElfFacts, Libc};
use crate::finding::{Finding, Severity};
use crate::program::Program;
use crate::rootfs::{Entry, EntryKind, Resolution};
use crate::rules::image::mount;

pub(super) fn check(subject: Subject<'_>, elf: &ElfFacts) -> Option<Finding> {
    let Subject { path, rootfs, .. } = subject;
    let loader = elf.interpreter.as_deref()?;
    let place = subject.absolute(loader);
    let found = match rootfs.resolve(&place) {
        Resolution::Found { path: at, entry, parents } => {
            let identity = access::identity(subject);
            let denied = access::denied(identity.as_ref(), &parents, entry, EXECUTE);
            return unusable(path, loader, &at, entry, denied.as_ref());
        }
        Resolution::Unknown => return None,
        Resolution::Missing { link: Some((link, target)), .. } => {
            format!("{link} points to {target}, which is not there")
        }
        _ => format!("{loader} is not in the image"),
    };
    if let Some(mount) = subject.mounts.and_then(|mounts| mounts.surely_hiding(&place)) {
        let what = format!("the loader {loader} of {path}");
        return Some(mount::hidden(mount, &what, loader, Severity::Error));
    }
    let mut finding = Finding::new(
        Code::LoaderMissing,
        Severity::Error,
        format!(
            "{path} is dynamically linked and its loader {loader} is not in the image: it cannot start, and the error \
             (\"exec {path}: no such file or directory\") names the program and not the loader"
        ),
    )
    .evidence(format!("{path}: PT_INTERP {loader}"))
    .evidence(found);
    if !elf.needed.is_empty() {
        finding = finding.evidence(format!("{path}: needs {}", elf.needed.join(", ")));
    }
    Some(finding.fix(static_link_advice(elf)))
}

/// A loader that exists, but that the kernel does not accept.
fn unusable(
    path: &str,
    loader: &str,
    at: &str,
    entry: Option<&Entry>,
    denied: Option<&Denied>,
) -> Option<Finding> {
    let (reason, answer) = match (denied, entry.map(|entry| &entry.kind)) {
        (Some(denied), _) => (denied.reason(), "permission denied"),
        (
            None,
            Some(EntryKind::File { program: Some(Program::Other(_) | Program::Script(_)), .. }),
        ) => ("is no ELF file", "accessing a corrupted shared library"),
        _ => return None,
    };
    let message =
        format!("{path} cannot start: its loader \"{loader}\" {reason} (\"{answer}\", of {path})");
    Some(
        Finding::new(Code::LoaderMissing, Severity::Error, message)
            .evidence(format!("{path}: PT_INTERP {loader}"))
            .evidence(format!("{at} {reason}"))
            .fix("put the loader and the libraries that the program was linked against into the image, or link it statically"),
    )
}

/// Explains how to build the program without a loader, by its toolchain.
fn static_link_advice(elf: &ElfFacts) -> String {
    let advice = if let Some(go) = &elf.go {
        if go.settings.get("CGO_ENABLED").is_some_and(|value| value == "0") {
            "build it with -buildmode=exe (it is built with CGO_ENABLED=0 as a position-independent executable)"
        } else {
            "build it with CGO_ENABLED=0 (where cgo is needed: -ldflags '-linkmode external -extldflags -static')"
        }
    } else if elf.rust.is_some() {
        match elf.libc {
            Some(Libc::Musl) => "build it with RUSTFLAGS='-C target-feature=+crt-static'",
            _ => {
                "build it with --target x86_64-unknown-linux-musl (or aarch64-…), or with \
                 RUSTFLAGS='-C target-feature=+crt-static' and an explicit --target"
            }
        }
    } else {
        "link it statically (C: -static, best with musl-gcc; Go: CGO_ENABLED=0; Rust: --target x86_64-unknown-linux-musl or \
         RUSTFLAGS='-C target-feature=+crt-static')"
    };
    format!("{advice}; or add the loader and the libraries to the image")
}
