//! `healthcheck-needs-shell`, `healthcheck-missing-program`, and a probe without execute
//! permission.

use super::lookup::{self, Found};
use super::{ImageFacts, permission, runtime, shell};
use crate::code::Code;
use crate::finding::{Finding, Severity};

/// Alternatives to a probe that needs a shell or curl.
const OWN_PROBE: &str = "let the program probe itself: HEALTHCHECK CMD [\"/app\", \"--healthcheck\"], or add a static probe";

pub(super) fn check(image: ImageFacts<'_>) -> Option<Finding> {
    let test: Vec<&str> =
        image.config.healthcheck.as_ref()?.test.iter().map(String::as_str).collect();
    match test.as_slice() {
        ["CMD-SHELL", line, ..] => needs_shell(image, line, &test),
        ["CMD", arguments @ ..] => match (shell::line(arguments), arguments) {
            (Some(line), _) => needs_shell(image, line, &test),
            (None, [program, ..]) => one_string(image, program, &test)
                .or_else(|| missing_program(image, program, &test))
                .or_else(|| may_not_run(image, program, &test)),
            (None, []) => None,
        },
        _ => None,
    }
}

fn needs_shell(image: ImageFacts<'_>, line: &str, test: &[&str]) -> Option<Finding> {
    let Found::Nowhere(_) = lookup::find(image.config, image.rootfs, "/bin/sh") else {
        return None;
    };
    let fix = match shell::words(line) {
        Some(words)
            if matches!(lookup::find(image.config, image.rootfs, &words[0]), Found::At(_)) =>
        {
            format!("write it in exec form: HEALTHCHECK CMD {}", shell::exec_form(&words))
        }
        _ => OWN_PROBE.to_owned(),
    };
    Some(
        Finding::new(
            Code::HealthcheckNeedsShell,
            Severity::Error,
            "the health check is in shell form and the image has no /bin/sh: the container is unhealthy for ever",
        )
        .evidence(format!("HEALTHCHECK {}", shell::exec_form(test)))
        .evidence("/bin/sh is not in the image")
        .fix(fix),
    )
}

/// A complete command line as the only element of the array.
fn one_string(image: ImageFacts<'_>, program: &str, test: &[&str]) -> Option<Finding> {
    let (name, _) = program.split_once(char::is_whitespace)?;
    let Found::Nowhere(_) = lookup::find(image.config, image.rootfs, program) else { return None };
    if test.len() != 2 {
        return None;
    }
    // Any failing exit code of a probe counts, so it need not be changed to 1.
    let command =
        program.rsplit_once("||").filter(|(_, exit)| exit.trim_start().starts_with("exit"));
    let command = command.map_or(program, |(command, _)| command);
    let fix = match shell::words(command) {
        Some(words) => {
            format!(
                "write each argument as an element of its own: HEALTHCHECK CMD {}",
                shell::exec_form(&words)
            )
        }
        None => OWN_PROBE.to_owned(),
    };
    let is_there = match lookup::find(image.config, image.rootfs, name) {
        Found::At(path) => format!("{path} is in the image, \"{program}\" is not"),
        _ => format!("\"{program}\" is not in the image"),
    };
    Some(
        Finding::new(
            Code::EntrypointOneString,
            Severity::Error,
            format!(
                "the whole command line \"{program}\" of the health check is one element, so that the engine looks for a file \
                 of that name: the container is unhealthy for ever"
            ),
        )
        .evidence(format!("HEALTHCHECK {}", shell::exec_form(test)))
        .evidence(is_there)
        .fix(fix),
    )
}

fn missing_program(image: ImageFacts<'_>, program: &str, test: &[&str]) -> Option<Finding> {
    let Found::Nowhere(tried) = lookup::find(image.config, image.rootfs, program) else {
        return None;
    };
    Some(
        Finding::new(
            Code::HealthcheckMissingProgram,
            Severity::Error,
            format!("the health check calls {program}, which is not in the image: the container is unhealthy for ever"),
        )
        .evidence(format!("HEALTHCHECK {}", shell::exec_form(test)))
        .evidence(format!("tried: {}", tried.join(", ")))
        .fix(OWN_PROBE),
    )
}

/// A directory, a file that is not a program, or a file that the container's user may not execute.
fn may_not_run(image: ImageFacts<'_>, program: &str, test: &[&str]) -> Option<Finding> {
    let Found::At(path) = lookup::find(image.config, image.rootfs, program) else { return None };
    let mut finding = runtime::hidden(image, &path).or_else(|| permission::check(image, &path))?;
    finding.message = format!("the health check cannot be started: {}", finding.message);
    finding.evidence.insert(0, format!("HEALTHCHECK {}", shell::exec_form(test)));
    Some(finding.fix(OWN_PROBE))
}
