//! Removes the escapes of terminals and of JSON from pasted text.

use std::borrow::Cow;

/// How many bytes of a text are examined: at its beginning and at its end, where failures usually
/// are.
const MAX_BEGIN: usize = 32 * 1024;
const MAX_END: usize = 64 * 1024;
/// How many bytes are read before escapes are removed: half from each end.
const MAX_RAW: usize = 256 * 1024;

/// Removes escapes. Quotes are escaped once for every layer of JSON or Go's `%q` that the text went
/// through. Backslashes have no meaning here except before the `n` and `t` of a quoted text. Colors
/// and carriage returns are removed.
pub(super) fn prepare(text: &str) -> String {
    let plain = without_escapes(&ends(text, MAX_RAW / 2, MAX_RAW / 2));
    ends(&plain, MAX_BEGIN, MAX_END).into_owned()
}

/// Removes the middle of an overlong text.
fn ends(text: &str, begin: usize, end: usize) -> Cow<'_, str> {
    if text.len() <= begin + end {
        return Cow::Borrowed(text);
    }
    let head = &text[..text.floor_char_boundary(begin)];
    let tail = &text[text.ceil_char_boundary(text.len() - end)..];
    Cow::Owned(format!("{head}\n{tail}"))
}

fn without_escapes(kept: &str) -> String {
    let is_quoted = kept.trim_start().starts_with(['{', '[', '"', '\'']) || kept.contains("\\\"");
    let mut plain = String::with_capacity(kept.len());
    let mut characters = kept.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape(&mut characters),
            '\\' => {
                let mut backslashes = 1;
                while characters.next_if_eq(&'\\').is_some() {
                    backslashes += 1;
                }
                match characters.peek() {
                    // Before a quote, backslashes only escape it.
                    Some('"') => {}
                    Some('n') if is_quoted => {
                        characters.next();
                        plain.push('\n');
                    }
                    Some('t') if is_quoted => {
                        characters.next();
                        plain.push('\t');
                    }
                    _ => push_backslashes(&mut plain, &mut characters, backslashes),
                }
            }
            '\r' => {}
            // Characters that are not text. A sequence of invalid bytes leaves a single mark.
            '\u{fffd}' | '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' => {
                if !plain.ends_with('\u{fffd}') {
                    plain.push('\u{fffd}');
                }
            }
            character => plain.push(character),
        }
    }
    plain
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Skips a control sequence (`ESC [ … letter`), or the rest of one.
fn skip_escape(characters: &mut Characters<'_>) {
    if characters.next_if_eq(&'[').is_none() {
        return;
    }
    while let Some(character) =
        characters.next_if(|character| character.is_ascii() && *character != '\n')
    {
        if character.is_ascii_alphabetic() {
            return;
        }
    }
}

/// Appends literal backslashes, except those of a written-out ESC of a color (`\u001b[31m`,
/// `\x1b[0m`, `\033[1m`).
fn push_backslashes(plain: &mut String, characters: &mut Characters<'_>, count: usize) {
    let rest: String = characters.clone().take(5).collect();
    for escape in ["u001b", "u001B", "x1b", "x1B", "033", "e"] {
        let is_color =
            rest.starts_with(escape) && characters.clone().nth(escape.len()) == Some('[');
        if is_color {
            for _ in 0..escape.len() {
                characters.next();
            }
            skip_escape(characters);
            return;
        }
    }
    plain.extend(std::iter::repeat_n('\\', count));
}

#[cfg(test)]
mod tests {
    use super::prepare;

    #[test]
    fn escapes_are_taken_away() {
        for (text, plain) in [
            ("a \\\"b\\\" \\\\\\\"c\\\\\\\"", "a \"b\" \"c\""),
            ("C:\\new\\table", "C:\\new\\table"),
            (r#"{"log":"exec /app: x\n"}"#, "{\"log\":\"exec /app: x\n\"}"),
            ("\u{1b}[31;1merror\u{1b}[0m\r\nx", "error\nx"),
            (r#"{"m":"\u001b[31mred\u001b[0m"}"#, r#"{"m":"red"}"#),
            ("\\x1b[1mbold", "bold"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\\", "\\"),
            ("\\\\", "\\\\"),
            ("\\u001b", "\\u001b"),
        ] {
            assert_eq!(prepare(text), plain, "{text:?}");
        }
    }
}
