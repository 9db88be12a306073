//! Selects the image of keepers on a cluster.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join};
use scratchdbg_backend::launcher::TWIN_BASE;
use scratchdbg_backend::{Error, ErrorKind, ToolSource, ToolsImage};
use tokio::sync::OnceCell;

use super::{PodSessions, PodTarget};
use crate::call::Call;
use crate::client::Client;
use crate::kind::Kind;
use crate::model::Node;

/// Finds the debug twin of the target's image: its reference by digest, or why there is none. The
/// caller implements the access to registries.
pub type FindTwin<'a> = Box<dyn Fn() -> BoxFuture<'a, Result<Twin, Error>> + Send + Sync + 'a>;

/// A debug twin that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// `REPOSITORY@DIGEST`.
    pub reference: String,
    /// The name by which the twin was found.
    pub name: String,
    /// The entrypoint and the arguments that the image sets.
    pub command: (Vec<String>, Vec<String>),
}

/// Selects a toolkit image in a registry that the nodes reach. Nothing is loaded: the node pulls
/// the image.
///
/// The first of these is used: the image that the user named; the debug twin of the target's image,
/// as the node has the credentials for that repository; the image in the configuration file.
pub struct ClusterTools<'a> {
    named: Option<String>,
    find_twin: FindTwin<'a>,
    configured: Configured,
    node: Option<PodNode>,
    found: OnceCell<ToolsImage>,
}

/// The node of a target, and what a twin must have there.
struct PodNode {
    client: Client,
    name: String,
    /// The architecture of the caller's launcher, which a twin is held against.
    launcher: String,
}

/// The toolkit settings of the user's configuration file.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// The toolkit image.
    pub toolkit: Option<String>,
    /// The path of the file, whether or not the file exists.
    pub file: String,
    /// The registry of the target's image, for an example in a hint.
    pub registry: String,
}

impl std::fmt::Debug for ClusterTools<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ClusterTools").field("named", &self.named).finish_non_exhaustive()
    }
}

impl<'a> ClusterTools<'a> {
    /// Uses the image that the user named, or the target's twin, or the configured one, in this
    /// order.
    pub fn new(named: Option<String>, find_twin: FindTwin<'a>, configured: Configured) -> Self {
        Self { named, find_twin, configured, node: None, found: OnceCell::new() }
    }

    /// Uses no twin where the target's node has another architecture than the caller's launcher. A
    /// twin is used by the digest of its image for one platform, and proved by that launcher.
    #[must_use]
    pub fn for_node(self, sessions: &PodSessions, target: &PodTarget, launcher: String) -> Self {
        let (client, name) = (sessions.cluster.client.clone(), target.node().to_owned());
        Self { node: Some(PodNode { client, name, launcher }), ..self }
    }

    /// Finds the twin, and looks at the node in the meantime.
    async fn twin(&self) -> Result<Twin, Error> {
        let Some(node) = &self.node else { return (self.find_twin)().await };
        let (twin, architecture) = join((self.find_twin)(), node.architecture()).await;
        match architecture {
            Some(other) if other != node.launcher => Err(other_architecture(node, &other)),
            _ => twin,
        }
    }

    async fn find(&self) -> Result<ToolsImage, Error> {
        let toolkit = |image: &str, because: String| ToolsImage {
            keeper: image.to_owned(),
            base: "",
            own: None,
            because: Some(because),
            image_command: None,
        };
        if let Some(named) = &self.named {
            return Ok(toolkit(checked(named, "--toolkit")?, "--toolkit names it".to_owned()));
        }
        let why = match self.twin().await {
            Ok(Twin { reference, name, command }) => {
                let because =
                    format!("{name} is the debug twin of the target's image: its layers prove it");
                return Ok(ToolsImage {
                    keeper: reference,
                    base: TWIN_BASE,
                    own: None,
                    because: Some(because),
                    image_command: Some(command),
                });
            }
            Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
            Err(why) => why,
        };
        if let Some(configured) = &self.configured.toolkit {
            let image = checked(configured, &self.configured.file)?;
            return Ok(toolkit(
                image,
                format!("{} names it; no twin is used: {}", self.configured.file, why.message),
            ));
        }
        Err(self.nothing(why))
    }

    /// Adds hints to an error if there is no toolkit image at all.
    fn nothing(&self, why: Error) -> Error {
        let Configured { file, registry, .. } = &self.configured;
        let message = format!(
            "a session on a pod needs a toolkit image that its node can pull. The debug twin of the target's image is one, \
             and it is not to be had: {}",
            why.message
        );
        let error = Error { hints: why.hints, ..Error::new(ErrorKind::Unsupported, message) };
        error
            .hint("`scratchdbg build BINARY --tag IMAGE --output registry` pushes an image with its debug twin")
            .hint(format!(
                "or one toolkit for all: `scratchdbg build --toolkit-only --tag {registry}/toolkit:1 --output registry` pushes \
                 it; then --toolkit {registry}/toolkit:1, or for always kubernetes.toolkit = \
                 \"{registry}/toolkit:1\" in {file}"
            ))
    }
}

impl PodNode {
    /// Returns the architecture, as platforms of images name it. `None` if the user may not read
    /// nodes, which takes a role of the cluster.
    async fn architecture(&self) -> Option<String> {
        let call = Call::get(Kind::Node, "", &self.name);
        let found = self.client.get::<Node>(&call).await;
        let found = found.inspect_err(|error| tracing::debug!(%error, "the node is unknown"));
        Some(found.ok()?.status.node_info.architecture).filter(|name| !name.is_empty())
    }
}

