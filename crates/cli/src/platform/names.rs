//! The names that complete a command line.

use scratchdbg_args::{Global, KubernetesArgs};
use scratchdbg_backend::{Scope, SessionList as _};

use super::{Name, Platform};
use crate::env::Environment;
use crate::error::CommandError;

/// What is to be wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Containers; with `all`, those that do not run too.
    Containers {
        all: bool,
    },
    Images,
    ImagesAndContainers,
    Projects,
    Sessions,
    /// Contexts of Docker's context store.
    Contexts,
    /// Contexts of the Kubernetes configuration.
    KubeContexts,
    Namespaces,
    /// Pods, or workloads where the text names their kind: `deploy/we`.
    Pods(String),
}

/// Returns names, with the ids of containers.
pub(crate) async fn names(
    wanted: Wanted,
    global: &Global,
    cluster: &KubernetesArgs,
    environment: &Environment,
) -> Result<Vec<Name>, CommandError> {
    let names = Box::pin(async {
        match wanted {
            Wanted::Contexts => Ok(contexts(environment)),
            Wanted::KubeContexts | Wanted::Namespaces | Wanted::Pods(_) => {
                of_cluster(wanted, cluster, environment).await
            }
            wanted => of_engine(wanted, global, environment).await,
        }
    });
    names.await
}

fn contexts(environment: &Environment) -> Vec<Name> {
    let stored = environment.docker_config.as_deref().map(super::context_names);
    let default = name("default".to_owned(), "DOCKER_HOST, or the local engine".to_owned());
    std::iter::once(default).chain(stored.into_iter().flatten()).collect()
}

fn name(name: String, about: String) -> Name {
    Name { name, about, id: None }
}

async fn of_engine(
    wanted: Wanted,
    global: &Global,
    environment: &Environment,
) -> Result<Vec<Name>, CommandError> {
    let platform = super::connect(global, environment, &Scope::default()).await?;
    let Platform::Docker(engine) = &platform else { return Ok(Vec::new()) };
    let names = match wanted {
        Wanted::Containers { all } => engine.container_names(all).await?,
        Wanted::Images => engine.image_names().await?,
        Wanted::ImagesAndContainers => {
            let (images, containers) =
                tokio::try_join!(engine.image_names(), engine.container_names(true))?;
            images.into_iter().chain(containers).collect()
        }
        Wanted::Projects => engine.project_names().await?,
        Wanted::Sessions => {
            let (sessions, _) = engine.sessions().await?;
            return Ok(sessions
                .into_iter()
                .map(|session| {
                    let about = format!("{} in {}", session.mode, session.target_name);
                    name(session.id, about)
                })
                .collect());
        }
        _ => Vec::new(),
    };
    Ok(names)
}

#[cfg(feature = "kubernetes")]
async fn of_cluster(
    wanted: Wanted,
    options: &KubernetesArgs,
    environment: &Environment,
) -> Result<Vec<Name>, CommandError> {
    if wanted == Wanted::KubeContexts {
        let request = super::connection_request(options, environment);
        let contexts = request.context_names().into_iter();
        return Ok(contexts.map(|found| name(found, String::new())).collect());
    }
    let platform = super::connect_to_cluster(options, environment, &Scope::default()).await?;
    let Platform::Kubernetes(cluster) = &platform else { return Ok(Vec::new()) };
    let names = match wanted {
        Wanted::Pods(typed) => cluster.target_names(&typed).await?,
        _ => cluster.namespace_names().await?,
    };
    Ok(names.into_iter().map(|found| name(found, String::new())).collect())
}

#[cfg(not(feature = "kubernetes"))]
#[expect(clippy::unused_async, reason = "it is asynchronous with Kubernetes")]
async fn of_cluster(
    _named: Wanted,
    _options: &KubernetesArgs,
    _environment: &Environment,
) -> Result<Vec<Name>, CommandError> {
    Ok(Vec::new())
}
