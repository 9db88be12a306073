//! `--format '{time} {level} {msg}'`: a line of chosen fields.

use std::str::FromStr;

use thiserror::Error;

use super::Entry;
use crate::fields;
use crate::level::Level;

/// Text with fields in braces. `container`, `stream`, `time`, `level`, `line` and `run` are the
/// record's. Any other name is a field of a JSON or logfmt line (`{msg}`, `{http.status}`), or
/// empty if the line lacks it. `{{` and `}}` are literal braces.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Field(String),
}

/// An invalid template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The template has no field: every line would be the same.
    #[error(
        "the format `{0}` names no field: write text, json, or a template such as '{{time}} {{level}} {{msg}}'"
    )]
    NoField(String),
    /// A brace without its counterpart, or with nothing inside.
    #[error(
        "the format `{0}` has a brace that does not belong to a field: write fields as {{name}}, and a brace itself twice"
    )]
    Brace(String),
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(format: &str) -> Result<Self, Self::Err> {
        let brace = || TemplateError::Brace(format.into());
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace_text = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace_text) {
                text.push_str(brace_text);
                rest = after;
                continue;
            }
            if brace_text == "}" {
                return Err(brace());
            }
            let (name, after) = rest.split_once('}').ok_or_else(brace)?;
            if name.trim().is_empty() || name.contains('{') {
                return Err(brace());
            }
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(Part::Field(name.trim().into()));
            rest = after;
        }
        if parts.is_empty() {
            return Err(TemplateError::NoField(format.into()));
        }
        parts.push(Part::Text(text + rest));
        Ok(Self { parts })
    }
}

impl Template {
    /// Returns the template with the record's fields filled in.
    pub(super) fn fill(&self, entry: &Entry<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Field(name) => fill_field(&mut out, name, entry),
            }
        }
        out
    }
}

fn fill_field(out: &mut Vec<u8>, name: &str, entry: &Entry<'_>) {
    let line = entry.line;
    match name {
        "container" => out.extend_from_slice(entry.container.as_bytes()),
        "stream" => out.extend_from_slice(line.stream.as_str().as_bytes()),
        "time" => {
            out.extend(line.timestamp.iter().flat_map(|timestamp| timestamp.as_str().bytes()));
        }
        "level" => {
            out.extend(Level::of(&line.text).iter().flat_map(|level| level.as_str().bytes()));
        }
        "line" => out.extend_from_slice(&line.text),
        "run" => out.extend(entry.line.run.iter().flat_map(|run| run.to_string().into_bytes())),
        path => out.extend(fields::get(&line.text, path).iter().flat_map(|value| value.bytes())),
    }
}
