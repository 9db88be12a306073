//! Finds the line of a Dockerfile that a finding about its image comes from.

use scratchdbg_builder::dockerfile::Origins;
use scratchdbg_diagnose::{Code, Finding};

/// Sets the location of each finding: its line in the Dockerfile at `path`. A finding that has a
/// line keeps it.
pub(crate) fn locate(findings: &mut [Finding], path: &str, origins: &Origins) {
    for finding in findings {
        let line = finding
            .location
            .as_ref()
            .map_or_else(|| line(finding, origins), |location| location.line);
        *finding = finding.clone().at(path, line);
    }
}

/// Returns the line of the instruction that a finding is about, or of the last stage if the
/// instruction is missing.
fn line(finding: &Finding, origins: &Origins) -> usize {
    let setting = |keywords: &[&str]| keywords.iter().find_map(|keyword| origins.setting(keyword));
    let found = match finding.code {
        Code::RunsAsRoot | Code::UserUnknown | Code::UserNotNumeric => setting(&["USER"]),
        Code::HealthcheckNeedsShell | Code::HealthcheckMissingProgram => setting(&["HEALTHCHECK"]),
        Code::WorkdirNotADirectory => setting(&["WORKDIR"]),
        Code::CommandIgnored => setting(&["CMD", "ENTRYPOINT"]),
        Code::ShellForm | Code::ExecFormShellSyntax | Code::EntrypointOneString => {
            of_instruction(finding, origins)
        }
        Code::EntrypointMissing | Code::EntrypointNotAbsolute => setting(&["ENTRYPOINT", "CMD"]),
        Code::SetuidFile | Code::DuplicatePath => of_file(finding, origins),
        Code::SecretInImage | Code::EnvironmentInvalid | Code::ArgumentTooLong => {
            of_variable(finding, origins).or_else(|| of_file(finding, origins))
        }
        // Findings about the program: the line that added the file that they name.
        _ => of_file(finding, origins).or_else(|| setting(&["ENTRYPOINT", "CMD"])),
    };
    found.unwrap_or(origins.stage)
}

/// Returns the line of the instruction that the evidence quotes.
fn of_instruction(finding: &Finding, origins: &Origins) -> Option<usize> {
    let keyword = finding.evidence.iter().find_map(|line| {
        ["HEALTHCHECK", "CMD", "ENTRYPOINT"].into_iter().find(|keyword| line.starts_with(keyword))
    });
    // A warning about two instructions quotes the one to blame last.
    let last = finding.evidence.iter().rev().find_map(|line| {
        ["HEALTHCHECK", "CMD", "ENTRYPOINT"].into_iter().find(|keyword| line.starts_with(keyword))
    });
    origins.setting(last.or(keyword)?)
}

/// Returns the line of the variable that is named.
fn of_variable(finding: &Finding, origins: &Origins) -> Option<usize> {
    let is_separator = |character: char| !character.is_ascii_alphanumeric() && character != '_';
    let texts = finding.evidence.iter().chain([&finding.message]);
    let mut words = texts.flat_map(|text| text.split(is_separator));
    words.find_map(|word| origins.env.get(word).copied())
}

/// Returns the line of the first path that is named and that the Dockerfile adds.
fn of_file(finding: &Finding, origins: &Origins) -> Option<usize> {
    let texts = finding.evidence.iter().chain([&finding.message]);
    let mut words = texts.flat_map(|text| text.split_whitespace());
    words.find_map(|word| {
        let path = word.trim_matches(['"', '`', '\'', ':', ',', ';', '(', ')']);
        path.strip_prefix('/').and_then(|path| origins.files.get(path).copied())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use scratchdbg_diagnose::{Confidence, Severity};

    use super::*;

    fn finding(code: Code, message: &str, evidence: &[&str]) -> Finding {
        Finding {
            code,
            severity: Severity::Error,
            confidence: Confidence::Certain,
            message: message.to_owned(),
            evidence: evidence.iter().map(|&line| line.to_owned()).collect(),
            fix: None,
            location: None,
        }
    }

    #[test]
    fn findings_get_the_line_of_what_they_are_about() {
        let map = |pairs: &[(&str, usize)]| {
            pairs.iter().map(|&(key, line)| (key.to_owned(), line)).collect()
        };
        let origins = Origins {
            stage: 1,
            settings: map(&[("ENTRYPOINT", 8), ("CMD", 9), ("HEALTHCHECK", 7)]),
            env: map(&[("TOKEN", 4), ("A", 5)]),
            files: map(&[("app", 2), ("etc/key.pem", 3)]),
        };
        for (code, message, evidence, line) in [
            // There is no USER: the stage lacks it.
            (Code::RunsAsRoot, "it runs as root", &[][..], 1),
            (Code::HealthcheckNeedsShell, "there is no shell", &["HEALTHCHECK CMD x"], 7),
            (Code::ShellForm, "a shell is needed", &["CMD /app"], 9),
            // Of two instructions, the last that is shown.
            (Code::ShellForm, "a shell is needed", &["ENTRYPOINT /app", "HEALTHCHECK CMD x"], 7),
            (Code::CommandIgnored, "it is ignored", &[], 9),
            (Code::EntrypointMissing, "there is no /app", &[], 8),
            (Code::SecretInImage, "a secret", &["TOKEN=…"], 4),
            (Code::SecretInImage, "a private key in `/etc/key.pem`, which all can read", &[], 3),
            (Code::EnvironmentInvalid, "not NAME=VALUE: A", &[], 5),
            (Code::SetuidFile, "\"/app\": it runs as root", &[], 2),
            (Code::LoaderMissing, "there is no loader", &["/app asks for /lib/ld.so"], 2),
            // A file that nobody brought: the program's line.
            (Code::LoaderMissing, "there is no loader", &["/other asks for it"], 8),
        ] {
            let mut findings = [finding(code, message, evidence)];
            locate(&mut findings, "Dockerfile", &origins);
            let location = findings[0].location.clone().unwrap();
            assert_eq!(
                (location.path.as_str(), location.line),
                ("Dockerfile", line),
                "{code}: {message} {evidence:?}"
            );
        }
        let nothing = Origins { stage: 6, settings: BTreeMap::new(), ..Origins::default() };
        let mut findings = [finding(Code::EntrypointMissing, "there is no /app", &[]).at("", 3)];
        locate(&mut findings, "D", &nothing);
        assert_eq!(findings[0].location.as_ref().unwrap().line, 3, "its own line stays");
    }
}
