//! The file: TOML with known settings only.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Invalid, Key, Source, Toolkits};

/// The content of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[derive(Default)]
struct Content {
    color: Option<String>,
    time_zone: Option<String>,
    toolkit: Option<String>,
    user: Option<String>,
    kubernetes: Kubernetes,
    toolkits: BTreeMap<String, OneOrMore>,
}

/// A text, or a list of texts.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Kubernetes {
    toolkit: Option<String>,
}

/// Returns the settings in the file's text, and its names for tools. `home` is the user's folder.
pub(crate) fn parse(
    text: &str,
    home: Option<&str>,
) -> Result<(Vec<(Key, String)>, Toolkits), Invalid> {
    let content: Content = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or(text);
            format!("line {}: ", before.matches('\n').count() + 1)
        });
        let message = error.message().lines().collect::<Vec<_>>().join(": ");
        Invalid { source: Source::File, reason: format!("{}{message}", line.unwrap_or_default()) }
    })?;
    let values = [
        (Key::Color, content.color),
        (Key::TimeZone, content.time_zone),
        (Key::Toolkit, content.toolkit),
        (Key::User, content.user),
        (Key::KubernetesToolkit, content.kubernetes.toolkit),
    ];
    let table = content.toolkits.into_iter().map(|(name, texts)| {
        let texts = match texts {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(texts) => texts,
        };
        (name, texts)
    });
    let toolkits = Toolkits::new(table.collect(), home)
        .map_err(|reason| Invalid { source: Source::File, reason })?;
    Ok((values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(), toolkits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_told_with_their_line() {
        let cases = [
            ("tookit = 'a'", "line 1: unknown field `tookit`"),
            ("color = 'auto'\nuser = 0", "line 2: invalid type: integer `0`"),
            ("user = 'a'\nuser = 'b'", "line 2: "),
            ("[kubernetes]\ncolor = 'auto'", "line 2: unknown field `color`"),
            ("user = 'a", "line 1: "),
            ("{\"kubernetes\": {}}", "line 1: "),
            ("kubernetes = 7", "line 1: invalid type"),
            ("user = 'a'\n[toolkits]\ncurl = 7", "line 3: expected a text, or a list of texts"),
            ("toolkits.curl = []", "toolkits.curl: it has paths"),
            ("toolkits.curl = './curl'", "toolkits.curl: `./curl` is neither"),
        ];
        for (text, wanted) in cases {
            let reason = parse(text, None).unwrap_err().reason;
            assert!(reason.starts_with(wanted), "{text}: {reason}");
            assert_eq!(reason.lines().count(), 1, "{reason}");
        }
    }
}
