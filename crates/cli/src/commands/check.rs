//! `check`: finds problems of a binary, an image or a container before it is shipped.

use scratchdbg_console::printer::Printer;
use scratchdbg_console::terminal;
use scratchdbg_diagnose::{Code, Finding, Severity, explain_code, sarif_of_all};
use scratchdbg_format::findings;
use scratchdbg_inspect::{
    self as inspect, BareWords, Caveat, ImageLocation, LocationError, Report, ThisMachine,
};

use crate::blocking::blocking;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::registry;
use scratchdbg_args::{CheckArgs, CheckFormat, Deny};

pub(crate) async fn check(args: CheckArgs, context: &Context) -> Outcome {
    if let Some(code) = &args.explain {
        return explain(code, context.printer);
    }
    let texts = args.subjects.clone();
    let subjects =
        blocking(move || texts.iter().map(|text| location(text)).collect::<Result<Vec<_>, _>>())
            .await?;
    let mut reports = Vec::new();
    let files = args
        .files
        .iter()
        .map(|path| (ImageLocation::Dockerfile(path.clone()), path.to_string_lossy()));
    let subjects = subjects.into_iter().zip(args.subjects.iter().map(Into::into));
    let printer = context.printer;
    for (location, text) in subjects.chain(files) {
        reports.extend(
            inspect::check(location, &text, context, move |caveat| tell(&caveat, printer)).await?,
        );
    }
    print(&reports, args.format, context.printer)?;
    let denied = reports
        .iter()
        .flat_map(|report| &report.findings)
        .any(|finding| is_denied(finding, args.deny));
    Ok(if denied { FAILED } else { 0 })
}

/// `--explain`: prints the documentation of a code.
fn explain(code: &str, printer: Printer) -> Outcome {
    let Some(text) = explain_code(code) else {
        let similar =
            scratchdbg_backend::similar(code, Code::ALL.iter().map(|known| known.as_str()));
        let shown = scratchdbg_logs::escape::label(code);
        let error = CommandError::usage(format!("there is no code `{shown}`"));
        return Err(match similar.first() {
            Some(other) => error.hint(format!("did you mean `{other}`?")),
            None => error.hint("codes stand in brackets: error[loader-missing]"),
        });
    };
    printer.line(&text)?;
    Ok(0)
}

/// Interprets a subject on the command line. Blocking.
fn location(text: &str) -> Result<ImageLocation, CommandError> {
    let unusable = |reason: &str| {
        CommandError::usage(format!("`{text}`: {reason}")).hint(
            "a subject is a binary, a Dockerfile, a manifest, oci:DIR[:TAG], archive:FILE[:REF], registry:REF, or an image or container",
        )
    };
    let location = ImageLocation::parse(text, BareWords::FilesFirst, &ThisMachine).map_err(
        |error| match error {
            LocationError::Nothing => unusable("nothing to check"),
            LocationError::Folder => {
                unusable("a folder").hint(format!("an OCI layout is written oci:{text}"))
            }
            LocationError::NoSuchFile => {
                CommandError::new(format!("cannot read {text}: there is no such file"))
                    .hint("check the path: it is looked for from the current folder")
            }
            error => unusable(&error.to_string()),
        },
    )?;
    registry::expect_reference(&location)?;
    Ok(location)
}

/// Prints a caveat.
fn tell(caveat: &Caveat, printer: Printer) {
    match caveat {
        Caveat::LeftOut { .. } => printer.warning(&caveat.to_string()),
        _ => printer.note(&caveat.to_string()),
    }
}

/// Reports whether a finding is at least as severe as the denied severity.
pub(super) fn is_denied(finding: &Finding, deny: Deny) -> bool {
    match deny {
        Deny::Error => finding.severity >= Severity::Error,
        Deny::Warning => finding.severity >= Severity::Warning,
        Deny::None => false,
    }
}

fn print(reports: &[Report], format: CheckFormat, printer: Printer) -> std::io::Result<()> {
    match (format, reports) {
        (CheckFormat::Text, _) => print_text(reports, printer),
        (CheckFormat::Sarif, _) => {
            let version = env!("CARGO_PKG_VERSION");
            let all = reports.iter().map(|report| (&*report.subject, &*report.findings));
            printer.json(&sarif_of_all(version, all))
        }
        (CheckFormat::Json, [report]) => printer.json(report),
        (CheckFormat::Json, reports) => printer.json(&reports),
    }
}

fn print_text(reports: &[Report], printer: Printer) -> std::io::Result<()> {
    let width = terminal::columns();
    for report in reports {
        for finding in &report.findings {
            printer.line(&findings::text(finding, width))?;
            printer.line("")?;
        }
        printer.line(&findings::summary(&report.subject, &report.findings))?;
    }
    Ok(())
}
