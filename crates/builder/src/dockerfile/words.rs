//! Words of an instruction: quotes, escapes and variables, like in BuildKit's shell lexer
//! (`frontend/dockerfile/shell/lex.go`; Dockerfile reference, "Environment replacement").

use super::budget::Budget;
use super::substitute;

/// The values of variables.
pub(super) trait Variables {
    /// Returns the value of `name`, if it has one.
    fn value(&self, name: &str) -> Option<String>;
}

/// No variable has a value.
pub(super) struct Nothing;

impl Variables for Nothing {
    fn value(&self, _name: &str) -> Option<String> {
        None
    }
}

/// The deepest nesting of `${A:-${B:-…}}`.
const DEEPEST: usize = 64;
/// The longest expanded word: variables that contain each other twice would double its length
/// without end.
pub(super) const LONGEST: usize = 1024 * 1024;
/// The error for a longer word.
pub(super) const TOO_LONG: &str = "with its variables replaced it is longer than 1 MiB";

/// Splits text into words as written.
pub(super) fn raw_words(text: &str, escape: char) -> Vec<String> {
    cut(text, escape, false)
}

/// Splits text into words like a shell, with quotes kept: the escape character is `\`, and white
/// space after `<<` belongs to the word.
pub(super) fn shell_words(text: &str) -> Vec<String> {
    cut(text, '\\', true)
}

