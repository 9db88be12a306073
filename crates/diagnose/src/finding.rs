//! The result of a rule: a code, a sentence, the evidence and the fix.

use serde::Serialize;

use crate::code::Code;

/// The severity of a finding. Ordered: `Info < Warning < Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is broken.
    Info,
    /// It works until something common happens.
    Warning,
    /// It does not start, or it ended for this reason.
    Error,
}

impl Severity {
    /// Returns the word used on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Whether a finding follows from its evidence or is its likeliest interpretation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The evidence proves it.
    Certain,
    /// The evidence suggests it. The message says what would prove it.
    Guess,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The file's path as the user named it. Untrusted, like names.
    pub path: String,
    /// The line number, from 1.
    pub line: usize,
}

/// One finding or verdict, in the form of all JSON output:
/// `{code, severity, confidence, message, evidence[], fix}`, and `location` if a line of a file
/// causes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable name of the problem.
    pub code: Code,
    /// The severity.
    pub severity: Severity,
    /// Whether it is proven or guessed.
    pub confidence: Confidence,
    /// One sentence: what is wrong and why. It may contain text that an image or container
    /// controls: escape it before showing it on a terminal.
    pub message: String,
    /// The supporting facts, one per line, the most convincing first. Untrusted, like `message`.
    pub evidence: Vec<String>,
    /// What to do about it; `None` if nothing needs to be done.
    pub fix: Option<String>,
    /// The line that causes it; `None` if no file with lines was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Finding {
    /// Sorts the worst first, and keeps the order of findings of one severity.
    pub fn sort_worst_first(findings: &mut [Self]) {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }

    /// Returns a proven finding without evidence and fix.
    pub(crate) fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            confidence: Confidence::Certain,
            message: message.into(),
            evidence: Vec::new(),
            fix: None,
            location: None,
        }
    }

    /// Sets the file and line that cause it.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>, line: usize) -> Self {
        self.location = Some(Location { path: path.into(), line });
        self
    }

    /// Adds a line of evidence.
    pub(crate) fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// Sets the fix.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Marks it as the likeliest interpretation instead of a proof.
    pub(crate) fn guessed(mut self) -> Self {
        self.confidence = Confidence::Guess;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shape_is_the_contract() {
        let finding = Finding::new(Code::LoaderMissing, Severity::Error, "no loader")
            .evidence("PT_INTERP")
            .fix("link it");
        assert_eq!(
            serde_json::to_value(&finding).unwrap(),
            serde_json::json!({
                "code": "loader-missing",
                "severity": "error",
                "confidence": "certain",
                "message": "no loader",
                "evidence": ["PT_INTERP"],
                "fix": "link it",
            })
        );
        let located = serde_json::to_value(finding.at("Dockerfile", 7)).unwrap();
        assert_eq!(located["location"], serde_json::json!({"path": "Dockerfile", "line": 7}));
        let bare = Finding::new(Code::Running, Severity::Info, "it runs").guessed();
        let json = serde_json::to_value(&bare).unwrap();
        assert_eq!(json["fix"], serde_json::Value::Null);
        assert_eq!(json["confidence"], "guess");
    }
}
