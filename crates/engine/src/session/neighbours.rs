//! Who else is in a target's PID namespace.

use futures_util::{StreamExt as _, stream};

use crate::{Engine, Error, Plan, ours};

/// So many containers are looked at at once.
const AT_ONCE: usize = 8;

impl Engine {
    /// The containers whose processes see those of the plan's target, by name, whether they run or may be started: those that
    /// join its PID namespace, that whose namespace it joins, and those in the namespace of the host. `the host` stands for the
    /// host's own processes.
    pub async fn neighbours(&self, plan: &Plan) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        match plan.target_pid_mode.split_once(':') {
            Some(("container", other)) => found.push(other.chars().take(12).collect()),
            None if plan.target_pid_mode == "host" => found.push("the host".to_owned()),
            _ => {}
        }
        let others = self.list_containers(true, &[]).await?;
        let others = others
            .into_iter()
            .filter(|other| other.id.as_deref() != Some(&plan.target_id) && ours::may_be_ours(other).is_none());
        let looks =
            others.filter_map(|other| other.id).map(|id| async move { (self.inspect_container(&id).await, id) });
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some((other, id)) = looks.next().await {
            let other = match other {
                Ok(other) => other,
                // It went in between.
                Err(error) if error.is_no_such_container() => continue,
                Err(error) => return Err(error),
            };
            let mode = other.host_config.and_then(|config| config.pid_mode).unwrap_or_default();
            if sees(&mode, plan) {
                let name = other.name.unwrap_or(id);
                found.push(name.trim_start_matches('/').to_owned());
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Whether the processes of a container with this `PidMode` see the target's.
fn sees(pid_mode: &str, plan: &Plan) -> bool {
    match pid_mode.split_once(':') {
        Some(("container", joined)) => {
            // As the target does: it is in the same namespace.
            pid_mode == plan.target_pid_mode
                || joined == plan.target_name
                || !joined.is_empty() && plan.target_id.starts_with(joined)
        }
        _ => pid_mode == "host",
    }
}

#[cfg(test)]
mod tests {
    use super::sees;
    use crate::plan::{AttachRequest, plan};
    use crate::target::tests::target;
    use crate::{NumericUser, Target};

    #[test]
    fn who_sees_the_targets_processes() {
        let of = |pid_mode: &str| {
            let target = Target { pid_mode: pid_mode.to_owned(), ..target() };
            plan(&target, NumericUser { uid: 1, gid: 1 }, &AttachRequest::default()).unwrap()
        };
        for (pid_mode, expected) in [
            ("", false),
            ("private", false),
            ("host", true),
            ("container:0123", true),
            ("container:012", true),
            ("container:web", true),
            ("container:other", false),
            ("container:", false),
        ] {
            assert_eq!(sees(pid_mode, &of("")), expected, "{pid_mode:?}");
        }
        assert!(sees("container:other", &of("container:other")), "they share a third one's");
    }
}
