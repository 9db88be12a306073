//! Measures how the patterns of `logs --patterns` agree with those that people gave to the lines
//! of logs: `benches/patterns` runs it on Loghub's structured CSV files.
//!
//! A line counts when the lines of its pattern are exactly those of its label. Prints a row for
//! each file (accuracy, patterns, labels, lines a second of processor time), and the mean accuracy
//! alone on the last line.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use scratchdbg_logs::Level;
use scratchdbg_logs::stats::Patterns;

/// How many lines are read for the speed, of each file over and over.
const LINES_FOR_SPEED: usize = 400_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut total = 0.0;
    let mut files = 0.0;
    let mut out = std::io::stdout().lock();
    writeln!(out, "| system           | accuracy | patterns | labels | lines/s |")?;
    writeln!(out, "|------------------|---------:|---------:|-------:|--------:|")?;
    for path in std::env::args().skip(1) {
        let (labels, lines) = read(&path)?;
        let mut patterns = Patterns::default();
        for line in &lines {
            patterns.add(line.as_bytes(), Level::of(line.as_bytes()));
        }
        let groups = patterns.numbers(lines.iter().map(String::as_bytes));
        let accuracy = accuracy(&labels, &groups);
        let found = groups.iter().collect::<HashSet<_>>().len();
        let wanted = labels.iter().collect::<HashSet<_>>().len();
        let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy();
        let name = name.split('_').next().unwrap_or_default();
        writeln!(
            out,
            "| {name:16} | {accuracy:8.3} | {found:8} | {wanted:6} | {:7} |",
            speed(&lines)
        )?;
        if std::env::args().len() == 2 {
            show_differences(&mut out, &labels, &groups, &lines)?;
        }
        total += accuracy;
        files += 1.0;
    }
    writeln!(out, "{:.3}", total / files)?;
    Ok(())
}

/// Returns the share of the lines whose group is exactly that of their label.
#[expect(clippy::cast_precision_loss, reason = "counts of lines are far below 2^52")]
fn accuracy(labels: &[String], groups: &[Option<usize>]) -> f64 {
    let mut of_label: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut of_group: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (line, (label, group)) in labels.iter().zip(groups).enumerate() {
        of_label.entry(label).or_default().push(line);
        of_group.entry(*group).or_default().push(line);
    }
    let right = of_label
        .values()
        .filter(|lines| of_group[&groups[lines[0]]] == **lines)
        .map(Vec::len)
        .sum::<usize>();
    right as f64 / labels.len().max(1) as f64
}

/// Returns how many lines a second are counted, the level and the report at the end included.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number to print"
)]
fn speed(lines: &[String]) -> u64 {
    let start = processor_time();
    let mut patterns = Patterns::default();
    for line in lines.iter().cycle().take(LINES_FOR_SPEED) {
        patterns.add(line.as_bytes(), Level::of(line.as_bytes()));
    }
    std::hint::black_box(patterns.top(20));
    (LINES_FOR_SPEED as f64 / processor_time().saturating_sub(start).as_secs_f64()) as u64
}

/// Returns how long this thread has run: on a machine with other work, the clock says little.
fn processor_time() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        times.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default(),
    )
}

/// Prints the labels and patterns that do not agree, with the number of their common lines and one
/// of these.
fn show_differences(
    out: &mut impl Write,
    labels: &[String],
    groups: &[Option<usize>],
    lines: &[String],
) -> std::io::Result<()> {
    let mut pairs: HashMap<(&str, Option<usize>), (usize, &str)> = HashMap::new();
    for ((label, group), line) in labels.iter().zip(groups).zip(lines) {
        pairs.entry((label, *group)).or_insert((0, line)).0 += 1;
    }
    let of_label = |label: &str| pairs.keys().filter(|pair| pair.0 == label).count();
    let of_group = |group: Option<usize>| pairs.keys().filter(|pair| pair.1 == group).count();
    let mut rows: Vec<_> =
        pairs.iter().filter(|((label, group), _)| of_label(label) + of_group(*group) > 2).collect();
    rows.sort();
    for ((label, group), (count, line)) in rows {
        writeln!(
            out,
            "  {label:5} {:5} {count:5} {line}",
            group.map_or("none".into(), |group| group.to_string())
        )?;
    }
    Ok(())
}

/// Reads the columns `EventId` and `Content` of a CSV file.
fn read(path: &str) -> Result<(Vec<String>, Vec<String>), Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let mut rows = rows(&text).into_iter();
    let titles = rows.next().ok_or_else(|| format!("{path}: no line"))?;
    let column = |title| {
        titles
            .iter()
            .position(|name| name == title)
            .ok_or_else(|| format!("{path}: no column {title}"))
    };
    let (label, content) = (column("EventId")?, column("Content")?);
    let complete = |mut row: Vec<String>| {
        let label = std::mem::take(row.get_mut(label)?);
        Some((label, std::mem::take(row.get_mut(content)?)))
    };
    Ok(rows.filter_map(complete).unzip())
}

/// Splits CSV into rows of cells, as RFC 4180 has it.
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut characters = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}
