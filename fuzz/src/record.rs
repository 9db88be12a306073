//! Interpreting single log lines: levels, fields, traces, patterns, and rendering.

use std::borrow::Cow;

use scratchdbg_logs::line::{Ending, Line};
use scratchdbg_logs::render::{Entry, Format, Renderer, Style};
use scratchdbg_logs::stats::Stats;
use scratchdbg_logs::trace::TraceJoiner;
use scratchdbg_logs::{Level, Stream, Timestamp, fields};

/// `data` contains log lines.
pub fn run(data: &[u8]) {
    let mut stats = Stats::new(true);
    let mut joiner = TraceJoiner::default();
    let (mut lines, mut bytes) = (0, 0);
    let mut emit = |line: Line<'_>| {
        bytes += line.text.len();
        show(&line);
    };
    for text in data.split(|&byte| byte == b'\n') {
        let _level = Level::of(text);
        for path in ["level", "a.b.0", "", "msg", "."] {
            let _value = fields::get(text, path);
        }
        let timestamp = Timestamp::split(text).map(|(stamp, _)| stamp);
        let line = Line {
            stream: Stream::Stdout,
            timestamp,
            text: Cow::Borrowed(text),
            ending: Ending::Lf,
            cut: 0,
            found: None,
            run: Some(1),
        };
        stats.add("web", &line);
        lines += 1;
        joiner.push(line, &mut emit);
    }
    joiner.flush(&mut emit);
    // Joining adds a newline between lines, and drops nothing.
    assert!(bytes + lines >= data.len(), "{bytes} of {}", data.len());
    let _report = stats.report(10).to_text(80, &jiff::tz::TimeZone::UTC);
}

fn show(line: &Line<'_>) {
    let entry = Entry { container: "web", prefix: "", line };
    let style = |format| Style {
        format,
        timestamps: true,
        terminal: false,
        color: false,
        highlight: Vec::new(),
    };
    let mut json = Vec::new();
    Renderer::new(style(Format::Json)).render(&mut json, &entry);
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    if let Ok(text) = std::str::from_utf8(&line.text) {
        assert_eq!(value["line"], text);
    } else {
        assert!(value["line_base64"].is_string(), "{value}");
    }
    let mut raw = Vec::new();
    Renderer::new(style(Format::Raw)).render(&mut raw, &entry);
    assert!(raw.starts_with(&line.text));
}
