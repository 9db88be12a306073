//! Checks the settings that a user asks for a session, before any platform is asked.

use crate::{Error, ErrorKind};

/// Refuses an empty part. Depending on the engine, it would stand for root or for the target's own
/// user, so an unset variable would grant rights that nobody requested.
pub fn check_user(text: &str) -> Result<(), Error> {
    let (user, group) =
        text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let missing = match (user.trim(), group.map(str::trim)) {
        ("", _) => "user",
        (_, Some("")) => "group",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Invalid, format!("--user `{text}` names no {missing}"))
        .hint("-u USER or -u USER:GROUP; without -u the session is the target's own user"))
}

/// Replaces the name `root` with 0, which is root in every container, even if no file defines the
/// name.
pub fn with_numeric_root(user: &str) -> String {
    let number = |name: &str| if name == "root" { "0".to_owned() } else { name.to_owned() };
    match user.split_once(':') {
        Some((user, group)) => format!("{}:{}", number(user), number(group)),
        None => number(user),
    }
}

/// Returns the variables for the command. As in docker, a name alone takes its value from the
/// environment of this process, if it is set there: `own` returns it.
pub fn environment(
    entries: &[String],
    own: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, Error> {
    let mut variables = Vec::new();
    for entry in entries {
        let (name, value) = entry
            .split_once('=')
            .map_or((entry.as_str(), None), |(name, value)| (name, Some(value)));
        if name.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("--env `{entry}` names no variable"),
            )
            .hint("it is NAME=VALUE"));
        }
        if name == "PATH" || name.starts_with("SCRATCHDBG_") {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("--env {name}: scratchdbg sets this variable itself"),
            )
            .hint(format!(
                "`attach TARGET env {name}=VALUE COMMAND` sets it for the command alone"
            )));
        }
        match value {
            Some(_) => variables.push(entry.clone()),
            None => variables.extend(own(name).map(|value| format!("{name}={value}"))),
        }
    }
    Ok(variables)
}

/// Refuses a path that is not absolute.
pub fn check_workdir(path: &str) -> Result<(), Error> {
    if path.starts_with('/') {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("--workdir `{path}` is not an absolute path"))
        .hint("it is a directory of the target, such as /srv"))
}

/// Refuses an unknown capability. Some engines would ignore it, others would refuse it halfway
/// through.
pub fn check_capability(name: &str) -> Result<(), Error> {
    if scratchdbg_diagnose::capability::is_known(name) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("--cap-add `{name}`: there is no such capability")).hint(
        "one a time, as in --cap-add NET_ADMIN --cap-add SYS_PTRACE; capabilities(7) lists them, ALL is all of them",
    ))
}

#[cfg(test)]
mod tests {
    use super::{check_capability, check_user, environment, with_numeric_root};

    #[test]
    fn root_is_a_number_everywhere() {
        for (user, expected) in [
            ("root", "0"),
            ("root:root", "0:0"),
            ("root:7", "0:7"),
            ("app", "app"),
            ("rooted:x", "rooted:x"),
        ] {
            assert_eq!(with_numeric_root(user), expected);
        }
    }

    #[test]
    fn variables_are_those_of_the_command_line() {
        let of = |entries: &[&str]| {
            environment(&entries.iter().map(|&entry| entry.to_owned()).collect::<Vec<_>>(), |_| {
                None
            })
            .map_err(|error| error.message)
        };
        assert_eq!(
            of(&["A=b=c", "B=", "NOT_SET_ANYWHERE"]),
            Ok(vec!["A=b=c".to_owned(), "B=".to_owned()])
        );
        for bad in ["=x", "", "PATH=/x", "PATH", "SCRATCHDBG_RECORD=x"] {
            assert!(of(&[bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_empty_part_of_a_user_is_refused() {
        for text in ["root", "0", "0:0", "app:staff", "1000:50"] {
            assert!(check_user(text).is_ok(), "{text}");
        }
        for (text, missing) in [
            ("", "user"),
            (" ", "user"),
            (":", "user"),
            (":5", "user"),
            ("5:", "group"),
            ("a: ", "group"),
        ] {
            let error = check_user(text).unwrap_err();
            assert!(
                error.message.ends_with(missing) && !error.hints.is_empty(),
                "{text:?}: {}",
                error.message
            );
        }
    }

    #[test]
    fn only_capabilities_can_be_added() {
        for name in ["NET_ADMIN", "CAP_NET_ADMIN", "net_admin", "ALL", "all"] {
            assert!(check_capability(name).is_ok(), "{name}");
        }
        for name in ["", " ", "GARBAGE", "NET_ADMIN,SYS_PTRACE", "CAP_ALL", "CAP_", "NET_ADMIN "] {
            assert!(check_capability(name).is_err(), "{name:?}");
        }
    }
}
