//! The name before each line if there are several containers.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::escape;

/// Colors that are legible on dark and on light backgrounds: cyan, yellow, green, magenta, blue,
/// and their bright variants.
const COLORS: [&str; 10] = ["36", "33", "32", "35", "34", "96", "93", "92", "95", "94"];

/// Prefixes of equal width, `name | `, in a color for each container. Names are escaped.
#[derive(Debug)]
pub struct Prefixes {
    names: Vec<String>,
    rendered: Vec<String>,
    widest: usize,
    limit: usize,
    color: bool,
}

impl Prefixes {
    /// `columns` is the width of the terminal, of which names may take a third, or `None` if the
    /// output is not a terminal.
    pub fn new(columns: Option<usize>, color: bool) -> Self {
        let limit = columns.map_or(usize::MAX, |columns| (columns / 3).max(4));
        Self { names: Vec::new(), rendered: Vec::new(), widest: 0, limit, color }
    }

    /// Adds a container and returns its index for [`get`](Self::get). A name longer than the
    /// previous ones widens all prefixes.
    pub fn add(&mut self, name: &str) -> usize {
        self.names.push(shorten(&escape::label(name), self.limit));
        let index = self.names.len() - 1;
        let width = self.names[index].width();
        if width > self.widest {
            self.widest = width;
            self.rendered = (0..=index).map(|index| self.render(index)).collect();
        } else {
            self.rendered.push(self.render(index));
        }
        index
    }

    /// Returns the container's prefix, for [`Entry::prefix`](super::Entry::prefix).
    pub fn get(&self, index: usize) -> &str {
        self.rendered.get(index).map_or("", String::as_str)
    }

    fn render(&self, index: usize) -> String {
        let name = &self.names[index];
        let padding = " ".repeat(self.widest - name.width());
        if self.color {
            format!("\x1b[{}m{name}{padding} |\x1b[0m ", COLORS[index % COLORS.len()])
        } else {
            format!("{name}{padding} | ")
        }
    }
}

/// Returns a text in at most `limit` columns, with an ellipsis if it was cut.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.width() <= limit {
        return text.to_owned();
    }
    let mut width = 1;
    let fits = |c: &char| {
        width += c.width().unwrap_or(0);
        width <= limit
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}
