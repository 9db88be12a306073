//! `stop-signal-unknown`.

use crate::code::Code;
use crate::config::ConfigFacts;
use crate::exit_code::signal_number;
use crate::finding::{Finding, Severity};

pub(super) fn check(config: &ConfigFacts) -> Option<Finding> {
    let signal = config.stop_signal.as_str();
    if signal.is_empty() || signal_number(signal).is_some() {
        return None;
    }
    // Engines accept any number but 0. They learn that it is not a signal when the kernel refuses
    // to send it.
    let is_sent = signal.parse::<i32>().is_ok_and(|number| number != 0);
    let (severity, message) = if is_sent {
        (
            Severity::Warning,
            format!(
                "there is no signal {signal}: a stop sends it in vain, and then kills the program"
            ),
        )
    } else {
        (
            Severity::Error,
            format!(
                "there is no signal {signal:?}: Docker does not build the image and Podman does not run it (\"invalid \
                 signal\"); if it runs, SIGTERM is sent instead"
            ),
        )
    };
    Some(
        Finding::new(Code::StopSignalUnknown, severity, message)
            .evidence(format!("StopSignal: {signal}"))
            .fix("name one as `kill -l` does: STOPSIGNAL SIGTERM, --stop-signal SIGTERM"),
    )
}
