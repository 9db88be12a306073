//! Makes text that a container controls safe for a terminal.
//!
//! A terminal obeys the text it receives: it may clear the screen, overwrite earlier text, set its
//! title, write the clipboard or answer on stdin (CVE-2021-25743). In log lines, only colors and
//! text attributes (SGR, `ESC [ … m`) pass. Every other control character or sequence is shown as a
//! Rust-style escape: `\x1b[2J`, `\r`, `\u{202e}`. The same applies to bytes that are not UTF-8
//! (`\xff`), to bidirectional controls, which make text read as something else, to invisible
//! characters, and to the attribute that conceals text (SGR 8). Nothing is left out, and harmless
//! text is not escaped: a tab, and a carriage return at the very end of a line, pass.

mod characters;

use std::borrow::Cow;
use std::fmt::Write as _;

use characters::is_unsafe;

/// Restores the terminal's own colors.
const RESET: &str = "\x1b[0m";

/// Returns a log line (without its newline) with its colors, which are reset at the end of the
/// line.
///
/// ```
/// use scratchdbg_logs::escape;
/// assert_eq!(escape::line(b"\x1b[31mred\x1b[2J"), "\x1b[31mred\\x1b[2J\x1b[0m");
/// ```
pub fn line(text: &[u8]) -> Cow<'_, str> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if let Some(clean) = as_clean(text) {
        return Cow::Borrowed(clean);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut escaper = LineEscaper::default();
    escaper.push(&mut out, text);
    escaper.finish(&mut out);
    Cow::Owned(out)
}

/// Returns a text of several lines, each with its colors as of [`line()`].
///
/// ```
/// use scratchdbg_logs::escape;
/// assert_eq!(
///     escape::lines("\x1b[1mone\x1b[0m\n\x1b[2Jtwo\n"),
///     "\x1b[1mone\x1b[0m\n\\x1b[2Jtwo\n",
/// );
/// ```
pub fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive('\n') {
        let (text, end) = piece.strip_suffix('\n').map_or((piece, ""), |text| (text, "\n"));
        out.push_str(&line(text.as_bytes()));
        out.push_str(end);
    }
    out
}

/// Returns a name, a label or an error message as one line without colors.
///
/// ```
/// use scratchdbg_logs::escape;
/// assert_eq!(escape::label("web\x1b[31m\nfake prompt> "), "web\\x1b[31m\\nfake prompt> ");
/// ```
pub fn label<T: AsRef<[u8]> + ?Sized>(text: &T) -> Cow<'_, str> {
    let text = text.as_ref();
    if let Some(clean) = as_clean(text) {
        return Cow::Borrowed(clean);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push_escaped(&mut out, text);
    Cow::Owned(out)
}

/// Returns a JSON document with the same values, in which unsafe characters are escaped as JSON
/// escapes.
///
/// ```
/// use scratchdbg_logs::escape;
/// assert_eq!(escape::json("{\"a\":\"\u{9b}2J\"}"), "{\"a\":\"\\u009b2J\"}");
/// ```
pub fn json(text: &str) -> Cow<'_, str> {
    let is_unsafe = |c: char| c != '\n' && is_unsafe(c);
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            // Only between values: inside strings, JSON has escaped it already.
            '\r' => out.push(' '),
            c if is_unsafe(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Escapes a line that is written in parts, and remembers whether the line left a color on.
#[derive(Debug, Default)]
pub(crate) struct LineEscaper {
    is_colored: bool,
}

impl LineEscaper {
    /// Appends the next part of the line.
    pub(crate) fn push(&mut self, out: &mut String, mut text: &[u8]) {
        while let Some(at) = memchr::memchr(b'\x1b', text) {
            push_escaped(out, &text[..at]);
            text = &text[at..];
            if let Some(sequence) = sgr(text) {
                self.is_colored = !matches!(sequence, "\x1b[m" | "\x1b[0m");
                out.push_str(sequence);
                text = &text[sequence.len()..];
            } else {
                out.push_str("\\x1b");
                text = &text[1..];
            }
        }
        push_escaped(out, text);
    }

    /// Ends the line and turns off attributes that it left on.
    pub(crate) fn finish(self, out: &mut String) {
        if self.is_colored {
            out.push_str(RESET);
        }
    }
}

/// Returns the text unchanged if nothing in it can need escaping.
fn as_clean(text: &[u8]) -> Option<&str> {
    // No early exit: this compiles to vector instructions.
    let (mut has_control, mut has_high) = (false, false);
    for &byte in text {
        has_control |= byte.is_ascii_control() && byte != b'\t';
        has_high |= byte >= 0x80;
    }
    if has_control {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    (!has_high || !text.chars().any(is_unsafe)).then_some(text)
}

/// Appends text with everything unsafe escaped, `ESC` included.
fn push_escaped(out: &mut String, text: &[u8]) {
    if let Some(clean) = as_clean(text) {
        out.push_str(clean);
        return;
    }
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                c if is_unsafe(c) && c.is_ascii() => push_hex(out, c as u32),
                c if is_unsafe(c) => out.extend(c.escape_unicode()),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            push_hex(out, u32::from(*byte));
        }
    }
}

