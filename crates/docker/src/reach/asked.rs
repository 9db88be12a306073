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
mod tests;
