//! The image that keepers on a cluster are made from.

use std::path::Path;
use std::sync::Arc;

use scratchdbg_backend::{Error, ErrorKind, ToolSource, ToolsImage};

/// A toolkit image in a registry that the nodes reach. Nothing is loaded: the node pulls it.
#[derive(Debug, Clone)]
pub struct ClusterTools {
    image: Option<String>,
}

impl ClusterTools {
    /// Uses the image that the user named.
    pub fn new(named: Option<String>) -> Self {
        Self { image: named }
    }
}

const MAKE_ONE: &str = "`scratchdbg build --toolkit-only --tag REGISTRY/NAME:TAG --output registry` pushes one, to a registry that \
                        the nodes reach; then `--toolkit REGISTRY/NAME:TAG`";

impl ToolSource for ClusterTools {
    async fn stamp(&self) -> Option<String> {
        None
    }

    fn are_named(&self) -> bool {
        self.image.is_some()
    }

    async fn provide(&self, _dry_run: bool) -> Result<ToolsImage, Error> {
        let Some(image) = self.image.as_deref().map(str::trim).filter(|image| !image.is_empty()) else {
            let message = "a session on a pod needs a toolkit image that its node can pull: name one with --toolkit";
            return Err(Error::new(ErrorKind::Unsupported, message).hint(MAKE_ONE));
        };
        if image.starts_with(['/', '.']) || Path::new(image).is_file() {
            let message = format!("--toolkit {image}: a node cannot use a file of this machine");
            return Err(Error::new(ErrorKind::Unsupported, message).hint(MAKE_ONE));
        }
        Ok(ToolsImage { keeper: image.to_owned(), own: None })
    }

    async fn twin_layer(&self) -> Option<String> {
        None
    }

    async fn archive(&self) -> Result<Arc<[u8]>, Error> {
        Err(Error::new(ErrorKind::Unsupported, "nothing is copied into a pod"))
    }
}
