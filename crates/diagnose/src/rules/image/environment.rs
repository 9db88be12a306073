//! `environment-invalid` and `argument-too-long`: values that the engine or the kernel refuse
//! before they access the program.

use crate::code::Code;
use crate::config::ConfigFacts;
use crate::finding::{Finding, Severity};

/// The longest argument or environment entry that Linux accepts, without its terminating NUL
/// (`MAX_ARG_STRLEN`, 32 pages).
const MAX_LENGTH: usize = 128 * 1024 - 1;

pub(super) fn check(config: &ConfigFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, entry) in config.env.iter().enumerate() {
        if entry.is_empty() || entry.starts_with('=') {
            findings.push(
                Finding::new(
                    Code::EnvironmentInvalid,
                    Severity::Error,
                    "an environment entry has no name, and engines refuse to start with it (\"environment variable name \
                     can't be empty\")",
                )
                .evidence(format!("entry {} of Env begins with \"=\" or is empty", index + 1))
                .fix("remove the entry, or give it a name: -e NAME=value"),
            );
        }
        if entry.len() > MAX_LENGTH {
            let name = entry.split('=').next().unwrap_or_default();
            findings.push(too_long(
                &format!("the environment variable {}", shorten(name)),
                entry.len(),
            ));
        }
    }
    for (index, argument) in
        config.arguments().iter().enumerate().filter(|(_, argument)| argument.len() > MAX_LENGTH)
    {
        findings.push(too_long(&format!("argument {index} of the command"), argument.len()));
    }
    findings
}

fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}

fn too_long(what: &str, length: usize) -> Finding {
    Finding::new(
        Code::ArgumentTooLong,
        Severity::Error,
        format!("{what} is longer than the kernel takes: the program cannot start (\"argument list too long\")"),
    )
    .evidence(format!("{what}: {length} bytes of at most {MAX_LENGTH}"))
    .fix("put the value in a file, mount the file, and name its path instead")
}
