//! The folder that the tools of a debug twin have to themselves.
//!
//! The debug layer changes this folder alone. So the twin is its production image in all else, if
//! the production image has nothing in the folder, does not lead there by a link, and does not name
//! it in its settings: a `PATH` that begins with the folder would run tools in the place of the
//! image's own programs.

use scratchdbg_image::{Node, Tree};
use serde_json::Value;

/// Relative to the root.
pub(crate) const FOLDER: &str = ".scratchdbg";
/// The beginning of the name of a whiteout (OCI image-spec, layer).
const WHITEOUT: &str = ".wh.";

/// An entry of a production image, as far as this module is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a> {
    /// Relative to the root, without `.` and `..`.
    pub path: &'a str,
    /// The target of a symbolic link or a hard link.
    pub target: Option<&'a str>,
}

/// Returns what of a production image is in the folder or leads there, as a sentence.
///
/// Whatever engines make of links in the way, they reach the folder only by its name, in the path
/// of an entry or in the target of a link. So links are not followed here.
pub(crate) fn conflict<'a>(entries: impl Iterator<Item = Listed<'a>>) -> Option<String> {
    let (mut itself, mut deep, mut has_link) = (false, None, false);
    for Listed { path, target } in entries {
        let at =
            path.split('/').position(|name| name.strip_prefix(WHITEOUT).unwrap_or(name) == FOLDER);
        match (at, target) {
            // Something in it says more.
            (Some(0), _) if path == FOLDER => itself = true,
            (Some(0), _) => return Some(format!("the production image has /{path}{IN_FOLDER}")),
            (_, Some(target)) if target.split('/').any(|name| name == FOLDER) => {
                return Some(format!(
                    "the link /{path} of the production image leads to {target}{IN_FOLDER}"
                ));
            }
            (at, target) => {
                deep = deep.or_else(|| at.map(|_| path));
                has_link |= target.is_some();
            }
        }
    }
    if itself {
        return Some(
            "the production image has /.scratchdbg, the folder of the debug tools".to_owned(),
        );
    }
    let path = deep.filter(|_| has_link)?;
    Some(format!("/{path} of the production image may be{IN_FOLDER}, by way of a link"))
}

const IN_FOLDER: &str = " in /.scratchdbg, the folder of the debug tools";

/// Like [`conflict`], for the files of an image that is being built.
pub(crate) fn conflict_of_files(files: &Tree) -> Option<String> {
    conflict(files.iter().map(|(path, entry)| {
        let target = match &entry.node {
            Node::HardLink(target) | Node::Symlink(target) => Some(target.as_str()),
            Node::Directory | Node::File(_) => None,
        };
        Listed { path, target }
    }))
}

/// Returns which setting of a production image names the folder, as a sentence. `container` is the
/// object `config` of its config.
pub(crate) fn conflict_of_settings(container: &Value) -> Option<String> {
    let mut settings = container.as_object()?.iter().filter(|(key, _)| key.as_str() != "Labels");
    let (key, text) = settings.find_map(|(key, value)| Some((key, naming(value)?)))?;
    Some(format!(
        "{key} of the production image names /{FOLDER}, the folder of the debug tools: {text}"
    ))
}

/// Returns the text in a value that names the folder.
fn naming(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => is_named(text).then_some(text),
        Value::Array(items) => items.iter().find_map(naming),
        Value::Object(members) => {
            members.iter().find_map(
                |(key, value)| if is_named(key) { Some(key.as_str()) } else { naming(value) },
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Whether the folder's name is in a text, and is not a part of a longer name.
fn is_named(text: &str) -> bool {
    let continues = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_');
    text.match_indices(FOLDER).any(|(at, name)| {
        !text[..at].ends_with(continues) && !text[at + name.len()..].starts_with(continues)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_in_the_folder_or_leads_there_is_found() {
        let link = |path, target| Listed { path, target: Some(target) };
        let file = |path| Listed { path, target: None };
        for (entries, expected) in [
            (vec![file("app"), file(".scratchdbg/app")], "has /.scratchdbg/app in"),
            (vec![file(".scratchdbg"), file(".scratchdbg/app")], "has /.scratchdbg/app in"),
            (vec![file(".scratchdbg")], "has /.scratchdbg, the folder"),
            (vec![link(".scratchdbg", "etc")], "has /.scratchdbg, the folder"),
            (vec![file(".wh..scratchdbg")], "has /.wh..scratchdbg in"),
            (vec![file(".scratchdbg/.wh.app")], "has /.scratchdbg/.wh.app in"),
            (
                vec![link("app", ".scratchdbg/app")],
                "the link /app of the production image leads to .scratchdbg/app in",
            ),
            (vec![link("a/app", "../x/../.scratchdbg")], "leads to ../x/../.scratchdbg in"),
            (
                vec![link("l", "/"), file("l/.scratchdbg/app")],
                "/l/.scratchdbg/app of the production image may be in",
            ),
            // The link is at `a/l`.
            (
                vec![file("a/l/.scratchdbg"), link("b", "a"), link("b/l", "..")],
                "/a/l/.scratchdbg of",
            ),
            (vec![link("l", "/"), file("l/.wh..scratchdbg")], "/l/.wh..scratchdbg of"),
        ] {
            let found = conflict(entries.iter().copied()).unwrap_or_default();
            assert!(found.contains(expected), "{entries:?}: {found}");
        }
        for entries in [
            vec![file("app"), file(".scratchdbg-1/app"), file("x.scratchdbg"), file(".wh.app")],
            vec![file("home/.scratchdbg/app")],
            vec![link("l", "/"), file("l/scratchdbg"), link("x", ".scratchdbg2")],
        ] {
            assert_eq!(conflict(entries.iter().copied()), None, "{entries:?}");
        }
    }

    #[test]
    fn settings_that_name_the_folder_are_found() {
        for container in [
            json!({"Env": ["A=1", "PATH=/.scratchdbg/bin:/bin"]}),
            json!({"Env": ["LD_PRELOAD=/x/../.scratchdbg/x.so"]}),
            json!({"Entrypoint": ["/.scratchdbg/app"]}),
            json!({"Cmd": ["sh", "-c", "'.scratchdbg'/bin/app"]}),
            json!({"WorkingDir": "/.scratchdbg"}),
            json!({"Volumes": {"/.scratchdbg": {}}}),
            json!({"Healthcheck": {"Test": ["CMD", "/.scratchdbg/bin/wget"]}}),
        ] {
            assert!(conflict_of_settings(&container).is_some(), "{container}");
        }
        for container in [
            json!(null),
            json!({}),
            json!({"Env": ["PATH=/bin"], "Labels": {"x": "/.scratchdbg"}, "WorkingDir": "/.scratchdbg-1"}),
            json!({"Entrypoint": ["/a.scratchdbg/app", "io.scratchdbg.prod"]}),
        ] {
            assert_eq!(conflict_of_settings(&container), None, "{container}");
        }
        let found = conflict_of_settings(&json!({"Entrypoint": ["/.scratchdbg/app"]})).unwrap();
        let expected = "Entrypoint of the production image names /.scratchdbg, the folder of the debug tools: /.scratchdbg/app";
        assert_eq!(found, expected);
    }
}
