//! `completion`: prints or installs the completions for a shell.

use clap::CommandFactory as _;
use scratchdbg_args::{Cli, CompletionCommand, ShellArg};
use scratchdbg_completion::{InstallError, Installation, Shell};

use crate::context::Context;
use crate::error::{CommandError, Outcome};

pub(crate) fn completion(command: CompletionCommand, context: &Context) -> Outcome {
    use std::io::Write as _;
    let mut stdout = scratchdbg_console::streams::stdout();
    match command {
        CompletionCommand::Bash => stdout.write_all(Shell::Bash.script().as_bytes())?,
        CompletionCommand::Zsh => stdout.write_all(Shell::Zsh.script().as_bytes())?,
        CompletionCommand::Fish => stdout.write_all(Shell::Fish.script().as_bytes())?,
        CompletionCommand::Elvish => stdout.write_all(&generated(clap_complete::Shell::Elvish))?,
        CompletionCommand::Powershell => {
            stdout.write_all(&generated(clap_complete::Shell::PowerShell))?;
        }
        CompletionCommand::Install { shell } => {
            let script = installation(shell, context)?;
            let change = script.install()?;
            context.printer.line(&format!("{change}: {}", script.path.display()))?;
            context.printer.note(&script.next_step());
        }
        CompletionCommand::Uninstall { shell } => {
            let script = installation(shell, context)?;
            let change = script.uninstall()?;
            context.printer.line(&format!("{change}: {}", script.path.display()))?;
        }
    }
    Ok(0)
}

/// Returns a script that knows the command line, but no names.
fn generated(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "scratchdbg", &mut script);
    script
}

fn installation(shell: Option<ShellArg>, context: &Context) -> Result<Installation, CommandError> {
    let environment = &context.environment;
    let shell = match shell {
        Some(ShellArg::Bash) => Shell::Bash,
        Some(ShellArg::Zsh) => Shell::Zsh,
        Some(ShellArg::Fish) => Shell::Fish,
        None => environment.shell.as_deref().and_then(Shell::named).ok_or_else(|| {
            CommandError::usage("the variable SHELL names no shell that has such a place")
                .hint("name one: `scratchdbg completion install bash`, zsh or fish")
        })?,
    };
    Installation::of(shell, &environment.completion_homes).ok_or_else(|| {
        CommandError::new("no directory for completions: HOME is not set")
            .hint("write it yourself: `scratchdbg completion bash >FILE`")
    })
}

impl From<InstallError> for CommandError {
    fn from(error: InstallError) -> Self {
        let hint = match &error {
            InstallError::NotOurs(_) | InstallError::Changed(_) => {
                "remove it yourself, if you want that of scratchdbg"
            }
            InstallError::Io { .. } => "write it elsewhere: `scratchdbg completion bash >FILE`",
        };
        Self::new(error.to_string()).hint(hint)
    }
}
