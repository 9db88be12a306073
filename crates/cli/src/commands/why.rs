//! `why`: explains in one sentence why a container ended, or what an error message means.

use std::io::{self, Read};

use scratchdbg_backend::Phase;
use scratchdbg_console::printer::Printer;
use scratchdbg_console::terminal;
use scratchdbg_diagnose::{Finding, explain_message};
use scratchdbg_format::findings;
use scratchdbg_inspect::Diagnosis;
use serde::Serialize;

use crate::args::{Format, WhyArgs};
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::platform;

/// The number of bytes of a long text that are kept from each of its beginning and its end.
const KEPT: usize = 512 << 10;
/// The most bytes that are read to find the end.
const MOST_READ: u64 = 64 << 20;

/// The answer as JSON.
#[derive(Serialize)]
struct JsonAnswer<'a> {
    target: Option<TargetAnswer<'a>>,
    verdict: Option<&'a str>,
    findings: &'a [Finding],
}

/// The container of the answer.
#[derive(Serialize)]
struct TargetAnswer<'a> {
    id: Option<&'a str>,
    name: &'a str,
    image: Option<&'a str>,
    state: Option<&'a str>,
    #[serde(flatten)]
    place: Option<Place<'a>>,
}

/// The location of the container, on Kubernetes.
#[derive(Serialize)]
struct Place<'a> {
    namespace: &'a str,
    pod: Option<&'a str>,
    node: Option<&'a str>,
}

pub(crate) async fn why(args: WhyArgs, context: &Context) -> Outcome {
    if let Some(message) = &args.message {
        return explain(message, args.format, context.printer);
    }
    Box::pin(ask(args, context)).await
}

async fn ask(args: WhyArgs, context: &Context) -> Outcome {
    let format = args.format;
    let targets: Vec<String> = args.target.into_iter().collect();
    let platform = context.platform_of(&targets, &args.kubernetes).await?;
    let diagnosis = platform::why(platform, &targets.concat(), &args.kubernetes).await?;
    let Diagnosis { container, findings, failure } = diagnosis;
    if let Some(failure) = failure {
        context.printer.warning(&format!("its files cannot be read ({failure}): less is known"));
    }
    let target = TargetAnswer {
        id: container.id.as_deref(),
        name: &container.name,
        image: container.image.as_deref(),
        state: container.phase.map(Phase::as_str),
        place: container.pod.as_ref().map(|place| Place {
            namespace: &place.namespace,
            pod: place.pod.as_deref(),
            node: place.node.as_deref(),
        }),
    };
    answer(Some(target), &findings, format, context.printer)
}

/// `--message`: explains a text, using nothing but the text.
fn explain(message: &str, format: Format, printer: Printer) -> Outcome {
    let text = if message == "-" {
        let bytes = read_ends(scratchdbg_console::streams::WaitingStream(io::stdin().lock()).take(MOST_READ))
            .map_err(|error| CommandError::new(format!("cannot read standard input: {error}")))?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        message.to_owned()
    };
    if text.trim().is_empty() {
        return Err(CommandError::usage("there is no message to explain")
            .hint("give the error's text: --message 'exec /app: no such file or directory', or - to read it"));
    }
    let findings = explain_message(&text);
    let code = answer(None, &findings, format, printer)?;
    if findings.is_empty() {
        printer.error("nothing is known about this message");
        printer.hint("give the whole text, from `Error response from daemon` on; for a container: scratchdbg why NAME");
        return Ok(FAILED);
    }
    Ok(code)
}

/// Reads the beginning and the end of the input: failures are usually at the end.
fn read_ends(mut input: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => kept.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if kept.len() > 4 * KEPT {
            kept.drain(KEPT..kept.len() - KEPT);
        }
    }
    if kept.len() > 2 * KEPT {
        kept.drain(KEPT..kept.len() - KEPT);
    }
    Ok(kept)
}

fn answer(target: Option<TargetAnswer<'_>>, findings: &[Finding], format: Format, printer: Printer) -> Outcome {
    let verdict = findings.first().map(|finding| finding.code.as_str());
    match format {
        Format::Json => printer.json(&JsonAnswer { target, verdict, findings })?,
        Format::Text => {
            let width = terminal::columns();
            for (index, finding) in findings.iter().enumerate() {
                if index > 0 {
                    printer.line("")?;
                }
                printer.line(&findings::text(finding, width))?;
            }
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        for len in [0, 1, 2 * KEPT, 2 * KEPT + 1, 4 * KEPT + 7, 9 * KEPT] {
            let text: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
            let kept = read_ends(text.as_slice()).unwrap();
            assert_eq!(kept.len(), len.min(2 * KEPT), "{len}");
            let half = kept.len() / 2;
            assert!(text.starts_with(&kept[..half]) && text.ends_with(&kept[half..]), "{len}");
        }
    }
}
