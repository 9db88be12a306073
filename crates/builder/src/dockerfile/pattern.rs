//! Wildcards of `COPY` sources and `.dockerignore` (Go's `filepath.Match`, and `**` for any number of directories).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

/// Reports whether `pattern` matches all of `path`. Both are relative.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<_> = pattern.split('/').map(str::to_owned).collect();
    parts_match(&pattern, &path.split('/').collect::<Vec<_>>(), &Cell::default())
}

/// Reports whether the parts of a pattern match all parts of a path.
fn parts_match(pattern: &[String], path: &[&str], steps: &Cell<u64>) -> bool {
    let step = |pattern: &mut &[String], path: &mut &[&str]| match (*pattern, *path) {
        ([first, rest @ ..], [name, tail @ ..]) if bytes_match(first.as_bytes(), name.as_bytes(), steps) => {
            (*pattern, *path) = (rest, tail);
            true
        }
        _ => false,
    };
    any_number_at(|part| part == "**", step, pattern, path, steps)
}

/// Matches one part between slashes.
pub(super) fn part_matches(pattern: &[u8], name: &[u8]) -> bool {
    bytes_match(pattern, name, &Cell::default())
}

fn bytes_match(pattern: &[u8], name: &[u8], steps: &Cell<u64>) -> bool {
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
    any_number_at(|byte| *byte == b'*', step, pattern, name, steps)
}

