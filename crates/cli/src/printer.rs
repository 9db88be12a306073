//! Prints all output.
//!
//! Data goes to standard output, everything else to standard error. Untrusted text (an engine's messages, names) is
//! escaped before it is printed. The exceptions are the command's own output in `attach`, and raw logs.

use std::io::{self, IsTerminal as _};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use scratchdbg_console::{signals, streams};
use scratchdbg_logs::escape;

use crate::suggest::ClusterOptions;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const COMMAND: Style = AnsiColor::Green.on_default();
const EMPHASIS: Style = Style::new().bold();

/// What may be printed, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    quiet: bool,
    /// What the commands in hints are completed with.
    cluster: Option<&'static ClusterOptions>,
}

#[expect(clippy::unused_self, reason = "printing is the printer's privilege")]
impl Printer {
    /// Configures colors for the whole process.
    pub(crate) fn new(color: ColorChoice, quiet: bool) -> Self {
        color.write_global();
        Self { quiet, cluster: None }
    }

    /// Completes the commands in hints with these options.
    pub(crate) fn suggesting(self, cluster: Option<&'static ClusterOptions>) -> Self {
        Self { cluster, ..self }
    }

    /// Reports whether only errors are printed.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints a line on standard output. Fails if the reader is gone.
    pub(crate) fn line(self, text: &str) -> io::Result<()> {
        streams::print(streams::stdout(), &format!("{text}\n"))
    }

    /// Prints a JSON document on standard output. On a terminal, characters that could control it are escaped as JSON
    /// escapes.
    pub(crate) fn json(self, value: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        let text = if io::stdout().is_terminal() { escape::json(&text) } else { text.into() };
        let mut stdout = streams::stdout();
        io::Write::write_all(&mut stdout, format!("{text}\n").as_bytes())
    }

    /// Prints a note. Not with `--quiet`.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.message(None, text);
        }
    }

    /// Prints several notes.
    pub(crate) fn note_lines(self, lines: &[String]) {
        for line in lines {
            self.note(line);
        }
    }

    /// Prints the command that a user would type to do the same, on standard output.
    pub(crate) fn command(self, text: &str) -> io::Result<()> {
        streams::print(streams::stdout(), &format!("{COMMAND}$ {}{COMMAND:#}\n", escape::label(text)))
    }

    /// Prints a heading on standard output.
    pub(crate) fn heading(self, text: &str) -> io::Result<()> {
        streams::print(streams::stdout(), &format!("\n{EMPHASIS}{text}{EMPHASIS:#}\n"))
    }

    /// Prints a warning. Not with `--quiet`.
    pub(crate) fn warning(self, text: &str) {
        if !self.quiet {
            self.message(Some(("warning", WARNING)), text);
        }
    }

    /// Prints a question. The answer follows on the same line.
    pub(crate) fn question(self, text: &str) {
        let _unwritten = streams::print(streams::stderr(), &format!("{EMPHASIS}{}{EMPHASIS:#}", escape::label(text)));
    }

    /// Prints an error.
    pub(crate) fn error(self, text: &str) {
        self.message(Some(("error", ERROR)), text);
    }

    /// Prints a hint. Commands in it are completed, see [`ClusterOptions`].
    pub(crate) fn hint(self, text: &str) {
        let completed = self.cluster.map(|cluster| cluster.complete(text));
        self.message(Some(("hint", HINT)), completed.as_deref().unwrap_or(text));
    }

    fn message(self, word: Option<(&str, Style)>, text: &str) {
        let text = escape::label(text);
        let line = match word {
            Some((word, style)) => format!("{style}{word}{style:#}{EMPHASIS}:{EMPHASIS:#} {text}\n"),
            None => format!("{text}\n"),
        };
        // Nothing can be done about a standard error that is closed, or that nobody reads.
        signals::say(move || drop(streams::print(streams::stderr(), &line)));
    }
}
