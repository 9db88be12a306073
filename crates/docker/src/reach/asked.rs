//! Determines how the mounts of a container were requested. The list of mounts in an inspection
//! contains neither the mounted part of a volume nor other options that restrict a mount.
//!
//! Every option must be known here. Otherwise the copy does not get the mount, because an ignored
//! option may be what keeps other data out.

use std::collections::{BTreeMap, BTreeSet};

use scratchdbg_diagnose::rootfs::normalize;
use serde_json::Value;

use crate::target::Mount;

/// The requested mounts of one container by destination, or why a request cannot be interpreted.
type Requested = BTreeMap<String, Result<Mount, String>>;

/// The mounts inherited from the containers of `--volumes-from`.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    /// Mounts by destination.
    pub(super) mounts: BTreeMap<String, Mount>,
    /// Whether one of these containers is gone, or was replaced. It may be the source of any mount.
    pub(super) unknown: bool,
}

/// The known keys of the list of mounts in an inspection. `Options` is Podman's own, and repeats
/// the content of `Binds`.
const LISTED: &[&str] =
    &["Type", "Name", "Source", "Destination", "Driver", "Mode", "RW", "Propagation", "Options"];

/// Returns a container's mounts from the engine's inspection.
pub(super) fn mounts(inspection: &Value, inherited: &Inherited, is_podman: bool) -> Vec<Mount> {
    let host = &inspection["HostConfig"];
    let mut asked = asked(host, is_podman);
    let declared: BTreeSet<String> = inspection["Config"]["Volumes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(place, _)| normalize(place))
        .collect();
    let in_memory = host["Tmpfs"].as_object().into_iter().flatten();
    let in_memory: BTreeSet<String> = in_memory.map(|(place, _)| normalize(place)).collect();
    let mut mounts = Vec::new();
    for listed in inspection["Mounts"].as_array().into_iter().flatten() {
        let is = listed_mount(listed);
        let place = normalize(&is.destination);
        let requested = match asked.remove(&place) {
            // This is a mount in memory that another option requested.
            None if is.kind == "tmpfs" && in_memory.contains(&place) => continue,
            None if inherited.unknown => {
                Err("it may come from a container that is gone".to_owned())
            }
            None => match inherited.mounts.get(&place) {
                Some(mount) => Ok(mount.clone()),
                None if is.kind == "volume" && declared.contains(&place) => Ok(is.clone()),
                None => Err("how it is mounted cannot be seen".to_owned()),
            },
            Some(requested) => requested,
        };
        let requested =
            known(listed, LISTED).and(requested).and_then(|requested| agree(&is, requested));
        mounts.push(requested.unwrap_or_else(|why| Mount { lost: Some(why), ..is }));
    }
    // The list lacks mounts in memory and of images.
    for (destination, requested) in asked {
        mounts.push(match requested {
            Ok(mount) if matches!(&*mount.kind, "tmpfs" | "image") => mount,
            Ok(mount) => Mount { lost: Some("the engine does not tell of it".to_owned()), ..mount },
            Err(why) => Mount { destination, lost: Some(why), ..Mount::default() },
        });
    }
    mounts
}

fn listed_mount(listed: &Value) -> Mount {
    let text = |key: &str| listed[key].as_str().unwrap_or_default().to_owned();
    Mount {
        kind: text("Type"),
        name: text("Name"),
        source: text("Source"),
        destination: text("Destination"),
        read_only: listed["RW"] == false,
        ..Mount::default()
    }
}

/// Combines an existing mount with its request, if they match.
fn agree(is: &Mount, requested: Mount) -> Result<Mount, String> {
    let is_same = is.kind == requested.kind
        && match &*is.kind {
            "bind" => normalize(&is.source) == normalize(&requested.source),
            "volume" => requested.name.is_empty() || requested.name == is.name,
            _ => true,
        };
    if !is_same {
        return Err("it is not what was asked for".to_owned());
    }
    let source = if is.kind == "image" { requested.source.clone() } else { is.source.clone() };
    let read_only = is.read_only || requested.read_only;
    Ok(Mount {
        name: is.name.clone(),
        source,
        destination: is.destination.clone(),
        read_only,
        ..requested
    })
}

fn asked(host: &Value, is_podman: bool) -> Requested {
    let mut asked = Requested::new();
    let mut add = |place: String, requested| {
        // Engines do not accept two mounts for one destination.
        let twice = asked.contains_key(&place).then(|| Err("it is asked for twice".to_owned()));
        asked.insert(place, twice.unwrap_or(requested));
    };
    for bind in host["Binds"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let parts: Vec<&str> = bind.split(':').collect();
        match parts[..] {
            // This is an anonymous volume, which the image may have declared.
            [place] => add(normalize(place), of_bind("", place, "", is_podman)),
            [source, place] => add(normalize(place), of_bind(source, place, "", is_podman)),
            [source, place, options] => {
                add(normalize(place), of_bind(source, place, options, is_podman));
            }
            // The destination is unknown, so the mount will be found to have no request.
            _ => {}
        }
    }
    for entry in host["Mounts"].as_array().into_iter().flatten() {
        add(normalize(entry["Target"].as_str().unwrap_or_default()), of_entry(entry));
    }
    asked
}

/// Parses an entry of `HostConfig.Binds`: `SOURCE:DESTINATION[:OPTIONS]`.
fn of_bind(source: &str, place: &str, options: &str, is_podman: bool) -> Result<Mount, String> {
    let is_folder = source.starts_with('/');
    let mut mount = Mount {
        kind: if is_folder { "bind" } else { "volume" }.to_owned(),
        destination: place.to_owned(),
        // Only in this form, Docker keeps the labels of a volume's files.
        keeps_labels: !is_folder && !source.is_empty() && !is_podman,
        ..Mount::default()
    };
    if is_folder { &mut mount.source } else { &mut mount.name }.push_str(source);
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => mount.read_only = true,
            "bind" => mount.non_recursive = true,
            // These do not restrict the mount, are repeated for each copy, or have changed the
            // files for the container already: labels (`z`, `Z`) and owners (`U`) stay as they are.
            "rw" | "rbind" | "z" | "Z" | "U" | "copy" | "nocopy" | "consistent" | "cached"
            | "delegated" | "default" | "private" | "rprivate" | "shared" | "rshared" | "slave"
            | "rslave" | "suid" | "dev" | "exec" => {}
            // Podman sets these for each volume.
            "nosuid" | "nodev" if !is_folder && is_podman => {}
            _ => return Err(format!("its option {option} cannot be passed on")),
        }
    }
    // Podman puts the names into a list of options.
    if is_podman && [source, place].iter().any(|name| name.contains([',', '"', '='])) {
        return Err("Podman cannot be told its name".to_owned());
    }
    Ok(mount)
}

