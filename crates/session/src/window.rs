//! The size of the session's terminal.

use std::time::Duration;

use scratchdbg_backend::{Probe, Window};
use tokio::sync::watch;

/// How many times the first resize is tried. Platforms start to answer before the process, and with
/// it the terminal, exists.
const RESIZE_ATTEMPTS: u32 = 10;

/// Resizes the process's terminal to the size of the client's, initially and at each change.
pub(crate) async fn follow_window(
    process: &impl Probe,
    mut windows: watch::Receiver<Option<Window>>,
) {
    loop {
        let window = *windows.borrow_and_update();
        // A terminal that reports 0×0 does not know its size.
        if let Some(window) = window.filter(|window| window.columns > 0 && window.rows > 0) {
            for attempt in 1..=RESIZE_ATTEMPTS {
                match process.resize(window).await {
                    Ok(()) => break,
                    Err(error) => tracing::debug!(%error, attempt, "cannot resize yet"),
                }
                tokio::time::sleep(Duration::from_millis(10) * attempt).await;
            }
        }
        if windows.changed().await.is_err() {
            return;
        }
    }
}
