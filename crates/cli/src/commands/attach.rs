//! `attach`: a shell, or one command, inside a running container.

use scratchdbg_engine::{AttachRequest, ContainerName, Engine, Outcome as SessionOutcome, Plan, Streams, plan};

use crate::args::AttachArgs;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::interrupt::Interrupts;
use crate::printer::Printer;
use crate::terminal::{self, RawMode};
use crate::toolkit;

pub(crate) async fn attach(args: AttachArgs, context: &Context) -> Outcome {
    let name: ContainerName = args.target.parse()?;
    let engine = context.engine().await?;
    let mut interrupts = Interrupts::listen().map_err(|error| CommandError::new(error.to_string()))?;
    let plan = tokio::select! {
        plan = prepare(engine, &name, args, context) => plan?,
        code = interrupts.next() => return Ok(code),
    };
    session(engine, &plan, &mut interrupts, context.printer).await
}

/// Looks at the target, and has the toolkit's image at hand.
async fn prepare(
    engine: &Engine,
    name: &ContainerName,
    args: AttachArgs,
    context: &Context,
) -> Result<Plan, CommandError> {
    let target = engine.inspect(name).await?;
    let mut request = AttachRequest {
        command: args.command,
        user: args.user,
        tty: !args.no_tty && terminal::is_interactive(),
        term: context.environment.term.clone(),
        toolkit_image: String::new(),
    };
    let (user, image) = tokio::join!(
        engine.resolve_user(&target, request.user.as_deref()),
        toolkit::image_in_engine(args.toolkit.as_deref(), context),
    );
    let user =
        user?.map_err(|error| CommandError::new(error.to_string()).hint("give the user in numbers: -u UID:GID"))?;
    request.toolkit_image = image?;
    Ok(plan(&target, user, &request)?)
}

/// Runs the session on the user's own streams.
pub(crate) async fn session(engine: &Engine, plan: &Plan, interrupts: &mut Interrupts, printer: Printer) -> Outcome {
    let cannot = |what: &str, error: std::io::Error| CommandError::new(format!("cannot {what}: {error}"));
    let windows = terminal::windows().map_err(|error| cannot("watch the terminal's size", error))?;
    let raw_mode = if plan.tty {
        Some(RawMode::enable().map_err(|error| cannot("switch the terminal to raw mode", error))?)
    } else {
        None
    };
    let streams = Streams { input: tokio::io::stdin(), output: tokio::io::stdout(), error: tokio::io::stderr() };
    let mut interrupted = 0;
    let outcome = engine.attach(plan, streams, windows, async { interrupted = interrupts.next().await }).await;
    // Before anything is printed.
    drop(raw_mode);
    match outcome? {
        SessionOutcome::Exited(code) => Ok(code),
        SessionOutcome::Interrupted => Ok(interrupted),
        SessionOutcome::OutputClosed => Ok(0),
        SessionOutcome::TargetEnded { state } => {
            let name = &plan.target_name;
            printer
                .warning(&format!("container `{name}` ended, and the session with it; it is {} now", state.as_str()));
            printer.hint(&format!("`scratchdbg logs {name}` shows what it said"));
            Ok(137)
        }
        _ => Err(CommandError::new("the session ended in a way that this version does not know")),
    }
}
