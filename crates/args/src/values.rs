//! Values of options that have a form of their own.

use scratchdbg_backend::{Error, ErrorKind};

fn mistake(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// Sets a variable. The last value for a name counts.
///
/// # Errors
///
/// Fails if it is not NAME=VALUE.
pub fn set_variable(env: &mut Vec<String>, variable: &str) -> Result<(), Error> {
    let (name, _) = variable.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        mistake(format!("--env {variable}: no value"))
            .hint("it is NAME=VALUE; nothing is taken from your environment, so that every build gives the same image")
    })?;
    let same = |other: &&mut String| other.split_once('=').is_some_and(|(other, _)| other == name);
    match env.iter_mut().find(same) {
        Some(there) => variable.clone_into(there),
        None => env.push(variable.to_owned()),
    }
    Ok(())
}

/// Parses a program, or a JSON array of program and arguments. Words are never split as in a shell.
///
/// # Errors
///
/// Fails if the array is none, and if a program would have to be told from its arguments.
pub fn words(flag: &str, text: &str) -> Result<Vec<String>, Error> {
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|error| {
            mistake(format!("{flag} {text}: not a JSON array of strings: {error}"))
                .hint(r#"as in '["/app", "serve"]'"#)
        });
    }
    if text.contains(char::is_whitespace) {
        return Err(mistake(format!("{flag} {text}: one program cannot be told from its arguments")).hint(
            r#"give a JSON array, as in '["/app", "serve"]': an image without a shell has nothing to split words"#,
        ));
    }
    Ok(vec![text.to_owned()])
}

/// Returns the health check in the form of the configuration. The builder checks whether it can run
/// without a shell.
///
/// # Errors
///
/// Fails as [`words`] does.
pub fn health(text: &str) -> Result<Vec<String>, Error> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(vec!["NONE".to_owned()]);
    }
    let words = words("--healthcheck", text)?;
    match words.first().map(String::as_str) {
        Some("CMD" | "CMD-SHELL" | "NONE") => Ok(words),
        _ => Ok(std::iter::once("CMD".to_owned()).chain(words).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_and_never_split() {
        assert_eq!(words("--entrypoint", "/app").unwrap(), ["/app"]);
        assert_eq!(words("--entrypoint", r#"["/app", "a b"]"#).unwrap(), ["/app", "a b"]);
        for bad in ["/app serve", "[", "[1]", "[\"/app\""] {
            assert!(words("--entrypoint", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn health_checks_get_their_form() {
        for (text, expected) in [
            ("none", &["NONE"][..]),
            ("/app", &["CMD", "/app"]),
            (r#"["/app", "health"]"#, &["CMD", "/app", "health"]),
            (r#"["CMD", "/app"]"#, &["CMD", "/app"]),
        ] {
            assert_eq!(health(text).unwrap(), expected);
        }
        assert!(health("curl -f localhost").is_err());
    }

    #[test]
    fn the_last_value_of_a_variable_counts() {
        let mut env = vec!["PATH=/bin".to_owned(), "A=1".to_owned()];
        set_variable(&mut env, "PATH=/app").unwrap();
        set_variable(&mut env, "B=").unwrap();
        assert_eq!(env, ["PATH=/app", "A=1", "B="]);
        for bad in ["A", "=1", ""] {
            assert!(set_variable(&mut env, bad).is_err(), "{bad}");
        }
    }
}
