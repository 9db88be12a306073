//! Recognizes images of scratchdbg.

use bollard::models::{ImageInspect, ImageSummary};
use serde_json::Value;

use super::{Marks, familiar, is_session};

/// The repository of the images that store a container's file system during a session.
pub(crate) const COPIES: &str = "scratchdbg/copy";
/// The repository of the demo's images.
pub(crate) const DEMOS: &str = "scratchdbg/demo";
/// The repository of toolkit images.
const TOOLKITS: &str = "scratchdbg/toolkit";
/// The labels of a toolkit image; see `builder`.
const LABEL_ROLE: &str = "io.scratchdbg.role";
const LABEL_LAYOUT: &str = "io.scratchdbg.layout";
/// The environment of a toolkit image.
const TOOLKIT_ENV: [&str; 1] = ["PATH=/bin"];

/// Whether a reference has the form of a toolkit image's: its tag is a prefix of a digest.
pub(super) fn is_toolkit_name(reference: &str) -> bool {
    let name = familiar(reference).strip_prefix(TOOLKITS).and_then(|rest| rest.strip_prefix(':'));
    name.is_some_and(|tag| tag.len() >= 12 && tag.bytes().all(super::is_lower_hex))
}

/// Whether an image has the form of a toolkit image of any version: one layer, and no settings
/// except `PATH`.
pub(crate) fn is_toolkit(image: &ImageInspect) -> bool {
    let layers = image.root_fs.as_ref().and_then(|root| root.layers.as_deref()).unwrap_or_default();
    let config = image.config.as_ref().and_then(|config| serde_json::to_value(config).ok());
    layers.len() == 1 && config.is_some_and(|config| is_toolkits_config(&config))
}

/// Whether these are exactly the settings of a toolkit image, as an engine reports them. Any other
/// setting is refused, whatever its name: for example, a health check would run in every container
/// created from the image.
pub(crate) fn is_toolkits_config(config: &Value) -> bool {
    let is_ours = |(key, value): (&String, &Value)| match key.as_str() {
        "Env" => *value == serde_json::json!(TOOLKIT_ENV),
        "Labels" => are_toolkits_labels(value),
        // The default working directory.
        "WorkingDir" => *value == "/" || is_nothing(value),
        _ => is_nothing(value),
    };
    let Some(settings) = config.as_object() else { return false };
    ["Env", "Labels"].iter().all(|key| settings.contains_key(*key)) && settings.iter().all(is_ours)
}

