//! `build`: a production image and its debug twin from a static binary.

mod output;
mod summary;

use scratchdbg_builder::{BuildError, BuildSpec, Pair, Twin};
use scratchdbg_image::TaggedReference;

use self::output::Output;
use crate::args::{BuildArgs, Format};
use crate::context::Context;
use crate::error::{CommandError, Outcome, USAGE};
use crate::printer::Printer;
use crate::toolkit;

pub(crate) async fn build(args: BuildArgs, context: &Context) -> Outcome {
    // All that can be wrong with the command line is found before anything is done.
    let outputs = args.outputs.iter().map(|text| text.parse()).collect::<Result<Vec<Output>, _>>()?;
    let mut spec = BuildSpec {
        binaries: vec![args.binary],
        tags: references("--tag", &args.tags)?,
        user: args.user,
        epoch: epoch(context)?,
        ..BuildSpec::default()
    };
    let debug_tags = references("--debug-tag", &args.debug_tags)?;
    if !args.no_debug {
        let toolkit = toolkit::find(args.toolkit.as_deref(), context).await?;
        spec.twin = Some(Twin { toolkits: vec![toolkit], tags: debug_tags });
    }
    let epoch = spec.epoch;
    let pair = tokio::task::spawn_blocking(move || scratchdbg_builder::build(&spec))
        .await
        .map_err(|error| CommandError::new(error.to_string()))?
        .map_err(|error| explain(&error))?;
    for output in &outputs {
        output.write(&pair, epoch, context).await?;
    }
    match args.format {
        Format::Json => context.printer.json(&summary::json(&pair, &args.outputs))?,
        Format::Text => summary::print(&pair, &outputs, context.printer)?,
    }
    Ok(0)
}

/// The summary of a pair that was loaded into the engine.
pub(super) fn print_summary(pair: &Pair, printer: Printer) -> std::io::Result<()> {
    summary::print(pair, &[Output::Engine], printer)
}

fn references(flag: &str, texts: &[String]) -> Result<Vec<TaggedReference>, CommandError> {
    let parse = |text: &String| {
        let reference = text.parse::<TaggedReference>();
        reference.map_err(|error| {
            CommandError::usage(format!("{flag} {text}: {}", CommandError::chain(&error)))
                .hint("an image's name is [HOST/]NAME[:TAG] in lower case, such as shop/app:1")
        })
    };
    texts.iter().map(parse).collect()
}

/// `SOURCE_DATE_EPOCH`, or 1970.
fn epoch(context: &Context) -> Result<u64, CommandError> {
    let Some(text) = &context.environment.source_date_epoch else { return Ok(0) };
    text.parse().map_err(|_| {
        CommandError::usage(format!("SOURCE_DATE_EPOCH={text}: not a number of seconds"))
            .hint("it is seconds since 1970, such as `git log -1 --format=%ct` prints")
    })
}

/// What to do about a binary or a setting that cannot be shipped.
fn explain(error: &BuildError) -> CommandError {
    let mut result = CommandError::new(CommandError::chain(error));
    result.hints.extend(error.hint().map(str::to_owned));
    match error {
        BuildError::InvalidSetting { .. } | BuildError::NoBinary | BuildError::SameTag { .. } => {
            CommandError { code: USAGE, ..result }
        }
        _ => result,
    }
}
