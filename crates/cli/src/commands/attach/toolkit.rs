//! Selects the toolkit image of a session on a pod.

use scratchdbg_backend::{self as backend, ErrorKind};
use scratchdbg_inspect::{NoTwin, RunningImage, find_twin};
use scratchdbg_session::LAUNCHER;
use scratchdbg_session::tools::launcher_platform;
use scratchdbg_settings::Key;

use crate::context::Context;
use crate::platform::{ClusterTools, Configured, FindTwin, PodSessions, PodTarget, Twin};

/// Returns the source of the tools: the image of `--toolkit`, or else the debug twin of the
/// target's image, or else the image of the configuration file.
pub(crate) fn of_cluster<'a>(
    toolkit: Option<&str>,
    sessions: &PodSessions,
    target: &PodTarget,
    context: &'a Context,
) -> ClusterTools<'a> {
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
        toolkit: context.settings.get(Key::KubernetesToolkit).map(str::to_owned),
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
    ClusterTools::new(toolkit.map(str::to_owned), find, configured)
        .for_node(sessions, target, launcher)
}

fn explain(error: &NoTwin) -> backend::Error {
    backend::Error {
        hints: error.hints(),
        ..backend::Error::new(ErrorKind::Unsupported, error.to_string())
    }
}
