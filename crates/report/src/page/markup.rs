//! Writes HTML. Text from elsewhere is escaped, masked and cut; only this program's own is raw.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use scratchdbg_logs::escape;

use crate::axis::shown;
use crate::mask;

/// The longest text, in characters.
const LONGEST: usize = 1_000;

/// The longest text of which there may be many.
pub(super) const SHORT: usize = 200;

/// The longest text that is searched for secrets, in bytes.
const SEARCHED: usize = 8_000;

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Appends markup of this program.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Appends a text. Without its control characters it cannot hide what it says, and without
    /// markup it is nothing but a text.
    pub(super) fn text(&mut self, text: &str) {
        self.cut_text(text, LONGEST);
    }

    /// Appends at most so many characters of a text.
    pub(super) fn cut_text(&mut self, text: &str, most: usize) {
        self.masked(text, most, mask::secrets);
    }

    /// Appends a sentence of this program, which may quote others.
    pub(super) fn sentence(&mut self, text: &str) {
        self.masked(text, LONGEST, mask::secrets_of_sentence);
    }

    fn masked(&mut self, text: &str, most: usize, mask: fn(&str) -> Cow<'_, str>) {
        let cut = text.floor_char_boundary(SEARCHED.min(text.len()));
        let masked = mask(&text[..cut]);
        self.plain(&escape::label(masked.as_ref()), most, cut < text.len());
    }

    /// Appends a text that is masked and without control characters already.
    pub(super) fn plain(&mut self, text: &str, most: usize, is_cut: bool) {
        let mut count = 0;
        for c in text.chars().take(most) {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Tabs pass in lines; others are escaped already.
                c if c.is_control() && c != '\t' => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
            count += 1;
        }
        if is_cut || text.chars().nth(count).is_some() {
            self.0.push('…');
        }
    }

    /// Appends a time, as people and as programs read it.
    pub(super) fn time(&mut self, at: Timestamp, zone: &TimeZone) {
        let shown = shown(at, zone);
        self.raw(&format!("<time datetime=\"{at:.3}\">{shown}</time>"));
    }

    /// Begins a table that scrolls where it is too wide, also by keys.
    pub(super) fn begin_table(&mut self, caption: &str, columns: &[&str]) {
        self.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"");
        self.text(caption);
        self.raw("\">\n<table>\n<caption>");
        self.text(caption);
        self.raw("</caption>\n<thead><tr>");
        for column in columns {
            self.raw(&format!("<th scope=\"col\">{column}</th>"));
        }
        self.raw("</tr></thead>\n<tbody>\n");
    }

    /// Ends a table.
    pub(super) fn end_table(&mut self) {
        self.raw("</tbody>\n</table>\n</div>\n");
    }

    /// Appends a cell with a number.
    pub(super) fn number(&mut self, number: u64) {
        self.raw(&format!("<td class=\"number\">{number}</td>"));
    }

    /// Appends a paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.raw("<p>");
        self.text(text);
        self.raw("</p>\n");
    }

    /// Appends the items of a list.
    pub(super) fn list<'a>(&mut self, items: impl IntoIterator<Item = &'a String>) {
        self.raw("<ul>\n");
        for item in items {
            self.raw("<li>");
            self.cut_text(item, SHORT);
            self.raw("</li>\n");
        }
        self.raw("</ul>\n");
    }

    /// Returns the length so far, in bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}