/// Parses an entry of `HostConfig.Mounts`.
fn of_entry(entry: &Value) -> Result<Mount, String> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let kind = text("Type");
    let (group, options): (&str, &[&str]) = match &*kind {
        "bind" => (
            "BindOptions",
            &[
                "Propagation",
                "NonRecursive",
                "CreateMountpoint",
                "ReadOnlyNonRecursive",
                "ReadOnlyForceRecursive",
            ],
        ),
        "volume" => ("VolumeOptions", &["NoCopy", "Labels", "DriverConfig", "Subpath"]),
        "image" => ("ImageOptions", &["Subpath"]),
        "tmpfs" => ("TmpfsOptions", &["SizeBytes", "Mode", "Options"]),
        kind => return Err(format!("it is of the kind {kind}")),
    };
    known(entry, &["Type", "Source", "Target", "ReadOnly", "Consistency", group])?;
    let given = &entry[group];
    known(given, options)?;
    let is_set = |options: &Value, key: &str| match &options[key] {
        Value::Bool(set) => Ok(*set),
        Value::Null => Ok(false),
        _ => Err(format!("its option {key} is not known")),
    };
    let subpath = match &given["Subpath"] {
        Value::String(path) => Some(path.clone()).filter(|path| !path.is_empty()),
        Value::Null => None,
        _ => return Err("its option Subpath is not known".to_owned()),
    };
    let mut mount = Mount {
        destination: text("Target"),
        read_only: is_set(entry, "ReadOnly")?,
        non_recursive: is_set(given, "NonRecursive")?,
        is_read_only_below: is_set(given, "ReadOnlyForceRecursive")?,
        subpath,
        ..Mount::default()
    };
    match &*kind {
        "volume" => mount.name = text("Source"),
        "tmpfs" => mount.memory = given.clone(),
        _ => mount.source = text("Source"),
    }
    Ok(Mount { kind, ..mount })
}

/// Checks that all options that are set are known.
fn known(options: &Value, names: &[&str]) -> Result<(), String> {
    let options = match options {
        Value::Object(options) => options,
        Value::Null => return Ok(()),
        _ => return Err("its options are not known".to_owned()),
    };
    let is_unset = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    match options.iter().find(|(name, value)| !names.contains(&name.as_str()) && !is_unset(value)) {
        Some((name, _)) => Err(format!("its option {name} is not known")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
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
            (
                "bind",
                bind(json!({"Propagation": "rshared", "CreateMountpoint": true})),
                Some(|_| true),
            ),
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
            let inspection =
                json!({"HostConfig": {"Binds": [bind]}, "Mounts": [listed("bind", "/x")]});
            let mounts = mounts(&inspection, &Inherited::default(), podman);
            let mount = &mounts[0];
            let kept = mount.lost.is_none().then_some((
                mount.read_only,
                mount.non_recursive,
                mount.keeps_labels,
            ));
            assert_eq!(kept, expected, "{bind} {mounts:?}");
        }
        for (bind, podman, keeps_labels) in [
            ("data:/x:Z,nocopy", false, true),
            ("data:/x:rw,rprivate,nosuid,nodev,rbind", true, false),
        ] {
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
        let inherited = |mount: Mount, unknown| Inherited {
            mounts: [("/x".to_owned(), mount)].into(),
            unknown,
        };
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
}
