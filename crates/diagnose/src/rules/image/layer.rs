//! Rules for single entries of a layer: `setuid-file`, `secret-in-image`, `duplicate-path`.

use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::rootfs::{Entry, EntryKind};

/// How many bytes of a file's beginning [`secret_content`] examines.
pub const SECRET_WINDOW: usize = 4096;

/// A path that occurs twice in one layer, which the image specification forbids: Docker refuses to
/// load it ("duplicates of file paths not supported").
pub fn duplicate_path(layer: &str, path: &str) -> Finding {
    Finding::new(
        Code::DuplicatePath,
        Severity::Error,
        format!("{path} stands twice in one layer: Docker and Podman refuse the image (\"duplicates of file paths not supported\")"),
    )
    .evidence(format!("layer {layer}: {path}"))
    .fix("build the layer again with each path once; a later layer may replace what an earlier one has")
}

/// A hard link to a file that is not earlier in its layer, nor in a lower one.
pub fn hard_link(path: &str, target: &str) -> Finding {
    let message = if path == target {
        format!("{path} is a hard link to itself: no engine can unpack the layer")
    } else {
        format!(
            "{path} is a hard link to {target}, which is no file before it: no engine can unpack the layer"
        )
    };
    Finding::new(Code::HardLinkBroken, Severity::Error, message)
        .evidence(format!("{path}: hard link to {target}"))
        .fix("build the layer again with the file before its links, as tar does by itself")
}

/// A hard link to a file that only a lower layer has. Engines unpack each layer into a directory of
/// its own.
pub fn hard_link_to_lower_layer(path: &str, target: &str) -> Finding {
    Finding::new(
        Code::HardLinkBroken,
        Severity::Error,
        format!(
            "{path} is a hard link to {target}, which is in a lower layer: Docker and Podman unpack each layer alone, and \
             refuse it (\"link {target} {path}: no such file or directory\")"
        ),
    )
    .evidence(format!("{path}: hard link to {target}"))
    .evidence(format!("{target} is in a lower layer, and not in the link's"))
    .fix("build the layer again with the file itself before its links, or with a symbolic link")
}

/// A file that runs with the rights of its owner or group.
pub fn setuid(path: &str, entry: &Entry) -> Option<Finding> {
    let EntryKind::File { .. } = entry.kind else { return None };
    // Without the group's execute bit, setgid once meant mandatory locking and grants nothing.
    let (bits, rights) = match (entry.mode & 0o4000 != 0, entry.mode & 0o2010 == 0o2010) {
        (true, _) => ("setuid", format!("user {}", entry.uid)),
        (false, true) => ("setgid", format!("group {}", entry.gid)),
        (false, false) => return None,
    };
    Some(
        Finding::new(
            Code::SetuidFile,
            Severity::Warning,
            format!("{path} is {bits}: whoever executes it gets the rights of {rights}"),
        )
        .evidence(format!(
            "{path}: mode {:04o}, owner {}:{}",
            entry.mode & 0o7777,
            entry.uid,
            entry.gid
        ))
        .fix(format!(
            "take the bit off ({}) and run with no-new-privileges",
            if bits == "setuid" { "chmod u-s" } else { "chmod g-s" }
        )),
    )
}

/// Files that contain secrets by their purpose: the end of a path, and a description.
const SECRET_FILES: &[(&str, &str)] = &[
    ("/.ssh/id_rsa", "an SSH private key"),
    ("/.ssh/id_ed25519", "an SSH private key"),
    ("/.ssh/id_ecdsa", "an SSH private key"),
    ("/.aws/credentials", "AWS credentials"),
    ("/.docker/config.json", "registry credentials"),
    ("/.kube/config", "Kubernetes credentials"),
    ("/.netrc", "passwords for network hosts"),
    ("/.git-credentials", "git credentials"),
    ("/.npmrc", "npm credentials"),
    ("/.pypirc", "PyPI credentials"),
    ("/.cargo/credentials.toml", "cargo registry credentials"),
    ("/.pgpass", "PostgreSQL passwords"),
    ("/.vault-token", "a Vault token"),
    ("/.env", "environment settings, which often hold passwords"),
    ("/application_default_credentials.json", "Google Cloud credentials"),
];

/// A file whose name indicates a secret.
pub fn secret_path(path: &str, entry: &Entry) -> Option<Finding> {
    let EntryKind::File { size: 1.., .. } = entry.kind else { return None };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let (_, what) = SECRET_FILES.iter().find(|(end, _)| path.ends_with(end))?;
    Some(secret(&path, what, format!("{path} is a regular file")).guessed())
}

/// A file that contains a private key in its first [`SECRET_WINDOW`] bytes.
pub fn secret_content(path: &str, head: &[u8]) -> Option<Finding> {
    let head = &head[..head.len().min(SECRET_WINDOW)];
    // A program that reads keys contains the marker too, but not at the beginning of a line of
    // text.
    let text =
        str::from_utf8(head).or_else(|error| str::from_utf8(&head[..error.valid_up_to()])).ok()?;
    let line = text.lines().map(str::trim).find(|line| {
        line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----") && line.len() < 64
    })?;
    Some(secret(path, "a private key", format!("{path}: {line}")))
}

