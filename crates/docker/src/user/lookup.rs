//! Determines whether a target could have changed the files in which its user is looked up.
//!
//! A process that may write `/etc/passwd` or `/etc/group` decides which ids a name has, and which
//! groups an id has. A session must not get ids that the target chose: the session would have
//! rights that the target lacks, for instance over the files of a volume, and a process of the
//! target with the same uid could use them. Therefore the files are used only if they are those of
//! the image.

use std::path::Path;

use serde_json::Value;

use super::NumericUser;
use crate::containers::Change;
use crate::target::Target;

/// The files in which users are looked up.
pub(crate) const FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// Returns the lookup file that a target changed, as far as the engine lists its changes.
///
/// Podman lists `/etc` as changed in every container: it makes files there.
pub(crate) fn changed(changes: &[Change], is_podman: bool) -> Option<&'static str> {
    // A folder changes with the entries in it. If none of them did, it may be another folder.
    let has_changed_entries = changes.iter().any(|change| change.path.starts_with("/etc/"));
    let is_etc_replaced = changes.iter().any(|change| {
        change.path == "/etc" && (change.kind != 'C' || !(has_changed_entries || is_podman))
    });
    FILES
        .into_iter()
        .find(|path| is_etc_replaced || changes.iter().any(|change| change.path == *path))
}

/// Returns the lookup file that is on a mount. The target, or another container, may be able to
/// change it by another mount of the same folder, even if this mount is read-only.
pub(crate) fn mounted(target: &Target) -> Option<&'static str> {
    let places: Vec<String> = target.mount_points().collect();
    let is_mounted = |path: &str| places.iter().any(|place| Path::new(path).starts_with(place));
    FILES.into_iter().find(|path| is_mounted(path))
}

/// Reads the ids of the process `pid` from the engine's answer to
/// `GET /containers/ID/top?ps_args=-eo pid,uid,gid`.
pub(crate) fn first_process(top: &Value, pid: i64) -> Option<NumericUser> {
    let column = |name: &str| top["Titles"].as_array()?.iter().position(|title| title == name);
    let (pids, uids, gids) = (column("PID")?, column("UID")?, column("GID")?);
    let number = |row: &Value, column: usize| row[column].as_str()?.parse::<u32>().ok();
    let rows = top["Processes"].as_array()?;
    let row =
        rows.iter().find(|row| number(row, pids).is_some_and(|found| i64::from(found) == pid))?;
    Some(NumericUser { uid: number(row, uids)?, gid: number(row, gids)? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::target::tests::target;
    use crate::target::{Mount, Reach};

    fn changes(list: &[(char, &str)]) -> Vec<Change> {
        list.iter().map(|&(kind, path)| Change { kind, path: path.to_owned() }).collect()
    }

    #[test]
    fn a_file_that_the_target_wrote_is_found() {
        for (list, expected) in [
            (&[][..], None),
            (&[('C', "/etc"), ('A', "/etc/motd"), ('A', "/tmp/etc/passwd")], None),
            (&[('C', "/etc"), ('C', "/etc/passwd")], Some("/etc/passwd")),
            (&[('C', "/etc"), ('A', "/etc/group")], Some("/etc/group")),
            (&[('C', "/etc"), ('D', "/etc/passwd")], Some("/etc/passwd")),
            // A new directory, a removed one, and a link in place of the directory.
            (&[('A', "/etc")], Some("/etc/passwd")),
            (&[('D', "/etc")], Some("/etc/passwd")),
            (&[('C', "/etc"), ('A', "/x/passwd")], Some("/etc/passwd")),
        ] {
            assert_eq!(changed(&changes(list), false), expected, "{list:?}");
        }
        assert_eq!(changed(&changes(&[('C', "/etc")]), false), Some("/etc/passwd"));
        assert_eq!(changed(&changes(&[('C', "/etc")]), true), None);
        assert_eq!(changed(&changes(&[('A', "/etc")]), true), Some("/etc/passwd"));
    }

    #[test]
    fn a_mount_is_not_trusted() {
        let mounted_at = |destination: &str, read_only| {
            let destination = destination.to_owned();
            let mount = Mount { destination, read_only, ..Mount::default() };
            let reach = Reach { mounts: vec![mount], ..Reach::default() };
            mounted(&Target { reach, ..target() })
        };
        for (destination, read_only, expected) in [
            ("/etc", false, Some("/etc/passwd")),
            ("/etc/", false, Some("/etc/passwd")),
            ("/", false, Some("/etc/passwd")),
            ("/etc/group", false, Some("/etc/group")),
            ("/etc/group", true, Some("/etc/group")),
            ("/et", false, None),
            ("/etc/passwd.d", false, None),
        ] {
            assert_eq!(mounted_at(destination, read_only), expected, "{destination}");
        }
        let in_memory = vec!["/x/../etc/".to_owned()];
        assert_eq!(mounted(&Target { in_memory, ..target() }), Some("/etc/passwd"));
    }

    #[test]
    fn the_first_process_has_the_ids_that_the_host_sees() {
        let top = json!({"Titles": ["PID", "UID", "GID"], "Processes": [["7", "0", "0"], ["70", "1000", "50"]]});
        assert_eq!(first_process(&top, 70), Some(NumericUser { uid: 1000, gid: 50 }));
        assert_eq!(first_process(&top, 0), None);
        let podman = json!({"Titles": ["USER", "PID"], "Processes": [["app", "1"]]});
        assert_eq!(first_process(&podman, 1), None);
    }
}
