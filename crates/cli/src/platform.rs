//! The platforms that this program supports. Only this module names them. Commands are generic over
//! the platform, and [`on_platform!`] has one arm for each.

mod location;
mod log_targets;
mod names;

use scratchdbg_backend::{Error, ErrorKind, Scope, Selector, SessionTarget};
pub(crate) use scratchdbg_docker::Name;
use scratchdbg_docker::context_names;
use scratchdbg_docker::{Endpoint, EndpointRequest, InitialProbe, TlsFiles};
/// Validation of image names and user settings, which does not depend on a connection.
pub(crate) use scratchdbg_docker::{detach_keys, is_image_reference};

use scratchdbg_console::printer::Printer;

pub(crate) use self::location::{Location, location};
pub(crate) use self::log_targets::{LogTargets, log_targets};
pub(crate) use self::names::{Wanted, names};
use crate::blocking::blocking;
use crate::context::Context;
use crate::env::Environment;
use crate::error::{CommandError, OF_IMAGES};
use scratchdbg_args::{Global, KubernetesArgs, PurposeArg};

/// The platform that stores images: images are read from it without a registry, and are loaded into
/// it.
pub(crate) type ImagePlatform = scratchdbg_docker::Engine;

/// The demo's container and images on that platform.
pub(crate) type Throwaway = scratchdbg_docker::Throwaway;

/// A connected platform.
#[cfg_attr(
    feature = "kubernetes",
    expect(clippy::large_enum_variant, reason = "there is one of it")
)]
#[derive(Debug)]
pub(crate) enum Platform {
    /// Docker or Podman.
    Docker(scratchdbg_docker::Engine),
    /// A Kubernetes cluster.
    #[cfg(feature = "kubernetes")]
    Kubernetes(scratchdbg_kubernetes::Cluster),
}

/// The result of probing a target while connecting, if there is one.
#[derive(Debug)]
pub(crate) enum Probed {
    /// The result from Docker or Podman.
    Docker(Option<InitialProbe>),
}

/// Evaluates an expression for any platform.
macro_rules! on_platform {
    ($platform:expr, $name:ident => $work:expr) => {
        match $platform {
            $crate::platform::Platform::Docker($name) => $work,
            #[cfg(feature = "kubernetes")]
            $crate::platform::Platform::Kubernetes($name) => $work,
        }
    };
}
pub(crate) use on_platform;

/// Evaluates an expression for the sessions of any platform. Notes go to the printer.
macro_rules! on_sessions {
    ($platform:expr, $printer:expr, $name:ident => $work:expr) => {
        match $platform {
            $crate::platform::Platform::Docker($name) => $work,
            #[cfg(feature = "kubernetes")]
            $crate::platform::Platform::Kubernetes(cluster) => {
                let printer = $printer;
                let $name =
                    &$crate::platform::PodSessions::new(cluster, move |note| printer.note(note));
                $work
            }
        }
    };
}
pub(crate) use on_sessions;

/// Connects to the platform that flags, environment and Docker's configuration name.
pub(crate) async fn connect(
    global: &Global,
    environment: &Environment,
    scope: &Scope,
) -> Result<Platform, CommandError> {
    let connected = scratchdbg_docker::Engine::connect(endpoint(global, environment).await?).await;
    let engine = connected.map_err(|error| suggest_other_sockets(error.into(), environment))?;
    Ok(Platform::Docker(engine.within(scope)))
}

/// Returns the error for a feature that only engines support.
pub(crate) fn not_for_pods(what: &str) -> CommandError {
    CommandError::from(Error::new(
        ErrorKind::Unsupported,
        format!("scratchdbg cannot {what} on Kubernetes yet"),
    ))
}

/// Connects to the Kubernetes cluster that options, environment and configuration name.
#[cfg(feature = "kubernetes")]
pub(crate) async fn connect_to_cluster(
    options: &KubernetesArgs,
    environment: &Environment,
    scope: &Scope,
) -> Result<Platform, CommandError> {
    use scratchdbg_kubernetes::{Cluster, ContainerChoice, Options};
    let request = connection_request(options, environment);
    let containers = match &options.container {
        Some(name) => ContainerChoice::Named(name.clone()),
        None if options.all_containers => ContainerChoice::All,
        None => ContainerChoice::Default,
    };
    let chosen = Options { all_namespaces: options.all_namespaces, containers };
    let cluster = Cluster::connect(&request, scope).await?.with(chosen);
    let namespace = cluster.namespace();
    scope.set_remedy(format!(
        "something may be left in the cluster, which did not say that it has ended: `scratchdbg sessions gc --namespace \
         {namespace}` removes it, and `scratchdbg sessions ls --namespace {namespace}` shows what still runs"
    ));
    Ok(Platform::Kubernetes(cluster))
}

