//! The capabilities of a keeper: exactly those of its session.
//!
//! A process that may access another can also open its standard streams, trace it, and write in its
//! name. The kernel allows that to a process of the same user and group with at least the same
//! capabilities (`ptrace(2)`, "Ptrace access mode checking"). So a keeper with fewer capabilities
//! than its session would be accessible to processes that could never access the session.

use scratchdbg_diagnose::capability;

use crate::target::Target;
use crate::user::NumericUser;

/// The capabilities of a keeper, in the form that an engine takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeeperRights {
    /// The capabilities for `HostConfig.CapAdd`.
    pub(crate) added: Vec<String>,
    /// The capabilities for `HostConfig.CapDrop`.
    pub(crate) dropped: Vec<String>,
    /// Whether the keeper has fewer capabilities than its session: see [`of_session_inside`].
    pub(crate) fewer_than_session: bool,
    /// Whether the keeper may outlive its session. It must have the target's own user, group and
    /// capabilities, so that a process that could take over the keeper could take over the target
    /// anyway. A process that takes over any other keeper needs to run only once, when no session
    /// checks for it, and could then replace the program of every later session.
    pub(crate) may_linger: bool,
}

impl KeeperRights {
    /// Returns no capabilities.
    pub(super) fn none() -> Self {
        Self {
            added: Vec::new(),
            dropped: vec!["ALL".to_owned()],
            fewer_than_session: false,
            may_linger: false,
        }
    }

    /// Returns a text that identifies these rights, for lingering keepers.
    pub(crate) fn mark(&self) -> String {
        format!("+{} -{}", self.added.join(","), self.dropped.join(","))
    }
}

/// Returns the rights of the keeper of a session that starts inside a target as `user`. `asked` is
/// the user that was requested by name; without it, the session runs as the target's own user.
///
/// The engine gives an exec process the capabilities of the container's configuration, depending on
/// the container's user. Docker gives root all of them. It gives other users none, but keeps them
/// for a later change of the user. So a root process in a container of another user gets them only
/// when it executes the program, and has none while it looks up the program. It could not enter the
/// root of a keeper with capabilities at that time, so the keeper gets none, and has fewer than its
/// session.
pub(crate) fn of_session_inside(
    target: &Target,
    user: NumericUser,
    asked: Option<&str>,
    podman: bool,
) -> KeeperRights {
    let may_linger = is_targets_own(&target.user, user, asked);
    let as_the_target = || KeeperRights {
        added: if target.privileged {
            vec!["ALL".to_owned()]
        } else {
            target.added_capabilities.clone()
        },
        dropped: if target.privileged { Vec::new() } else { target.dropped_capabilities.clone() },
        fewer_than_session: false,
        may_linger,
    };
    if podman {
        // Podman gives root all capabilities at once. It gives other users the added ones only if
        // the user is requested by the exact name of the container's own user.
        let is_targets_own = user.uid == 0 || asked.is_none_or(|asked| asked == target.user);
        return if is_targets_own { as_the_target() } else { KeeperRights::none() };
    }
    if user.uid != 0 || is_root(&target.user) {
        return as_the_target();
    }
    let granted = capability::bounding_set(
        target.privileged,
        &target.added_capabilities,
        &target.dropped_capabilities,
    );
    KeeperRights {
        fewer_than_session: granted != 0 && !target.no_new_privileges,
        ..KeeperRights::none()
    }
}

/// Whether the session's user and group are the target's own: by the same words, or by numbers
/// whose meaning nothing in the image can change.
pub(super) fn is_targets_own(own: &str, user: NumericUser, asked: Option<&str>) -> bool {
    let Some(asked) = asked else { return true };
    let numbers = match own.split_once(':') {
        None if own.is_empty() => Some((0, 0)),
        None => None,
        Some((uid, gid)) => uid.parse().ok().zip(gid.parse().ok()),
    };
    *asked == *own || numbers == Some((user.uid, user.gid))
}

