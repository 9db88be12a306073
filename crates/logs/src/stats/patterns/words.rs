//! Splits a line into words, and tells which of them are values: numbers, ids, addresses, paths,
//! times.

use std::ops::Range;

/// How many values in a row are told from more of them: a list is one pattern, however long it is.
const LONGEST_RUN: usize = 3;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it is in the line. A list of values has one range.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of the message.
    Fixed,
    /// The name of a value, before an equals sign. Its digits are no part of it.
    Key,
    /// A value.
    Value,
}

/// Replaces `words` by the words of the text.
pub(super) fn split(text: &str, words: &mut Vec<Word>) {
    words.clear();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // A row of dots leads to a value.
        let ends = |end: &usize| is_separator(bytes[*end]) || begins_row_of_dots(&bytes[*end..]);
        let mut end = (at..bytes.len()).find(ends).unwrap_or(bytes.len());
        if end < bytes.len() && is_in_query(bytes[end]) && is_place(&text[at..end]) {
            let ends = |end: &usize| is_separator(bytes[*end]) && !is_in_query(bytes[*end]);
            end = (end..bytes.len()).find(ends).unwrap_or(bytes.len());
            push(words, at..end, Kind::Value);
        } else if bytes.get(end) == Some(&b'=') {
            push(words, at..end, Kind::Key);
        } else {
            chunk(text, at..end, words);
        }
        at = end + 1;
    }
    mark_calendar(text, words);
    join(text, words);
}

fn is_separator(byte: u8) -> bool {
    const SEPARATORS: [bool; 256] = {
        let mut separators = [false; 256];
        let mut control = 0;
        while control <= b' ' as usize {
            separators[control] = true;
            control += 1;
        }
        let marks = b"()[]{}<>,;=\"'|#!&`\x7f";
        let mut at = 0;
        while at < marks.len() {
            separators[marks[at] as usize] = true;
            at += 1;
        }
        separators
    };
    SEPARATORS[usize::from(byte)]
}

fn push(words: &mut Vec<Word>, range: Range<usize>, kind: Kind) {
    if !range.is_empty() {
        words.push(Word { range, kind });
    }
}

/// Adds the words of a text without separators: one, or two around a colon.
fn chunk(text: &str, mut range: Range<usize>, words: &mut Vec<Word>) {
    let edge = |c: char| matches!(c, '.' | ':' | '*' | '?');
    loop {
        let word = &text[range.clone()];
        if !word.starts_with("./") && !word.starts_with("../") {
            range.start = range.end - word.trim_start_matches(edge).len();
        }
        range.end = range.start + text[range.clone()].trim_end_matches(edge).len();
        let word = &text[range.clone()];
        let named = word.split_once(':').map(|(name, _)| name).filter(|name| is_name(name, word));
        let Some(name) = named else {
            if word.bytes().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
                push(words, range, if is_value(word) { Kind::Value } else { Kind::Fixed });
            }
            return;
        };
        let end = range.start + name.len();
        push(words, range.start..end, if is_value(name) { Kind::Value } else { Kind::Fixed });
        range.start = end;
    }
}

fn begins_row_of_dots(bytes: &[u8]) -> bool {
    bytes.starts_with(b"..") && !bytes.starts_with(b"../")
}

/// Reports whether the byte separates words, but not in a URL's query.
fn is_in_query(byte: u8) -> bool {
    b"=&#!".contains(&byte)
}

/// Reports whether the beginning of a word, before a colon, names the rest.
fn is_name(name: &str, word: &str) -> bool {
    let rest = &word[name.len()..];
    let is_dotted = !word.bytes().any(|byte| byte.is_ascii_digit());
    let is_letter = |byte: u8| {
        byte.is_ascii_alphabetic() || byte == b'_' || byte == b'-' || (byte == b'.' && is_dotted)
    };
    let is_drive = name.len() == 1 && (rest.starts_with(":\\") || rest.starts_with(":/"));
    !name.is_empty() && !is_drive && !rest.starts_with("://") && name.bytes().all(is_letter)
}