/// Matches a pattern in which each star stands for any number of elements. `step` consumes one element of the rest.
///
/// Only the last star is retried: anything that an earlier star could match in addition, the last one can match as
/// well. So the time is at most the product of both lengths, while retrying every star would be exponential. The
/// steps are counted in `steps`.
fn any_number_at<P, N>(
    is_star: impl Fn(&P) -> bool,
    step: impl Fn(&mut &[P], &mut &[N]) -> bool,
    mut pattern: &[P],
    mut name: &[N],
    steps: &Cell<u64>,
) -> bool {
    let mut last_star = None;
    loop {
        steps.set(steps.get() + 1);
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

/// Reports whether `text` contains characters that are not literal.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Checks a pattern as engines do (Go's `filepath.Match`): brackets are closed, and ranges are complete.
pub(super) fn valid(pattern: &str) -> Result<(), String> {
    let invalid = || format!("`{pattern}` is no pattern: a bracket is not closed or is empty, or a \\ is its end");
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

/// Returns the rules of a `.dockerignore` with their line numbers, without the mark of an exception.
fn rules(text: &str) -> impl Iterator<Item = (usize, &str, bool)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| match line.strip_prefix('!') {
        Some(rest) => (number, rest.trim(), true),
        None => (number, line, false),
    })
}

/// Returns the problem of the first line of a `.dockerignore` that no engine accepts. Such a line fails the whole
/// build.
pub(super) fn invalid_rule(text: &str) -> Option<String> {
    rules(text).find_map(|(number, pattern, _)| {
        let reason = match pattern {
            "" => "a ! alone is no rule".to_owned(),
            pattern => valid(pattern).err()?,
        };
        Some(format!("line {number} of .dockerignore: {reason}"))
    })
}

/// The most patterns with wildcards: each is compared with every file. Plain paths are looked up.
const MOST_WILDCARDS: usize = 10_000;
/// The most steps of matching, over all files and patterns: some seconds.
const MOST_STEPS: u64 = 2_000_000_000;

/// The rules of a `.dockerignore`. The last rule that matches a path, or a directory above it, decides.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    /// For each rule, whether it is an exception.
    is_exception: Vec<bool>,
    /// The last rule for each literal path.
    plain: HashMap<String, usize>,
    /// Patterns in parts, with the number of their rule, in order.
    wildcards: Vec<(usize, Vec<String>)>,
    /// Exceptions as written.
    exceptions: BTreeSet<String>,
    /// The last rule for each directory that was looked up.
    folders: RefCell<HashMap<String, Option<usize>>>,
    steps: Cell<u64>,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut ignore = Self::default();
        // If a pattern occurs several times, the last one counts.
        let mut wildcards: HashMap<String, usize> = HashMap::new();
        for (_, line, exception) in rules(text) {
            let pattern = line.trim_start_matches("./").trim_matches('/').to_owned();
            let number = ignore.is_exception.len();
            ignore.is_exception.push(exception);
            if exception {
                ignore.exceptions.insert(pattern.clone());
            }
            let is_plain = !is_pattern(&pattern) && !pattern.contains('\\');
            if is_plain {
                ignore.plain.insert(pattern, number)
            } else {
                wildcards.insert(pattern, number)
            };
        }
        if wildcards.len() > MOST_WILDCARDS {
            let count = wildcards.len();
            return Err(format!(
                ".dockerignore has {count} patterns with wildcards, and at most {MOST_WILDCARDS} are read"
            ));
        }
        let parts = |pattern: String| pattern.split('/').map(str::to_owned).collect();
        ignore.wildcards = wildcards.into_iter().map(|(pattern, number)| (number, parts(pattern))).collect();
        ignore.wildcards.sort_unstable();
        Ok(ignore)
    }

    /// Reports whether `path`, relative to the context, is part of the context. A directory is part of it even if
    /// only an exception is below it. Not reliable if [`Ignore::check`] fails afterwards.
    pub(super) fn wants(&self, path: &str) -> bool {
        let is_ignored = |rule: usize| self.is_exception.get(rule) == Some(&false);
        !self.rule(path).is_some_and(is_ignored) || self.leads_to_exception(path)
    }

    /// Fails if matching took too long.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.steps.get() < MOST_STEPS {
            return Ok(());
        }
        Err("the patterns of .dockerignore take too long to match with so many files: name folders instead".into())
    }

    /// Returns the last rule that matches the path or a directory above it.
    fn rule(&self, path: &str) -> Option<usize> {
        let mut last = None;
        let ends = path.match_indices('/').map(|(at, _)| (at, true)).chain([(path.len(), false)]);
        for (end, is_folder) in ends {
            let path = &path[..end];
            let known = self.folders.borrow().get(path).copied();
            last = known.unwrap_or_else(|| self.own_rule(path, last));
            if is_folder && known.is_none() {
                self.folders.borrow_mut().insert(path.to_owned(), last);
            }
        }
        last
    }

    /// Returns the last rule that matches the path itself, if it comes after `earlier`, the rule for its directory.
    fn own_rule(&self, path: &str, earlier: Option<usize>) -> Option<usize> {
        let best = self.plain.get(path).copied().max(earlier);
        if self.wildcards.is_empty() || self.steps.get() >= MOST_STEPS {
            return best;
        }
        let parts: Vec<_> = path.split('/').collect();
        let later = self.wildcards.iter().rev().take_while(|(rule, _)| Some(*rule) > best);
        let mut later = later.filter(|(_, pattern)| parts_match(pattern, &parts, &self.steps));
        later.next().map(|(rule, _)| *rule).or(best)
    }

    fn leads_to_exception(&self, path: &str) -> bool {
        let begins_with = |begin: &str| {
            self.exceptions.range(begin.to_owned()..).next().is_some_and(|exception| exception.starts_with(begin))
        };
        begins_with("**") || begins_with(&format!("{path}/"))
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
        assert!(invalid_rule("# [\na\n!\n").unwrap().contains("line 3"));
        assert!(invalid_rule("a\n![\n").unwrap().contains("line 2"));
        assert_eq!(invalid_rule("a\n!b[c]\n!!x\n"), None);
    }

    /// When every star was retried, each of these took unacceptably long.
    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let name = "a".repeat(200);
        assert!(!matches(&format!("{}b", "*a".repeat(60)), &name));
        let path = vec!["a"; 60].join("/");
        assert!(!matches(&format!("{}b", "**/a/".repeat(25)), &path));
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        let ignore = Ignore::parse("# secret\nnode_modules\n*.log\n!keep.log\n/target\ndist/*\n!dist/app\n").unwrap();
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

    /// Matches as documented, without optimizations.
    fn plainly(text: &str, path: &str) -> bool {
        let rules = text.lines().map(|line| line.strip_prefix('!').map_or((line, true), |line| (line, false)));
        let covers = |pattern: &str| {
            path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]).any(|path| matches(pattern, path))
        };
        let ignored = rules.clone().rfind(|(pattern, _)| covers(pattern)).is_some_and(|(_, ignores)| ignores);
        let below = format!("{path}/");
        let mut exceptions = rules.filter(|(_, ignores)| !ignores);
        !ignored || exceptions.any(|(pattern, _)| pattern.starts_with("**") || pattern.starts_with(&below))
    }

    proptest::proptest! {
        #[test]
        fn looking_up_and_matching_say_the_same(
            rules in proptest::collection::vec("!?[ab*?]{1,2}(/[ab*?]{1,2}){0,2}", 0..6),
            paths in proptest::collection::vec("[ab]{1,2}(/[ab]{1,2}){0,3}", 1..6),
        ) {
            let text = rules.join("\n");
            let ignore = Ignore::parse(&text).unwrap();
            for path in paths {
                proptest::prop_assert_eq!(ignore.wants(&path), plainly(&text, &path), "{} {}", text, path);
            }
        }
    }

    #[test]
    fn many_rules_are_looked_up_or_refused() {
        let many = |rule: fn(usize) -> String| (0..60_000).map(rule).collect::<Vec<_>>().join("\n");
        let ignore = Ignore::parse(&many(|number| format!("node_modules/package-{number}"))).unwrap();
        assert!(!ignore.wants("node_modules/package-59999/x"));
        assert!((0..60_000).all(|number| ignore.wants(&format!("src/{number}"))));
        ignore.check().unwrap();
        // A repeated rule counts once.
        let ignore = Ignore::parse(&many(|_| "**/*a*a*a*b".to_owned())).unwrap();
        assert!(ignore.wants(&"a".repeat(200)));
        ignore.check().unwrap();
        assert!(Ignore::parse(&many(|number| format!("*{number}"))).unwrap_err().contains("60000 patterns"));
    }

    #[test]
    fn matching_without_end_is_given_up() {
        let ignore = Ignore::parse("*a").unwrap();
        ignore.steps.set(MOST_STEPS - 1);
        assert!(!ignore.wants("xa"));
        assert!(ignore.check().unwrap_err().contains("too long"));
        assert!(ignore.wants("xa"), "nothing is matched any more");
    }
}
