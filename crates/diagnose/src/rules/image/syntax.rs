//! `exec-form-shell-syntax` and `command-ignored`: words that only a shell would interpret, and
//! arguments that a shell consumes.

use super::shell;
use crate::code::Code;
use crate::config::ConfigFacts;
use crate::finding::{Finding, Severity};

/// Programs that execute a command line, or words of one.
const SHELLS: [&str; 10] =
    ["sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "fish", "pwsh", "powershell"];
/// Programs that interpret dollar signs, stars or semicolons in their arguments.
const READERS: [&str; 14] = [
    "awk", "gawk", "mawk", "sed", "grep", "egrep", "perl", "ruby", "php", "jq", "envsubst", "eval",
    "xargs", "expr",
];
/// Options whose value is a script or a pattern of the program itself.
const SCRIPT_OPTIONS: [&str; 9] =
    ["-c", "-e", "-E", "-r", "--eval", "--expression", "--execute", "--command", "--regex"];

/// Returns findings for the words of the commands that only a shell would interpret.
pub(super) fn check(config: &ConfigFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let arguments = config.arguments();
    let parts = [("ENTRYPOINT", &config.entrypoint), ("CMD", &config.command)];
    let mut at = 0;
    for (instruction, words) in parts {
        findings.extend(of_command(config, instruction, &arguments, at..at + words.len()));
        at += words.len();
    }
    if let Some(["CMD", words @ ..]) = config
        .healthcheck
        .as_ref()
        .map(|check| check.test.iter().map(String::as_str).collect::<Vec<_>>())
        .as_deref()
    {
        findings.extend(of_command(config, "HEALTHCHECK CMD", words, 0..words.len()));
    }
    findings.extend(ignored(config));
    findings
}

/// Checks the words in `range` of a complete argument vector. An instruction may provide only a
/// part of it.
fn of_command(
    config: &ConfigFacts,
    instruction: &str,
    arguments: &[&str],
    range: std::ops::Range<usize>,
) -> Option<Finding> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    // A shell interprets the words after it. It may come after env, tini or another program that
    // starts programs.
    if arguments.iter().take(range.end).any(|word| SHELLS.contains(&name(word).as_str())) {
        return None;
    }
    let is_reader = arguments.iter().any(|word| READERS.contains(&name(word).as_str()));
    let suspicious = |index: usize| {
        let before = arguments[..index].iter().map(|word| &**word).collect::<Vec<&str>>();
        if index == 0 || before.last().is_some_and(|option| SCRIPT_OPTIONS.contains(option)) {
            return None;
        }
        of_word(config, arguments[index], &before, is_reader).map(|kind| (arguments[index], kind))
    };
    let found: Vec<(&str, Kind)> = range.clone().filter_map(suspicious).collect();
    let worst = found.iter().map(|(_, kind)| *kind).min()?;
    let words: Vec<String> = found.iter().map(|(word, _)| format!("`{word}`")).collect();
    let (words, verb) = (words.join(", "), if words.len() == 1 { "is" } else { "are" });
    let passed = format!(
        "{words} {verb} passed to {} as it stands: the exec form has no shell",
        arguments[0]
    );
    let message = match worst {
        Kind::Operator => passed,
        Kind::Variable => format!("{passed}, and nothing puts a value in its place"),
        Kind::Glob => format!("{passed}, and nothing puts file names in its place"),
    };
    let severity = if worst == Kind::Glob { Severity::Info } else { Severity::Warning };
    let own: Vec<&str> = arguments[range].to_vec();
    let finding = Finding::new(Code::ExecFormShellSyntax, severity, message)
        .evidence(format!("{instruction} {}", shell::exec_form(&own)))
        .fix(fix(instruction, &own, &found));
    Some(if worst == Kind::Operator { finding } else { finding.guessed() })
}

/// The meaning of a word to a shell, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// `&&`, `2>&1`.
    Operator,
    /// `$HOME`, `$(date)`.
    Variable,
    /// `/etc/*.conf`.
    Glob,
}

fn of_word(config: &ConfigFacts, word: &str, before: &[&str], is_reader: bool) -> Option<Kind> {
    let ends_exec =
        || before.iter().any(|option| matches!(*option, "-exec" | "-execdir" | "-ok" | "-okdir"));
    match word {
        "&&" | "||" | "|" | "|&" | ">" | ">>" | "<" | "<<" | "&>" | "&" => {
            return Some(Kind::Operator);
        }
        ";" | ";;" if !ends_exec() => return Some(Kind::Operator),
        _ if is_redirection(word) => return Some(Kind::Operator),
        _ => {}
    }
    if is_reader || ends_exec() {
        return None;
    }
    if is_substituted(config, word) {
        return Some(Kind::Variable);
    }
    is_glob(word).then_some(Kind::Glob)
}