fn other_architecture(node: &PodNode, other: &str) -> Error {
    let PodNode { name, launcher, .. } = node;
    let message = format!(
        "the pod's node {name} is linux/{other}, and the launcher of this scratchdbg is for linux/{launcher}"
    );
    Error::new(ErrorKind::Unsupported, message).hint(format!(
        "a scratchdbg that is built for {other} makes twins and toolkits for that node; --toolkit names such a toolkit here"
    ))
}

/// Refuses a text that cannot be an image for a node.
fn checked<'a>(image: &'a str, origin: &str) -> Result<&'a str, Error> {
    let image = image.trim();
    let problem = if image.is_empty() {
        "it is empty"
    } else if image.starts_with(['/', '.']) || Path::new(image).is_file() {
        "a node cannot use a file of this machine"
    } else {
        return Ok(image);
    };
    Err(Error::new(ErrorKind::Unsupported, format!("{origin} {image}: {problem}")).hint(
        "`scratchdbg build --toolkit-only --tag REGISTRY/NAME:TAG --output registry` pushes a toolkit to a registry that the \
         nodes reach; name it by REGISTRY/NAME:TAG",
    ))
}

impl ToolSource for ClusterTools<'_> {
    async fn stamp(&self) -> Option<String> {
        None
    }

    fn are_named(&self) -> bool {
        self.named.is_some()
    }

    async fn provide(&self, _dry_run: bool) -> Result<ToolsImage, Error> {
        self.found.get_or_try_init(|| self.find()).await.cloned()
    }

    async fn twin_layer(&self) -> Option<String> {
        None
    }

    async fn archive(&self) -> Result<Arc<[u8]>, Error> {
        Err(Error::new(ErrorKind::Unsupported, "nothing is copied into a pod"))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::client::stand_in;

    async fn provided(
        named: Option<&str>,
        twin: bool,
        configured: Option<&str>,
    ) -> Result<ToolsImage, Error> {
        tools(named, twin, configured).provide(false).await
    }

    fn tools(named: Option<&str>, twin: bool, configured: Option<&str>) -> ClusterTools<'static> {
        let find: FindTwin<'_> = Box::new(move || {
            async move {
                let found = Twin {
                    reference: "r.example/app@sha256:1".to_owned(),
                    name: "r.example/app:1-debug".to_owned(),
                    command: (vec!["/app".to_owned()], Vec::new()),
                };
                if twin {
                    Ok(found)
                } else {
                    Err(Error::new(ErrorKind::Broken, "no such image").hint("log in"))
                }
            }
            .boxed()
        });
        let configured = Configured {
            toolkit: configured.map(str::to_owned),
            file: "/home/me/config.toml".to_owned(),
            registry: "r.example".to_owned(),
        };
        ClusterTools::new(named.map(str::to_owned), find, configured)
    }

    #[tokio::test]
    async fn the_toolkit_is_the_named_one_or_the_twin_or_the_configured_one() {
        for (named, twin, configured, image, base, because) in [
            (Some("t:1"), true, Some("c:1"), "t:1", "", "--toolkit"),
            (None, true, Some("c:1"), "r.example/app@sha256:1", TWIN_BASE, "debug twin"),
            (
                None,
                false,
                Some("c:1"),
                "c:1",
                "",
                "config.toml names it; no twin is used: no such image",
            ),
        ] {
            let found = provided(named, twin, configured).await.unwrap();
            assert_eq!((&*found.keeper, found.base), (image, base));
            assert!(
                found.because.as_ref().is_some_and(|words| words.contains(because)),
                "{found:?}"
            );
        }
        let error = provided(None, false, None).await.unwrap_err();
        assert!(error.message.ends_with("no such image"), "{}", error.message);
        let hints = error.hints.join("\n");
        for words in
            ["log in", "--tag IMAGE", "--toolkit r.example/toolkit:1", "/home/me/config.toml"]
        {
            assert!(hints.contains(words), "{words}: {hints}");
        }
        for bad in ["", " ", "/bin/busybox", "./busybox"] {
            assert!(provided(Some(bad), true, None).await.is_err(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_twin_for_another_architecture_than_the_nodes_is_not_used() {
        let node =
            |name: &str| format!(r#"{{"status":{{"nodeInfo":{{"architecture":"{name}"}}}}}}"#);
        for (answers, configured, image) in [
            (&[node("amd64")][..], None, Some("r.example/app@sha256:1")),
            (&[node("arm64")], None, None),
            (&[node("arm64")], Some("c:1"), Some("c:1")),
            // The user may not read nodes, or the node does not tell.
            (&[], None, Some("r.example/app@sha256:1")),
            (&["{}".to_owned()], None, Some("r.example/app@sha256:1")),
        ] {
            let bodies: Vec<&str> = answers.iter().map(String::as_str).collect();
            let client = stand_in::client(stand_in::Answers::of(&bodies)).await;
            let node = PodNode { client, name: "n1".to_owned(), launcher: "amd64".to_owned() };
            let tools = ClusterTools { node: Some(node), ..tools(None, true, configured) };
            let found = tools.provide(false).await.map(|found| found.keeper);
            assert_eq!(found.as_deref().ok(), image, "{answers:?}: {found:?}");
            if let Err(error) = found {
                assert!(error.message.contains("node n1 is linux/arm64"), "{}", error.message);
                assert!(error.hints[0].contains("built for arm64"), "{:?}", error.hints);
            }
        }
    }
}
