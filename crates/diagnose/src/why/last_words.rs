//! Interprets the end of a log: the named cause first, then how the program died.

use std::sync::LazyLock;

use regex::Regex;

use super::evidence::last_lines;
use super::start;
use crate::code::Code;
use crate::container::ContainerFacts;
use crate::dialect;
use crate::exit_code;
use crate::finding::{Confidence, Finding, Severity};
use crate::mounts;
use crate::rules::image;

/// How many meaningful lines count as the end.
const END: usize = 5;
/// How many lines may follow the report of a program's death, not counting those of a stack trace.
const AFTER_DEATH: usize = 25;
/// How many lines before that report may contain its cause.
const BEFORE_DEATH: usize = 2;

/// The exit code of a shell that may not execute a program.
const NOT_EXECUTABLE: i64 = 126;

/// Codes that a log proves whatever the exit code is, because the program itself reported why it
/// died.
const CERTAIN: &[Code] = &[
    Code::LibraryMissing,
    Code::LibraryTooOld,
    Code::LoaderMissing,
    Code::CpuLevel,
    Code::TruncatedBinary,
];

/// A log's findings by their position.
pub(super) struct LastWords {
    /// Findings at the end of the log, the cause first.
    pub(super) at_end: Vec<Finding>,
    /// Earlier findings, which the program survived.
    pub(super) earlier: Vec<Finding>,
}

/// Reports whether the code tells how a program died, and not why.
pub(super) fn is_death(code: Code) -> bool {
    matches!(
        code,
        Code::RustPanic
            | Code::GoPanic
            | Code::Aborted
            | Code::SegfaultOrAbort
            | Code::IllegalInstruction
            | Code::ForbiddenSyscall
    )
}

/// Reports whether the code is a signal that is also visible in the exit code if it ended the
/// program.
fn is_raised_signal(code: Code) -> bool {
    matches!(
        code,
        Code::SegfaultOrAbort
            | Code::IllegalInstruction
            | Code::ForbiddenSyscall
            | Code::KilledBySignal
    )
}

fn ended_by_a_signal(facts: &ContainerFacts<'_>) -> bool {
    exit_code::signal(facts.state.exit_code).is_some()
}

