//! `.dockerignore`, and the patterns of `--exclude`, as BuildKit reads them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

use super::glob::Glob;
use super::pattern::valid;
use crate::add::Wanted;

/// Returns the rules of a `.dockerignore` with their line numbers, without the mark of an exception.
fn rules(text: &str) -> impl Iterator<Item = (usize, String, bool)> {
    // Editors on Windows write a mark of the byte order.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let lines = lines.map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.is_empty());
    lines.map(|(number, line)| match line.strip_prefix('!') {
        Some(rest) => (number, clean(rest.trim()), true),
        None => (number, clean(line), false),
    })
}

/// Returns a pattern without `.`, `..` and slashes that do nothing (Go's `filepath.Clean`), relative to the context.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match parts.last() {
            Some(&last) if part == ".." && last != ".." => drop(parts.pop()),
            None if part == ".." && pattern.starts_with('/') => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Returns the problem of the first line of a `.dockerignore` that no engine accepts. Such a line fails the whole
/// build.
pub(super) fn invalid_rule(text: &str) -> Option<String> {
    rules(text).find_map(|(number, pattern, _)| {
        let reason = match pattern.as_str() {
            "" if is_alone(text, number) => "a ! alone is no rule".to_owned(),
            pattern => valid(pattern).err()?,
        };
        Some(format!("line {number} of .dockerignore: {reason}"))
    })
}

