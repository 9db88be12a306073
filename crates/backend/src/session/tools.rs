//! The tools of sessions: where they come from, and where their images are stored.

use std::sync::Arc;

use crate::{Error, ImageBackend};

/// The images with a session's tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolsImage {
    /// The image of the keeper.
    pub keeper: String,
    /// The folder of that image that has the tools: empty for the root itself, as in a toolkit
    /// image.
    pub base: &'static str,
    /// An image chosen by the user, whose tools need not be static.
    pub own: Option<String>,
    /// Why it is this image, where a user may wonder.
    pub because: Option<String>,
    /// The entrypoint and the arguments that the target's image sets, if it was looked into.
    pub image_command: Option<(Vec<String>, Vec<String>)>,
}

/// Provides the tools of a session. Implemented by `scratchdbg-session`.
pub trait ToolSource: Sync {
    /// Identifies these tools without reading them. Returns `None` if that is not possible.
    fn stamp(&self) -> impl Future<Output = Option<String>> + Send;

    /// Whether the user named the tools.
    fn are_named(&self) -> bool;

    /// Ensures that the platform has the images, unless `dry_run`.
    fn provide(&self, dry_run: bool) -> impl Future<Output = Result<ToolsImage, Error>> + Send;

    /// Returns the digest of the tools layer that a debug twin made with these tools has.
    fn twin_layer(&self) -> impl Future<Output = Option<String>> + Send;

    /// Returns the files as a tar archive, for a container that is created from another image.
    fn archive(&self) -> impl Future<Output = Result<Arc<[u8]>, Error>> + Send;
}

/// A file of a toolkit image's folder of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTool {
    /// Its names: paths below the folder.
    pub names: Vec<String>,
    /// Whether somebody may execute it.
    pub is_program: bool,
    /// The content.
    pub bytes: Vec<u8>,
}

/// A platform that toolkit images are read from and loaded into.
pub trait ToolStore: ImageBackend + Clone + Send + Sync + 'static {
    /// Whether this reference names a toolkit image with exactly this layer and no settings of its
    /// own.
    fn has_toolkit(
        &self,
        reference: &str,
        layer: &str,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Lists the images that may contain a busybox.
    fn images_with_busybox(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Reads a file of an image. Returns `None` if the image has no such file.
    fn file_of_image(
        &self,
        image: &str,
        path: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;

    /// Reads the folder of tools of an image that has the form of a toolkit image, whoever made it.
    /// Returns nothing for any other image.
    fn tools_of_image(
        &self,
        image: &str,
    ) -> impl Future<Output = Result<Vec<ImageTool>, Error>> + Send;
}
