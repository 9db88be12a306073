//! Turns the meaning of a text into a finding. No image is available, so the fix names what to
//! inspect.

mod plain;

use self::plain::plain;
use super::{Context, Meaning, Said};
use crate::code::Code;
use crate::finding::{Finding, Severity};

pub(crate) fn finding(said: &Said) -> Finding {
    let finding = match &said.meaning {
        Meaning::NotInPath(name) => not_in_path(name, said.context),
        Meaning::NotFound(path) => not_found(path, said.context),
        Meaning::NotFoundByKernel(path) => not_found_by_kernel(path.as_deref(), None),
        Meaning::Denied(path) => error(
            Code::NotExecutableMode,
            format!("{} may not be executed: its mode lacks the execute bit, it is a directory, or its mount is noexec", what(path.as_deref())),
            "see its mode, which must be 0755 (COPY --chmod=0755), that it is a file, and that the mount it lies on is not noexec \
             (findmnt -T FILE on the host: chmod does not help there)",
        ),
        Meaning::Unreachable(path) => error(
            Code::ParentNotSearchable,
            format!("the container's user may not search a directory on the way to {path}"),
            "give the directories above the program mode 0755",
        ),
        Meaning::Directory(path) => error(
            Code::NotExecutableMode,
            format!("{path} is a directory and not a program"),
            "name the program inside of it",
        ),
        Meaning::Format(path) => error(
            Code::WrongArchitecture,
            format!(
                "the kernel does not know the format of {}: it is built for another architecture, or is no program (an \
                 empty file, a script without a #! line, a macOS or Windows binary)",
                what(path.as_deref())
            ),
            "`scratchdbg check` on the image or the binary says which; build for the host's platform, such as linux/amd64",
        )
        .guessed(),
        Meaning::DeniedToShell(path) => error(
            Code::NotExecutableMode,
            format!("a shell may not execute {}: its mode lacks the execute bit, it is a directory, or its mount is noexec", what(path.as_deref())),
            "see its mode, which must be 0755 (chmod +x, COPY --chmod=0755), that it is a file, and that the mount it lies on is not \
             noexec (chmod does not help there); where the shell was to write it, its user may not",
        ),
        Meaning::Refused(path, reason) => refused(path, reason),
        Meaning::TooLong(_) => error(
            Code::ArgumentTooLong,
            "one argument or environment variable is longer than the kernel takes (128 KiB)".to_owned(),
            "put the value in a file, mount the file, and name its path instead",
        ),
        Meaning::NotPermitted(path) => error(
            Code::ExecNotPermitted,
            format!(
                "the kernel refuses {}: its file has capabilities that the container may not have",
                what(path.as_deref())
            ),
            "take them off the file (setcap -r), or add them to the container (--cap-add)",
        )
        .guessed(),
        Meaning::Plain(Code::MountFailed, subject) => mount_failed(subject.as_deref(), &said.line),
        Meaning::Plain(code, subject) => plain(*code, subject.as_deref()),
        Meaning::Explanation(explanation) => {
            let severity = if explanation.is_success { Severity::Info } else { severity(explanation.code) };
            let finding = Finding::new(explanation.code, severity, explanation.message.clone()).fix(explanation.fix);
            if explanation.is_guess { finding.guessed() } else { finding }
        }
    };
    finding.evidence(shorten(&said.line))
}

fn severity(code: Code) -> Severity {
    match code {
        Code::Paused => Severity::Warning,
        Code::Stopped => Severity::Info,
        _ => Severity::Error,
    }
}

fn error(code: Code, message: String, fix: &str) -> Finding {
    Finding::new(code, Severity::Error, message).fix(fix)
}

fn what(path: Option<&str>) -> &str {
    path.unwrap_or("the program")
}

/// Cuts a line of evidence, such as a stack trace in one line, to a readable length.
fn shorten(line: &str) -> String {
    const MAX: usize = 500;
    if line.len() <= MAX {
        return line.to_owned();
    }
    format!("{}…", &line[..line.floor_char_boundary(MAX)])
}

