//! Messages of runc, crun and youki if a program cannot be started.
//!
//! Sources: runc `libcontainer/standard_init_linux.go`, `container_linux.go` and Go's `os/exec`;
//! crun `src/libcrun/container.c` and `utils.c`; youki
//! `crates/libcontainer/src/workload/default.rs`.

use regex::Captures;

use super::{Meaning, Wording, named, path, says};
use crate::code::Code;

/// A line of a container's log written by the runtime: runc ≥ 1.1 writes `exec /app: …` to the
/// container's standard error. Only a prefix of docker compose or kubectl or a timestamp may
/// precede it: `fork/exec /x: …` is an error of the program itself.
macro_rules! own_line {
    ($rest:literal) => {
        concat!(
            r"(?m)^(?:\S+\s+\|\s+)?(?:\d{4}-\d\d-\d\d[T ]\S+\s+)?(?:std(?:out|err) [FP] )?exec (?P<p>[^:\n]+): ",
            $rest,
            r"\s*$"
        )
    };
}

/// crun quotes with backticks; `exec container process` since 0.15, `exec` alone for `crun exec`.
macro_rules! crun_exec {
    ($rest:literal) => {
        concat!(
            r"exec(?: container process)?(?: \(missing dynamic library\?\))? `(?P<p>[^`\n]+)`: ",
            $rest
        )
    };
}

fn refused(captures: &Captures<'_>) -> Meaning {
    Meaning::Refused(path(captures), named(captures, "e").unwrap_or_default())
}

