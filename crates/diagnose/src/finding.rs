//! What a rule has to say: a code, a sentence, the evidence, the fix.

use serde::Serialize;

use crate::code::Code;

/// How much a finding matters. Ordered: `Info < Warning < Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is broken.
    Info,
    /// It works until something common happens.
    Warning,
    /// It does not start, or it has died of this.
    Error,
}

impl Severity {
    /// The word used on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Whether a finding follows from its evidence, or is the likeliest reading of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The evidence proves it.
    Certain,
    /// The evidence suggests it; the message says what would settle the matter.
    Guess,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The file, as it was named. As untrusted as names are.
    pub path: String,
    /// Its number, from 1.
    pub line: usize,
}

/// One finding or verdict, in the shape of every JSON output:
/// `{code, severity, confidence, message, evidence[], fix}`, and `location` where a line of a file is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable word for what was found.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it is proven or guessed.
    pub confidence: Confidence,
    /// One sentence: what is wrong and why. It may hold text that an image or container controls: whoever shows it on a
    /// terminal escapes it.
    pub message: String,
    /// The facts that it rests on, one a line, in the order in which they convince. As untrusted as `message`.
    pub evidence: Vec<String>,
    /// What to do about it; `None` where nothing needs doing.
    pub fix: Option<String>,
    /// The line that it comes from; `None` where no file was read that has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Finding {
    /// A proven finding without evidence or fix yet.
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

    /// Says which line of which file it comes from.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>, line: usize) -> Self {
        self.location = Some(Location { path: path.into(), line });
        self
    }

    /// Adds one line of evidence.
    pub(crate) fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// Says what to do.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Marks it as the likeliest reading rather than a proof.
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
        let finding =
            Finding::new(Code::LoaderMissing, Severity::Error, "no loader").evidence("PT_INTERP").fix("link it");
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
