//! `plugin`: installs scratchdbg as a plugin of docker or kubectl.

use scratchdbg_plugin::{Client, LinkError};

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use scratchdbg_args::PluginCommand;

pub(crate) fn plugin(command: &PluginCommand, context: &Context) -> Outcome {
    let (PluginCommand::Install(args) | PluginCommand::Uninstall(args)) = command;
    let client = if args.kubectl { Client::Kubectl } else { Client::Docker };
    let program = std::env::current_exe().map_err(|error| {
        CommandError::new(format!("cannot tell where this program is: {error}"))
    })?;
    let default = client.folder(&program, context.environment.docker_config.as_deref());
    let folder = args.dir.clone().or(default).ok_or_else(|| {
        CommandError::new(format!("no directory for plugins of {client}: HOME is not set"))
            .hint("name one: --dir DIR")
    })?;
    for link in client.links(&folder) {
        let change = match command {
            PluginCommand::Install(_) => link.install(&program)?,
            PluginCommand::Uninstall(_) => link.uninstall()?,
        };
        context.printer.line(&format!("{change}: {}", link.path.display()))?;
    }
    if matches!(command, PluginCommand::Install(_)) {
        context.printer.note(&format!("`{client} scratchdbg --help` shows what it can do"));
    }
    Ok(0)
}

impl From<LinkError> for CommandError {
    fn from(error: LinkError) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}
