//! Selects lines by expressions, stream, level and fields.

use std::cmp::Ordering;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

use crate::fields;
use crate::frame::Stream;
use crate::level::Level;
use crate::line::Line;
use crate::search::Search;

/// A query as the user wrote it. All conditions must hold. The default matches every line.
#[derive(Clone, Debug, Default)]
pub struct QuerySpec {
    /// `--grep`: at least one of these expressions must match, if there are any.
    pub grep: Vec<String>,
    /// `--exclude`: none of these may match.
    pub exclude: Vec<String>,
    /// `-i`: all expressions ignore the case of letters.
    pub ignore_case: bool,
    /// `--stdout`, `--stderr`: only this stream.
    pub stream: Option<Stream>,
    /// `--level`: at least this severity. Lines without a level do not match.
    pub level: Option<Level>,
    /// `--field`: `key=value`, `key>number`, `key<number` or `key~expression`. All must hold.
    pub fields: Vec<String>,
}

/// An invalid query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// Not a valid regular expression, or one that would need too much memory.
    #[error("{option} `{pattern}` is not a usable regular expression: {reason}")]
    Pattern {
        /// The option.
        option: &'static str,
        /// The expression as written.
        pattern: String,
        /// The problem and its position.
        reason: String,
    },
    /// Not a valid condition on a field.
    #[error(
        "--field `{text}` is not a condition: write key=value, key>number, key<number or key~expression"
    )]
    Field {
        /// The condition as written.
        text: String,
    },
}

impl QueryError {
    /// Returns the error in one line, and what to do.
    pub fn in_short(self) -> (Self, &'static str) {
        match self {
            Self::Pattern { option, pattern, reason } => {
                // The last line of a regular expression's error describes the problem; the lines
                // before it show the position.
                let reason = reason.lines().last().unwrap_or_default();
                let reason = reason.trim_start_matches("error: ").to_owned();
                let hint = "to look for a text as it is, put a \\ before each of .*+?()[]{}|^$\\";
                (Self::Pattern { option, pattern, reason }, hint)
            }
            error @ Self::Field { .. } => {
                (error, "for example --field status=500, --field 'ms>250' or --field 'path~^/api'")
            }
        }
    }
}

/// The result of a query for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The line matches.
    Wanted,
    /// The line does not match.
    Unwanted,
    /// The line would match, but a level is required and the line has none.
    WithoutLevel,
}

/// A compiled query. Expressions run in linear time on any line.
#[derive(Clone, Debug, Default)]
pub struct Query {
    grep: Vec<Regex>,
    exclude: Vec<Regex>,
    stream: Option<Stream>,
    level: Option<Level>,
    fields: Vec<Field>,
    /// The search to run on lines that are longer than the limit.
    search: Option<Arc<Search>>,
}

impl Query {
    /// Checks and compiles a query.
    ///
    /// # Errors
    /// [`QueryError`] names the option and the problem.
    ///
    /// ```
    /// use scratchdbg_logs::query::{Query, QuerySpec};
    /// let spec = QuerySpec {
    ///     grep: vec!["time(d )?out".into()],
    ///     fields: vec!["ms>500".into()],
    ///     ..QuerySpec::default()
    /// };
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
            fields: spec
                .fields
                .iter()
                .map(|text| Field::parse(text, spec.ignore_case))
                .collect::<Result<_, _>>()?,
        };
        // The expressions are valid here, and limited in size.
        if !spec.grep.is_empty() || !spec.exclude.is_empty() {
            query.search = Some(Arc::new(Search::new(&spec.grep, &spec.exclude, spec.ignore_case)));
        }
        Ok(query)
    }

    /// Reports whether the line matches.
    pub fn matches(&self, line: &Line<'_>) -> bool {
        self.judge(line) == Verdict::Wanted
    }

    /// Reports whether the text matches, whatever its stream.
    pub fn matches_text(&self, text: &[u8]) -> bool {
        self.judge_text(text) == Verdict::Wanted
    }

    /// Judges a line, and returns why the line does not match.
    pub fn judge(&self, line: &Line<'_>) -> Verdict {
        if self.stream.is_some_and(|stream| stream != line.stream) {
            return Verdict::Unwanted;
        }
        self.judge_text(&line.text)
    }

    fn judge_text(&self, text: &[u8]) -> Verdict {
        let is_wanted = (self.grep.is_empty()
            || self.grep.iter().any(|pattern| pattern.is_match(text)))
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

    /// Judges a line of which some was dropped, and reports whether the result is certain.
    /// Expressions were searched in the complete line. A level or a field may have been in the
    /// dropped part.
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
        let fields =
            || self.fields.iter().map(|field| (field, fields::get(text, &field.key).is_some()));
        let other_field = fields().any(|(field, is_there)| is_there && !field.matches(text));
        if grep == Some(false) || exclude == Some(true) || is_lower || other_field {
            return (Verdict::Unwanted, true);
        }
        let has_no_level = matches!(level, Some((_, None)));
        let has_fields = fields().all(|(_, is_there)| is_there);
        let is_certain = grep.is_some() && exclude.is_some() && !has_no_level && has_fields;
        // Decide from the part that was kept.
        let is_wanted = grep.unwrap_or_else(|| any_of(&self.grep))
            && !exclude.unwrap_or_else(|| any_of(&self.exclude));
        if !is_wanted || !has_fields {
            return (Verdict::Unwanted, is_certain);
        }
        (if has_no_level { Verdict::WithoutLevel } else { Verdict::Wanted }, is_certain)
    }

    /// Returns the search to run on lines that are longer than the limit.
    pub fn search(&self) -> Option<&Arc<Search>> {
        self.search.as_ref()
    }

    /// Reports whether every line matches.
    pub fn wants_all(&self) -> bool {
        self.grep.is_empty()
            && self.exclude.is_empty()
            && self.stream.is_none()
            && self.level.is_none()
            && self.fields.is_empty()
    }

    /// Returns the expressions of `--grep`, for highlighting.
    pub fn highlight(&self) -> &[Regex] {
        &self.grep
    }
}

fn compile_all(
    option: &'static str,
    patterns: &[String],
    ignore_case: bool,
) -> Result<Vec<Regex>, QueryError> {
    patterns.iter().map(|pattern| compile(option, pattern, ignore_case)).collect()
}

/// Compiles the expression of an option, such as `--grep`.
///
/// # Errors
/// [`QueryError::Pattern`] names the option and the problem.
pub fn compile(
    option: &'static str,
    pattern: &str,
    ignore_case: bool,
) -> Result<Regex, QueryError> {
    RegexBuilder::new(pattern).case_insensitive(ignore_case).build().map_err(|error| {
        QueryError::Pattern { option, pattern: pattern.into(), reason: error.to_string() }
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
mod tests;
