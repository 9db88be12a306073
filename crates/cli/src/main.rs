//! The `scratchdbg` binary.

mod blocking;
mod commands;
mod context;
mod env;
mod error;
mod platform;
mod plugin;
mod registry;
mod settings;

use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory as _;
use scratchdbg_backend::Scope;
use scratchdbg_console::printer::Printer;
use scratchdbg_console::{closed, signals, streams, usage};
use scratchdbg_settings::{Key, Settings};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::context::Context;
use crate::env::Environment;
use crate::error::{ATTACH_FAILED, CommandError, FAILED, Outcome, UNREAD, USAGE};
use crate::plugin::Asked;
use scratchdbg_args::{Cli, Color, Command, Global};

/// How long a session may take after a signal that it passes on: for the command to end, and for
/// the cleanup on a busy engine. Only a session that is blocked takes as long.
const AFTER_SIGNAL: Duration =
    scratchdbg_session::AFTER_SIGNAL.saturating_add(Duration::from_mins(1));

fn main() -> ExitCode {
    let (cli, flags) = match plugin::parse(std::env::args_os().collect()) {
        Ok(Asked::Run(cli, flags)) => (*cli, flags),
        Ok(Asked::Text(text)) => {
            let printed = streams::print(streams::stdout(), &text);
            return ExitCode::from(if printed.is_ok() { 0 } else { FAILED });
        }
        Err(error) => return explain_usage(error),
    };
    // Leaked on purpose: copies of the printer hold this reference until the process ends.
    let cluster = cli.command.cluster().map(|options| &*Box::leak(Box::new(options)));
    let mut environment = Environment::read().with(flags);
    let settings = settings::read(&environment);
    let color = color(&cli.global, settings.as_ref().ok());
    let printer = Printer::new(color, cli.global.quiet).suggesting(cluster);
    let codes = Codes::of(&cli.command);
    let settings = match settings {
        Err(_) if !cli.command.has_settings() => Settings::default(),
        Err(error) => return exit_code(Err(error), codes, printer),
        Ok(settings) => settings,
    };
    environment.take(&settings);
    trace_to_stderr(cli.global.verbose);
    // A session only passes bytes on. More threads would take time to start, and would compete with
    // the engine for cores. An engine sends a log in chunks of one line, and passing each chunk to
    // another thread takes longer than reading it.
    let mut runtime = match &cli.command {
        Command::Attach(_) | Command::Logs(_) | Command::Check(_) => {
            tokio::runtime::Builder::new_current_thread()
        }
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = match runtime.worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.error(&format!("cannot start: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let context = Context::new(cli.global, environment, settings, printer);
    let last_words = {
        let scope = context.scope.clone();
        move || say_what_may_be_left(&scope, printer)
    };
    let interrupts = match signals::listen(AFTER_SIGNAL, last_words) {
        Ok(interrupts) => interrupts,
        Err(error) => {
            printer.error(&format!("cannot listen for signals: {error}"));
            return ExitCode::from(if codes == Codes::Session { ATTACH_FAILED } else { FAILED });
        }
    };
    if let Some(address) = &context.environment.docker_plugin_socket {
        scratchdbg_plugin::docker::end_with_docker(address);
    }
    let outcome = runtime.block_on(commands::run(cli.command, &context, interrupts));
    signals::ending();
    // The command has dropped everything that matters, and the kernel frees the rest faster than
    // destructors would. A thread may still be reading from a file or, through this runtime, from a
    // registry: without the runtime, that thread would panic.
    let _left = std::mem::ManuallyDrop::new(runtime);
    let code = exit_code(outcome, codes, printer);
    say_what_may_be_left(&context.scope, printer);
    code
}

/// What the exit codes of a command mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// They are those of the command in a session.
    Session,
    /// They are a verdict.
    Verdict,
    Plain,
}

impl Codes {
    fn of(command: &Command) -> Self {
        match command {
            Command::Attach(_) => Self::Session,
            Command::Check(_) | Command::Pair(_) => Self::Verdict,
            Command::Logs(args) if args.exit_on.is_some() => Self::Verdict,
            _ => Self::Plain,
        }
    }
}

/// Prints the error, if any, and returns the exit code.
fn exit_code(outcome: Outcome, codes: Codes, printer: Printer) -> ExitCode {
    match outcome {
        Ok(code) => ExitCode::from(code),
        // Nobody has read the verdict: that is no success of a command whose code is the verdict.
        Err(error) if error.broken_pipe && codes == Codes::Verdict => ExitCode::from(UNREAD),
        Err(error) if error.broken_pipe => ExitCode::SUCCESS,
        Err(error) => {
            error.print(printer);
            ExitCode::from(if codes == Codes::Session { ATTACH_FAILED } else { error.code })
        }
    }
}

/// Reports objects that the platform did not confirm as removed.
fn say_what_may_be_left(scope: &Scope, printer: Printer) {
    const IN_ENGINE: &str = "something may be left in the engine, which did not say that it is gone: `scratchdbg sessions gc` removes it";
    if !scope.is_clear() {
        printer.hint(scope.remedy().unwrap_or(IN_ENGINE));
    }
}

/// Prints clap's help, version or usage error. `attach` reserves all exit codes but 125 for the
/// command that it runs.
fn explain_usage(error: clap::Error) -> ExitCode {
    let is_error = error.use_stderr();
    let text = usage::rendered(error);
    if !is_error {
        let written = if closed::stdout() {
            Err(CommandError::new("standard output is closed"))
        } else {
            streams::print(streams::stdout(), &text).map_err(CommandError::from)
        };
        return exit_code(
            written.map(|()| 0),
            Codes::Plain,
            Printer::new(anstream::ColorChoice::Auto, false),
        );
    }
    let _unwritten = streams::print(streams::stderr(), &text);
    let commands = Cli::command();
    let is_command = |argument: &std::ffi::OsString| commands.find_subcommand(argument).is_some();
    let command = std::env::args_os().skip(1).find(is_command);
    let attach = command.is_some_and(|command| command == "attach" || command == "exec");
    ExitCode::from(if attach { ATTACH_FAILED } else { USAGE })
}

fn color(global: &Global, settings: Option<&Settings>) -> anstream::ColorChoice {
    let setting = settings.and_then(|settings| settings.get(Key::Color));
    match (global.color, setting) {
        (Some(Color::Always), _) | (None, Some("always")) => anstream::ColorChoice::Always,
        (Some(Color::Never), _) | (None, Some("never")) => anstream::ColorChoice::Never,
        (Some(Color::Auto) | None, _) => anstream::ColorChoice::Auto,
    }
}

fn trace_to_stderr(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // These print requests whole: variables, and the secrets of sessions and clusters.
    let quiet = ["bollard", "h2", "hyper", "hyper_util", "kube_client", "tungstenite"];
    let targets = Targets::new()
        .with_default(level)
        .with_targets(quiet.map(|name| (name, level.min(LevelFilter::INFO))));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(|| std::io::LineWriter::new(streams::stderr()))
        .with_ansi(false);
    tracing_subscriber::registry().with(layer.with_filter(targets)).init();
}
