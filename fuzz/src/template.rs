//! The templates of `logs --format`.

use std::borrow::Cow;

use scratchdbg_logs::Stream;
use scratchdbg_logs::line::{Ending, Line};
use scratchdbg_logs::render::{Entry, Format, Renderer, Style, Template};

/// `data` is the template and a line, between a line `---`.
pub fn run(data: &[u8]) {
    let [template, text] = super::parts(data);
    let Ok(template) = String::from_utf8_lossy(template).parse::<Template>() else { return };
    let line = Line {
        stream: Stream::Stderr,
        timestamp: None,
        text: Cow::Borrowed(text),
        ending: Ending::Lf,
        cut: 0,
        found: None,
        run: None,
    };
    let style = Style {
        format: Format::Template(template),
        timestamps: false,
        terminal: true,
        color: false,
        highlight: Vec::new(),
    };
    let mut out = Vec::new();
    Renderer::new(style).render(&mut out, &Entry { container: "web", prefix: "", line: &line });
    assert_eq!(out.last(), Some(&b'\n'));
}
