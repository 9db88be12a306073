//! Shows the progress of a long operation on a terminal: a bar that appears after a second and
//! disappears at the end.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::printer::Printer;

/// The delay before a bar appears. Shorter operations end before a bar could be read.
const TIMEOUT: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The template of a bar, which is as wide as the terminal.
const STYLE: &str = "{msg} [{wide_bar}] {decimal_bytes} of {decimal_total_bytes}";

/// A progress bar, which disappears on drop.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    task: JoinHandle<()>,
}

impl Progress {
    /// Begins to show how much of `total` bytes is done, as `done` reports. Shows nothing if
    /// standard error is not a terminal, or if the printer is quiet.
    pub fn begin(
        what: impl Into<String>,
        total: u64,
        done: impl Fn() -> u64 + Send + 'static,
        printer: Printer,
    ) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden())
            .with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style.progress_chars("=> "));
        }
        let task = tokio::spawn(show(bar.clone(), done, printer));
        Self { bar, task }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

async fn show(bar: ProgressBar, done: impl Fn() -> u64, printer: Printer) {
    tokio::time::sleep(TIMEOUT).await;
    if printer.is_quiet() {
        return;
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
    loop {
        bar.set_position(done());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
