//! `logs`: what containers said, as whole lines, each once, in order.

mod ends;
mod explain;
mod file;
mod file_follow;
mod follow;
mod log_files;
mod many;
mod output;
mod pipeline;
mod reader;
mod request;
mod runs;
mod sink;

use scratchdbg_engine::ContainerName;

use self::output::{Output, Single};
use self::reader::Reader;
use self::request::Request;
use crate::args::LogsArgs;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::interrupt::Interrupts;

pub(crate) async fn logs(args: LogsArgs, context: &Context) -> Outcome {
    let request = Request::new(&args)?;
    let names = args.targets.iter().map(|name| name.parse()).collect::<Result<Vec<ContainerName>, _>>()?;
    let engine = context.engine().await?;
    let mut interrupts = Interrupts::listen().map_err(|error| CommandError::new(error.to_string()))?;
    let mut output = Output::new(&request, context.printer);
    let reading = async {
        if request.many {
            return many::read(engine, &request, &args, &names, &mut output).await;
        }
        for name in &names {
            let source = engine.log_source(name).await?;
            let container = output.add(&source.name);
            let lookup = lookup(name, &source)?;
            let sink = Single { output: &mut output, container };
            Box::pin(Reader::new(engine, &request, lookup, source, sink).read()).await?;
        }
        Ok(())
    };
    let outcome = tokio::select! {
        outcome = reading => outcome.map(|()| None),
        code = interrupts.next() => Ok(Some(code)),
    };
    // What was read is shown, whatever came then.
    let complete = output.finish()?;
    match outcome? {
        Some(code) => Ok(code),
        None if complete => Ok(0),
        None => Ok(FAILED),
    }
}

/// By which word to find the container later: its name, so that one made anew under it is found, or the id that was
/// asked for.
fn lookup(asked: &ContainerName, source: &scratchdbg_engine::LogSource) -> Result<ContainerName, CommandError> {
    let by_name = asked.as_str() == source.name;
    Ok(if by_name { asked.clone() } else { source.id.parse()? })
}
