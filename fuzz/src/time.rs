//! Timestamps of log lines, and times on the command line.

use scratchdbg_logs::Timestamp;
use scratchdbg_logs::when::TimeRange;

/// `data` is a time. A timestamp of a log line keeps its text.
pub fn run(data: &[u8]) {
    if let Some(timestamp) = Timestamp::new(data) {
        assert_eq!(timestamp.as_str().as_bytes(), data);
        let _instant = timestamp.instant();
    }
    if let Some((timestamp, rest)) = Timestamp::split(data) {
        assert_eq!([timestamp.as_str().as_bytes(), b" ", rest].concat(), data);
    }
    let text = String::from_utf8_lossy(data);
    let now = "2026-11-23T12:00:00[UTC]".parse().unwrap();
    let (since, until) =
        text.split_once('\n').map_or((&*text, None), |(since, until)| (since, Some(until)));
    if let Ok(TimeRange { since: Some(since), until: Some(until) }) =
        TimeRange::parse(Some(since), until, &now)
    {
        assert!(since <= until);
    }
}