/// `2>&1`, `2>/dev/null`, `>file`, `1>>log`.
fn is_redirection(word: &str) -> bool {
    let rest = word.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = word.len() - rest.len();
    let Some(rest) = rest.strip_prefix(">>").or_else(|| rest.strip_prefix('>')) else {
        return false;
    };
    match rest.strip_prefix('&') {
        Some(target) => {
            target == "-"
                || (!target.is_empty() && target.bytes().all(|byte| byte.is_ascii_digit()))
        }
        // `>=1.2` is a version, and `<name>` a placeholder.
        None => {
            digits <= 2
                && (rest.starts_with('/')
                    || rest.starts_with("./")
                    || (digits == 1 && !rest.is_empty() && !rest.starts_with('=')))
        }
    }
}

/// Reports whether a shell would substitute a variable or a command. Many passwords and patterns
/// contain a dollar sign, so what counts is a name in braces, a name in the environment, or a name
/// in the usual spelling of variables.
fn is_substituted(config: &ConfigFacts, word: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if word.starts_with("~/") || (word.len() > 2 && word.starts_with('`') && word.ends_with('`')) {
        return true;
    }
    word.match_indices('$').any(|(at, _)| {
        if word[..at].ends_with(['\\', '$']) {
            return false;
        }
        let rest = &word[at + 1..];
        if let Some(inner) = rest.strip_prefix('{') {
            return inner.split_once('}').is_some_and(|(inner, _)| {
                let end = inner.find([':', '-', '+', '?', '#', '%', '/']).unwrap_or(inner.len());
                is_name(&inner[..end])
            });
        }
        // `$(NAME)` is the Kubernetes notation for a variable.
        if let Some(inner) = rest.strip_prefix('(') {
            return inner.split_once(')').is_some_and(|(inner, _)| {
                !inner.is_empty() && (inner.contains(' ') || is_name(inner))
            });
        }
        let end =
            rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let name = &rest[..end.unwrap_or(rest.len())];
        let is_written_so = name.len() > 1
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            && !word[..at].ends_with(|before: char| before.is_ascii_alphanumeric());
        is_name(name) && (is_written_so || config.variable(name).is_some())
    })
}

/// A pattern of file names: a path with a star, or `*.` and an extension.
fn is_glob(word: &str) -> bool {
    let is_path = word.starts_with('/') || word.starts_with("./") || word.starts_with("../");
    let ending = word.strip_prefix("*.").is_some_and(|ending| {
        (1..=5).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_lowercase())
            && !matches!(ending, "com" | "org" | "net" | "io" | "dev" | "local")
    });
    ending || (is_path && word.contains('*') && !word.contains("**") && !word.contains(' '))
}

/// Explains what is possible without a shell, and what needs one.
fn fix(instruction: &str, own: &[&str], found: &[(&str, Kind)]) -> String {
    // Any failing exit code of a probe counts, so it need not be changed to 1.
    if let [command @ .., "||", "exit", _] = own
        && found.len() == 1
        && !command.is_empty()
    {
        return format!(
            "leave it out, its exit code is enough: {instruction} {}",
            shell::exec_form(command)
        );
    }
    match found.iter().map(|(_, kind)| *kind).min() {
        Some(Kind::Variable) => {
            "let the program read the environment itself, or write the value; with a shell in the image, the shell form \
             replaces variables"
                .into()
        }
        Some(Kind::Glob) => "name the files, or let the program look for them".into(),
        _ => "do that in the program itself, or in a program that starts both; a shell form needs a shell in the image".into(),
    }
}

/// `command-ignored`: `/bin/sh -c LINE` takes the words after the line as the shell's own
/// parameters.
fn ignored(config: &ConfigFacts) -> Option<Finding> {
    let entrypoint: Vec<&str> = config.entrypoint.iter().map(String::as_str).collect();
    let [program, options @ .., line] = entrypoint.as_slice() else { return None };
    let name = program.rsplit('/').next().unwrap_or_default();
    let takes_line =
        options.last().is_some_and(|option| option.starts_with('-') && option.ends_with('c'));
    if !SHELLS.contains(&name) || !takes_line || config.command.is_empty() || reads_parameters(line)
    {
        return None;
    }
    let advice = match shell::words(line) {
        Some(words) => format!("ENTRYPOINT {}", shell::exec_form(&words)),
        None => {
            "give the command to the program: end the line with \"$@\", and begin CMD with a name for $0".to_owned()
        }
    };
    Some(
        Finding::new(
            Code::CommandIgnored,
            Severity::Warning,
            "the ENTRYPOINT is in shell form: the shell takes the CMD, and what `docker run` is given, for its own \
             parameters, and the program never sees them",
        )
        .evidence(format!("ENTRYPOINT {}", shell::exec_form(&config.entrypoint)))
        .evidence(format!("CMD {}", shell::exec_form(&config.command)))
        .fix(format!("write the entrypoint in exec form: {advice}")),
    )
}

