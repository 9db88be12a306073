//! Recognizes containers of scratchdbg.

mod role;

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ImageConfig, ImageInspect, MountPoint,
};
use scratchdbg_backend::launcher::LAUNCHER_NAME;

pub(crate) use self::role::Role;
use super::{Marks, image};
use crate::labels::LABEL_SESSION;

/// Whether a listed container may be ours, so that it is worth inspecting.
pub(crate) fn may_be_ours(container: &ContainerSummary) -> Option<(Role, Marks)> {
    let names = container.names.as_ref()?;
    // A second name is a link from another container.
    let [name] = &names[..] else { return None };
    let marks = Marks::read(container.labels.as_ref()?)?;
    let role = Role::of_name(name, &marks.session)?;
    role.fits_mode(&marks.mode).then_some((role, marks))
}

/// Whether a listed container is a lingering keeper, so that a session may use it. The list
/// contains its image, command line, network and mounts; inspecting it would cost another round
/// trip. Returns its process id and its labels.
pub(crate) fn is_lingering(container: &ContainerSummary) -> Option<(u32, Marks)> {
    let (Role::Keeper { pid: Some(pid) }, marks) = may_be_ours(container)? else { return None };
    marks.lingers.as_ref()?;
    let command = container.command.as_deref().unwrap_or_default();
    let network = container.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
    let ours = image::is_toolkit_name(container.image.as_deref()?)
        && is_keeping(&command.split_ascii_whitespace().collect::<Vec<_>>())
        && container.mounts.as_deref().unwrap_or_default().is_empty()
        // Podman's list does not contain the network.
        && network.is_none_or(|network| network.is_empty() || network == "none");
    ours.then_some((pid, marks))
}

/// Whether a container is ours, from all that the engine knows about it and its image. The image is
/// `None` if it is gone: what an image says is no proof of the demo's container, so that one is
/// found all the same. An engine that is busy makes it after its images have been removed.
pub(crate) fn is_ours(
    container: &ContainerInspectResponse,
    of: Option<&ImageInspect>,
) -> Option<(Role, Marks)> {
    let config = container.config.as_ref()?;
    let host = container.host_config.as_ref()?;
    let marks = Marks::read(config.labels.as_ref()?)?;
    let role = Role::of_name(container.name.as_deref()?, &marks.session)?;
    let log = host.log_config.as_ref().and_then(|log| log.typ.as_deref());
    // The log of the demo's application is meant to be read.
    let keeps_no_log = role == Role::Demo || log.is_none_or(|log| log == "none");
    let of_any_role = role.fits_mode(&marks.mode) && host.auto_remove == Some(true) && keeps_no_log;
    let is_images_session =
        |of: &ImageInspect| is_images_session(of.config.as_ref(), &marks.session);
    let image_name = config.image.as_deref()?;
    let command: Vec<&str> =
        config.entrypoint.iter().chain(&config.cmd).flatten().map(String::as_str).collect();
    let namespace = host.pid_mode.as_deref().unwrap_or_default();
    let network = host.network_mode.as_deref().unwrap_or_default();
    let mounts = container.mounts.as_deref().unwrap_or_default();
    let of_its_role = match role {
        Role::Keeper { .. } => {
            image::is_toolkit_name(image_name)
                && of.is_some_and(image::is_toolkit)
                && is_keeping(&command)
                && config.open_stdin == Some(true)
                && config.tty != Some(true)
                && host.readonly_rootfs == Some(true)
                && network == "none"
                && mounts.is_empty()
                && if marks.mode == "copy" {
                    !namespace.starts_with("container:") && namespace != "host"
                } else {
                    namespace == format!("container:{}", marks.target)
                }
        }
        Role::Shell => {
            let is_own_copy = image::session_of_copy(image_name) == Some(&marks.session);
            of.is_some_and(|of| is_own_copy || !is_images_session(of))
                && command.contains(&&*marks.session)
                && config.open_stdin == Some(true)
                && match namespace.strip_prefix("container:") {
                    Some(other) => marks.mode == "copy" || other == marks.target,
                    None => false,
                }
        }
        Role::Demo => {
            image::session_of_demo(image_name) == Some(&marks.session)
                && image::are_demos(&marks)
                && config.open_stdin == Some(true)
                && config.tty != Some(true)
                && host.readonly_rootfs == Some(true)
                && network == "none"
                && mounts.is_empty()
                && namespace.strip_prefix("container:").is_none()
        }
        Role::Files => {
            of.is_some_and(|of| !is_images_session(of))
                && network == "none"
                && !mounts.iter().any(is_from_elsewhere)
                && namespace.strip_prefix("container:").is_none()
        }
    };
    (of_any_role && of_its_role).then_some((role, marks))
}

