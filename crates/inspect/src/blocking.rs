//! Work that waits for files: on a thread of its own, so that a file system that hangs makes nobody deaf to Ctrl-C.

use crate::Error;

/// Runs `work` on a thread for blocking work. When the caller goes away, the work goes on to its end, or to that of the
/// process.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Stopped(error.to_string()))?
}
