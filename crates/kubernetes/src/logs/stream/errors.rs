//! Why a log, or a part of it, cannot be read.

use jiff::Timestamp;
use scratchdbg_backend::{Error, ErrorKind};

use super::super::framer::Words;
use super::super::missing_file;
use super::super::parts::Facts;
use crate::container_id::ContainerId;

pub(super) fn node_says(words: &Words) -> Error {
    if missing_file::is_told(words.0.as_bytes()) {
        let message = "the node has no file of this log: it has removed it, or has not made it yet";
        return Error::new(ErrorKind::Broken, message);
    }
    let words = if words.0.is_empty() { "nothing that is understood" } else { &words.0 };
    Error::new(ErrorKind::Broken, format!("the node says instead of the log: {words}"))
}

pub(super) fn rotated_away(id: &ContainerId, first: Timestamp) -> Error {
    let message = format!(
        "lines of `{}` before {first:.3} are missing: its node has rotated the log, and gives the newest file only",
        id.pod
    );
    Error::new(ErrorKind::Broken, message)
}

pub(super) fn not_started(id: &ContainerId, facts: &Facts) -> Error {
    let reason = facts.waits_for.as_deref().unwrap_or("it has not run");
    let ContainerId { namespace, pod, container, .. } = id;
    let message = format!(
        "container `{container}` of pod `{pod}` has not started, so it has no log: {reason}"
    );
    Error::new(ErrorKind::Refused, message).hint(format!(
        "`kubectl describe pod {pod} --namespace {namespace}` shows why it does not start"
    ))
}
