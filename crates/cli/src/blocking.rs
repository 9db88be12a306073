//! Runs work that waits for files on a separate thread, so that a hanging file system does not
//! prevent Ctrl-C from working.

use crate::error::CommandError;

/// Runs `work` on a thread for blocking work. If the caller is dropped, the work continues until it
/// or the process ends.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CommandError> + Send + 'static,
) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CommandError::new(error.to_string()))?
}
