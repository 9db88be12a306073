//! `crlf-shebang` and `interpreter-missing`: scripts whose interpreter is missing.

use super::access::{self, Denied, EXECUTE, READ};
use super::{MAX_DEPTH, Subject, check_nested};
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::program::ScriptFacts;
use crate::rootfs::Resolution;
use crate::rules::image::mount;

pub(super) fn check(subject: Subject<'_>, script: &ScriptFacts, depth: usize) -> Vec<Finding> {
    let path = subject.path;
    if script.carriage_return {
        // After an argument, the carriage return belongs to the argument, and the interpreter is
        // found.
        let in_name = script.argument.is_none();
        if !in_name || subject.rootfs.exists(&subject.absolute(&script.interpreter)) == Some(false)
        {
            return vec![carriage_return(path, script, in_name)];
        }
    }
    let place = subject.absolute(&script.interpreter);
    match subject.rootfs.resolve(&place) {
        Resolution::Unknown => return Vec::new(),
        Resolution::Found { entry, parents, .. } => {
            let identity = access::identity(subject);
            if let Some(denied) = access::denied(identity.as_ref(), &parents, entry, EXECUTE) {
                return vec![unusable(path, script, &denied)];
            }
        }
        _ => {
            let interpreter = place.as_str();
            return vec![
                match subject.mounts.and_then(|mounts| mounts.surely_hiding(interpreter)) {
                    Some(mount) => {
                        let what = format!("the interpreter {interpreter} of {path}");
                        mount::hidden(mount, &what, interpreter, Severity::Error)
                    }
                    None => missing(path, script),
                },
            ];
        }
    }
    if depth >= MAX_DEPTH {
        return vec![too_deep(path, script)];
    }
    if let Some(finding) = env_program(subject, script) {
        return vec![finding];
    }
    // The interpreter is a program too: if it cannot start, neither can the script.
    let mut findings = match subject.rootfs.program(&place) {
        Some((path, program)) => {
            check_nested(Subject { path: &path, program, ..subject }, depth + 1)
        }
        _ => Vec::new(),
    };
    if findings.is_empty() {
        findings.extend(unreadable(subject, script));
    }
    findings
}

/// An interpreter that exists, but that the kernel does not execute.
fn unusable(path: &str, script: &ScriptFacts, denied: &Denied) -> Finding {
    let interpreter = &script.interpreter;
    let code = match denied {
        Denied::Directory(_) => Code::ParentNotSearchable,
        _ => Code::NotExecutableMode,
    };
    let reason = denied.reason();
    Finding::new(
        code,
        Severity::Error,
        format!("{path} is a script and its interpreter {interpreter} {reason} (\"permission denied\", of {path})"),
    )
    .evidence(format!("{path}: #!{interpreter}"))
    .evidence(format!("{interpreter} {reason}"))
    .fix(format!("give {interpreter} and the directories that lead to it mode 0755, or name another interpreter"))
}

/// A chain of scripts as interpreters: the kernel follows five.
fn too_deep(path: &str, script: &ScriptFacts) -> Finding {
    let interpreter = &script.interpreter;
    Finding::new(
        Code::InterpreterMissing,
        Severity::Error,
        format!(
            "{path} is a script, its interpreter {interpreter} is one too, and so were those before it: the kernel follows five \
             of them and no more (\"too many levels of symbolic links\")"
        ),
    )
    .evidence(format!("{path}: #!{interpreter}"))
    .fix("name a program and no script in the first line: #!/bin/sh")
}

/// A script that its user may execute but not read: its interpreter opens it, as that user.
fn unreadable(subject: Subject<'_>, script: &ScriptFacts) -> Option<Finding> {
    let (path, interpreter) = (subject.path, &script.interpreter);
    let identity = access::identity(subject)?;
    let Resolution::Found { entry: Some(entry), .. } = subject.rootfs.resolve(path) else {
        return None;
    };
    let denied = access::denied(Some(&identity), &[], Some(entry), READ)?;
    let reason = denied.reason();
    Some(
        Finding::new(
            Code::NotExecutableMode,
            Severity::Error,
            format!("{path} is a script that {reason}: its interpreter {interpreter} cannot open it (\"permission denied\")"),
        )
        .evidence(format!("{path}: #!{interpreter}"))
        .evidence(format!("{path} {reason}"))
        .fix("give it mode 0755: COPY --chmod=0755 in a Dockerfile, or chmod before the build; a script must be readable")
        .guessed(),
    )
}

fn carriage_return(path: &str, script: &ScriptFacts, in_name: bool) -> Finding {
    let intended = script.intended_interpreter();
    let consequence = if in_name {
        format!(
            "the kernel looks for an interpreter named \"{intended}\\r\" (\"no such file or directory\")"
        )
    } else {
        format!("{intended} is given an argument that ends in \\r")
    };
    Finding::new(
        Code::CrlfShebang,
        Severity::Error,
        format!("{path} has Windows line endings: {consequence}"),
    )
    .evidence(format!("{path}: the first line ends in \\r\\n"))
    .fix("save it with Unix line endings: sed -i 's/\\r$//' FILE; and keep git from converting it: *.sh text eol=lf in .gitattributes")
}

fn missing(path: &str, script: &ScriptFacts) -> Finding {
    let interpreter = &script.interpreter;
    Finding::new(
        Code::InterpreterMissing,
        Severity::Error,
        format!(
            "{path} is a script and its interpreter {interpreter} is not in the image: the error (\"exec {path}: no such \
             file or directory\") names the script and not the interpreter"
        ),
    )
    .evidence(format!("{path}: #!{interpreter}"))
    .evidence(format!("{interpreter} is not in the image"))
    .fix("start a static program instead of the script, or use an image that has the interpreter")
}

/// `#!/usr/bin/env python3`: env exists, but the program that it searches does not.
fn env_program(subject: Subject<'_>, script: &ScriptFacts) -> Option<Finding> {
    let (_, name) = script.interpreter.rsplit_once('/')?;
    let program =
        script.argument.as_deref()?.split_ascii_whitespace().find(|word| !word.starts_with('-'))?;
    if name != "env" || program.contains(['/', '=']) {
        return None;
    }
    for directory in subject.search_path.split(':') {
        let place = if directory.is_empty() {
            program.to_owned()
        } else {
            format!("{directory}/{program}")
        };
        if subject.rootfs.exists(&subject.absolute(&place)) != Some(false) {
            return None;
        }
    }
    Some(
        Finding::new(
            Code::InterpreterMissing,
            Severity::Error,
            format!(
                "{} is a script for {program}, which is in no directory of PATH: env ends with exit code 127",
                subject.path
            ),
        )
        .evidence(format!("{}: #!{} {program}", subject.path, script.interpreter))
        .evidence(format!("PATH={}", subject.search_path))
        .fix("start a static program instead of the script, or use an image that has the interpreter"),
    )
}
