//! Wildcards of `COPY` sources (Go's `filepath.Match`, and `**` for any number of directories).
//! Those of `.dockerignore` are in [`ignore`](super::ignore).

/// Reports whether `pattern` matches all of `path`. Both are relative.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<_> = pattern.split('/').map(str::to_owned).collect();
    parts_match(&pattern, &path.split('/').collect::<Vec<_>>())
}

/// Reports whether the parts of a pattern match all parts of a path.
fn parts_match(pattern: &[String], path: &[&str]) -> bool {
    let step = |pattern: &mut &[String], path: &mut &[&str]| match (*pattern, *path) {
        ([first, rest @ ..], [name, tail @ ..])
            if part_matches(first.as_bytes(), name.as_bytes()) =>
        {
            (*pattern, *path) = (rest, tail);
            true
        }
        _ => false,
    };
    any_number_at(|part| part == "**", step, pattern, path)
}

/// Matches one part between slashes.
pub(super) fn part_matches(pattern: &[u8], name: &[u8]) -> bool {
    let step = |pattern: &mut &[u8], name: &mut &[u8]| {
        let Some((byte, tail)) = name.split_first() else { return false };
        let after = match *pattern {
            [b'?', rest @ ..] => Some(rest),
            [b'[', rest @ ..] => class(rest, *byte),
            [b'\\', literal, rest @ ..] | [literal, rest @ ..] if literal == byte => Some(rest),
            _ => None,
        };
        let Some(after) = after else { return false };
        (*pattern, *name) = (after, tail);
        true
    };
    any_number_at(|byte| *byte == b'*', step, pattern, name)
}

/// Matches a pattern in which each star stands for any number of elements. `step` consumes one
/// element of the rest.
///
/// Only the last star is retried: anything that an earlier star could match in addition, the last
/// one can match as well. So the time is at most the product of both lengths, while retrying every
/// star would be exponential.
fn any_number_at<P, N>(
    is_star: impl Fn(&P) -> bool,
    step: impl Fn(&mut &[P], &mut &[N]) -> bool,
    mut pattern: &[P],
    mut name: &[N],
) -> bool {
    let mut last_star = None;
    loop {
        match (pattern, name) {
            ([first, rest @ ..], _) if is_star(first) => {
                last_star = Some((rest, name));
                pattern = rest;
            }
            ([], []) => return true,
            _ if step(&mut pattern, &mut name) => {}
            _ => {
                let Some((rest, [_, tail @ ..])) = last_star else { return false };
                last_star = Some((rest, tail));
                (pattern, name) = (rest, tail);
            }
        }
    }
}

/// Returns the rest of the pattern after its first class, if the class contains `byte`.
fn class(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let end = pattern.iter().position(|byte| *byte == b']')?;
    let (set, after) = (&pattern[..end], &pattern[end + 1..]);
    let (negated, set) = match set {
        [b'^', set @ ..] => (true, set),
        set => (false, set),
    };
    let mut set = set;
    let mut found = false;
    while let Some((&low, rest)) = set.split_first() {
        (found, set) = match rest {
            [b'-', high, rest @ ..] => (found || (low..=*high).contains(&byte), rest),
            rest => (found || low == byte, rest),
        };
    }
    (found != negated).then_some(after)
}

/// Reports whether `text` contains characters that are not literal.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Checks a pattern as engines do (Go's `filepath.Match`): brackets are closed, and ranges are
/// complete.
pub(super) fn valid(pattern: &str) -> Result<(), String> {
    let invalid = || {
        format!(
            "`{pattern}` is no pattern: a bracket is not closed or is empty, or a \\ is its end"
        )
    };
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => drop(rest.next().ok_or_else(invalid)?),
            '[' => {
                rest.next_if_eq(&'^');
                let mut is_empty = true;
                while is_empty || rest.next_if_eq(&']').is_none() {
                    // A single character, or the ends of a range.
                    for _ in 0..2 {
                        match rest.next() {
                            Some('\\') => drop(rest.next().ok_or_else(invalid)?),
                            None | Some('-' | ']') => return Err(invalid()),
                            Some(_) => {}
                        }
                        if rest.next_if_eq(&'-').is_none() {
                            break;
                        }
                        if matches!(rest.peek(), None | Some(']')) {
                            return Err(invalid());
                        }
                    }
                    is_empty = false;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, path, expected) in [
            ("a", "a", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "d/a.txt", false),
            ("**/*.txt", "d/e/a.txt", true),
            ("**/*.txt", "a.txt", true),
            ("d/**", "d/e/f", true),
            ("a?c", "abc", true),
            ("a[b-d]", "ac", true),
            ("a[^b]", "ab", false),
            ("a\\*", "a*", true),
            ("*", "", true),
            ("[", "[", false),
            ("*a*b", "xaybzab", true),
            ("*a*b", "xaybza", false),
            ("**/a/**/b", "a/x/a/y/b", true),
            ("**/a/**/b", "a/x/a/y/c", false),
            ("**", "a/b", true),
            ("a/**/b", "a/b", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_that_engines_refuse() {
        for (pattern, expected) in [
            ("a", true),
            ("[a]", true),
            ("[^a]x", true),
            ("[a-c]", true),
            ("[ab-c\\]]", true),
            ("a]", true),
            ("[!a]", true),
            ("[", false),
            ("a[", false),
            ("[]", false),
            ("[^]", false),
            ("[a-]", false),
            ("[-a]", false),
            ("[]a]", false),
            ("**/[", false),
            ("a\\", false),
            ("[a-\\", false),
        ] {
            assert_eq!(valid(pattern).is_ok(), expected, "{pattern}");
        }
    }

    /// When every star was retried, each of these took unacceptably long.
    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let name = "a".repeat(200);
        assert!(!matches(&format!("{}b", "*a".repeat(60)), &name));
        let path = vec!["a"; 60].join("/");
        assert!(!matches(&format!("{}b", "**/a/".repeat(25)), &path));
    }
}
