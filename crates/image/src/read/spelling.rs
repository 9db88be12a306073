//! Config documents whose keys are not spelled as the image specification has them.
//!
//! Engines are written in Go, whose `encoding/json` takes a key in any case: `entrypoint` is
//! `Entrypoint`. Of several spellings, the last counts, and objects are merged.

use serde_json::{Map, Value};

use super::ordered::{Json, is_same};

const IMAGE: &[&str] =
    &["created", "author", "architecture", "variant", "os", "config", "rootfs", "history"];
const CONTAINER: &[&str] = &[
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Healthcheck",
    "Shell",
    "OnBuild",
];
pub(super) const HEALTHCHECK: &[&str] =
    &["Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"];
pub(super) const ROOTFS: &[&str] = &["type", "diff_ids"];
pub(super) const HISTORY: &[&str] = &["created", "created_by", "author", "comment", "empty_layer"];

/// Returns a config document with each known key in the specification's spelling. `Entrypoint` and
/// `Cmd` are lists, which Docker takes as one string too; `null` is left out, and in a list an
/// empty string.
///
/// # Errors
/// If the document is not JSON.
pub fn spelled(document: &[u8]) -> Result<Value, serde_json::Error> {
    let image = serde_json::from_slice(document)?;
    Ok(object(image, IMAGE, &|key, value| match key {
        "config" => object(value, CONTAINER, &|key, value| match (key, value) {
            ("Healthcheck", value) => object(value, HEALTHCHECK, &|_, value| list(value.into())),
            ("Entrypoint" | "Cmd", Json::Scalar(Value::String(word))) => {
                Value::Array(vec![Value::String(word)])
            }
            ("Entrypoint" | "Cmd" | "Env", value) => list(value.into()),
            (_, value) => value.into(),
        }),
        "rootfs" => object(value, ROOTFS, &|_, value| value.into()),
        "history" => match value {
            Json::Array(steps) => steps
                .into_iter()
                .map(|step| object(step, HISTORY, &|_, value| value.into()))
                .collect(),
            other => other.into(),
        },
        _ => value.into(),
    }))
}

/// Spells the keys of an object. `convert` gets each known key in its own spelling.
fn object(json: Json, keys: &[&'static str], convert: &dyn Fn(&str, Json) -> Value) -> Value {
    let Json::Object(members) = json else { return json.into() };
    let mut spelled: Vec<(String, Json)> = Vec::new();
    for (key, value) in members {
        let Some(known) = keys.iter().find(|known| is_same(known, &key)) else {
            spelled.push((key, value));
            continue;
        };
        match (spelled.iter_mut().find(|(key, _)| key == known), value) {
            (None, value) => spelled.push(((*known).to_owned(), value)),
            (Some((_, Json::Object(before))), Json::Object(more)) => before.extend(more),
            (Some((_, before)), value) => *before = value,
        }
    }
    let is_null = |value: &Json| matches!(value, Json::Scalar(Value::Null));
    let known = |key: &str| keys.contains(&key);
    let members = spelled.into_iter().filter(|(key, value)| !(known(key) && is_null(value)));
    Value::Object(
        members
            .map(|(key, value)| {
                let value = if known(&key) { convert(&key, value) } else { value.into() };
                (key, value)
            })
            .collect::<Map<_, _>>(),
    )
}

/// Go reads `null` in a list of strings as an empty one.
fn list(value: Value) -> Value {
    let text = |item| if item == Value::Null { Value::String(String::new()) } else { item };
    match value {
        Value::Array(items) => items.into_iter().map(text).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(config: &str) -> Value {
        spelled(format!("{{\"config\":{config}}}").as_bytes()).unwrap()["config"].clone()
    }

    #[test]
    fn keys_are_taken_in_any_case() {
        for (config, expected) in [
            (r#"{"entrypoint":["/a"],"cmd":["b"]}"#, json!({"Entrypoint": ["/a"], "Cmd": ["b"]})),
            (r#"{"ENTRYPOINT":["/a"],"USER":"5"}"#, json!({"Entrypoint": ["/a"], "User": "5"})),
            (
                "{\"WorKingdir\":\"/x\",\"U\u{17f}er\":\"5\"}",
                json!({"WorkingDir": "/x", "User": "5"}),
            ),
            ("{\"Wor\u{212a}ingDir\":\"/x\"}", json!({"WorkingDir": "/x"})),
            // The last one counts, whatever its spelling.
            (r#"{"entryPoint":["/a"],"Entrypoint":["/b"]}"#, json!({"Entrypoint": ["/b"]})),
            (r#"{"Entrypoint":["/b"],"entryPoint":["/a"]}"#, json!({"Entrypoint": ["/a"]})),
            (
                r#"{"Labels":{"A":"1","a":"2"},"labels":{"b":"3"}}"#,
                json!({"Labels": {"A": "1", "a": "2", "b": "3"}}),
            ),
            (
                r#"{"healthcheck":{"test":["CMD",null]}}"#,
                json!({"Healthcheck": {"Test": ["CMD", ""]}}),
            ),
            // A string in the place of a list, and null.
            (r#"{"Entrypoint":"/a","Cmd":null,"User":null}"#, json!({"Entrypoint": ["/a"]})),
            (r#"{"Entrypoint":[null,"/a"]}"#, json!({"Entrypoint": ["", "/a"]})),
            // What is not known stays as it is.
            (
                r#"{"Entry":1,"entrypoints":null,"x":1.5}"#,
                json!({"Entry": 1, "entrypoints": null, "x": 1.5}),
            ),
            ("null", Value::Null),
            ("7", json!(7)),
        ] {
            assert_eq!(container(config), expected, "{config}");
        }
        let image =
            spelled(br#"{"OS":"linux","RootFS":{"Diff_IDs":["x"]},"Config":{"user":"5"},"history":[{"Comment":"c"}]}"#);
        let expected = json!({
            "os": "linux", "rootfs": {"diff_ids": ["x"]}, "config": {"User": "5"}, "history": [{"comment": "c"}]
        });
        assert_eq!(image.unwrap(), expected);
        for bad in [&b""[..], b"{", b"\xff", b"{\"a\":1}x"] {
            assert!(spelled(bad).is_err());
        }
        assert!(spelled("[".repeat(100_000).as_bytes()).is_err(), "too deep");
    }
}
