//! Recognizes arrays that are not valid JSON. Engines interpret them as a shell's line, or as plain
//! words, without a warning.

/// An invalid array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenArray {
    /// The problem, as the end of a sentence.
    pub reason: String,
    /// The array that was probably meant.
    pub mended: String,
    /// It is valid JSON, but contains values other than strings: engines refuse it.
    pub is_json: bool,
    /// It is an array of strings followed by text. Engines that read a single value ignore the
    /// text.
    pub is_ignored: bool,
}

/// One element, as far as it can be recognized.
#[derive(Debug)]
struct Element {
    text: String,
    /// The character that quotes it.
    quote: Option<char>,
}

/// What was found while scanning the text.
#[derive(Debug, Default)]
struct Seen {
    elements: Vec<Element>,
    /// A comma without an element before it, or after the last element.
    stray_comma: bool,
    missing_comma: bool,
    nested: bool,
    bad_escape: bool,
    open_quote: bool,
    /// The position of the closing bracket.
    end: Option<usize>,
}

/// Returns the problem of arguments that begin with a bracket. Returns `None` for an array of
/// strings, and for text that is not meant as an array: other text, a shell's test command
/// (`[ -f /x ] && …`), and a pattern (`[a]pp`).
pub fn broken_array(arguments: &str) -> Option<BrokenArray> {
    let text = arguments.trim();
    if let Some(list) = list_without_brackets(text) {
        let words: Vec<String> =
            scan(list).elements.into_iter().map(|element| element.text).collect();
        let reason = "it is not in square brackets".to_owned();
        return Some(BrokenArray {
            reason,
            mended: written(&words),
            is_json: false,
            is_ignored: false,
        });
    }
    let inner = text.strip_prefix('[')?;
    if begins_a_pattern(inner) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    if let Some(Ok(serde_json::Value::Array(values_in))) = values.next() {
        let behind = text[values.byte_offset()..].trim();
        let words: Vec<String> = values_in.iter().flat_map(strings).collect();
        let mended = written(&words);
        return match values_in.iter().find(|value| !value.is_string()) {
            Some(odd) => {
                let reason = match odd {
                    serde_json::Value::Array(_) => "an array in it is no string".to_owned(),
                    odd => format!("{odd} in it is no string: quote it"),
                };
                Some(BrokenArray { reason, mended, is_json: true, is_ignored: false })
            }
            None if behind.is_empty() => None,
            None => Some(BrokenArray {
                reason: text_behind(behind),
                mended,
                is_json: false,
                is_ignored: true,
            }),
        };
    }
    let seen = scan(inner);
    let rest = seen.end.map_or("", |end| inner[end + 1..].trim());
    if is_test(inner, &seen, rest) {
        return None;
    }
    let words: Vec<String> = seen.elements.iter().map(|element| element.text.clone()).collect();
    if words.is_empty() && !seen.stray_comma {
        return None;
    }
    Some(BrokenArray {
        reason: reason(&seen, rest),
        mended: written(&words),
        is_json: false,
        is_ignored: false,
    })
}

/// Whether the text behind a bracket is the rest of a class of characters, with more of a name
/// behind it.
fn begins_a_pattern(inner: &str) -> bool {
    let Some((class, rest)) = inner.split_once(']') else { return false };
    let is_class = !class.is_empty()
        && !class.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '['));
    is_class
        && rest.starts_with(|c: char| !c.is_whitespace() && !matches!(c, ',' | ']' | '"' | '\''))
}

/// Returns the inside of `"/app", "serve"`, `{"/app"}` and `("/app", "serve")`. Nobody writes a
/// quoted element with a comma after it, or braces next to a quote, for a shell.
fn list_without_brackets(text: &str) -> Option<&str> {
    let inner = match text.as_bytes() {
        [b'{', .., b'}'] | [b'(', .., b')'] => &text[1..text.len() - 1],
        _ => text,
    };
    let (first, rest) = inner.strip_prefix('"')?.split_once('"')?;
    let is_list = rest.trim_start().starts_with(',') && rest.contains('"');
    let is_hugged = text.starts_with('{') && rest.trim().is_empty();
    (!first.contains(',') && (is_list || is_hugged)).then_some(inner)
}

/// Returns the strings of a value that should be a string.
fn strings(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(values) => values.iter().flat_map(strings).collect(),
        other => vec![other.to_string()],
    }
}

