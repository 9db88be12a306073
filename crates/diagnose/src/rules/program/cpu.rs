//! `cpu-level`: needs a newer processor than the baseline of its architecture.

use crate::code::Code;
use crate::elf::{ElfFacts, IsaLevel};
use crate::finding::{Finding, Severity};

/// `host` is the level of the processor that will run it, if known.
pub(super) fn check(path: &str, elf: &ElfFacts, host: Option<IsaLevel>) -> Option<Finding> {
    let needed = elf.isa_level?;
    let lacking = host.is_some_and(|host| host < needed);
    if !lacking && (host.is_some() || needed <= IsaLevel::V2) {
        return None;
    }
    let source = match &elf.go {
        Some(go) if go.settings.contains_key("GOAMD64") => "GOAMD64",
        _ => ".note.gnu.property",
    };
    let consequence = "dies with \"illegal instruction\" (exit code 132) or refuses to start";
    let (severity, message) = match host {
        Some(host) => (
            Severity::Error,
            format!(
                "{path} needs a processor of level {needed} and this one is of level {host}: the program {consequence}"
            ),
        ),
        None => (
            Severity::Warning,
            format!("{path} needs a processor of level {needed}: on an older one it {consequence}"),
        ),
    };
    Some(
        Finding::new(Code::CpuLevel, severity, message)
            .evidence(format!("{path}: {source} asks for {needed}"))
            .fix("build it for the baseline: GOAMD64=v1 for Go, -march=x86-64 for C, -C target-cpu=x86-64 for Rust"),
    )
}
