//! Prints the logs of containers, and notices about them, on the two output streams.

mod exit;
mod notice;

use std::io::{self, Stderr, Stdout, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstream::stream::RawStream;
use jiff::tz::TimeZone;
use regex::bytes::Regex;
use scratchdbg_follow::{MergedSink, Notice, Severity, Sink};
use scratchdbg_logs::render::{Entry, Format, Prefixes, Style};
use scratchdbg_logs::stats::Stats;
use scratchdbg_logs::{Line, Stream};

pub use self::exit::Exit;
use self::exit::ExitOn;
pub use self::notice::words;
use crate::lines::{LineStream, are_same_file, has_colors};
use crate::printer::Printer;
use crate::terminal::columns;

/// How lines are shown.
#[derive(Debug, Clone)]
pub struct View {
    /// The format of a line.
    pub format: Format,
    /// Whether each line begins with its time.
    pub timestamps: bool,
    /// The patterns that are highlighted in lines.
    pub highlight: Vec<Regex>,
    /// The output ends after the first line that matches.
    pub exit_on: Option<Regex>,
    /// Counts lines instead of showing them. `true` also clusters lines.
    pub stats: Option<bool>,
    /// Whether several containers may be shown.
    pub many: bool,
    /// The only stream to show.
    pub stream: Option<Stream>,
    /// The time zone of the output.
    pub zone: TimeZone,
    /// The name of the platform in messages.
    pub platform: &'static str,
}

/// Prints lines, or counts them. On a terminal, text that could control the terminal is escaped.
/// Elsewhere, every byte is passed on unchanged.
#[derive(Debug)]
pub struct Output {
    stdout: LineStream<Stdout>,
    stderr: LineStream<Stderr>,
    /// Whether both streams lead to the same file, so that the order between them must be kept.
    share_a_place: bool,
    /// Whether text goes to the stream that the container used. JSON goes to standard output only.
    split: bool,
    /// The only stream to show.
    stream: Option<Stream>,
    names: Vec<String>,
    prefixes: Option<Prefixes>,
    stats: Option<Stats>,
    exit_on: ExitOn,
    json: bool,
    raw: bool,
    /// The number of lines that were too long, and the number of bytes that were dropped from them.
    cut: (u64, u64),
    without_level: u64,
    printer: Printer,
    /// The name of the platform in messages.
    platform: &'static str,
    failed: bool,
    zone: TimeZone,
}

/// Identifies a container of an [`Output`].
pub type ContainerIndex = usize;

impl Output {
    /// Creates the output. Prints nothing yet.
    pub fn new(view: &View, printer: Printer) -> Self {
        let text = matches!(view.format, Format::Text);
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let prefixed = view.many && text && view.stats.is_none();
        Self {
            share_a_place: are_same_file(&stdout, &stderr),
            split: text || matches!(view.format, Format::Raw),
            stream: view.stream,
            names: Vec::new(),
            prefixes: prefixed.then(|| Prefixes::new(columns(), has_colors(&stdout))),
            stats: view.stats.map(Stats::new),
            exit_on: ExitOn { pattern: view.exit_on.clone(), exit: Exit::default() },
            json: matches!(view.format, Format::Json),
            raw: matches!(view.format, Format::Raw),
            cut: (0, 0),
            without_level: 0,
            printer,
            platform: view.platform,
            failed: false,
            zone: view.zone.clone(),
            stdout: self::stream(stdout, view),
            stderr: self::stream(stderr, view),
        }
    }

    /// Returns what tells that a line ended the output. Later lines are not shown.
    pub fn exit(&self) -> Exit {
        self.exit_on.exit.clone()
    }

    /// Shows the beginning of an unfinished line. Returns `false` if another line must come first.
    ///
    /// # Errors
    ///
    /// Fails if the beginning cannot be written.
    pub fn beginning(&mut self, stream: Stream, text: &[u8]) -> io::Result<bool> {
        if self.stream.is_some_and(|wanted| wanted != stream) {
            return Ok(true);
        }
        if self.split && stream == Stream::Stderr {
            if self.share_a_place {
                self.stdout.break_beginning()?;
            }
            self.stderr.beginning(stream, text)
        } else {
            if self.share_a_place {
                self.stderr.break_beginning()?;
            }
            self.stdout.beginning(stream, text)
        }
    }

    /// Ends the beginnings of lines that are shown. If both streams lead to the same file, no other
    /// text may follow the beginning of a line.
    fn break_beginnings(&mut self) -> io::Result<()> {
        if self.share_a_place {
            self.stdout.break_beginning()?;
            self.stderr.break_beginning()?;
        }
        Ok(())
    }

    /// Ends the output. Returns whether it was complete.
    ///
    /// # Errors
    ///
    /// Fails if the rest of the output cannot be written.
    pub fn finish(&mut self) -> io::Result<bool> {
        const ROWS: usize = 12;
        const COLUMNS: usize = 80;
        self.break_beginnings()?;
        self.flush()?;
        if let Some(stats) = self.stats.take() {
            let report = stats.report(ROWS);
            if self.json {
                self.printer.json(&report)?;
            } else {
                let columns = columns().unwrap_or(COLUMNS);
                self.printer.line(report.to_text(columns, &self.zone).trim_end())?;
            }
        }
        self.tell_cut();
        if self.without_level > 0 {
            self.printer.note(&words(self.platform, "", Notice::WithoutLevel(self.without_level)));
        }
        Ok(!self.failed)
    }

    /// Reports how much of overlong lines was left out. With raw output, nothing may be left out.
    fn tell_cut(&mut self) {
        let (lines, bytes) = self.cut;
        if lines == 0 {
            return;
        }
        let whole = "one container, --raw and no filter give them whole";
        let text = format!(
            "{lines} lines are longer than 1 MiB: {bytes} bytes at their ends are left out; {whole}"
        );
        if self.raw {
            self.failed = true;
            self.printer.error(&text);
        } else {
            self.printer.note(&text);
        }
    }
}

/// Creates a stream that renders lines as the view specifies.
fn stream<W: Write + RawStream + AsFd>(stream: W, view: &View) -> LineStream<W> {
    let style = Style {
        format: view.format.clone(),
        timestamps: view.timestamps,
        terminal: stream.is_terminal() && !matches!(view.format, Format::Raw),
        color: has_colors(&stream),
        highlight: view.highlight.clone(),
    };
    LineStream::new(stream, style)
}

impl MergedSink for Output {
    fn add(&mut self, name: &str) -> ContainerIndex {
        if let Some(prefixes) = &mut self.prefixes {
            prefixes.add(name);
        }
        self.names.push(name.to_owned());
        self.names.len() - 1
    }

    fn line(
        &mut self,
        container: ContainerIndex,
        line: &Line<'_>,
        after_gap: bool,
    ) -> io::Result<()> {
        if self.exit_on.exit.is_over() {
            return Ok(());
        }
        self.exit_on.look(&line.text);
        let name = self.names.get(container).map_or("", String::as_str);
        if line.cut > 0 {
            self.cut = (self.cut.0 + 1, self.cut.1 + line.cut);
        }
        if let Some(stats) = &mut self.stats {
            stats.add(name, line);
            return Ok(());
        }
        let prefix = self.prefixes.as_ref().map_or("", |prefixes| prefixes.get(container));
        let entry = Entry { container: name, prefix, line };
        if self.split && line.stream == Stream::Stderr {
            if self.share_a_place {
                self.stdout.break_beginning()?;
            }
            self.stderr.line(&entry, after_gap)
        } else {
            if self.share_a_place {
                self.stderr.break_beginning()?;
            }
            self.stdout.line(&entry, after_gap)
        }
    }

    /// Prints a notice on standard error, after all earlier lines.
    fn notice(&mut self, container: Option<ContainerIndex>, notice: Notice) -> io::Result<()> {
        // Reported once at the end, for all containers.
        if let Notice::WithoutLevel(count) = notice {
            self.without_level += count;
            return Ok(());
        }
        self.break_beginnings()?;
        self.flush()?;
        let severity = notice.severity();
        let name =
            container.and_then(|container| self.names.get(container)).map_or("", String::as_str);
        let text = words(self.platform, name, notice);
        match severity {
            Severity::Info => self.printer.note(&text),
            Severity::Failure => {
                self.failed = true;
                self.printer.error(&text);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()?;
        self.stderr.flush()
    }
}

/// The output for a single container.
#[derive(Debug)]
pub struct Single<'a> {
    /// The output. The code that shows beginnings of lines writes to it as well.
    pub output: &'a Mutex<Output>,
    /// The container.
    pub container: ContainerIndex,
}

impl Single<'_> {
    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Single<'_> {
    fn line(&mut self, line: Line<'_>, after_gap: bool) -> io::Result<()> {
        self.output().line(self.container, &line, after_gap)
    }

    fn notice(&mut self, notice: Notice) -> io::Result<()> {
        self.output().notice(Some(self.container), notice)
    }

    async fn settle(&mut self, idle: bool) -> io::Result<()> {
        if idle { self.output().flush() } else { Ok(()) }
    }
}
