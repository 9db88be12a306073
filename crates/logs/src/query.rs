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
mod tests;
