//! Pasted error texts.

use scratchdbg_diagnose::explain_message;

/// `data` is the text.
pub fn run(data: &[u8]) {
    for finding in explain_message(&String::from_utf8_lossy(data)) {
        assert!(!finding.message.is_empty() && finding.fix.is_some(), "{finding:?}");
        assert!(finding.evidence.iter().all(|evidence| evidence.len() < 600), "{finding:?}");
    }
}
