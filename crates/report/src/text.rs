//! The timeline as text.

use std::collections::BTreeSet;

use scratchdbg_logs::stats::{Bucket, short_duration};
use scratchdbg_logs::{Level, escape};
use unicode_width::UnicodeWidthStr as _;

use crate::axis::{Axis, clock, shown};
use crate::{Incident, Outcome, Run};

/// The width of the labels on the left.
const LABELS: usize = 8;
/// The least width of the chart.
const LEAST: usize = 20;
/// With fewer columns, runs are listed without their dates.
const NARROW: usize = 72;
/// How many runs are listed.
const LISTED: usize = 12;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Incident {
    /// Returns the timeline in lines of at most `columns` columns (40 at least), safe for a
    /// terminal.
    pub fn to_text(&self, columns: usize) -> Vec<String> {
        let columns = columns.max(40);
        let head = format!("{}: {}", escape::label(&self.name), escape::label(&self.state));
        let mut rows = words_in(&head, columns);
        let Some(axis) = self.axis() else {
            rows.push("no run is on record, and the log has no line".to_owned());
            return rows;
        };
        rows.extend(words_in(&format!("{}, {}", axis.in_words(), zone_name(self)), columns));
        rows.push(String::new());
        let counts = self.level_counts();
        let digits = counts.iter().map(|(_, _, total)| total.to_string().len()).max();
        let width =
            columns.saturating_sub(LABELS + digits.map_or(0, |digits| digits + 1)).max(LEAST);
        let cells = Cells { axis: &axis, width };
        let mut legend = BTreeSet::new();
        rows.push(row("runs", &cells.runs(self, &mut legend)));
        rows.push(row("ends", &cells.ends(self, &mut legend)));
        if self.history.marks.iter().any(|mark| mark.is_bad) {
            rows.push(row("events", &cells.marks(self)));
            legend.insert((9, "^ an event that tells of a failure"));
        }
        let most =
            counts.iter().flat_map(|(_, index, _)| cells.rate(self, *index)).fold(0.0, f64::max);
        for (label, index, total) in &counts {
            let bars: String =
                cells.rate(self, *index).into_iter().map(|count| bar(count, most)).collect();
            rows.push(format!("{} {total}", row_padded(label, &bars, width)));
        }
        rows.extend(cells.ticks());
        let legend: Vec<_> = legend.into_iter().map(|(_, words)| words).collect();
        rows.extend(wrapped(&legend, columns));
        rows.push(String::new());
        rows.extend(self.listed(columns));
        rows
    }

    /// Returns the levels that lines have, the worst first, with their index and their number.
    pub(crate) fn level_counts(&self) -> Vec<(&'static str, Option<usize>, u64)> {
        let Some(log) = &self.log else { return Vec::new() };
        let mut counts: Vec<_> = Level::ALL
            .iter()
            .enumerate()
            .rev()
            .filter_map(|(index, level)| {
                let total = log.report.levels.get(level.as_str())?;
                Some((level.as_str(), Some(index), *total))
            })
            .collect();
        if log.report.no_level > 0 {
            let label = if counts.is_empty() { "lines" } else { "none" };
            counts.push((label, None, log.report.no_level));
        }
        counts
    }

    /// Lists the latest runs.
    fn listed(&self, columns: usize) -> Vec<String> {
        let runs = &self.history.runs;
        let skipped = runs.len().saturating_sub(LISTED);
        let is_narrow = columns < NARROW;
        let mut rows = Vec::new();
        let earlier = self.history.earlier + skipped as u64;
        if earlier > 0 {
            let runs = if earlier == 1 { "run" } else { "runs" };
            rows.push(format!("  {earlier} {runs} before"));
        }
        for (index, run) in runs.iter().enumerate().skip(skipped) {
            let start = run.start.map_or_else(
                || "?".to_owned(),
                |at| if is_narrow { clock(at, &self.zone) } else { shown(at, &self.zone) },
            );
            let wide = if is_narrow { 8 } else { 23 };
            let length = run.length(self.now).map_or_else(|| "?".to_owned(), short_duration);
            let text = format!(
                "  {:>4}  {start:wide$}  {length:>8}  {}",
                self.history.name(index),
                run.in_words()
            );
            rows.push(fit(&text, columns));
        }
        rows
    }
}

/// Returns the zone's name, or its offset.
pub(crate) fn zone_name(incident: &Incident) -> String {
    let zone = &incident.zone;
    zone.iana_name().map_or_else(|| zone.to_offset(incident.now).to_string(), str::to_owned)
}

/// The chart, cell by cell.
struct Cells<'a> {
    axis: &'a Axis,
    width: usize,
}

