//! Signals that ask the whole command to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for Ctrl-C and its kin. From here on they no longer kill the process: each command ends by itself, so that
/// nothing is left behind.
#[derive(Debug)]
pub(crate) struct Interrupts {
    signals: [(SignalKind, Signal); 4],
}

impl Interrupts {
    /// Begins to listen.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let open = |kind| Ok::<_, std::io::Error>((kind, signal(kind)?));
        let signals = [
            open(SignalKind::interrupt())?,
            open(SignalKind::terminate())?,
            open(SignalKind::hangup())?,
            open(SignalKind::quit())?,
        ];
        Ok(Self { signals })
    }

    /// Waits for a signal, and returns the exit code that it stands for: 128+n.
    pub(crate) async fn next(&mut self) -> u8 {
        let [interrupt, terminate, hangup, quit] = &mut self.signals;
        let kind = tokio::select! {
            _ = interrupt.1.recv() => interrupt.0,
            _ = terminate.1.recv() => terminate.0,
            _ = hangup.1.recv() => hangup.0,
            _ = quit.1.recv() => quit.0,
        };
        u8::try_from(128 + kind.as_raw_value()).unwrap_or(u8::MAX)
    }
}
