//! The commands, one per file.

mod attach;
pub(crate) mod build;
mod check;
pub(crate) mod complete;
mod completion;
mod config;
mod cp;
mod demo;
mod forward;
mod inside;
mod kubernetes;
mod logs;
mod man;
mod pair;
mod pick;
mod plugin;
mod ps;
mod sessions;
mod why;

use scratchdbg_backend::Interrupts;
use scratchdbg_console::closed;

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use scratchdbg_args::{Command, PairCommand, SessionsCommand, ToolkitCommand};

/// Runs a command and returns its exit code.
pub(crate) async fn run(
    mut command: Command,
    context: &Context,
    mut interrupts: Interrupts,
) -> Outcome {
    if closed::stdout() && needs_stdout(&command) {
        return Err(CommandError::new("standard output is closed")
            .hint("`>/dev/null` throws the output away"));
    }
    if closed::stderr() && needs_stderr(&command) {
        return Err(CommandError::new("standard error is closed")
            .hint("`2>/dev/null` throws what comes there away"));
    }
    if command.lacks_target()
        && let Some(code) = pick::pick(&mut command, context, &mut interrupts).await?
    {
        return Ok(code);
    }
    let work = match command {
        // These commands clean up by themselves.
        Command::Attach(args) => return Box::pin(attach::attach(args, context, interrupts)).await,
        Command::Cp(args) => return Box::pin(cp::cp(args, context, interrupts)).await,
        Command::Forward(args) => {
            return Box::pin(forward::forward(args, context, interrupts)).await;
        }
        Command::Logs(args) => return Box::pin(logs::logs(args, context, interrupts)).await,
        Command::Demo(args) => return Box::pin(demo::demo(args, context, interrupts)).await,
        command => Box::pin(run_to_the_end(command, context)),
    };
    // Temporary files of a command are removed when the future is dropped.
    interrupts.race(&context.scope, work).await.unwrap_or_else(Ok)
}

/// Reports whether a command exists for its output.
fn needs_stdout(command: &Command) -> bool {
    match command {
        Command::Sessions(command) => matches!(command, SessionsCommand::Ls { .. }),
        Command::Cp(args) => args.destination == "-",
        _ => true,
    }
}

/// Reports whether a command's output also goes to standard error: the output of a session's
/// command, or of a container with separate streams.
fn needs_stderr(command: &Command) -> bool {
    match command {
        Command::Attach(args) => !args.explain,
        Command::Logs(args) => {
            let is_text = args.raw || args.format.as_deref().is_none_or(|format| format == "text");
            let is_counted = args.stats || args.patterns;
            is_text && !is_counted && (args.stderr || !args.stdout)
        }
        _ => false,
    }
}

async fn run_to_the_end(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Build(args) => build::build(*args, context).await,
        Command::Toolkit(ToolkitCommand::Build(args)) => {
            Box::pin(build::toolkit::with_tools(args, context)).await
        }
        Command::Pair(PairCommand::Verify(args)) => pair::verify(args, context).await,
        Command::Sessions(command) => sessions::sessions(command, context).await,
        Command::Why(args) => Box::pin(why::why(args, context)).await,
        Command::Check(args) => check::check(args, context).await,
        Command::Ps(args) => ps::ps(args, context).await,
        Command::Kubernetes(command) => kubernetes::kubernetes(&command, context),
        Command::Plugin(command) => plugin::plugin(&command, context),
        Command::Completion(command) => completion::completion(command, context),
        Command::Config(args) => config::config(&args, context),
        Command::Man(args) => man::man(args).await,
        Command::Version => {
            context.printer.line(&format!("scratchdbg {}", scratchdbg_args::version()))?;
            Ok(0)
        }
        Command::Attach(_)
        | Command::Cp(_)
        | Command::Forward(_)
        | Command::Logs(_)
        | Command::Demo(_) => Ok(0),
    }
}
