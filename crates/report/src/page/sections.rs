//! The sections of the page.

use scratchdbg_diagnose::{Confidence, Finding};
use scratchdbg_logs::Level;
use scratchdbg_logs::stats::{PatternCount, short_duration};

use super::markup::{Markup, SHORT};
use crate::log::{LastLine, Log};
use crate::{Incident, Outcome, Run};

/// The most bytes of the page that findings take, and the last lines.
const MOST_OF_FINDINGS: usize = 200_000;
const MOST_OF_LINES: usize = 700_000;

/// How many runs show their last lines at once. Those of others are shown on request.
const OPEN: usize = 3;

/// How many patterns are shown.
const PATTERNS: usize = 25;

/// How many of the platform's notices are shown.
const MARKS: usize = 40;

impl Incident {
    pub(super) fn findings_section(&self, page: &mut Markup) {
        let limit = page.len() + MOST_OF_FINDINGS;
        for (index, finding) in self.findings.iter().enumerate() {
            if page.len() > limit {
                let left = self.findings.len() - index;
                page.paragraph(&format!("{left} more findings are left out."));
                break;
            }
            show(finding, limit, page);
        }
        if self.findings.is_empty() {
            page.paragraph("Nothing was found.");
        }
        if !self.gaps.is_empty() {
            page.raw("<h3>What is not known</h3>\n");
            page.list(self.gaps.iter().take(MARKS));
        }
    }

    pub(super) fn timeline_section(&self, page: &mut Markup) {
        match self.axis() {
            Some(axis) => {
                page.paragraph(&axis.in_words());
                self.chart(&axis, page);
            }
            None => page.paragraph("No run is on record, and the log has no line."),
        }
        let marks = &self.history.marks;
        if marks.is_empty() {
            return;
        }
        let shown = &marks[marks.len().saturating_sub(MARKS)..];
        page.begin_table("Events", &["Time", "Event"]);
        for mark in shown {
            page.raw(if mark.is_bad {
                "<tr class=\"bad\"><th scope=\"row\">"
            } else {
                "<tr><th scope=\"row\">"
            });
            page.time(mark.at, &self.zone);
            page.raw("</th><td>");
            page.cut_text(&mark.what, SHORT);
            page.raw("</td></tr>\n");
        }
        page.end_table();
    }

    pub(super) fn runs_section(&self, page: &mut Markup) {
        let runs = &self.history.runs;
        if self.history.earlier > 0 {
            let earlier = self.history.earlier;
            let text = if earlier == 1 {
                "1 run before these is"
            } else {
                &format!("{earlier} runs before these are")
            };
            page.paragraph(&format!(
                "{text} not on record: engines and clusters forget the oldest."
            ));
        }
        if runs.is_empty() {
            return page.paragraph("No run is on record.");
        }
        page.begin_table(
            "Runs, oldest first, named as logs --run takes them",
            &["Run", "Start", "End", "Lasted", "Off before", "How it ended", "Lines"],
        );
        for (index, run) in runs.iter().enumerate() {
            page.raw(&format!("<tr><th scope=\"row\">{}</th><td>", self.history.name(index)));
            self.optional(run.start, "not known", page);
            page.raw("</td><td>");
            self.optional(run.end.map(|end| end.at), "still runs", page);
            page.raw("</td><td class=\"number\">");
            page.text(&run.length(self.now).map_or_else(String::new, short_duration));
            page.raw("</td><td class=\"number\">");
            page.text(&self.off_before(index).map_or_else(String::new, short_duration));
            page.raw(&format!("</td><td class=\"outcome {}\">", class(run.outcome())));
            page.text(&run.in_words());
            page.raw("</td>");
            match self.log.as_ref().and_then(|log| log.lines.get(index)) {
                Some(lines) => page.number(*lines),
                None => page.raw("<td></td>"),
            }
            page.raw("</tr>\n");
        }
        page.end_table();
    }

    fn optional(&self, at: Option<jiff::Timestamp>, absent: &str, page: &mut Markup) {
        match at {
            Some(at) => page.time(at, &self.zone),
            None => page.text(absent),
        }
    }

    /// Returns how long the container did not run before a run.
    fn off_before(&self, index: usize) -> Option<jiff::SignedDuration> {
        let before = self.history.runs.get(index.checked_sub(1)?)?.end?.at;
        let off = self.history.runs.get(index)?.start?.duration_since(before);
        (!off.is_negative()).then_some(off)
    }

    pub(super) fn last_lines_section(&self, page: &mut Markup) {
        let Some(log) = &self.log else {
            return page.paragraph("The log could not be read.");
        };
        let limit = page.len() + MOST_OF_LINES;
        let runs = &self.history.runs;
        let mut shown = 0;
        for (index, lines) in log.last.iter().rev() {
            if lines.is_empty() {
                continue;
            }
            if page.len() > limit {
                page.paragraph("The lines of earlier runs are left out.");
                break;
            }
            let run = runs.get(*index);
            page.raw(if shown < OPEN {
                "<details open>\n<summary>"
            } else {
                "<details>\n<summary>"
            });
            page.text(&title(self, *index, run));
            page.raw("</summary>\n<ol class=\"lines\">\n");
            for line in lines {
                self.line(line, page);
            }
            page.raw("</ol>\n</details>\n");
            shown += 1;
        }
        if shown == 0 {
            page.paragraph("The log has no line.");
        }
    }

