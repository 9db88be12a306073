//! The object that an error of the engine is about, as the container's configuration names it: a
//! mount, a network, another container.

use crate::code::Code;
use crate::container::ContainerFacts;
use crate::finding::{Finding, Severity};
use crate::mounts::MountKind;

/// The kernel's file systems, which a runtime needs in their place.
const KERNEL_FILESYSTEMS: &[&str] = &["/proc", "/sys", "/dev"];

/// A mount of the container that replaces one of the kernel's file systems, if the runtime missed
/// something on it.
pub(super) fn covers_the_kernels(facts: &ContainerFacts<'_>, said: &Finding) -> Option<Finding> {
    let misses = |place: &str| said.evidence.iter().any(|line| line.contains(&format!("{place}/")));
    let mount = facts.mounts.iter().find(|mount| {
        KERNEL_FILESYSTEMS.contains(&mount.destination.as_str())
            && mount.kind != MountKind::Other
            && misses(&mount.destination)
    })?;
    let place = &mount.destination;
    let mut finding = Finding::new(
        Code::MountFailed,
        Severity::Error,
        format!(
            "{} stands in place of the kernel's {place}, which the runtime needs there",
            mount.describe()
        ),
    )
    .fix(format!("mount it elsewhere, and leave {place} to the engine"));
    finding.evidence.clone_from(&said.evidence);
    Some(finding)
}

/// Returns the name of the network in an error: engines report its id or its name.
pub(super) fn network_name(facts: &ContainerFacts<'_>, said: &Finding) -> Option<String> {
    let words = || said.evidence.iter().flat_map(|line| line.split([' ', '"', '\'', ',', ':']));
    let says = |text: &str| !text.is_empty() && words().any(|word| word == text);
    let networks = &facts.options.networks;
    if !networks.is_empty() {
        return networks
            .iter()
            .find(|(name, id)| says(id) || says(name))
            .map(|(name, _)| name.clone());
    }
    let mode = facts.options.network_mode.as_str();
    let is_built_in = matches!(mode, "" | "default" | "bridge" | "host" | "none")
        || mode.starts_with("container:");
    (!is_built_in).then(|| mode.to_owned())
}

/// Names the container whose namespaces this one joins, as in the configuration.
pub(super) fn peer_missing(facts: &ContainerFacts<'_>, said: &Finding) -> Finding {
    let modes = [
        ("network", &facts.options.network_mode),
        ("processes", &facts.options.pid_mode),
        ("IPC", &facts.options.ipc_mode),
    ];
    let joined: Vec<_> = modes
        .iter()
        .filter_map(|(what, mode)| Some((*what, mode.strip_prefix("container:")?)))
        .collect();
    // If there are several, use the one in the error.
    let named =
        joined.iter().find(|(_, peer)| said.evidence.iter().any(|line| line.contains(*peer)));
    let Some((what, peer)) = named.or(joined.first()) else { return said.clone() };
    let short = if peer.len() == 64 { &peer[..peer.floor_char_boundary(12)] } else { peer };
    let mut finding = Finding::new(
        Code::PeerMissing,
        Severity::Error,
        format!("the container {short}, whose {what} this one shares, is gone or does not run"),
    )
    .fix(format!(
        "start that one first ({short}); where it was removed, this one must be made anew too, since it knows the other by its id"
    ));
    finding.evidence.clone_from(&said.evidence);
    finding
}
