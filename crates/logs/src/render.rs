//! Records as output: text, raw bytes, JSON lines, or a template of chosen fields.

mod color;
mod prefix;
mod template;

pub use prefix::{Prefixes, shorten};
pub use template::{Template, TemplateError};

use base64::Engine as _;
use regex::bytes::Regex;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::escape::LineEscaper;
use crate::fields;
use crate::frame::Stream;
use crate::level::Level;
use crate::line::{Ending, Line};

/// The format of a record.
#[derive(Clone, Debug)]
pub enum Format {
    /// The line, optionally with a prefix and its timestamp.
    Text,
    /// The container's bytes, and nothing else.
    Raw,
    /// One JSON object per line: `{container, stream, time, line}`, and where known `level`,
    /// `fields`, `run`. Also `line_base64` if the line is not UTF-8 (`line` then has U+FFFD in
    /// place of invalid bytes), and `cut`, the number of bytes dropped from the end of an overlong
    /// line.
    Json,
    /// Chosen fields.
    Template(Template),
}

/// The settings of a renderer.
#[derive(Clone, Debug)]
pub struct Style {
    /// The format of a record.
    pub format: Format,
    /// Text: whether to write each line's timestamp.
    pub timestamps: bool,
    /// Whether the output is a terminal. If so, text that could control the terminal is escaped.
    /// Otherwise text is exact.
    pub terminal: bool,
    /// Text: whether to color lines by their level and stream, timestamps, and matches.
    pub color: bool,
    /// Text: what to highlight, if colors are on.
    pub highlight: Vec<Regex>,
}

/// A line and its origin.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The container's name.
    pub container: &'a str,
    /// The prefix from [`Prefixes`], or nothing. For [`Format::Text`] only; written unchanged.
    pub prefix: &'a str,
    /// The line, or the lines of a stack trace.
    pub line: &'a Line<'a>,
}

/// Writes records. Remembers whether the last line had no ending, so that the next one starts on a
/// line of its own.
#[derive(Debug)]
pub struct Renderer {
    style: Style,
    owes_newline: bool,
    /// The beginning of a line that was already shown.
    begun: Option<(Stream, Vec<u8>)>,
}

impl Renderer {
    /// A renderer at the start of the output.
    pub fn new(style: Style) -> Self {
        Self { style, owes_newline: false, begun: None }
    }

    /// Appends the beginning of an unfinished line, or what was added to it since. Returns `false`
    /// if another line's beginning is shown and the two could not be told apart: that line must be
    /// finished first. For [`Format::Text`] and [`Format::Raw`].
    ///
    /// Afterwards, [`render`](Self::render) appends only the rest of that line.
    pub fn render_beginning(&mut self, out: &mut Vec<u8>, stream: Stream, text: &[u8]) -> bool {
        let shown = match &self.begun {
            Some((other, shown)) if *other != stream || !text.starts_with(shown) => return false,
            Some((_, shown)) => shown.len(),
            None => 0,
        };
        if std::mem::take(&mut self.owes_newline) {
            out.push(b'\n');
        }
        self.render_part(out, &text[shown..]);
        self.begun = Some((stream, text.to_vec()));
        true
    }

    /// Ends a shown beginning because other output comes before its rest. The line will then be
    /// shown in full.
    pub fn break_beginning(&mut self, out: &mut Vec<u8>) {
        if self.begun.take().is_some() {
            out.push(b'\n');
        }
    }

    /// Appends a record to `out`.
    pub fn render(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        match self.begun.take() {
            Some((stream, shown))
                if stream == entry.line.stream && entry.line.text.starts_with(&shown) =>
            {
                let line = entry.line;
                let rest = Line { text: line.text[shown.len()..].into(), ..line.clone() };
                // The beginning was shown before the line's level was known.
                return self.render_whole(out, &Entry { prefix: "", line: &rest, ..*entry }, None);
            }
            Some(_) => out.push(b'\n'),
            None => {}
        }
        let color = if self.style.color { color::of(entry.line) } else { None };
        self.render_whole(out, entry, color);
    }

    fn render_whole(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>, color: Option<&str>) {
        if std::mem::take(&mut self.owes_newline) {
            out.push(b'\n');
        }
        match &self.style.format {
            Format::Text => self.render_text(out, entry, color),
            Format::Raw => {
                out.extend_from_slice(&entry.line.text);
                out.extend_from_slice(entry.line.ending.as_bytes());
            }
            Format::Json if self.style.terminal => {
                let mut json = Vec::new();
                render_json(&mut json, entry);
                out.extend_from_slice(
                    crate::escape::json(&String::from_utf8_lossy(&json)).as_bytes(),
                );
            }
            Format::Json => render_json(out, entry),
            Format::Template(template) => {
                let text = template.fill(entry);
                if self.style.terminal {
                    out.extend_from_slice(crate::escape::line(&text).as_bytes());
                } else {
                    out.extend_from_slice(&text);
                }
                out.push(b'\n');
            }
        }
    }

