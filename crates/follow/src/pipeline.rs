//! Selects the wanted lines of one container: joins stack traces, filters, adds context, keeps the
//! last N.

use std::io;

use scratchdbg_logs::Line;
use scratchdbg_logs::context::{Context, Shown};
use scratchdbg_logs::query::{Query, Verdict};
use scratchdbg_logs::tail::Tail;
use scratchdbg_logs::trace::TraceJoiner;

use crate::{Notice, Request, Sink};

/// The maximum size in bytes of the lines that `-n` keeps, and of those around a match.
const MAX_KEPT: usize = 16 << 20;

/// The filters of one container.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// Only if lines are filtered: a stack trace is kept or dropped as a whole.
    traces: Option<TraceJoiner>,
    may_hold: bool,
    filter: Filter,
}

#[derive(Debug)]
struct Filter {
    query: Query,
    /// How many lines were dropped because they have no level.
    without_level: u64,
    /// How many lines were too long to be judged as a whole.
    judged_in_part: u64,
    context: Option<Context>,
    last: Option<LastMatches>,
}

/// A match with its context lines.
#[derive(Debug)]
struct MatchGroup {
    /// The notices before it.
    notes: Vec<Notice>,
    lines: Vec<(Line<'static>, bool)>,
}

/// The last matches, each with its context lines.
#[derive(Debug)]
struct LastMatches {
    tail: Tail<MatchGroup>,
    notes: Vec<Notice>,
    open: Vec<(Line<'static>, bool)>,
    /// The size of the open group.
    open_bytes: usize,
    /// Lines after a match were dropped because they exceed the memory limit.
    is_cut: bool,
    has_match: bool,
    /// How many following lines still belong to the last match.
    after: usize,
    near: usize,
}

impl Pipeline {
    pub(crate) fn new(request: &Request) -> Self {
        let (before, after) = request.around;
        let last = request.tail.map(|count| LastMatches {
            tail: Tail::new(count, MAX_KEPT),
            notes: Vec::new(),
            open: Vec::new(),
            open_bytes: 0,
            is_cut: false,
            has_match: false,
            after,
            near: 0,
        });
        Self {
            traces: (!request.is_plain).then(TraceJoiner::default),
            may_hold: false,
            filter: Filter {
                query: request.query.clone(),
                without_level: 0,
                judged_in_part: 0,
                context: (before + after > 0).then(|| Context::new(before, after, MAX_KEPT)),
                last,
            },
        }
    }

    /// Takes the next line.
    pub(crate) fn push(&mut self, line: Line<'_>, sink: &mut impl Sink) -> io::Result<()> {
        let Some(traces) = &mut self.traces else { return self.filter.push(line, sink) };
        self.may_hold = true;
        let mut result = Ok(());
        traces.push(line, |line| {
            if result.is_ok() {
                result = self.filter.push(line, sink);
            }
        });
        result
    }

    /// Whether a line is held back because it may begin a stack trace.
    pub(crate) fn holds(&self) -> bool {
        self.may_hold
    }

    /// Nothing has arrived for a while, so a held line is not the beginning of a stack trace.
    pub(crate) fn flush(&mut self, sink: &mut impl Sink) -> io::Result<()> {
        let Some(traces) = &mut self.traces else { return Ok(()) };
        self.may_hold = false;
        let mut result = Ok(());
        traces.flush(|line| {
            if result.is_ok() {
                result = self.filter.push(line, sink);
            }
        });
        result
    }

    /// Passes on a notice that belongs between the lines. If only the last lines are shown, the
    /// notice is passed on only after the first of them.
    pub(crate) fn notice(&mut self, notice: Notice, sink: &mut impl Sink) -> io::Result<()> {
        self.flush(sink)?;
        match &mut self.filter.last {
            Some(last) => {
                last.close();
                last.notes.push(notice);
                Ok(())
            }
            None => sink.notice(notice),
        }
    }

