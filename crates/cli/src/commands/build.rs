//! `build`: a production image and its debug twin from static binaries or a Dockerfile.

pub(crate) mod explain;
mod modes;
mod output;
mod settings;
mod storage;
mod summary;
pub(crate) mod toolkit;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use scratchdbg_builder::provision::{Decision, provision};
use scratchdbg_builder::{BuildSpec, Pair, Toolkit, Twin};
use scratchdbg_console::printer::Printer;
use scratchdbg_console::progress::Progress;
use scratchdbg_diagnose::{Finding, Severity};
use scratchdbg_format::findings;
use scratchdbg_image::{Image, ImageSet, Meter, TaggedReference};
use scratchdbg_inspect::{preflight, with_those_of_the_file};
use scratchdbg_registry::PushReport;
use scratchdbg_session::tools::{self, Base};

use self::explain::explain;
use self::output::Output;
use self::settings::Source;
use self::storage::Storage;
use super::check::is_denied;
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::registry;
use scratchdbg_args::{BuildArgs, Deny, Format};

pub(crate) async fn build(mut args: BuildArgs, context: &Context) -> Outcome {
    // Check the complete command line before anything is done.
    if args.push {
        args.outputs = vec!["registry".to_owned()];
    }
    let outputs = output::parse(&args.outputs, args.format)?;
    let args = blocking(move || settings::with_dockerfile_of_context(args)).await?;
    if args.toolkit_only {
        let toolkits = toolkits(&args.toolkits, context).await?;
        return Box::pin(toolkit::build(&args.tags, toolkits, &args.outputs, args.format, context))
            .await;
    }
    let compression = settings::compression(args.compress.as_deref())?;
    let with = settings::with(&args)?;
    let debug_tags = settings::references("--debug-tag", &args.debug_tags)?;
    let args = Arc::new(args);
    let (named, epoch) = (Arc::clone(&args), context.environment.source_date_epoch.clone());
    let (mut spec, source, widened) = blocking(move || {
        let (spec, source) = settings::spec(&named, epoch.as_deref())?;
        let widened = modes::widened(&spec, &named.additions, source.as_ref());
        Ok((spec, source, widened))
    })
    .await?;
    if let Some(note) = widened {
        context.printer.note(&note);
    }
    if !args.no_debug {
        let toolkits = toolkits(&args.toolkits, context).await?;
        spec.twin = Some(Twin { toolkits, tags: debug_tags });
    }
    check_registries(&outputs, &spec.tags, context).await?;
    let named = outputs.clone();
    let storage = Arc::new(blocking(move || Storage::prepare(&named, compression)).await?);
    spec.layers = storage.layers();
    let epoch = spec.epoch;
    let meter = Meter::default();
    spec.files.count_with(meter.clone());
    let progress = show_progress("packing", size(&spec), &meter, context);
    let work = move || -> Result<Built, CommandError> {
        let decisions =
            provision(&mut spec, &with, Path::new("/")).map_err(|error| explain(&error))?;
        let pair = scratchdbg_builder::build(&spec).map_err(|error| explain(&error))?;
        let mut findings = preflight(&spec, &pair)?;
        if let Some(Source { path, origins, findings: of_file, .. }) = source {
            findings = with_those_of_the_file(of_file, findings, &path, &origins);
        }
        Ok(Built { pair, decisions, findings, pushed: None })
    };
    let mut built = blocking(work).await?;
    drop(progress);
    report(&built.findings, args.deny, context.printer)?;
    for output in &outputs {
        let _progress = show_progress(output.doing(), blobs_size(&built.pair), &meter, context);
        let pushed = output.write(&built.pair, epoch, &storage, context).await?;
        built.pushed = built.pushed.or(pushed);
    }
    match args.format {
        Format::Json => context.printer.json(&summary::json(&built, &args.outputs))?,
        Format::Text => summary::print(&built, &outputs, context.printer)?,
    }
    Ok(0)
}

/// Checks access to the registries, if images go there, before anything is packed.
async fn check_registries(
    outputs: &[Output],
    tags: &[TaggedReference],
    context: &Context,
) -> Result<(), CommandError> {
    if !outputs.contains(&Output::Registry) {
        return Ok(());
    }
    if tags.is_empty() {
        return Err(CommandError::usage("--output registry: where to? The image has no name")
            .hint("name it as its registry is to have it: --tag HOST/REPOSITORY:TAG"));
    }
    context.registry()?.check_access(tags).await.map_err(|error| registry::explain(&error))
}

/// Begins to show how many bytes are done, starting at zero.
fn show_progress(what: &str, total: u64, meter: &Meter, context: &Context) -> Progress {
    meter.reset();
    let meter = meter.clone();
    Progress::begin(what, total, move || meter.read(), context.printer)
}

/// Returns the number of bytes to pack.
fn size(spec: &BuildSpec) -> u64 {
    let binaries = spec.binaries.iter().filter_map(|path| std::fs::metadata(path).ok());
    spec.files.size() + binaries.map(|file| file.len()).sum::<u64>()
}

/// Returns the size of all layers, each counted once.
fn blobs_size(pair: &Pair) -> u64 {
    let sets = pair.sets();
    let layers = sets.iter().flat_map(ImageSet::images).flat_map(Image::layers);
    let layers: BTreeMap<_, _> = layers.map(|layer| (layer.digest(), layer.size())).collect();
    layers.values().sum()
}

/// A pair, and facts about it.
#[derive(Debug)]
struct Built {
    pair: Pair,
    decisions: Vec<Decision>,
    findings: Vec<Finding>,
    /// The contents of the registries after the push.
    pushed: Option<PushReport>,
}

/// Prints findings about the images. A denied finding is an error: nothing is written.
fn report(findings: &[Finding], deny: Deny, printer: Printer) -> Result<(), CommandError> {
    let text = |finding: &Finding| {
        format!("{}: {}{}", finding.code, findings::place(finding), finding.message)
    };
    let (denied, others): (Vec<_>, Vec<_>) =
        findings.iter().partition(|finding| is_denied(finding, deny));
    for finding in others.iter().chain(denied.iter().skip(1)) {
        match finding.severity {
            Severity::Info => printer.note(&text(finding)),
            Severity::Warning | Severity::Error => printer.warning(&text(finding)),
        }
    }
    let Some(first) = denied.first() else { return Ok(()) };
    let mut error = CommandError::new(text(first));
    error.hints.extend(first.fix.clone());
    Err(error.hint("`--deny none` builds it all the same"))
}

/// Prints the summary of a pair that was loaded into the engine.
pub(super) fn print_summary(pair: &Pair, printer: Printer) -> std::io::Result<()> {
    let built =
        Built { pair: pair.clone(), decisions: Vec::new(), findings: Vec::new(), pushed: None };
    summary::print(&built, &[Output::Engine], printer)
}

/// Returns the toolkits that were named, or the first that is found.
async fn toolkits(wanted: &[String], context: &Context) -> Result<Vec<Toolkit>, CommandError> {
    let bases: Vec<_> = wanted.iter().map(|text| Base::Named(text.clone())).collect();
    let bases = if bases.is_empty() { vec![Base::Host] } else { bases };
    let mut toolkits = Vec::new();
    for base in &bases {
        let images = async || Ok(context.images().await?.clone());
        toolkits.push(tools::find(base, &context.host_toolkit, images).await?);
    }
    Ok(toolkits)
}
