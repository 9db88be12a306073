//! Findings as text: code and sentence, evidence, fix.

use anstyle::{AnsiColor, Style};
use scratchdbg_diagnose::{Confidence, Finding, Severity};
use scratchdbg_logs::escape;
use unicode_width::UnicodeWidthStr as _;

const DIM: Style = Style::new().dimmed();
const FIX: Style = AnsiColor::Cyan.on_default().bold();
const BOLD: Style = Style::new().bold();

/// Lines narrower than this are not wrapped.
const NARROWEST: usize = 30;

/// Returns the color of a severity.
pub fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Info => AnsiColor::Green.on_default().bold(),
    }
}

/// Returns a finding in lines of at most `width` columns, or unwrapped without a terminal. Text
/// that images and containers control is escaped.
pub fn text(finding: &Finding, width: Option<usize>) -> String {
    let style = style(finding.severity);
    let likely = match finding.confidence {
        Confidence::Certain => "",
        Confidence::Guess => " (likely)",
    };
    let severity = finding.severity.as_str();
    let place = place(finding);
    let head = format!("{severity}[{}]{likely}: {place}", finding.code);
    let mut lines = wrapped(&head, &finding.message, "  ", width);
    if let Some(first) = lines.first_mut() {
        let sentence = first.split_off(head.len());
        *first = format!(
            "{style}{severity}[{}]{style:#}{DIM}{likely}{DIM:#}{BOLD}:{BOLD:#} {place}{sentence}",
            finding.code
        );
    }
    for evidence in &finding.evidence {
        lines.extend(
            wrapped("  - ", evidence, "    ", width)
                .into_iter()
                .map(|line| format!("{DIM}{line}{DIM:#}")),
        );
    }
    if let Some(fix) = &finding.fix {
        let mut fix = wrapped("  fix: ", fix, "       ", width);
        if let Some(first) = fix.first_mut() {
            *first = format!("  {FIX}fix:{FIX:#}{}", &first["  fix:".len()..]);
        }
        lines.extend(fix);
    }
    lines.join("\n")
}

/// Returns the line above the findings of one of several subjects, after a blank line unless it is
/// the first.
pub fn heading(subject: &str, is_first: bool) -> String {
    format!("{}{BOLD}{}{BOLD:#}", if is_first { "" } else { "\n" }, escape::label(subject))
}

/// Returns a finding's file and line like a compiler: `Dockerfile:7: `.
pub fn place(finding: &Finding) -> String {
    let place = finding.location.as_ref();
    place
        .map(|location| format!("{}:{}: ", escape::label(&location.path), location.line))
        .unwrap_or_default()
}

/// Returns the number of findings by severity, in one line.
pub fn summary(subject: &str, findings: &[Finding]) -> String {
    let count = |severity: Severity, one: &str, many: &str| {
        let count = findings.iter().filter(|finding| finding.severity == severity).count();
        let style = style(severity);
        match count {
            0 => None,
            1 => Some(format!("{style}1 {one}{style:#}")),
            count => Some(format!("{style}{count} {many}{style:#}")),
        }
    };
    let counts = [
        count(Severity::Error, "error", "errors"),
        count(Severity::Warning, "warning", "warnings"),
        count(Severity::Info, "note", "notes"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let counts = if counts.is_empty() { "nothing found".to_owned() } else { counts.join(", ") };
    format!("{BOLD}{}{BOLD:#}: {counts}", escape::label(subject))
}

/// Escapes `text` and appends it to `head`, wrapped between words into lines that begin with
/// `indent`.
fn wrapped(head: &str, text: &str, indent: &str, width: Option<usize>) -> Vec<String> {
    let text = escape::label(text);
    let Some(width) = width.map(|width| width.max(NARROWEST)) else {
        return vec![format!("{head}{text}")];
    };
    let mut lines = Vec::new();
    let mut line = head.to_owned();
    let mut begin = true;
    for word in text.split(' ') {
        if !begin && line.width() + 1 + word.width() > width {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            begin = true;
        }
        if !begin {
            line.push(' ');
        }
        line.push_str(word);
        begin = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("a: ", "one two", "  ", None), ["a: one two"]);
        let words = "word ".repeat(12);
        let lines = wrapped("a: ", words.trim_end(), "  ", Some(30));
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 30), "{lines:?}");
        assert!(lines[1].starts_with("  word"), "{lines:?}");
        let long = "x".repeat(50);
        assert_eq!(wrapped("a: ", &long, "  ", Some(30)), [format!("a: {long}")]);
        assert_eq!(wrapped("a: ", "\u{1b}[2J\n", "  ", None).len(), 1);
        assert!(!wrapped("a: ", "\u{1b}[2J", "  ", None)[0].contains('\u{1b}'));
    }
}