fn secret(path: &str, what: &str, evidence: String) -> Finding {
    Finding::new(
        Code::SecretInImage,
        Severity::Warning,
        format!("{path} looks like {what}: everyone who can pull the image can read it"),
    )
    .evidence(evidence)
    .fix("keep it out of the image and mount it at run time; a secret that was published once must be replaced")
}

/// Words that indicate a secret in the name of an environment variable.
const SECRET_WORDS: &[&str] = &["PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIALS", "APIKEY"];
/// Pairs of words that indicate one.
const SECRET_PAIRS: &[(&str, &str)] =
    &[("API", "KEY"), ("PRIVATE", "KEY"), ("ACCESS", "KEY"), ("SIGNING", "KEY")];

/// Environment entries whose name indicates a secret. Their values are not shown.
pub(super) fn secrets_in_environment(env: &[String]) -> Vec<Finding> {
    env.iter()
        .filter_map(|entry| entry.split_once('='))
        .filter(|(name, value)| !value.is_empty() && names_a_secret(name, value))
        .map(|(name, value)| {
            secret(
                &format!("the environment variable {name}"),
                "a secret",
                format!("Env: {name}, a value of {} bytes", value.len()),
            )
            .guessed()
        })
        .collect()
}

fn names_a_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split('_').collect();
    // NAME_FILE and NAME_PATH contain the path of a mounted secret. Flags and paths are not secrets
    // either.
    let last = words.last().copied().unwrap_or_default();
    if matches!(last, "FILE" | "PATH" | "DIR" | "URL" | "NAME" | "TTL" | "ID" | "LENGTH" | "HEADER")
        || value.starts_with('/')
        || matches!(value, "true" | "false" | "0" | "1")
    {
        return false;
    }
    words.iter().any(|word| SECRET_WORDS.contains(word))
        || words.windows(2).any(|pair| SECRET_PAIRS.contains(&(pair[0], pair[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setuid_files() {
        for (entry, found) in [
            (Entry::file(0o4755, 1), true),
            (Entry::file(0o2755, 1), true),
            (Entry::file(0o2644, 1), false),
            (Entry::file(0o755, 1), false),
            (Entry::directory(0o2755), false),
            (Entry::directory(0o1777), false),
        ] {
            assert_eq!(setuid("/bin/su", &entry).is_some(), found, "{entry:?}");
        }
    }

    #[test]
    fn secrets_by_path() {
        for (path, size, found) in [
            ("root/.ssh/id_rsa", 9, true),
            ("/home/a/.docker/config.json", 9, true),
            (".env", 9, true),
            ("/app/.env", 0, false),
            ("/app/config.json", 9, false),
            ("/root/.ssh/id_rsa.pub", 9, false),
            ("/app/x.env", 9, false),
        ] {
            assert_eq!(secret_path(path, &Entry::file(0o600, size)).is_some(), found, "{path}");
        }
    }

    #[test]
    fn secrets_by_content() {
        for (head, found) in [
            (&b"-----BEGIN RSA PRIVATE KEY-----\nMII"[..], true),
            (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", true),
            (b"Bag Attributes\n-----BEGIN PRIVATE KEY-----\n", true),
            (b"-----BEGIN CERTIFICATE-----\n", false),
            (b"-----BEGIN PUBLIC KEY-----\n", false),
            (b"\x7fELF\x02\x01\xff-----BEGIN PRIVATE KEY-----\n", false),
            (b"if line == \"-----BEGIN PRIVATE KEY-----\" {\n", false),
        ] {
            assert_eq!(
                secret_content("/k", head).is_some(),
                found,
                "{:?}",
                String::from_utf8_lossy(head)
            );
        }
    }

    #[test]
    fn secrets_in_environment_entries() {
        for (entry, found) in [
            ("DB_PASSWORD=hunter2", true),
            ("GITHUB_TOKEN=ghp_x", true),
            ("AWS_SECRET_ACCESS_KEY=x", true),
            ("STRIPE_API_KEY=sk_x", true),
            ("DB_PASSWORD_FILE=/run/secrets/db", false),
            ("DB_PASSWORD=", false),
            ("TOKEN_TTL=3600", false),
            ("API_KEY_HEADER=X-Api", false),
            ("SECRETARY=bob", false),
            ("GOOGLE_CREDENTIALS=/run/x.json", false),
            ("KEY=1234", false),
            ("PATH=/bin", false),
        ] {
            let findings = secrets_in_environment(&[entry.to_owned()]);
            assert_eq!(!findings.is_empty(), found, "{entry}");
            assert!(!format!("{findings:?}").contains("hunter2"));
        }
    }
}
