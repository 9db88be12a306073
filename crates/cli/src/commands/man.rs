//! `man`: the manual pages, generated from the definitions of the help.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::blocking::blocking;
use crate::error::{CommandError, Outcome};
use scratchdbg_args::{Cli, ManArgs};

pub(crate) async fn man(args: ManArgs) -> Outcome {
    let pages = scratchdbg_manual::pages(Cli::command())?;
    if let Some(folder) = args.output {
        return blocking(move || {
            let written = scratchdbg_manual::write(&pages, &folder);
            written.map_err(|error| {
                CommandError::new(format!("cannot write to {}: {error}", folder.display()))
            })?;
            Ok(0)
        })
        .await;
    }
    let Some(page) = pages.iter().find(|page| page.is_of(&args.command)) else {
        let error = CommandError::usage(format!("no command `{}`", args.command.join(" ")));
        return Err(error.hint("`scratchdbg --help` lists the commands"));
    };
    scratchdbg_console::streams::stdout().write_all(&page.source)?;
    Ok(0)
}
