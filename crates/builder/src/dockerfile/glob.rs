//! The patterns of `.dockerignore` and `--exclude`, as in `github.com/moby/patternmatcher`: a
//! pattern is a regular expression over the whole path, in which `**` crosses directories.

/// A pattern. The time of a match is at most the product of the lengths of pattern and path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Glob {
    /// This path alone.
    Exact(String),
    /// `DIR/**`: every path that begins so.
    Prefix(String),
    /// `**/NAME` or `**NAME`: every path that ends so.
    Suffix(String),
    /// All others.
    Tokens(Vec<Token>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    Literal(char),
    /// `?`: a character other than `/`.
    One,
    /// `*`: any number of characters other than `/`.
    Many,
    /// `**` or `**/` before more: nothing, or anything that ends with `/`.
    Folders,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`: one of these ranges, or none of them.
    Class {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Glob {
    /// Parses a pattern that is valid for Go's `filepath.Match`.
    pub(super) fn parse(pattern: &str) -> Self {
        let mut characters = pattern.chars().peekable();
        let mut tokens = Vec::new();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' if characters.next_if_eq(&'*').is_some() => {
                    characters.next_if_eq(&'/');
                    if characters.peek().is_some() { Token::Folders } else { Token::Rest }
                }
                '*' => Token::Many,
                '?' => Token::One,
                '[' => class(&mut characters),
                '\\' => Token::Literal(characters.next().unwrap_or('\\')),
                literal => Token::Literal(literal),
            });
        }
        let text = |tokens: &[Token]| {
            let literal = |token: &Token| {
                if let Token::Literal(literal) = token { Some(*literal) } else { None }
            };
            tokens.iter().map(literal).collect::<Option<String>>()
        };
        // As there: what begins with `**` and has no other wildcard is compared from the end.
        if let [Token::Folders, rest @ ..] = &tokens[..]
            && text(rest).is_some()
            && !pattern.contains('\\')
        {
            return Self::Suffix(pattern[2..].to_owned());
        }
        if let [begin @ .., Token::Rest] = &tokens[..]
            && let Some(begin) = text(begin)
        {
            return Self::Prefix(begin);
        }
        text(&tokens).map_or(Self::Tokens(tokens), Self::Exact)
    }

    /// Reports whether it matches a path. `steps` counts the work.
    pub(super) fn matches(&self, path: &str, steps: &mut u64) -> bool {
        *steps += 1;
        match self {
            Self::Exact(exact) => exact == path,
            Self::Prefix(begin) => path.starts_with(begin),
            Self::Suffix(end) => path.ends_with(end) || end.strip_prefix('/') == Some(path),
            Self::Tokens(tokens) => tokens_match(tokens, path, steps),
        }
    }

    /// Returns the text before a final `**`, if it has no other wildcard.
    pub(super) fn plain_begin(&self) -> Option<&str> {
        match self {
            Self::Exact(text) => Some(text),
            Self::Prefix(begin) => Some(begin.trim_end_matches('/')),
            Self::Suffix(_) | Self::Tokens(_) => None,
        }
    }
}

fn class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Token {
    let negated = characters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    while let Some(low) = characters.next().filter(|&character| character != ']') {
        let escaped = |character, characters: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            match character {
                '\\' => characters.next().unwrap_or('\\'),
                character => character,
            }
        };
        let low = escaped(low, characters);
        let high = match characters.next_if_eq(&'-').and_then(|_| characters.next()) {
            Some(high) => escaped(high, characters),
            None => low,
        };
        ranges.push((low, high));
    }
    Token::Class { ranges, negated }
}

/// Follows all ways through the tokens at the same time.
fn tokens_match(tokens: &[Token], path: &str, steps: &mut u64) -> bool {
    // Before each token, and inside of `Folders`, which ends only after a slash.
    let mut at = vec![false; tokens.len() + 1];
    let mut inside = vec![false; tokens.len()];
    at[0] = true;
    pass_over(tokens, &mut at);
    for character in path.chars() {
        let mut next = vec![false; tokens.len() + 1];
        let mut next_inside = vec![false; tokens.len()];
        for (index, token) in
            tokens.iter().enumerate().filter(|(index, _)| at[*index] || inside[*index])
        {
            *steps += 1;
            match token {
                Token::Literal(literal) => next[index + 1] |= *literal == character,
                Token::One => next[index + 1] |= character != '/',
                Token::Many => next[index] |= character != '/',
                Token::Rest => next[index] = true,
                Token::Folders => {
                    next_inside[index] = true;
                    next[index + 1] |= character == '/';
                }
                Token::Class { ranges, negated } => {
                    let is_in =
                        ranges.iter().any(|(low, high)| (*low..=*high).contains(&character));
                    next[index + 1] |= is_in != *negated;
                }
            }
        }
        (at, inside) = (next, next_inside);
        pass_over(tokens, &mut at);
        if !at.contains(&true) && !inside.contains(&true) {
            return false;
        }
    }
    at[tokens.len()]
}

/// Goes on behind tokens that may stand for nothing.
fn pass_over(tokens: &[Token], at: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if at[index] && matches!(token, Token::Many | Token::Rest | Token::Folders) {
            at[index + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::parse(pattern).matches(path, &mut 0)
    }

    #[test]
    fn patterns_are_those_of_docker() {
        for (pattern, path, expected) in [
            ("a", "a", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "d/a.txt", false),
            ("**/*.txt", "d/e/a.txt", true),
            ("**/*.txt", "a.txt", true),
            ("d/**", "d/e/f", true),
            ("d/**", "d", false),
            ("d**", "d/e/f", true),
            ("d**", "da", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a[b-d]", "ac", true),
            ("a[^b]", "ab", false),
            ("a[^b]", "ac", true),
            // No mark of a negation.
            ("a[!b]", "a!", true),
            ("a[!b]", "ab", true),
            ("a[!b]", "ac", false),
            ("a\\*", "a*", true),
            ("*", "", true),
            ("*a*b", "xaybzab", true),
            ("*a*b", "xaybza", false),
            ("**/a/**/b", "a/x/a/y/b", true),
            ("**/a/**/b", "a/x/a/y/c", false),
            ("**", "a/b", true),
            ("a/**/b", "a/b", true),
            ("**.pem", "d/e/c.pem", true),
            ("**.pem", "c.pem", true),
            ("**secret", "d/mysecret", true),
            ("**/secret", "d/mysecret", false),
            ("**/secret", "secret", true),
            ("**/\\[q\\]", "a/[q]", true),
            ("**/\\[q\\]", "a[q]", false),
            ("s**t", "st", true),
            ("s**t", "sa/t", true),
            ("s**t", "sat", false),
            ("src/**t", "src/a/b/t", true),
            ("src/**t", "src/at", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    /// The regular expression that Docker makes of a pattern.
    fn expression(pattern: &str) -> String {
        let mut text = "(?s)^".to_owned();
        let mut characters = pattern.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '*' if characters.next_if_eq(&'*').is_some() => {
                    characters.next_if_eq(&'/');
                    text += if characters.peek().is_some() { "(.*/)?" } else { ".*" };
                }
                '*' => text += "[^/]*",
                '?' => text += "[^/]",
                character => text.push(character),
            }
        }
        text + "$"
    }

    proptest::proptest! {
        #[test]
        fn patterns_are_regular_expressions(pattern in "(x|[ab/]|[*]{1,2}|[?]|\\[a-b\\]){1,6}", path in "[ab](/?[abx]){0,5}") {
            // Docker compares these by their ends, see `Suffix`.
            let rest = pattern.strip_prefix("**").unwrap_or("*");
            if rest.contains(['*', '?', '[']) {
                let expected = regex::Regex::new(&expression(&pattern)).unwrap().is_match(&path);
                proptest::prop_assert_eq!(matches(&pattern, &path), expected, "{} {}", pattern, path);
            }
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let mut steps = 0;
        assert!(
            !Glob::parse(&format!("{}b", "*a".repeat(60))).matches(&"a".repeat(200), &mut steps)
        );
        assert!(
            !Glob::parse(&format!("{}b", "**/a/".repeat(25)))
                .matches(&vec!["a"; 60].join("/"), &mut steps)
        );
        assert!(steps < 100_000, "{steps}");
    }
}
