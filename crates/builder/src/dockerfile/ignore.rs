//! `.dockerignore`, and the patterns of `--exclude`, as BuildKit reads them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::glob::Glob;
use super::pattern::valid;
use crate::add::Wanted;

/// Returns the cleaned rules of a `.dockerignore`, with their line numbers and whether each is an
/// exception. The pattern of a rule that no engine accepts is empty.
fn rules(text: &str) -> impl Iterator<Item = (usize, String, bool)> {
    // Editors on Windows write a mark of the byte order.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let lines =
        lines.map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.is_empty());
    lines.map(|(number, line)| match line.strip_prefix('!').map(str::trim) {
        // BuildKit cleans the mark together with its pattern: `!/` becomes a mark alone.
        Some(rest) if rest.starts_with('/') => (number, clean(rest), true),
        Some("") => (number, String::new(), true),
        Some(rest) => (number, or_dot(clean(rest)), true),
        // It looks for the mark again after a slash at the beginning is gone.
        None => {
            let pattern = clean(line);
            match pattern.strip_prefix('!') {
                Some(rest) => (number, rest.to_owned(), true),
                None => (number, or_dot(pattern), false),
            }
        }
    })
}

/// Names the context itself, which no rule leaves out.
fn or_dot(pattern: String) -> String {
    if pattern.is_empty() { ".".to_owned() } else { pattern }
}

/// Returns a pattern without `.`, `..` and slashes that do nothing (Go's `filepath.Clean`),
/// relative to the context.
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

