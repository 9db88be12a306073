//! Protects a session from neighbors that could gain its rights.
//!
//! A session as root in a container of another user has more rights than its keeper can have. A
//! sidecar can have more rights than the target. Both are refused if the target or another
//! container in its PID namespace could use those rights.

use scratchdbg_backend::{Error, ErrorKind, Exec, How, Neighbor, Plan, SessionBackend};
use scratchdbg_diagnose::capability;

use crate::user::{Notice, User};

/// Refuses a session whose rights a neighbor could gain, unless the user trusts the neighbors.
pub(crate) async fn check<B: SessionBackend>(
    backend: &B,
    plan: &B::Plan,
    are_trusted: bool,
    user: &impl User,
) -> Result<(), Error> {
    let view: &Plan = plan.as_ref();
    if !matter(view) {
        return Ok(());
    }
    if are_trusted {
        user.tell(Notice::Trusts(view));
        return Ok(());
    }
    look(backend, plan, are_trusted).await?;
    if matches!(view.how, How::Exec(_)) {
        user.tell(Notice::OutranksKeeper(view));
    }
    Ok(())
}

/// Like [`check`], without a word to the user.
pub(crate) async fn look<B: SessionBackend>(
    backend: &B,
    plan: &B::Plan,
    are_trusted: bool,
) -> Result<(), Error> {
    let view: &Plan = plan.as_ref();
    if are_trusted || !matter(view) {
        return Ok(());
    }
    refusal(view, &backend.neighbors(plan).await?).map_or(Ok(()), Err)
}

/// Whether neighbors could gain a right by this session.
fn matter(plan: &Plan) -> bool {
    match &plan.how {
        How::Exec(Exec { outranks_keeper, .. }) => *outranks_keeper,
        How::Sidecar(sidecar) => !sidecar.capabilities.is_empty(),
        How::Copy(_) => false,
    }
}

/// Returns why a session beside these neighbors is refused, if it is.
fn refusal(plan: &Plan, neighbors: &[Neighbor]) -> Option<Error> {
    let name = &plan.target_name;
    let quoted = |neighbor: &Neighbor| format!("`{}`", neighbor.name);
    match &plan.how {
        How::Copy(_) => None,
        How::Exec(_) => {
            let shown: Vec<_> = neighbors.iter().map(quoted).collect();
            (!shown.is_empty()).then(|| {
                let message = format!(
                    "a session as root in `{name}`, whose own user is not root, gets its capabilities only at its start: \
                     until then, a container in the same PID namespace could take its place ({})",
                    shown.join(", ")
                );
                Error::new(ErrorKind::Unsupported, message)
                    .hint("without -u, the session runs as the target's own user; --trust-neighbors starts it anyway")
            })
        }
        How::Sidecar(sidecar) => {
            let is_gain = |bounding_set| is_gain(&sidecar.capabilities, bounding_set);
            let itself = is_gain(plan.target_capabilities).then(|| format!("`{name}` itself"));
            let others =
                neighbors.iter().filter(|neighbor| is_gain(neighbor.capabilities)).map(quoted);
            let tracers: Vec<_> = itself.into_iter().chain(others).collect();
            (!tracers.is_empty()).then(|| {
                let message = format!(
                    "a sidecar of `{name}` with {} could be traced, and its capabilities taken, by a container with SYS_PTRACE \
                     in the same PID namespace ({})",
                    sidecar.capabilities.join(", "),
                    tracers.join(", ")
                );
                Error::new(ErrorKind::Unsupported, message)
                    .hint("use -u, or --cap-add with only the capabilities that those have; --trust-neighbors starts it anyway")
            })
        }
    }
}

/// Whether a process with this bounding set could take over a sidecar with these capabilities, and
/// would gain a capability by it. `SYS_PTRACE` allows tracing every visible process.
fn is_gain(capabilities: &[String], bounding_set: u64) -> bool {
    let none = ["ALL".to_owned()];
    let tracer = capability::bounding_set(false, &["SYS_PTRACE".to_owned()], &none);
    let lent = capability::bounding_set(false, capabilities, &none);
    bounding_set & tracer != 0 && lent & !bounding_set != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_is_no_gain_to_who_could_not_trace_it() {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let set = |add: &[&str]| capability::bounding_set(false, &list(add), &[]);
        for (lent, bounding_set, gain) in [
            (&["SYS_PTRACE"][..], set(&[]), false),
            (&["SYS_PTRACE"], set(&["SYS_PTRACE"]), false),
            (&["NET_ADMIN"], set(&[]), false),
            (&["NET_ADMIN"], set(&["SYS_PTRACE"]), true),
            (&["ALL"], set(&["SYS_PTRACE"]), true),
            (&["NET_ADMIN"], set(&["SYS_PTRACE", "CAP_NET_ADMIN"]), false),
            (&["CAP_DAC_READ_SEARCH"], set(&["sys_ptrace"]), true),
            (&["ALL"], set(&["ALL"]), false),
        ] {
            assert_eq!(is_gain(&list(lent), bounding_set), gain, "{lent:?} {bounding_set:x}");
        }
    }
}