/// Whether a line is an exception from nothing.
fn is_alone(text: &str, number: usize) -> bool {
    text.lines().nth(number - 1).is_some_and(|line| line.trim() == "!")
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
    /// The last rule for each path without wildcards.
    plain: HashMap<String, usize>,
    /// Patterns with the number of their rule, in order.
    wildcards: Vec<(usize, Glob)>,
    /// Where exceptions without wildcards lead to.
    exceptions: BTreeSet<String>,
    /// An exception has wildcards, so any directory may lead to one.
    has_wild_exception: bool,
    /// The last rule for each directory that was looked up.
    folders: RefCell<HashMap<String, Option<usize>>>,
    steps: Cell<u64>,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut ignore = Self::default();
        // If a pattern occurs several times, the last one counts.
        let mut wildcards: HashMap<String, usize> = HashMap::new();
        for (_, pattern, exception) in rules(text) {
            let number = ignore.is_exception.len();
            ignore.is_exception.push(exception);
            let glob = Glob::parse(&pattern);
            if exception {
                match glob.plain_begin() {
                    Some(begin) => drop(ignore.exceptions.insert(begin.to_owned())),
                    None => ignore.has_wild_exception = true,
                }
            }
            match glob {
                Glob::Exact(path) => ignore.plain.insert(path, number),
                _ => wildcards.insert(pattern, number),
            };
        }
        if wildcards.len() > MOST_WILDCARDS {
            let count = wildcards.len();
            return Err(format!(
                ".dockerignore has {count} patterns with wildcards, and at most {MOST_WILDCARDS} are read"
            ));
        }
        ignore.wildcards = wildcards.into_iter().map(|(pattern, number)| (number, Glob::parse(&pattern))).collect();
        ignore.wildcards.sort_unstable_by_key(|(number, _)| *number);
        Ok(ignore)
    }

    /// Reports whether `path`, relative to the context, is copied. Not reliable if [`Ignore::check`] fails afterwards.
    pub(super) fn wants(&self, path: &str) -> Wanted {
        let is_ignored = |rule: usize| self.is_exception.get(rule) == Some(&false);
        if !self.rule(path).is_some_and(is_ignored) {
            Wanted::Yes
        } else if self.may_lead_to_exception(path) {
            Wanted::OnlyWithContent
        } else {
            Wanted::No
        }
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
        let mut steps = self.steps.get();
        let later = self.wildcards.iter().rev().take_while(|(rule, _)| Some(*rule) > best);
        let found = later.into_iter().find(|(_, glob)| glob.matches(path, &mut steps)).map(|(rule, _)| *rule);
        self.steps.set(steps);
        found.or(best)
    }

    /// As in BuildKit: with wildcards in an exception, every directory is looked into.
    fn may_lead_to_exception(&self, path: &str) -> bool {
        let begin = format!("{path}/");
        let mut after = self.exceptions.range(begin.clone()..);
        self.has_wild_exception
            || self.exceptions.contains(path)
            || after.next().is_some_and(|exception| exception.starts_with(&begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(ignore.wants(path) == Wanted::Yes, expected, "{path}");
        }
    }

    #[test]
    fn an_exception_with_wildcards_voids_no_other_rule() {
        use Wanted::{No, OnlyWithContent, Yes};
        for (text, path, expected) in [
            ("secret\n!**/README.md\n", "secret/k", OnlyWithContent),
            ("secret\n!**/README.md\n", "secret/README.md", Yes),
            ("*\n!app\n!**/*.txt", "foo", OnlyWithContent),
            ("*\n!app\n!**/*.txt", "d/e.txt", Yes),
            ("*\n!app\n!**/*.txt\n**/*.pem", "x.pem", OnlyWithContent),
            ("**/*.pem\n!**/x", "d/c.pem", OnlyWithContent),
            ("secret\n!secret/k/x", "secret", OnlyWithContent),
            ("secret\n!secret/k/x", "secret/k", OnlyWithContent),
            ("secret\n!secret/k/x", "secret/k/x", Yes),
            ("secret\n!secret/k/x", "secret/other", No),
            ("secret\n!secret/**", "secret", OnlyWithContent),
            ("secret\n!secret/**", "secret/k", Yes),
            ("\u{feff}*.pem", "a.pem", No),
            ("secret/.", "secret", No),
            ("d//b.pem", "d/b.pem", No),
            ("d/../*.pem", "a.pem", No),
            ("/../secret", "secret", No),
            ("./a/", "a", No),
            ("  #a", "#a", No),
            ("#a", "#a", Yes),
        ] {
            assert_eq!(Ignore::parse(text).unwrap().wants(path), expected, "{text:?} {path}");
        }
    }

    #[test]
    fn rules_that_engines_refuse() {
        assert!(invalid_rule("# [\na\n!\n").unwrap().contains("line 3"));
        assert!(invalid_rule("a\n![\n").unwrap().contains("line 2"));
        assert_eq!(invalid_rule("a\n!b[c]\n!!x\n./\n"), None);
    }

    /// Matches as documented, without optimizations.
    fn plainly(text: &str, path: &str) -> bool {
        let rules = text.lines().map(|line| line.strip_prefix('!').map_or((line, true), |line| (line, false)));
        let matches = |pattern: &str, path: &str| Glob::parse(pattern).matches(path, &mut 0);
        let covers = |pattern: &str| {
            path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]).any(|path| matches(pattern, path))
        };
        !rules.clone().rfind(|(pattern, _)| covers(pattern)).is_some_and(|(_, ignores)| ignores)
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
                let is_wanted = ignore.wants(&path) == Wanted::Yes;
                proptest::prop_assert_eq!(is_wanted, plainly(&text, &path), "{} {}", text, path);
                // Nobody looks below a directory that leads to nothing.
                let above = path.match_indices('/').map(|(at, _)| ignore.wants(&path[..at]));
                proptest::prop_assert!(!is_wanted || above.into_iter().all(|above| above != Wanted::No), "{} {}", text, path);
            }
        }
    }

    #[test]
    fn many_rules_are_looked_up_or_refused() {
        let many = |rule: fn(usize) -> String| (0..60_000).map(rule).collect::<Vec<_>>().join("\n");
        let ignore = Ignore::parse(&many(|number| format!("node_modules/package-{number}"))).unwrap();
        assert_eq!(ignore.wants("node_modules/package-59999/x"), Wanted::No);
        assert!((0..60_000).all(|number| ignore.wants(&format!("src/{number}")) == Wanted::Yes));
        ignore.check().unwrap();
        // A repeated rule counts once.
        let ignore = Ignore::parse(&many(|_| "**/*a*a*a*b".to_owned())).unwrap();
        assert_eq!(ignore.wants(&"a".repeat(200)), Wanted::Yes);
        ignore.check().unwrap();
        assert!(Ignore::parse(&many(|number| format!("*{number}"))).unwrap_err().contains("60000 patterns"));
    }

    #[test]
    fn matching_without_end_is_given_up() {
        let ignore = Ignore::parse("*a").unwrap();
        ignore.steps.set(MOST_STEPS - 1);
        assert_eq!(ignore.wants("xa"), Wanted::No);
        assert!(ignore.check().unwrap_err().contains("too long"));
        assert_eq!(ignore.wants("xa"), Wanted::Yes, "nothing is matched any more");
    }
}
