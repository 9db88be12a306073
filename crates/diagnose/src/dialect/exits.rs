//! Exit codes as text: `Exited (137) 5 minutes ago`, `exit status 1`,
//! `code=exited, status=203/EXEC`, or a bare number.

use regex::Captures;

use super::{Explanation, Meaning, Wording};
use crate::code::Code;
use crate::exit_code;

pub(super) const WORDINGS: &[Wording] = &[
    Wording {
        pattern: r"code=killed, status=(?P<n>\d{1,2})\b",
        meaning: |c| of(number(c).map(|signal| 128 + signal)),
    },
    Wording {
        pattern: r"code=dumped, status=(?P<n>\d{1,2})\b",
        meaning: |c| of(number(c).map(|signal| 128 + signal)),
    },
    // systemd's own codes for a start that failed before the program ran (`systemd.exec(5)`).
    Wording {
        pattern: r"status=203/EXEC",
        meaning: |_| {
            explanation(
                Code::EntrypointMissing,
                "systemd could not execute the unit's program (203/EXEC): it is not there, is not executable, or its loader or \
                 interpreter is missing"
                    .to_owned(),
                "see the path in ExecStart and the file's mode; `scratchdbg check` on the file says more",
            )
        },
    },
    Wording {
        pattern: r"status=200/CHDIR",
        meaning: |_| {
            explanation(
                Code::WorkdirMissing,
                "systemd could not change to the unit's working directory (200/CHDIR)".to_owned(),
                "see WorkingDirectory in the unit",
            )
        },
    },
    Wording {
        pattern: r"status=217/USER",
        meaning: |_| {
            explanation(
                Code::UserUnknown,
                "systemd does not know the unit's user (217/USER)".to_owned(),
                "see User in the unit",
            )
        },
    },
    Wording {
        pattern: r#"(?i)(?:\bexit(?:ed)?(?:[ _-]?(?:with|status|code|value))*|\breturned a non-zero code|\bnon-zero exit (?:code|status)|\bterminated with exit code|\bStatusCode|\bstatus code of process)["']?\s*[:=(]*\s*["']?(?P<n>-?\d{1,3})\b"#,
        meaning: |c| of(number(c)),
    },
    Wording {
        pattern: r"(?i)^\s*(?:code |status )?(?P<n>-?\d{1,3})\s*$",
        meaning: |c| of(number(c)),
    },
];

fn number(captures: &Captures<'_>) -> Option<i64> {
    captures.name("n")?.as_str().parse().ok()
}

fn of(code: Option<i64>) -> Meaning {
    Meaning::Explanation(of_exit_code(code.unwrap_or_default()))
}

fn explanation(code: Code, message: String, fix: &'static str) -> Meaning {
    Meaning::Explanation(Explanation { code, message, fix, is_guess: true, is_success: false })
}

/// Returns the usual meaning of an exit code alone.
pub(crate) fn of_exit_code(exit_code: i64) -> Explanation {
    // An exit code of -1 appears as 255.
    let exit_code = exit_code.rem_euclid(256);
    let (code, message, fix) = match exit_code {
        0 => (
            Code::AppExit,
            "success: the program ended by itself",
            "nothing, where it was meant to end",
        ),
        125 => (
            Code::NeverStarted,
            "the engine or docker itself failed: the container was not started",
            "the line before says why: give it to scratchdbg why --message",
        ),
        126 => (
            Code::NotExecutableMode,
            "the program was found and could not be executed: its mode, a directory, or a mount with noexec",
            "give it mode 0755, and name a file; scratchdbg why CONTAINER says which it is",
        ),
        127 => (
            Code::EntrypointMissing,
            "the program, its loader or a library was not found, or a shell did not find a command",
            "scratchdbg why CONTAINER, or scratchdbg check IMAGE, say which",
        ),
        128 => (
            Code::NeverStarted,
            "the start failed, for a reason that the engine's error tells",
            "see it: scratchdbg why CONTAINER",
        ),
        132 => (
            Code::IllegalInstruction,
            "SIGILL: an instruction that the processor does not have, or a deliberate trap",
            "build for the baseline: GOAMD64=v1, -C target-cpu=x86-64, -march=x86-64",
        ),
        134 => (
            Code::Aborted,
            "SIGABRT: the program aborted itself (an assertion, a failed allocation, abort())",
            "its last log lines say why: scratchdbg logs CONTAINER",
        ),
        137 => (
            Code::KilledFromOutside,
            "SIGKILL: the kernel's memory killer, docker kill, or a stop whose grace period ended",
            "scratchdbg why CONTAINER tells them apart; for memory raise --memory, for a stop handle SIGTERM",
        ),
        139 => (
            Code::SegfaultOrAbort,
            "SIGSEGV: a segmentation fault, or abort() in a process that is PID 1",
            "start it with --init: an abort is 134 then; a truncated binary does the same: scratchdbg check",
        ),
        143 => (
            Code::Stopped,
            "SIGTERM: the program was asked to stop",
            "nothing, where a stop was meant; else see who asked: docker events",
        ),
        159 => (
            Code::ForbiddenSyscall,
            "SIGSYS: a system call that the seccomp profile answers with a kill",
            "dmesg names the call; allow it in a profile of your own",
        ),
        101 => (
            Code::AppExit,
            "a Rust program that panicked, most likely",
            "its log says where: scratchdbg logs CONTAINER",
        ),
        2 => (
            Code::AppExit,
            "bad usage, or a panic of a Go program: the program ended by itself",
            "its log says which: scratchdbg logs CONTAINER",
        ),
        255 => (
            Code::AppExit,
            "an exit code of -1, a program that the kernel refused (runc 1.2 and later), or an exit code that the engine lost",
            "scratchdbg why CONTAINER says which",
        ),
        number if exit_code::signal(number).is_some() => (
            Code::KilledBySignal,
            "the program was ended by a signal",
            "its last log lines say why: scratchdbg logs CONTAINER",
        ),
        _ => (
            Code::AppExit,
            "the program ended by itself, with a code of its own",
            "its log says why: scratchdbg logs CONTAINER",
        ),
    };
    let message = match exit_code::signal(exit_code) {
        Some(signal) if code == Code::KilledBySignal => {
            format!("exit code {exit_code}: {message}, {}", exit_code::signal_name(signal))
        }
        _ => format!("exit code {exit_code}: {message}"),
    };
    Explanation { code, message, fix, is_guess: true, is_success: exit_code == 0 }
}