impl Cells<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place is between 0 and 1"
    )]
    fn of(&self, at: jiff::Timestamp) -> usize {
        ((self.axis.place(at) * self.width as f64) as usize).min(self.width - 1)
    }

    /// Returns the cells that a span covers by half at least, or the one that it begins in: a gap
    /// beside it stays a gap.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place is between 0 and 1"
    )]
    fn covered(&self, start: jiff::Timestamp, end: jiff::Timestamp) -> std::ops::Range<usize> {
        let cell = |at| (self.axis.place(at) * self.width as f64 + 0.5) as usize;
        let (from, to) = (cell(start), cell(end).min(self.width));
        if from < to { from..to } else { self.of(start)..self.of(start) + 1 }
    }

    fn runs(&self, incident: &Incident, legend: &mut BTreeSet<(u8, &'static str)>) -> String {
        let mut cells = vec!['·'; self.width];
        let mut before = None;
        for run in &incident.history.runs {
            let end = run.end.map_or(incident.now, |end| end.at);
            let start = run.start.or(before).unwrap_or(self.axis.from).min(end);
            let (symbol, words) = if run.start.is_some() {
                ('█', "█ runs")
            } else {
                ('░', "░ runs since an unknown time")
            };
            legend.insert((u8::from(run.start.is_none()), words));
            let range = self.covered(start, end);
            cells.get_mut(range).into_iter().flatten().for_each(|cell| *cell = symbol);
            before = run.end.map(|end| end.at);
        }
        if cells.contains(&'·') {
            legend.insert((2, "· does not run"));
        }
        cells.into_iter().collect()
    }

    fn ends(&self, incident: &Incident, legend: &mut BTreeSet<(u8, &'static str)>) -> String {
        let mut cells: Vec<Option<Outcome>> = vec![None; self.width];
        for run in &incident.history.runs {
            let (Some(end), outcome) = (run.end, run.outcome()) else { continue };
            let cell = &mut cells[self.of(end.at)];
            // The worst is shown.
            *cell = (*cell).max(Some(outcome));
        }
        let mut show = |outcome: Option<Outcome>| {
            let Some(outcome) = outcome else { return ' ' };
            let (symbol, order, words) = symbol(outcome);
            legend.insert((order, words));
            symbol
        };
        cells.into_iter().map(&mut show).collect()
    }

    fn marks(&self, incident: &Incident) -> String {
        let mut cells = vec![' '; self.width];
        for mark in incident.history.marks.iter().filter(|mark| mark.is_bad) {
            cells[self.of(mark.at)] = '^';
        }
        cells.into_iter().collect()
    }

    /// Returns the lines of a level, or of none, in each cell.
    #[expect(clippy::cast_precision_loss, reason = "it is drawn")]
    fn rate(&self, incident: &Incident, level: Option<usize>) -> Vec<f64> {
        let mut cells = vec![0.0; self.width];
        for bucket in incident.log.iter().flat_map(|log| &log.report.rate) {
            let count = count(bucket, level);
            if count == 0 {
                continue;
            }
            let (first, last) = (self.of(bucket.since), self.of(end(bucket)));
            let share = count as f64 / (last - first + 1) as f64;
            cells.get_mut(first..=last).into_iter().flatten().for_each(|cell| *cell += share);
        }
        cells
    }

    /// Returns the axis: ticks, and their labels.
    fn ticks(&self) -> [String; 2] {
        let mut line = vec!['─'; self.width];
        let mut labels = " ".repeat(LABELS);
        for tick in self.axis.ticks((self.width / 14).max(1)) {
            let cell = self.of(tick.at);
            let has_room = labels.len() <= LABELS + cell;
            if has_room && cell + tick.label.len() <= self.width {
                line[cell] = '┬';
                labels.push_str(&" ".repeat(LABELS + cell - labels.len()));
                labels.push_str(&tick.label);
                labels.push(' ');
            }
        }
        [row("", &line.into_iter().collect::<String>()), labels.trim_end().to_owned()]
    }
}

/// Returns how many lines of a bucket have a level, or none.
pub(crate) fn count(bucket: &Bucket, level: Option<usize>) -> u64 {
    match level {
        Some(level) => bucket.levels.get(level).copied().unwrap_or_default(),
        None => bucket.lines.saturating_sub(bucket.levels.iter().sum()),
    }
}

/// Returns the end of a bucket.
pub(crate) fn end(bucket: &Bucket) -> jiff::Timestamp {
    let width = jiff::SignedDuration::from_millis(bucket.seconds.saturating_mul(1_000) - 1);
    bucket.since.saturating_add(width).unwrap_or(jiff::Timestamp::MAX)
}

/// Returns the symbol of an outcome, its place in the legend, and what it means.
pub(crate) fn symbol(outcome: Outcome) -> (char, u8, &'static str) {
    match outcome {
        Outcome::Lasts => (' ', 3, "still runs"),
        Outcome::Succeeded => ('o', 4, "o ended with code 0"),
        Outcome::Stopped => ('s', 5, "s stopped on request"),
        Outcome::Failed => ('x', 6, "x failed"),
        Outcome::OutOfMemory => ('M', 7, "M out of memory"),
        Outcome::Unknown => ('?', 8, "? ended, code not known"),
    }
}

/// Returns a bar. A count above zero is always visible.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the most")]
fn bar(count: f64, most: f64) -> char {
    if count <= 0.0 || most <= 0.0 {
        return ' ';
    }
    let step = (count / most * 8.0).ceil().clamp(1.0, 8.0) as usize;
    BARS[step - 1]
}

fn row(label: &str, cells: &str) -> String {
    format!("{label:LABELS$}{}", cells.trim_end())
}

fn row_padded(label: &str, cells: &str, width: usize) -> String {
    format!("{label:LABELS$}{cells:width$}")
}

/// Returns the parts of the legend in lines.
fn wrapped(parts: &[&str], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + 3 + part.width() <= columns => {
                line.push_str("   ");
                line.push_str(part);
            }
            _ => lines.push(format!("{:LABELS$}{part}", "")),
        }
    }
    lines
}

/// Returns a text in lines of at most `columns` columns, broken between words.
fn words_in(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, columns)),
        }
    }
    lines
}

/// Returns a text in at most `columns` columns.
fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Returns the run's state for the text of its bar.
pub(crate) fn run_title(incident: &Incident, index: usize, run: &Run) -> String {
    let start =
        run.start.map_or_else(|| "an unknown time".to_owned(), |at| shown(at, &incident.zone));
    let length = run.length(incident.now).map(short_duration);
    let length = length.map_or(String::new(), |length| format!(", {length}"));
    format!("run {}: since {start}{length}; {}", incident.history.name(index), run.in_words())
}
