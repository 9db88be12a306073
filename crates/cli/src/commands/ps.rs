//! `ps`: an overview of containers.

mod table;

use std::collections::BTreeMap;

use scratchdbg_backend::ListFilter;
use scratchdbg_console::terminal;
use scratchdbg_inspect::{Platform, overview};

use crate::args::{Format, PsArgs};
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::platform::on_platform;

pub(crate) async fn ps(mut args: PsArgs, context: &Context) -> Outcome {
    args.kubernetes.all_namespaces |= args.all_of_the_cluster;
    let mut filter = ListFilter { all: args.all, filters: filters(&args.filters)? };
    if let Some(labels) = &args.kubernetes.selector {
        filter.filters.insert("selector".to_owned(), vec![labels.clone()]);
    }
    let platform = context.platform_of(&[], &args.kubernetes).await?;
    on_platform!(platform, platform => list(&filter, args.format, platform, context).await)
}

async fn list(filter: &ListFilter, format: Format, engine: &impl Platform, context: &Context) -> Outcome {
    let overview = overview(engine, filter, context.host_toolkit.twin_layer()).await?;
    if let Some(gap) = overview.gap {
        context.printer.note(&format!("verdicts may be incomplete: {gap}"));
    }
    match format {
        Format::Json => context.printer.json(&overview.rows)?,
        Format::Text => {
            for line in table::lines(&overview.rows, terminal::columns()) {
                context.printer.line(&line)?;
            }
        }
    }
    Ok(0)
}

/// Parses filters of the form `KEY=VALUE`, which the engine interprets.
fn filters(texts: &[String]) -> Result<BTreeMap<String, Vec<String>>, CommandError> {
    let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in texts {
        let (key, value) =
            text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty()).ok_or_else(|| {
                CommandError::usage(format!("--filter {text}: not KEY=VALUE")).hint("such as --filter status=exited")
            })?;
        filters.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_pairs() {
        let filters = filters(&["status=exited".into(), "status=dead".into(), "label=a=b".into()]).unwrap();
        assert_eq!(filters["status"], ["exited", "dead"]);
        assert_eq!(filters["label"], ["a=b"]);
        for bad in ["status", "=x", "status="] {
            assert!(super::filters(&[bad.into()]).is_err(), "{bad}");
        }
    }
}
