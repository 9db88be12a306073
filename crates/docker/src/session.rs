//! Debug sessions in an engine: the containers, exec and streams of one session, and the list of
//! all.

mod backend;
mod connection;
mod container;
mod copy;
mod detach;
mod exec;
mod exit_waiter;
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
mod throwaway;

use bollard::models::HostConfig;

pub(crate) use self::detach::are_detach_keys;
pub use self::keeper::Keeper;
pub(crate) use self::lingering::{LingeringKeeper, keepers_that_wait};
pub use self::output::ProcessOutput;
pub use self::probe::ProcessProbe;
pub use self::process::Process;
pub use self::throwaway::{ShownCommands, Throwaway};
use crate::SessionPlan;
use crate::containers::unprivileged;
use crate::plan::ModePlan;

/// Returns the settings of a container that shares namespaces with the target, or signals a
/// container that does: no privileges, and the settings that the kernel requires processes to have
/// in common.
///
/// With the target's rights, the container also gets the target's seccomp profile: a process that
/// may trace the container can make system calls through it.
fn beside_target(plan: &SessionPlan, with_its_rights: bool) -> HostConfig {
    let mut config = unprivileged();
    // The keeper of a copy gets no profile that the copy does not get.
    let given = |profile: &&String| match &plan.mode_plan {
        ModePlan::Copy { settings, .. } => settings.security_options.contains(profile),
        ModePlan::Exec { .. } | ModePlan::Sidecar { .. } => true,
    };
    let seccomp = plan.seccomp.iter().filter(|profile| with_its_rights && given(profile));
    config
        .security_opt
        .get_or_insert_default()
        .extend(plan.view.security_options.iter().chain(seccomp).cloned());
    config.userns_mode.clone_from(&plan.user_namespace);
    config
}
