//! Debug sessions in an engine: the containers, the exec and the streams of one, and what there is of others.

mod backend;
mod connection;
mod container;
mod copy;
mod detach;
mod exec;
mod inventory;
mod keeper;
mod leftover;
mod lingering;
mod neighbors;
mod opening;
mod output;
mod probe;
mod process;
mod registry;
mod removal;
mod throwaway;

use bollard::models::HostConfig;

pub use self::detach::are_detach_keys;
pub use self::keeper::Keeper;
pub(crate) use self::lingering::{LingeringKeeper, keepers_that_wait};
pub use self::output::ProcessOutput;
pub use self::probe::ProcessProbe;
pub use self::process::Process;
pub use self::throwaway::Throwaway;
use crate::SessionPlan;
use crate::containers::unprivileged;
use crate::plan::Way;

/// What a container has that is to share namespaces with the target, or to signal what does: no privilege, and what the
/// kernel wants processes to have in common for that.
///
/// With the target's rights, it has the target's own seccomp profile too: who may trace it makes system calls in it.
fn beside_target(plan: &SessionPlan, with_its_rights: bool) -> HostConfig {
    let mut config = unprivileged();
    // Beside a copy nobody has a profile that the copy is not given.
    let given = |profile: &&String| match &plan.way {
        Way::Copy { settings, .. } => settings.security_options.contains(profile),
        Way::Exec { .. } | Way::Sidecar { .. } => true,
    };
    let seccomp = plan.seccomp.iter().filter(|profile| with_its_rights && given(profile));
    config.security_opt.get_or_insert_default().extend(plan.view.security_options.iter().chain(seccomp).cloned());
    config.userns_mode.clone_from(&plan.user_namespace);
    config
}
