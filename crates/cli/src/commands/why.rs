//! `why`: explains in one sentence why a container ended, or what an error message means.

mod report;

use scratchdbg_console::printer::Printer;
use scratchdbg_console::{long_text, terminal};
use scratchdbg_diagnose::{Finding, explain_exit_code, explain_message};
use scratchdbg_format::findings;
use scratchdbg_inspect::{ContainerSummary, Diagnosis, Explanation};

use self::report::Facts;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::platform;
use scratchdbg_args::{Format, WhyArgs};

pub(crate) async fn why(args: WhyArgs, context: &Context) -> Outcome {
    if let Some(message) = &args.message {
        return explain(message, args.format, context.printer);
    }
    Box::pin(ask(args, context)).await
}

async fn ask(mut args: WhyArgs, context: &Context) -> Outcome {
    let printer = context.printer;
    report::check(&args).await?;
    if args.all {
        let platform = context.platform_of(&[], &args.kubernetes).await?;
        args.targets = platform::all_containers(platform).await?;
    }
    let is_list = args.all || args.targets.len() > 1;
    let (mut answers, mut code) = (Vec::new(), 0);
    for target in &args.targets {
        match look_up(target, &args, context).await {
            Ok((answer, facts)) => {
                if is_list && args.format == Format::Text {
                    let name =
                        answer.container.as_ref().map_or(&**target, |container| &container.name);
                    printer.line(&findings::heading(name, answers.is_empty()))?;
                }
                if args.format == Format::Text {
                    print(&answer.findings, printer)?;
                }
                Box::pin(report::report(&answer, facts, &args, context)).await?;
                answers.push(answer);
            }
            Err(error) if args.all && error.is_absent => {}
            // An unknown container does not keep the others from being explained.
            Err(error) if is_list => {
                error.print(printer);
                code = FAILED;
            }
            Err(error) => return Err(error),
        }
    }
    if args.format == Format::Json {
        match &answers[..] {
            [answer] if !is_list => printer.json(answer)?,
            answers => printer.json(&answers)?,
        }
    }
    Ok(code)
}

/// Explains a container, or an exit code where no container has such a name.
async fn look_up(
    target: &str,
    args: &WhyArgs,
    context: &Context,
) -> Result<(Explanation, Option<Facts>), CommandError> {
    let diagnosed = async {
        let platform = context.platform_of(&args.targets, &args.kubernetes).await?;
        match platform::why(platform, target, &args.kubernetes, context).await {
            Err(error) if error.is_absent && target.parse::<u8>().is_err() => {
                let meant = platform::stand_in(platform, target, context.printer).await?;
                platform::why(platform, &meant.ok_or(error)?, &args.kubernetes, context).await
            }
            outcome => outcome,
        }
    };
    let (outcome, exit_code) = (Box::pin(diagnosed).await, target.parse::<u8>().ok());
    let is_there = |found: &ContainerSummary| found.id.is_some() && found.name == target;
    let is_name = outcome.as_ref().is_ok_and(|diagnosis| is_there(&diagnosis.container));
    if let (Some(exit_code), false) = (exit_code, is_name) {
        return Ok((Explanation { container: None, findings: explain_exit_code(exit_code) }, None));
    }
    let Diagnosis { container, findings, failure, record, version } = outcome?;
    if let Some(failure) = failure {
        context.printer.warning(&format!("its files cannot be read ({failure}): less is known"));
    }
    Ok((Explanation { container: Some(container), findings }, Some(Facts { record, version })))
}

/// `--message`: explains a text, using nothing but the text.
fn explain(message: &str, format: Format, printer: Printer) -> Outcome {
    let text = if message == "-" {
        long_text::read()
            .map_err(|error| CommandError::new(format!("cannot read standard input: {error}")))?
    } else {
        message.to_owned()
    };
    if text.trim().is_empty() {
        return Err(CommandError::usage("there is no message to explain")
            .hint("give the error's text: --message 'exec /app: no such file or directory', or - to read it"));
    }
    let answer = Explanation { container: None, findings: explain_message(&text) };
    match format {
        Format::Json => printer.json(&answer)?,
        Format::Text => print(&answer.findings, printer)?,
    }
    if answer.findings.is_empty() {
        printer.error("nothing is known about this message");
        printer.hint("give the whole text, from `Error response from daemon` on; for a container: scratchdbg why NAME");
        return Ok(FAILED);
    }
    Ok(0)
}

fn print(findings: &[Finding], printer: Printer) -> std::io::Result<()> {
    let width = terminal::columns();
    for (index, finding) in findings.iter().enumerate() {
        if index > 0 {
            printer.line("")?;
        }
        printer.line(&findings::text(finding, width))?;
    }
    Ok(())
}
