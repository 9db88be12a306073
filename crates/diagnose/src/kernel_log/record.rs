//! The kernel's record of a process that it killed for lack of memory, and the control groups in
//! it.

use crate::container::MemoryLimit;

/// The longest name of a process, in bytes (`TASK_COMM_LEN`).
const LONGEST_NAME: usize = 15;
/// The number of hexadecimal digits in a container's full id.
const ID_LENGTH: usize = 64;

/// The control group of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The container's full id.
    pub id: String,
    /// The path of the group that the engine makes for the container, if it is known. Another path
    /// with the id may be that of an engine within a container, or anybody's.
    pub path: Option<String>,
}

/// A process that was killed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Killed {
    /// Its name, which it chose itself.
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) limit: MemoryLimit,
    /// Whether the group is surely the container's.
    pub(super) is_own: bool,
}

/// Returns the killed process, if it belonged to the container:
/// `CONSTRAINT,nodemask=…,cpuset=NAME,mems_allowed=…,oom_memcg=GROUP,task_memcg=GROUP,task=NAME,
/// pid=NUMBER,uid=NUMBER`, with `global_oom` in place of the first group if the whole machine was
/// out of memory.
///
/// Whoever makes a group or a process chooses its name, which may look like other fields. The
/// record is ignored where more than one reading is possible.
pub(super) fn killed(record: &str, container: &Group) -> Option<Killed> {
    let (rest, uid) = record.rsplit_once(",uid=")?;
    let (rest, pid) = rest.rsplit_once(",pid=")?;
    let (pid, _) = (pid.parse().ok()?, uid.parse::<u32>().ok()?);
    let mut readings = rest
        .match_indices(",task=")
        .map(|(at, field)| (&rest[..at], &rest[at + field.len()..]))
        .filter(|(_, name)| length_of_name(name) <= LONGEST_NAME)
        .filter_map(|(groups, name)| Some((limit_of(groups, &container.id)?, name)));
    match (readings.next(), readings.next()) {
        (Some(((own, limit), name)), None) => {
            let is_own = container.path.as_deref() == Some(own);
            Some(Killed { name: name.to_owned(), pid, limit, is_own })
        }
        _ => None,
    }
}

/// Returns the length of a name in bytes. The log has bytes that are not printable as `\x1b`.
fn length_of_name(name: &str) -> usize {
    name.len() - 3 * name.matches("\\x").count()
}

/// Returns the container's group and the limit that was reached, if the process was in that group.
fn limit_of<'a>(groups: &'a str, container: &str) -> Option<(&'a str, MemoryLimit)> {
    const OF_TASK: &str = ",task_memcg=";
    const OF_LIMIT: &str = ",oom_memcg=";
    let (limit, group) = groups.split_once(OF_TASK)?;
    if group.contains(',') {
        return None;
    }
    let own = own_group(group, container)?;
    let Some((before, limit)) = limit.split_once(OF_LIMIT) else {
        return limit.ends_with(",global_oom").then_some((own, MemoryLimit::Machine));
    };
    if before.ends_with(",global_oom") || limit.contains(',') {
        return None;
    }
    // Podman's runtime has a group for the program, below that of the container.
    let limit = if limit == own || limit.strip_prefix(own) == Some("/container") {
        MemoryLimit::Container
    } else if limit.strip_prefix(own).is_some_and(|rest| rest.starts_with('/')) {
        MemoryLimit::Within(limit.to_owned())
    } else {
        let rest = own.strip_prefix(limit.trim_end_matches('/'))?;
        rest.starts_with('/').then(|| MemoryLimit::Group(limit.to_owned()))?
    };
    Some((own, limit))
}

/// Returns the beginning of the path of a group that is the group of the container.
///
/// A group below that of another container, of a user's session or of a service may have been made
/// by these, with the name of any container.
fn own_group<'a>(group: &'a str, container: &str) -> Option<&'a str> {
    if container.len() != ID_LENGTH {
        return None;
    }
    let mut end = 0;
    for part in group.split('/') {
        end += part.len() + 1;
        if is_of_container(part, container) {
            return group.get(..end - 1);
        }
        if may_be_of_others(part) {
            return None;
        }
    }
    None
}

/// Reports whether an engine names the container's group so, with or without systemd.
fn is_of_container(part: &str, container: &str) -> bool {
    let name = part.strip_suffix(".scope").unwrap_or(part);
    name.strip_suffix(container).is_some_and(|engine| match engine.strip_suffix('-') {
        Some(engine) => ["docker", "libpod", "cri-containerd", "crio"].contains(&engine),
        None => engine.is_empty(),
    })
}