/// Returns the problem of the first line of a `.dockerignore` that no engine accepts. Such a line
/// fails the whole build.
pub(super) fn invalid_rule(text: &str) -> Option<String> {
    rules(text).find_map(|(number, pattern, _)| {
        let reason = match &*pattern {
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

/// The rules of a `.dockerignore`. The last rule that matches a path, or a directory above it,
/// decides. As in Docker, an exception only matches what is left out by the rules before it, and
/// another rule only what is not.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    /// For each rule, whether it is an exception.
    is_exception: Vec<bool>,
    /// The rules for each path without wildcards, in order.
    plain: HashMap<String, Vec<usize>>,
    /// Patterns with the number of their rule, in order.
    wildcards: Vec<(usize, Glob)>,
    /// Where exceptions without wildcards lead to.
    exceptions: BTreeSet<String>,
    /// An exception has wildcards, so any directory may lead to one.
    has_wild_exception: bool,
    /// What matched each directory that was looked up.
    folders: RefCell<HashMap<String, Rc<Vec<usize>>>>,
    steps: Cell<u64>,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut ignore = Self::default();
        // Where a pattern was last seen, and where the last exception and the last other rule are.
        let mut seen: HashMap<(String, bool), usize> = HashMap::new();
        let mut last: [Option<usize>; 2] = [None; 2];
        for (_, pattern, exception) in rules(text) {
            let number = ignore.is_exception.len();
            ignore.is_exception.push(exception);
            last[usize::from(exception)] = Some(number);
            let glob = Glob::parse(&pattern);
            if exception {
                match glob.plain_begin() {
                    Some(begin) => drop(ignore.exceptions.insert(begin.to_owned())),
                    None => ignore.has_wild_exception = true,
                }
            }
            match glob {
                Glob::Exact(path) => ignore.plain.entry(path).or_default().push(number),
                glob => {
                    // Again, without a rule of the other kind in between, a pattern changes
                    // nothing.
                    let is_idle =
                        |at: &usize| last[usize::from(!exception)].is_none_or(|other| other < *at);
                    if !seen.get(&(pattern.clone(), exception)).is_some_and(is_idle) {
                        seen.insert((pattern, exception), number);
                        ignore.wildcards.push((number, glob));
                    }
                }
            }
        }
        let count = ignore.wildcards.len();
        if count > MOST_WILDCARDS {
            return Err(format!(
                ".dockerignore has {count} patterns with wildcards, and at most {MOST_WILDCARDS} are read"
            ));
        }
        Ok(ignore)
    }

    /// Reports whether `path`, relative to the context, is copied. Not reliable if
    /// [`Ignore::check`] fails afterwards.
    pub(super) fn wants(&self, path: &str) -> Wanted {
        if !self.is_left_out(path) {
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

    /// Reports whether the rules leave a path out.
    fn is_left_out(&self, path: &str) -> bool {
        let mut matched: Rc<Vec<usize>> = Rc::default();
        let ends = path.match_indices('/').map(|(at, _)| (at, true)).chain([(path.len(), false)]);
        for (end, is_folder) in ends {
            let path = &path[..end];
            let known = self.folders.borrow().get(path).map(Rc::clone);
            let is_known = known.is_some();
            matched = known.unwrap_or_else(|| Rc::new(self.rules_for(path, &matched)));
            if is_folder && !is_known {
                self.folders.borrow_mut().insert(path.to_owned(), Rc::clone(&matched));
            }
        }
        matched.last().is_some_and(|rule| !self.is_exception[*rule])
    }

    /// Returns the rules that match a path, in order: those of its directory, and its own.
    fn rules_for(&self, path: &str, of_folder: &[usize]) -> Vec<usize> {
        let own = self.plain.get(path).map(Vec::as_slice).unwrap_or_default();
        let is_over = self.steps.get() >= MOST_STEPS;
        let wildcards = if is_over { &[][..] } else { &self.wildcards[..] };
        let mut steps = self.steps.get();
        let mut matched = Vec::new();
        let mut is_left_out = false;
        let (mut inherited, mut plain, mut wild) =
            (of_folder.iter().peekable(), own.iter().peekable(), wildcards.iter().peekable());
        loop {
            let next = [
                inherited.peek().map(|rule| **rule),
                plain.peek().map(|rule| **rule),
                wild.peek().map(|(rule, _)| *rule),
            ];
            let Some(rule) = next.into_iter().flatten().min() else { break };
            let is_inherited = inherited.next_if(|other| **other == rule).is_some();
            let is_plain = plain.next_if(|other| **other == rule).is_some();
            let glob = wild.next_if(|(other, _)| *other == rule);
            let matters = self.is_exception[rule] == is_left_out;
            let mut is_hit =
                || is_plain || glob.is_some_and(|(_, glob)| glob.matches(path, &mut steps));
            if is_inherited || (matters && is_hit()) {
                matched.push(rule);
                is_left_out = !self.is_exception[rule];
            }
        }
        self.steps.set(steps);
        matched
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
        let ignore =
            Ignore::parse("# secret\nnode_modules\n*.log\n!keep.log\n/target\ndist/*\n!dist/app\n")
                .unwrap();
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
            // An exception for a directory that no rule leaves out yet is void.
            ("d/*\n!d", "d/x", No),
            ("d/*\n! /*", "d/x", OnlyWithContent),
            ("d\n!d\nd/x", "d/y", Yes),
            ("d\n!d\nd/x", "d/x", No),
            ("a\nb\n/!a", "a", Yes),
            ("a\n!.\n", "a", No),
            (".", "a", Yes),
            // A pattern that is there twice.
            ("?\n!b/*\n?", "b/a", Yes),
            ("*.x\n!a.x\n*.x", "a.x", OnlyWithContent),
        ] {
            assert_eq!(Ignore::parse(text).unwrap().wants(path), expected, "{text:?} {path}");
        }
    }

    #[test]
    fn rules_that_engines_refuse() {
        assert!(invalid_rule("# [\na\n!\n").unwrap().contains("line 3"));
        assert!(invalid_rule("a\n![\n").unwrap().contains("line 2"));
        for rule in ["!/", "!/.", "! /..", "!/*/..", "/!", "!"] {
            assert!(invalid_rule(rule).is_some(), "{rule}");
        }
        assert_eq!(invalid_rule("a\n!b[c]\n!!x\n./\n"), None);
    }

    /// `MatchesUsingParentResults` of `github.com/moby/patternmatcher`, without optimizations.
    fn plainly(text: &str, path: &str) -> bool {
        let rules = text
            .lines()
            .map(|line| line.strip_prefix('!').map_or((line, false), |line| (line, true)));
        let rules: Vec<(Glob, bool)> =
            rules.map(|(pattern, exception)| (Glob::parse(pattern), exception)).collect();
        let mut above = vec![false; rules.len()];
        let mut is_left_out = false;
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
            is_left_out = false;
            for (number, (glob, exception)) in rules.iter().enumerate() {
                above[number] |= *exception == is_left_out && glob.matches(&path[..end], &mut 0);
                if above[number] {
                    is_left_out = !exception;
                }
            }
        }
        !is_left_out
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
        let ignore =
            Ignore::parse(&many(|number| format!("node_modules/package-{number}"))).unwrap();
        assert_eq!(ignore.wants("node_modules/package-59999/x"), Wanted::No);
        assert!((0..60_000).all(|number| ignore.wants(&format!("src/{number}")) == Wanted::Yes));
        ignore.check().unwrap();
        // A repeated rule counts once.
        let ignore = Ignore::parse(&many(|_| "**/*a*a*a*b".to_owned())).unwrap();
        assert_eq!(ignore.wants(&"a".repeat(200)), Wanted::Yes);
        ignore.check().unwrap();
        assert!(
            Ignore::parse(&many(|number| format!("*{number}")))
                .unwrap_err()
                .contains("60000 patterns")
        );
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