fn is_value(word: &str) -> bool {
    const LITERALS: [&str; 7] = ["true", "false", "null", "nil", "True", "False", "None"];
    word.bytes().any(|byte| byte.is_ascii_digit())
        || is_place(word)
        || LITERALS.contains(&word)
        || (word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Reports whether the word is a path or a URL.
pub(super) fn is_place(word: &str) -> bool {
    let bytes = word.as_bytes();
    let separators = || bytes.iter().filter(|byte| **byte == b'/' || **byte == b'\\').count();
    match bytes {
        [b'/' | b'~', _, ..]
        | [b'.', b'/', _, ..]
        | [b'.', b'.', b'/', ..]
        | [b'\\', b'\\', ..] => true,
        [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic() => true,
        _ => separators() >= 2,
    }
}

/// The names of months and days before a number are parts of a time.
fn mark_calendar(text: &str, words: &mut [Word]) {
    const NAMES: [&str; 19] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon",
        "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
    ];
    for at in (1..words.len()).rev() {
        let [word, next] = &mut words[at - 1..=at] else { continue };
        if next.kind == Kind::Value && NAMES.contains(&&text[word.range.clone()]) {
            word.kind = Kind::Value;
        }
    }
}

/// Makes units a part of their number, and a long list of values one.
fn join(text: &str, words: &mut Vec<Word>) {
    let mut run = 0;
    let mut after_value = false;
    words.retain_mut(|word| {
        if after_value && word.kind == Kind::Fixed && is_unit(&text[word.range.clone()]) {
            word.kind = Kind::Value;
        }
        after_value = word.kind == Kind::Value;
        run = if after_value { run + 1 } else { 0 };
        run <= LONGEST_RUN
    });
    // What was left out belongs to the list.
    for at in LONGEST_RUN..=words.len() {
        if words[at - LONGEST_RUN..at].iter().all(|word| word.kind == Kind::Value) {
            let end = words.get(at).map_or(text.len(), |next| next.range.start);
            let list = &mut words[at - 1].range;
            let after = text[list.end..end]
                .trim_end_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace());
            list.end += after.len();
        }
    }
}

/// Reports whether the word is the unit of a number.
pub(super) fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 28] = [
        "B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "byte", "bytes", "ns", "us",
        "µs", "ms", "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minutes", "h",
        "hours", "days",
    ];
    UNITS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words, with values in brackets and keys before an equals sign.
    fn words(text: &str) -> String {
        let mut words = Vec::new();
        split(text, &mut words);
        let show = |word: &Word| match (&text[word.range.clone()], word.kind) {
            (word, Kind::Fixed) => word.to_owned(),
            (word, Kind::Key) => format!("{word}="),
            (word, Kind::Value) => format!("[{word}]"),
        };
        words.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_a_value() {
        for (text, want) in [
            ("", ""),
            ("plain words, no numbers.", "plain words no numbers"),
            ("took 12 ms", "took [12] [ms]"),
            ("ms alone", "ms alone"),
            ("5.2 KB of 1,024 MB", "[5.2] [KB] of [1] [024] [MB]"),
            ("from 10.0.0.7:8080 or [::1]:80", "from [10.0.0.7:8080] or [1] [80]"),
            ("open /etc/hosts: denied", "open [/etc/hosts] denied"),
            ("open ./a ../b ~/c d/e f/g/h", "open [./a] [../b] [~/c] d/e [f/g/h]"),
            (r"copy C:\a\b \\host\share x", r"copy [C:\a\b] [\\host\share] x"),
            ("GET https://x.org/a?b=c&d=1 ok", "GET [https://x.org/a?b=c&d=1] ok"),
            ("file:/a/b x.Error:reason at:7", "file [/a/b] x.Error reason at [7]"),
            ("uid=0 r24=0x7f user=bob on=true", "uid= [0] r24= [0x7f] user= bob on= [true]"),
            ("lr:00ff type:create a::b", "lr [00ff] type create a b"),
            ("port.......7", "port [7]"),
            ("at Fri Jun 17 07:07:00 2005 done", "at [Fri] [Jun] [17 07:07:00 2005] done"),
            ("May I?", "May I"),
            ("ids [1, 2, 3, 4, 5] end", "ids [1] [2] [3, 4, 5] end"),
            ("z+ and z- stay -- so", "z+ and z- stay so"),
            ("größe 7 日本", "größe [7] 日本"),
            (r#"{"a":1,"b":{"c":"d e"}}"#, "a [1] b c d e"),
            ("\u{1b}[31mred\u{1}x", "[31mred] x"),
        ] {
            assert_eq!(words(text), want, "{text}");
        }
    }
}