    /// Appends the separator between lines that are not adjacent, as grep does.
    pub fn render_gap(&mut self, out: &mut Vec<u8>) {
        if matches!(self.style.format, Format::Text) {
            if std::mem::take(&mut self.owes_newline) {
                out.push(b'\n');
            }
            out.extend_from_slice(b"--\n");
        }
    }

    fn render_text(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>, color: Option<&str>) {
        let line = entry.line;
        let (on, off) = color.map_or(("", ""), |on| (on, color::OFF));
        let mut parts = line.text.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            out.extend_from_slice(entry.prefix.as_bytes());
            if self.style.timestamps
                && let Some(timestamp) = line.timestamp
            {
                let (dim, bright) =
                    if self.style.color { ("\x1b[2m", "\x1b[22m") } else { ("", "") };
                for text in [dim, timestamp.as_str(), bright, " "] {
                    out.extend_from_slice(text.as_bytes());
                }
            }
            out.extend_from_slice(on.as_bytes());
            self.render_part(out, part);
            out.extend_from_slice(off.as_bytes());
            if parts.peek().is_some() {
                out.push(b'\n');
            }
        }
        if line.cut > 0 {
            out.extend_from_slice(format!(" [… {} bytes cut]", line.cut).as_bytes());
        }
        match line.ending {
            Ending::None if !self.style.terminal => self.owes_newline = true,
            Ending::CrLf if !self.style.terminal => out.extend_from_slice(b"\r\n"),
            Ending::None | Ending::Lf | Ending::CrLf => out.push(b'\n'),
        }
    }

    fn render_part(&self, out: &mut Vec<u8>, text: &[u8]) {
        let highlight: &[Regex] = if self.style.color { &self.style.highlight } else { &[] };
        if highlight.is_empty() {
            if self.style.terminal {
                out.extend_from_slice(crate::escape::line(text).as_bytes());
            } else {
                out.extend_from_slice(text);
            }
            return;
        }
        let mut safe = String::with_capacity(text.len() + 16);
        let mut escaper = LineEscaper::default();
        let mut push = |safe: &mut String, out: &mut Vec<u8>, part: &[u8]| {
            if self.style.terminal {
                escaper.push(safe, part);
                out.extend_from_slice(safe.as_bytes());
                safe.clear();
            } else {
                out.extend_from_slice(part);
            }
        };
        let text =
            if self.style.terminal { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
        let mut at = 0;
        for (start, end) in spans(highlight, text) {
            push(&mut safe, out, &text[at..start]);
            // Reverse video keeps the line's own colors.
            out.extend_from_slice(b"\x1b[7m");
            push(&mut safe, out, &text[start..end]);
            out.extend_from_slice(b"\x1b[27m");
            at = end;
        }
        push(&mut safe, out, &text[at..]);
        escaper.finish(&mut safe);
        out.extend_from_slice(safe.as_bytes());
    }
}

/// Returns the ranges that the expressions match, in order, with overlapping ranges joined.
fn spans(patterns: &[Regex], text: &[u8]) -> Vec<(usize, usize)> {
    let matches = patterns.iter().flat_map(|pattern| pattern.find_iter(text));
    let mut found: Vec<_> = matches
        .filter(|found| !found.is_empty())
        .map(|found| (found.start(), found.end()))
        .collect();
    found.sort_unstable();
    found.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
    found
}

/// A JSON line, with its fields in output order.
#[derive(Serialize)]
struct JsonLine<'a> {
    container: &'a str,
    stream: &'a str,
    time: Option<&'a str>,
    line: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<u32>,
}

fn render_json(out: &mut Vec<u8>, entry: &Entry<'_>) {
    let line = entry.line;
    let text = String::from_utf8_lossy(&line.text);
    let is_utf8 = matches!(text, std::borrow::Cow::Borrowed(_));
    let fields = fields::object(&line.text)
        .and_then(|object| RawValue::from_string(object.into_owned()).ok());
    let json = JsonLine {
        container: entry.container,
        stream: line.stream.as_str(),
        time: line.timestamp.as_ref().map(crate::Timestamp::as_str),
        line: &text,
        line_base64: (!is_utf8)
            .then(|| base64::engine::general_purpose::STANDARD.encode(&line.text)),
        cut: (line.cut > 0).then_some(line.cut),
        level: Level::of(&line.text).map(Level::as_str),
        fields: fields.as_deref(),
        run: entry.line.run,
    };
    // Writing strings and numbers into a vector cannot fail.
    drop(serde_json::to_writer(&mut *out, &json));
    out.push(b'\n');
}

#[cfg(test)]
#[path = "render/tests.rs"]
mod tests;
