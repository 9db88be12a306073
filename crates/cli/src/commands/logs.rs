//! `logs`: what a container said, as whole lines, each on the stream it was written to.

use std::io::{self, BufWriter, IsTerminal as _, Stderr, Stdout, Write};

use futures_util::{FutureExt as _, StreamExt as _};
use scratchdbg_engine::{self as engine, ContainerName, LogRequest, LogStream, Target};
use scratchdbg_logs::{Event, Framing, Line, LineOptions, LogDecoder, Stream, escape};

use crate::args::LogsArgs;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::interrupt::Interrupts;
use crate::printer::Printer;

pub(crate) async fn logs(args: LogsArgs, context: &Context) -> Outcome {
    let name: ContainerName = args.target.parse()?;
    let engine = context.engine().await?;
    let target = engine.inspect(&name).await?;
    let request = LogRequest { follow: args.follow, tail: args.tail, timestamps: args.timestamps };
    let stream = engine.logs(&target.id.parse()?, &request).await.map_err(|error| explain(error, &target))?;
    let decoder = LogDecoder::new(LineOptions {
        framing: Framing::from_tty(target.tty),
        joining: engine.log_joining(),
        timestamps: args.timestamps,
        max_line: LineOptions::MAX_LINE,
    });
    let mut interrupts = Interrupts::listen().map_err(|error| CommandError::new(error.to_string()))?;
    let mut output = Output::new();
    tokio::select! {
        outcome = copy(stream, decoder, &mut output, context.printer) => outcome,
        code = interrupts.next() => {
            output.flush()?;
            Ok(code)
        }
    }
}

/// Prints the stream to its end. What was received is printed also when the stream turns out to be damaged.
async fn copy(mut stream: LogStream, mut decoder: LogDecoder, output: &mut Output, printer: Printer) -> Outcome {
    let mut code = 0;
    let mut fail = |output: &mut Output, message: &str| -> io::Result<()> {
        output.flush()?;
        printer.error(message);
        code = FAILED;
        Ok(())
    };
    loop {
        let chunk = match stream.next().now_or_never() {
            Some(chunk) => chunk,
            // Nothing more for now: what there is must be seen.
            None => {
                output.flush()?;
                stream.next().await
            }
        };
        let chunk = match chunk {
            None => break,
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => {
                fail(output, &CommandError::chain(&error))?;
                break;
            }
        };
        let mut events = decoder.push(&chunk);
        loop {
            match events.next() {
                Ok(Some(Event::Line(line))) => output.line(&line)?,
                Ok(Some(Event::DaemonError(message))) => fail(output, &format!("the engine says: {message}"))?,
                // The decoder repeats its error at the end.
                Ok(None) | Err(_) => break,
            }
        }
    }
    while let Some(line) = decoder.finish_line() {
        output.line(&line)?;
    }
    if let Err(error) = decoder.finish() {
        fail(output, &error.to_string())?;
    }
    output.flush()?;
    Ok(code)
}

/// The two streams. On a terminal, what could drive it is made visible; elsewhere every byte is passed on as it is.
struct Output {
    stdout: BufWriter<Stdout>,
    stderr: BufWriter<Stderr>,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
}

impl Output {
    fn new() -> Self {
        const BUFFER: usize = 64 << 10;
        let (stdout, stderr) = (io::stdout(), io::stderr());
        Self {
            stdout_is_terminal: stdout.is_terminal(),
            stderr_is_terminal: stderr.is_terminal(),
            stdout: BufWriter::with_capacity(BUFFER, stdout),
            stderr: BufWriter::with_capacity(BUFFER, stderr),
        }
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        // Both may be the same terminal or file: keep the order in which the lines came.
        match line.stream {
            Stream::Stderr => {
                self.stdout.flush()?;
                write_line(&mut self.stderr, line, self.stderr_is_terminal)
            }
            Stream::Stdin | Stream::Stdout => {
                self.stderr.flush()?;
                write_line(&mut self.stdout, line, self.stdout_is_terminal)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()?;
        self.stderr.flush()
    }
}

fn write_line(sink: &mut impl Write, line: &Line<'_>, terminal: bool) -> io::Result<()> {
    if let Some(timestamp) = &line.timestamp {
        write!(sink, "{} ", timestamp.as_str())?;
    }
    if terminal {
        sink.write_all(escape::line(&line.text).as_bytes())?;
    } else {
        sink.write_all(&line.text)?;
    }
    if line.cut > 0 {
        write!(sink, " … [{} more bytes]", line.cut)?;
    }
    sink.write_all(if terminal { b"\n" } else { line.ending.as_bytes() })
}

/// Some log drivers cannot be read back.
fn explain(error: engine::Error, target: &Target) -> CommandError {
    let unreadable = match &error {
        engine::Error::Api(answer) => answer.status == 501 || answer.message.contains("does not support reading"),
        _ => false,
    };
    let result = CommandError::from(error);
    if unreadable {
        let hint = "the container's log driver keeps nothing that can be read back; json-file, local and journald do: \
                    run it with --log-driver local";
        return result.hint(format!("`{}`: {hint}", target.name));
    }
    result
}
