//! Wildcards of `COPY` sources and `.dockerignore` (Go's `filepath.Match`, and `**` for any number of folders).

/// Whether `pattern` matches the whole of `path`, both relative.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<_> = pattern.split('/').collect();
    let path: Vec<_> = path.split('/').collect();
    parts_match(&pattern, &path)
}

fn parts_match(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            parts_match(rest, path) || path.split_first().is_some_and(|(_, tail)| parts_match(pattern, tail))
        }
        ([first, rest @ ..], [name, tail @ ..]) => {
            part_matches(first.as_bytes(), name.as_bytes()) && parts_match(rest, tail)
        }
        _ => false,
    }
}

/// One part between slashes.
pub(super) fn part_matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            part_matches(rest, name) || name.split_first().is_some_and(|(_, tail)| part_matches(pattern, tail))
        }
        ([b'?', rest @ ..], [_, tail @ ..]) => part_matches(rest, tail),
        ([b'[', rest @ ..], [byte, tail @ ..]) => class(rest, *byte).is_some_and(|after| part_matches(after, tail)),
        ([b'\\', literal, rest @ ..] | [literal, rest @ ..], [byte, tail @ ..]) if literal == byte => {
            part_matches(rest, tail)
        }
        _ => false,
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
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
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
