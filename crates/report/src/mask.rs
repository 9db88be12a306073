//! Masks what looks like a secret, in text that is handed on: values of names that indicate one,
//! passwords in addresses, tokens.
//!
//! The names are those for which `check` reports `secret-in-image`, however they are written. A
//! secret that has no name and no form is not recognized.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Stands for a secret.
const MASK: &str = "***";

/// A name that indicates a secret, in any spelling.
const NAME: &str = "(?:password|passwd|passphrase|secret|token|credentials?|api[_.-]?key|private[_.-]?key|access[_.-]?key|signing[_.-]?key)";

/// `NAME=value`, `"name": "value"`, `name: value`.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(&format!(
        r#"(?i)(?P<name>[a-z0-9_.-]*{NAME}[a-z0-9_.-]*)(?P<sign>\\?["']?\s*[=:]\s*)(?P<value>\\?"[^"]*"?|'[^']*'?|[^\s,;&"'}})\]]+)"#
    ))
});

/// `--password value`.
static OPTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(&format!(
        r"(?i)(?P<name>--?[a-z0-9_.-]*{NAME}[a-z0-9_.-]*)(?P<sign>\s+)(?P<value>[^\s-]\S*)"
    ))
});

/// `scheme://user:password@host`.
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| compile(r"(?i)(?P<before>[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+@"));

/// `Authorization: Bearer value`.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(
        r#"(?i)(?P<before>\bauthorization\\?["']?\s*[=:]\s*\\?["']?(?:[a-z]+\s+)?)[a-z0-9._~+/-]{4,}=*"#,
    )
});

/// Values that are secrets by their form: bearer tokens, JSON Web Tokens, keys of AWS, tokens of
/// GitHub and Slack.
static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(concat!(
        r"(?P<before>(?i:\bbearer\s+))[A-Za-z0-9._~+/-]{20,}=*",
        r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
        r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        r"|\bgh[pousr]_[A-Za-z0-9]{20,}",
        r"|\bxox[abprs]-[A-Za-z0-9-]{10,}",
    ))
});

/// Returns a text with its secrets masked.
pub(crate) fn secrets(text: &str) -> Cow<'_, str> {
    masked(text, false)
}

/// Returns a sentence of this program with its secrets masked. It may quote what a container wrote;
/// words after a colon are no value of the word before.
pub(crate) fn secrets_of_sentence(text: &str) -> Cow<'_, str> {
    masked(text, true)
}

fn masked(text: &str, is_sentence: bool) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    for pattern in [&ASSIGNED, &OPTION] {
        replace(&mut out, pattern.as_ref(), |found| {
            let part = |name| found.name(name).map_or("", |part| part.as_str());
            let (name, value) = (part("name"), part("value"));
            let is_prose = is_sentence
                && part("sign") == ": "
                && value.bytes().all(|byte| byte.is_ascii_lowercase());
            if is_prose || is_harmless(name, value) {
                return found[0].to_owned();
            }
            format!("{name}{}{MASK}", part("sign"))
        });
    }
    replace(&mut out, ADDRESS.as_ref(), |found| format!("{}{MASK}@", &found["before"]));
    replace(&mut out, HEADER.as_ref(), |found| format!("{}{MASK}", &found["before"]));
    replace(&mut out, FORM.as_ref(), |found| {
        format!("{}{MASK}", found.name("before").map_or("", |part| part.as_str()))
    });
    out
}

/// Names and values that are no secrets, as in the rule of `check`: the path of a mounted secret, a
/// flag.
fn is_harmless(name: &str, value: &str) -> bool {
    const ENDS: &[&str] =
        &["file", "path", "dir", "url", "name", "ttl", "id", "length", "header", "type"];
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or_default();
    let value = value.trim_matches(|c| matches!(c, '"' | '\'' | '\\'));
    ENDS.iter().any(|end| last.eq_ignore_ascii_case(end))
        || value.starts_with('/')
        || matches!(value, "" | "true" | "false" | "null" | "0" | "1" | MASK)
}

fn replace(
    text: &mut Cow<'_, str>,
    pattern: Option<&Regex>,
    with: impl Fn(&Captures<'_>) -> String,
) {
    let Some(pattern) = pattern else { return };
    if let Cow::Owned(replaced) = pattern.replace_all(text, with) {
        *text = Cow::Owned(replaced);
    }
}

/// Compiles a pattern of this module. A test shows that all of them are valid.
fn compile(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_are_valid() {
        for pattern in [&ASSIGNED, &OPTION, &ADDRESS, &HEADER, &FORM] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (text, expected) in [
            ("DB_PASSWORD=hunter2 PORT=80", "DB_PASSWORD=*** PORT=80"),
            (r#"{"dbPassword": "hun ter2", "user": "a"}"#, r#"{"dbPassword": ***, "user": "a"}"#),
            (r#"{\"token\":\"hunter2\",\"a\":1}"#, r#"{\"token\":***,\"a\":1}"#),
            ("api-key: hunter2", "api-key: ***"),
            ("/app --db-password hunter2 --port 80", "/app --db-password *** --port 80"),
            ("/app --password=hunter2", "/app --password=***"),
            ("postgres://app:hunter2@db/shop", "postgres://app:***@db/shop"),
            ("redis://:hunter2@cache:6379", "redis://:***@cache:6379"),
            ("Authorization: Bearer abcdefghijkl==", "Authorization: Bearer ***"),
            (r#""authorization":"Basic YTpi""#, r#""authorization":"Basic ***""#),
            ("Basic authentication failed", "Basic authentication failed"),
            ("got eyJhbGciOiJI.eyJzdWIiOiIx.abc_-9 back", "got *** back"),
            ("key AKIAIOSFODNN7EXAMPLE", "key ***"),
            ("DB_PASSWORD_FILE=/run/secrets/db", "DB_PASSWORD_FILE=/run/secrets/db"),
            ("token=true SECRET=/run/x", "token=true SECRET=/run/x"),
            ("no secrets here: 80 tokens left", "no secrets here: 80 tokens left"),
            ("http://web:80/a@b", "http://web:80/a@b"),
            ("wrong password for app", "wrong password for app"),
            ("password", "password"),
        ] {
            assert_eq!(secrets(text), expected);
        }
        let sentence = "X looks like a secret: everyone can read it, TOKEN=hunter2, token: 7xyz";
        let expected = "X looks like a secret: everyone can read it, TOKEN=***, token: ***";
        assert_eq!(secrets_of_sentence(sentence), expected);
    }
}
