//! Programs that died of a signal that they caused themselves: 139, 134, 132, 159 and others.
//!
//! No engine tells such an end from that of a program that passes on the exit code of a child, as
//! shells do. So without further proof these are guesses.

use super::evidence::{exit_evidence, log_evidence, log_text};
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::dialect;
use crate::exit_code;
use crate::finding::{Finding, Severity};
use crate::rules::image;

const SEGV: u8 = 11;
const ABRT: u8 = 6;
const ILL: u8 = 4;
const SYS: u8 = 31;

pub(super) fn check(facts: &ContainerFacts<'_>) -> Option<Vec<Finding>> {
    let number = exit_code::signal(facts.state.exit_code)?;
    let finding = match number {
        SEGV => return Some(segfault(facts)),
        ILL => return Some(illegal_instruction(facts)),
        ABRT => {
            error(Code::Aborted, "the program aborted itself (SIGABRT): an assertion, a failed allocation or abort()")
                .fix("the last log lines usually say why; a core dump says from where (--ulimit core=-1)")
        }
        SYS => error(
            Code::ForbiddenSyscall,
            "the program made a system call that its seccomp profile answers with a kill (SIGSYS)",
        )
        .fix("see which (dmesg or audit log: type=SECCOMP … syscall=N), and allow that one in a profile of your own"),
        number => error(Code::KilledBySignal, &format!("the program was ended by {}", exit_code::signal_name(number)))
            .fix("see its last log lines: scratchdbg logs"),
    };
    Some(vec![
        finding
            .guessed()
            .evidence(exit_evidence(facts))
            .evidence(CHILD)
            .evidence(log_evidence(facts)),
    ])
}

/// What an exit code leaves open.
pub(super) const CHILD: &str =
    "128 and more may also be the code of a child that the program passed on, as a shell does";

fn error(code: Code, message: &str) -> Finding {
    Finding::new(code, Severity::Error, message)
}

/// Returns what the image or the log proves about a death by signal, for these codes.
fn proven(facts: &ContainerFacts<'_>, codes: &[Code]) -> Option<Finding> {
    let of_image = facts.image.map(image::check_start).unwrap_or_default();
    of_image
        .into_iter()
        .chain(dialect::explain_log(&log_text(facts)))
        .find(|finding| codes.contains(&finding.code))
}

/// 139 is SIGSEGV, or `abort()` as PID 1: the kernel drops the SIGABRT, and the C library then
/// executes an instruction that faults.
fn segfault(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let finding = if facts.options.init {
        error(Code::SegfaultOrAbort, "the program died of a segmentation fault (SIGSEGV)")
            .guessed()
            .evidence("an init process is PID 1, so that abort() would have been 134")
    } else {
        error(
            Code::SegfaultOrAbort,
            "the program died of a segmentation fault, or called abort(): as PID 1 both end with exit code 139",
        )
        .guessed()
    };
    let finding = finding.evidence(exit_evidence(facts)).evidence(log_evidence(facts)).fix(if facts.options.init {
        "a core dump says from where: --ulimit core=-1, and see /proc/sys/kernel/core_pattern on the host"
    } else {
        "start it again with --init: abort() then ends with 134; a core dump says from where (--ulimit core=-1)"
    });
    match proven(facts, &[Code::TruncatedBinary, Code::Aborted, Code::RustPanic, Code::GoPanic]) {
        Some(cause) => vec![cause.evidence(exit_evidence(facts)), finding],
        None => vec![finding],
    }
}

fn illegal_instruction(facts: &ContainerFacts<'_>) -> Vec<Finding> {
    let finding = error(
        Code::IllegalInstruction,
        "the program executed an instruction that the processor does not have, or a deliberate trap (SIGILL)",
    )
    .guessed()
    .evidence(exit_evidence(facts))
    .evidence(CHILD)
    .evidence(log_evidence(facts))
    .fix("build for the baseline (GOAMD64=v1, -C target-cpu=x86-64, -march=x86-64); a trap is __builtin_trap or intrinsics::abort");
    match proven(facts, &[Code::CpuLevel]) {
        Some(cause) => vec![cause.evidence(exit_evidence(facts)), finding],
        None => vec![finding],
    }
}