fn is_shell(program: &str) -> bool {
    matches!(
        program.rsplit('/').next(),
        Some("sh" | "bash" | "ash" | "dash" | "zsh" | "ksh" | "fish")
    )
}

fn not_in_path(name: &str, context: Context) -> Finding {
    match context {
        Context::Create | Context::Program if name.starts_with('-') => error(
            Code::EntrypointNotAbsolute,
            format!("\"{name}\" is an option and no program: the command line begins with it"),
            "name the program before its options: the image has no ENTRYPOINT that they would be added to, or the engine's own options \
             stand behind the image's name",
        ),
        Context::Exec | Context::Probe if name.contains(' ') => {
            let code = if context == Context::Exec {
                Code::ProgramMissing
            } else {
                Code::HealthcheckMissingProgram
            };
            error(
                code,
                format!("the whole command line \"{name}\" is taken for the name of one file"),
                "write each argument as a word of its own, without quotes around all of them",
            )
        }
        Context::Create if !is_shell(name) => {
            if let Some(finding) = one_string(name) {
                return finding;
            }
            error(
                Code::EntrypointNotAbsolute,
                format!(
                    "\"{name}\" is in no directory of the container's PATH (/ is none of them)"
                ),
                "write the program's absolute path: ENTRYPOINT [\"/app\"]; if it is an option, the command line is missing \
                 its program",
            )
        }
        // Go's os/exec returns this error too: without more context the caller is unknown.
        Context::Program if one_string(name).is_some() => {
            one_string(name).unwrap_or_else(|| called(name, context))
        }
        _ => called(name, context),
    }
}

/// The program exists, but the kernel does not execute it. `reason` is the name of an error.
fn refused(path: &str, reason: &str) -> Finding {
    match reason.to_ascii_lowercase().as_str() {
        "too many levels of symbolic links" => error(
            Code::InterpreterMissing,
            format!(
                "{path} leads to no program: it is a script whose #! line names itself, or scripts or links that lead to each other"
            ),
            "name the real interpreter in its first line: #!/bin/sh; a link must end at a file",
        ),
        "text file busy" => error(
            Code::FileBusy,
            format!("{path} cannot be executed while it is open for writing"),
            "close it first: a copy that is still under way, an editor, or a build that writes into the mounted folder; write to \
             another name and rename it",
        ),
        "is a directory" => error(
            Code::NotExecutableMode,
            format!("{path} is a directory and not a program"),
            "name the program inside of it",
        ),
        _ => error(
            Code::StartFailed,
            format!("the kernel does not execute {path}: {reason}"),
            "see the file and the disk that it lies on (scratchdbg check, dmesg on the engine's host)",
        ),
    }
}

fn not_found(path: &str, context: Context) -> Finding {
    match context {
        Context::Create if is_shell(path) => error(
            Code::ShellForm,
            format!("the container is started by {path}, and the image has no shell"),
            "write ENTRYPOINT and CMD in exec form: ENTRYPOINT [\"/app\", \"--flag\"]; a RUN needs a build stage with a shell",
        ),
        Context::Create => one_string(path).unwrap_or_else(|| {
            error(
                Code::EntrypointMissing,
                format!("there is no {path} in the container: it is not in the image, a mount hides it, or it is a link to nothing"),
                "see where the program really is: scratchdbg check, or docker export; a path on the host does not count",
            )
        }),
        _ => called(path, context),
    }
}

/// A program that was started by something other than the container's start.
fn called(program: &str, context: Context) -> Finding {
    match context {
        Context::Probe if is_shell(program) => error(
            Code::HealthcheckNeedsShell,
            format!("the probe calls {program}, and the image has no shell"),
            "let the program probe itself: HEALTHCHECK CMD [\"/app\", \"--healthcheck\"], or an HTTP probe in Kubernetes",
        ),
        Context::Probe => error(
            Code::HealthcheckMissingProgram,
            format!("the probe calls {program}, which is not in the image"),
            "let the program probe itself, add a static probe, or use an HTTP probe in Kubernetes",
        ),
        _ if is_shell(program) => error(
            Code::ShellMissing,
            format!("the image has no {program}: there is no shell to be had in this container"),
            "scratchdbg attach CONTAINER brings one, and leaves the container as it is",
        ),
        _ => error(
            Code::ProgramMissing,
            format!("{program} is called, and is not in the image"),
            "scratchdbg attach CONTAINER brings the usual tools; to copy files, docker cp works without any; what the \
             program itself calls must be in the image",
        ),
    }
}

