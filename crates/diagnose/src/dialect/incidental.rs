//! Recognizes lines that contain the words of a failure but report a success, a retry or a feature.

use std::sync::LazyLock;

use regex::Regex;

use crate::code::Code;

/// Codes whose words also occur in the lines of healthy programs.
const INCIDENTAL: &[Code] = &[
    Code::ConnectionRefused,
    Code::ConnectionTimedOut,
    Code::NameNotResolved,
    Code::PortInUse,
    Code::NoSpace,
    Code::OutOfMemory,
    Code::FileLimit,
    Code::ProcessLimit,
    Code::PathNotPermitted,
    Code::OperationNotPermitted,
    Code::ReadOnlyFilesystem,
    Code::CaCertificatesMissing,
    Code::LoginRefused,
];

/// Reports whether a line contains the words of that failure without reporting one.
pub(super) fn is_incidental(code: Code, line: &str) -> bool {
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)\b(?:recovered|recovers|reconnected|succeeded|successful(?:ly)?|connected to|now connected|connection established|handled|is handling|will be handled|mitigated|resolved itself|alerts? (?:is |are )?(?:on|enabled|disabled|configured)|enabled$|feature ['\x22`]|simulat\w+|expected error|as expected|no longer|went away|server started|(?:is|are) now (?:up|ready|available)|after \d+ (?:retries|attempts)|on attempt \d+)",
        )
        .ok()
    });
    INCIDENTAL.contains(&code) && WORDS.as_ref().is_some_and(|words| words.is_match(line))
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::dialect::explain_message;

    #[test]
    fn words_in_passing_are_never_certain() {
        for line in [
            "Retrying after connection refused; connected to db on attempt 2. Server started",
            "Listening on port 80 (address already in use is handled by SO_REUSEPORT)",
            "feature 'no space left on device' alerts enabled",
            "connection refused went away after 3 retries",
            "recovered from: dial tcp 10.0.0.1:5432: connect: connection refused",
            "test for permission denied: open /data/x: permission denied, as expected",
            "cannot allocate memory (os error 12) was simulated, recovered",
        ] {
            for finding in explain_message(line) {
                assert_eq!(finding.confidence, Confidence::Guess, "{line}: {finding:?}");
            }
        }
        for line in [
            "dial tcp 10.0.0.1:5432: connect: connection refused",
            "listen tcp :80: bind: address already in use",
            "write /data/x: no space left on device",
        ] {
            assert_eq!(explain_message(line)[0].confidence, Confidence::Certain, "{line}");
        }
    }
}