fn are_toolkits_labels(labels: &Value) -> bool {
    let of_form = |(key, value): (&String, &Value)| match (key.as_str(), value.as_str()) {
        (LABEL_ROLE, Some(role)) => role == "toolkit",
        (LABEL_LAYOUT, Some(layout)) => {
            !layout.is_empty() && layout.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    };
    labels
        .as_object()
        .is_some_and(|labels| labels.contains_key(LABEL_ROLE) && labels.iter().all(of_form))
}

/// Whether an engine reports this value for a setting that is absent.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_set) => !is_set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// Returns the session in the name of an image that may be a copy.
pub(super) fn session_of_copy(reference: &str) -> Option<&str> {
    let session = familiar(reference).strip_prefix(COPIES)?.strip_prefix(':')?;
    is_session(session).then_some(session)
}

/// Returns the reference and labels of a listed image that may be the file system of a copy. An
/// image with a further name is in use by another program or user.
pub(crate) fn may_be_copy(image: &ImageSummary) -> Option<(&str, Marks)> {
    let [reference] = &image.repo_tags[..] else { return None };
    let marks = Marks::read(&image.labels)?;
    let is_copy = session_of_copy(reference) == Some(&marks.session)
        && marks.mode == "copy"
        && !marks.target.is_empty();
    is_copy.then_some((reference, marks))
}

/// Returns the session in the name of one of the demo's images: the production image, or its twin.
pub(super) fn session_of_demo(reference: &str) -> Option<&str> {
    let tag = familiar(reference).strip_prefix(DEMOS)?.strip_prefix(':')?;
    let session = tag.strip_suffix("-debug").unwrap_or(tag);
    is_session(session).then_some(session)
}

/// Returns the reference and labels of a listed image that the demo created. The image has no other
/// name, and the mark of a client of this machine, which nobody elsewhere can know.
pub(crate) fn is_demo(image: &ImageSummary) -> Option<(&str, Marks)> {
    let [reference] = &image.repo_tags[..] else { return None };
    let marks = Marks::read(&image.labels)?;
    (session_of_demo(reference) == Some(&marks.session) && are_demos(&marks))
        .then_some((reference, marks))
}

/// Whether these labels were set by the demo, in a client of this machine.
pub(super) fn are_demos(marks: &Marks) -> bool {
    marks.mode == super::MODE_DEMO
        && marks.target.is_empty()
        && marks.client.as_deref().is_some_and(crate::client::is_of_this_machine)
}

/// Whether an image that may be a copy is one: it has the layers of its original's image and one
/// more. If the original is gone, it must have been created by a client of this machine, whose mark
/// nobody elsewhere can know.
pub(crate) fn is_copy(marks: &Marks, grown: Option<bool>) -> bool {
    grown.unwrap_or_else(|| marks.client.as_deref().is_some_and(crate::client::is_of_this_machine))
}

/// Whether an image has the layers of another and exactly one more.
pub(crate) fn is_grown_from(image: &ImageInspect, base: &ImageInspect) -> bool {
    let layers = |image: &ImageInspect| {
        image.root_fs.as_ref().and_then(|root| root.layers.clone()).unwrap_or_default()
    };
    let (layers, base) = (layers(image), layers(base));
    !base.is_empty() && layers.split_last().is_some_and(|(_written, shared)| shared == base)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{SESSION, labels};
    use super::*;

    #[test]
    fn names_of_toolkits() {
        for (reference, expected) in [
            ("scratchdbg/toolkit:0123456789ab", true),
            ("localhost/scratchdbg/toolkit:0123456789ab", true),
            ("docker.io/scratchdbg/toolkit:0123456789ab", true),
            ("scratchdbg/toolkit:0123", false),
            ("scratchdbg/toolkit:latest-version", false),
            ("scratchdbg/toolkit", false),
            ("ghcr.io/scratchdbg/toolkit:0123456789ab", false),
            ("0123456789ab", false),
        ] {
            assert_eq!(is_toolkit_name(reference), expected, "{reference}");
        }
    }

    #[test]
    fn a_toolkits_image_has_no_setting_that_ours_has_not() {
        let settings = || {
            json!({
                "Hostname": "", "User": "", "AttachStdin": false, "Env": ["PATH=/bin"], "Cmd": null, "Image": "",
                "Volumes": null, "WorkingDir": "", "Entrypoint": null, "OnBuild": null,
                "Labels": {"io.scratchdbg.role": "toolkit", "io.scratchdbg.layout": "1"},
            })
        };
        assert!(is_toolkits_config(&settings()));
        for (key, value) in
            [("WorkingDir", json!("/")), ("Cmd", json!([])), ("ExposedPorts", json!({}))]
        {
            let mut same = settings();
            same[key] = value;
            assert!(is_toolkits_config(&same), "{key}");
        }
        for (key, value) in [
            ("Healthcheck", json!({"Test": ["CMD", "/bin/sh", "-c", "id"]})),
            ("Healthcheck", json!({"Test": ["NONE"]})),
            ("WorkingDir", json!("/session")),
            ("StopSignal", json!("SIGKILL")),
            ("User", json!("0")),
            ("Env", json!(["PATH=/bin", "ENV=/rc"])),
            ("Env", json!(["PATH=/evil"])),
            ("Env", json!(null)),
            ("Volumes", json!({"/bin": {}})),
            ("OnBuild", json!(["RUN id"])),
            ("Shell", json!(["/bin/evil"])),
            ("ExposedPorts", json!({"80/tcp": {}})),
            ("Cmd", json!(["sh"])),
            ("Entrypoint", json!(["sh"])),
            ("ArgsEscaped", json!(true)),
            ("Labels", json!({"io.scratchdbg.role": "toolkit", "io.scratchdbg.session": SESSION})),
            ("Labels", json!({"io.scratchdbg.role": "toolkit", "io.scratchdbg.layout": "x"})),
            ("Labels", json!({"io.scratchdbg.role": "debug", "io.scratchdbg.layout": "1"})),
            ("Labels", json!({})),
            ("StopTimeout", json!(5)),
            ("OfTheFuture", json!("something")),
        ] {
            let mut forged = settings();
            forged[key] = value.clone();
            assert!(!is_toolkits_config(&forged), "{key}: {value}");
        }
        assert!(!is_toolkits_config(&json!({})) && !is_toolkits_config(&Value::Null));
    }

    fn listed(tags: &[&str], mode: &str) -> ImageSummary {
        let mut labels = labels();
        labels.insert("io.scratchdbg.mode".to_owned(), mode.to_owned());
        ImageSummary {
            repo_tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            labels,
            ..ImageSummary::default()
        }
    }

    #[test]
    fn an_image_of_a_copy_has_its_session_in_its_name_and_no_other_name() {
        let name = format!("{COPIES}:{SESSION}");
        let other = format!("{COPIES}:fedcba9876543210");
        let podmans = format!("localhost/{name}");
        for (tags, mode, expected) in [
            (&[&*name][..], "copy", true),
            (&[&podmans], "copy", true),
            (&[&name], "exec", false),
            (&[&name, "shop/kept:1"], "copy", false),
            (&["shop/app:1"], "copy", false),
            (&[&other], "copy", false),
            (&[], "copy", false),
        ] {
            assert_eq!(may_be_copy(&listed(tags, mode)).is_some(), expected, "{tags:?} {mode}");
        }
    }

    #[test]
    fn an_image_of_the_demo_is_of_a_client_of_this_machine() {
        let (name, twin) =
            (format!("{DEMOS}:{SESSION}"), format!("localhost/{DEMOS}:{SESSION}-debug"));
        let other = format!("{DEMOS}:fedcba9876543210");
        let image = |tags: &[&str], mode: &str, client: Option<String>, target: &str| {
            let mut image = listed(tags, mode);
            image.labels.insert("io.scratchdbg.target".to_owned(), target.to_owned());
            image.labels.extend(client.map(|mark| ("io.scratchdbg.client".to_owned(), mark)));
            is_demo(&image).is_some()
        };
        let own = crate::client::own_mark;
        assert!(image(&[&name], "demo", own(), "") && image(&[&twin], "demo", own(), ""));
        let target = "ab".repeat(32);
        for (tags, mode, client, target) in [
            (&[&*name][..], "demo", None, ""),
            (&[&name], "copy", own(), ""),
            (&[&name], "demo", own(), &*target),
            (&[&name, "shop/kept:1"], "demo", own(), ""),
            (&["shop/app:1"], "demo", own(), ""),
            (&[&other], "demo", own(), ""),
            (&[], "demo", own(), ""),
        ] {
            assert!(!image(tags, mode, client, target), "{tags:?} {mode} {target}");
        }
    }

    #[test]
    fn a_copy_has_one_layer_more_than_its_original() {
        let image = |layers: &[&str]| -> ImageInspect {
            serde_json::from_value(json!({"RootFS": {"Type": "layers", "Layers": layers}})).unwrap()
        };
        for (layers, base, expected) in [
            (&["1", "2"][..], &["1"][..], true),
            (&["1"], &["1"], false),
            (&["1", "2", "3"], &["1"], false),
            (&["3", "2"], &["1"], false),
            (&["1"], &[], false),
            (&[], &[], false),
        ] {
            assert_eq!(
                is_grown_from(&image(layers), &image(base)),
                expected,
                "{layers:?} {base:?}"
            );
        }
        // Nobody on another machine can know the mark of a client of this one.
        let mut marks = Marks::read(&labels()).unwrap();
        assert!(
            is_copy(&marks, Some(true)) && !is_copy(&marks, Some(false)) && !is_copy(&marks, None)
        );
        marks.client = crate::client::own_mark();
        assert!(is_copy(&marks, None) && !is_copy(&marks, Some(false)));
    }
}