/// Returns which cluster is meant.
#[cfg(feature = "kubernetes")]
fn connection_request(
    options: &KubernetesArgs,
    environment: &Environment,
) -> scratchdbg_kubernetes::ConnectionRequest {
    use std::io::{IsTerminal as _, stderr, stdin};

    use scratchdbg_kubernetes::{ConnectionRequest, Dialog};
    let files = environment.kubeconfig.as_deref().map(ConnectionRequest::files_of);
    ConnectionRequest {
        file: options.kubeconfig.clone(),
        files: files.unwrap_or_default(),
        default_file: environment.default_kubeconfig.clone(),
        context: options.kube_context.clone(),
        namespace: options.namespace.clone(),
        is_in_pod: environment.is_in_pod,
        dialog: match (stdin().is_terminal(), stderr().is_terminal()) {
            _ if environment.is_completing => Dialog::None,
            (false, false) => Dialog::Output,
            (has_input, _) => Dialog::Terminal { has_input },
        },
    }
}

/// Collects the facts about a container, a pod or a workload for `why`.
pub(crate) async fn why(
    platform: &Platform,
    target: &str,
    options: &KubernetesArgs,
    sources: &Context,
) -> Result<scratchdbg_inspect::Diagnosis, CommandError> {
    match platform {
        Platform::Docker(engine) => {
            Ok(Box::pin(scratchdbg_inspect::why(&target.parse()?, engine)).await?)
        }
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(cluster) => {
            let several = [
                (options.selector.is_some(), "--selector"),
                (options.all_namespaces, "--all-namespaces"),
                (options.all_containers, "--all-containers"),
            ];
            if let Some((_, option)) = several.iter().find(|(is_given, _)| *is_given) {
                return Err(CommandError::usage(format!(
                    "{option} is not for `why`, which explains one container"
                ))
                .hint("`scratchdbg ps` shows the verdicts of many"));
            }
            let target = pod_target(target)?;
            let explained = cluster.explain(&target, options.container.as_deref()).await?;
            Ok(scratchdbg_inspect::why_of_pod(explained.record, explained.template, sources).await)
        }
    }
}

/// Returns the name of the container that is meant by a name which no container has, and says so.
pub(crate) async fn stand_in(
    platform: &Platform,
    name: &str,
    printer: Printer,
) -> Result<Option<String>, CommandError> {
    match platform {
        Platform::Docker(engine) => {
            let meant = engine.stand_in(&name.parse()?).await?;
            Ok(meant
                .inspect(|meant| printer.note(&meant.to_string()))
                .map(|meant| meant.name.to_string()))
        }
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(_) => Ok(None),
    }
}

/// Returns the ids of all containers, but for those of sessions.
pub(crate) async fn all_containers(platform: &Platform) -> Result<Vec<String>, CommandError> {
    match platform {
        Platform::Docker(engine) => {
            let all = Selector { name: Some("*".to_owned()), ..Selector::default() };
            Ok(scratchdbg_backend::LogBackend::select(engine, &all).await?)
        }
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(_) => {
            Err(CommandError::usage("--all is for the containers of an engine")
                .hint("`scratchdbg ps -A` shows the verdicts of all pods"))
        }
    }
}

#[cfg(feature = "kubernetes")]
pub(crate) use scratchdbg_kubernetes::{
    Chosen, ClusterTools, Configured, FindTwin, PodSessions, PodTarget, Twin,
};

/// Returns the sessions on the pods of a cluster. Their messages are printed as notes.
#[cfg(feature = "kubernetes")]
pub(crate) fn pod_sessions(
    platform: &Platform,
    printer: Printer,
) -> Result<PodSessions, CommandError> {
    match platform {
        Platform::Docker(_) => Err(CommandError::usage("pods are in a Kubernetes cluster")),
        Platform::Kubernetes(cluster) => {
            Ok(PodSessions::new(cluster, move |note| printer.note(note)))
        }
    }
}

/// Finds the container that a pod or a workload on the command line stands for. For a workload,
/// selects a running pod, or any pod if `takes_ended`.
#[cfg(feature = "kubernetes")]
pub(crate) async fn choose_container(
    sessions: &PodSessions,
    target: &str,
    options: &KubernetesArgs,
    takes_ended: bool,
) -> Result<Chosen, CommandError> {
    let target = pod_target(target)?;
    Ok(sessions.choose(&target, options.container.as_deref(), takes_ended).await?)
}