    /// The log was read to its end: reports lines without a level if a level was requested.
    pub(crate) fn finish(&mut self, sink: &mut impl Sink) -> io::Result<()> {
        self.flush(sink)?;
        let (without_level, judged_in_part) =
            (self.filter.without_level, self.filter.judged_in_part);
        let split = self.traces.as_ref().map_or(0, TraceJoiner::split);
        if without_level > 0 {
            sink.notice(Notice::WithoutLevel(without_level))?;
        }
        if judged_in_part > 0 {
            sink.notice(Notice::JudgedInPart(judged_in_part))?;
        }
        if split > 0 {
            sink.notice(Notice::TracesSplit {
                count: split,
                is_filtered: !self.filter.query.wants_all(),
            })?;
        }
        (self.filter.without_level, self.filter.judged_in_part) = (0, 0);
        if self.filter.context.as_ref().is_some_and(Context::is_short) {
            sink.notice(Notice::ContextTooLong { limit: MAX_KEPT })?;
        }
        Ok(())
    }

    /// The stored log was read: passes on the last N lines. Later lines are passed on as they
    /// arrive.
    pub(crate) fn finish_tail(&mut self, sink: &mut impl Sink) -> io::Result<()> {
        self.flush(sink)?;
        let Some(mut last) = self.filter.last.take() else { return Ok(()) };
        last.close();
        if last.tail.is_short() {
            sink.notice(Notice::TailTooLong { limit: MAX_KEPT })?;
        }
        if last.is_cut {
            sink.notice(Notice::ContextTooLong { limit: MAX_KEPT })?;
        }
        let mut is_told = !last.tail.has_dropped();
        let mut is_first = true;
        let mut notes_after = last.notes;
        for MatchGroup { notes, lines } in last.tail.into_records() {
            for note in notes.into_iter().filter(|_| is_told) {
                sink.notice(note)?;
            }
            is_told = true;
            for (line, after_gap) in lines {
                sink.line(line, after_gap && !is_first)?;
                is_first = false;
            }
        }
        // With `-n 0`, nothing before now is wanted.
        notes_after.retain(|_| is_told);
        for note in notes_after {
            sink.notice(note)?;
        }
        Ok(())
    }
}

impl Filter {
    fn push(&mut self, line: Line<'_>, sink: &mut impl Sink) -> io::Result<()> {
        let verdict = if line.cut > 0 {
            let (verdict, is_certain) = self.query.judge_cut(&line);
            self.judged_in_part += u64::from(!is_certain);
            verdict
        } else {
            self.query.judge(&line)
        };
        let is_match = verdict == Verdict::Wanted;
        self.without_level += u64::from(verdict == Verdict::WithoutLevel);
        let last = &mut self.last;
        let mut result = Ok(());
        let mut show = |shown: Shown<'_>| match last {
            Some(last) => last.push(shown),
            None if result.is_ok() => result = sink.line(shown.line, shown.after_gap),
            None => {}
        };
        match &mut self.context {
            Some(context) => context.push(line, is_match, show),
            None if is_match => show(Shown { line, is_match, after_gap: false }),
            None => {}
        }
        result
    }
}

impl LastMatches {
    fn push(&mut self, shown: Shown<'_>) {
        let Shown { line, is_match, after_gap } = shown;
        if is_match && !self.has_match {
            (self.has_match, self.near) = (true, self.after);
        } else if self.has_match && !is_match && self.near > 0 {
            self.near -= 1;
        } else if self.has_match {
            // The line begins the next match, or its context.
            self.close();
            (self.has_match, self.near) = (is_match, self.after);
        }
        if !is_match && self.open_bytes > MAX_KEPT {
            self.is_cut = true;
            return;
        }
        self.open_bytes += line.size();
        self.open.push((line.into_owned(), after_gap));
    }

    fn close(&mut self) {
        let group = std::mem::take(&mut self.open);
        let bytes = std::mem::take(&mut self.open_bytes);
        if std::mem::take(&mut self.has_match) {
            let notes = std::mem::take(&mut self.notes);
            self.tail.push(MatchGroup { notes, lines: group }, bytes);
        }
    }
}
