//! The target of a command that works inside it, other than `attach`.

use std::path::Path;

use scratchdbg_args::KubernetesArgs;
use scratchdbg_backend::{ContainerName, FactsBackend as _, Phase, SessionTarget, asked};
use scratchdbg_console::printer::Printer;
use scratchdbg_dialog::tell;
use scratchdbg_session::Notice;
use scratchdbg_session::tools::{Base, Wanted};
use scratchdbg_settings::{self as settings, Key};

use crate::context::Context;
use crate::error::CommandError;
use crate::platform::{self, ImagePlatform, Platform};
#[cfg(feature = "kubernetes")]
use crate::platform::{Chosen, PodSessions};

/// Where a target is, and which it is.
pub(super) enum Inside<'a> {
    /// A container of an engine, and its phase.
    Engine(&'a ImagePlatform, ContainerName, Phase),
    /// A container of a pod.
    #[cfg(feature = "kubernetes")]
    Pod(Box<(PodSessions, Chosen)>),
}

/// Finds a target by its name.
pub(super) async fn find<'a>(
    target: &str,
    options: &KubernetesArgs,
    context: &'a Context,
) -> Result<Inside<'a>, CommandError> {
    let targets = [target.to_owned()];
    if platform::location(&targets, options)? == platform::Location::Cluster {
        let connected = context.platform_of(&targets, options).await?;
        #[cfg(feature = "kubernetes")]
        {
            let sessions = platform::pod_sessions(connected, context.printer)?;
            let chosen =
                Box::pin(platform::choose_container(&sessions, target, options, false)).await?;
            chosen.note.iter().for_each(|note| context.printer.note(note));
            return Ok(Inside::Pod(Box::new((sessions, chosen))));
        }
        #[cfg(not(feature = "kubernetes"))]
        drop(connected);
    }
    let mut target = SessionTarget::Container(target.parse()?);
    match Box::pin(context.platform_with_probe(&mut target)).await?.0 {
        Platform::Docker(engine) => {
            let SessionTarget::Container(name) = target else {
                return Err(CommandError::usage("this is for containers"));
            };
            let phase = engine.container_record(&name).await?.facts.state.phase;
            Ok(Inside::Engine(engine, name, phase))
        }
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(_) => Err(platform::not_for_pods("do this")),
    }
}

/// Returns the user of a session: that of the options, or of the settings.
pub(super) fn user(asked_for: Option<&str>, is_root: bool, context: &Context) -> Option<String> {
    if is_root {
        return Some("0".to_owned());
    }
    asked_for.or(context.settings.get(Key::User)).map(asked::with_numeric_root)
}

/// Returns the tools of a session on an engine: those of the options, or of the settings.
pub(super) fn tools(
    toolkit: Option<&str>,
    with_tools: &[String],
    context: &Context,
) -> Result<Wanted, CommandError> {
    let default = context.settings.get(Key::Toolkit);
    let tools = context.settings.toolkits().resolve(toolkit, with_tools, default);
    let tools = tools.map_err(|error| explain(&error, context))?;
    let base = match tools.base {
        settings::Base::Default => Base::Host,
        settings::Base::Named(text) => Base::Named(text),
        settings::Base::Image(image) => Base::Image(image),
    };
    Ok(Wanted { base, added: tools.paths })
}

/// Explains why options and settings do not tell the tools.
pub(super) fn explain(error: &settings::Unresolved, context: &Context) -> CommandError {
    let file = context.environment.config_file.as_deref().unwrap_or(Path::new("config.toml"));
    let result = CommandError::usage(error.to_string());
    error.hints(&file.display().to_string()).into_iter().fold(result, CommandError::hint)
}

/// Tells which toolkit image is loaded.
pub(super) fn on_load(printer: Printer) -> impl Fn(&str, &str) + Sync {
    move |image, origin| tell(Notice::LoadsTools { image, origin }, printer)
}
