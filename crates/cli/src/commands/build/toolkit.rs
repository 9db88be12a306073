//! `toolkit build` and `build --toolkit-only`: build a toolkit image, which provides the tools of
//! sessions, on a cluster too.

use std::sync::Arc;

use scratchdbg_builder::{Pair, Toolkit};
use scratchdbg_image::{Image, ImageSet};
use scratchdbg_registry::PushReport;
use scratchdbg_session::tools;
use serde_json::json;

use super::explain::explain_image;
use super::output::{self, Output};
use super::storage::Storage;
use super::{check_registries, settings, summary, toolkits};
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::Outcome;
use scratchdbg_args::{Format, ToolkitBuildArgs};

/// `toolkit build`: builds the toolkit image with tools of the user's.
pub(crate) async fn with_tools(args: ToolkitBuildArgs, context: &Context) -> Outcome {
    let outputs = if args.push { vec!["registry".to_owned()] } else { args.outputs };
    let toolkits = toolkits(args.busybox.as_slice(), context).await?;
    let mut made = Vec::new();
    for toolkit in toolkits {
        made.push(tools::add(toolkit, &args.tools).await?);
    }
    build(&args.tags, made, &outputs, args.format, context).await
}

/// Builds the toolkit image, for each platform for which there is a toolkit.
pub(super) async fn build(
    tags: &[String],
    toolkits: Vec<Toolkit>,
    outputs: &[String],
    format: Format,
    context: &Context,
) -> Outcome {
    let texts = outputs;
    let outputs = &output::parse(texts, format)?;
    let tags = settings::references("--tag", tags)?;
    check_registries(outputs, &tags, context).await?;
    let tool_names: Vec<String> =
        toolkits.first().into_iter().flat_map(Toolkit::tool_names).map(str::to_owned).collect();
    let named = outputs.clone();
    let storage = Arc::new(blocking(move || Storage::prepare(&named, None)).await?);
    let set = blocking(move || {
        let sets = toolkits.iter().map(tools::toolkit_image).collect::<Result<Vec<_>, _>>()?;
        let images: Vec<Image> = sets.iter().flat_map(ImageSet::images).cloned().collect();
        let own = sets.first().map(|set| set.tags().to_vec()).unwrap_or_default();
        let tags = if tags.is_empty() { own } else { tags };
        ImageSet::new(tags, images).map_err(|error| explain_image(&error))
    })
    .await?;
    // There is no production image. The toolkit image takes its place, so that all outputs work
    // alike.
    let pair = Pair { prod: set, debug: None };
    let mut pushed: Option<PushReport> = None;
    for output in outputs {
        let report = output.write(&pair, 0, &storage, context).await?;
        pushed = pushed.or(report);
    }
    let set = &pair.prod;
    match format {
        Format::Json => context.printer.json(&json!({
            "toolkit": summary::set_json(set),
            "tools": tool_names,
            "outputs": texts,
            "pushed": pushed.iter().flat_map(|report| &report.pushed).map(summary::pushed_json).collect::<Vec<_>>(),
        }))?,
        Format::Text => {
            let name = set.tags().first().map(scratchdbg_image::TaggedReference::familiar).unwrap_or_default();
            let mut lines: Vec<String> =
                set.images().iter().map(|image| summary::line("toolkit", set, image)).collect();
            if !tool_names.is_empty() {
                lines.push(format!("with busybox and {}", tool_names.join(", ")));
            }
            lines.extend(pushed.iter().flat_map(summary::pushed));
            if outputs.contains(&Output::Engine) && !tool_names.is_empty() {
                lines.push(format!("Next: scratchdbg attach NAME --toolkit {name}"));
            }
            if outputs.contains(&Output::Registry) {
                lines.push(format!("Next: scratchdbg attach pod/NAME --toolkit {name}"));
            }
            if outputs.contains(&Output::Stdout) {
                context.printer.note_lines(&lines);
            } else {
                lines.iter().try_for_each(|line| context.printer.line(line))?;
            }
        }
    }
    Ok(0)
}
