//! `man`: the manual page, generated from the definitions of the help.

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::error::Outcome;

pub(crate) fn man() -> Outcome {
    use std::io::Write as _;
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text)?;
    // One page for everything: the options of each subcommand follow in a section of their own.
    for command in Cli::command().get_subcommands() {
        let name = format!("scratchdbg-{}", command.get_name());
        clap_mangen::Man::new(command.clone().name(name)).render(&mut text)?;
    }
    scratchdbg_console::streams::stdout().write_all(&text)?;
    Ok(0)
}
