//! One file a command.

mod attach;
mod build;
mod check;
mod completion;
mod demo;
mod logs;
mod man;
mod pair;
mod ps;
mod sessions;
mod why;

use crate::args::{Command, PairCommand};
use crate::context::Context;
use crate::error::Outcome;

/// Runs a command; its exit code.
pub(crate) async fn run(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Build(args) => build::build(*args, context).await,
        Command::Pair(PairCommand::Verify(args)) => pair::verify(args, context).await,
        Command::Attach(args) => Box::pin(attach::attach(args, context)).await,
        Command::Sessions(command) => sessions::sessions(command, context).await,
        Command::Logs(args) => logs::logs(args, context).await,
        Command::Why(args) => why::why(args, context).await,
        Command::Check(args) => check::check(args, context).await,
        Command::Ps(args) => ps::ps(args, context).await,
        Command::Demo(args) => Box::pin(demo::demo(args, context)).await,
        Command::Completion(args) => completion::completion(&args),
        Command::Man => man::man(),
    }
}
