//! The wording of events in a log other than lines.

use scratchdbg_follow::Notice;

/// Returns a notice about the container with this name, in one line. `platform` is the name of the
/// platform.
pub fn words(platform: &str, name: &str, notice: Notice) -> String {
    match notice {
        Notice::MayDrop => format!(
            "lines of `{name}` may be missing: its log driver is non-blocking and drops lines that come too fast"
        ),
        Notice::NeverStarted => {
            format!(
                "`{name}` has never started, so it has no log; `scratchdbg why {name}` says why"
            )
        }
        Notice::NotStarted { reason } => {
            format!("waiting for `{name}`, which has not started: {reason}")
        }
        Notice::RunEnded(end) => {
            let code = end.exit_code.map_or(String::new(), |code| format!(" with code {code}"));
            format!("--- {name} exited{code} at {:.3} ---", end.at)
        }
        Notice::Recreated => format!("--- {name} was recreated ---"),
        Notice::Renamed { name: now, is_taken: false } => {
            format!("--- {name} was renamed to {now}, and is followed on ---")
        }
        Notice::Renamed { name: now, is_taken: true } => {
            format!(
                "--- {name} was renamed to {now}, and is followed on; another container is {name} now ---"
            )
        }
        Notice::EngineGone { reason, timeout } => {
            format!("cannot reach the {platform} ({reason}); retrying for {} s", timeout.as_secs())
        }
        Notice::EngineBack => format!("the {platform} answers again"),
        Notice::Gap { since, until } => {
            let until = until.map_or("?".to_owned(), |until| until.to_string());
            format!(
                "lines of `{name}` may be lost between {since} and {until}: the {platform} rotated its log before they could \
                 be read"
            )
        }
        Notice::LeftOut { files_have_more } => {
            let remedy = format!("; on the {platform}'s machine, --via file reads past the damage");
            let remedy = if files_have_more { remedy } else { String::new() };
            format!(
                "the {platform} left out lines of `{name}`: its log is damaged, or was rotated while it was read{remedy}"
            )
        }
        Notice::NotChecked { reason, .. } => {
            let reason = reason.unwrap_or_else(|| "it grows too fast".to_owned());
            format!("cannot check whether the {platform} sent the whole log of `{name}`: {reason}")
        }
        Notice::Damaged { after, place, bytes } => {
            let after = after.map_or("at its start".to_owned(), |after| format!("after {after}"));
            let place = place
                .map_or(String::new(), |(path, at)| format!(" (byte {at} of {})", path.display()));
            format!("the log of `{name}` is damaged {after}{place}: {bytes} bytes are lost")
        }
        Notice::FileDamaged { path, reason } => {
            format!(
                "the log of `{name}` is damaged: cannot read the rest of {}: {reason}",
                path.display()
            )
        }
        Notice::Emptied => {
            format!(
                "the log file of `{name}` was truncated while it was followed: lines may be lost"
            )
        }
        Notice::Broken { reason } => reason,
        Notice::EngineError { message } => format!("the {platform} says: {message}"),
        Notice::TailTooLong { limit } => {
            format!("-n asks for more than {0} MiB: only the last {0} MiB are printed", limit >> 20)
        }
        Notice::ContextTooLong { limit } => {
            format!(
                "-A, -B and -C ask for more than {0} MiB around a match: at most {0} MiB are printed",
                limit >> 20
            )
        }
        Notice::EndNotRead => format!(
            "the last lines of `{name}` may be missing: it was removed, and this {platform}'s stream can end before the log"
        ),
        Notice::WithoutLevel(1) => "1 line has no level: --level leaves it out".to_owned(),
        Notice::WithoutLevel(count) => {
            format!("{count} lines have no level: --level leaves them out")
        }
        Notice::JudgedInPart(count) => {
            let (lines, are, their) =
                if count == 1 { ("line", "is", "its") } else { ("lines", "are", "their") };
            format!(
                "{count} {lines} of `{name}` {are} longer than 1 MiB, and judged by {their} first MiB alone: a filter may have lost some"
            )
        }
        Notice::TracesSplit { count, .. } => {
            let (traces, are, their) =
                if count == 1 { ("trace", "is", "its") } else { ("traces", "are", "their") };
            format!(
                "{count} stack {traces} of `{name}` {are} longer than 256 KiB: {their} further lines were judged one by one"
            )
        }
        Notice::ReaderFailed(error) => {
            let hints = error.hints().join("; ");
            let hints = if hints.is_empty() { hints } else { format!(" ({hints})") };
            format!("{name}: {error}{hints}")
        }
        Notice::StartsLost { reason } => format!("cannot watch for new containers: {reason}"),
        Notice::ReadFromFiles { path, count } => {
            let files = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
            format!("reading `{name}` from {} ({files})", path.display())
        }
        Notice::ReadThroughEngine { reason } => {
            format!("reading `{name}` through the {platform}: {reason}")
        }
        Notice::RestThroughEngine { reason, follows } => {
            let doing = if follows { "following" } else { "reading" };
            format!("{doing} the rest of `{name}` through the {platform}: {reason}")
        }
        Notice::Followed { in_files } => {
            let source = if in_files {
                "in its log files".to_owned()
            } else {
                format!("through the {platform}")
            };
            format!("following `{name}` {source}")
        }
        // A notice of a later version of the crate.
        other => format!("{name}: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use scratchdbg_backend::RunEnd;

    use super::*;

    /// Compares all notices with a snapshot, so that changes of wording are visible in review.
    #[test]
    fn notices() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let stamp =
            |text: &str| scratchdbg_logs::Timestamp::split(text.as_bytes()).expect("a time").0;
        let (before, after) =
            (stamp("2026-01-02T03:04:05.000000001Z a"), stamp("2026-01-02T03:04:06.000000001Z b"));
        let reason = || "connection reset".to_owned();
        let all = [
            Notice::MayDrop,
            Notice::NotStarted { reason: "ErrImagePull: not found".to_owned() },
            Notice::NeverStarted,
            Notice::RunEnded(RunEnd { at: at(1), exit_code: Some(137) }),
            Notice::RunEnded(RunEnd { at: at(1), exit_code: None }),
            Notice::Recreated,
            Notice::Renamed { name: "web-old".to_owned(), is_taken: false },
            Notice::Renamed { name: "web-old".to_owned(), is_taken: true },
            Notice::EngineGone { reason: reason(), timeout: Duration::from_mins(1) },
            Notice::EngineBack,
            Notice::Gap { since: before, until: Some(after) },
            Notice::LeftOut { files_have_more: true },
            Notice::LeftOut { files_have_more: false },
            Notice::NotChecked { reason: None, is_failure: false },
            Notice::NotChecked { reason: Some(reason()), is_failure: true },
            Notice::Damaged {
                after: Some(before),
                place: Some(("/var/log/x.log".into(), 42)),
                bytes: 7,
            },
            Notice::Damaged { after: None, place: None, bytes: 7 },
            Notice::FileDamaged { path: "/var/log/x.log.1.gz".into(), reason: reason() },
            Notice::Emptied,
            Notice::Broken { reason: reason() },
            Notice::EngineError { message: "no such file".to_owned() },
            Notice::TailTooLong { limit: 16 << 20 },
            Notice::ContextTooLong { limit: 16 << 20 },
            Notice::EndNotRead,
            Notice::WithoutLevel(1),
            Notice::WithoutLevel(2),
            Notice::JudgedInPart(1),
            Notice::JudgedInPart(2),
            Notice::TracesSplit { count: 1, is_filtered: true },
            Notice::TracesSplit { count: 2, is_filtered: false },
            Notice::StartsLost { reason: reason() },
            Notice::ReadFromFiles { path: "/var/log/x.log".into(), count: 3 },
            Notice::ReadThroughEngine { reason: reason() },
            Notice::RestThroughEngine { reason: reason(), follows: true },
            Notice::Followed { in_files: true },
            Notice::Followed { in_files: false },
        ];
        let lines: Vec<_> = all.into_iter().map(|notice| words("engine", "web", notice)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