/// Returns the least role for these purposes, or for all if there are none.
#[cfg(feature = "kubernetes")]
#[expect(clippy::unnecessary_wraps, reason = "it fails without Kubernetes")]
pub(crate) fn role(
    purposes: &[PurposeArg],
    namespace: Option<&str>,
) -> Result<String, CommandError> {
    use scratchdbg_kubernetes::Purpose;
    let purposes: Vec<Purpose> = purposes
        .iter()
        .map(|purpose| match purpose {
            PurposeArg::Logs => Purpose::Logs,
            PurposeArg::Why => Purpose::Why,
            PurposeArg::Attach => Purpose::Attach,
            PurposeArg::Copy => Purpose::Copy,
        })
        .collect();
    let purposes = if purposes.is_empty() { &Purpose::ALL[..] } else { &purposes };
    Ok(scratchdbg_kubernetes::role(purposes, namespace))
}

/// Reports that this program was built without Kubernetes.
#[cfg(not(feature = "kubernetes"))]
pub(crate) fn role(
    _purposes: &[PurposeArg],
    _namespace: Option<&str>,
) -> Result<String, CommandError> {
    Err(without_kubernetes())
}

/// Parses the name of a pod or a workload.
#[cfg(feature = "kubernetes")]
fn pod_target(text: &str) -> Result<scratchdbg_kubernetes::TargetName, CommandError> {
    text.parse().map_err(invalid)
}

/// Returns the error for a text that names no pod or workload.
#[cfg(feature = "kubernetes")]
fn invalid(error: scratchdbg_kubernetes::InvalidTarget) -> CommandError {
    let is_kind = !matches!(error, scratchdbg_kubernetes::InvalidTarget::Kind { .. });
    let result = CommandError::usage(error.to_string());
    // Most names with a slash are names of images.
    let result = if is_kind { result } else { result.hint(OF_IMAGES) };
    result.hint("pods and workloads are pod/NAME[/CONTAINER], deploy/NAME, sts/NAME, ds/NAME, job/NAME and rs/NAME")
}

/// Reports that this program was built without Kubernetes.
#[cfg(not(feature = "kubernetes"))]
#[expect(clippy::unused_async, reason = "it is asynchronous with Kubernetes")]
pub(crate) async fn connect_to_cluster(
    _options: &KubernetesArgs,
    _environment: &Environment,
    _scope: &Scope,
) -> Result<Platform, CommandError> {
    Err(without_kubernetes())
}

#[cfg(not(feature = "kubernetes"))]
fn without_kubernetes() -> CommandError {
    let error = Error::new(ErrorKind::Unsupported, "this scratchdbg was built without Kubernetes");
    CommandError::from(error.hint("build it with the feature `kubernetes`, which is on by default"))
}

/// Like [`connect`], and probes the target at the same time. A name that no container has is
/// replaced by that of the container that is meant.
pub(crate) async fn connect_and_probe(
    target: &mut SessionTarget,
    global: &Global,
    environment: &Environment,
    scope: &Scope,
    printer: Printer,
) -> Result<(Platform, Probed), CommandError> {
    let SessionTarget::Container(name) = target else {
        return Ok((connect(global, environment, scope).await?, Probed::Docker(None)));
    };
    let connected =
        scratchdbg_docker::Engine::connect_and_probe(endpoint(global, environment).await?, name)
            .await;
    let (engine, probed) =
        connected.map_err(|error| suggest_other_sockets(error.into(), environment))?;
    let platform = Platform::Docker(engine.within(scope));
    if probed.is_none()
        && let Some(meant) = stand_in(&platform, name.as_str(), printer).await?
    {
        *name = meant.parse()?;
    }
    Ok((platform, Probed::Docker(probed)))
}

async fn endpoint(global: &Global, environment: &Environment) -> Result<Endpoint, CommandError> {
    let flags = &environment.docker_flags;
    let files = TlsFiles {
        ca: flags.tls_ca.clone(),
        cert: flags.tls_cert.clone(),
        key: flags.tls_key.clone(),
    };
    let request = EndpointRequest {
        host: global.host.clone(),
        context: global.context.clone(),
        docker_host: environment.docker_host.clone(),
        docker_context: environment.docker_context.clone(),
        tls: environment.docker_tls,
        tls_files: files,
        tls_verify: environment.docker_tls_verify,
        cert_path: environment.docker_cert_path.clone(),
        config_dir: environment.docker_config.clone(),
    };
    blocking(move || Ok(Endpoint::resolve(&request).map_err(scratchdbg_docker::Error::from)?)).await
}

/// Rootless engines listen on other sockets.
fn suggest_other_sockets(error: CommandError, environment: &Environment) -> CommandError {
    let folder = environment.runtime_dir.iter();
    let sockets = folder
        .flat_map(|folder| ["docker.sock", "podman/podman.sock"].map(|name| folder.join(name)));
    match sockets.into_iter().find(|socket| socket.exists()) {
        Some(socket) => {
            error.hint(format!("there is a socket at {}: --host unix://{0}", socket.display()))
        }
        None => error,
    }
}

impl From<scratchdbg_docker::Error> for CommandError {
    fn from(error: scratchdbg_docker::Error) -> Self {
        Error::from(error).into()
    }
}