pub(super) const WORDINGS: &[Wording] = &[
    // runc, from Go's LookPath.
    Wording {
        pattern: r#"exec: "(?P<p>[^"\n/]+)": executable file not found in \$PATH"#,
        meaning: |c| match path(c) {
            // The docker client runs a credential helper, outside of any container.
            helper if helper.starts_with("docker-credential-") => {
                super::platform::credential_helper(c)
            }
            name => Meaning::NotInPath(name),
        },
    },
    says!(
        EntrypointNotAbsolute,
        r#"exec: "(?P<p>[^"\n/]+)": cannot run executable found relative to current directory"#,
        "{p} is found by an element of PATH that is no absolute path, and engines and Go programs refuse that",
        "write the program's path, or name its directory in PATH in full: an empty element (a colon at the beginning or end, or \
         two in a row) is the working directory"
    ),
    // Some builds of runc report the same for a path.
    Wording {
        pattern: r#"exec: "(?P<p>[^"\n]*/[^"\n]*)": executable file not found in \$PATH"#,
        meaning: |c| Meaning::NotFound(path(c)),
    },
    Wording {
        pattern: r#"exec: "(?P<p>[^"\n]+)": stat [^\n]+?: (?:no such file or directory|not a directory)"#,
        meaning: |c| Meaning::NotFound(path(c)),
    },
    says!(
        EntrypointMissing,
        r#"exec: "(?P<p>[^"\n]+)": stat [^\n]+?: too many levels of symbolic links"#,
        "{p} is a link that leads in a circle: there is no program at its end",
        "see each link's target (ls -l), and let the last one lead to the program"
    ),
    Wording {
        pattern: r#"exec: "(?P<p>[^"\n]+)": stat [^\n]+?: permission denied"#,
        meaning: |c| Meaning::Unreachable(path(c)),
    },
    Wording {
        pattern: r#"exec: "(?P<p>[^"\n]+)": is a directory"#,
        meaning: |c| Meaning::Directory(path(c)),
    },
    Wording {
        pattern: r#"exec: "(?P<p>[^"\n]+)": permission denied"#,
        meaning: |c| Meaning::Denied(Some(path(c))),
    },
    // Since 1.1, runc checks access first (`unix.Faccessat` in `standard_init_linux.go`): Go's
    // `PathError`, unquoted.
    Wording {
        pattern: r"container process: exec (?P<p>/[^:\n]+): permission denied",
        meaning: |c| Meaning::Denied(Some(path(c))),
    },
    // runc before 1.1, from execve.
    Wording {
        pattern: r#"exec user process caused:? "?no such file or directory"#,
        meaning: |_| Meaning::NotFoundByKernel(None),
    },
    Wording {
        pattern: r#"exec user process caused:? "?exec format error"#,
        meaning: |_| Meaning::Format(None),
    },
    Wording {
        pattern: r#"exec user process caused:? "?permission denied"#,
        meaning: |_| Meaning::Denied(None),
    },
    Wording {
        pattern: r#"exec user process caused:? "?operation not permitted"#,
        meaning: |_| Meaning::NotPermitted(None),
    },
    Wording {
        pattern: r#"exec user process caused:? "?argument list too long"#,
        meaning: |_| Meaning::TooLong(None),
    },
    // runc since 1.1, from execve.
    Wording {
        pattern: own_line!("no such file or directory"),
        meaning: |c| Meaning::NotFoundByKernel(Some(path(c))),
    },
    Wording {
        pattern: own_line!("exec format error"),
        meaning: |c| Meaning::Format(Some(path(c))),
    },
    Wording {
        pattern: own_line!("permission denied"),
        meaning: |c| Meaning::Denied(Some(path(c))),
    },
    Wording {
        pattern: own_line!("operation not permitted"),
        meaning: |c| Meaning::NotPermitted(Some(path(c))),
    },
    Wording {
        pattern: own_line!("argument list too long"),
        meaning: |c| Meaning::TooLong(Some(path(c))),
    },
    // Other errors of execve. Any error not listed is that of a program that called something else.
    Wording {
        pattern: own_line!(
            "(?P<e>too many levels of symbolic links|text file busy|input/output error|is a directory|not a directory|invalid argument|file name too long|bad address|accessing a corrupted shared library|structure needs cleaning|stale (?:NFS )?file handle|no such device(?: or address)?|key has been rejected by service|required key not available)"
        ),
        meaning: refused,
    },
    // crun.
    Wording {
        pattern: r"executable file `(?P<p>[^`\n/]+)` not found in \$PATH",
        meaning: |c| Meaning::NotInPath(path(c)),
    },
    Wording {
        pattern: r"executable file `(?P<p>[^`\n]*/[^`\n]*)` not found",
        meaning: |c| Meaning::NotFound(path(c)),
    },
    Wording {
        pattern: r"the path `(?P<p>[^`\n]+)` exists but it is not executable",
        meaning: |c| Meaning::Denied(Some(path(c))),
    },
    Wording {
        pattern: r"open executable: (?:Permission denied|Operation not permitted)",
        meaning: |_| Meaning::Denied(None),
    },
    Wording {
        pattern: r"the path `(?P<p>[^`\n]+)` is not a regular file",
        meaning: |c| Meaning::Directory(path(c)),
    },
    Wording {
        pattern: crun_exec!("No such file or directory"),
        meaning: |c| Meaning::NotFoundByKernel(Some(path(c))),
    },
    Wording {
        pattern: crun_exec!("Exec format error"),
        meaning: |c| Meaning::Format(Some(path(c))),
    },
    Wording {
        pattern: crun_exec!("Permission denied"),
        meaning: |c| Meaning::Denied(Some(path(c))),
    },
    Wording {
        pattern: crun_exec!("Operation not permitted"),
        meaning: |c| Meaning::NotPermitted(Some(path(c))),
    },
    Wording {
        pattern: crun_exec!("Argument list too long"),
        meaning: |c| Meaning::TooLong(Some(path(c))),
    },
    Wording {
        pattern: crun_exec!(
            "(?P<e>Too many levels of symbolic links|Text file busy|Input/output error|Is a directory|Invalid argument|File name too long|Accessing a corrupted shared library|Stale file handle)"
        ),
        meaning: refused,
    },
    // youki.
    Wording {
        pattern: r"executable '(?P<p>[^'\n/]+)' (?:not found in \$PATH|for container process does not exist)",
        meaning: |c| Meaning::NotInPath(path(c)),
    },
    Wording {
        pattern: r"executable '(?P<p>[^'\n]*/[^'\n]*)' (?:not found in \$PATH|for container process does not exist)",
        meaning: |c| Meaning::NotFound(path(c)),
    },
    Wording {
        pattern: r"executable '(?P<p>[^'\n]+)' for container process does not have the correct permission set",
        meaning: |c| Meaning::Denied(Some(path(c))),
    },
    // kata-containers' agent.
    Wording {
        pattern: r"the file (?P<p>\S+) was not found",
        meaning: |c| match path(c) {
            name if name.contains('/') => Meaning::NotFound(name),
            name => Meaning::NotInPath(name),
        },
    },
    // tini, dumb-init.
    Wording {
        pattern: r"\[FATAL tini \(\d+\)\] exec (?P<p>\S+) failed: No such file or directory",
        meaning: |c| Meaning::NotFound(path(c)),
    },
    Wording {
        pattern: r"\[dumb-init\] (?P<p>[^:\n]+): No such file or directory",
        meaning: |c| Meaning::NotFound(path(c)),
    },
    Wording {
        pattern: r"\[FATAL tini \(\d+\)\] exec (?P<p>\S+) failed: Permission denied",
        meaning: |c| Meaning::Denied(named(c, "p")),
    },
    Wording {
        pattern: r"\[FATAL tini \(\d+\)\] exec (?P<p>\S+) failed: Exec format error",
        meaning: |c| Meaning::Format(named(c, "p")),
    },
];