/// Whether a command line has the form `…/scratchdbg-launcher keep …`.
fn is_keeping(command: &[&str]) -> bool {
    let program = command.first().and_then(|program| program.rsplit('/').next());
    program == Some(LAUNCHER_NAME) && command.contains(&"keep")
}

/// Whether the container may have this session's label from its image. If the image has another
/// session, the creator of the container has set the label: an image cannot fake that.
fn is_images_session(config: Option<&ImageConfig>, session: &str) -> bool {
    let of_image = config
        .and_then(|config| config.labels.as_ref())
        .and_then(|labels| labels.get(LABEL_SESSION));
    of_image.is_some_and(|of_image| of_image == session)
}

/// Whether a mount is anything but a volume that the image declares.
fn is_from_elsewhere(mount: &MountPoint) -> bool {
    mount.typ.as_deref() != Some("volume")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{SESSION, labels};
    use super::*;

    fn keeper() -> Value {
        let target = "ab".repeat(32);
        json!({
            "Name": format!("/scratchdbg-{SESSION}"),
            "Config": {
                "Image": "scratchdbg/toolkit:0123456789ab",
                "Labels": labels(),
                "Entrypoint": ["/bin/scratchdbg-launcher"],
                "Cmd": ["keep"],
                "OpenStdin": true,
                "Tty": false,
            },
            "HostConfig": {
                "AutoRemove": true,
                "LogConfig": {"Type": "none"},
                "ReadonlyRootfs": true,
                "NetworkMode": "none",
                "PidMode": format!("container:{target}"),
            },
            "Mounts": [],
        })
    }

    fn toolkit() -> Value {
        json!({
            "Config": {"Env": ["PATH=/bin"], "Labels": {"io.scratchdbg.role": "toolkit", "io.scratchdbg.layout": "1"}},
            "RootFS": {"Type": "layers", "Layers": ["sha256:1"]},
        })
    }

    fn copy() -> Value {
        let mut copy = keeper();
        copy["Name"] = format!("/scratchdbg-{SESSION}-shell").into();
        copy["Config"]["Image"] = "shop/app:1".into();
        copy["Config"]["Labels"]["io.scratchdbg.mode"] = "copy".into();
        copy["Config"]["Entrypoint"] =
            json!(["/proc/1/root/bin/scratchdbg-launcher", "run", "1", SESSION, "sh"]);
        copy["Config"]["Cmd"] = json!([]);
        copy["HostConfig"]["ReadonlyRootfs"] = false.into();
        copy["HostConfig"]["NetworkMode"] = "shop".into();
        copy["HostConfig"]["PidMode"] = format!("container:{}", "cd".repeat(32)).into();
        copy["Mounts"] = json!([{"Type": "volume", "Name": "data", "Destination": "/data"}]);
        copy
    }

    fn app() -> Value {
        json!({"Config": {"Labels": {"maintainer": "shop"}}, "RootFS": {"Type": "layers", "Layers": ["sha256:2"]}})
    }

    fn decide(container: &Value, image: &Value) -> Option<Role> {
        let container = serde_json::from_value(container.clone()).unwrap();
        let image = serde_json::from_value(image.clone()).unwrap();
        is_ours(&container, Some(&image)).map(|(role, _)| role)
    }

    #[test]
    fn what_we_make_is_ours() {
        assert_eq!(decide(&keeper(), &toolkit()), Some(Role::Keeper { pid: None }));
        let mut lingering = keeper();
        lingering["Name"] = format!("/scratchdbg-{SESSION}-pid77").into();
        assert_eq!(decide(&lingering, &toolkit()), Some(Role::Keeper { pid: Some(77) }));
        assert_eq!(decide(&copy(), &app()), Some(Role::Shell));
        let mut of_commit = copy();
        of_commit["Config"]["Image"] = format!("scratchdbg/copy:{SESSION}").into();
        let mut commit = app();
        commit["Config"]["Labels"]["io.scratchdbg.session"] = SESSION.into();
        assert_eq!(decide(&of_commit, &commit), Some(Role::Shell));
    }

    #[test]
    fn what_the_demo_makes_is_ours_and_nothing_like_it() {
        let demo = || {
            let mut demo = keeper();
            demo["Name"] = format!("/scratchdbg-{SESSION}-demo").into();
            demo["Config"]["Image"] = format!("scratchdbg/demo:{SESSION}").into();
            demo["Config"]["Labels"]["io.scratchdbg.mode"] = "demo".into();
            demo["Config"]["Labels"]["io.scratchdbg.target"] = "".into();
            demo["Config"]["Labels"]["io.scratchdbg.client"] =
                crate::client::own_mark().unwrap().into();
            demo["HostConfig"]["LogConfig"]["Type"] = "json-file".into();
            demo["HostConfig"]["PidMode"] = "".into();
            demo
        };
        assert_eq!(decide(&demo(), &app()), Some(Role::Demo));
        let without_image = |container: Value| {
            is_ours(&serde_json::from_value(container).unwrap(), None).map(|(role, _)| role)
        };
        assert_eq!(without_image(demo()), Some(Role::Demo));
        assert_eq!((without_image(keeper()), without_image(copy())), (None, None));
        for (path, value) in [
            ("/Name", json!(format!("/scratchdbg-{SESSION}"))),
            ("/Config/Image", json!("shop/app:1")),
            ("/Config/Image", json!("scratchdbg/demo:fedcba9876543210")),
            ("/Config/Labels/io.scratchdbg.mode", json!("exec")),
            ("/Config/Labels/io.scratchdbg.target", json!("ab".repeat(32))),
            ("/Config/Labels/io.scratchdbg.client", json!("0123456789abcdef-7-8")),
            ("/Config/OpenStdin", json!(false)),
            ("/HostConfig/AutoRemove", json!(false)),
            ("/HostConfig/ReadonlyRootfs", json!(false)),
            ("/HostConfig/NetworkMode", json!("bridge")),
            ("/HostConfig/PidMode", json!("container:0123")),
            ("/Mounts", json!([{"Type": "volume", "Destination": "/data"}])),
        ] {
            let mut other = demo();
            *other.pointer_mut(path).expect(path) = value.clone();
            assert_eq!(decide(&other, &app()), None, "{path} {value}");
        }
    }

    /// Another user could create each of these containers if one check were missing.
    #[test]
    fn what_lacks_anything_that_an_image_cannot_set_is_not() {
        let foreign = format!("/scratchdbg-{SESSION}x");
        for (path, value) in [
            ("/Name", json!("/web")),
            ("/Name", json!("/scratchdbg-fedcba9876543210")),
            ("/Name", json!(foreign)),
            ("/Name", json!(format!("/scratchdbg-{SESSION}-pid"))),
            ("/Name", json!(format!("/scratchdbg-{SESSION}-pid07"))),
            ("/Config/Image", json!("evil/toolkit:1")),
            ("/Config/Image", json!("registry.example/scratchdbg/toolkit:0123456789ab")),
            ("/Config/Image", json!("scratchdbg/toolkit:latest")),
            ("/Config/Entrypoint", json!(["/bin/sleep"])),
            ("/Config/Entrypoint", Value::Null),
            ("/Config/Cmd", json!(["1000"])),
            ("/Config/OpenStdin", json!(false)),
            ("/Config/Tty", json!(true)),
            ("/Config/Labels/io.scratchdbg.mode", json!("files")),
            ("/HostConfig/AutoRemove", json!(false)),
            ("/HostConfig/LogConfig/Type", json!("json-file")),
            ("/HostConfig/ReadonlyRootfs", json!(false)),
            ("/HostConfig/NetworkMode", json!("bridge")),
            ("/HostConfig/PidMode", json!("")),
            ("/HostConfig/PidMode", json!("container:0123")),
            ("/Mounts", json!([{"Type": "volume", "Destination": "/data"}])),
        ] {
            let mut container = keeper();
            *container.pointer_mut(path).expect(path) = value.clone();
            assert_eq!(decide(&container, &toolkit()), None, "{path} {value}");
        }
        for (path, value) in [
            ("/Config/Labels/io.scratchdbg.role", json!("debug")),
            (
                "/Config/Labels",
                json!({"io.scratchdbg.session": SESSION, "io.scratchdbg.role": "toolkit"}),
            ),
            ("/Config/Env", json!(["PATH=/bin", "LD_PRELOAD=/evil"])),
            ("/RootFS/Layers", json!(["sha256:1", "sha256:2"])),
            ("/RootFS/Layers", json!([])),
        ] {
            let mut image = toolkit();
            *image.pointer_mut(path).expect(path) = value.clone();
            assert_eq!(decide(&keeper(), &image), None, "{path} {value}");
        }
        let mut labeled = app();
        labeled["Config"]["Labels"]["io.scratchdbg.session"] = SESSION.into();
        assert_eq!(decide(&copy(), &labeled), None, "the label is the image's");
        labeled["Config"]["Labels"]["io.scratchdbg.session"] = "fedcba9876543210".into();
        assert_eq!(decide(&copy(), &labeled), Some(Role::Shell), "an image does not hide its copy");
        for (path, value) in [
            ("/Config/Entrypoint", json!(["/bin/sleep", "1000"])),
            ("/Config/OpenStdin", json!(false)),
            ("/Config/Labels/io.scratchdbg.mode", json!("exec")),
            ("/Config/Labels/io.scratchdbg.mode", json!("sidecar")),
            ("/HostConfig/AutoRemove", json!(false)),
            ("/HostConfig/LogConfig/Type", json!("json-file")),
            ("/HostConfig/PidMode", json!("")),
            ("/HostConfig/PidMode", json!("host")),
        ] {
            let mut container = copy();
            *container.pointer_mut(path).expect(path) = value.clone();
            assert_eq!(decide(&container, &app()), None, "{path} {value}");
        }
    }

    #[test]
    fn a_lingering_keeper_is_known_from_a_list() {
        let mut labels = labels();
        labels.insert("io.scratchdbg.expires-at".to_owned(), "2030-01-01T00:00:00Z".to_owned());
        labels.insert("io.scratchdbg.lingers".to_owned(), "0:0 tools".to_owned());
        let listed = json!({
            "Names": [format!("/scratchdbg-{SESSION}-pid77")],
            "Image": "scratchdbg/toolkit:0123456789ab",
            "Command": "/bin/scratchdbg-launcher keep 600",
            "Labels": labels,
            "HostConfig": {"NetworkMode": "none"},
            "Mounts": [],
        });
        let pid = |listed: &Value| {
            Some(is_lingering(&serde_json::from_value(listed.clone()).unwrap())?.0)
        };
        assert_eq!(pid(&listed), Some(77));
        for (path, value) in [
            ("/Names", json!(["/keeper-pid77"])),
            ("/Names", json!([format!("/scratchdbg-{SESSION}")])),
            ("/Names", json!([format!("/scratchdbg-{SESSION}-pid77"), "/web/link"])),
            ("/Image", json!("evil:1")),
            ("/Command", json!("/app")),
            ("/Mounts", json!([{"Type": "bind", "Source": "/srv", "Destination": "/bin"}])),
            ("/HostConfig/NetworkMode", json!("bridge")),
        ] {
            let mut other = listed.clone();
            *other.pointer_mut(path).expect(path) = value.clone();
            assert_eq!(pid(&other), None, "{path} {value}");
        }
    }
}