/// Whether a container's user is root. Any name other than `root` counts as another user.
pub(super) fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    name.is_empty() || name == "root" || name.parse() == Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::tests::target;

    const ROOT: NumericUser = NumericUser { uid: 0, gid: 0 };
    const USER: NumericUser = NumericUser { uid: 1000, gid: 1000 };

    fn list(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    fn of(user: &str, add: &str, drop: &str) -> Target {
        let (added_capabilities, dropped_capabilities) = (list(add), list(drop));
        Target { user: user.to_owned(), added_capabilities, dropped_capabilities, ..target() }
    }

    fn rights(
        target: &Target,
        user: NumericUser,
        asked: Option<&str>,
        podman: bool,
    ) -> (String, String, bool) {
        let rights = of_session_inside(target, user, asked, podman);
        (rights.added.join(" "), rights.dropped.join(" "), rights.fewer_than_session)
    }

    fn expected(add: &str, drop: &str, fewer: bool) -> (String, String, bool) {
        (add.to_owned(), drop.to_owned(), fewer)
    }

    #[test]
    fn a_keeper_has_the_targets_capabilities_as_they_are() {
        for user in ["", "0", "0:0", "root", "root:root", "00"] {
            for (add, drop) in [
                ("", ""),
                ("NET_ADMIN", ""),
                ("", "ALL"),
                ("CAP_SYS_PTRACE", "ALL"),
                ("ALL", "NET_RAW"),
            ] {
                for session in [ROOT, USER] {
                    for podman in [false, true] {
                        let found = rights(
                            &of(user, add, drop),
                            session,
                            (session == USER).then_some("1000:1000"),
                            podman,
                        );
                        if podman && session == USER {
                            assert_eq!(
                                found,
                                expected("", "ALL", false),
                                "another user than the target's has none"
                            );
                        } else {
                            assert_eq!(
                                found,
                                expected(add, drop, false),
                                "{user:?} {add:?} {drop:?} {session}"
                            );
                        }
                    }
                }
            }
        }
        // Podman gives the added capabilities to the container's own user, whichever user that is.
        assert_eq!(
            rights(&of("1000", "NET_ADMIN", ""), USER, None, true),
            expected("NET_ADMIN", "", false)
        );
        assert_eq!(
            rights(&of("1000", "NET_ADMIN", ""), USER, Some("1000"), true),
            expected("NET_ADMIN", "", false)
        );
        assert_eq!(
            rights(&of("1000", "NET_ADMIN", ""), USER, Some("1000:1000"), true),
            expected("", "ALL", false)
        );
        assert_eq!(
            rights(&of("1000", "NET_ADMIN", ""), USER, None, false),
            expected("NET_ADMIN", "", false)
        );
    }

    #[test]
    fn a_privileged_targets_keeper_is_not_privileged() {
        let privileged = Target { privileged: true, ..of("", "", "NET_RAW") };
        assert_eq!(rights(&privileged, ROOT, None, false), expected("ALL", "", false));
        assert_eq!(rights(&privileged, ROOT, None, true), expected("ALL", "", false));
    }

    #[test]
    fn root_in_a_target_of_another_user_has_more_than_its_keeper_can() {
        for user in ["1000", "1000:0", "app", "65532:65532"] {
            assert_eq!(
                rights(&of(user, "", ""), ROOT, Some("0"), false),
                expected("", "ALL", true),
                "{user:?}"
            );
            assert_eq!(
                rights(&of(user, "", "ALL"), ROOT, Some("0"), false),
                expected("", "ALL", false),
                "nothing to get"
            );
            let fixed = Target { no_new_privileges: true, ..of(user, "SYS_ADMIN", "") };
            assert_eq!(
                rights(&fixed, ROOT, Some("0"), false),
                expected("", "ALL", false),
                "it cannot get them"
            );
            assert_eq!(
                rights(&of(user, "NET_ADMIN", ""), ROOT, Some("0"), true),
                expected("NET_ADMIN", "", false),
                "Podman"
            );
        }
    }

    #[test]
    fn only_a_keeper_with_the_targets_own_rights_may_linger() {
        for (own, session, asked, podman, expected) in [
            ("", ROOT, None, false, true),
            ("", ROOT, Some("0"), false, true),
            ("1000:1000", USER, None, false, true),
            ("1000:1000", USER, Some("1000"), false, true),
            ("app", USER, None, false, true),
            ("app", USER, Some("app"), false, true),
            // Root in a container of another user, in any spelling, also by a name that the image
            // maps to root.
            ("1000:1000", ROOT, Some("0"), false, false),
            ("app", ROOT, Some("root"), false, false),
            ("app", ROOT, None, false, false),
            // Another user or group than the target's.
            ("", USER, Some("1000:1000"), false, false),
            ("1000:0", USER, Some("1000:1000"), false, false),
            ("", USER, Some("1000:1000"), true, false),
            ("1000", ROOT, Some("0"), true, false),
        ] {
            for (add, drop) in [("", ""), ("NET_ADMIN", "")] {
                let rights = of_session_inside(&of(own, add, drop), session, asked, podman);
                assert_eq!(rights.may_linger, expected, "{own:?} {asked:?} {podman}");
            }
        }
    }
}
