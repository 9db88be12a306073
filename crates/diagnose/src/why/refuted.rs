//! A container's actual behavior refutes a problem of its image: a program that runs, or ran, was
//! started.

use super::{evidence, start};
use crate::code::Code;
use crate::container::{ContainerFacts, Phase};
use crate::exit_code;
use crate::finding::{Finding, Severity};
use crate::rules::image::{self, ImageFacts};

/// More nanoseconds than a loader or a kernel needs to refuse a program.
const LONG: i64 = 2_000_000_000;
/// The exit code of a loader that does not find a library.
const NO_LIBRARY: i64 = 127;

/// Returns the errors that would have prevented the container's program from starting, but did not.
pub(super) fn refuted(facts: &ContainerFacts<'_>, image: ImageFacts<'_>) -> Vec<Finding> {
    let is_ended = matches!(facts.state.phase, Phase::Exited | Phase::Dead)
        && facts.state.error.trim().is_empty();
    let is_started = is_started(facts, is_ended);
    let has_spoken = is_ended
        && evidence::last_line(facts).is_some()
        && start::refused_by_kernel(facts).is_none();
    let is_refuted = |finding: &Finding| match finding.code {
        _ if is_started => true,
        Code::LibraryMissing | Code::LibraryTooOld => {
            is_ended && facts.state.exit_code != NO_LIBRARY
        }
        Code::TruncatedBinary | Code::CpuLevel => false,
        _ => has_spoken,
    };
    if !is_started && !is_ended {
        return Vec::new();
    }
    let errors =
        image::check_start(image).into_iter().filter(|finding| finding.severity == Severity::Error);
    errors.filter(is_refuted).collect()
}

fn is_started(facts: &ContainerFacts<'_>, is_ended: bool) -> bool {
    let until = if is_ended { facts.state.finished_at } else { facts.now };
    let is_long = until
        .zip(facts.state.started_at)
        .is_some_and(|(end, start)| end.saturating_sub(start) >= LONG);
    let code = facts.state.exit_code;
    match facts.state.phase {
        // Between two restarts, a container is reported as running for a moment.
        Phase::Running | Phase::Paused => facts.restarts.count == 0 || is_long,
        _ if !is_ended => false,
        _ => {
            is_long
                || !(start::may_be_failed_exec(code)
                    || code == 128
                    || exit_code::signal(code).is_some())
        }
    }
}
