//! Tables of mounts that were requested, and of what a copy keeps of them.

use serde_json::json;

use super::*;

type Kept = fn(&Mount) -> bool;

fn of(host: &Value, listed: &Value) -> Vec<Mount> {
    let inspection =
        json!({"HostConfig": host, "Mounts": listed, "Config": {"Volumes": {"/declared": {}}}});
    mounts(&inspection, &Inherited::default(), false)
}

fn listed(kind: &str, destination: &str) -> Value {
    json!({"Type": kind, "Name": if kind == "volume" { "data" } else { "" }, "Source": "/srv/x",
        "Destination": destination, "RW": true, "Mode": "z", "Propagation": "rprivate", "Driver": "local"})
}

#[test]
fn what_narrows_a_mount_survives_or_the_mount_is_left_out() {
    let bind = |options: Value| json!({"Type": "bind", "Source": "/srv/x", "Target": "/x", "BindOptions": options});
    let volume = |options: Value| json!({"Type": "volume", "Source": "data", "Target": "/x", "VolumeOptions": options});
    let cases: Vec<(&str, Value, Option<Kept>)> = vec![
        ("bind", bind(Value::Null), Some(|mount| !mount.non_recursive && !mount.read_only)),
        ("bind", bind(json!({"NonRecursive": true})), Some(|mount| mount.non_recursive)),
        (
            "bind",
            bind(json!({"ReadOnlyForceRecursive": true})),
            Some(|mount| mount.is_read_only_below),
        ),
        ("bind", bind(json!({"Propagation": "rshared", "CreateMountpoint": true})), Some(|_| true)),
        (
            "bind",
            bind(json!({"ReadOnlyNonRecursive": true})),
            Some(|mount| !mount.is_read_only_below),
        ),
        ("bind", bind(json!({"Narrower": true})), None),
        ("bind", bind(json!({"Narrower": false, "Other": "", "More": null})), Some(|_| true)),
        ("bind", bind(json!({"NonRecursive": "yes"})), None),
        ("bind", bind(json!("NonRecursive")), None),
        (
            "volume",
            volume(json!({"Subpath": "a/b"})),
            Some(|mount| mount.subpath.as_deref() == Some("a/b")),
        ),
        (
            "volume",
            volume(json!({"NoCopy": true, "DriverConfig": {}})),
            Some(|mount| mount.subpath.is_none()),
        ),
        ("volume", volume(json!({"Subpath": ["a"]})), None),
        ("volume", volume(json!({"IdMap": 3})), None),
        ("volume", json!({"Type": "volume", "Source": "other", "Target": "/x"}), None),
        ("bind", json!({"Type": "bind", "Source": "/srv/y", "Target": "/x"}), None),
        ("volume", json!({"Type": "bind", "Source": "/srv/x", "Target": "/x"}), None),
        (
            "bind",
            json!({"Type": "bind", "Source": "/srv/x", "Target": "/x/", "ReadOnly": true}),
            Some(|m| m.read_only),
        ),
        (
            "bind",
            json!({"Type": "bind", "Source": "/srv/x", "Target": "/x", "Narrower": {"a": 1}}),
            None,
        ),
        (
            "image",
            json!({"Type": "image", "Source": "a:1", "Target": "/x", "ImageOptions": {"Subpath": "bin"}}),
            Some(|mount| (&*mount.source, mount.subpath.as_deref()) == ("a:1", Some("bin"))),
        ),
        (
            "image",
            json!({"Type": "image", "Source": "a:1", "Target": "/x", "ImageOptions": {"Layer": 1}}),
            None,
        ),
        (
            "tmpfs",
            json!({"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"SizeBytes": 4096, "Mode": 448}}),
            Some(|mount| mount.memory["SizeBytes"] == 4096),
        ),
        ("tmpfs", json!({"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"Uid": 5}}), None),
        ("cluster", json!({"Type": "cluster", "Source": "c", "Target": "/x"}), None),
        ("npipe", json!({"Type": "npipe", "Source": "c", "Target": "/x"}), None),
    ];
    for (kind, entry, kept) in cases {
        let mounts = of(&json!({ "Mounts": [entry] }), &json!([listed(kind, "/x")]));
        let [mount] = &mounts[..] else { panic!("one is asked for: {mounts:?}") };
        assert_eq!(mount.lost.is_none(), kept.is_some(), "{entry} {mount:?}");
        assert!(kept.is_none_or(|kept| kept(mount)), "{entry} {mount:?}");
    }
}

#[test]
fn a_bind_in_one_word_is_known_by_each_of_its_options() {
    for (bind, podman, expected) in [
        ("/srv/x:/x", false, Some((false, false, false))),
        ("/srv/y/../x/:/x/:ro,rslave,Z", false, Some((true, false, false))),
        ("/srv/x:/x:bind,ro,rprivate", true, Some((true, true, false))),
        ("/srv/x:/x:rw,rprivate,rbind", true, Some((false, false, false))),
        ("/srv/x:/x:noexec", true, None),
        ("/srv/x:/x:idmap", true, None),
        ("/srv/x:/x:O", true, None),
        ("/srv/x:/x:nosuid", true, None),
        ("/srv/x:/x:ro:more", false, None),
        ("/srv/y:/x", false, None),
        ("data:/x:ro", false, None),
    ] {
        let inspection = json!({"HostConfig": {"Binds": [bind]}, "Mounts": [listed("bind", "/x")]});
        let mounts = mounts(&inspection, &Inherited::default(), podman);
        let mount = &mounts[0];
        let kept = mount.lost.is_none().then_some((
            mount.read_only,
            mount.non_recursive,
            mount.keeps_labels,
        ));
        assert_eq!(kept, expected, "{bind} {mounts:?}");
    }
    for (bind, podman, keeps_labels) in
        [("data:/x:Z,nocopy", false, true), ("data:/x:rw,rprivate,nosuid,nodev,rbind", true, false)]
    {
        let inspection =
            json!({"HostConfig": {"Binds": [bind]}, "Mounts": [listed("volume", "/x")]});
        let mounts = mounts(&inspection, &Inherited::default(), podman);
        assert_eq!(
            (mounts[0].lost.as_deref(), mounts[0].keeps_labels),
            (None, keeps_labels),
            "{bind}"
        );
    }
}

#[test]
fn a_mount_that_nobody_is_seen_to_have_asked_for_is_left_out() {
    let of = |host: Value, listed: Value| of(&host, &json!([listed]));
    assert_eq!(of(json!({}), listed("volume", "/declared"))[0].lost, None);
    for other in [
        of(json!({}), listed("volume", "/x")),
        of(json!({}), listed("bind", "/declared")),
        of(json!({"Mounts": [], "Binds": ["/srv/x:/y"]}), listed("bind", "/x")),
        of(json!({"Binds": ["/srv/x:/x", "/srv/x:/x/"]}), listed("bind", "/x")),
    ] {
        assert!(other.iter().all(|mount| mount.lost.is_some()), "{other:?}");
    }
    // A type of mount of a future engine.
    let mut partial = listed("volume", "/x");
    partial["SubPath"] = "a".into();
    assert!(of(json!({"Binds": ["data:/x"]}), partial)[0].lost.is_some());
    assert_eq!(of(json!({"Tmpfs": {"/x": "size=1m"}}), listed("tmpfs", "/x")), []);
}

#[test]
fn what_comes_from_another_container_is_narrowed_as_it_is_there() {
    let inspection = json!({"HostConfig": {"VolumesFrom": ["other"]}, "Config": {"Volumes": {"/x": {}}},
        "Mounts": [listed("volume", "/x")]});
    let part = Mount {
        kind: "volume".into(),
        name: "data".into(),
        destination: "/x".into(),
        subpath: Some("a".into()),
        ..Mount::default()
    };
    let inherited =
        |mount: Mount, unknown| Inherited { mounts: [("/x".to_owned(), mount)].into(), unknown };
    let seen = mounts(&inspection, &inherited(part.clone(), false), false);
    assert_eq!((seen[0].subpath.as_deref(), seen[0].lost.as_deref()), (Some("a"), None));
    for inherited in [
        inherited(part.clone(), true),
        inherited(Mount { name: "another".into(), ..part.clone() }, false),
        inherited(Mount { lost: Some("unknown".into()), ..part }, false),
        Inherited { unknown: true, ..Inherited::default() },
    ] {
        assert!(mounts(&inspection, &inherited, false)[0].lost.is_some(), "{inherited:?}");
    }
}
