//! `no-command`, `shell-form`, `entrypoint-one-string`, `entrypoint-not-absolute`,
//! `entrypoint-missing`: from an argument vector to the file it names.

use super::lookup::{self, Found};
use super::{ImageFacts, mount, shell};
use crate::code::Code;
use crate::config::ConfigFacts;
use crate::finding::{Finding, Severity};
use crate::rootfs::Resolution;

/// The result of resolving an argument vector.
pub(super) enum Command {
    /// The program's path.
    Found(String),
    /// It cannot be started.
    Wrong(Vec<Finding>),
    /// Not known yet.
    Open,
}

pub(super) fn find(image: ImageFacts<'_>, arguments: &[&str]) -> Command {
    let program = match arguments.first() {
        None | Some(&"") => return Command::Wrong(vec![no_command(image.config)]),
        Some(program) => *program,
    };
    match lookup::find(image.config, image.rootfs, program) {
        Found::At(path) => Command::Found(path),
        Found::Open => Command::Open,
        Found::Relative(path) => {
            Command::Wrong(vec![by_relative_element(image.config, program, &path)])
        }
        Found::Nowhere(tried) => {
            match (mount::hidden_program(image, program, &tried), shell::line(arguments)) {
                (Some(hidden), _) => Command::Wrong(vec![hidden]),
                (None, Some(line)) => Command::Wrong(vec![shell_form(image.config, line)]),
                (None, None) => Command::Wrong(vec![
                    one_string(image, program)
                        .or_else(|| mount::not_on_mount(image, program, &tried))
                        .or_else(|| not_absolute(image, program, &tried))
                        .unwrap_or_else(|| missing(image, program, &tried)),
                ]),
            }
        }
    }
}

fn no_command(config: &ConfigFacts) -> Finding {
    let evidence = if config.entrypoint.is_empty() && config.command.is_empty() {
        "the configuration has neither Entrypoint nor Cmd"
    } else {
        "the first element of the command is an empty string"
    };
    Finding::new(Code::NoCommand, Severity::Error, "the image does not say what to run (\"no command specified\")")
        .evidence(evidence)
        .fix("set the entrypoint: ENTRYPOINT [\"/app\"] in a Dockerfile, --entrypoint on the command line")
}

fn instruction(config: &ConfigFacts) -> &'static str {
    if config.entrypoint.is_empty() { "CMD" } else { "ENTRYPOINT" }
}

fn shell_form(config: &ConfigFacts, line: &str) -> Finding {
    let instruction = instruction(config);
    Finding::new(
        Code::ShellForm,
        Severity::Error,
        format!("the {instruction} is in shell form, and the image has no /bin/sh to run it"),
    )
    .evidence(format!("{instruction} {}", shell::exec_form(&["/bin/sh", "-c", line])))
    .evidence("/bin/sh is not in the image")
    .fix(shell::advice(instruction, line))
}

/// `ENTRYPOINT ["/app"]` with `CMD` in shell form: the program gets `/bin/sh -c …` as its
/// arguments.
pub(super) fn shell_arguments(config: &ConfigFacts) -> Option<Finding> {
    let command: Vec<&str> = config.command.iter().map(String::as_str).collect();
    let line = shell::line(&command)?;
    let program = config.entrypoint.first()?;
    // A shell as the entrypoint is supposed to get a command line.
    if program
        .rsplit('/')
        .next()
        .is_some_and(|name| name.ends_with("sh") || name == "env" || name == "tini")
    {
        return None;
    }
    Some(
        Finding::new(
            Code::ShellForm,
            Severity::Warning,
            format!("the CMD is in shell form beside an ENTRYPOINT: {program} is given /bin/sh, -c and the line as its arguments"),
        )
        .evidence(format!("ENTRYPOINT {}", shell::exec_form(&config.entrypoint)))
        .evidence(format!("CMD {}", shell::exec_form(&config.command)))
        .fix(shell::advice("CMD", line))
        .guessed(),
    )
}

