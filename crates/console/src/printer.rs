//! Prints all output.
//!
//! Data goes to standard output, everything else to standard error. Untrusted text (an engine's
//! messages, names) is escaped before it is printed. The exceptions are the command's own output in
//! `attach`, and raw logs.

use std::io::{self, IsTerminal as _};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use scratchdbg_logs::escape;

use crate::suggest::ClusterOptions;
use crate::{signals, streams};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const COMMAND: Style = AnsiColor::Green.on_default();
const EMPHASIS: Style = Style::new().bold();

/// The settings of messages: whether they are printed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    quiet: bool,
    /// The options with which commands in hints are completed.
    cluster: Option<&'static ClusterOptions>,
}

#[expect(clippy::unused_self, reason = "printing is the printer's privilege")]
impl Printer {
    /// Creates a printer. Configures colors for the whole process.
    pub fn new(color: ColorChoice, quiet: bool) -> Self {
        color.write_global();
        Self { quiet, cluster: None }
    }

    /// Returns a printer that completes the commands in hints with these options.
    #[must_use]
    pub fn suggesting(self, cluster: Option<&'static ClusterOptions>) -> Self {
        Self { cluster, ..self }
    }

    /// Reports whether only errors are printed.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints a line on standard output.
    ///
    /// # Errors
    ///
    /// Fails if the line cannot be written: the reader may be gone.
    pub fn line(self, text: &str) -> io::Result<()> {
        streams::print(streams::stdout(), &format!("{text}\n"))
    }

    /// Prints a JSON document on standard output. On a terminal, characters that could control the
    /// terminal are escaped as JSON escapes.
    ///
    /// # Errors
    ///
    /// Fails if the document cannot be written, or if the value has no JSON form.
    pub fn json(self, value: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        let text = if io::stdout().is_terminal() { escape::json(&text) } else { text.into() };
        let mut stdout = streams::stdout();
        io::Write::write_all(&mut stdout, format!("{text}\n").as_bytes())
    }

    /// Prints a note, unless `--quiet` is set.
    pub fn note(self, text: &str) {
        if !self.quiet {
            self.message(None, text);
        }
    }

    /// Prints several notes, unless `--quiet` is set.
    pub fn note_lines(self, lines: &[String]) {
        for line in lines {
            self.note(line);
        }
    }

    /// Prints the command that a user would type to do the same, on standard output.
    ///
    /// # Errors
    ///
    /// Fails if the command cannot be written.
    pub fn command(self, text: &str) -> io::Result<()> {
        streams::print(
            streams::stdout(),
            &format!("{COMMAND}$ {}{COMMAND:#}\n", escape::label(text)),
        )
    }

    /// Prints a heading on standard output.
    ///
    /// # Errors
    ///
    /// Fails if the heading cannot be written.
    pub fn heading(self, text: &str) -> io::Result<()> {
        streams::print(streams::stdout(), &format!("\n{EMPHASIS}{text}{EMPHASIS:#}\n"))
    }

    /// Prints a warning, unless `--quiet` is set.
    pub fn warning(self, text: &str) {
        if !self.quiet {
            self.message(Some(("warning", WARNING)), text);
        }
    }

    /// Prints a question. The answer follows on the same line.
    pub fn question(self, text: &str) {
        let _unwritten = streams::print(
            streams::stderr(),
            &format!("{EMPHASIS}{}{EMPHASIS:#}", escape::label(text)),
        );
    }

    /// Prints an error.
    pub fn error(self, text: &str) {
        self.message(Some(("error", ERROR)), text);
    }

    /// Prints a hint. Commands in the hint are completed, see [`ClusterOptions`].
    pub fn hint(self, text: &str) {
        let completed = self.cluster.map(|cluster| cluster.complete(text));
        self.message(Some(("hint", HINT)), completed.as_deref().unwrap_or(text));
    }

    fn message(self, word: Option<(&str, Style)>, text: &str) {
        let text = escape::label(text);
        let line = match word {
            Some((word, style)) => {
                format!("{style}{word}{style:#}{EMPHASIS}:{EMPHASIS:#} {text}\n")
            }
            None => format!("{text}\n"),
        };
        // If standard error is closed or has no reader, there is nothing else to do.
        signals::say(move || drop(streams::print(streams::stderr(), &line)));
    }
}
