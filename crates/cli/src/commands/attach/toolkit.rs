//! Selects the toolkit image of a session on a pod.

use scratchdbg_backend::{self as backend, ErrorKind};
use scratchdbg_inspect::{NoTwin, RunningImage, find_twin};
use scratchdbg_session::LAUNCHER;
use scratchdbg_session::tools::launcher_platform;
use scratchdbg_settings::Key;

use crate::commands::inside;
use crate::context::Context;
use crate::error::CommandError;
use crate::platform::{ClusterTools, Configured, FindTwin, PodSessions, PodTarget, Twin};

/// Returns the image that the options name. A node has no file of this machine.
pub(crate) fn named(
    toolkit: Option<&str>,
    with_tools: &[String],
    context: &Context,
) -> Result<Option<String>, CommandError> {
    let tools = context.settings.toolkits().resolve(toolkit, with_tools, None);
    let image = tools.and_then(|tools| Ok(tools.image()?.map(str::to_owned)));
    image.map_err(|error| inside::explain(&error, context))
}

/// Returns the source of the tools: the image of `--toolkit`, or else the debug twin of the
/// target's image, or else the image of the configuration file.
pub(crate) fn of_cluster<'a>(
    toolkit: Option<String>,
    sessions: &PodSessions,
    target: &PodTarget,
    context: &'a Context,
) -> Result<ClusterTools<'a>, CommandError> {
    let configured = context.settings.get(Key::KubernetesToolkit);
    let configured = configured.map(|text| context.settings.toolkits().image(text)).transpose();
    let configured = configured.map_err(|error| inside::explain(&error, context))?;

    let (name, id) = target.image();
    let running = RunningImage { name: name.to_owned(), id: id.to_owned() };
    let file = context.environment.config_file.as_ref();
    let registry = running
        .name
        .split('/')
        .next()
        .filter(|host| host.contains(['.', ':']))
        .unwrap_or("REGISTRY");
    let configured = Configured {
        toolkit: configured.map(str::to_owned),
        file: file.map(|file| file.display().to_string()).unwrap_or_default(),
        registry: registry.to_owned(),
    };
    let find: FindTwin<'a> = Box::new(move || {
        let running = running.clone();
        Box::pin(async move {
            let found = find_twin(&running, &launcher_platform(), LAUNCHER, context).await;
            let found = found.map(|twin| Twin {
                reference: twin.reference,
                name: twin.name,
                command: twin.command,
            });
            found.map_err(|error| explain(&error))
        })
    });
    let launcher = launcher_platform().architecture;
    Ok(ClusterTools::new(toolkit, find, configured).for_node(sessions, target, launcher))
}

fn explain(error: &NoTwin) -> backend::Error {
    backend::Error {
        hints: error.hints(),
        ..backend::Error::new(ErrorKind::Unsupported, error.to_string())
    }
}
