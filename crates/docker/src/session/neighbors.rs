//! Finds the other containers in a target's PID namespace.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use futures_util::{StreamExt as _, stream};
use scratchdbg_backend::Neighbor;

use crate::{Engine, Error, SessionPlan, Target, ours};

/// The number of concurrent inspections.
const CONCURRENCY: usize = 8;

/// The time limit for inspecting one container. A session is refused if one cannot be inspected.
const INSPECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The facts about a container that matter here.
#[derive(Debug, Clone)]
struct Member {
    name: String,
    /// `HostConfig.PidMode`.
    pid_mode: String,
    capabilities: u64,
    /// Whether the container has processes now.
    has_processes: bool,
    /// Whether the container is verified to be a keeper of scratchdbg.
    is_keeper: bool,
}

impl Engine {
    /// Returns the containers whose processes share the PID namespace of the plan's target, running
    /// ones and those that may be started. These are containers that join the target's namespace,
    /// directly or through others; the container whose namespace the target joins; those in the
    /// host's namespace; and running ones whose namespace is unknown, because the container that
    /// they joined is gone (such a container cannot be started). `the host` stands for the host's
    /// own processes.
    pub(super) async fn neighbors_of(&self, plan: &SessionPlan) -> Result<Vec<Neighbor>, Error> {
        let listed = self.list_containers(true, &[]).await?;
        let looks = listed.into_iter().map(|other| {
            let names = other.names.unwrap_or_default();
            let name = names.first().map_or("", |name| name.trim_start_matches('/')).to_owned();
            self.inspect_member(other.id.unwrap_or_default(), name, plan)
        });
        let mut looks = stream::iter(looks).buffer_unordered(CONCURRENCY);
        let mut members = HashMap::new();
        while let Some(look) = looks.next().await {
            members.extend(look?);
        }
        // The list may lack containers that others join.
        let joined: Vec<String> = members
            .values()
            .filter_map(|member| joined(&member.pid_mode))
            .map(str::to_owned)
            .collect();
        for name in joined {
            if find(&members, &name).is_none() {
                members.extend(self.inspect_member(name.clone(), name, plan).await?);
            }
        }
        Ok(neighbors(&members, &plan.view.target_id, &plan.target_pid_mode))
    }

    /// Inspects a container by its id. Returns `None` if it is gone. `name` is for an error.
    async fn inspect_member(
        &self,
        id: String,
        name: String,
        plan: &SessionPlan,
    ) -> Result<Option<(String, Member)>, Error> {
        if id.is_empty() {
            return Ok(None);
        }
        let container = match self.inspect_within(&id, INSPECT_TIMEOUT).await {
            Ok(container) => container,
            // The container was removed in the meantime.
            Err(error) if error.is_no_such_container() => return Ok(None),
            // One container that the engine cannot describe concerns sessions in all others.
            Err(Error::Unending { .. }) if id != plan.view.target_id => {
                let neighbor = if name.is_empty() { id } else { name };
                return Err(Error::UnknownNeighbor {
                    neighbor,
                    target: plan.view.target_name.clone(),
                });
            }
            Err(error) => return Err(error),
        };
        let is_keeper = self.is_keeper(&container).await?;
        let id = container.id.clone().unwrap_or(id);
        let member = Target::from_inspect(container);
        let capabilities = scratchdbg_diagnose::capability::bounding_set(
            member.privileged,
            &member.added_capabilities,
            &member.dropped_capabilities,
        );
        let has_processes = member.state.has_processes();
        let member = Member {
            name: member.name,
            pid_mode: member.pid_mode,
            capabilities,
            has_processes,
            is_keeper,
        };
        Ok(Some((id, member)))
    }

    /// Whether the container is verified to be a keeper: any container can have its name and
    /// labels.
    async fn is_keeper(&self, container: &ContainerInspectResponse) -> Result<bool, Error> {
        let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
        if labels.and_then(ours::Marks::read).is_none() {
            return Ok(false);
        }
        let image = self.image_of(container).await?;
        Ok(matches!(ours::is_ours(container, image.as_ref()), Some((ours::Role::Keeper { .. }, _))))
    }
}

/// Returns the container that a `PidMode` joins.
fn joined(pid_mode: &str) -> Option<&str> {
    pid_mode.strip_prefix("container:")
}

/// Finds a container by its id, its name, or a prefix of its id, in the engine's order.
fn find<'a>(members: &'a HashMap<String, Member>, name: &str) -> Option<(&'a String, &'a Member)> {
    let by_name = || members.iter().find(|(_, member)| member.name == name);
    let by_start = || members.iter().find(|(id, _)| !name.is_empty() && id.starts_with(name));
    members.get_key_value(name).or_else(by_name).or_else(by_start)
}

