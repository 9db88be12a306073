//! Which lines are wanted.

use crate::fields;
use crate::frame::Stream;
use crate::level::Level;
use crate::line::Line;
use crate::search::Search;
use regex::bytes::{Regex, RegexBuilder};
use std::cmp::Ordering;
use std::sync::Arc;
use thiserror::Error;

/// What is asked for, as it was written. All conditions must hold; the default wants every line.
#[derive(Clone, Debug, Default)]
pub struct QuerySpec {
    /// `--grep`: at least one of these expressions must match, when there are any.
    pub grep: Vec<String>,
    /// `--exclude`: none of these may match.
    pub exclude: Vec<String>,
    /// `-i`: letters match whatever their case, in all expressions.
    pub ignore_case: bool,
    /// `--stdout`, `--stderr`: one stream alone.
    pub stream: Option<Stream>,
    /// `--level`: this severity or a worse one. A line that tells no level is not wanted then.
    pub level: Option<Level>,
    /// `--field`: `key=value`, `key>number`, `key<number`, `key~expression`. All must hold.
    pub fields: Vec<String>,
}

/// A query that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// Not a regular expression, or one that would need too much memory.
    #[error("{option} `{pattern}` is not a usable regular expression: {reason}")]
    Pattern {
        /// The option that it stands in.
        option: &'static str,
        /// What was written.
        pattern: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// Not a condition on a field.
    #[error("--field `{text}` is not a condition: write key=value, key>number, key<number or key~expression")]
    Field {
        /// What was written.
        text: String,
    },
}

/// What a query makes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is wanted.
    Wanted,
    /// It is not.
    Unwanted,
    /// It would be, but a level is asked for, and it tells none.
    WithoutLevel,
}

/// A query, ready to run. Expressions run in linear time on any line.
#[derive(Clone, Debug)]
pub struct Query {
    grep: Vec<Regex>,
    exclude: Vec<Regex>,
    stream: Option<Stream>,
    level: Option<Level>,
    fields: Vec<Field>,
    /// For lines that are longer than they are held.
    search: Option<Arc<Search>>,
}

impl Query {
    /// Check and compile what was asked for.
    ///
    /// # Errors
    /// [`QueryError`] names the option and what is wrong with it.
    ///
    /// ```
    /// use scratchdbg_logs::query::{Query, QuerySpec};
    /// let spec = QuerySpec { grep: vec!["time(d )?out".into()], fields: vec!["ms>500".into()], ..QuerySpec::default() };
    /// let query = Query::new(&spec)?;
    /// assert!(query.matches_text(br#"{"msg":"timed out","ms":1200}"#));
    /// assert!(!query.matches_text(br#"{"msg":"timed out","ms":30}"#));
    /// # Ok::<(), scratchdbg_logs::query::QueryError>(())
    /// ```
    pub fn new(spec: &QuerySpec) -> Result<Self, QueryError> {
        let mut query = Self {
            search: None,
            grep: compile_all("--grep", &spec.grep, spec.ignore_case)?,
            exclude: compile_all("--exclude", &spec.exclude, spec.ignore_case)?,
            stream: spec.stream,
            level: spec.level,
            fields: spec.fields.iter().map(|text| Field::parse(text, spec.ignore_case)).collect::<Result<_, _>>()?,
        };
        // Of expressions that are known to be good, and of a limited size.
        if !spec.grep.is_empty() || !spec.exclude.is_empty() {
            query.search = Some(Arc::new(Search::new(&spec.grep, &spec.exclude, spec.ignore_case)));
        }
        Ok(query)
    }

    /// Whether the line is wanted.
    pub fn matches(&self, line: &Line<'_>) -> bool {
        self.judge(line) == Verdict::Wanted
    }

    /// Whether the text is wanted, whatever its stream.
    pub fn matches_text(&self, text: &[u8]) -> bool {
        self.judge_text(text) == Verdict::Wanted
    }

    /// The same for a line, and why not.
    pub fn judge(&self, line: &Line<'_>) -> Verdict {
        if self.stream.is_some_and(|stream| stream != line.stream) {
            return Verdict::Unwanted;
        }
        self.judge_text(&line.text)
    }

