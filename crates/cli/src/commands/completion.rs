//! `completion`: completions for a shell, generated from the definitions of the help.

use clap::CommandFactory as _;

use crate::error::Outcome;
use scratchdbg_args::{Cli, CompletionArgs};

pub(crate) fn completion(args: &CompletionArgs) -> Outcome {
    use std::io::Write as _;
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "scratchdbg", &mut text);
    scratchdbg_console::streams::stdout().write_all(&text)?;
    Ok(0)
}