/// Reports whether a group belongs to another container, to a user or to a service.
fn may_be_of_others(part: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let has_id = part.split(['-', '.']).any(|piece| digits(piece) >= ID_LENGTH);
    let of_others = [".service", ".scope"].iter().any(|kind| part.ends_with(kind));
    has_id || of_others || part == "user.slice"
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0b876cdcefbbecb64c1d471acbec93539fa119a4b53fd50b507571828ffd8759";
    const OTHER: &str = "1b876cdcefbbecb64c1d471acbec93539fa119a4b53fd50b507571828ffd8759";

    fn limit(oom: &str, task: &str) -> Option<MemoryLimit> {
        let record = format!(
            "CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0-1,3{oom},task_memcg={task},task=a,pid=7,uid=0"
        );
        killed(&record, &group()).map(|killed| killed.limit)
    }

    fn group() -> Group {
        Group { id: ID.to_owned(), path: Some(format!("/docker/{ID}")) }
    }

    #[test]
    fn a_group_elsewhere_is_not_surely_the_containers() {
        let is_own = |group: &Group, path: &str| {
            let record = format!(
                "C,cpuset=/,mems_allowed=0,oom_memcg={path},task_memcg={path},task=a,pid=7,uid=0"
            );
            killed(&record, group).unwrap().is_own
        };
        assert!(is_own(&group(), &format!("/docker/{ID}")));
        assert!(is_own(&group(), &format!("/docker/{ID}/init.scope")));
        for path in [
            "/lxc/web/docker/ID",
            "/ID",
            "/x.slice/docker-ID.scope",
            "/system.slice/docker-ID.scope",
        ] {
            assert!(!is_own(&group(), &path.replace("ID", ID)), "{path}");
        }
        let unknown = Group { path: None, ..group() };
        assert!(!is_own(&unknown, &format!("/docker/{ID}")));
    }

    #[test]
    fn the_limit_is_told_by_its_place() {
        let own = format!("/docker/{ID}");
        let of = |group: &str| limit(&format!(",oom_memcg={group}"), &own);
        assert_eq!(of(&own), Some(MemoryLimit::Container));
        assert_eq!(of("/docker"), Some(MemoryLimit::Group("/docker".to_owned())));
        assert_eq!(of("/"), Some(MemoryLimit::Group("/".to_owned())));
        assert_eq!(of("/dock"), None, "not a parent");
        assert_eq!(limit(",global_oom", &own), Some(MemoryLimit::Machine));
        // Another engine runs within the container.
        let inner = format!("{own}/docker/{OTHER}");
        assert_eq!(
            limit(&format!(",oom_memcg={inner}"), &inner),
            Some(MemoryLimit::Within(inner.clone()))
        );
        assert_eq!(limit(&format!(",oom_memcg={own}"), &inner), Some(MemoryLimit::Container));
        let podman = format!("/machine.slice/libpod-{ID}.scope");
        assert_eq!(
            limit(&format!(",oom_memcg={podman}/container"), &format!("{podman}/container")),
            Some(MemoryLimit::Container)
        );
    }

    #[test]
    fn groups_that_others_may_have_made_are_not_the_containers() {
        for group in [
            format!("/docker/{OTHER}/docker/{ID}"),
            format!("/system.slice/docker-{OTHER}.scope/docker/{ID}"),
            format!("/user.slice/user-1000.slice/user@1000.service/app.slice/docker-{ID}.scope"),
            format!("/system.slice/web.service/docker/{ID}"),
            format!("/system.slice/run-1.scope/docker-{ID}.scope"),
            format!("/docker/{ID}0"),
            format!("/docker/x{ID}"),
            format!("/docker/x-{ID}"),
            format!("/docker/{}", &ID[1..]),
        ] {
            assert_eq!(limit(&format!(",oom_memcg={group}"), &group), None, "{group}");
            assert_eq!(limit(",global_oom", &group), None, "{group}");
        }
    }

    #[test]
    fn names_that_look_like_fields_make_no_other_record() {
        let own = format!("/docker/{ID}");
        let fields = format!("x,oom_memcg={own},task_memcg={own},task=die,pid=1,uid=0");
        let real = "/user.slice/user-1.slice";
        for record in [
            format!(
                "C,cpuset=/,mems_allowed=0,oom_memcg={real}/{fields},task_memcg={real}/{fields},task=a,pid=7,uid=0"
            ),
            format!(
                "C,cpuset={fields},mems_allowed=0,oom_memcg={real},task_memcg={real},task=a,pid=7,uid=0"
            ),
            format!(
                "C,cpuset={fields},mems_allowed=0,oom_memcg={own},task_memcg={own},task=a,pid=7,uid=0"
            ),
            format!(
                "C,cpuset=/,mems_allowed=0,oom_memcg={own},task_memcg=/x,task_memcg={own},task=a,pid=7,uid=0"
            ),
        ] {
            assert_eq!(killed(&record, &group()), None, "{record}");
        }
        // The names of processes are short.
        for name in [
            "a,pid=1,uid=0",
            ",task=x",
            "a b",
            "\\x1b[31m",
            "oom-kill:constr",
            ",task_memcg=",
            ",uid=0,pid=1",
        ] {
            let record = format!(
                "C,cpuset=/,mems_allowed=0,oom_memcg={own},task_memcg={own},task={name},pid=7,uid=0"
            );
            let killed = killed(&record, &group()).unwrap();
            assert_eq!((killed.name.as_str(), killed.pid), (name, 7));
        }
    }
}
