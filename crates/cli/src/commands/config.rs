//! `config`: the settings, and where each comes from.

use std::collections::BTreeMap;

use scratchdbg_settings::{Key, Part, Source};
use serde::Serialize;

use crate::context::Context;
use crate::error::Outcome;
use scratchdbg_args::{ConfigArgs, Format};

/// A setting, in the form of the JSON output.
#[derive(Serialize)]
struct Row<'a> {
    name: &'static str,
    value: Option<&'a str>,
    /// `default`, `file`, or the variable's name.
    source: &'static str,
    variable: &'static str,
}

pub(crate) fn config(args: &ConfigArgs, context: &Context) -> Outcome {
    let settings = &context.settings;
    let rows = Key::ALL.map(|key| Row {
        name: key.name(),
        value: settings.get(key),
        source: match settings.source(key) {
            Some(Source::Environment(variable)) => variable,
            Some(Source::File) => "file",
            None => "default",
        },
        variable: key.variable(),
    });
    let printer = context.printer;
    let file = context.environment.config_file.as_deref();
    if args.format == Format::Json {
        let toolkits: BTreeMap<_, Vec<String>> = settings
            .toolkits()
            .iter()
            .map(|(name, parts)| (name, parts.iter().map(Part::to_string).collect()))
            .collect();
        printer.json(&serde_json::json!({"file": file, "settings": rows, "toolkits": toolkits}))?;
        return Ok(0);
    }
    for Row { name, value, source, variable } in rows {
        let line = match value {
            Some(value) => format!("{name} = {value:?} ({source})"),
            None => format!("{name} is not set (nor is {variable})"),
        };
        printer.line(&scratchdbg_logs::escape::label(&line))?;
    }
    for (name, parts) in settings.toolkits().iter() {
        let parts = parts.iter().map(Part::to_string).collect::<Vec<_>>().join(", ");
        let line = format!("toolkits.{name} is {parts} (file)");
        printer.line(&scratchdbg_logs::escape::label(&line))?;
    }
    match file {
        Some(file) => printer.note(&format!("the file is {}", file.display())),
        None => printer.note("there is no file: neither XDG_CONFIG_HOME nor HOME is set"),
    }
    Ok(0)
}