fn written(words: &[String]) -> String {
    let quoted: Vec<String> =
        words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

/// Returns the problem, the likeliest typing error first.
fn reason(seen: &Seen, rest: &str) -> String {
    let quoted_by = |wanted: &[char]| {
        seen.elements
            .iter()
            .any(|element| element.quote.is_some_and(|quote| wanted.contains(&quote)))
    };
    let bare = seen.elements.iter().find(|element| element.quote.is_none());
    if quoted_by(&CURLY) {
        "it has the curly quotes of a word processor, and JSON has straight double quotes".into()
    } else if quoted_by(&['\'', '`']) {
        "it has single quotes, and JSON has double quotes".into()
    } else if seen.open_quote {
        "a quote in it is not closed".into()
    } else if let Some(bare) = bare {
        format!("{} is not in double quotes", bare.text)
    } else if seen.nested {
        "an array in it is no string".into()
    } else if seen.missing_comma {
        "a comma between two elements is missing".into()
    } else if seen.stray_comma {
        "it has a comma too many".into()
    } else if seen.bad_escape {
        "a backslash in it escapes nothing that JSON knows: double it".into()
    } else if seen.end.is_none() {
        "its bracket is not closed".into()
    } else if rest.is_empty() {
        "JSON does not allow what is in it".into()
    } else {
        text_behind(rest)
    }
}

fn text_behind(rest: &str) -> String {
    format!("there is text behind it: {}", rest.chars().take(40).collect::<String>())
}

const CURLY: [char; 10] = ['“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»'];

/// Reports whether a character closes a quote. Typographic quotes are closed by any of their kind.
fn closes(open: char, character: char) -> bool {
    if CURLY.contains(&open) {
        CURLY.contains(&character) || character == '"'
    } else {
        open == character
    }
}

/// Scans the text after the opening bracket as a human reader would.
fn scan(text: &str) -> Seen {
    let mut seen = Seen::default();
    let mut comma = true;
    let mut characters = text.char_indices().peekable();
    let mut depth = 0usize;
    while let Some((at, character)) = characters.next() {
        match character {
            ']' if depth == 0 => {
                seen.end = Some(at);
                break;
            }
            ']' => depth -= 1,
            '[' if comma => {
                depth += 1;
                seen.nested = true;
            }
            ',' => {
                seen.stray_comma |= comma;
                comma = true;
            }
            character if character.is_whitespace() => {}
            quote if matches!(quote, '"' | '\'' | '`') || CURLY.contains(&quote) => {
                let mut raw = String::new();
                let mut is_closed = false;
                while let Some((_, next)) = characters.next() {
                    if closes(quote, next) {
                        is_closed = true;
                        break;
                    }
                    raw.push(next);
                    if next == '\\' {
                        raw.extend(characters.next().map(|(_, escaped)| escaped));
                    }
                }
                seen.open_quote |= !is_closed;
                // An unclosed quote probably includes text after the element.
                if !is_closed {
                    raw.truncate(raw.trim_end_matches([']', ',', ' ']).len());
                }
                let (text, is_escaped) = unescaped(&raw);
                seen.bad_escape |= !is_escaped;
                push(&mut seen, &mut comma, Element { text, quote: Some(quote) });
            }
            first => {
                let mut raw = String::from(first);
                while let Some((_, next)) = characters
                    .next_if(|(_, next)| !next.is_whitespace() && !matches!(next, ',' | ']'))
                {
                    raw.push(next);
                }
                push(&mut seen, &mut comma, Element { text: raw, quote: None });
            }
        }
    }
    seen.stray_comma |= comma && !seen.elements.is_empty();
    seen
}

fn push(seen: &mut Seen, comma: &mut bool, element: Element) {
    seen.missing_comma |= !*comma;
    *comma = false;
    seen.elements.push(element);
}

/// Returns the text of a string, and whether its escapes are valid JSON. If one is not, backslashes
/// are literal, as in Windows paths.
fn unescaped(raw: &str) -> (String, bool) {
    if !raw.contains('\\') {
        return (raw.to_owned(), true);
    }
    let escaped = raw.replace("\\'", "'");
    match serde_json::from_str::<String>(&format!("\"{}\"", escaped.replace('\t', "\\t"))) {
        Ok(text) => (text, true),
        Err(_) => (raw.replace("\\\\", "\\").replace("\\\"", "\""), false),
    }
}

/// Operators of the test command.
const OPERATORS: [&str; 19] = [
    "=", "==", "!=", "=~", "<", ">", "!", "-a", "-o", "-eq", "-ne", "-lt", "-le", "-gt", "-ge",
    "-nt", "-ot", "-ef", "((",
];

/// Reports whether a shell's test command is meant: `[ -f /x ] && …`. It has white space after its
/// bracket, and no comma.
fn is_test(inner: &str, seen: &Seen, rest: &str) -> bool {
    let is_double = inner.starts_with('[');
    let words = inner.trim_start_matches('[');
    if !words.starts_with(char::is_whitespace) {
        return false;
    }
    let bare = |element: &&Element| element.quote.is_none();
    let first = seen.elements.first();
    let is_unary = |element: &Element| {
        element.quote.is_none()
            && matches!(element.text.as_bytes(), [b'-', letter] if letter.is_ascii_alphabetic())
    };
    let has_operator =
        seen.elements.iter().filter(bare).any(|element| OPERATORS.contains(&element.text.as_str()))
            || first.is_some_and(is_unary)
            || is_double;
    let has_comma =
        words.split(']').next().is_some_and(|words| words.contains(',')) && !words.contains('$');
    let is_chained = ["&&", "||", ";", "|"].iter().any(|operator| rest.starts_with(operator));
    let has_variable = seen
        .elements
        .iter()
        .any(|element| element.text.contains('$') && element.quote != Some('\''));
    !has_comma && (has_operator || is_chained || (has_variable && seen.elements.len() == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_as_an_array_is_mended() {
        for (text, reason, mended) in [
            ("['/app', 'serve']", "single quotes", r#"["/app", "serve"]"#),
            (r#"["/app" "serve"]"#, "comma between", r#"["/app", "serve"]"#),
            ("[/app, serve]", "/app is not in double quotes", r#"["/app", "serve"]"#),
            ("[/app]", "not in double quotes", r#"["/app"]"#),
            ("[“/app”, ‘x y’]", "curly", r#"["/app", "x y"]"#),
            (r#"[“/app", "x"]"#, "curly", r#"["/app", "x"]"#),
            (r#"["/app",]"#, "comma too many", r#"["/app"]"#),
            (r#"["/app",, "x"]"#, "comma too many", r#"["/app", "x"]"#),
            (r#"[,"/app"]"#, "comma too many", r#"["/app"]"#),
            (r#"["/app", 'serve']"#, "single quotes", r#"["/app", "serve"]"#),
            (r#"["/app", "serve""#, "not closed", r#"["/app", "serve"]"#),
            (r#"["/app", "serve]"#, "a quote in it is not closed", r#"["/app", "serve"]"#),
            (r#"["/app", serve]"#, "serve is not in double quotes", r#"["/app", "serve"]"#),
            (r#"["/app", ["x", "y"]]"#, "an array in it", r#"["/app", "x", "y"]"#),
            (r#"["/app", ["x"],]"#, "an array in it", r#"["/app", "x"]"#),
            (r#"["/app", 80]"#, "80 in it is no string", r#"["/app", "80"]"#),
            (r#"["/app", true, null]"#, "true in it is no string", r#"["/app", "true", "null"]"#),
            (r#"["/app"] --port 80"#, "text behind it: --port 80", r#"["/app"]"#),
            (r#"["/app"] && ["/b"]"#, "text behind it", r#"["/app"]"#),
            (r#"["/app"]]"#, "text behind it", r#"["/app"]"#),
            (r#"["C:\dir\app.exe", "\d+"]"#, "backslash", r#"["C:\\dir\\app.exe", "\\d+"]"#),
            (r"[ '/app', '-c', 'it\'s' ]", "single quotes", r#"["/app", "-c", "it's"]"#),
            (r#"[ "/app" "serve" ]"#, "comma between", r#"["/app", "serve"]"#),
            (r#"[ "/app", "serve", ]"#, "comma too many", r#"["/app", "serve"]"#),
            (r#""/app", "serve""#, "square brackets", r#"["/app", "serve"]"#),
            (r#"{"/app"}"#, "square brackets", r#"["/app"]"#),
            (r#"("/app", "serve")"#, "square brackets", r#"["/app", "serve"]"#),
            ("[`/app`]", "single quotes", r#"["/app"]"#),
        ] {
            let broken = broken_array(text).unwrap_or_else(|| panic!("{text} was not found"));
            assert!(broken.reason.contains(reason), "{text}: {broken:?}");
            assert_eq!(broken.mended, mended, "{text}");
            assert!(
                serde_json::from_str::<Vec<String>>(&broken.mended).is_ok(),
                "{text}: {broken:?}"
            );
        }
    }

    #[test]
    fn arrays_and_shell_tests_are_let_be() {
        for text in [
            r#"["/app", "serve"]"#,
            "[]",
            r#"[ "/app" ]"#,
            "/app serve",
            "",
            "[ -f /x ] && /app",
            "[ -f /x ]",
            "[ ! -e /tmp/down ]",
            r#"[ "$(wget -qO- localhost)" = ok ]"#,
            r#"[ "$A" == "b" ] || exit 1"#,
            "[[ -n $A ]] && /app",
            "[ $(cat /x) -gt 5 ]",
            r#"[ "$READY" ]"#,
            r#"[ "$A" -eq 1 -a "$B" -eq 2 ]"#,
            "[ x ] && /app",
            r#""/my app" --x "a, b""#,
            r#"("/app"; "/b")"#,
            r#"{ "/app"; }"#,
            "[ \"$(echo a,b)\" = a,b ]",
            "[a]pp /b/",
            "[!a-c]*.txt other /b/",
        ] {
            assert_eq!(broken_array(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_in_a_result(text in r#"\[[ a"'“”,\]\[\\$=&-]{0,30}"#) {
            if let Some(broken) = broken_array(&text) {
                assert!(serde_json::from_str::<Vec<String>>(&broken.mended).is_ok(), "{text}: {broken:?}");
            }
        }
    }
}