fn push_hex(out: &mut String, byte: u32) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// Returns the SGR sequence that `text` starts with: `ESC [`, numbers separated by `;` or `:`, `m`.
fn sgr(text: &[u8]) -> Option<&str> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let len =
        parameters.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')).count();
    if parameters.get(len) != Some(&b'm') || conceals(&parameters[..len]) {
        return None;
    }
    str::from_utf8(&text[..len + 3]).ok()
}

/// Reports whether the sequence hides text: attribute 8, unless the 8 is part of a color.
fn conceals(parameters: &[u8]) -> bool {
    let mut parameters = parameters.split(|byte| *byte == b';').map(|each| {
        let digits = each.split(|byte| *byte == b':').next().unwrap_or_default();
        (
            str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u32>().ok()),
            each.contains(&b':'),
        )
    });
    while let Some((number, has_more)) = parameters.next() {
        match number {
            Some(8) => return true,
            Some(38 | 48 | 58) if !has_more => {
                let rest = match parameters.next() {
                    Some((Some(5), _)) => 1,
                    Some((Some(2), _)) => 3,
                    _ => 0,
                };
                for _ in 0..rest {
                    parameters.next();
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines() {
        let cases: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"plain \ttext ~", "plain \ttext ~"),
            ("grüße, 日本語, 👩‍👩‍👧".as_bytes(), "grüße, 日本語, 👩‍👩‍👧"),
            (b"\x1b[1;31mred\x1b[0m plain", "\x1b[1;31mred\x1b[0m plain"),
            (b"\x1b[38:2::1:2:3mred\x1b[m", "\x1b[38:2::1:2:3mred\x1b[m"),
            (b"\x1b[31mleft on", "\x1b[31mleft on\x1b[0m"),
            (b"\x1b[0m\x1b[48;5;0mleft on", "\x1b[0m\x1b[48;5;0mleft on\x1b[0m"),
            // 44: everything else that a terminal obeys.
            (b"\x1b[2J\x1b[H", "\\x1b[2J\\x1b[H"),
            (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
            (b"\x1b]52;c;aGk=\x1b\\", "\\x1b]52;c;aGk=\\x1b\\"),
            (b"\x1b]8;;http://x\x1b\\link", "\\x1b]8;;http://x\\x1b\\link"),
            (
                b"\x1bP$q\x1b\\ \x1b_a\x1b\\ \x1b^p\x1b\\ \x1bXs",
                "\\x1bP$q\\x1b\\ \\x1b_a\\x1b\\ \\x1b^p\\x1b\\ \\x1bXs",
            ),
            (b"\x1b[>4;2m \x1b[?25m \x1b[1 m \x1b[31", "\\x1b[>4;2m \\x1b[?25m \\x1b[1 m \\x1b[31"),
            (b"\x1b[3\x1b[31m1m", "\\x1b[3\x1b[31m1m\x1b[0m"),
            (b"\x1bc\x1b", "\\x1bc\\x1b"),
            (b"100%\rdone", "100%\\rdone"),
            (b"dos\r", "dos"),
            (b"dos\r\r", "dos\\r"),
            (b"a\x08b\x07\x00\x7f", "a\\x08b\\x07\\x00\\x7f"),
            ("\u{9b}2J \u{85}".as_bytes(), "\\u{9b}2J \\u{85}"),
            (b"\x9b2J", "\\x9b2J"),
            (
                "a\u{202e}cod\u{2066}\u{200f}\u{61c}\u{2028}".as_bytes(),
                "a\\u{202e}cod\\u{2066}\\u{200f}\\u{61c}\\u{2028}",
            ),
            (
                "a\u{200b}b\u{2060}\u{feff}\u{e0041}\u{e01ef}\u{ad}\u{2800}\u{3164}".as_bytes(),
                "a\\u{200b}b\\u{2060}\\u{feff}\\u{e0041}\\u{e01ef}\\u{ad}\\u{2800}\\u{3164}",
            ),
            // Concealed text, and colors that contain the same number.
            (b"\x1b[8mhidden\x1b[0m", "\\x1b[8mhidden\x1b[0m"),
            (b"\x1b[1;08;31mhidden\x1b[0m", "\\x1b[1;08;31mhidden\x1b[0m"),
            (b"\x1b[38;5;8;8mhidden", "\\x1b[38;5;8;8mhidden"),
            (
                b"\x1b[38;5;8mgrey\x1b[48;2;8;8;8m\x1b[58:5:8mok\x1b[0m",
                "\x1b[38;5;8mgrey\x1b[48;2;8;8;8m\x1b[58:5:8mok\x1b[0m",
            ),
            // 45: not UTF-8.
            (b"x\xff\xe2\x82y", "x\\xff\\xe2\\x82y"),
            (b"\xff\xfeh\x00i\x00", "\\xff\\xfeh\\x00i\\x00"),
            (b"two\nlines", "two\\nlines"),
        ];
        for (text, want) in cases {
            assert_eq!(line(text), *want, "{:?}", text.escape_ascii().to_string());
        }
    }

    #[test]
    fn documents_keep_their_values() {
        let text = "\u{9b}2J\u{7f}\u{202e}\u{2028}\u{200b}\u{e0041}\t\r\n\x1b[31m grüße 👩‍👩‍👧";
        let value = serde_json::json!({ text: [text, { "a": text }] });
        for document in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let safe = json(&document);
            assert!(!safe.replace('\n', "").contains(is_unsafe), "{safe}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        }
        assert_eq!(json("{\r\n\"a\":1}"), "{ \n\"a\":1}");
        assert!(matches!(json("{\"a\":\"ü\"}\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn labels_have_no_colors() {
        assert_eq!(label("web-1"), "web-1");
        assert_eq!(label("\x1b[31mweb\x1b[0m\r\n"), "\\x1b[31mweb\\x1b[0m\\r\\n");
        assert_eq!(label("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
    }

    /// Returns escaped text without its colors.
    fn without_colors(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('\x1b') {
            out.push_str(&rest[..at]);
            rest = &rest[at + sgr(&rest.as_bytes()[at..]).expect("only colors pass").len()..];
        }
        out + rest
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            "\u{1b}\\[[0-9;:?]{0,4}[a-zA-Z]".prop_map(String::into_bytes),
            "[\u{80}-\u{9f}\u{200b}\u{e0020}\u{200e}\u{202e}\u{2066}\r\n\u{7}\u{8}]"
                .prop_map(String::into_bytes),
        ];
        proptest::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn nothing_but_colors_passes(text in hostile()) {
            prop_assert!(!without_colors(&line(&text)).contains(is_unsafe));
            prop_assert!(!label(&text).contains(is_unsafe));
        }

        #[test]
        fn harmless_text_is_untouched(text in "[ -~\tà-öぁ-ん]{0,60}") {
            prop_assert_eq!(line(text.as_bytes()), text.as_str());
            prop_assert_eq!(label(&text), text.as_str());
        }

        #[test]
        fn escaping_twice_changes_nothing(text in hostile()) {
            let once = line(&text).into_owned();
            prop_assert_eq!(line(once.as_bytes()), once.as_str());
        }

        #[test]
        fn colors_end_with_the_line(text in hostile()) {
            let safe = line(&text);
            let last = safe.rfind('\x1b').and_then(|at| sgr(&safe.as_bytes()[at..]));
            prop_assert!(last.is_none_or(|last| last == "\x1b[0m" || last == "\x1b[m"), "{safe:?}");
        }
    }
}
