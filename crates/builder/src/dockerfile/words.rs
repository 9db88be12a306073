//! Words of an instruction: quotes, escapes and variables, as BuildKit's shell lexer reads them
//! (`frontend/dockerfile/shell/lex.go`; Dockerfile reference, "Environment replacement").

/// The values that variables stand for.
pub(super) trait Variables {
    /// The value of `name`, if it has one.
    fn value(&self, name: &str) -> Option<String>;
}

/// Splits `text` at white space outside of quotes, and expands each word.
pub(super) fn split(text: &str, escape: char, variables: &dyn Variables) -> Result<Vec<String>, String> {
    raw_words(text, escape).iter().map(|word| expand(word, escape, variables)).collect()
}

/// Words as they are written.
pub(super) fn raw_words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (character, None) if character.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            ('\'' | '"', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            _ => {}
        }
        word.push(character);
        if character == escape && quote != Some('\'') {
            word.extend(characters.next());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Takes quotes and escapes away and puts values in the place of variables.
pub(super) fn expand(word: &str, escape: char, variables: &dyn Variables) -> Result<String, String> {
    let mut out = String::new();
    let mut quote = None;
    let mut rest = word.chars();
    while let Some(character) = rest.next() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            (character, Some('\'')) => out.push(character),
            (character, _) if character == escape => match rest.next() {
                // Within double quotes only these are escaped.
                Some(next) if quote.is_some() && !matches!(next, '"' | '$') && next != escape => {
                    out.extend([character, next]);
                }
                Some(next) => out.push(next),
                None => out.push(character),
            },
            ('$', _) => out.push_str(&variable(&mut rest, escape, variables)?),
            (character, _) => out.push(character),
        }
    }
    match quote {
        Some(quote) => Err(format!("the quote {quote} is not closed")),
        None => Ok(out),
    }
}

fn variable(rest: &mut std::str::Chars<'_>, escape: char, variables: &dyn Variables) -> Result<String, String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let text = rest.as_str();
    let Some(inner) = text.strip_prefix('{') else {
        let end = text.find(|character| !is_name(character)).unwrap_or(text.len());
        *rest = text[end..].chars();
        return Ok(if end == 0 { "$".to_owned() } else { variables.value(&text[..end]).unwrap_or_default() });
    };
    let end = closing_brace(inner).ok_or("a ${ is not closed")?;
    *rest = inner[end + 1..].chars();
    let inner = &inner[..end];
    let name_end = inner.find(|character| !is_name(character)).unwrap_or(inner.len());
    let (name, modifier) = inner.split_at(name_end);
    if name.is_empty() {
        return Err(format!("${{{inner}}} names no variable"));
    }
    let value = variables.value(name);
    let set =
        |value: &Option<String>, or_empty: bool| value.as_ref().is_some_and(|value| or_empty || !value.is_empty());
    let (or_empty, modifier) = match modifier.strip_prefix(':') {
        Some(modifier) => (false, modifier),
        None => (true, modifier),
    };
    match modifier.split_at_checked(1) {
        None if or_empty => Ok(value.unwrap_or_default()),
        Some(("-" | "?", _)) if set(&value, or_empty) => Ok(value.unwrap_or_default()),
        Some(("-", default)) => expand(default, escape, variables),
        Some(("+", other)) if set(&value, or_empty) => expand(other, escape, variables),
        Some(("+", _)) => Ok(String::new()),
        Some(("?", message)) => Err(format!("{name}: {}", if message.is_empty() { "it is not set" } else { message })),
        _ => Err(format!("${{{inner}}}: only :-, :+ and :? are understood")),
    }
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Sample;

    impl Variables for Sample {
        fn value(&self, name: &str) -> Option<String> {
            match name {
                "A" => Some("one".into()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }
    }

    #[test]
    fn words_are_split_and_expanded() {
        for (text, expected) in [
            ("a b\tc", &["a", "b", "c"][..]),
            (r#"K="a b" L='c d'"#, &["K=a b", "L=c d"]),
            (r"a\ b", &["a b"]),
            ("$A ${A}x $B.", &["one", "onex", "."]),
            (r#""$A" '$A' \$A"#, &["one", "$A", "$A"]),
            ("${B:-two} ${A:-two} ${EMPTY:-x} ${EMPTY-x}", &["two", "one", "x", ""]),
            ("${A:+y} ${B:+y}z ${EMPTY+y}", &["y", "z", "y"]),
            ("${B:-${A}}", &["one"]),
            (r#""a\"b" "c\d""#, &[r#"a"b"#, r"c\d"]),
            ("5$", &["5$"]),
        ] {
            assert_eq!(split(text, '\\', &Sample).unwrap(), expected, "{text}");
        }
        for text in [r#""a"#, "${A", "${}", "${A#x}", "${B:?must be set}"] {
            assert!(split(text, '\\', &Sample).is_err(), "{text}");
        }
        assert_eq!(split("a`$A", '`', &Sample).unwrap(), ["a$A"]);
    }

    proptest! {
        #[test]
        fn any_text_ends_in_a_result(text in r#"[ "'$\\{}:+?A-]{0,30}"#) {
            drop(split(&text, '\\', &Sample));
        }
    }
}
