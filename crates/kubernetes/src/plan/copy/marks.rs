//! The marks of a copy: its name, label, annotation and command line.

use scratchdbg_backend::launcher::TWIN_BASE;

use crate::model::Pod;
use crate::plan::keeper;

/// The label of a copy. Its value is the id of the session.
pub(crate) const LABEL_SESSION: &str = "io.scratchdbg.session";
/// The annotation that names the original: its pod and container.
pub(super) const TARGET: &str = "io.scratchdbg.target";

/// Separates the name of the original and the id of the session.
const NAME_MIDDLE: &str = "-scratchdbg-";

/// The longest pod name that is also a host name.
const LONGEST_NAME: usize = 63;

/// Returns the name of a session's copy.
pub(super) fn name(original: &str, session: &str) -> String {
    let room = LONGEST_NAME - NAME_MIDDLE.len() - session.len();
    let cut: String = original.chars().take(room).collect();
    format!("{}{NAME_MIDDLE}{session}", cut.trim_end_matches(['-', '.']))
}

/// A pod that is a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownCopy<'a> {
    /// The id of its session.
    pub(crate) session: &'a str,
    /// The original: `pod/NAME/CONTAINER`.
    pub(crate) target: &'a str,
    /// The container of the copy.
    pub(crate) container: &'a str,
}

/// Recognizes a copy by its name, label, annotation and command line. Only users who may create
/// pods can set all of them.
pub(crate) fn recognize(pod: &Pod) -> Option<KnownCopy<'_>> {
    let session = &**pod.metadata.labels.get(LABEL_SESSION)?;
    let target = &**pod.metadata.annotations.get(TARGET)?;
    let [container] = &pod.spec.containers[..] else { return None };
    let [program] = &container.command[..] else { return None };
    let (served, linger) = keeper::arguments(&container.args)?;
    let is_ours = keeper::is_id(session)
        && pod.metadata.name.ends_with(&format!("{NAME_MIDDLE}{session}"))
        && served == session
        && linger.is_none()
        && *program == keeper::program(TWIN_BASE)
        && pod.spec.restart_policy == "Never";
    is_ours.then_some(KnownCopy { session, target, container: &container.name })
}
