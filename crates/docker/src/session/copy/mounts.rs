//! The mounts of a copy, as the engine is asked for them.

use bollard::models::{
    Mount, MountBindOptions, MountBindOptionsPropagationEnum, MountImageOptions, MountType,
    MountVolumeOptions,
};

/// Returns the mounts in the short form and those in the long form.
pub(super) fn asked(mounts: &[crate::Mount], is_podman: bool) -> (Vec<String>, Vec<Mount>) {
    let (short, long): (Vec<_>, Vec<_>) =
        mounts.iter().partition(|mount| needs_short_form(mount, is_podman));
    (short.into_iter().map(short_form).collect(), long.into_iter().map(mount).collect())
}

/// Whether a volume needs the short form: in the long form, Docker changes the SELinux labels of
/// its files, and Podman fills an empty volume with the image's files.
fn needs_short_form(of: &crate::Mount, is_podman: bool) -> bool {
    let fits = !of.name.is_empty() && !of.name.contains(':') && !of.destination.contains(':');
    of.kind == "volume" && of.subpath.is_none() && fits && (of.keeps_labels || is_podman)
}

fn short_form(of: &crate::Mount) -> String {
    let read_only = if of.read_only { "ro" } else { "rw" };
    format!("{}:{}:{read_only},nocopy", of.name, of.destination)
}

/// Returns a mount with the original's name. The mount is private: later mounts in one container do
/// not appear in the other. In this form the engine does not create missing directories on its
/// host.
fn mount(of: &crate::Mount) -> Mount {
    let shared = Mount {
        target: Some(of.destination.clone()),
        read_only: Some(of.read_only),
        ..Mount::default()
    };
    match &*of.kind {
        "volume" => Mount {
            typ: Some(MountType::VOLUME),
            source: Some(of.name.clone()),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                subpath: of.subpath.clone(),
                ..MountVolumeOptions::default()
            }),
            ..shared
        },
        "image" => Mount {
            typ: Some(MountType::IMAGE),
            source: Some(of.source.clone()),
            read_only: None,
            image_options: of
                .subpath
                .clone()
                .map(|subpath| MountImageOptions { subpath: Some(subpath) }),
            ..shared
        },
        "tmpfs" => Mount {
            typ: Some(MountType::TMPFS),
            // The options were parsed from this form.
            tmpfs_options: serde_json::from_value(of.memory.clone()).unwrap_or_default(),
            ..shared
        },
        _ => Mount {
            typ: Some(MountType::BIND),
            source: Some(of.source.clone()),
            bind_options: bind_options(of),
            ..shared
        },
    }
}

/// Returns `None` if these are the engine's defaults: Podman 4 treats a false `NonRecursive` as
/// true.
fn bind_options(of: &crate::Mount) -> Option<MountBindOptions> {
    let is_read_only_below = of.is_read_only_below && of.read_only && !of.non_recursive;
    (of.non_recursive || is_read_only_below).then(|| MountBindOptions {
        propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
        non_recursive: of.non_recursive.then_some(true),
        read_only_force_recursive: is_read_only_below.then_some(true),
        ..MountBindOptions::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mount_is_asked_for_with_what_narrows_it() {
        let folder = crate::Mount {
            kind: "bind".into(),
            source: "/srv/x".into(),
            destination: "/x".into(),
            ..Default::default()
        };
        let volume = crate::Mount { kind: "volume".into(), name: "data".into(), ..folder.clone() };
        for (of, expected) in [
            (folder.clone(), json!({"ReadOnly": false, "BindOptions": null})),
            (
                crate::Mount {
                    non_recursive: true,
                    read_only: true,
                    is_read_only_below: true,
                    ..folder.clone()
                },
                json!({"ReadOnly": true, "BindOptions": {"Propagation": "rprivate", "NonRecursive": true}}),
            ),
            (
                crate::Mount { read_only: true, is_read_only_below: true, ..folder.clone() },
                json!({"ReadOnly": true, "BindOptions": {"Propagation": "rprivate", "ReadOnlyForceRecursive": true}}),
            ),
            (
                crate::Mount { subpath: Some("a".into()), keeps_labels: true, ..volume.clone() },
                json!({"Type": "volume", "Source": "data", "VolumeOptions": {"NoCopy": true, "Subpath": "a"}}),
            ),
            (
                crate::Mount {
                    kind: "image".into(),
                    source: "a:1".into(),
                    subpath: Some("b".into()),
                    ..folder.clone()
                },
                json!({"Type": "image", "Source": "a:1", "ImageOptions": {"Subpath": "b"}}),
            ),
            (
                crate::Mount {
                    kind: "tmpfs".into(),
                    memory: json!({"SizeBytes": 5, "Options": [["exec"]]}),
                    ..folder
                },
                json!({"Type": "tmpfs", "TmpfsOptions": {"SizeBytes": 5, "Options": [["exec"]]}}),
            ),
        ] {
            assert!(!needs_short_form(&of, false));
            let asked = serde_json::to_value(mount(&of)).unwrap();
            for (key, value) in expected.as_object().unwrap() {
                assert_eq!(&asked[key], value, "{key} of {asked}");
            }
        }
        assert!(needs_short_form(&volume, true) && !needs_short_form(&volume, false));
        let labeled = crate::Mount { keeps_labels: true, read_only: true, ..volume };
        assert!(needs_short_form(&labeled, false));
        assert_eq!(short_form(&labeled), "data:/x:ro,nocopy");
    }
}
