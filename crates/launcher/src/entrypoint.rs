//! `run-entrypoint`: runs the container's original command line on demand.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The file name that this program is linked under.
pub(crate) const NAME: &str = "run-entrypoint";

/// The variable with the command line: one argument per line, with `\\` and newlines escaped.
const VARIABLE: &str = "SCRATCHDBG_ENTRYPOINT";

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
    let mut words = decode(&text).into_iter();
    let Some(program) = words.next() else {
        return format!("{NAME}: the container has neither an entrypoint nor a command");
    };
    let error = Command::new(&program).args(words).args(further).env_remove(VARIABLE).exec();
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
    use super::decode;

    #[test]
    fn arguments_come_apart_as_they_were_put_together() {
        assert_eq!(decode(""), Vec::<String>::new());
        assert_eq!(decode("/app\n--flag\n"), ["/app", "--flag", ""]);
        assert_eq!(decode("sh\n-c\na\\nb \\\\ c"), ["sh", "-c", "a\nb \\ c"]);
    }
}
