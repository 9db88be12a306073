//! Runs work that waits for files on its own thread: a file system that hangs must not block
//! Ctrl-C.

use crate::Error;

/// Runs `work` on a thread for blocking work. If the caller is dropped, the work continues until it
/// or the process ends.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Stopped(error.to_string()))?
}
