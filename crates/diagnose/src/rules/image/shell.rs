//! Shell lines, and their equivalent in exec form.

/// Characters with a meaning to shells: a line with one of these cannot be written in exec form.
const SHELL_SYNTAX: &[char] =
    &['|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?', '[', '~', '#', '{', '}', '\n', '!'];

/// Returns the line of an argument vector that Docker made from a shell form:
/// `["/bin/sh", "-c", line]`.
pub(super) fn line<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    match arguments {
        ["/bin/sh", "-c", line, ..] => Some(line),
        _ => None,
    }
}

/// Returns the words of a line that needs no shell; `None` if it needs one.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let line = line.trim().strip_prefix("exec ").unwrap_or(line.trim());
    if line.contains(SHELL_SYNTAX) || line.is_empty() {
        return None;
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(characters.next()?),
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == quote => break,
                        '\\' if quote == '"' => word.push(characters.next()?),
                        character => word.push(character),
                    }
                }
            }
            character => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    // NAME=value before a command needs a shell too.
    words.first().is_some_and(|first| !first.contains('=')).then_some(words)
}

/// Formats an argument vector in the notation of a Dockerfile.
pub(super) fn exec_form(words: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> =
        words.iter().map(|word| serde_json::Value::from(word.as_ref()).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

/// Explains how to write a shell line without a shell.
pub(super) fn advice(instruction: &str, line: &str) -> String {
    match words(line) {
        Some(words) => format!("write it in exec form: {instruction} {}", exec_form(&words)),
        None => format!(
            "the line needs a shell: do its work in the program itself, or use an image that has one; a plain command is \
             written as {instruction} [\"/app\", \"--flag\"]"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_vectors() {
        for (line, expected) in [
            ("/app --port 80", Some(r#"["/app", "--port", "80"]"#)),
            ("exec /app", Some(r#"["/app"]"#)),
            ("/app 'a b' \"c\\\"d\" e\\ f ''", Some(r#"["/app", "a b", "c\"d", "e f", ""]"#)),
            ("/app $HOME", None),
            ("/app && /b", None),
            ("A=1 /app", None),
            ("/app 'open", None),
            ("", None),
        ] {
            assert_eq!(words(line).map(|words| exec_form(&words)).as_deref(), expected, "{line}");
        }
    }
}
