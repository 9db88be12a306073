//! The timeline as a picture (SVG): runs, their ends, events, and the rate of lines by level.

use std::fmt::Write as _;

use scratchdbg_logs::Level;

use super::markup::{Markup, SHORT};
use super::sections::class;
use crate::axis::Axis;
use crate::text::{count, end, run_title, symbol};
use crate::{Incident, Outcome};

/// The width of the picture, and where the chart begins and ends in it.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 948.0;

/// Where the rows begin, and how high they are.
const ENDS: f64 = 14.0;
const RUNS: (f64, f64) = (22.0, 24.0);
const MARKS: f64 = 60.0;
const RATE: (f64, f64) = (74.0, 130.0);
const LABELS: f64 = 226.0;
const HEIGHT: f64 = 236.0;

/// The most symbols of ends that are drawn: more would cover one another.
const SYMBOLS: usize = 80;

impl Incident {
    /// Appends the picture, and what its colors and symbols mean.
    pub(super) fn chart(&self, axis: &Axis, page: &mut Markup) {
        page.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Timeline\">\n");
        page.raw(&format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"chart-title chart-text\">\n"
        ));
        page.raw(
            "<title id=\"chart-title\">Runs, and lines of the log by level, over time</title>\n",
        );
        page.raw("<desc id=\"chart-text\">");
        page.text(&self.in_words(axis));
        page.raw("</desc>\n");
        for (y, label) in [(RUNS.0 + 16.0, "runs"), (RATE.0 + 12.0, "lines")] {
            page.raw(&format!("<text x=\"0\" y=\"{y}\">{label}</text>\n"));
        }
        Self::grid(axis, page);
        self.bars_of_runs(axis, page);
        self.bars_of_rate(axis, page);
        page.raw("</svg>\n</div>\n");
        self.legend(page);
    }

    /// Says what the picture shows.
    fn in_words(&self, axis: &Axis) -> String {
        let runs = self.history.runs.len();
        let of = |outcome| self.history.runs.iter().filter(|run| run.outcome() == outcome).count();
        let mut words = vec![format!("From {}: {runs} runs", axis.in_words())];
        for (outcome, what) in [
            (Outcome::Failed, "failed"),
            (Outcome::OutOfMemory, "ended out of memory"),
            (Outcome::Stopped, "were stopped"),
            (Outcome::Succeeded, "ended with code 0"),
        ] {
            if of(outcome) > 0 {
                words.push(format!("{} {what}", of(outcome)));
            }
        }
        for (level, index, total) in self.level_counts() {
            let level = index.map_or("without a level", |_| level);
            words.push(format!("{total} lines {level}"));
        }
        format!("{}. The tables below have the figures.", words.join(", "))
    }

    fn grid(axis: &Axis, page: &mut Markup) {
        let bottom = RATE.0 + RATE.1;
        page.raw(&format!("<path class=\"axis\" d=\"M{LEFT} {bottom}H{RIGHT}\"/>\n"));
        for tick in axis.ticks(8) {
            let x = place(axis, tick.at);
            // A label at an end would leave the picture.
            let anchor = if x > RIGHT - 40.0 {
                "end"
            } else if x < LEFT + 40.0 {
                "start"
            } else {
                "middle"
            };
            page.raw(&format!(
                "<path class=\"grid\" d=\"M{x:.1} {}V{bottom}\"/><text x=\"{x:.1}\" y=\"{LABELS}\" text-anchor=\"{anchor}\">{}</text>\n",
                RUNS.0, tick.label
            ));
        }
    }

    fn bars_of_runs(&self, axis: &Axis, page: &mut Markup) {
        let (top, height) = RUNS;
        let mut before = None;
        for (index, run) in self.history.runs.iter().enumerate() {
            let end = run.end.map_or(self.now, |end| end.at);
            let start = run.start.or(before).unwrap_or(axis.from).min(end);
            let (from, to) = (place(axis, start), place(axis, end));
            let known = if run.start.is_some() { "" } else { " open" };
            page.raw(&format!(
                "<rect class=\"run {}{known}\" x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{height}\"><title>",
                class(run.outcome()),
                // Short runs are seen, and stay apart.
                (to - from - 0.5).max(1.0)
            ));
            page.text(&run_title(self, index, run));
            page.raw("</title></rect>\n");
            before = run.end.map(|end| end.at);
        }
        if self.history.runs.len() <= SYMBOLS {
            for run in &self.history.runs {
                let Some(end) = run.end else { continue };
                let (symbol, ..) = symbol(run.outcome());
                let x = place(axis, end.at);
                page.raw(&format!(
                    "<text class=\"end\" x=\"{x:.1}\" y=\"{ENDS}\" text-anchor=\"middle\">{symbol}</text>\n"
                ));
            }
        }
        for mark in &self.history.marks {
            let x = place(axis, mark.at);
            let kind = if mark.is_bad { "mark bad" } else { "mark" };
            page.raw(&format!(
                "<path class=\"{kind}\" d=\"M{x:.1} {}l5 9h-10z\"><title>",
                MARKS - 9.0
            ));
            page.cut_text(&mark.what, SHORT / 2);
            page.raw("</title></path>\n");
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "it is drawn")]
    fn bars_of_rate(&self, axis: &Axis, page: &mut Markup) {
        let Some(log) = &self.log else { return };
        let most = log.report.rate.iter().map(|bucket| bucket.lines).max().unwrap_or_default();
        let (top, height) = RATE;
        if most == 0 {
            return;
        }
        let seconds = log.report.rate.first().map_or(1, |bucket| bucket.seconds);
        page.raw(&format!(
            "<text x=\"0\" y=\"{}\" class=\"most\">{most}</text><text x=\"0\" y=\"{}\" class=\"most\">in {}</text>\n",
            top + 28.0,
            top + 42.0,
            scratchdbg_logs::stats::short_duration(jiff::SignedDuration::from_secs(seconds))
        ));
        // One path for each level is a tenth of the size of a rectangle for each bar.
        let order = std::iter::once(None).chain((0..Level::ALL.len()).map(Some));
        let mut below = vec![0.0; log.report.rate.len()];
        for level in order {
            let mut path = String::new();
            for (bucket, below) in log.report.rate.iter().zip(&mut below) {
                let count = count(bucket, level);
                if count == 0 {
                    continue;
                }
                let (from, to) = (place(axis, bucket.since), place(axis, end(bucket)));
                // A single error among thousands of lines is seen.
                let high = (count as f64 / most as f64 * height).max(1.5);
                let bottom = top + height - *below;
                *below = (*below + high).min(height);
                let high = high.min(bottom - top).max(0.0);
                // Writing to a string cannot fail.
                let _ = write!(
                    path,
                    "M{from:.1} {bottom:.1}h{:.1}v-{high:.1}H{from:.1}z",
                    (to - from).max(1.0)
                );
            }
            if !path.is_empty() {
                let name = name(level);
                page.raw(&format!(
                    "<path class=\"level {name}\" d=\"{path}\"><title>{name}</title></path>\n"
                ));
            }
        }
    }

    /// Appends what the colors and symbols mean.
    fn legend(&self, page: &mut Markup) {
        let mut outcomes: Vec<_> = self.history.runs.iter().map(crate::Run::outcome).collect();
        outcomes.sort_unstable();
        outcomes.dedup();
        page.raw("<ul class=\"legend\" aria-label=\"Legend\">\n");
        for outcome in outcomes {
            let (_, _, words) = symbol(outcome);
            page.raw(&format!(
                "<li><span class=\"key run {}\"></span>{words}</li>\n",
                class(outcome)
            ));
        }
        for (label, level, _) in self.level_counts() {
            let (name, what) = (name(level), if level.is_some() { label } else { "no level" });
            page.raw(&format!("<li><span class=\"key level {name}\"></span>{what}</li>\n"));
        }
        if !self.history.marks.is_empty() {
            page.raw("<li><span class=\"key mark\">▲</span>an event</li>\n");
        }
        page.raw("</ul>\n");
    }
}

fn name(level: Option<usize>) -> &'static str {
    level.and_then(|level| Level::ALL.get(level)).map_or("none", |level| level.as_str())
}

fn place(axis: &Axis, at: jiff::Timestamp) -> f64 {
    LEFT + axis.place(at) * (RIGHT - LEFT)
}