fn one_string(program: &str) -> Option<Finding> {
    let (name, _) = program.trim().split_once(' ')?;
    Some(error(
        Code::EntrypointOneString,
        format!("the whole command line \"{program}\" is taken for the name of one file"),
        &format!("write each argument as an element of its own: ENTRYPOINT [\"{name}\", …]"),
    ))
}

/// The kernel says the same of a file that is not there, and a program can print the same words.
/// `is_there` tells whether the image has the file, if that is known.
pub(crate) fn not_found_by_kernel(path: Option<&str>, is_there: Option<bool>) -> Finding {
    if is_there == Some(false) {
        return error(
            Code::ProgramMissing,
            format!("{} was to be executed, and is not in the image", what(path)),
            "see who calls it: the container's own program was found; what that calls must be in the image",
        )
        .guessed();
    }
    let there = if is_there.is_some() { "is there, but what" } else { "is not there, or what" };
    error(
        Code::LoaderMissing,
        format!(
            "{} {there} it is started with is not: the loader of a dynamically linked program, or the \
             interpreter of a script (also when its #! line ends in a carriage return)",
            what(path)
        ),
        "link the program statically (CGO_ENABLED=0 for Go, a musl target for Rust, -static for C), or use an image that has \
         the loader; `scratchdbg check` on the image says which of them it is",
    )
    .guessed()
}

/// The end of the line tells why a mount failed, by the name of an error.
fn mount_failed(subject: Option<&str>, line: &str) -> Finding {
    const SAID: &[&str] = &[
        "invalid argument",
        "connection refused",
        "connection timed out",
        "timed out",
        "no such device",
        "no route to host",
        "host is down",
        "access denied",
        "permission denied",
        "input/output error",
        "device or resource busy",
        "protocol not supported",
        "stale file handle",
        "wrong fs type",
    ];
    let lower = line.to_ascii_lowercase();
    let last = |words: &str| lower.rfind(words);
    let said = SAID
        .iter()
        .filter_map(|words| Some((last(words)?, *words)))
        .max_by_key(|(at, words)| (*at, words.len()));
    let forbidden = last("operation not permitted");
    let absent =
        ["no such file", "not a directory", "does not exist"].into_iter().filter_map(last).max();
    let subject = subject.unwrap_or("a volume");
    if forbidden > absent && forbidden > said.map(|(at, _)| at) {
        return error(
            Code::MountFailed,
            format!("mounting {subject} failed: the kernel forbids it"),
            "a rootless engine, a user namespace or a security module does not allow that mount: mount it on the host and \
             bind it from there, or use other mount options",
        );
    }
    if let Some((at, words)) = said
        && Some(at) > absent
    {
        return error(
            Code::MountFailed,
            format!("mounting {subject} failed: the engine's mount said: {words}"),
            "see the mount's type, device and options (docker volume inspect NAME), and for a network filesystem that its \
             server answers; the same mount by hand on the engine's host tells more",
        );
    }
    if absent.is_none() && !lower.contains("file exists") && !lower.contains("mount callback") {
        return error(
            Code::MountFailed,
            format!("mounting {subject} failed"),
            "see the rest of the message and what the node's or engine's log says of it, and that the source is there",
        );
    }
    error(
        Code::MountFailed,
        format!(
            "mounting {subject} failed: its source is absent, or a directory is mounted onto a file or the other way round"
        ),
        "see that the source exists on the engine's host and is of the same kind as the place it is mounted on",
    )
}
