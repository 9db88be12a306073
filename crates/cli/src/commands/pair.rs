//! `pair verify`: proving that a debug image is its production image and one more layer.

mod stored;

use scratchdbg_builder::verify::{Subject, Verification, verify as compare};
use scratchdbg_image::Platform;
use scratchdbg_image::read::StoredImage;
use serde_json::{Value, json};

use self::stored::{Location, Stored};
use crate::args::{Format, VerifyArgs};
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::printer::Printer;

pub(crate) async fn verify(args: VerifyArgs, context: &Context) -> Outcome {
    let platform = args.platform.as_deref().map(str::parse::<Platform>).transpose();
    let platform = platform.map_err(|error| CommandError::usage(format!("--platform: {error}")))?;
    let (production, debug) = (args.production.clone(), args.debug.clone());
    let (production, debug): (Location, Location) = blocking(move || Ok((production.parse()?, debug.parse()?))).await?;
    let production = production.open(context).await?;
    let debug = debug.open(context).await?;
    let work = move || verify_all(&production, &debug, platform.as_ref());
    let results = tokio::task::spawn_blocking(work).await.map_err(|error| CommandError::new(error.to_string()))??;
    let ok = results.iter().all(|(_, result)| result.ok);
    match args.format {
        Format::Json => context.printer.json(&report(&results))?,
        Format::Text => print(&results, context.printer)?,
    }
    Ok(if ok { 0 } else { FAILED })
}

/// One comparison for each platform, the one that matters most first.
fn verify_all(
    production: &Stored,
    debug: &Stored,
    wanted: Option<&Platform>,
) -> Result<Vec<(Platform, Verification)>, CommandError> {
    let platforms = match wanted {
        Some(platform) => vec![platform.clone()],
        None => production.platforms(),
    };
    let mut results = Vec::new();
    for platform in platforms {
        let (prod_image, debug_image) = (image(production, &platform)?, image(debug, &platform)?);
        let prod_subject = subject(production, prod_image, None)?;
        // A layer of hundreds of megabytes is not fetched twice.
        let shared = production.is_beside(debug).then_some((prod_image, &prod_subject));
        let debug_subject = subject(debug, debug_image, shared)?;
        results.push((platform, compare(&prod_subject, &debug_subject)));
    }
    if wanted.is_none()
        && let Some(more) = debug.platforms().into_iter().find(|platform| !production.platforms().contains(platform))
    {
        return Err(CommandError::new(format!(
            "{} is also for {more}, and {} is not",
            debug.name(),
            production.name()
        ))
        .hint("--platform chooses what is compared"));
    }
    results.sort_by_key(|(_, result)| result.ok);
    Ok(results)
}

fn image<'a>(stored: &'a Stored, platform: &Platform) -> Result<&'a StoredImage, CommandError> {
    stored.image(platform).ok_or_else(|| {
        let available: Vec<_> = stored.platforms().iter().map(ToString::to_string).collect();
        CommandError::new(format!("{} is not for {platform}, but for {}", stored.name(), available.join(", ")))
            .hint("--platform chooses what is compared")
    })
}

fn subject(
    stored: &Stored,
    image: &StoredImage,
    shared: Option<(&StoredImage, &Subject)>,
) -> Result<Subject, CommandError> {
    Subject::read_beside(stored.source(), image, shared).map_err(|error| stored.explain(&error))
}

/// The first of the comparisons, and under `platforms` each of them.
fn report(results: &[(Platform, Verification)]) -> Value {
    let mut report = results.first().map(|(_, result)| json!(result)).unwrap_or_default();
    let each = results.iter().map(|(platform, result)| {
        let mut value = json!(result);
        value["platform"] = json!(platform.to_string());
        value
    });
    report["platforms"] = each.collect();
    report
}

fn print(results: &[(Platform, Verification)], printer: Printer) -> std::io::Result<()> {
    for (platform, result) in results {
        if let (true, Some(layer)) = (result.ok, result.debug_layer) {
            let shared = result.shared_layers.len();
            let layers = if shared == 1 { "layer" } else { "layers" };
            printer.line(&format!(
                "{platform}: the same {shared} {layers}, and one more for debugging ({})",
                layer.short()
            ))?;
        }
        for difference in &result.differences {
            let text = format!("{platform}: {}: {}", difference.subject, difference.message);
            printer.line(&scratchdbg_logs::escape::label(&text))?;
        }
    }
    Ok(())
}
