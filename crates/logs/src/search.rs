//! Searches expressions in a line piece by piece. A line may be longer than the memory limit, and
//! no part of it may be left out of the search.
//!
//! A lazy DFA keeps only its state between two pieces, so the result is the same as for the
//! complete line, anchors included. The one exception is `\b` between characters that are not
//! ASCII.

use std::sync::Arc;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

/// The most bytes that the states of one expression may take, for each searched line.
const STATES: usize = 1 << 20;

/// The most bytes that an expression may take: regex's own limit.
const LARGEST: usize = 10 << 20;

/// The expressions of `--grep` and `--exclude`.
#[derive(Clone, Debug, Default)]
pub struct Search {
    grep: Vec<Option<Arc<DFA>>>,
    exclude: Vec<Option<Arc<DFA>>>,
}

/// The result of a search in a complete line; `None` where it cannot be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether one of the expressions of `--grep` matches.
    pub grep: Option<bool>,
    /// Whether one of the expressions of `--exclude` matches.
    pub exclude: Option<bool>,
}

impl Search {
    /// Returns a search for these expressions, which must be valid.
    pub(crate) fn new(grep: &[String], exclude: &[String], ignore_case: bool) -> Self {
        let compile = |patterns: &[String]| {
            patterns.iter().map(|pattern| compile(pattern, ignore_case)).collect()
        };
        Self { grep: compile(grep), exclude: compile(exclude) }
    }

    /// Begins to search a line. With `holds_cr`, a carriage return at the end is part of the
    /// ending.
    pub(crate) fn begin(&self, holds_cr: bool) -> LineSearch {
        let scans = |patterns: &[Option<Arc<DFA>>]| {
            patterns.iter().map(|dfa| Scan::begin(dfa.as_ref())).collect()
        };
        LineSearch { grep: scans(&self.grep), exclude: scans(&self.exclude), holds_cr, held: false }
    }
}

fn compile(pattern: &str, ignore_case: bool) -> Option<Arc<DFA>> {
    let config = DFA::config()
        .match_kind(MatchKind::LeftmostFirst)
        .unicode_word_boundary(true)
        .cache_capacity(STATES)
        .skip_cache_capacity_check(true);
    let dfa = DFA::builder()
        .configure(config)
        .syntax(syntax::Config::new().utf8(false).case_insensitive(ignore_case))
        .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(LARGEST)))
        .build(pattern);
    dfa.ok().map(Arc::new)
}

/// The search of one line.
#[derive(Debug)]
pub(crate) struct LineSearch {
    grep: Vec<Scan>,
    exclude: Vec<Scan>,
    holds_cr: bool,
    /// Whether the last byte was a carriage return, which is held back.
    held: bool,
}

impl LineSearch {
    /// Searches the next piece of the line.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let Some(last) = piece.last() else { return };
        if std::mem::take(&mut self.held) {
            self.scan(b"\r");
        }
        self.held = self.holds_cr && *last == b'\r';
        self.scan(&piece[..piece.len() - usize::from(self.held)]);
    }

    fn scan(&mut self, piece: &[u8]) {
        self.grep.iter_mut().chain(&mut self.exclude).for_each(|scan| scan.push(piece));
    }

    /// Ends the line and returns the result.
    pub(crate) fn finish(mut self, is_terminated: bool) -> Found {
        if self.held && !is_terminated {
            self.scan(b"\r");
        }
        let any = |scans: Vec<Scan>| {
            let outcomes: Vec<_> = scans.into_iter().map(Scan::finish).collect();
            if outcomes.contains(&Some(true)) {
                return Some(true);
            }
            (!outcomes.contains(&None)).then_some(false)
        };
        let has_grep = !self.grep.is_empty();
        Found {
            grep: if has_grep { any(self.grep) } else { Some(true) },
            exclude: any(self.exclude),
        }
    }
}

/// One expression in one line.
#[derive(Debug)]
enum Scan {
    Goes {
        dfa: Arc<DFA>,
        cache: Box<Cache>,
        state: LazyStateID,
    },
    /// The result is final: it matches, or never will; `None` if it cannot be known.
    Known(Option<bool>),
}

impl Scan {
    fn begin(dfa: Option<&Arc<DFA>>) -> Self {
        let Some(dfa) = dfa else { return Self::Known(None) };
        let mut cache = Box::new(dfa.create_cache());
        match dfa.start_state_forward(&mut cache, &Input::new("")) {
            Ok(state) => Self::Goes { dfa: Arc::clone(dfa), cache, state },
            Err(_) => Self::Known(None),
        }
    }

