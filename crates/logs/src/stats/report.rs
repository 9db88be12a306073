//! The statistics as a value that is serialized to JSON, and as text that fits a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use unicode_width::UnicodeWidthChar as _;

use crate::escape;

/// A summary of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The number of lines; a stack trace counts as one.
    pub lines: u64,
    /// The number of bytes, line endings included.
    pub bytes: u64,
    /// The earliest time.
    pub first: Option<Timestamp>,
    /// The latest time.
    pub last: Option<Timestamp>,
    /// Lines by stream.
    pub streams: BTreeMap<&'static str, u64>,
    /// Lines by level, for lines that have one.
    pub levels: BTreeMap<&'static str, u64>,
    /// Lines without a level.
    pub no_level: u64,
    /// Lines by container.
    pub containers: BTreeMap<String, u64>,
    /// Lines over time, in contiguous buckets of equal width.
    pub rate: Vec<Bucket>,
    /// The longest silences, longest first.
    pub gaps: Vec<Gap>,
    /// The most frequent patterns; empty if not requested.
    pub patterns: Vec<PatternCount>,
    /// Lines that match none of these patterns.
    pub other_patterns: u64,
}

/// Lines in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// The start of the span.
    pub since: Timestamp,
    /// The width in seconds.
    pub seconds: i64,
    /// How many lines.
    pub lines: u64,
    /// How many of them have which level, in the order of [`Level::ALL`](crate::Level::ALL). The
    /// JSON output has the levels of all lines only.
    #[serde(skip)]
    pub levels: [u64; crate::Level::ALL.len()],
}

/// A span of time without a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The line before.
    pub since: Timestamp,
    /// The line after.
    pub until: Timestamp,
}

impl Gap {
    /// Returns how long the silence was.
    pub fn duration(&self) -> jiff::SignedDuration {
        self.until.duration_since(self.since)
    }
}

/// Lines that differ only in values: numbers, ids, addresses, paths, names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PatternCount {
    /// How many.
    pub lines: u64,
    /// The worst level among them.
    pub level: Option<&'static str>,
    /// How many have which level, for lines that have one.
    pub levels: BTreeMap<&'static str, u64>,
    /// The text, with `<n>` for numbers, `<id>` for ids, `<ip>`, `<url>` and `<path>`, and `<*>`
    /// for other values.
    pub pattern: String,
}

impl PatternCount {
    /// Tells how many lines have which level, the worst first, if they do not all have the same.
    fn mixed_levels(&self) -> Option<String> {
        let own = crate::Level::ALL
            .iter()
            .rev()
            .filter_map(|level| self.levels.get_key_value(level.as_str()));
        let mut counts: Vec<(&str, u64)> = own.map(|(level, count)| (*level, *count)).collect();
        let without = self.lines - self.levels.values().sum::<u64>();
        if without > 0 {
            counts.push(("without a level", without));
        }
        let parts = counts.iter().map(|(level, count)| format!("{count} {level}"));
        (counts.len() > 1).then(|| parts.collect::<Vec<_>>().join(", "))
    }
}

