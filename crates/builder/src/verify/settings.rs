//! Compares the settings of the two images.

use serde_json::{Map, Value};

use super::{Difference, Subject, difference};
use crate::{config, label, toolkit};

/// Compares the configs, except for the keys in which the two may differ.
pub(super) fn settings(prod: &Subject, debug: &Subject) -> Vec<Difference> {
    let mut found = Vec::new();
    let expected_path =
        path_of(&prod.config).unwrap_or(config::DEFAULT_PATH).to_owned() + ":" + toolkit::TWIN_BIN;
    if path_of(&debug.config) != Some(&expected_path) {
        let actual = path_of(&debug.config).unwrap_or("not set");
        found.push(difference(
            "config.Env.PATH",
            format!("it is {actual} in debug; expected {expected_path}"),
        ));
    }
    compare("", &comparable(prod, 0), &comparable(debug, 1), &mut found);
    found
}

fn path_of(config: &Value) -> Option<&str> {
    let env = config["config"]["Env"].as_array()?;
    env.iter().filter_map(Value::as_str).rev().find_map(|variable| variable.strip_prefix("PATH="))
}

/// Returns the config without the digests of layers, `PATH`, our labels, and the last `more` steps
/// of the history.
fn comparable(subject: &Subject, more: usize) -> Value {
    let mut config = subject.config.clone();
    let mut empty = Map::new();
    let root = config.as_object_mut().unwrap_or(&mut empty);
    if let Some(rootfs) = root.get_mut("rootfs").and_then(Value::as_object_mut) {
        rootfs.remove("diff_ids");
    }
    if let Some(history) = root.get_mut("history").and_then(Value::as_array_mut) {
        history.truncate(history.len().saturating_sub(more));
    }
    if let Some(container) = root.get_mut("config").and_then(Value::as_object_mut) {
        if let Some(env) = container.get_mut("Env").and_then(Value::as_array_mut) {
            env.retain(|variable| {
                !variable.as_str().is_some_and(|variable| variable.starts_with("PATH="))
            });
        }
        if let Some(labels) = container.get_mut("Labels").and_then(Value::as_object_mut) {
            labels.remove(label::ROLE);
            labels.remove(label::PROD);
        }
        // Engines write an empty value as null, as empty, or not at all.
        container.retain(|_, value| !is_empty(value));
    }
    config
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn compare(path: &str, prod: &Value, debug: &Value, found: &mut Vec<Difference>) {
    match (prod, debug) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let value = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&path, &value(a), &value(b), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(difference(path, format!("it is {a} in production and {b} in debug"))),
    }
}