    fn push(&mut self, piece: &[u8]) {
        let Self::Goes { dfa, cache, state } = self else { return };
        for byte in piece {
            let next = dfa.next_state(cache, *state, *byte);
            if let Some(known) = known(next.as_ref().ok().copied()) {
                *self = Self::Known(known);
                return;
            }
            let Ok(next) = next else { return };
            *state = next;
        }
    }

    fn finish(self) -> Option<bool> {
        match self {
            Self::Known(known) => known,
            Self::Goes { dfa, mut cache, state } => {
                let last = dfa.next_eoi_state(&mut cache, state);
                last.ok().and_then(|last| if last.is_quit() { None } else { Some(last.is_match()) })
            }
        }
    }
}

/// Returns the result of a state that more input cannot change.
#[expect(clippy::option_option, reason = "whether it is known, and what it is")]
fn known(state: Option<LazyStateID>) -> Option<Option<bool>> {
    match state {
        None => Some(None),
        Some(state) if !state.is_tagged() => None,
        Some(state) if state.is_match() => Some(Some(true)),
        Some(state) if state.is_dead() => Some(Some(false)),
        Some(state) if state.is_quit() => Some(None),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::RegexBuilder;

    use super::*;

    fn found(grep: &str, line: &[u8], size: usize) -> Option<bool> {
        let mut search = Search::new(&[grep.to_owned()], &[], false).begin(false);
        line.chunks(size).for_each(|piece| search.push(piece));
        search.finish(true).grep
    }

    #[test]
    fn an_expression_matches_in_pieces_as_in_the_whole() {
        let line = b"2026 ERROR begins here, and the NEEDLE is near the end";
        for (pattern, is_there) in [
            ("NEEDLE", true),
            ("needle", false),
            ("(?i)needle", true),
            ("^2026.*end$", true),
            ("^ERROR", false),
            ("here$", false),
            (r"\bNEEDLE\b", true),
            (r"\bEEDLE", false),
            ("ERROR.{5,20}NEEDLE", false),
            (r"ERROR(?s-u:.){5,40}NEEDLE", true),
            ("", true),
            ("x", false),
        ] {
            for size in [1, 3, 16, 1000] {
                assert_eq!(
                    found(pattern, line, size),
                    Some(is_there),
                    "{pattern} in pieces of {size}"
                );
            }
        }
        assert_eq!(found(r"(?-u:\xff) b", b"a \xff b", 2), Some(true));
        // An unknowable result is not reported as known.
        assert_eq!(found(r"\bist\b", "größer ist".as_bytes(), 4), None);
    }

    #[test]
    fn several_expressions_and_endings() {
        let search = Search::new(&["a".to_owned(), "b$".to_owned()], &["x".to_owned()], true);
        let run = |text: &[&str], holds_cr, is_terminated| {
            let mut line = search.begin(holds_cr);
            for piece in text {
                line.push(piece.as_bytes());
            }
            let Found { grep, exclude } = line.finish(is_terminated);
            (grep.unwrap(), exclude.unwrap())
        };
        assert_eq!(run(&["--", "B"], false, true), (true, false));
        assert_eq!(run(&["b\r"], true, true), (true, false), "a terminal's ending");
        assert_eq!(run(&["b\r"], true, false), (false, false), "no ending");
        assert_eq!(run(&["b\r", "\r"], true, true), (false, false));
        assert_eq!(run(&["b\r", "a", "X"], true, true), (true, true));
        let nothing = Search::new(&[], &["x".to_owned()], false).begin(false).finish(true);
        assert_eq!(nothing, Found { grep: Some(true), exclude: Some(false) });
    }

    proptest! {
        #[test]
        fn it_says_what_the_regex_says(
            pattern in prop_oneof![
                Just("^a*b"), Just("b$"), Just("(ab|ba)+$"), Just("a.b"), Just("^$"), Just("[^a]c"), Just("(?i)C.*A"),
                Just(r"(?-u:\b)ab(?-u:\b)"), Just("(?m)^a$"), Just("é+")
            ],
            line in proptest::collection::vec(
                prop_oneof![Just(b'a'), Just(b'b'), Just(b'c'), Just(b' '), Just(0xc3), Just(0xa9), Just(b'\r')], 0..40
            ),
            size in 1_usize..9,
        ) {
            let whole = RegexBuilder::new(pattern).build().unwrap().is_match(&line);
            prop_assert_eq!(found(pattern, &line, size), Some(whole));
        }
    }
}
