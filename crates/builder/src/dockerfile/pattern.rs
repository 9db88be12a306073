//! Wildcards of `COPY` sources and `.dockerignore` (Go's `filepath.Match`, and `**` for any number of folders).

/// Whether `pattern` matches the whole of `path`, both relative.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<_> = pattern.split('/').collect();
    let path: Vec<_> = path.split('/').collect();
    parts_match(&pattern, &path)
}

fn parts_match(pattern: &[&str], path: &[&str]) -> bool {
    let step = |pattern: &mut &[&str], path: &mut &[&str]| match (*pattern, *path) {
        ([first, rest @ ..], [name, tail @ ..]) if part_matches(first.as_bytes(), name.as_bytes()) => {
            (*pattern, *path) = (rest, tail);
            true
        }
        _ => false,
    };
    any_number_at(|part| *part == "**", step, pattern, path)
}

/// One part between slashes.
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

/// Matches a pattern in which each star stands for any number of elements, and `step` takes one element of the rest.
///
/// Only the last star is tried again: what an earlier one could take more, that one takes as well. So the time is the
/// product of both lengths at most, where going back to every star would be exponential.
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

/// What follows the class that begins `pattern`, if `byte` is in it.
fn class(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let end = pattern.iter().position(|byte| *byte == b']')?;
    let (set, after) = (&pattern[..end], &pattern[end + 1..]);
    let (negated, set) = match set {
        [b'^' | b'!', set @ ..] => (true, set),
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

/// Whether there is anything in `text` that is not to be taken literally.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The rules of a `.dockerignore`.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    /// Patterns in order, with whether they are exceptions. The last that matches decides.
    rules: Vec<(String, bool)>,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Self {
        let rules = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
            let (line, exception) = line.strip_prefix('!').map_or((line, false), |line| (line.trim(), true));
            (line.trim_start_matches("./").trim_matches('/').to_owned(), exception)
        });
        Self { rules: rules.collect() }
    }

    /// Whether `path`, relative to the context, is part of the context. A folder is if only an exception lies in it.
    pub(super) fn wants(&self, path: &str) -> bool {
        let covers = |pattern: &str| {
            let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
            parents.chain([path]).any(|path| matches(pattern, path))
        };
        let ignored =
            self.rules.iter().rev().find(|(pattern, _)| covers(pattern)).is_some_and(|(_, exception)| !exception);
        let leads_to_exception = || {
            let below = format!("{path}/");
            self.rules
                .iter()
                .any(|(pattern, exception)| *exception && (pattern.starts_with(&below) || pattern.starts_with("**")))
        };
        !ignored || leads_to_exception()
    }
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

    /// Each of these took longer than anybody waits, when every star was tried again.
    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let name = "a".repeat(200);
        assert!(!matches(&format!("{}b", "*a".repeat(60)), &name));
        let path = vec!["a"; 60].join("/");
        assert!(!matches(&format!("{}b", "**/a/".repeat(25)), &path));
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        let ignore = Ignore::parse("# secret\nnode_modules\n*.log\n!keep.log\n/target\ndist/*\n!dist/app\n");
        for (path, expected) in [
            ("src/main.rs", true),
            ("node_modules/x/y", false),
            ("a.log", false),
            ("keep.log", true),
            ("target/app", false),
            ("dist", true),
            ("dist/app", true),
            ("dist/other", false),
        ] {
            assert_eq!(ignore.wants(path), expected, "{path}");
        }
    }
}
