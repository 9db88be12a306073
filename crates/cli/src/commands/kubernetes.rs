//! `kubernetes`: prints what scratchdbg needs on a cluster.

use crate::context::Context;
use crate::error::Outcome;
use crate::platform;
use scratchdbg_args::KubernetesCommand;

pub(crate) fn kubernetes(command: &KubernetesCommand, context: &Context) -> Outcome {
    let KubernetesCommand::Role { purposes, namespace } = command;
    let role = platform::role(purposes, namespace.as_deref())?;
    role.lines().try_for_each(|line| context.printer.line(line))?;
    Ok(0)
}