/// The PID namespace of a container.
#[derive(Debug, PartialEq, Eq)]
enum Namespace<'a> {
    Of(&'a str),
    Host,
    /// Unknown: the chain of joined containers leads to this container, which was not found, or in
    /// a circle.
    Unknown(&'a str),
}

/// Follows the chain of joined containers to its end.
fn namespace<'a>(
    members: &'a HashMap<String, Member>,
    id: &'a str,
    pid_mode: &'a str,
) -> Namespace<'a> {
    let (mut id, mut pid_mode) = (id, pid_mode);
    for _ in 0..=members.len() {
        let Some(other) = joined(pid_mode) else {
            return if pid_mode == "host" { Namespace::Host } else { Namespace::Of(id) };
        };
        let Some((next, member)) = find(members, other) else { return Namespace::Unknown(other) };
        (id, pid_mode) = (next, &member.pid_mode);
    }
    Namespace::Unknown(pid_mode)
}

fn neighbors(members: &HashMap<String, Member>, target: &str, pid_mode: &str) -> Vec<Neighbor> {
    let own = namespace(members, target, pid_mode);
    let mut found = Vec::new();
    match own {
        // Root on the host has nothing to gain.
        Namespace::Host => {
            found.push(Neighbor { name: "the host".to_owned(), capabilities: u64::MAX });
        }
        Namespace::Unknown(other) => {
            let tracer = ["SYS_PTRACE".to_owned()];
            let capabilities = scratchdbg_diagnose::capability::bounding_set(false, &tracer, &[]);
            let name = other.chars().take(12).collect::<String>() + ", which is gone";
            found.push(Neighbor { name, capabilities });
        }
        Namespace::Of(_) => {}
    }
    for (id, member) in members.iter().filter(|(id, member)| *id != target && !member.is_keeper) {
        let theirs = namespace(members, id, &member.pid_mode);
        let may_be_near = match theirs {
            Namespace::Host => true,
            Namespace::Unknown(_) => member.has_processes,
            Namespace::Of(_) => theirs == own,
        };
        if may_be_near {
            found.push(Neighbor { name: member.name.clone(), capabilities: member.capabilities });
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each entry is `ID NAME PID-MODE`.
    fn of(list: &[(&str, &str, &str)], target: &str, pid_mode: &str) -> Vec<String> {
        let member = |(id, name, pid_mode): &(&str, &str, &str)| {
            let is_keeper = *name == "keeper";
            let has_processes = *name != "ended";
            let (name, pid_mode) = ((*name).to_owned(), (*pid_mode).to_owned());
            ((*id).to_owned(), Member { name, pid_mode, capabilities: 7, has_processes, is_keeper })
        };
        let members = list.iter().map(member).collect();
        neighbors(&members, target, pid_mode).into_iter().map(|neighbor| neighbor.name).collect()
    }

    #[test]
    fn who_sees_the_targets_processes() {
        for (pid_mode, expected) in [
            ("", false),
            ("private", false),
            ("host", true),
            ("container:0123", true),
            ("container:012", true),
            ("container:web", true),
            ("container:other", false),
            // The joined container is gone, so the namespace is unknown.
            ("container:gone", true),
            ("container:", true),
            ("container:n1", true),
        ] {
            let list = [("0123", "web", ""), ("9999", "other", ""), ("n1", "near", pid_mode)];
            assert_eq!(!of(&list, "0123", "").is_empty(), expected, "{pid_mode:?}");
        }
    }

    #[test]
    fn what_leads_to_a_namespace_is_followed_to_its_end() {
        let list = [
            ("t", "web", "container:a"),
            ("a", "first", ""),
            ("b", "second", "container:t"),
            ("c", "third", "container:second"),
            ("d", "elsewhere", "container:e"),
            ("e", "alone", ""),
            ("k", "keeper", "container:t"),
        ];
        assert_eq!(of(&list, "t", "container:a"), ["first", "second", "third"]);
        // The target joined a container that joined another.
        let list = [("t", "web", "container:a"), ("a", "first", "container:b"), ("b", "last", "")];
        assert_eq!(of(&list, "t", "container:a"), ["first", "last"]);
        // The middle of the chain is gone.
        let list = [("t", "web", ""), ("c", "third", "container:gone")];
        assert_eq!(of(&list, "t", ""), ["third"]);
        // The container cannot be started.
        let list = [("t", "web", ""), ("c", "ended", "container:gone")];
        assert_eq!(of(&list, "t", ""), [""; 0]);
        let list = [("t", "web", ""), ("c", "ended", "container:t")];
        assert_eq!(of(&list, "t", ""), ["ended"]);
        let list = [("t", "web", "container:gone"), ("e", "alone", "")];
        assert_eq!(of(&list, "t", "container:gone"), ["gone, which is gone"]);
        let list = [("t", "web", "host"), ("e", "alone", ""), ("f", "far", "container:t")];
        assert_eq!(of(&list, "t", "host"), ["far", "the host"]);
    }
}
