//! Chooses the mounts of a copy.

use super::ruling::{MountContent, classify};
use crate::target::{Mount, Reach};

/// Returns the mounts of a copy. With `all`, the copy gets all mounts of the original. `leave_out`
/// receives each mount that is left out, the reason, and whether the mount no longer exists.
pub(super) fn of_copy(
    reach: &Reach,
    all: bool,
    leave_out: &mut impl FnMut(String, &str, bool),
) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for mount in &reach.mounts {
        let what = || {
            if mount.source.is_empty() { mount.destination.clone() } else { mount.source.clone() }
        };
        if let Some(why) = &mount.gone {
            leave_out(format!("mount {}", mount.destination), why, true);
            continue;
        }
        if let Some(why) = &mount.lost {
            // Even `--same-rights` must not show more than the original sees.
            leave_out(
                format!("mount {}", mount.destination),
                &format!("{why}, and no option gives it"),
                false,
            );
            continue;
        }
        match classify(mount, reach) {
            MountContent::Ruling(why) if !all => leave_out(format!("mount {}", what()), why, false),
            MountContent::PartOfHost if !all => {
                if !mount.read_only {
                    leave_out(format!("writing to {}", what()), "a part of the host", false);
                }
                mounts.push(Mount { read_only: true, non_recursive: true, ..mount.clone() });
            }
            // Some mounts below a directory may not be data.
            _ if !all && mount.kind == "bind" => {
                if mount.has_more_below && !mount.non_recursive {
                    leave_out(format!("what is mounted below {}", what()), "", false);
                }
                mounts.push(Mount { non_recursive: true, ..mount.clone() });
            }
            _ => mounts.push(mount.clone()),
        }
    }
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_sees_no_more_of_a_mount_than_the_original() {
        let folder = Mount {
            kind: "bind".into(),
            source: "/srv/x".into(),
            destination: "/x".into(),
            ..Mount::default()
        };
        let lost =
            Mount { lost: Some("its option Narrower is not known".into()), ..folder.clone() };
        let with_disk = Mount { has_more_below: true, ..folder.clone() };
        let alone = Mount { non_recursive: true, ..with_disk.clone() };
        for (mount, all, non_recursive, said) in [
            (&folder, false, Some(true), ""),
            (&folder, true, Some(false), ""),
            (&with_disk, false, Some(true), "what is mounted below /srv/x ()"),
            (&with_disk, true, Some(false), ""),
            (&alone, false, Some(true), ""),
            (&alone, true, Some(true), ""),
            (
                &lost,
                false,
                None,
                "mount /x (its option Narrower is not known, and no option gives it)",
            ),
            (
                &lost,
                true,
                None,
                "mount /x (its option Narrower is not known, and no option gives it)",
            ),
        ] {
            let reach = Reach { mounts: vec![mount.clone()], ..Reach::default() };
            let mut told = String::new();
            let mounts =
                of_copy(&reach, all, &mut |what, why, _| told += &[&what, " (", why, ")"].concat());
            assert_eq!(
                mounts.first().map(|mount| mount.non_recursive),
                non_recursive,
                "{mount:?} {all}"
            );
            assert_eq!(told, said);
        }
    }
}