impl LastWords {
    pub(super) fn of(facts: &ContainerFacts<'_>) -> Self {
        let lines = last_lines(facts);
        let found: Vec<Vec<Finding>> = lines.iter().map(|line| explain_line(line)).collect();
        let says: Vec<usize> =
            (0..lines.len()).filter(|&index| says_something(&lines[index])).collect();
        let last = says.last().copied().unwrap_or_default();
        let end = says.iter().rev().nth(END - 1).copied().unwrap_or_default();
        let death = found.iter().enumerate().rev().find(|(index, findings)| {
            let is_cry = findings.iter().any(|finding| is_death(finding.code))
                && says_something(&lines[*index]);
            is_cry && says.iter().filter(|&&other| other > *index).count() <= AFTER_DEATH
        });
        let death = death.map(|(index, _)| {
            says.iter()
                .rev()
                .filter(|&&other| other < index)
                .nth(BEFORE_DEATH - 1)
                .copied()
                .unwrap_or_default()
        });
        let begin = death.map_or(end, |death| death.min(end));

        // A stack trace shows that there was a panic; the line above it tells which.
        let is_panic = |finding: &Finding| finding.code == Code::GoPanic;
        let panic_is_told = lines
            .iter()
            .zip(&found)
            .any(|(line, found)| says_something(line) && found.iter().any(is_panic));

        let mut words = Self { at_end: Vec::new(), earlier: Vec::new() };
        // Start with the last line: it tells why the program died.
        for (index, findings) in found.into_iter().enumerate().rev() {
            if !findings.is_empty() && start::is_refuted_by_run(facts, &lines[index]) {
                continue;
            }
            for mut finding in findings {
                if panic_is_told && is_panic(&finding) && !says_something(&lines[index]) {
                    continue;
                }
                // An error about a file outside of /tmp says nothing about /tmp, if that can be
                // checked.
                if finding.code == Code::TmpMissing
                    && facts.image.is_some_and(|image| image.rootfs.exists("/tmp") == Some(true))
                {
                    continue;
                }
                start::say_what_is_known(facts, &lines[index], std::slice::from_mut(&mut finding));
                if finding.code == Code::ReadOnlyFilesystem {
                    name_the_mount(facts, &mut finding);
                }
                if finding.code == Code::NotExecutableMode {
                    name_what_denies(facts, &lines[index], &mut finding);
                }
                let known = |list: &[Finding]| list.iter().any(|other| other.code == finding.code);
                if known(&words.at_end) || known(&words.earlier) {
                    continue;
                }
                let is_told_apart = is_raised_signal(finding.code) && !ended_by_a_signal(facts);
                if is_told_apart {
                    finding.confidence = Confidence::Guess;
                }
                let is_certain = CERTAIN.contains(&finding.code)
                    || (is_death(finding.code) && !is_told_apart)
                    || (facts.state.exit_code == NOT_EXECUTABLE
                        && matches!(finding.code, Code::NotExecutableMode | Code::MountNoexec));
                let is_end = index >= begin && (index == last || !is_survived(&lines[index]));
                if is_end || is_certain {
                    let near = index == last || death.is_some_and(|death| index >= death);
                    if !is_certain && !near {
                        finding.confidence = Confidence::Guess;
                    }
                    // Words in a line about something else are not the cause.
                    if finding.confidence == Confidence::Guess
                        && index != last
                        && !tells_of_failure(&lines[index])
                    {
                        words.earlier.push(finding);
                        continue;
                    }
                    words.at_end.push(finding);
                } else {
                    finding.confidence = Confidence::Guess;
                    finding.severity = finding.severity.min(Severity::Warning);
                    let before = if says.iter().filter(|&&other| other > index).count() > 2 * END {
                        "long before"
                    } else {
                        "before"
                    };
                    finding.evidence.insert(0, format!("the log says, {before} the end:"));
                    words.earlier.push(finding);
                }
            }
        }
        if panic_is_told {
            dialect::without_echoes_of_a_panic(&mut words.at_end);
            words.earlier.retain(|finding| !is_raised_signal(finding.code));
        }
        words.at_end.sort_by_key(|finding| {
            (
                is_death(finding.code),
                !CERTAIN.contains(&finding.code),
                finding.confidence == Confidence::Guess,
            )
        });
        words
    }
}

/// If the path is on a read-only mount, the root filesystem is not the cause.
fn name_the_mount(facts: &ContainerFacts<'_>, finding: &mut Finding) {
    let says = |text: &str| finding.evidence.iter().any(|line| line.contains(text));
    let Some(mount) = facts.mounts.iter().find(|mount| mount.read_only && says(&mount.destination))
    else {
        return;
    };
    finding.message = format!("the program wrote to {}, which is read-only", mount.describe());
    finding.fix =
        Some("mount it without :ro (readonly), or let the program write elsewhere".to_owned());
}

/// Finds why a shell cannot execute a file: the mount that contains it, or its mode in the image.
fn name_what_denies(facts: &ContainerFacts<'_>, line: &str, finding: &mut Finding) {
    let path = dialect::read_log(line).into_iter().find_map(|said| match said.meaning {
        dialect::Meaning::DeniedToShell(path) => path,
        _ => None,
    });
    let Some(path) = path.filter(|path| path.starts_with('/')) else { return };
    // A shell that may not write a file prints the same words, but exits with another code.
    if facts.state.exit_code != NOT_EXECUTABLE {
        finding.confidence = Confidence::Guess;
    }
    if let Some(mount) = mounts::over(&facts.mounts, &path) {
        if mount.no_exec == Some(true) {
            finding.code = Code::MountNoexec;
            finding.message =
                format!("a shell may not execute {path}: {} is noexec", mount.describe());
            finding.fix = Some(
                "mount it with exec (--tmpfs PATH:exec), or put the program elsewhere; chmod does not help".to_owned(),
            );
        }
        return;
    }
    let file = facts.image.and_then(|image| image::mode_of_file(image, &path));
    if let Some(mode) = file.filter(|mode| mode & 0o111 == 0) {
        finding.message = format!(
            "a shell may not execute {path}: its mode is {:04o}, without an execute bit",
            mode & 0o7777
        );
    }
}

