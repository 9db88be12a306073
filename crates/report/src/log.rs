//! What a report keeps of a log while it is read: counts, and the last lines before each end.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use scratchdbg_logs::stats::{Report, Stats};
use scratchdbg_logs::{Level, Line, Stream, escape};

use crate::{History, mask};

/// The bars of the rate.
const BARS: usize = 240;

/// How many of the latest runs keep their last lines, and how many of the first.
const LATEST: usize = 30;
const FIRST: usize = 3;

/// How many lines a run keeps of each stream, how many of them are shown, and how many of each
/// stream at least: an engine may log what both streams had at the end in another order.
const LINES: usize = 12;
const LEAST: usize = 4;

/// The longest part of a line that is kept, in bytes.
const LONGEST: usize = 2_000;

/// The longest part of a line that is shown, in characters.
const SHOWN: usize = 400;

/// The most notices that are kept.
const MAX_NOTES: usize = 30;

/// A line before an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastLine {
    pub(crate) at: Option<Timestamp>,
    pub(crate) is_stderr: bool,
    /// The number of the line.
    number: u64,
    text: Vec<u8>,
    is_cut: bool,
}

impl LastLine {
    /// Returns the text, without colors, masked, and safe to show.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let text = without_colors(&escape::line(text.as_bytes()));
        let text = mask::secrets(&text);
        let mut shown: String = text.chars().take(SHOWN).collect();
        if self.is_cut || shown.len() < text.len() {
            shown.push('…');
        }
        shown
    }

    /// Returns the level.
    pub(crate) fn level(&self) -> Option<Level> {
        Level::of(&self.text)
    }
}

/// Leaves out the sequences that [`escape::line`] lets through.
fn without_colors(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('\x1b');
    out.extend(pieces.next());
    out.extend(pieces.map(|piece| piece.split_once('m').map_or(piece, |(_, rest)| rest)));
    out
}

/// Takes the lines of a log, in memory that depends on the number of runs alone.
#[derive(Debug)]
pub struct LogCollector {
    stats: Stats,
    /// The ends of all runs but the last; each run's lines come before its end.
    ends: Vec<Timestamp>,
    /// The lines of each run, and after the last end.
    lines: Vec<u64>,
    /// By run and stream.
    last: BTreeMap<usize, [VecDeque<LastLine>; 2]>,
    /// Earlier lines are of runs that are not on record.
    since: Option<Timestamp>,
    /// How many lines there have been.
    number: u64,
    /// The run of the line before, if that is on record.
    run: usize,
    is_on_record: bool,
    notes: Vec<String>,
    /// How many notices were left out.
    more_notes: usize,
}

/// What is kept of a log.
#[derive(Debug)]
pub struct Log {
    pub(crate) report: Report,
    pub(crate) lines: Vec<u64>,
    pub(crate) last: BTreeMap<usize, Vec<LastLine>>,
    pub(crate) notes: Vec<String>,
}

impl LogCollector {
    /// Creates the collector for the log of a container with these runs.
    pub fn new(history: &History) -> Self {
        // A busy engine notes the start of a run later than the first lines.
        const JUST_BEFORE: SignedDuration = SignedDuration::from_secs(1);
        let mut ends: Vec<Timestamp> = Vec::new();
        for pair in history.runs.windows(2) {
            // An end that is not on record was before the next start. Clocks are set back.
            let end = pair[0].end.map(|end| end.at).or(pair[1].start);
            let end = end.into_iter().chain(ends.last().copied()).max();
            ends.push(end.unwrap_or(Timestamp::MIN));
        }
        let first = history.runs.first().filter(|_| history.earlier > 0);
        let since = first.and_then(|run| run.start?.checked_sub(JUST_BEFORE).ok());
        let count = history.runs.len().max(1);
        let kept = (0..count).filter(|run| *run < FIRST || run + LATEST >= count);
        Self {
            stats: Stats::new(true),
            ends,
            lines: vec![0; count],
            last: kept.map(|run| (run, <[VecDeque<_>; 2]>::default())).collect(),
            since,
            number: 0,
            run: 0,
            is_on_record: true,
            notes: Vec::new(),
            more_notes: 0,
        }
    }

    /// Takes the next line.
    pub fn add(&mut self, line: &Line<'_>) {
        self.stats.add("", line);
        let at = line.timestamp.and_then(|stamp| stamp.instant());
        if let Some(at) = at {
            // What is written after the last end, on a busy engine, belongs to the last run.
            self.run = self.ends.partition_point(|end| *end < at);
            self.is_on_record = self.since.is_none_or(|since| at >= since);
        }
        if !self.is_on_record {
            return;
        }
        if let Some(count) = self.lines.get_mut(self.run) {
            *count += 1;
        }
        let is_stderr = line.stream == Stream::Stderr;
        let Some(last) = self.last.get_mut(&self.run) else { return };
        let last = &mut last[usize::from(is_stderr)];
        let texts: Vec<&[u8]> = line.text.rsplit(|byte| *byte == b'\n').take(LINES).collect();
        for text in texts.into_iter().rev() {
            // The memory of a line that is dropped is used again.
            let mut kept = if last.len() < LINES { None } else { last.pop_front() }
                .map_or_else(Vec::new, |line| line.text);
            kept.clear();
            kept.extend_from_slice(&text[..text.len().min(LONGEST)]);
            self.number += 1;
            last.push_back(LastLine {
                at,
                is_stderr,
                number: self.number,
                is_cut: text.len() > LONGEST || line.cut > 0,
                text: kept,
            });
        }
    }

