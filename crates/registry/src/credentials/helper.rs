//! Credential helpers: `docker-credential-NAME` programs, each asked for one registry
//! (docker-credential-helpers).

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use scratchdbg_secrets::{Limits, Secret, answer, ended};
use serde::Deserialize;
use tokio::process::Command;

use super::{Credential, CredentialError};

/// The longest accepted output, more than any token.
const LONGEST_ANSWER: u64 = 1024 * 1024;
/// The text that helpers print if they have no credential.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Other messages of the protocol.
const KNOWN: [&str; 4] = [
    "no credentials server URL",
    "no credentials username",
    "credentials store is not initialized",
    "Unknown credential action `get`",
];

/// Not `Debug`: it contains a password.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks the helper `name` for the credential of `key`.
pub(super) async fn ask(
    name: &str,
    key: &str,
    timeout: Duration,
) -> Result<Option<Credential>, CredentialError> {
    let program = format!("docker-credential-{name}");
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(CredentialError::Helper {
            program,
            reason: "has no name that a program can have".into(),
        });
    }
    run(Path::new(&program), key, timeout).await
}

/// Runs a helper. The registry's name is written to its standard input, as the protocol requires,
/// so that no shell interprets it.
pub(super) async fn run(
    program: &Path,
    key: &str,
    timeout: Duration,
) -> Result<Option<Credential>, CredentialError> {
    let failed =
        |reason: String| CredentialError::Helper { program: program.display().to_string(), reason };
    let mut command = Command::new(program);
    command.arg("get").stderr(Stdio::null());
    let limits = Limits { time: Some(timeout), output: LONGEST_ANSWER, has_own_group: false };
    let answered = answer(command, Some(key.as_bytes()), limits).await;
    let answered = answered.map_err(|error| failed(error.to_string()))?;
    let output = answered.output;
    if !answered.status.success() {
        // Nothing else of the output is shown: a secret may be in it.
        let said = String::from_utf8_lossy(&output);
        if said.contains(NOT_FOUND) {
            return Ok(None);
        }
        let known = KNOWN.iter().find(|known| said.trim() == **known);
        return Err(failed(
            known.map_or_else(|| ended(answered.status), |known| format!("failed: {known}")),
        ));
    }
    let answer: Answer =
        serde_json::from_slice(&output).map_err(|_| failed("answers with no JSON".into()))?;
    let secret = Secret::new(answer.secret);
    Ok(match answer.username.as_str() {
        "" if secret.reveal().is_empty() => None,
        // Docker's marker for an identity token.
        "<token>" => Some(Credential::Identity(secret)),
        _ => Some(Credential::Login { username: answer.username, password: secret }),
    })
}
