//! Help, the version and usage errors, as clap writes them.

use clap::Error;
use clap::error::{ContextKind, ContextValue};
use scratchdbg_logs::escape;

/// Returns the text with clap's styles. It quotes arguments, which a script may have from anywhere:
/// they are escaped like names in all other messages.
pub fn rendered(mut error: Error) -> String {
    // clap suggests passing an unknown option as a value, which is never intended here.
    error.remove(ContextKind::Suggested);
    let label = |text: &String| escape::label(text).into_owned();
    let escaped = |value: &ContextValue| match value {
        ContextValue::String(text) => Some(ContextValue::String(label(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(label).collect()))
        }
        _ => None,
    };
    let context: Vec<_> =
        error.context().filter_map(|(kind, value)| Some((kind, escaped(value)?))).collect();
    for (kind, value) in context {
        error.insert(kind, value);
    }
    let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    let text = error.render().ansi().to_string();
    let text =
        if reason.is_empty() { text } else { text.replace(&reason, &escape::label(&reason)) };
    // The name under which this program was called is in the usage.
    escape::lines(&text)
}