    fn judge_text(&self, text: &[u8]) -> Verdict {
        let is_wanted = (self.grep.is_empty() || self.grep.iter().any(|pattern| pattern.is_match(text)))
            && !self.exclude.iter().any(|pattern| pattern.is_match(text));
        if !is_wanted {
            return Verdict::Unwanted;
        }
        let level = self.level.map(|least| (least, Level::of(text)));
        if level.is_some_and(|(least, level)| level.is_some() && level < Some(least))
            || !self.fields.iter().all(|field| field.matches(text))
        {
            return Verdict::Unwanted;
        }
        if matches!(level, Some((_, None))) { Verdict::WithoutLevel } else { Verdict::Wanted }
    }

    /// The same for a line of which some was dropped, and whether that is certain: what was searched as it came is, a level
    /// or a field that would have stood in what was dropped is not.
    pub fn judge_cut(&self, line: &Line<'_>) -> (Verdict, bool) {
        if self.stream.is_some_and(|stream| stream != line.stream) {
            return (Verdict::Unwanted, true);
        }
        let text = &line.text;
        let any_of = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(text));
        let found = line.found.unwrap_or_default();
        let grep = if self.grep.is_empty() { Some(true) } else { found.grep };
        let exclude = if self.exclude.is_empty() { Some(false) } else { found.exclude };
        let level = self.level.map(|least| (least, Level::of(text)));
        let is_lower = level.is_some_and(|(least, level)| level.is_some() && level < Some(least));
        let fields = || self.fields.iter().map(|field| (field, fields::get(text, &field.key).is_some()));
        let other_field = fields().any(|(field, is_there)| is_there && !field.matches(text));
        if grep == Some(false) || exclude == Some(true) || is_lower || other_field {
            return (Verdict::Unwanted, true);
        }
        let has_no_level = matches!(level, Some((_, None)));
        let has_fields = fields().all(|(_, is_there)| is_there);
        let is_certain = grep.is_some() && exclude.is_some() && !has_no_level && has_fields;
        // By what there is of it.
        let is_wanted = grep.unwrap_or_else(|| any_of(&self.grep)) && !exclude.unwrap_or_else(|| any_of(&self.exclude));
        if !is_wanted || !has_fields {
            return (Verdict::Unwanted, is_certain);
        }
        (if has_no_level { Verdict::WithoutLevel } else { Verdict::Wanted }, is_certain)
    }

    /// What is searched in lines that are longer than they are held.
    pub fn search(&self) -> Option<&Arc<Search>> {
        self.search.as_ref()
    }

    /// Whether every line is wanted.
    pub fn wants_all(&self) -> bool {
        self.grep.is_empty()
            && self.exclude.is_empty()
            && self.stream.is_none()
            && self.level.is_none()
            && self.fields.is_empty()
    }

    /// What `--grep` looks for, to be highlighted.
    pub fn highlight(&self) -> &[Regex] {
        &self.grep
    }
}

fn compile_all(option: &'static str, patterns: &[String], ignore_case: bool) -> Result<Vec<Regex>, QueryError> {
    patterns.iter().map(|pattern| compile(option, pattern, ignore_case)).collect()
}

fn compile(option: &'static str, pattern: &str, ignore_case: bool) -> Result<Regex, QueryError> {
    RegexBuilder::new(pattern).case_insensitive(ignore_case).build().map_err(|error| QueryError::Pattern {
        option,
        pattern: pattern.into(),
        reason: error.to_string(),
    })
}

/// A condition on a field.
#[derive(Clone, Debug)]
struct Field {
    key: String,
    condition: Condition,
}

#[derive(Clone, Debug)]
enum Condition {
    Equals(String),
    Compares(Ordering, f64),
    Matches(Regex),
}

impl Field {
    fn parse(text: &str, ignore_case: bool) -> Result<Self, QueryError> {
        let error = || QueryError::Field { text: text.into() };
        let at = text.find(['=', '<', '>', '~']).filter(|at| *at > 0).ok_or_else(error)?;
        let (key, value) = (text[..at].trim(), &text[at + 1..]);
        let number = || value.trim().parse().map_err(|_| error());
        let condition = match text.as_bytes()[at] {
            b'=' => Condition::Equals(value.into()),
            b'<' => Condition::Compares(Ordering::Less, number()?),
            b'>' => Condition::Compares(Ordering::Greater, number()?),
            _ => Condition::Matches(compile("--field", value, ignore_case)?),
        };
        Ok(Self { key: key.into(), condition })
    }