    fn line(&self, line: &LastLine, page: &mut Markup) {
        let level = line.level().map_or("none", Level::as_str);
        page.raw(&format!("<li class=\"{level}\">"));
        if let Some(at) = line.at {
            let time = at.to_zoned(self.zone.clone()).strftime("%H:%M:%S%.3f");
            page.raw(&format!("<time datetime=\"{at:.3}\">{time}</time> "));
        }
        if line.is_stderr {
            page.raw("<abbr title=\"standard error\">err</abbr> ");
        }
        page.raw("<code>");
        page.plain(&line.text(), usize::MAX, false);
        page.raw("</code></li>\n");
    }

    pub(super) fn log_section(&self, page: &mut Markup) {
        let Some(log) = &self.log else {
            return page.paragraph("The log could not be read.");
        };
        let report = &log.report;
        page.paragraph(&format!("{} lines, {} bytes.", report.lines, report.bytes));
        self.levels(page);
        self.silences(log, page);
        patterns(log, page);
        if !log.notes.is_empty() {
            page.raw("<h3>About the log</h3>\n");
            page.list(&log.notes);
        }
    }

    fn levels(&self, page: &mut Markup) {
        let counts = self.level_counts();
        if counts.is_empty() {
            return;
        }
        page.begin_table("Lines by level", &["Level", "Lines"]);
        for (label, _, total) in counts {
            page.raw(&format!("<tr><th scope=\"row\">{label}</th>"));
            page.number(total);
            page.raw("</tr>\n");
        }
        page.end_table();
    }

    fn silences(&self, log: &Log, page: &mut Markup) {
        let gaps: Vec<_> =
            log.report.gaps.iter().filter(|gap| gap.duration().as_secs() >= 1).collect();
        if gaps.is_empty() {
            return;
        }
        page.begin_table("Longest silences", &["Without a line", "After"]);
        for gap in gaps {
            page.raw("<tr><th scope=\"row\">");
            page.text(&short_duration(gap.duration()));
            page.raw("</th><td>");
            page.time(gap.since, &self.zone);
            page.raw("</td></tr>\n");
        }
        page.end_table();
    }

    pub(super) fn container_section(&self, page: &mut Markup) {
        page.raw("<dl>\n");
        for (label, value) in &self.about {
            page.raw(&format!("<div><dt>{label}</dt><dd>"));
            page.text(value);
            page.raw("</dd></div>\n");
        }
        page.raw("</dl>\n");
    }

    pub(super) fn repeat_section(&self, page: &mut Markup) {
        page.raw("<ul class=\"commands\">\n");
        for command in &self.commands {
            page.raw("<li><code>");
            page.text(command);
            page.raw("</code></li>\n");
        }
        page.raw("</ul>\n");
        if self.versions.is_empty() {
            return;
        }
        page.begin_table("Versions", &["Program", "Version"]);
        for (name, version) in &self.versions {
            page.raw("<tr><th scope=\"row\">");
            page.text(name);
            page.raw("</th><td>");
            page.text(version);
            page.raw("</td></tr>\n");
        }
        page.end_table();
    }
}

/// Shows a finding: code and sentence, evidence, fix.
fn show(finding: &Finding, limit: usize, page: &mut Markup) {
    let severity = finding.severity.as_str();
    let likely = if finding.confidence == Confidence::Guess { ", likely" } else { "" };
    page.raw(&format!("<article class=\"finding {severity}\">\n<h3><span class=\"code\">{severity}[{}]{likely}</span> ", finding.code));
    if let Some(place) = &finding.location {
        page.text(&format!("{}:{}: ", place.path, place.line));
    }
    page.sentence(&finding.message);
    page.raw("</h3>\n");
    if !finding.evidence.is_empty() {
        page.raw("<ul>\n");
        for evidence in &finding.evidence {
            if page.len() > limit {
                page.raw("<li>more evidence is left out</li>\n");
                break;
            }
            page.raw("<li>");
            page.text(evidence);
            page.raw("</li>\n");
        }
        page.raw("</ul>\n");
    }
    if let Some(fix) = &finding.fix {
        page.raw("<p><strong>Fix:</strong> ");
        page.sentence(fix);
        page.raw("</p>\n");
    }
    page.raw("</article>\n");
}

fn title(incident: &Incident, index: usize, run: Option<&Run>) -> String {
    run.map_or_else(
        || "The end of the log".to_owned(),
        |run| match &*incident.history.name(index) {
            "last" => format!("Latest run: {}", run.in_words()),
            name => format!("Run {name}: {}", run.in_words()),
        },
    )
}

fn patterns(log: &Log, page: &mut Markup) {
    let patterns = log.report.patterns.iter().take(PATTERNS);
    if log.report.patterns.is_empty() {
        return;
    }
    page.begin_table("Patterns of lines, the most frequent first", &["Lines", "Levels", "Pattern"]);
    let mut shown = 0;
    for PatternCount { lines, levels, pattern, .. } in patterns {
        page.raw("<tr>");
        page.number(*lines);
        page.raw("<td>");
        let own = Level::ALL.iter().rev().filter_map(|level| levels.get_key_value(level.as_str()));
        let levels: Vec<_> = own.map(|(level, count)| format!("{count} {level}")).collect();
        page.text(&levels.join(", "));
        page.raw("</td><td class=\"pattern\"><code>");
        page.text(pattern);
        page.raw("</code></td></tr>\n");
        shown += lines;
    }
    page.end_table();
    let others = log.report.lines.saturating_sub(shown);
    if others > 0 {
        page.paragraph(&format!("{others} lines have other patterns."));
    }
}

/// The class of an outcome.
pub(super) fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Lasts => "lasts",
        Outcome::Succeeded => "succeeded",
        Outcome::Unknown => "unknown",
        Outcome::Stopped => "stopped",
        Outcome::Failed => "failed",
        Outcome::OutOfMemory => "memory",
    }
}
