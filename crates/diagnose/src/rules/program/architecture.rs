//! `wrong-architecture`: built for another machine or system than the one it will run on.

use crate::code::Code;
use crate::elf::ElfFacts;
use crate::finding::{Finding, Severity};
use crate::platform::Platform;

pub(super) fn check(path: &str, elf: &ElfFacts, platform: Option<&Platform>) -> Option<Finding> {
    let Some(wanted) = platform else { return unknown(path, elf) };
    let name = elf.platform_name();
    if let Some(built) = &elf.platform {
        if wanted.runs(built) {
            return None;
        }
        if wanted.may_run(built) {
            return Some(
                Finding::new(
                    Code::WrongArchitecture,
                    Severity::Warning,
                    format!("{path} is built for {name} and the image says {wanted}: it runs only where the kernel has its 32-bit mode"),
                )
                .evidence(evidence(path, elf))
                .fix(fix(wanted)),
            );
        }
    }
    Some(
        Finding::new(
            Code::WrongArchitecture,
            Severity::Error,
            format!("{path} is built for {name} and is to run on {wanted}: the kernel answers \"exec format error\""),
        )
        .evidence(evidence(path, elf))
        .evidence(format!("platform asked for: {wanted}"))
        .fix(fix(wanted)),
    )
}

/// A machine that no kernel supports, if the target platform is unknown.
fn unknown(path: &str, elf: &ElfFacts) -> Option<Finding> {
    if elf.has_known_machine() {
        return None;
    }
    let name = elf.platform_name();
    let message = format!(
        "{path} is built for {name}, which Linux does not run on: the kernel answers \"exec format error\""
    );
    Some(
        Finding::new(Code::WrongArchitecture, Severity::Error, message)
            .evidence(evidence(path, elf))
            .fix("build it for Linux on the machine that is to run it, or copy it again if it was"),
    )
}

fn evidence(path: &str, elf: &ElfFacts) -> String {
    format!("{path}: ELF {}, e_machine {}", elf.platform_name(), elf.machine)
}

fn fix(wanted: &Platform) -> String {
    let architecture = wanted.architecture.as_str();
    let rust = match architecture {
        "amd64" => "x86_64-unknown-linux-musl",
        "arm64" => "aarch64-unknown-linux-musl",
        "arm" => "armv7-unknown-linux-musleabihf",
        "386" => "i686-unknown-linux-musl",
        "riscv64" => "riscv64gc-unknown-linux-musl",
        _ => "…",
    };
    format!(
        "build it for {wanted} (Go: GOOS={} GOARCH={architecture}; Rust: --target {rust}), or give the image the platform of \
         the binary with --platform",
        wanted.os
    )
}