    fn matches(&self, text: &[u8]) -> bool {
        let Some(value) = fields::get(text, &self.key) else { return false };
        match &self.condition {
            Condition::Equals(wanted) => value == *wanted,
            Condition::Compares(ordering, limit) => {
                value.parse::<f64>().is_ok_and(|value| value.partial_cmp(limit) == Some(*ordering))
            }
            Condition::Matches(pattern) => pattern.is_match(value.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Ending;

    fn spec() -> QuerySpec {
        QuerySpec::default()
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    #[expect(clippy::type_complexity, reason = "a table")]
    fn conditions() {
        let cases: Vec<(&str, QuerySpec, Vec<(&str, bool)>)> = vec![
            ("nothing asked", spec(), vec![("", true), ("x", true)]),
            ("an empty pattern", QuerySpec { grep: words(&[""]), ..spec() }, vec![("", true), ("x", true)]),
            (
                "any of several, none of several",
                QuerySpec { grep: words(&["^a|b$", "c"]), exclude: words(&["x", "y"]), ..spec() },
                vec![("a1", true), ("1b", true), ("1c1", true), ("ax", false), ("cy", false), ("d", false)],
            ),
            (
                "a pattern in verbose mode among others",
                QuerySpec { grep: words(&["(?x) a b # comment", "c"]), ..spec() },
                vec![("ab", true), ("c", true), ("b", false)],
            ),
            (
                "whatever the case",
                QuerySpec { grep: words(&["straße"]), exclude: words(&["BAD"]), ignore_case: true, ..spec() },
                vec![("STRASSE", false), ("STRAßE", true), ("straße bad", false)],
            ),
            (
                "a level and worse",
                QuerySpec { level: Some(Level::Warn), ..spec() },
                vec![(r#"{"level":40}"#, true), ("ERROR x", true), ("level=info", false), ("no level", false)],
            ),
            (
                "fields",
                QuerySpec { fields: words(&["a.b=x y", "n>1.5", "n<10", "m~^[0-9]+$"]), ..spec() },
                vec![
                    (r#"{"a":{"b":"x y"},"n":2,"m":"42"}"#, true),
                    (r#"{"a":{"b":"x y"},"n":"2","m":42}"#, true),
                    (r#"{"a":{"b":"x"},"n":2,"m":"42"}"#, false),
                    (r#"{"a":{"b":"x y"},"n":1.5,"m":"42"}"#, false),
                    (r#"{"a":{"b":"x y"},"n":10,"m":"42"}"#, false),
                    (r#"{"a":{"b":"x y"},"n":2,"m":"4x"}"#, false),
                    (r#"{"a":{"b":"x y"},"n":"many","m":"4"}"#, false),
                    (r#"a.b="x y" n=3 m=1"#, true),
                    ("plain", false),
                ],
            ),
            (
                "a value with the other signs in it",
                QuerySpec { fields: words(&["q=a=b>c"]), ..spec() },
                vec![(r#"{"q":"a=b>c"}"#, true)],
            ),
        ];
        for (name, spec, lines) in cases {
            let query = Query::new(&spec).unwrap();
            for (line, want) in lines {
                assert_eq!(query.matches_text(line.as_bytes()), want, "{name}: {line}");
            }
        }
    }

    #[test]
    fn lines_without_a_level_are_told_apart() {
        let spec = QuerySpec { level: Some(Level::Warn), grep: words(&["x"]), ..spec() };
        let query = Query::new(&spec).unwrap();
        for (text, want) in [
            ("ERROR x", Verdict::Wanted),
            ("INFO x", Verdict::Unwanted),
            ("just x", Verdict::WithoutLevel),
            ("just y", Verdict::Unwanted),
        ] {
            assert_eq!(query.judge_text(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn one_stream() {
        let query = Query::new(&QuerySpec { stream: Some(Stream::Stderr), ..spec() }).unwrap();
        let line = |stream| Line {
            stream,
            timestamp: None,
            text: b"x"[..].into(),
            ending: Ending::Lf,
            cut: 0,
            found: None,
            run: None,
        };
        assert!(query.matches(&line(Stream::Stderr)) && !query.matches(&line(Stream::Stdout)));
        assert!(!query.wants_all() && Query::new(&spec()).unwrap().wants_all());
    }

    #[test]
    fn a_line_that_was_cut_is_judged_by_what_is_known_of_it() {
        use crate::search::Found;
        let json = r#"{"level":"info","ms":"12","msg":"xxx"#;
        let logfmt = r"level=info ms=12 msg=xxx";
        let in_all = |grep, exclude| Some(Found { grep, exclude });
        let with = |grep: &[&str], exclude: &[&str]| QuerySpec { grep: words(grep), exclude: words(exclude), ..spec() };
        for (name, spec, found, verdict, is_certain) in [
            ("found in the rest", with(&["y"], &[]), in_all(Some(true), Some(false)), Verdict::Wanted, true),
            ("not found at all", with(&["y"], &[]), in_all(Some(false), Some(false)), Verdict::Unwanted, true),
            ("excluded by the rest", with(&[], &["y"]), in_all(Some(true), Some(true)), Verdict::Unwanted, true),
            ("not searched", with(&["y"], &[]), None, Verdict::Unwanted, false),
            ("not searched, and there", with(&["info"], &["y"]), None, Verdict::Wanted, false),
            ("a level", QuerySpec { level: Some(Level::Info), ..spec() }, None, Verdict::Wanted, true),
            ("a lower level", QuerySpec { level: Some(Level::Error), ..spec() }, None, Verdict::Unwanted, true),
            (
                "a field of a cut document",
                QuerySpec { fields: words(&["ms=12"]), ..spec() },
                None,
                Verdict::Unwanted,
                false,
            ),
            ("a field", QuerySpec { fields: words(&["ms=12"]), ..spec() }, None, Verdict::Wanted, true),
            ("another value", QuerySpec { fields: words(&["ms=13"]), ..spec() }, None, Verdict::Unwanted, true),
            (
                "a field of the rest",
                QuerySpec { fields: words(&["status=1"]), ..spec() },
                None,
                Verdict::Unwanted,
                false,
            ),
            ("the other stream", QuerySpec { stream: Some(Stream::Stderr), ..spec() }, None, Verdict::Unwanted, true),
        ] {
            let text = if ["a field", "another value"].contains(&name) { logfmt } else { json };
            let line = Line {
                stream: Stream::Stdout,
                timestamp: None,
                text: text.as_bytes().into(),
                ending: Ending::Lf,
                cut: 7,
                found,
                run: None,
            };
            assert_eq!(Query::new(&spec).unwrap().judge_cut(&line), (verdict, is_certain), "{name}");
        }
        let plain = Line {
            stream: Stream::Stdout,
            timestamp: None,
            text: b"{\"msg\":\"xxx"[..].into(),
            ending: Ending::Lf,
            cut: 7,
            found: None,
            run: None,
        };
        let query = Query::new(&QuerySpec { level: Some(Level::Error), ..spec() }).unwrap();
        assert_eq!(query.judge_cut(&plain), (Verdict::WithoutLevel, false), "its level may be in the rest");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_searched() {
        let query = Query::new(&QuerySpec { grep: words(&["b.d"]), ..spec() }).unwrap();
        assert!(query.matches_text(b"\xff\xfe bad \x00"));
    }

    #[test]
    fn what_cannot_be_run() {
        let pattern = |grep: &str| Query::new(&QuerySpec { grep: words(&["ok", grep]), ..spec() }).unwrap_err();
        let error = pattern("a(b");
        assert!(matches!(&error, QueryError::Pattern { option: "--grep", pattern, .. } if pattern == "a(b"), "{error}");
        assert!(error.to_string().contains("unclosed group"), "{error}");
        let error = pattern(r"(?:\w{1000}){1000}");
        assert!(error.to_string().contains("size limit"), "{error}");
        for text in ["", "=x", "key", "n>many", "n<"] {
            let error = Query::new(&QuerySpec { fields: words(&[text]), ..spec() }).unwrap_err();
            assert_eq!(error, QueryError::Field { text: text.into() });
        }
    }
}