fn one_string(image: ImageFacts<'_>, program: &str) -> Option<Finding> {
    let (name, _) = program.split_once(char::is_whitespace)?;
    let words = shell::words(program);
    if !matches!(lookup::find(image.config, image.rootfs, name), Found::At(_)) {
        return None;
    }
    let instruction = instruction(image.config);
    let fix = match words {
        Some(words) => {
            format!(
                "write each argument as an element of its own: {instruction} {}",
                shell::exec_form(&words)
            )
        }
        None => {
            format!("write each argument as an element of its own: {instruction} [\"{name}\", …]")
        }
    };
    Some(
        Finding::new(
            Code::EntrypointOneString,
            Severity::Error,
            format!(
                "the whole command line \"{program}\" is one element, so that the engine looks for a file of that name"
            ),
        )
        .evidence(format!("{instruction} {}", shell::exec_form(&[program])))
        .evidence(format!("{name} is in the image, \"{program}\" is not"))
        .fix(fix),
    )
}

fn not_absolute(image: ImageFacts<'_>, program: &str, tried: &[String]) -> Option<Finding> {
    if program.contains('/') {
        return None;
    }
    let workdir = image.config.working_directory.trim_end_matches('/');
    let mut places = vec![format!("/{program}"), format!("{workdir}/{program}")];
    places.extend(image.rootfs.files_named(program));
    let place = places.into_iter().find(|place| image.rootfs.exists(place) == Some(true))?;
    Some(
        Finding::new(
            Code::EntrypointNotAbsolute,
            Severity::Error,
            format!(
                "\"{program}\" is looked for in PATH, and the program is at {place}, which is in no directory of it"
            ),
        )
        .evidence(format!("PATH={}", image.config.search_path()))
        .evidence(format!("tried: {}", tried.join(", ")))
        .evidence(format!("{place} is in the image"))
        .fix(format!("write the path: {} [\"{place}\"]", instruction(image.config))),
    )
}

/// Go's `LookPath` since 1.19, which runc uses, refuses a program that was found in the current
/// directory.
fn by_relative_element(config: &ConfigFacts, program: &str, path: &str) -> Finding {
    Finding::new(
        Code::EntrypointNotAbsolute,
        Severity::Error,
        format!(
            "\"{program}\" is found at {path} by an element of PATH that is no absolute path, and engines refuse it (\"cannot \
             run executable found relative to current directory\")"
        ),
    )
    .evidence(format!("PATH={}", config.search_path()))
    .evidence(format!("WorkingDir: {}", if config.working_directory.is_empty() { "/" } else { &config.working_directory }))
    .fix(format!(
        "write the path: {} [\"{path}\"]; or name its directory in PATH in full, without an empty element (a colon at the \
         beginning or end, or two in a row)",
        instruction(config)
    ))
    .guessed()
}

fn missing(image: ImageFacts<'_>, program: &str, tried: &[String]) -> Finding {
    let instruction = instruction(image.config);
    let mut finding = Finding::new(
        Code::EntrypointMissing,
        Severity::Error,
        if program.contains('/') {
            format!("{program} is not in the image")
        } else {
            format!("{program} is in no directory of PATH and not in the image")
        },
    )
    .evidence(format!("{instruction} {}", shell::exec_form(&image.config.arguments())));
    let path = tried.first().map_or(program, String::as_str);
    finding = match image.rootfs.resolve(path) {
        Resolution::Missing { at, link: Some((link, target)), .. } => {
            finding.evidence(format!("{link} points to {target}, and {at} is not there"))
        }
        Resolution::Missing { at, .. } if program.contains('/') => {
            finding.evidence(format!("{at} is not there"))
        }
        Resolution::NotADirectory { at } => {
            finding.evidence(format!("{at} is a file and not a directory"))
        }
        Resolution::Loop => finding.evidence(format!("the links at {path} lead in a circle")),
        _ => finding.evidence(format!("tried: {}", tried.join(", "))),
    };
    // Do not report a link as missing if its target is missing.
    if let (true, Resolution::Missing { at, link: Some((link, _)), .. }) =
        (program.contains('/'), image.rootfs.resolve(path))
        && link == path
    {
        finding.message =
            format!("{program} is a link that leads to {at}, which is not in the image");
    }
    let name = program.rsplit('/').next().unwrap_or(program);
    match image.rootfs.files_named(name).into_iter().next() {
        Some(place) => finding
            .evidence(format!("a file of that name is at {place}"))
            .fix(format!("write {instruction} [\"{place}\"], or put the program at {program}")),
        None => {
            finding.fix(format!("put the program at {program}, or name the path that it is at"))
        }
    }
}
