//! Tests of all output formats.

use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::Timestamp;

fn style(format: Format) -> Style {
    Style { format, timestamps: false, terminal: false, color: false, highlight: Vec::new() }
}

fn line(text: &[u8], ending: Ending) -> Line<'_> {
    let timestamp = Timestamp::new(b"2026-11-23T07:01:20.422028881Z");
    Line {
        stream: Stream::Stderr,
        timestamp,
        text: text.into(),
        ending,
        cut: 0,
        found: None,
        run: None,
    }
}

fn render(style: Style, prefix: &str, lines: &[Line<'_>]) -> String {
    let mut renderer = Renderer::new(style);
    let mut out = Vec::new();
    for line in lines {
        renderer.render(&mut out, &Entry { container: "web", prefix, line });
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn text_that_is_piped_is_exact() {
    let lines =
        [line(b"a\x1b[2J\r", Ending::Lf), line(b"b", Ending::CrLf), line(b"c", Ending::None)];
    assert_eq!(render(style(Format::Text), "", &lines), "a\x1b[2J\r\nb\r\nc");
    assert_eq!(render(style(Format::Raw), "ignored", &lines), "a\x1b[2J\r\nb\r\nc");
}

#[test]
fn a_line_without_an_ending_is_not_glued_to_the_next() {
    let lines = [line(b"run 1", Ending::None), line(b"run 2", Ending::None)];
    assert_eq!(render(style(Format::Text), "", &lines), "run 1\nrun 2");
    let mut renderer = Renderer::new(style(Format::Text));
    let mut out = Vec::new();
    renderer.render(&mut out, &Entry { container: "web", prefix: "", line: &lines[0] });
    renderer.render_gap(&mut out);
    assert_eq!(out, b"run 1\n--\n");
    assert_eq!(
        render(Style { terminal: true, ..style(Format::Text) }, "", &lines),
        "run 1\nrun 2\n"
    );
}

#[test]
fn of_a_line_whose_beginning_is_shown_the_rest_follows() {
    let mut renderer = Renderer::new(style(Format::Text));
    let mut out = Vec::new();
    let whole = |renderer: &mut Renderer, out: &mut Vec<u8>, text: &[u8]| {
        renderer
            .render(out, &Entry { container: "web", prefix: "", line: &line(text, Ending::Lf) });
    };
    assert!(renderer.render_beginning(&mut out, Stream::Stderr, b"pass"));
    assert!(renderer.render_beginning(&mut out, Stream::Stderr, b"passwo"));
    assert!(!renderer.render_beginning(&mut out, Stream::Stderr, b"user"), "another line");
    assert!(!renderer.render_beginning(&mut out, Stream::Stdout, b"password"), "another stream");
    whole(&mut renderer, &mut out, b"password: ");
    assert_eq!(out, b"password: \n");
    // A line whose beginning was missed or interrupted.
    assert!(renderer.render_beginning(&mut out, Stream::Stderr, b"word"));
    whole(&mut renderer, &mut out, b"password");
    assert!(renderer.render_beginning(&mut out, Stream::Stderr, b"half"));
    renderer.break_beginning(&mut out);
    renderer.break_beginning(&mut out);
    whole(&mut renderer, &mut out, b"half and half");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "password: \nword\npassword\nhalf\nhalf and half\n"
    );

    let mut renderer = Renderer::new(Style { terminal: true, ..style(Format::Text) });
    let mut out = Vec::new();
    assert!(renderer.render_beginning(&mut out, Stream::Stdout, b"a\x1b[2J"));
    assert_eq!(out, b"a\\x1b[2J", "safe, too");
}

#[test]
fn text_on_a_terminal_is_safe() {
    let lines = [
        line(b"a\x1b[31mb\x1b[2J\xff", Ending::Lf),
        line(b"dos\r", Ending::Lf),
        line(b"x\ny\r", Ending::CrLf),
    ];
    let got = render(Style { terminal: true, ..style(Format::Text) }, "web | ", &lines);
    assert_eq!(got, "web | a\x1b[31mb\\x1b[2J\\xff\x1b[0m\nweb | dos\nweb | x\nweb | y\n");
}

#[test]
fn timestamps_and_the_mark_of_a_cut() {
    let cut = Line { cut: 12, ..line(b"long", Ending::Lf) };
    let got =
        render(Style { timestamps: true, ..style(Format::Text) }, "", std::slice::from_ref(&cut));
    assert_eq!(got, "2026-11-23T07:01:20.422028881Z long [… 12 bytes cut]\n");
    let cut = Line { stream: Stream::Stdout, ..cut };
    let got = render(Style { timestamps: true, color: true, ..style(Format::Text) }, "", &[cut]);
    assert_eq!(got, "\x1b[2m2026-11-23T07:01:20.422028881Z\x1b[22m long [… 12 bytes cut]\n");
}

#[test]
fn lines_have_the_color_of_their_level() {
    let cases: [(Stream, &[u8], &str); 7] = [
        (Stream::Stdout, b"ERROR no", "\x1b[31mERROR no\x1b[0m\n"),
        (Stream::Stdout, br#"{"level":"warn"}"#, "\x1b[33m{\"level\":\"warn\"}\x1b[0m\n"),
        (Stream::Stdout, b"DEBUG 1\nat 2", "\x1b[2mDEBUG 1\x1b[0m\n\x1b[2mat 2\x1b[0m\n"),
        (Stream::Stderr, b"INFO yes", "INFO yes\n"),
        (Stream::Stdout, b"hello", "hello\n"),
        (Stream::Stderr, b"hello", "\x1b[35mhello\x1b[0m\n"),
        (Stream::Stderr, b"\x1b[32mERROR\x1b[0m", "\x1b[32mERROR\x1b[0m\n"),
    ];
    let style = Style { color: true, terminal: true, ..style(Format::Text) };
    for (stream, text, want) in cases {
        let line = Line { stream, ..line(text, Ending::Lf) };
        assert_eq!(render(style.clone(), "", &[line]), want);
    }
}

#[test]
fn a_line_that_was_begun_keeps_its_color() {
    let mut renderer = Renderer::new(Style { color: true, ..style(Format::Text) });
    let mut out = Vec::new();
    renderer.render_beginning(&mut out, Stream::Stderr, b"ERROR");
    let line = line(b"ERROR no", Ending::Lf);
    renderer.render(&mut out, &Entry { container: "web", prefix: "", line: &line });
    assert_eq!(out, b"ERROR no\n");
}

#[test]
fn matches_stand_out() {
    let highlight = ["b+", "bc", "$", r"\["].map(|pattern| Regex::new(pattern).unwrap()).to_vec();
    let style = Style { highlight, color: true, terminal: true, ..style(Format::Text) };
    let cases: [(&[u8], &str); 3] = [
        (b"abbc b", "a\x1b[7mbbc\x1b[27m \x1b[7mb\x1b[27m\n"),
        (b"\x1b[31mb\x07b", "\\x1b\x1b[7m[\x1b[27m31m\x1b[7mb\x1b[27m\\x07\x1b[7mb\x1b[27m\n"),
        (b"nothing\r", "nothing\n"),
    ];
    for (text, want) in cases {
        let line = Line { stream: Stream::Stdout, ..line(text, Ending::Lf) };
        assert_eq!(render(style.clone(), "", &[line]), want);
    }
    let plain = render(Style { color: false, ..style }, "", &[line(b"abbc", Ending::Lf)]);
    assert_eq!(plain, "abbc\n");
}

#[test]
fn json_lines() {
    let time = "2026-11-23T07:01:20.422028881Z";
    let cases: [(Line<'_>, String); 5] = [
        (line(b"plain \"x\"\t\x1b", Ending::Lf), format!(r#"{{"container":"web","stream":"stderr","time":"{time}","line":"plain \"x\"\t\u001b"}}"#)),
        (
            line(br#"{"level":40,"a":[1]}"#, Ending::CrLf),
            format!(r#"{{"container":"web","stream":"stderr","time":"{time}","line":"{{\"level\":40,\"a\":[1]}}","level":"warn","fields":{{"level":40,"a":[1]}}}}"#),
        ),
        (
            Line { timestamp: None, ..line(b"level=info n=1", Ending::None) },
            r#"{"container":"web","stream":"stderr","time":null,"line":"level=info n=1","level":"info","fields":{"level":"info","n":"1"}}"#.into(),
        ),
        (
            Line { cut: 7, ..line(b"x\xff", Ending::Lf) },
            format!("{{\"container\":\"web\",\"stream\":\"stderr\",\"time\":\"{time}\",\"line\":\"x\u{fffd}\",\"line_base64\":\"eP8=\",\"cut\":7}}"),
        ),
        // 47: a number that does not fit a double is passed on unchanged.
        (line(br#"{"n":1e400}"#, Ending::Lf), format!(r#"{{"container":"web","stream":"stderr","time":"{time}","line":"{{\"n\":1e400}}","fields":{{"n":1e400}}}}"#)),
    ];
    for (line, want) in cases {
        assert_eq!(render(style(Format::Json), "ignored", &[line]), format!("{want}\n"));
    }
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
    let got = render(style(Format::Json), "", &[line(deep.as_bytes(), Ending::Lf)]);
    assert!(
        got.contains(&serde_json::to_string(&deep).unwrap()),
        "nesting of 1000 is kept as text at least"
    );
}

#[test]
fn templates() {
    let text = br#"{"level":30,"msg":"hi\u001b[2J","http":{"status":502}}"#;
    let cases = [
        ("{container}/{stream} {level} {msg} {http.status}", "web/stderr info hi\x1b[2J 502\n"),
        (
            "{time} {line}",
            "2026-11-23T07:01:20.422028881Z {\"level\":30,\"msg\":\"hi\\u001b[2J\",\"http\":{\"status\":502}}\n",
        ),
        ("{{{ msg }}}", "{hi\x1b[2J}\n"),
        ("[{absent}{run}]", "[]\n"),
    ];
    for (template, want) in cases {
        let format = Format::Template(template.parse().unwrap());
        assert_eq!(render(style(format), "", &[line(text, Ending::Lf)]), want, "{template}");
    }
    let safe = Style { terminal: true, ..style(Format::Template("{msg}".parse().unwrap())) };
    assert_eq!(render(safe, "", &[line(text, Ending::Lf)]), "hi\\x1b[2J\n");
    for wrong in ["{", "}", "{}", "{a", "a}", "{a{b}}", "{ }"] {
        assert_eq!(wrong.parse::<Template>().unwrap_err(), TemplateError::Brace(wrong.into()));
    }
    for wrong in ["", "yaml", "{{a}}"] {
        assert_eq!(wrong.parse::<Template>().unwrap_err(), TemplateError::NoField(wrong.into()));
    }
}

#[test]
fn prefixes_line_up() {
    // 51: narrow terminals, wide characters, names with control sequences.
    let names = ["web", "a-very-long-container-name", "日本語の名前です", "👩‍👩‍👧x", "evil\x1b[2J\n"];
    for columns in [Some(20), Some(80), Some(1), None] {
        let mut prefixes = Prefixes::new(columns, false);
        for name in names {
            prefixes.add(name);
        }
        let width = prefixes.get(0).width();
        for (index, name) in names.iter().enumerate() {
            let prefix = prefixes.get(index);
            assert_eq!(prefix.width(), width, "{name} in {columns:?}: {prefix:?}");
            assert!(prefix.ends_with(" | ") && !prefix.contains(['\x1b', '\n']));
        }
        assert!(columns.is_none_or(|columns| width <= (columns / 3).max(4) + 3));
    }
    let mut colored = Prefixes::new(None, true);
    let indices = [colored.add("a"), colored.add("bb")];
    assert_eq!(
        indices.map(|index| colored.get(index)),
        ["\x1b[36ma  |\x1b[0m ", "\x1b[33mbb |\x1b[0m "]
    );
    assert_eq!(colored.get(2), "");
}
