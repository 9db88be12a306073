//! `attach --explain`: prints the plan and its reasons.

use std::io;

use scratchdbg_backend::{How, Plan};
use scratchdbg_console::printer::Printer;

use scratchdbg_args::Format;
use scratchdbg_logs::escape::label;

/// Describes the keeper's capabilities.
fn rights(plan: &Plan) -> &'static str {
    if plan.keeper_added.is_empty() && plan.keeper_dropped == ["ALL"] {
        "no capability"
    } else {
        "the session's capabilities"
    }
}

pub(super) fn print(plan: &Plan, format: Format, printer: Printer) -> io::Result<()> {
    if format == Format::Json {
        return printer.json(&plan.explanation());
    }
    let command =
        if plan.command.is_empty() { "a shell".to_owned() } else { plan.command.join(" ") };
    let facts = [
        ("target", format!("{} ({})", label(&plan.target_name), plan.target_kind)),
        ("command", label(&command).into_owned()),
        ("keeper", format!("{}, {}, {}", label(&plan.keeper_image), network(plan), rights(plan))),
    ];
    for (name, fact) in &facts {
        printer.line(&format!("{name:9}{fact}"))?;
    }
    if let How::Sidecar(sidecar) = &plan.how {
        let capabilities = match &sidecar.capabilities[..] {
            [] => "no capability".to_owned(),
            given => given.join(", "),
        };
        printer.line(&format!(
            "{:9}{}, as {} with {capabilities}",
            "sidecar",
            label(&sidecar.image),
            plan.user
        ))?;
    }
    for reason in &plan.reasons {
        printer.line(&format!("- {}: {}", label(&reason.decision), label(&reason.because)))?;
    }
    Ok(())
}

fn network(plan: &Plan) -> String {
    match plan.keeper_network {
        "none" => "no network".to_owned(),
        shared => format!("the network of the {shared}"),
    }
}
