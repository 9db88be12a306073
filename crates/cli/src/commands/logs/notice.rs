//! The words for what happens to a log besides its lines.

use scratchdbg_follow::Notice;

use crate::error::CommandError;

/// A notice about the container with this name, in one line.
pub(super) fn words(name: &str, notice: Notice) -> String {
    match notice {
        Notice::MayDrop => format!(
            "lines of `{name}` may be missing: its log driver is non-blocking, and drops what it has no room for without \
             a word"
        ),
        Notice::RunEnded(end) => {
            let code = end.exit_code.map_or(String::new(), |code| format!(" with code {code}"));
            format!("--- {name} exited{code} at {:.3} ---", end.at)
        }
        Notice::Recreated => format!("--- {name} was made anew ---"),
        Notice::EngineGone { reason, patience } => {
            format!("the engine is gone ({reason}); waiting for it for {} s", patience.as_secs())
        }
        Notice::EngineBack => "the engine is back".to_owned(),
        Notice::Gap { since, until } => {
            let until = until.map_or("?".to_owned(), |until| until.to_string());
            format!(
                "lines of `{name}` are lost between {since} and {until}: the engine threw them away (its log is rotated) \
                 before they could be read"
            )
        }
        Notice::LeftOut { files_have_more } => {
            let remedy = "; on the engine's machine, --via file reads on behind the damage";
            let remedy = if files_have_more { remedy } else { "" };
            format!(
                "the engine leaves out lines of `{name}` and does not say so: its log is damaged, or was rotated \
                 meanwhile{remedy}"
            )
        }
        Notice::NotChecked { reason, .. } => {
            let reason = reason.unwrap_or_else(|| "it grows too fast".to_owned());
            format!("whether all of the log of `{name}` was sent could not be checked: {reason}")
        }
        Notice::Damaged { after, place, bytes } => {
            let after = after.map_or("at its begin".to_owned(), |after| format!("after {after}"));
            let place = place.map_or(String::new(), |(path, at)| format!(" (byte {at} of {})", path.display()));
            format!(
                "the log of `{name}` is damaged {after}{place}: {bytes} bytes there are no record, and what they were is \
                 lost"
            )
        }
        Notice::FileDamaged { path, reason } => {
            format!("the log of `{name}` is damaged: the rest of {} is lost ({reason})", path.display())
        }
        Notice::Emptied => format!(
            "the log file of `{name}` was emptied while it was followed: lines that were not read before may be lost"
        ),
        Notice::Broken { reason } => reason,
        Notice::EngineError { message } => format!("the engine says: {message}"),
        Notice::TailTooLong { limit } => {
            format!("only the last {} MiB of the lines that -n asks for are shown", limit >> 20)
        }
        Notice::WithoutLevel(1) => "1 line tells no level: --level leaves them out".to_owned(),
        Notice::WithoutLevel(count) => format!("{count} lines tell no level: --level leaves them out"),
        Notice::ReaderFailed(error) => {
            let error = CommandError::from(error);
            let hints = error.hints.join("; ");
            let hints = if hints.is_empty() { hints } else { format!(" ({hints})") };
            format!("{name}: {}{hints}", error.message)
        }
        Notice::StartsLost { reason } => format!("containers that start from now on are not shown: {reason}"),
        Notice::ReadFromFiles { path, count } => {
            format!("`{name}` is read from {}, {count} files in all", path.display())
        }
        Notice::ReadThroughEngine { reason } => format!("`{name}` is read through the engine: {reason}"),
        Notice::RestThroughEngine { reason, follows } => {
            let way = if follows { "followed" } else { "read" };
            format!("the rest of `{name}` is {way} through the engine: {reason}")
        }
        Notice::Followed { in_files } => {
            let way = if in_files { "in its log files" } else { "through the engine" };
            format!("`{name}` is followed {way}")
        }
        // A notice of a later version of the crate.
        other => format!("{name}: {other:?}"),
    }
}
