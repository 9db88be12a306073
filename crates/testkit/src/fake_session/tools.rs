//! Tools that every platform has.

use std::sync::Arc;

use scratchdbg_backend::{Error, ToolSource, ToolsImage};

/// Tools that are available already.
#[derive(Debug, Clone, Copy)]
pub struct FakeTools;

impl ToolSource for FakeTools {
    async fn stamp(&self) -> Option<String> {
        Some("stamp".to_owned())
    }

    fn are_named(&self) -> bool {
        false
    }

    async fn provide(&self, _: bool) -> Result<ToolsImage, Error> {
        Ok(ToolsImage {
            keeper: "tools".to_owned(),
            base: "",
            own: None,
            because: None,
            image_command: None,
        })
    }

    async fn twin_layer(&self) -> Option<String> {
        None
    }

    async fn archive(&self) -> Result<Arc<[u8]>, Error> {
        Ok(Arc::new([]))
    }
}
