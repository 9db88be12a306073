//! The members of a JSON object, as slices of the line.

/// Reports whether the line looks like one complete object. A byte order mark and surrounding
/// blanks are ignored.
pub(super) fn is_object(line: &[u8]) -> bool {
    let line = trim(line);
    line.first() == Some(&b'{') && line.last() == Some(&b'}')
}

/// Reports whether the line begins like an object. The line may be cut.
pub(super) fn begins_object(line: &[u8]) -> bool {
    trim(line).strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b'"'))
}

/// Returns the object if all of it is valid.
pub(super) fn valid_object(line: &[u8]) -> Option<&str> {
    let text = str::from_utf8(trim(line)).ok()?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    Some(text)
}

/// Returns the raw value at a path of keys. A key that contains dots takes precedence over a path.
pub(super) fn get<'a>(object: &'a [u8], path: &str) -> Option<&'a [u8]> {
    let member =
        |wanted: &str| members(object).find(|(key, _)| is_key(key, wanted)).map(|(_, value)| value);
    member(path).or_else(|| {
        path.match_indices('.').find_map(|(at, _)| {
            let inner = member(&path[..at]).filter(|value| is_object(value))?;
            get(inner, &path[at + 1..])
        })
    })
}

fn is_key(raw: &[u8], wanted: &str) -> bool {
    if !raw.contains(&b'\\') {
        return raw == wanted.as_bytes();
    }
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).is_ok_and(|key| key == wanted)
}

/// Returns keys (without their quotes, escapes as written) and raw values, up to the first part
/// that is not JSON.
pub(super) fn members(line: &[u8]) -> Members<'_> {
    Members { rest: trim(line).strip_prefix(b"{").unwrap_or_default() }
}

pub(super) struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_ascii_start();
        let key_len = string_len(text)?;
        let (key, text) = text.split_at(key_len);
        let text = text.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, text) = text.split_at(value_len(text)?);
        self.rest = match text.trim_ascii_start() {
            [b',', rest @ ..] => rest,
            // The end of the object, or not JSON, or the end of a line that was cut after a
            // complete value.
            [b'}', ..] | [] => &[],
            _ => return None,
        };
        Some((&key[1..key_len - 1], value))
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii()
}

/// Returns the length of the string that `text` starts with, quotes included.
fn string_len(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Returns the length of the value that `text` starts with.
fn value_len(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => string_len(text),
        b'{' | b'[' => {
            let (mut at, mut depth) = (0, 0_usize);
            loop {
                match text.get(at)? {
                    b'"' => at += string_len(&text[at..])? - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            text.iter().position(ends).filter(|len| *len > 0)
        }
    }
}
