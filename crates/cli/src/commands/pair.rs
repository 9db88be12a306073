//! `pair verify`: verifies that a debug image is its production image plus one layer.

use scratchdbg_builder::verify::Verification;
use scratchdbg_console::printer::Printer;
use scratchdbg_image::Platform;
use scratchdbg_inspect::{self as inspect, BareWords, ImageLocation, LocationError, ThisMachine};
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::registry;
use scratchdbg_args::{Format, VerifyArgs};

pub(crate) async fn verify(args: VerifyArgs, context: &Context) -> Outcome {
    let platform = args.platform.as_deref().map(str::parse::<Platform>).transpose();
    let platform = platform.map_err(|error| CommandError::usage(format!("--platform: {error}")))?;
    let (production, debug) = (args.production.clone(), args.debug.clone());
    let (production, debug) =
        blocking(move || Ok((location(&production)?, location(&debug)?))).await?;
    let results = inspect::verify(production, debug, platform, context).await.map_err(explain)?;
    let ok = results.iter().all(|(_, result)| result.ok);
    match args.format {
        Format::Json => context.printer.json(&report(&results))?,
        Format::Text => print(&results, context.printer)?,
    }
    Ok(if ok { 0 } else { FAILED })
}

/// Interprets an image on the command line. Blocking.
fn location(text: &str) -> Result<ImageLocation, CommandError> {
    let location = ImageLocation::parse(text, BareWords::Images, &ThisMachine).map_err(|error| {
        let message = match error {
            LocationError::Nothing => "an image's name is empty".to_owned(),
            _ => format!("`{text}` names no image"),
        };
        CommandError::usage(message)
            .hint("an image is named as in the engine, or oci:DIR[:TAG], archive:FILE[:REF], or registry:REF")
    })?;
    registry::expect_reference(&location)?;
    Ok(location)
}

/// Names the image in an error, because two images are read.
fn explain(error: inspect::Error) -> CommandError {
    match &error {
        inspect::Error::Image { name, .. } => {
            let message = format!("{name}: {error}");
            CommandError { message, ..error.into() }
        }
        _ => error.into(),
    }
}

/// Returns the first comparison, and all comparisons under `platforms`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_say_where() {
        assert_eq!(
            location("shop/app:1").unwrap(),
            ImageLocation::Platform("shop/app:1".to_owned())
        );
        for bad in ["", "oci:", "archive:", "registry:", "registry:A"] {
            assert_eq!(location(bad).unwrap_err().code, crate::error::USAGE, "{bad}");
        }
    }
}