fn cut(text: &str, escape: char, with_documents: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars().peekable();
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
        if with_documents && quote.is_none() && word.ends_with("<<") {
            while let Some(space) = characters.next_if(|next| matches!(next, ' ' | '\t' | '\r')) {
                word.push(space);
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Removes quotes and escapes, and replaces variables by their values.
pub(super) fn expand(
    word: &str,
    escape: char,
    variables: &dyn Variables,
    budget: &Budget,
) -> Result<String, String> {
    Lexer { escape, quotes: true, variables, budget }.whole(word)
}

/// Like [`expand`], for a here-document, in which quotes are literal and the escape character is
/// always `\`.
pub(super) fn expand_document(
    text: &str,
    variables: &dyn Variables,
    budget: &Budget,
) -> Result<String, String> {
    Lexer { escape: '\\', quotes: false, variables, budget }.whole(text)
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

struct Lexer<'a> {
    escape: char,
    quotes: bool,
    variables: &'a dyn Variables,
    budget: &'a Budget,
}

impl Lexer<'_> {
    fn whole(&self, text: &str) -> Result<String, String> {
        self.until(&mut text.chars().peekable(), None, false, 0)
    }

    fn value(&self, name: &str) -> Result<Option<String>, String> {
        let value = self.variables.value(name);
        self.budget.text(value.as_ref().map_or(0, String::len))?;
        Ok(value)
    }

    /// Reads up to `end`, which is consumed, or to the end of the text. In `raw` text, which is a
    /// pattern, escapes stay.
    fn until(
        &self,
        rest: &mut Rest<'_>,
        end: Option<char>,
        raw: bool,
        depth: usize,
    ) -> Result<String, String> {
        let mut out = String::new();
        while let Some(character) = rest.next() {
            if Some(character) == end {
                return Ok(out);
            }
            match character {
                '\'' if self.quotes => single_quoted(rest, &mut out)?,
                '"' if self.quotes => self.double_quoted(rest, raw, depth, &mut out)?,
                '$' => out.push_str(&self.variable(rest, depth)?),
                character if character == self.escape => {
                    if raw {
                        out.push(character);
                    }
                    out.extend(rest.next());
                }
                character => out.push(character),
            }
            if out.len() > LONGEST {
                return Err(TOO_LONG.into());
            }
        }
        match end {
            Some(_) => Err("a ${ is not closed".into()),
            None => Ok(out),
        }
    }

    fn double_quoted(
        &self,
        rest: &mut Rest<'_>,
        raw: bool,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        while let Some(character) = rest.next() {
            match character {
                '"' => return Ok(()),
                '$' => out.push_str(&self.variable(rest, depth)?),
                character if character == self.escape => {
                    if raw {
                        out.push(character);
                    }
                    // Only these are escaped here.
                    match rest.next_if(|next| matches!(next, '"' | '$') || *next == self.escape) {
                        Some(next) => out.push(next),
                        None if raw => {}
                        None => out.push(character),
                    }
                }
                character => out.push(character),
            }
            if out.len() > LONGEST {
                return Err(TOO_LONG.into());
            }
        }
        Err("the quote \" is not closed".into())
    }

    /// Reads the text after a dollar sign.
    fn variable(&self, rest: &mut Rest<'_>, depth: usize) -> Result<String, String> {
        if rest.next_if_eq(&'{').is_none() {
            let name = name(rest);
            return Ok(if name.is_empty() {
                "$".to_owned()
            } else {
                self.value(&name)?.unwrap_or_default()
            });
        }
        if depth >= DEEPEST {
            return Err(format!("variables within variables, more than {DEEPEST} deep"));
        }
        let depth = depth + 1;
        let name = name(rest);
        if name.is_empty() {
            return Err("a ${} names no variable".into());
        }
        let value = self.value(&name)?;
        let modifier = rest.next().ok_or("a ${ is not closed")?;
        match modifier {
            '}' => Ok(value.unwrap_or_default()),
            ':' => {
                let modifier = rest.next().ok_or("a ${ is not closed")?;
                let word = self.until(rest, Some('}'), false, depth)?;
                chosen(
                    &name,
                    value.filter(|value| !value.is_empty()),
                    modifier,
                    word,
                    &format!(":{modifier}"),
                )
            }
            '-' | '+' | '?' => {
                let word = self.until(rest, Some('}'), false, depth)?;
                chosen(&name, value, modifier, word, &modifier.to_string())
            }
            '#' | '%' => {
                let longest = rest.next_if_eq(&modifier).is_some();
                let pattern = self.until(rest, Some('}'), true, depth)?;
                substitute::trim(
                    &value.unwrap_or_default(),
                    &pattern,
                    modifier == '%',
                    longest,
                    self.budget,
                )
            }
            '/' => {
                let all = rest.next_if_eq(&'/').is_some();
                let pattern = self.until(rest, Some('/'), true, depth)?;
                let replacement = self.until(rest, Some('}'), true, depth)?;
                substitute::replace(
                    &value.unwrap_or_default(),
                    &pattern,
                    &replacement,
                    all,
                    self.budget,
                )
            }
            other => Err(unknown(&name, &other.to_string())),
        }
    }
}

/// Handles `${NAME-word}`, `${NAME+word}`, `${NAME?word}`. A value that counts as unset was removed
/// before.
fn chosen(
    name: &str,
    value: Option<String>,
    modifier: char,
    word: String,
    written: &str,
) -> Result<String, String> {
    match (modifier, value) {
        ('-', None) | ('+', Some(_)) => Ok(word),
        ('-' | '?', Some(value)) => Ok(value),
        ('+', None) => Ok(String::new()),
        ('?', None) => {
            Err(format!("{name}: {}", if word.is_empty() { "it is not set" } else { &word }))
        }
        _ => Err(unknown(name, written)),
    }
}

fn unknown(name: &str, modifier: &str) -> String {
    format!(
        "${{{name}{modifier}…}}: only :-, :+, :?, -, +, ?, #, ##, %, %%, / and // are understood"
    )
}

/// Reads a name, or a special parameter of shells, which is never set here.
fn name(rest: &mut Rest<'_>) -> String {
    let mut name = String::new();
    match rest.peek() {
        Some(digit) if digit.is_numeric() => {
            while let Some(digit) = rest.next_if(|next| next.is_numeric()) {
                name.push(digit);
            }
        }
        Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => name.extend(rest.next()),
        _ => {
            while let Some(letter) = rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
                name.push(letter);
            }
        }
    }
    name
}

fn single_quoted(rest: &mut Rest<'_>, out: &mut String) -> Result<(), String> {
    for character in rest.by_ref() {
        match character {
            '\'' => return Ok(()),
            character => out.push(character),
        }
    }
    Err("the quote ' is not closed".into())
}

#[cfg(test)]
mod tests;
