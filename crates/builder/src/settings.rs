//! Validates the user's settings. Pure.

use std::collections::BTreeMap;

use scratchdbg_image::{Healthcheck, Tree};
use serde_json::{Value, json};

use crate::{BuildError, BuildSpec, label, program};

/// Refuses settings from which no container could be created, and labels with our prefix.
pub(crate) fn check(spec: &BuildSpec) -> Result<(), BuildError> {
    for variable in &spec.env {
        match variable.split_once('=') {
            Some((name, _)) if !name.is_empty() && !variable.contains('\0') => {}
            _ => return invalid("environment variable", variable, "expected NAME=VALUE"),
        }
    }
    for key in spec.labels.keys() {
        if key.is_empty() {
            return invalid("label", key, "its key is empty");
        }
        if key.starts_with(label::PREFIX) {
            return invalid(
                "label",
                key,
                "keys that begin with io.scratchdbg. are set by scratchdbg",
            );
        }
    }
    if spec.entrypoint.as_deref().is_some_and(|words| words.first().is_some_and(String::is_empty)) {
        return invalid("entrypoint", "", "it names no program");
    }
    if let Some(workdir) = spec.workdir.as_deref().filter(|workdir| !workdir.starts_with('/')) {
        return invalid("working directory", workdir, "expected an absolute path");
    }
    if let Some(signal) = spec.stop_signal.as_deref().filter(|signal| !is_signal(signal)) {
        return invalid(
            "stop signal",
            signal,
            "expected a name as in SIGTERM, or a number from 1 to 64",
        );
    }
    let shell = spec
        .shell
        .as_ref()
        .and_then(|words| words.first().map(String::as_str))
        .unwrap_or("/bin/sh");
    let has_shell = program::find(spec, shell).is_some();
    spec.healthcheck.as_ref().map_or(Ok(()), |check| check_health(check, has_shell))?;
    check_user(&spec.user, &spec.files)
}

/// Converts ports: `80` → `80/tcp`; ranges are expanded. Returns `None` if there are none.
pub(crate) fn exposed_ports(
    ports: &[String],
) -> Result<Option<BTreeMap<String, Value>>, BuildError> {
    // How many ranges begin and end at each port, by protocol. So even a hundred thousand
    // overlapping ranges are expanded only once.
    let mut changes: BTreeMap<&str, BTreeMap<u32, i64>> = BTreeMap::new();
    for text in ports {
        let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        match (port(first), port(last)) {
            (Some(first), Some(last))
                if first <= last && matches!(protocol, "tcp" | "udp" | "sctp") =>
            {
                let changes = changes.entry(protocol).or_default();
                *changes.entry(first.into()).or_default() += 1;
                *changes.entry(u32::from(last) + 1).or_default() -= 1;
            }
            _ => {
                return invalid(
                    "port",
                    text,
                    "expected PORT[-PORT][/tcp|udp|sctp], as in 8080 or 53/udp",
                );
            }
        }
    }
    let mut exposed = BTreeMap::new();
    for (protocol, changes) in changes {
        let (mut open, mut begin) = (0, 0);
        for (port, change) in changes {
            if open == 0 {
                begin = port;
            }
            open += change;
            if open == 0 {
                exposed.extend((begin..port).map(|port| (format!("{port}/{protocol}"), json!({}))));
            }
        }
    }
    Ok((!exposed.is_empty()).then_some(exposed))
}

/// Converts volumes to the form of the config. Returns `None` if there are none.
pub(crate) fn volumes(paths: &[String]) -> Option<BTreeMap<String, Value>> {
    (!paths.is_empty()).then(|| paths.iter().map(|path| (path.clone(), json!({}))).collect())
}

/// The user must be numeric, unless the image contains the file to look names up in.
fn check_user(user: &str, files: &Tree) -> Result<(), BuildError> {
    let number = |part: &str| part.parse::<u32>().is_ok_and(|id| id <= i32::MAX.unsigned_abs());
    let (name, group) = user.split_once(':').unwrap_or((user, "0"));
    let known = |part: &str, file| number(part) || (!part.is_empty() && files.get(file).is_some());
    if user.is_empty() || (known(name, "etc/passwd") && known(group, "etc/group")) {
        return Ok(());
    }
    invalid(
        "user",
        user,
        "expected numbers, as in 65532:65532: an image without /etc/passwd knows no names",
    )
}

