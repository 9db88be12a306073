//! The audit file: a line of JSON when a session begins, and one when it has ended.
//!
//! Sessions leave nothing on the platform, so these lines are the only record. The first exists
//! however the client ends.
//!
//! The file may be in a directory to which others can write. So links are not followed, only a
//! regular file is written to, and a new file is readable by its user alone, because it contains
//! the command line as typed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;
use scratchdbg_backend::{Error, ErrorKind, Plan};
use serde_json::{Value, json};

use crate::SessionEnd;

/// The exit code of a session that was killed.
const KILLED: u8 = 137;

/// The audit file.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: File,
}

impl Audit {
    /// Opens the file for appending.
    ///
    /// # Errors
    ///
    /// Fails if it is no regular file, or cannot be opened or created.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = open(path).map_err(|reason| {
            let shown = path.display().to_string();
            Error::new(
                ErrorKind::Local,
                format!("cannot write {}: {reason}", scratchdbg_logs::escape::label(&shown)),
            )
            .hint("--audit takes a regular file, or the name of a new one; links are not followed")
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Records the beginning of a session.
    ///
    /// # Errors
    ///
    /// Fails if the line cannot be written.
    pub fn start(&mut self, plan: &Plan, started: Timestamp) -> Result<(), Error> {
        self.write("start", plan, started, json!({}))
    }

    /// Records the end of a session.
    ///
    /// # Errors
    ///
    /// Fails if the line cannot be written.
    pub fn end(
        &mut self,
        plan: &Plan,
        started: Timestamp,
        ended: &Result<SessionEnd, Error>,
    ) -> Result<(), Error> {
        let (end, exit_code) = match ended {
            Ok(SessionEnd::Code(code)) => ("exited".to_owned(), Some(*code)),
            Ok(SessionEnd::OutOfMemory) => ("out of memory".to_owned(), Some(KILLED)),
            Ok(SessionEnd::Detached) => ("detached".to_owned(), Some(SessionEnd::DETACHED)),
            Ok(SessionEnd::Removed) => ("removed".to_owned(), Some(KILLED)),
            Ok(SessionEnd::OutputClosed) => {
                ("output closed".to_owned(), Some(SessionEnd::OUTPUT_CLOSED))
            }
            Ok(SessionEnd::SourceMissing(path)) => (format!("refused: {path} is not there"), None),
            Ok(SessionEnd::Refused(error)) => (format!("refused: {}", error.message), None),
            Ok(SessionEnd::WithTarget { end, .. }) => {
                (format!("target {}", end.state.as_str()), Some(KILLED))
            }
            Err(error) => (format!("failed: {}", error.message), None),
        };
        let more =
            json!({ "ended_at": Timestamp::now().to_string(), "end": end, "exit_code": exit_code });
        self.write("end", plan, started, more)
    }

    fn write(
        &mut self,
        event: &str,
        plan: &Plan,
        started: Timestamp,
        more: Value,
    ) -> Result<(), Error> {
        let mut record = json!({
            "event": event,
            "started_at": started.to_string(),
            "client": { "pid": std::process::id(), "uid": rustix::process::getuid().as_raw() },
            "target": { "id": plan.target_id, "name": plan.target_name },
            "mode": plan.mode(),
            "user": plan.user.to_string(),
            "capabilities": plan.capabilities(),
            "security_options": plan.security_options,
            "command": plan.command,
        });
        if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
            record.extend(more);
        }
        append(&mut self.file, &line(&record)).map_err(|error| {
            Error::new(ErrorKind::Local, format!("cannot write {}: {error}", self.path.display()))
        })
    }
}

fn open(path: &Path) -> Result<File, String> {
    // Opening a FIFO without a reader would block.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
                "it is a symbolic link".to_owned()
            }
            Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => {
                "it is not a regular file".to_owned()
            }
            _ => error.to_string(),
        })?;
    match file.metadata() {
        Ok(facts) if facts.is_file() => Ok(file),
        Ok(_) => Err("it is not a regular file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Appends a line in a single write, so that lines of concurrent sessions do not mix.
fn append(file: &mut File, line: &str) -> io::Result<()> {
    let written = file.write(line.as_bytes())?;
    if written == line.len() {
        Ok(())
    } else {
        Err(io::Error::other("only a part of the line could be written"))
    }
}

/// Returns a record as one line of JSON, without characters that control a terminal.
fn line(record: &Value) -> String {
    let mut line = String::new();
    // Such characters occur only in strings, where `\u` is allowed.
    for character in record.to_string().chars() {
        let is_bidi_mark = matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        if character.is_control() || is_bidi_mark {
            let _into_memory = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_line_has_no_control_characters_and_is_the_same_json() {
        let record =
            json!({"command": ["a\nb", "\u{1b}[2J", "\u{9b}2J", "\u{7f}", "\u{202e}", "é\"\\"]});
        let line = line(&record);
        let body = line.strip_suffix('\n').unwrap();
        assert!(
            !body.contains(|character: char| character.is_control() || character == '\u{202e}'),
            "{body}"
        );
        assert_eq!(serde_json::from_str::<Value>(body).unwrap(), record);
    }

    #[test]
    fn only_a_regular_file_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| at(name).metadata().unwrap().permissions().mode() & 0o777;
        let mut file = open(&at("new")).unwrap();
        assert_eq!(mode("new"), 0o600);
        append(&mut file, "one\n").unwrap();
        append(&mut open(&at("new")).unwrap(), "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(at("new")).unwrap(), "one\ntwo\n");

        std::fs::write(at("precious"), "kept").unwrap();
        symlink(at("precious"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), rustix::fs::Mode::RUSR).unwrap();
        for (path, reason) in [
            (at("link"), "symbolic link"),
            (at("dangling"), "symbolic link"),
            (at("fifo"), "regular file"),
            ("/dev/full".into(), "regular file"),
            ("/dev/null".into(), "regular file"),
            (folder.path().to_owned(), "irectory"),
            (at("new/below"), "irectory"),
        ] {
            let refused = open(&path).unwrap_err();
            assert!(refused.contains(reason), "{}: {refused}", path.display());
        }
        assert_eq!(std::fs::read_to_string(at("precious")).unwrap(), "kept");
        assert!(!at("nowhere").exists());
    }
}