/// Reports whether a shell's line uses its parameters: `"$@"`, `$1`.
fn reads_parameters(line: &str) -> bool {
    let is_parameter = |rest: &str| {
        rest.trim_start_matches('{')
            .starts_with(|first: char| first.is_ascii_digit() || matches!(first, '@' | '*' | '#'))
    };
    line.match_indices('$').any(|(at, _)| is_parameter(&line[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(entrypoint: &[&str], command: &[&str]) -> ConfigFacts {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        ConfigFacts {
            entrypoint: own(entrypoint),
            command: own(command),
            env: vec!["port=1".into()],
            ..ConfigFacts::default()
        }
    }

    #[test]
    fn words_of_a_shell_in_exec_form() {
        for (words, severity, part) in [
            (&["/app", "&&", "/b"][..], Severity::Warning, "`&&`"),
            (&["/app", "||", "exit", "1"], Severity::Warning, "`||`"),
            (&["/app", "|", "tee", "/log"], Severity::Warning, "`|`"),
            (&["/app", "a", ";", "b"], Severity::Warning, "`;`"),
            (&["/app", ">", "/log", "2>&1"], Severity::Warning, "`>`, `2>&1`"),
            (&["/app", "2>/dev/null"], Severity::Warning, "`2>/dev/null`"),
            (&["/app", "&"], Severity::Warning, "`&`"),
            (&["/app", "--port=$PORT"], Severity::Warning, "`--port=$PORT`"),
            (&["/app", "${HOME}/x", "$port"], Severity::Warning, "`${HOME}/x`, `$port`"),
            (&["/app", "${A:-b}"], Severity::Warning, "${A:-b}"),
            (&["/app", "$(hostname)"], Severity::Warning, "hostname"),
            (&["/app", "`date`"], Severity::Warning, "date"),
            (&["/app", "~/conf"], Severity::Warning, "~/conf"),
            (&["tini", "--", "/app", "$HOME"], Severity::Warning, "$HOME"),
            (&["/app", "/etc/conf.d/*.toml"], Severity::Info, "*.toml"),
            (&["/app", "*.conf"], Severity::Info, "*.conf"),
        ] {
            let found = check(&config(words, &[]));
            assert_eq!(found.len(), 1, "{words:?}: {found:?}");
            assert!(
                found[0].message.contains(part) && found[0].severity == severity,
                "{words:?}: {found:?}"
            );
        }
    }

    #[test]
    fn words_that_only_look_like_a_shells() {
        for words in [
            &["/app", "serve"][..],
            &["/bin/sh", "-c", "/app && /b > /log $HOME"],
            &["/bin/bash", "-ec", "a | b"],
            &["tini", "--", "sh", "-c", "exec /app $HOME"],
            &["/bin/busybox", "sh", "-c", "a; b"],
            &["find", "/tmp", "-exec", "rm", "{}", ";"],
            &["python", "-c", "import os; print(os.environ)"],
            &["awk", "{print $NF}"],
            &["perl", "-e", "print $ENV{HOME}"],
            &["envsubst", "$HOST $PORT"],
            &["/app", "--match", "^foo$"],
            &["/app", "--password", "pa$sw0rd$"],
            &["/app", "--hash", "$2b$12$KIXabc"],
            &["/app", "--hash", "$apr1$x$y"],
            &["/app", "pa$WORD"],
            &["/app", "\\$HOME"],
            &["/app", "$$HOME"],
            &["/app", "--listen", "*:80"],
            &["/app", "*"],
            &["/app", "--cron", "*/5 * * * *"],
            &["/app", "--allow", "*.example.com"],
            &["/app", "--allow", "*.com"],
            &["/app", ">=1.2"],
            &["/app", "<name>"],
            &["/app", "a->b"],
            &["nginx", "-g", "daemon off;"],
            &["/app", "a&b", "x|y"],
            &["/app", "--include=**/*.go"],
        ] {
            let found = check(&config(words, &[]));
            assert!(found.is_empty(), "{words:?}: {found:?}");
        }
    }

    #[test]
    fn a_command_that_a_shell_takes_for_itself() {
        let found = |entrypoint: &[&str], command: &[&str]| {
            check(&config(entrypoint, command))
                .into_iter()
                .any(|finding| finding.code == Code::CommandIgnored)
        };
        assert!(found(&["/bin/sh", "-c", "/app"], &["--port", "80"]));
        assert!(found(&["/bin/bash", "-o", "pipefail", "-c", "exec /app"], &["x"]));
        assert!(!found(&["/bin/sh", "-c", "/app"], &[]));
        assert!(!found(&["/bin/sh", "-c", "exec /app \"$@\"", "--"], &["x"]));
        assert!(!found(&["/bin/sh", "-c", "exec /app \"$@\""], &["x"]));
        assert!(!found(&["/bin/sh", "/entry.sh"], &["x"]));
        assert!(!found(&["/app"], &["x"]));
    }

    #[test]
    fn a_probe_needs_no_exit() {
        let test = ["CMD", "/app", "probe", "||", "exit", "1"].map(str::to_owned).to_vec();
        let healthcheck = Some(crate::config::Healthcheck { test });
        let found = check(&ConfigFacts { healthcheck, ..config(&["/app"], &[]) });
        assert!(
            found[0].fix.as_deref().unwrap().ends_with("HEALTHCHECK CMD [\"/app\", \"probe\"]"),
            "{found:?}"
        );
    }
}