fn check_health(check: &Healthcheck, has_shell: bool) -> Result<(), BuildError> {
    let words = check.test.as_deref().unwrap_or_default();
    let shown = words.join(" ");
    match words.first().map(String::as_str) {
        None => Ok(()),
        Some("NONE") if words.len() == 1 => Ok(()),
        Some("CMD") if words.len() > 1 && !words[1].is_empty() => Ok(()),
        Some("CMD-SHELL") if has_shell && words.len() == 2 => Ok(()),
        Some("CMD-SHELL") => {
            let reason = "it needs /bin/sh, which the image does not have: name the program and each argument, \
                          as in [\"CMD\", \"/app\", \"health\"]";
            invalid("health check", &shown, reason)
        }
        _ => invalid(
            "health check",
            &shown,
            "expected [\"CMD\", program, argument...] or [\"NONE\"]",
        ),
    }
}

fn is_signal(text: &str) -> bool {
    // Not all engines accept lower case.
    scratchdbg_diagnose::exit_code::signal_number(text).is_some()
        && !text.contains(|letter: char| letter.is_lowercase())
}

fn invalid<T>(what: &'static str, value: &str, reason: &'static str) -> Result<T, BuildError> {
    Err(BuildError::InvalidSetting { what, value: value.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use scratchdbg_image::{Entry, FileData};

    fn health(words: &[&str]) -> Healthcheck {
        let test = Some(words.iter().map(|word| (*word).to_owned()).collect());
        Healthcheck { test, ..Healthcheck::default() }
    }

    #[test]
    fn bad_settings_are_named() {
        let spec = BuildSpec::default;
        for (spec, part) in [
            (BuildSpec { env: vec!["=x".into()], ..spec() }, "`=x`"),
            (BuildSpec { env: vec!["x".into()], ..spec() }, "NAME=VALUE"),
            (
                BuildSpec { labels: [("io.scratchdbg.role".into(), "x".into())].into(), ..spec() },
                "set by scratchdbg",
            ),
            (BuildSpec { entrypoint: Some(vec![String::new()]), ..spec() }, "names no program"),
            (BuildSpec { workdir: Some("srv".into()), ..spec() }, "absolute path"),
            (BuildSpec { stop_signal: Some("65".into()), ..spec() }, "1 to 64"),
            (BuildSpec { stop_signal: Some("sigterm".into()), ..spec() }, "SIGTERM"),
            (BuildSpec { stop_signal: Some("SIGFOO".into()), ..spec() }, "SIGTERM"),
            (BuildSpec { stop_signal: Some("RTMIN+16".into()), ..spec() }, "SIGTERM"),
            (
                BuildSpec { healthcheck: Some(health(&["CMD-SHELL", "curl x"])), ..spec() },
                "needs /bin/sh",
            ),
            (BuildSpec { healthcheck: Some(health(&["CMD"])), ..spec() }, "expected"),
            (BuildSpec { user: "nonroot".into(), ..spec() }, "expected numbers"),
            (BuildSpec { user: "1:".into(), ..spec() }, "expected numbers"),
            (BuildSpec { user: "4294967295".into(), ..spec() }, "expected numbers"),
        ] {
            let error = check(&spec).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        for user in ["", "0", "0:0", "65532:65532"] {
            check(&BuildSpec { user: user.into(), ..spec() }).unwrap();
        }
        for signal in ["SIGTERM", "INT", "SIGRTMIN+3", "9"] {
            check(&BuildSpec { stop_signal: Some(signal.into()), ..spec() }).unwrap();
        }
        check(&BuildSpec { healthcheck: Some(health(&["CMD", "/app"])), ..spec() }).unwrap();
    }

    #[test]
    fn names_of_users_need_a_passwd() {
        let mut files = Tree::default();
        files.insert("etc/passwd", Entry::file(FileData::Bytes((*b"x").into()), 0o644)).unwrap();
        check_user("nonroot", &files).unwrap();
        assert!(check_user("nonroot:nonroot", &files).is_err());
    }

    #[test]
    fn ports_are_written_out() {
        let ports = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
            Some(exposed_ports(&texts).ok()??.into_keys().collect::<Vec<_>>())
        };
        assert_eq!(
            ports(&["80", "53/udp", "8-9/tcp"]).unwrap(),
            ["53/udp", "8/tcp", "80/tcp", "9/tcp"]
        );
        assert_eq!(
            ports(&["8-9", "9-11", "9", "65535", "8-8/udp"]).unwrap(),
            ["10/tcp", "11/tcp", "65535/tcp", "8/tcp", "8/udp", "9/tcp"]
        );
        assert_eq!(ports(&vec!["1-65535"; 10_000]).unwrap().len(), 65_535);
        assert_eq!(exposed_ports(&[]).unwrap(), None);
        for text in ["", "0", "65536", "80/", "80/icmp", "9-8", "a", "80-", "80/tcp/udp"] {
            assert!(exposed_ports(&[text.into()]).is_err(), "{text}");
        }
    }
}