/// Returns the findings for one line of a log; none if the line itself says that nothing is wrong.
pub(super) fn explain_line(line: &str) -> Vec<Finding> {
    if is_harmless(line) {
        return Vec::new();
    }
    let mut findings = dialect::explain_log(line);
    findings.retain(|finding| {
        !matches!(finding.code, Code::Paused | Code::NotRunning | Code::Removed | Code::CrashLoop)
    });
    findings
}

/// Reports whether a level below warning begins the line.
fn is_harmless(line: &str) -> bool {
    static LOW: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i)(?:^|[\s\[|"'=:(<])(?:info|debug|trace|notice|verbose|inf|dbg|trc)(?:$|[\s\]|"',:)>])"#).ok()
    });
    static HIGH: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)\b(?:error|err|fatal|panic|panicked|crit\w*|emerg\w*|alert|severe|warn\w*)\b",
        )
        .ok()
    });
    let begin = &line[..line.floor_char_boundary(100)];
    let matches =
        |regex: &LazyLock<Option<Regex>>| regex.as_ref().is_some_and(|regex| regex.is_match(begin));
    // The level counts even if the message mentions an error.
    let level = LOW.as_ref().and_then(|low| low.find(begin)).map(|found| found.start());
    let error = HIGH.as_ref().and_then(|high| high.find(begin)).map(|found| found.start());
    matches(&LOW) && error.is_none_or(|error| level.is_some_and(|level| level < error))
}

/// Reports whether a line is a warning, or says that the program continues: not the cause if more
/// lines follow.
fn is_survived(line: &str) -> bool {
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?i)\b(?:retry|retrying|retries|ignored|ignoring|falling back|fallback|recovered|continuing|skipping)\b|(?:^|[\s\[|"'=:(<])warn(?:ing)?(?:$|[\s\]|"',:)>])"#,
        )
        .ok()
    });
    WORDS.as_ref().is_some_and(|words| words.is_match(line))
}

/// Reports whether a line contains words of an error or of a failed call.
fn tells_of_failure(line: &str) -> bool {
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)error|exception|fatal|panic|fail|cannot|can't|could ?n[o']t|unable|not permitted|denied|refused|timed? ?out|\b(?:E[A-Z]{3,}|err|crit\w*|emerg\w*|severe|abort\w*|died|crashed|dial|bind|listen|accept|connect|lookup|open|write|mkdir|create|read)\b|not found|missing|\[Errno|killed|core dumped|segmentation fault",
        )
        .ok()
    });
    WORDS.as_ref().is_some_and(|words| words.is_match(line))
}

/// Reports whether a line is neither blank nor a frame of a stack trace.
fn says_something(line: &str) -> bool {
    static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"^(?:\s|goroutine \d+ |created by |exit status \d|[\w./*()-]+\(.*\)$|stack backtrace:|note: |Caused by:|Traceback |Node\.js v|rax |r[a-z0-9]+ +0x)",
        )
        .ok()
    });
    !line.trim().is_empty() && !FRAME.as_ref().is_some_and(|frame| frame.is_match(line))
}

#[cfg(test)]
mod tests {
    use super::{is_harmless, says_something};

    #[test]
    fn levels_of_lines() {
        for (line, harmless) in [
            ("[INFO] using config", true),
            ("2026-01-01T00:00:00Z INFO app: too many open files once", true),
            (r#"{"level":"info","msg":"error: no space left"}"#, true),
            ("time=x level=debug msg=\"no such host\"", true),
            ("I am informed", false),
            ("[ERROR] info is missing", false),
            ("panic: info", false),
            ("level=error msg=\"debug port in use\"", false),
            ("accept: too many open files", false),
            ("", false),
        ] {
            assert_eq!(is_harmless(line), harmless, "{line}");
        }
    }

    #[test]
    fn stacks_say_nothing() {
        for (line, says) in [
            ("panic: boom", true),
            ("goroutine 1 [running]:", false),
            ("main.main()", false),
            ("\t/src/main.go:8 +0x1d", false),
            ("    at Object.<anonymous> (/app/index.js:1:7)", false),
            ("stack backtrace:", false),
            ("cannot open the database", true),
            ("", false),
        ] {
            assert_eq!(says_something(line), says, "{line}");
        }
    }
}
