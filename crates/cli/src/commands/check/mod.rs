//! `check`: what is wrong with a binary, an image or a container before it is shipped.

mod binary;
mod dockerfile;
mod files;
mod in_engine;
mod in_registry;
mod layers;
mod lines;
pub(super) mod preflight;
mod stored;
pub(super) mod subject;

use scratchdbg_diagnose::{Finding, Severity, sarif};
use serde::Serialize;

use self::subject::Subject;
use crate::args::{CheckArgs, CheckFormat, Deny};
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::findings;
use crate::printer::Printer;
use crate::terminal;

/// What was found in one image, file or container.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// What was checked, as the user named it; with the image's own name or platform where that names several.
    subject: String,
    /// The gravest first.
    findings: Vec<Finding>,
}

pub(crate) async fn check(args: CheckArgs, context: &Context) -> Outcome {
    let texts = args.subjects.clone();
    let subjects =
        blocking(move || texts.iter().map(|text| Subject::parse(text)).collect::<Result<Vec<_>, _>>()).await?;
    let mut reports = Vec::new();
    let files = args.files.iter().map(|path| (Subject::Dockerfile(path.clone()), path.to_string_lossy()));
    let subjects = subjects.into_iter().zip(args.subjects.iter().map(Into::into));
    for (subject, text) in subjects.chain(files) {
        reports.extend(check_one(subject, &text, context).await?);
    }
    print(&reports, args.format, context.printer)?;
    let denied = reports.iter().flat_map(|report| &report.findings).any(|finding| is_denied(finding, args.deny));
    Ok(if denied { FAILED } else { 0 })
}

async fn check_one(subject: Subject, text: &str, context: &Context) -> Result<Vec<Report>, CommandError> {
    let text = text.to_owned();
    match subject {
        Subject::Binary(path) => {
            blocking(move || Ok(vec![Report { subject: text, findings: binary::check(&path)? }])).await
        }
        Subject::Dockerfile(path) => {
            let printer = context.printer;
            blocking(move || dockerfile::check(&text, &path, printer)).await
        }
        Subject::Layout { folder, name } => blocking(move || stored::layout(&text, &folder, name.as_deref())).await,
        Subject::Archive { file, name } => blocking(move || stored::archive(&text, &file, name.as_deref())).await,
        Subject::InRegistry(reference) => in_registry::check(text, reference, context).await,
        Subject::InEngine(name) => in_engine::check(&name, context).await,
    }
}

/// Whether a finding is as grave as what is denied.
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
        (CheckFormat::Sarif, _) => printer.json(&merged_sarif(reports)),
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

/// One run for each report.
fn merged_sarif(reports: &[Report]) -> serde_json::Value {
    let mut documents =
        reports.iter().map(|report| sarif(env!("CARGO_PKG_VERSION"), &report.subject, &report.findings));
    let mut merged = documents.next().unwrap_or_default();
    for mut document in documents {
        if let (Some(runs), Some(more)) = (merged["runs"].as_array_mut(), document["runs"].as_array_mut()) {
            runs.append(more);
        }
    }
    merged
}
