//! Rules for Dockerfiles: lines that engines interpret otherwise than they are meant.

mod array;

pub use array::{BrokenArray, broken_array};

use crate::code::Code;
use crate::finding::{Finding, Severity};

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The number of its first line, from 1.
    pub line: usize,
    /// The number of its stage, from 1; 0 before the first.
    pub stage: usize,
    /// The keyword in capitals. The instruction after `HEALTHCHECK` and `ONBUILD` is an instruction
    /// of its own as well: `HEALTHCHECK CMD`.
    pub keyword: String,
    /// The text after its flags, in one line.
    pub arguments: String,
}

/// Returns all problems of the lines, the most severe first, each with its line and an empty path.
pub fn check(facts: &[Fact]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (index, fact) in facts.iter().enumerate() {
        let found = [
            exec_form(fact),
            overridden(fact, &facts[index + 1..]),
            maintainer(fact),
            on_build(fact),
        ];
        findings.extend(found.into_iter().flatten().map(|finding| finding.at("", fact.line)));
    }
    Finding::sort_worst_first(&mut findings);
    findings
}

/// `dockerfile-invalid`: a line that no engine accepts. `text` is its beginning, or empty for the
/// whole file; `mended` is the intended line, if it can be guessed.
pub fn invalid(line: usize, text: &str, reason: &str, mended: Option<&str>) -> Finding {
    let what = if text.is_empty() { "the Dockerfile" } else { "this line" };
    let message = format!("{what} cannot be read: {reason}");
    let fix = mended.map_or_else(
        || "correct it: https://docs.docker.com/reference/dockerfile/ has the form of every instruction".to_owned(),
        str::to_owned,
    );
    at_line(Finding::new(Code::DockerfileInvalid, Severity::Error, message), line, text).fix(fix)
}

/// `copy-source-missing`: `reason` tells which source of the line `text` is missing, and where it
/// was searched.
pub fn source_missing(line: usize, text: &str, reason: &str) -> Finding {
    let message = format!("there is nothing to copy: {reason}");
    at_line(Finding::new(Code::CopySourceMissing, Severity::Error, message), line, text).guessed().fix(
        "name a file that is there, or make it first. The context is taken to be the folder of the Dockerfile: if it is another, \
         build the image and check that",
    )
}

/// `dockerfile-invalid` for the `.dockerignore` beside it. If it is invalid, engines refuse the
/// whole build.
pub fn ignore_invalid(reason: &str) -> Finding {
    let message = format!("no engine builds this: {reason}");
    Finding::new(Code::DockerfileInvalid, Severity::Error, message)
        .at("", 1)
        .fix("correct that line: https://docs.docker.com/build/concepts/context/#dockerignore-files has the form of patterns")
}

/// `shell-form`: a `RUN` whose line needs a shell that the stage does not have.
pub fn run_without_shell(line: usize, text: &str, shell: &str) -> Finding {
    let message =
        format!("this RUN is a line for a shell, and {shell} is not in the stage: the build fails");
    at_line(Finding::new(Code::ShellForm, Severity::Error, message), line, text)
        .evidence(format!("{shell} is not in the stage"))
        .fix("do this in a stage that begins with an image that has a shell, and COPY --from that stage what comes out")
}

/// `entrypoint-missing`: a `RUN` of a program that the stage does not have.
pub fn run_without_program(line: usize, text: &str, program: &str) -> Finding {
    let message = format!("this RUN names {program}, which is not in the stage: the build fails");
    at_line(Finding::new(Code::EntrypointMissing, Severity::Error, message), line, text)
        .evidence(format!("{program} is not in the stage"))
        .fix("COPY the program before it, or do this in a stage that has it, and COPY --from that stage what comes out")
}

fn at_line(finding: Finding, line: usize, text: &str) -> Finding {
    let finding = finding.at("", line);
    if text.is_empty() { finding } else { finding.evidence(text) }
}

/// `exec-form-invalid`.
fn exec_form(fact: &Fact) -> Option<Finding> {
    let keyword = fact.keyword.as_str();
    let instruction = keyword.strip_prefix("ONBUILD ").unwrap_or(keyword);
    let broken = broken_array(&fact.arguments)?;
    let takes_one = matches!(
        instruction,
        "ENTRYPOINT" | "CMD" | "RUN" | "HEALTHCHECK CMD" | "COPY" | "ADD" | "VOLUME" | "SHELL"
    );
    if broken.is_ignored {
        let message = format!(
            "{}, which is no part of the array of {keyword}: Docker 20.10 passes over it, and other engines may take the \
             whole line for a shell's",
            broken.reason
        );
        let finding = Finding::new(Code::ExecFormInvalid, Severity::Warning, message)
            .evidence(format!("{keyword} {}", fact.arguments))
            .fix(format!("{keyword} {}", broken.mended));
        return takes_one.then_some(finding);
    }
    let taken = match instruction {
        "SHELL" => "engines refuse it",
        "ENTRYPOINT" | "CMD" | "RUN" | "HEALTHCHECK CMD" | "COPY" | "ADD" | "VOLUME"
            if broken.is_json =>
        {
            "engines refuse it"
        }
        "ENTRYPOINT" | "CMD" | "RUN" => {
            "engines take the whole line for a shell's, brackets and all"
        }
        "HEALTHCHECK CMD" => {
            "engines take the whole line for a shell's, and the container is unhealthy for ever"
        }
        "COPY" | "ADD" | "VOLUME" => {
            "engines split it at white space and take the pieces for paths, brackets and all"
        }
        _ => return None,
    };
    Some(
        Finding::new(
            Code::ExecFormInvalid,
            Severity::Error,
            format!(
                "the array of {keyword} is no JSON array of strings: {}; {taken}",
                broken.reason
            ),
        )
        .evidence(format!("{keyword} {}", fact.arguments))
        .fix(format!("{keyword} {}", broken.mended)),
    )
}