impl Report {
    /// Returns the report as text of at most `columns` columns (40 at least), with times in `zone`,
    /// safe for a terminal.
    pub fn to_text(&self, columns: usize, zone: &TimeZone) -> String {
        let columns = columns.max(40);
        let mut out = format!("{} lines, {} bytes", self.lines, self.bytes);
        if let (Some(first), Some(last)) = (self.first, self.last) {
            let time =
                |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            let span = short_duration(last.duration_since(first));
            put(&mut out, format_args!("\n{} to {} ({span})", time(first), time(last)));
        }
        out.push('\n');
        let own = |(name, count): (&&'static str, &u64)| ((*name).to_owned(), *count);
        let mut levels: Vec<_> = crate::Level::ALL
            .iter()
            .rev()
            .filter_map(|level| self.levels.get_key_value(level.as_str()))
            .map(own)
            .collect();
        if self.no_level > 0 && !levels.is_empty() {
            levels.push(("none".into(), self.no_level));
        }
        let streams: Vec<_> = self.streams.iter().map(own).collect();
        let containers: Vec<_> =
            self.containers.iter().map(|(name, count)| (name.clone(), *count)).collect();
        bars(&mut out, "level", &levels, columns);
        bars(&mut out, "stream", &streams, columns);
        if containers.len() > 1 {
            bars(&mut out, "container", &containers, columns);
        }
        self.rate_bars(&mut out, columns, zone);
        self.gap_lines(&mut out, zone);
        self.pattern_lines(&mut out, columns);
        out
    }

    fn rate_bars(&self, out: &mut String, columns: usize, zone: &TimeZone) {
        let Some(Bucket { seconds, since, .. }) =
            self.rate.first().copied().filter(|_| self.rate.len() > 1)
        else {
            return;
        };
        let spans_days = self
            .rate
            .last()
            .is_some_and(|last| last.since.as_second() - since.as_second() >= 86_400);
        let format = match (spans_days, seconds) {
            (_, 86_400..) => "%Y-%m-%d",
            (true, _) => "%m-%d %H:%M",
            (false, 60..) => "%H:%M",
            (false, _) => "%H:%M:%S",
        };
        let row = |bucket: &Bucket| {
            (bucket.since.to_zoned(zone.clone()).strftime(format).to_string(), bucket.lines)
        };
        let rows: Vec<_> = self.rate.iter().map(row).collect();
        let title =
            format!("lines per {}", short_duration(jiff::SignedDuration::from_secs(seconds)));
        bars(out, &title, &rows, columns);
    }

    fn gap_lines(&self, out: &mut String, zone: &TimeZone) {
        let shown = self.gaps.iter().filter(|gap| gap.duration().as_secs() >= 1);
        for (index, gap) in shown.enumerate() {
            if index == 0 {
                out.push_str("\nlongest silences\n");
            }
            let since = gap.since.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            put(out, format_args!("  {:>8} after {since}\n", short_duration(gap.duration())));
        }
    }

    fn pattern_lines(&self, out: &mut String, columns: usize) {
        let Some(most) = self.patterns.first() else { return };
        let digits = most.lines.max(self.other_patterns).to_string().len();
        out.push_str("\npatterns\n");
        for pattern in &self.patterns {
            let mixed = pattern.mixed_levels();
            let level = if mixed.is_some() { "mixed" } else { pattern.level.unwrap_or("") };
            let text = fit(&escape::label(&pattern.pattern), columns.saturating_sub(digits + 10));
            put(out, format_args!("  {:>digits$} {level:5}  {text}\n", pattern.lines));
            if let Some(levels) = mixed {
                let levels = fit(&levels, columns.saturating_sub(digits + 10));
                put(out, format_args!("  {:digits$}        {levels}\n", ""));
            }
        }
        if self.other_patterns > 0 {
            put(out, format_args!("  {:>digits$}        in others\n", self.other_patterns));
        }
    }
}

/// Appends formatted text. Formatting into a string cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// Appends a title and, for each row, its name, count and bar.
fn bars(out: &mut String, title: &str, rows: &[(String, u64)], columns: usize) {
    let Some(most) = rows.iter().map(|(_, count)| *count).max() else { return };
    let names: Vec<_> =
        rows.iter().map(|(name, _)| fit(&escape::label(name), columns / 3)).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or_default();
    let digits = most.to_string().len();
    let room = columns.saturating_sub(widest + digits + 5);
    put(out, format_args!("\n{title}\n"));
    for (name, (_, count)) in names.iter().zip(rows) {
        let padding = " ".repeat(widest - width(name));
        let bar = bar(*count, most, room);
        put(
            out,
            format_args!("{}\n", format!("  {name}{padding} {count:>digits$} {bar}").trim_end()),
        );
    }
}

/// Returns a bar in eighths of a column. A count above zero is always visible.
fn bar(count: u64, most: u64, room: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let all = room as u128 * 8;
    let eighths = (u128::from(count) * all)
        .checked_div(u128::from(most))
        .unwrap_or(0)
        .max(u128::from(count > 0))
        .min(all);
    let (full, part) =
        (usize::try_from(eighths / 8).unwrap_or(room), usize::try_from(eighths % 8).unwrap_or(0));
    let mut bar = "█".repeat(full);
    bar.extend((part > 0).then_some(EIGHTHS[part]));
    bar
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Returns the text in at most `limit` columns.
fn fit(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= limit
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

/// Formats a duration with at most two units: `2d 3h`, `5m 20s`, `1.5s`.
pub fn short_duration(duration: jiff::SignedDuration) -> String {
    let seconds = duration.as_secs();
    if (1..60).contains(&seconds) && duration.subsec_millis() >= 100 {
        return format!("{seconds}.{}s", duration.subsec_millis() / 100);
    }
    if seconds < 1 {
        return if duration.is_zero() {
            "0s".into()
        } else {
            format!("{}ms", duration.as_millis())
        };
    }
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.join(" ")
}