    /// Takes what must be known besides the lines: that lines are missing.
    pub fn note(&mut self, text: impl Into<String>) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(text.into());
        } else {
            self.more_notes += 1;
        }
    }

    /// Ends the log.
    pub fn finish(mut self) -> Log {
        if self.more_notes > 0 {
            self.notes.push(format!("{} more notices about the log", self.more_notes));
        }
        let last = self.last.into_iter().map(|(run, lines)| (run, chosen(lines))).collect();
        Log { report: self.stats.report(BARS), lines: self.lines, last, notes: self.notes }
    }
}

/// Returns the last lines of both streams in their order.
fn chosen([stdout, stderr]: [VecDeque<LastLine>; 2]) -> Vec<LastLine> {
    let mut least = [stdout.len().saturating_sub(LEAST), stderr.len().saturating_sub(LEAST)];
    let mut lines: Vec<_> = stdout.into_iter().chain(stderr).collect();
    lines.sort_by_key(|line| line.number);
    let mut too_many = lines.len().saturating_sub(LINES);
    lines.retain(|line| {
        let may_go = &mut least[usize::from(line.is_stderr)];
        let goes = too_many > 0 && *may_go > 0;
        if goes {
            too_many -= 1;
            *may_go -= 1;
        }
        !goes
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{End, Run};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn line(second: i64, text: &str) -> Line<'static> {
        Line {
            stream: Stream::Stdout,
            timestamp: scratchdbg_logs::Timestamp::new(at(second).to_string().as_bytes()),
            text: text.as_bytes().to_vec().into(),
            ending: scratchdbg_logs::Ending::Lf,
            cut: 0,
            found: None,
            run: None,
        }
    }

    fn runs(count: i64) -> History {
        let run = |index: i64| Run {
            start: Some(at(index * 10)),
            end: Some(End { at: at(index * 10 + 9), exit_code: Some(1) }),
            ..Run::default()
        };
        History { runs: (0..count).map(run).collect(), ..History::default() }
    }

    #[test]
    fn the_last_lines_of_each_run_are_kept() {
        let mut log = LogCollector::new(&runs(3));
        for second in 0..35 {
            log.add(&line(second, &format!("line {second}")));
        }
        let log = log.finish();
        assert_eq!(log.lines, [10, 10, 15], "those after the last end belong to it");
        let texts: Vec<_> = log.last[&1].iter().map(LastLine::text).collect();
        assert_eq!((texts.len(), &*texts[0], &*texts[9]), (10, "line 10", "line 19"));
        assert_eq!(log.last[&2].len(), LINES);
        assert_eq!(log.last[&2][LINES - 1].text(), "line 34");
    }

    #[test]
    fn lines_of_forgotten_runs_are_of_none() {
        let mut log = LogCollector::new(&History { earlier: 1, ..runs(1) });
        for second in [-50, -1, 0, 5] {
            log.add(&line(second, "x"));
        }
        let log = log.finish();
        assert_eq!((&log.lines[..], log.report.lines), (&[3][..], 4));
    }

    #[test]
    fn a_run_without_an_end_is_over_when_the_next_one_starts() {
        let mut history = runs(3);
        history.runs[1].end = None;
        let mut log = LogCollector::new(&history);
        for second in [5, 15, 20, 21, 25] {
            log.add(&line(second, "x"));
        }
        assert_eq!(log.finish().lines, [1, 2, 2]);
    }

    #[test]
    fn the_last_lines_have_some_of_each_stream() {
        let mut log = LogCollector::new(&runs(1));
        for _ in 0..2 {
            log.add(&Line { stream: Stream::Stderr, ..line(1, "error") });
        }
        for second in 2..40 {
            log.add(&line(second, "info"));
        }
        let lines = &log.finish().last[&0];
        assert_eq!(lines.len(), LINES);
        assert!(lines[1].is_stderr && !lines[2].is_stderr);
    }

    #[test]
    fn of_many_runs_few_keep_lines() {
        let mut log = LogCollector::new(&runs(500));
        for second in 0..5_000 {
            log.add(&line(second, "x"));
        }
        let log = log.finish();
        assert_eq!(log.last.len(), FIRST + LATEST);
        assert!(log.last.contains_key(&499) && log.last.contains_key(&0));
        assert_eq!(log.report.lines, 5_000);
    }

    #[test]
    fn lines_are_shown_without_colors_secrets_and_controls() {
        let mut log = LogCollector::new(&History::default());
        log.add(&line(1, "\x1b[31mred\x1b[0m DB_\x1b[1mPASSWORD=hunter2 \x1b[2J\u{202e}"));
        log.add(&line(2, &"é".repeat(3_000)));
        log.add(&line(3, "panic: x\n\tat a\n\tat b"));
        let log = log.finish();
        let texts: Vec<_> = log.last[&0].iter().map(LastLine::text).collect();
        assert_eq!(texts[0], r"red DB_PASSWORD=*** \x1b[2J\u{202e}");
        assert!(texts[1].starts_with('é') && texts[1].ends_with('…'));
        assert_eq!(texts[2..], ["panic: x", "\tat a", "\tat b"]);
    }
}
