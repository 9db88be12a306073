//! `ps`: an overview of containers.

use scratchdbg_backend::ListFilter;
use scratchdbg_console::terminal;
use scratchdbg_format::{Listing, Template, TemplateError};
use scratchdbg_inspect::{Platform, Row, Tools, overview, quick_overview};
use scratchdbg_session::LAUNCHER;
use scratchdbg_session::tools::launcher_platform;

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::platform::on_platform;
use scratchdbg_args::PsArgs;

pub(crate) async fn ps(mut args: PsArgs, context: &Context) -> Outcome {
    let listing = match &*args.format {
        "json" => None,
        "text" if context.global.quiet => Some(Listing::Ids),
        "text" => Some(Listing::Table),
        template => {
            let parsed = Template::parse(template, Row::FIELDS);
            let refused =
                |error: TemplateError| CommandError::usage(error.message).hint(error.hint);
            Some(Listing::Template(parsed.map_err(refused)?))
        }
    };
    let filter = filter(&mut args)?;
    let platform = context.platform_of(&[], &args.kubernetes).await?;
    on_platform!(platform, platform => list(&filter, listing, args.no_trunc, platform, context).await)
}

/// Returns which containers are wanted.
fn filter(args: &mut PsArgs) -> Result<ListFilter, CommandError> {
    let cluster = &mut args.kubernetes;
    cluster.all_namespaces |= args.all_of_the_cluster;
    // `-l LABELS` is kubectl's.
    match args.labels.take() {
        Some(labels) if args.latest => (args.latest, cluster.selector) = (false, Some(labels)),
        Some(name) => {
            return Err(CommandError::usage(format!(
                "`ps` lists containers, and takes no name: `{name}`"
            ))
            .hint(format!("`scratchdbg ps -a --filter name={name}`, or `scratchdbg why {name}`")));
        }
        None => {}
    }
    let number = args.n.as_deref().and_then(|text| text.parse().ok()).filter(|&number| number > 0);
    if number.is_none() {
        cluster.namespace = args.n.take().or(cluster.namespace.take());
    }
    let last = args.last.or(number).or(args.latest.then_some(1));
    if let (Some(_), Some(option)) = (last, cluster.given()) {
        return Err(CommandError::usage(format!(
            "{option} is for pods, which have no order: leave out -l, -n N or --last"
        )));
    }
    let mut filter = ListFilter { all: args.all, last, ..ListFilter::parse(&args.filters)? };
    if let Some(labels) = &cluster.selector {
        filter.filters.insert("selector".to_owned(), vec![labels.clone()]);
    }
    Ok(filter)
}

/// Prints the list; as JSON where no other form is wanted.
async fn list(
    filter: &ListFilter,
    listing: Option<Listing>,
    is_whole: bool,
    platform: &impl Platform,
    context: &Context,
) -> Outcome {
    let printer = context.printer;
    let overview = if listing.as_ref().is_none_or(Listing::needs_images) {
        let tools = Tools { platform: launcher_platform(), launcher: LAUNCHER };
        overview(platform, filter, context.host_toolkit.twin_layer(), context, &tools).await?
    } else {
        quick_overview(platform, filter).await?
    };
    if let Some(gap) = overview.gap {
        printer.note(&format!("verdicts may be incomplete: {gap}"));
    }
    match listing {
        None => printer.json(&overview.rows)?,
        Some(listing) => {
            let lines = listing.lines(&overview.rows, terminal::columns(), is_whole);
            lines.iter().try_for_each(|line| printer.line(line))?;
        }
    }
    Ok(0)
}
