//! The rights of a keeper: those of its session, and neither more nor less.
//!
//! Whoever may look into a process may also open its standard streams, trace it, and take part in what it says: the kernel lets
//! a process of the same user and group do so that has the same capabilities (`ptrace(2)`, "Ptrace access mode checking"). A
//! keeper with fewer than its session would lie open to processes that could never touch the session.

use scratchdbg_diagnose::capability;

use crate::target::Target;
use crate::user::NumericUser;

/// The capabilities of a keeper, as an engine takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeeperRights {
    /// `HostConfig.CapAdd`.
    pub(crate) added: Vec<String>,
    /// `HostConfig.CapDrop`.
    pub(crate) dropped: Vec<String>,
    /// It has fewer than its session: see [`of_session_inside`].
    pub(crate) fewer_than_session: bool,
    /// They are the target's own, user and group too: who could take over such a keeper could take over the target. Only such a
    /// keeper may outlive its session. Who takes over another needs to be there only once, at a time when nobody looks for it,
    /// and has its own program run in the place of every later session.
    pub(crate) may_linger: bool,
}

impl KeeperRights {
    /// No capability.
    pub(super) fn none() -> Self {
        Self { added: Vec::new(), dropped: vec!["ALL".to_owned()], fewer_than_session: false, may_linger: false }
    }

    /// Tells these rights from others, for keepers that linger.
    pub(crate) fn mark(&self) -> String {
        format!("+{} -{}", self.added.join(","), self.dropped.join(","))
    }
}

/// The rights of the keeper whose session is started inside a target as `user`, who was asked for by the name `asked`, or is
/// the target's own.
///
/// The engine gives a process that it starts in a container the capabilities of the container's configuration, which depend on
/// the user that stands there: Docker gives root all of them and others none, but keeps them for a later change of the user.
/// So root inside a container of another user gets them only as it starts the program, and has none while it looks the program
/// up. A keeper with any could not be entered then: it gets none, and is weaker than its session.
pub(crate) fn of_session_inside(target: &Target, user: NumericUser, asked: Option<&str>, podman: bool) -> KeeperRights {
    let may_linger = is_targets_own(&target.user, user, asked);
    let as_the_target = || KeeperRights {
        added: if target.privileged { vec!["ALL".to_owned()] } else { target.added_capabilities.clone() },
        dropped: if target.privileged { Vec::new() } else { target.dropped_capabilities.clone() },
        fewer_than_session: false,
        may_linger,
    };
    if podman {
        // It gives root all of them at once, and others what was added for the container's own user alone, by its very name.
        let is_targets_own = user.uid == 0 || asked.is_none_or(|asked| asked == target.user);
        return if is_targets_own { as_the_target() } else { KeeperRights::none() };
    }
    if user.uid != 0 || is_root(&target.user) {
        return as_the_target();
    }
    let granted = capability::bounding_set(target.privileged, &target.added_capabilities, &target.dropped_capabilities);
    KeeperRights { fewer_than_session: granted != 0 && !target.no_new_privileges, ..KeeperRights::none() }
}

/// Whether the session's user and group are the target's own: by the same words, or by numbers that nothing in the image can
/// give another meaning.
pub(super) fn is_targets_own(own: &str, user: NumericUser, asked: Option<&str>) -> bool {
    let Some(asked) = asked else { return true };
    let numbers = match own.split_once(':') {
        None if own.is_empty() => Some((0, 0)),
        None => None,
        Some((uid, gid)) => uid.parse().ok().zip(gid.parse().ok()),
    };
    *asked == *own || numbers == Some((user.uid, user.gid))
}

/// Whether a container's user is root. A name other than root's is taken for somebody else's.
fn is_root(user: &str) -> bool {
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

    fn rights(target: &Target, user: NumericUser, asked: Option<&str>, podman: bool) -> (String, String, bool) {
        let rights = of_session_inside(target, user, asked, podman);
        (rights.added.join(" "), rights.dropped.join(" "), rights.fewer_than_session)
    }

    fn expected(add: &str, drop: &str, fewer: bool) -> (String, String, bool) {
        (add.to_owned(), drop.to_owned(), fewer)
    }

    #[test]
    fn a_keeper_has_the_targets_capabilities_as_they_are() {
        for user in ["", "0", "0:0", "root", "root:root", "00"] {
            for (add, drop) in [("", ""), ("NET_ADMIN", ""), ("", "ALL"), ("CAP_SYS_PTRACE", "ALL"), ("ALL", "NET_RAW")]
            {
                for session in [ROOT, USER] {
                    for podman in [false, true] {
                        let found =
                            rights(&of(user, add, drop), session, (session == USER).then_some("1000:1000"), podman);
                        if podman && session == USER {
                            assert_eq!(found, expected("", "ALL", false), "another user than the target's has none");
                        } else {
                            assert_eq!(found, expected(add, drop, false), "{user:?} {add:?} {drop:?} {session}");
                        }
                    }
                }
            }
        }
        // Podman gives the container's own user what was added, whoever that is.
        assert_eq!(rights(&of("1000", "NET_ADMIN", ""), USER, None, true), expected("NET_ADMIN", "", false));
        assert_eq!(rights(&of("1000", "NET_ADMIN", ""), USER, Some("1000"), true), expected("NET_ADMIN", "", false));
        assert_eq!(rights(&of("1000", "NET_ADMIN", ""), USER, Some("1000:1000"), true), expected("", "ALL", false));
        assert_eq!(rights(&of("1000", "NET_ADMIN", ""), USER, None, false), expected("NET_ADMIN", "", false));
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
            assert_eq!(rights(&of(user, "", ""), ROOT, Some("0"), false), expected("", "ALL", true), "{user:?}");
            assert_eq!(
                rights(&of(user, "", "ALL"), ROOT, Some("0"), false),
                expected("", "ALL", false),
                "nothing to get"
            );
            let fixed = Target { no_new_privileges: true, ..of(user, "SYS_ADMIN", "") };
            assert_eq!(rights(&fixed, ROOT, Some("0"), false), expected("", "ALL", false), "it cannot get them");
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
            // Root in a container of another user, by whatever word, and by a name that the image gives to root.
            ("1000:1000", ROOT, Some("0"), false, false),
            ("app", ROOT, Some("root"), false, false),
            ("app", ROOT, None, false, false),
            // Another user, or another group, than the target's.
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
