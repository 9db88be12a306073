//! Lets the user choose the target of a command that names none.

use scratchdbg_args::Command;
use scratchdbg_backend::Interrupts;
use scratchdbg_console::picker::{self, Choice};

use crate::context::Context;
use crate::error::CommandError;
use crate::platform::{Name, Wanted, names};

/// The exit code of Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Names the target. Returns an exit code if the user chose none.
pub(crate) async fn pick(
    command: &mut Command,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Result<Option<u8>, CommandError> {
    if !picker::can_ask() {
        return Err(CommandError::usage("no target is named").hint(
            "`scratchdbg ps -a` lists containers; on a terminal, one is chosen from a list",
        ));
    }
    let work = Box::pin(choose(command, context));
    match interrupts.race(&context.scope, work).await {
        Err(code) => Ok(Some(code)),
        Ok(Err(error)) => Err(error),
        Ok(Ok(None)) => Ok(Some(INTERRUPTED)),
        Ok(Ok(Some(Name { name, id, .. }))) => {
            context.printer.note(&format!("the target is {name}"));
            // The name may be another's by now.
            command.set_target(id.unwrap_or(name));
            Ok(None)
        }
    }
}

async fn choose(command: &Command, context: &Context) -> Result<Option<Name>, CommandError> {
    let cluster = command.kubernetes().unwrap_or_default();
    let is_image = matches!(command, Command::Attach(args) if args.image);
    let (title, wanted) = if is_image {
        ("Image", Wanted::Images)
    } else if cluster.is_plugin || command.cluster().is_some() {
        ("Pod", Wanted::Pods(String::new()))
    } else {
        ("Container", Wanted::Containers { all: true })
    };
    let found = names(wanted, &context.global, &cluster, &context.environment).await?;
    let choices: Vec<_> = found
        .iter()
        .map(|found| Choice { value: found.name.clone(), about: found.about.clone() })
        .collect();
    if choices.is_empty() {
        return Err(CommandError::usage(format!("there is no {} to choose", title.to_lowercase())));
    }
    let chosen = picker::pick(title, &choices).await?;
    Ok(chosen.and_then(|index| found.into_iter().nth(index)))
}
