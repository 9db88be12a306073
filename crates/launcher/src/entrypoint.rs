//! `run-entrypoint`: runs the container's original command line on demand.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The file name that this program is linked under.
pub(crate) const NAME: &str = "run-entrypoint";

/// The variable with the command line: one argument per line, with `\\` and newlines escaped.
const VARIABLE: &str = "SCRATCHDBG_ENTRYPOINT";

/// The variable that is set where `$(NAME)` in the command line stands for a variable of the
/// container, as in pods.
const EXPANDS: &str = "SCRATCHDBG_ENTRYPOINT_EXPANDS";

/// Replaces this process by the container's command line, followed by the given arguments. Returns
/// only on failure, with the reason.
#[expect(
    clippy::disallowed_methods,
    reason = "the session's environment is how the command line gets here"
)]
pub(crate) fn run_entrypoint(further: &[OsString]) -> String {
    let Ok(text) = std::env::var(VARIABLE) else {
        return format!(
            "{NAME}: there is no command line to run: this session is not a copy of a container"
        );
    };
    let expands = std::env::var_os(EXPANDS).is_some();
    let own = |name: &str| std::env::var(name).ok();
    let mut words =
        decode(&text).into_iter().map(|word| if expands { expanded(&word, own) } else { word });
    let Some(program) = words.next() else {
        return format!("{NAME}: the container has neither an entrypoint nor a command");
    };
    let error = Command::new(&program)
        .args(words)
        .args(further)
        .env_remove(VARIABLE)
        .env_remove(EXPANDS)
        .exec();
    format!("{NAME}: cannot run {}: {error}", program.escape_debug())
}

/// Whether this session runs in a copy of a container. Only then is there a command line.
#[expect(
    clippy::disallowed_methods,
    reason = "the session's environment is how the command line gets here"
)]
pub(crate) fn is_in_copy() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Expands `$(NAME)` as a kubelet does: `$$` is a dollar sign, and what names no variable stays.
fn expanded(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(more) = rest.strip_prefix('$') {
            out.push('$');
            rest = more;
        } else if let Some((name, more)) =
            rest.strip_prefix('(').and_then(|inner| inner.split_once(')'))
        {
            out.push_str(&variable(name).unwrap_or_else(|| format!("$({name})")));
            rest = more;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// Decodes the arguments.
fn decode(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let mut words = vec![String::new()];
    let mut escaped = false;
    for character in text.chars() {
        let word = words.len() - 1;
        match (escaped, character) {
            (false, '\\') => escaped = true,
            (false, '\n') => words.push(String::new()),
            (true, 'n') => (words[word].push('\n'), escaped = false).1,
            (_, other) => (words[word].push(other), escaped = false).1,
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{decode, expanded};

    #[test]
    fn variables_are_expanded_as_kubelets_do() {
        let own = |name: &str| (name == "A").then(|| "$(B)".to_owned());
        for (text, expected) in [
            ("x$(A)y", "x$(B)y"),
            ("$$(A) $$$(A)", "$(A) $$(B)"),
            ("$(N) $A $ $(A", "$(N) $A $ $(A"),
            ("", ""),
        ] {
            assert_eq!(expanded(text, own), expected, "{text}");
        }
    }

    #[test]
    fn arguments_come_apart_as_they_were_put_together() {
        assert_eq!(decode(""), Vec::<String>::new());
        assert_eq!(decode("/app\n--flag\n"), ["/app", "--flag", ""]);
        assert_eq!(decode("sh\n-c\na\\nb \\\\ c"), ["sh", "-c", "a\nb \\ c"]);
    }
}