/// `instruction-overridden`: only the last of several in one stage has an effect.
fn overridden(fact: &Fact, later: &[Fact]) -> Option<Finding> {
    if !matches!(fact.keyword.as_str(), "CMD" | "ENTRYPOINT" | "HEALTHCHECK") {
        return None;
    }
    let other =
        later.iter().find(|later| later.stage == fact.stage && later.keyword == fact.keyword)?;
    Some(
        Finding::new(
            Code::InstructionOverridden,
            Severity::Warning,
            format!(
                "this {} has no effect: line {} sets another, and the last one counts",
                fact.keyword, other.line
            ),
        )
        .evidence(format!("line {}: {} {}", fact.line, fact.keyword, fact.arguments))
        .evidence(format!("line {}: {} {}", other.line, other.keyword, other.arguments))
        .fix(format!("remove one of the two {} lines", fact.keyword)),
    )
}

/// `maintainer-deprecated`.
fn maintainer(fact: &Fact) -> Option<Finding> {
    (fact.keyword == "MAINTAINER").then(|| {
        let label = serde_json::Value::from(fact.arguments.trim_matches(['"', '\'']));
        Finding::new(
            Code::MaintainerDeprecated,
            Severity::Info,
            "MAINTAINER is deprecated: a label says the same, and tools read it",
        )
        .evidence(format!("MAINTAINER {}", fact.arguments))
        .fix(format!("LABEL org.opencontainers.image.authors={label}"))
    })
}

/// `onbuild-trigger`.
fn on_build(fact: &Fact) -> Option<Finding> {
    (fact.keyword == "ONBUILD").then(|| {
        Finding::new(
            Code::OnbuildTrigger,
            Severity::Info,
            "ONBUILD does nothing in this image: it runs in builds that begin with it, and many registries' formats do not keep it",
        )
        .evidence(format!("ONBUILD {}", fact.arguments))
        .fix("write the instruction itself where it is to run, and keep ONBUILD for images that others build upon")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(lines: &[&str]) -> Vec<Fact> {
        let mut stage = 0;
        let fact = |(index, line): (usize, &&str)| {
            let (keyword, arguments) = line.split_once(' ').unwrap_or((line, ""));
            stage += usize::from(keyword == "FROM");
            Fact { line: index + 1, stage, keyword: keyword.into(), arguments: arguments.into() }
        };
        lines.iter().enumerate().map(fact).collect()
    }

    fn found(lines: &[&str]) -> Vec<(&'static str, usize)> {
        let line =
            |finding: &Finding| finding.location.as_ref().map_or(0, |location| location.line);
        check(&facts(lines)).iter().map(|finding| (finding.code.as_str(), line(finding))).collect()
    }

    #[test]
    fn lines_that_are_taken_otherwise_than_meant() {
        for (lines, expected) in [
            (&["FROM scratch", "ENTRYPOINT ['/app']"][..], &[("exec-form-invalid", 2)][..]),
            (&["FROM scratch", "EXPOSE [80]"], &[]),
            (&["FROM scratch", "ENV A=[x]"], &[]),
            (&["FROM scratch", "VOLUME ['/data']"], &[("exec-form-invalid", 2)]),
            (&["FROM scratch", "SHELL [/bin/sh, -c]"], &[("exec-form-invalid", 2)]),
            (&["FROM scratch", "CMD [\"/a\", 1]"], &[("exec-form-invalid", 2)]),
            (&["FROM scratch", "CMD [\"/a\"] # x"], &[("exec-form-invalid", 2)]),
            (&["FROM scratch", "EXPOSE [\"/a\"] # x"], &[]),
            (&["FROM scratch", "CMD a", "CMD b", "ENTRYPOINT c"], &[("instruction-overridden", 2)]),
            (&["FROM scratch", "CMD a", "FROM scratch", "CMD b"], &[]),
            (
                &["FROM scratch", "MAINTAINER \"me <a@b>\"", "ONBUILD COPY a b"],
                &[("maintainer-deprecated", 2), ("onbuild-trigger", 3)],
            ),
        ] {
            assert_eq!(found(lines), expected, "{lines:?}");
        }
        let severity = |line: &str| check(&facts(&["FROM scratch", line]))[0].severity;
        assert_eq!(severity("CMD ['/a']"), Severity::Error);
        assert_eq!(severity("CMD [\"/a\", 1] # x"), Severity::Error);
        for line in [
            "CMD [\"/a\"] # x",
            "ENTRYPOINT [\"/a\"] --x",
            "COPY [\"a\", \"/a\"];",
            "SHELL [\"/a\"] x",
        ] {
            assert_eq!(severity(line), Severity::Warning, "{line}");
        }
        let finding = invalid(3, "CPOY a b", "CPOY is no instruction", Some("COPY a b"));
        assert_eq!(
            (finding.fix.as_deref(), finding.evidence),
            (Some("COPY a b"), vec!["CPOY a b".to_owned()])
        );
        let fix = |lines: &[&str]| check(&facts(lines))[0].fix.clone().unwrap_or_default();
        assert_eq!(
            fix(&["FROM scratch", "ENTRYPOINT ['/app', 'serve']"]),
            r#"ENTRYPOINT ["/app", "serve"]"#
        );
        assert_eq!(
            fix(&["MAINTAINER \"me <a@b>\""]),
            r#"LABEL org.opencontainers.image.authors="me <a@b>""#
        );
    }
}
