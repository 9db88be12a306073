//! Who else is in a target's PID namespace.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerInspectResponse;
use futures_util::{StreamExt as _, stream};
use scratchdbg_backend::Neighbor;

use crate::{Engine, Error, SessionPlan, Target, ours};

/// So many containers are looked at at once.
const AT_ONCE: usize = 8;

/// How long a look at one may take. One that cannot be looked at may be anything.
const LOOKS_WITHIN: Duration = Duration::from_secs(15);

/// A container, as far as it matters here.
#[derive(Debug, Clone)]
struct Member {
    name: String,
    /// `HostConfig.PidMode`.
    pid_mode: String,
    capabilities: u64,
    /// It is a keeper of ours, by proof.
    is_keeper: bool,
}

impl Engine {
    /// The containers whose processes see those of the plan's target, whether they run or may be started: those that
    /// join its PID namespace, or one that leads there, that whose namespace it joins, those in the namespace of the host, and
    /// those of which it cannot be told, as what they joined is gone. `the host` stands for the host's own processes.
    pub(super) async fn neighbors_of(&self, plan: &SessionPlan) -> Result<Vec<Neighbor>, Error> {
        let listed = self.list_containers(true, &[]).await?;
        let looks = listed.into_iter().filter_map(|other| other.id).map(|id| self.look_at_member(id));
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        let mut members = HashMap::new();
        while let Some(look) = looks.next().await {
            members.extend(look?);
        }
        // What others join may be left out of the list.
        let joined: Vec<String> =
            members.values().filter_map(|member| joined(&member.pid_mode)).map(str::to_owned).collect();
        for name in joined {
            if find(&members, &name).is_none() {
                members.extend(self.look_at_member(name).await?);
            }
        }
        Ok(neighbors(&members, &plan.view.target_id, &plan.target_pid_mode))
    }

    /// A container by its id; nothing where it is gone.
    async fn look_at_member(&self, id: String) -> Result<Option<(String, Member)>, Error> {
        if id.is_empty() {
            return Ok(None);
        }
        let container = match self.inspect_within(&id, LOOKS_WITHIN).await {
            Ok(container) => container,
            // It went in between.
            Err(error) if error.is_no_such_container() => return Ok(None),
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
        Ok(Some((id, Member { name: member.name, pid_mode: member.pid_mode, capabilities, is_keeper })))
    }

    /// Whether it is a keeper, by all that proves it: a name and labels are anybody's.
    async fn is_keeper(&self, container: &ContainerInspectResponse) -> Result<bool, Error> {
        let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
        if labels.and_then(ours::Marks::read).is_none() {
            return Ok(false);
        }
        let Some(image) = self.image_of(container).await? else { return Ok(false) };
        Ok(matches!(ours::is_ours(container, &image), Some((ours::Role::Keeper { .. }, _))))
    }
}

/// What a `PidMode` joins.
fn joined(pid_mode: &str) -> Option<&str> {
    pid_mode.strip_prefix("container:")
}

/// A container by its id, its name, or the beginning of its id, in the engine's order.
fn find<'a>(members: &'a HashMap<String, Member>, name: &str) -> Option<(&'a String, &'a Member)> {
    let by_name = || members.iter().find(|(_, member)| member.name == name);
    let by_start = || members.iter().find(|(id, _)| !name.is_empty() && id.starts_with(name));
    members.get_key_value(name).or_else(by_name).or_else(by_start)
}

/// Whose PID namespace a container is in.
#[derive(Debug, PartialEq, Eq)]
enum Namespace<'a> {
    Of(&'a str),
    Host,
    /// What it joined is gone, or joined itself: that which could not be found.
    Unknown(&'a str),
}

/// Follows what joins what to its end.
fn namespace<'a>(members: &'a HashMap<String, Member>, id: &'a str, pid_mode: &'a str) -> Namespace<'a> {
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
        // Whoever is root there has nothing to gain.
        Namespace::Host => found.push(Neighbor { name: "the host".to_owned(), capabilities: u64::MAX }),
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
        if theirs == own || matches!(theirs, Namespace::Host | Namespace::Unknown(_)) {
            found.push(Neighbor { name: member.name.clone(), capabilities: member.capabilities });
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ID NAME PID-MODE` each.
    fn of(list: &[(&str, &str, &str)], target: &str, pid_mode: &str) -> Vec<String> {
        let member = |(id, name, pid_mode): &(&str, &str, &str)| {
            let is_keeper = *name == "keeper";
            (
                (*id).to_owned(),
                Member { name: (*name).to_owned(), pid_mode: (*pid_mode).to_owned(), capabilities: 7, is_keeper },
            )
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
            // What it joined is gone: it may be anywhere.
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
        // The target joined what joined another.
        let list = [("t", "web", "container:a"), ("a", "first", "container:b"), ("b", "last", "")];
        assert_eq!(of(&list, "t", "container:a"), ["first", "last"]);
        // The middle is gone.
        let list = [("t", "web", ""), ("c", "third", "container:gone")];
        assert_eq!(of(&list, "t", ""), ["third"]);
        let list = [("t", "web", "container:gone"), ("e", "alone", "")];
        assert_eq!(of(&list, "t", "container:gone"), ["gone, which is gone"]);
        let list = [("t", "web", "host"), ("e", "alone", ""), ("f", "far", "container:t")];
        assert_eq!(of(&list, "t", "host"), ["far", "the host"]);
    }
}
