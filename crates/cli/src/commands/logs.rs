//! `logs`: the output of containers, as complete lines, each once, in order.

mod request;

use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;
use scratchdbg_backend::{Interrupts, LogBackend};
use scratchdbg_console::log::{Output, Single};
use scratchdbg_follow::{Error, LogReader, MergedSink as _};
use scratchdbg_logs::Framing;

use self::request::Request;
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::platform::{self, LogTargets, on_platform};
use scratchdbg_args::LogsArgs;

pub(crate) async fn logs(args: LogsArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    let zone = async {
        let tz = context.environment.zone.clone();
        if !args.needs_zone() {
            return Ok(TimeZone::UTC);
        }
        blocking(move || Ok(scratchdbg_console::zone::local(tz)?)).await
    };
    let zone = match interrupts.race(&context.scope, zone).await {
        Ok(zone) => zone?,
        Err(code) => return Ok(code),
    };
    let request = Request::new(&args, zone)?;
    let mut output = Mutex::new(Output::new(&request.view, context.printer));
    let exit = output.get_mut().unwrap_or_else(PoisonError::into_inner).exit();
    let reading = async {
        tokio::select! {
            outcome = read(&args, &request, &mut output, context) => match outcome {
                Ok(()) if request.view.exit_on.is_some() && !exit.is_over() => {
                    Err(CommandError::new("the log ended before a line that matches --exit-on"))
                }
                outcome => outcome,
            },
            () = exit.wait() => Ok(()),
        }
    };
    let outcome = interrupts.race(&context.scope, Box::pin(reading)).await;
    // Lines that were read are always shown.
    let complete = output.get_mut().unwrap_or_else(PoisonError::into_inner).finish()?;
    match outcome {
        Err(code) => Ok(code),
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) if complete => Ok(0),
        Ok(Ok(())) => Ok(FAILED),
    }
}

async fn read(
    args: &LogsArgs,
    request: &Request,
    output: &mut Mutex<Output>,
    context: &Context,
) -> Result<(), CommandError> {
    let platform = context.platform_of(&args.targets, &args.kubernetes).await?;
    let mut targets =
        platform::log_targets(platform, &args.targets, &args.kubernetes, context.printer).await?;
    targets.selectors.extend(args.selectors());
    on_platform!(platform, platform => read_on(platform, args, request, &targets, output).await)
}

async fn read_on(
    platform: &impl LogBackend,
    args: &LogsArgs,
    request: &Request,
    targets: &LogTargets,
    output: &mut Mutex<Output>,
) -> Result<(), CommandError> {
    let wanted = request.wanted(args, platform.now())?;
    if request.view.many {
        let output = output.get_mut().unwrap_or_else(PoisonError::into_inner);
        let read = scratchdbg_follow::read_many(
            platform,
            &wanted,
            &targets.names,
            &targets.selectors,
            output,
        )
        .await;
        return read.map_err(|error| match error {
            Error::NothingSelected => targets.nothing_selected(),
            error => error.into(),
        });
    }
    let Some(name) = targets.names.first() else { return Ok(()) };
    let source = platform.log_source(name).await?;
    let container = output.get_mut().unwrap_or_else(PoisonError::into_inner).add(&source.name);
    let framing = Framing::from_tty(source.tty);
    let output = &*output;
    let lookup = source.lookup(name);
    let read =
        LogReader::new(platform, &wanted, lookup.clone(), source, Single { output, container })
            .read();
    let read = Box::pin(read);
    if !request.live {
        return Ok(read.await?);
    }
    let show = |stream, text: &[u8]| {
        output.lock().unwrap_or_else(PoisonError::into_inner).beginning(stream, text)
    };
    tokio::select! {
        outcome = read => Ok(outcome?),
        never = scratchdbg_follow::show_beginnings(platform, &lookup, framing, show) => match never {},
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        match error {
            Error::Backend(error) => error.into(),
            Error::Output(error) => error.into(),
            error => Self { hints: error.hints(), ..Self::new(error.to_string()) },
        }
    }
}
