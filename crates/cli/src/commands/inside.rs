//! The target of a command that works inside it, other than `attach`.

use scratchdbg_args::KubernetesArgs;
use scratchdbg_backend::SessionTarget;

use crate::context::Context;
use crate::error::CommandError;
use crate::platform::{self, ImagePlatform, Platform};
#[cfg(feature = "kubernetes")]
use crate::platform::{Chosen, PodSessions};

/// Where a target is, and which it is.
pub(super) enum Inside<'a> {
    /// A container of an engine.
    Engine(&'a ImagePlatform, SessionTarget),
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
        Platform::Docker(engine) => Ok(Inside::Engine(engine, target)),
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(_) => Err(platform::not_for_pods("do this")),
    }
}
