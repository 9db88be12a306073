//! `logs`: what containers said, as whole lines, each once, in order.

mod complete;
mod ends;
mod explain;
mod file;
mod file_follow;
mod follow;
mod live;
mod log_files;
mod many;
mod output;
mod pipeline;
mod reader;
mod request;
mod runs;
mod sink;

use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;
use scratchdbg_engine::ContainerName;
use scratchdbg_logs::Framing;

use self::output::{Output, Single};
use self::reader::Reader;
use self::request::Request;
use crate::args::LogsArgs;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::interrupt::Interrupts;
use crate::zone;

pub(crate) async fn logs(args: LogsArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    let zone = async {
        if request::needs_zone(&args) { zone::local(context.environment.zone.clone()).await } else { Ok(TimeZone::UTC) }
    };
    let zone = match interrupts.race(&context.scope, zone).await {
        Ok(zone) => zone?,
        Err(code) => return Ok(code),
    };
    let request = Request::new(&args, zone)?;
    let names = args.targets.iter().map(|name| name.parse()).collect::<Result<Vec<ContainerName>, _>>()?;
    let mut output = Mutex::new(Output::new(&request, context.printer));
    let reading = async {
        let engine = context.engine().await?;
        let request = request.by_clock(&args, engine.now())?;
        if request.many {
            let output = output.get_mut().unwrap_or_else(PoisonError::into_inner);
            return many::read(engine, &request, &args, &names, output).await;
        }
        let Some(name) = names.first() else { return Ok(()) };
        let source = engine.log_source(name).await?;
        let container = output.get_mut().unwrap_or_else(PoisonError::into_inner).add(&source.name);
        let lookup = lookup(name, &source)?;
        let framing = Framing::from_tty(source.tty);
        let output = &output;
        let sink = Single { output, container };
        let read = Box::pin(Reader::new(engine, &request, lookup.clone(), source, sink).read());
        if !request.live {
            return read.await;
        }
        tokio::select! {
            outcome = read => outcome,
            never = live::show(engine, &lookup, framing, output) => match never {},
        }
    };
    let outcome = interrupts.race(&context.scope, Box::pin(reading)).await;
    // What was read is shown, whatever came then.
    let complete = output.get_mut().unwrap_or_else(PoisonError::into_inner).finish()?;
    match outcome {
        Err(code) => Ok(code),
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) if complete => Ok(0),
        Ok(Ok(())) => Ok(FAILED),
    }
}

/// By which word to find the container later: its name, so that one made anew under it is found, or the id that was
/// asked for.
fn lookup(asked: &ContainerName, source: &scratchdbg_engine::LogSource) -> Result<ContainerName, CommandError> {
    let by_name = asked.as_str() == source.name;
    Ok(if by_name { asked.clone() } else { source.id.parse()? })
}
